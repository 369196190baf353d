"""Jumper JPD-500F "My Oximeter".

    cdeacb80-5235-4c07-8846-93a37ee6b86d  service
    cdeacb81-5235-4c07-8846-93a37ee6b86d  notify
      | 81 | pulse rate | SpO2 | perfusion index x 10 |       FF, 7F = none
      | 80 | waveform ...                             |       scale unknown: not used

Source: public drivers and the capture 81 38 63 44 = 56/min, 99 %. The scale of the perfusion index
is not documented.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from teleward_drivers.ble.battery import battery_parts
from teleward_drivers.device import DriverInfo, LinkType, Output, Verification
from teleward_drivers.fields import Malformed
from teleward_drivers.gatt import GattDriver, Simple
from teleward_drivers.link import Received
from teleward_drivers.options import no_options
from teleward_drivers.oximeter_stream import STEP_LIMITS
from teleward_drivers.plausible import SlewLimit, measurement

SERVICE = "cdeacb80-5235-4c07-8846-93a37ee6b86d"
NOTIFY = "cdeacb81-5235-4c07-8846-93a37ee6b86d"
VALUES, WAVEFORM = 0x81, 0x80
NO_PULSE, NO_SPO2 = 0xFF, 0x7F


@dataclass(frozen=True, slots=True)
class JumperValues:
    """One value of type 81; a number that is missing is ``None``."""

    pulse_rate: int | None
    spo2: int | None
    perfusion_index: float

    @classmethod
    def from_bytes(cls, data: bytes) -> "JumperValues":
        """Decode a value."""
        if len(data) != 4 or data[0] != VALUES:
            raise Malformed("length")
        _, pulse, spo2, index = data
        return cls(
            None if pulse in (0, NO_PULSE) else pulse,
            None if spo2 in (0, NO_SPO2) else spo2,
            index / 10,
        )

    def __bytes__(self) -> bytes:
        pulse = NO_PULSE if self.pulse_rate is None else self.pulse_rate
        spo2 = NO_SPO2 if self.spo2 is None else self.spo2
        return bytes([VALUES, pulse, spo2, round(self.perfusion_index * 10)])


class Jumper(Simple):
    """The service as a part of a driver."""

    def __init__(self) -> None:
        super().__init__({NOTIFY: self._notified})
        self.values = frozenset({NOTIFY})
        self._slew = SlewLimit(STEP_LIMITS)

    def _notified(self, received: Received) -> Iterable[Output]:
        if received.data[:1] == bytes([WAVEFORM]):
            return
        value = JumperValues.from_bytes(received.data)
        for metric, number in (("spo2", value.spo2), ("pulse_rate", value.pulse_rate)):
            yield measurement(metric, number, **self._slew(metric, number))
        if value.spo2 is not None and value.perfusion_index:
            yield measurement("perfusion_index", value.perfusion_index)


def make() -> GattDriver:
    """Return a driver."""
    return GattDriver([Jumper(), *battery_parts()])


DRIVER = DriverInfo(
    name="jumper",
    title="Jumper JPD-500F oximeter",
    link=LinkType.BLE,
    verification=Verification.CAPTURE,
    source="public capture 81386344; perfusion scale not documented",
    make=no_options("jumper", make),
    metrics=frozenset({"spo2", "pulse_rate", "perfusion_index"}),
    services=frozenset({SERVICE}),
    names=("My Oximeter",),
)
