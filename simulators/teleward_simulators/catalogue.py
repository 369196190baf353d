"""The kinds of simulated device by name; modules are imported when a kind is first used."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from teleward_simulators.ble.peripheral import Peripheral
    from teleward_simulators.wired.serial_device import SerialDevice

BLE: dict[str, str] = {
    "blood-pressure": "ble.blood_pressure:BloodPressure",
    "framed-patch": "ble.framed_patch:FramedPatch",
    "heart-rate": "ble.heart_rate:HeartRate",
    "link-bench": "ble.link_bench:LinkBench",
    "pulse-oximeter": "ble.pulse_oximeter:PulseOximeter",
    "thermometer": "ble.thermometer:Thermometer",
}
WIRED: dict[str, str] = {
    "cms50d": "wired.cms50d:Cms50d",
    "framed-serial": "wired.framed_serial:FramedSerial",
}
"""Kind -> module and class, below this package."""


def ble_kind(kind: str) -> "type[Peripheral]":
    """Return the class of a BLE kind; ValueError names the kinds there are."""
    return _load(BLE, kind)


def wired_kind(kind: str) -> "type[SerialDevice]":
    """Return the class of a serial kind; ValueError names the kinds there are."""
    return _load(WIRED, kind)


def _load(table: dict[str, str], kind: str) -> type:
    if kind not in table:
        raise ValueError(f"no simulated device {kind!r}: there are {', '.join(sorted(table))}")
    module, _, name = table[kind].partition(":")
    found: type = getattr(importlib.import_module(f"teleward_simulators.{module}"), name)
    return found
