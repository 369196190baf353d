"""Nonin 3230 and 3150 over BLE: one value a second.

    46a970e0-0d5f-11e2-8b5e-0002a5d5c51b  service
    0aad7ea0-0d60-11e2-8e3c-0002a5d5c51b  notify
      | 0A | status u8 | battery 0.1 V | perfusion u16 BE 0.01 % | counter u16 BE | SpO2 |
      | pulse rate u16 BE |             SpO2 7F, pulse rate 01FF = missing
      status: 40 encrypted, 20 low battery, 10 finger placed, 08 searching, 04 SmartPoint,
              02 low or weak signal

Source: Nonin document 113142-000-02 Rev B as cited by maurovm/swift-async_pulse_ox; to be confirmed
with a capture. Some models want bonding; encrypted values are refused.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntFlag

from teleward_drivers.ble.battery import battery_parts
from teleward_drivers.device import Discarded, DriverInfo, LinkType, Output, Verification
from teleward_drivers.fields import Malformed
from teleward_drivers.gatt import GattDriver, Simple
from teleward_drivers.link import Received
from teleward_drivers.options import no_options
from teleward_drivers.oximeter_stream import STEP_LIMITS
from teleward_drivers.plausible import SlewLimit, measurement
from teleward_signal.model import DeviceStatus

SERVICE = "46a970e0-0d5f-11e2-8b5e-0002a5d5c51b"
NOTIFY = "0aad7ea0-0d60-11e2-8e3c-0002a5d5c51b"
_LAYOUT = struct.Struct(">BBBHHBH")
NO_SPO2, NO_PULSE = 127, 511
ENCRYPTED = 0x40


class Status(IntFlag):
    """The signal status that the oximeter reports."""

    WEAK_SIGNAL = 0x02
    SMARTPOINT = 0x04
    SEARCHING = 0x08
    CORRECT_CHECK = 0x10
    LOW_BATTERY = 0x20


@dataclass(frozen=True, slots=True)
class NoninValues:
    """One value; a number that is missing is ``None``."""

    spo2: int | None
    pulse_rate: int | None
    perfusion_index: float
    counter: int
    battery_v: float
    status: int = Status.CORRECT_CHECK

    @classmethod
    def from_bytes(cls, data: bytes) -> "NoninValues":
        """Decode a value; longer ones of later models are read as far as known."""
        if len(data) < _LAYOUT.size or data[0] != len(data):
            raise Malformed("length")
        _, status, volts, index, counter, spo2, pulse = _LAYOUT.unpack_from(data)
        return cls(
            None if spo2 == NO_SPO2 else spo2,
            None if pulse == NO_PULSE else pulse,
            index / 100,
            counter,
            volts / 10,
            status,
        )

    def __bytes__(self) -> bytes:
        return _LAYOUT.pack(
            _LAYOUT.size,
            self.status,
            round(self.battery_v * 10),
            round(self.perfusion_index * 100),
            self.counter,
            NO_SPO2 if self.spo2 is None else self.spo2,
            NO_PULSE if self.pulse_rate is None else self.pulse_rate,
        )


class NoninOximeter(Simple):
    """The service as a part of a driver."""

    def __init__(self) -> None:
        super().__init__({NOTIFY: self._notified})
        self._slew = SlewLimit(STEP_LIMITS)
        self._counter: int | None = None
        self._faults: frozenset[str] = frozenset()

    def _notified(self, received: Received) -> Iterable[Output]:
        value = NoninValues.from_bytes(received.data)
        if value.status & ENCRYPTED:
            raise Malformed("encrypted")
        if value.counter == self._counter:
            yield Discarded(len(received.data), "duplicate")
            return
        self._counter = value.counter
        status = Status(value.status & 0x3E)
        faults = frozenset({"low_battery"}) if Status.LOW_BATTERY in status else frozenset[str]()
        if faults != self._faults:
            self._faults = faults
            yield DeviceStatus(faults=faults)
        quality = 0.4 if Status.WEAK_SIGNAL in status else None
        for metric, number in (("spo2", value.spo2), ("pulse_rate", value.pulse_rate)):
            if Status.SEARCHING in status:
                yield measurement(metric, None, "searching")
            else:
                extra = {"quality": quality, **self._slew(metric, number)}
                yield measurement(metric, number, **extra)
        if value.spo2 is not None and value.perfusion_index:
            yield measurement("perfusion_index", value.perfusion_index)


def make() -> GattDriver:
    """Return a driver."""
    return GattDriver([NoninOximeter(), *battery_parts()])


DRIVER = DriverInfo(
    name="nonin-ble",
    title="Nonin 3230 and 3150 oximeter",
    link=LinkType.BLE,
    verification=Verification.SIMULATOR,
    source="Nonin document 113142-000-02 as cited by public drivers; needs a capture",
    make=no_options("nonin-ble", make),
    metrics=frozenset({"spo2", "pulse_rate", "perfusion_index"}),
    services=frozenset({SERVICE}),
    names=("Nonin3230", "Nonin3150"),
)
