"""The kinds of simulated device by name; modules are imported when a kind is first used."""

import importlib
from typing import TYPE_CHECKING

from teleward_signal.errors import Invalid

if TYPE_CHECKING:
    from teleward_simulators.ble.peripheral import Peripheral
    from teleward_simulators.wired.serial_device import SerialDevice

BLE: dict[str, str] = {
    "berrymed": "ble.vendor_oximeters:BerryMed",
    "blood-pressure": "ble.blood_pressure:BloodPressure",
    "body-composition": "ble.scales:BodyCompositionScale",
    "cgm": "ble.glucose:GlucoseSensor",
    "framed-patch": "ble.framed_patch:FramedPatch",
    "glucose": "ble.glucose:GlucoseMeter",
    "health-sensor": "ble.health_sensor:HealthSensor",
    "heart-rate": "ble.heart_rate:HeartRate",
    "home-cuff": "ble.home_cuff:HomeCuff",
    "jumper": "ble.vendor_oximeters:Jumper",
    "link-bench": "ble.link_bench:LinkBench",
    "mi-scale": "ble.mi_scale:MiScale",
    "nonin-ble": "ble.vendor_oximeters:NoninBle",
    "pc60fw": "ble.pc60fw:Pc60fw",
    "polar-h10": "ble.polar:Polar",
    "polar-verity": "ble.verity_sense:VeritySense",
    "pulse-oximeter": "ble.pulse_oximeter:PulseOximeter",
    "spot-oximeter": "ble.spot_oximeter:SpotOximeter",
    "taidoc": "ble.taidoc:TaiDoc",
    "thermometer": "ble.thermometer:Thermometer",
    "viatom": "ble.vendor_oximeters:Viatom",
    "weight-scale": "ble.scales:WeightScale",
}
WIRED: dict[str, str] = {
    "bci": "wired.bci:BciModule",
    "cms50": "wired.bci:Cms50",
    "cms50d": "wired.cms50d:Cms50d",
    "cyton": "wired.wave_boards:Cyton",
    "framed-serial": "wired.framed_serial:FramedSerial",
    "healthypi": "wired.wave_boards:HealthyPi",
    "masimo": "wired.masimo:Masimo",
    "nellcor": "wired.nellcor:Nellcor",
    "nonin": "wired.nonin:Nonin",
    "sketch": "wired.sketch:Sketch",
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
        raise Invalid(f"no simulated device {kind!r}: there are {', '.join(sorted(table))}")
    module, _, name = table[kind].partition(":")
    found: type = getattr(importlib.import_module(f"teleward_simulators.{module}"), name)
    return found
