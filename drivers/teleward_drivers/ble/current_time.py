"""Current Time service 0x1805 and Date Time: set the clock of a device after connecting.

    0x2A2B read, write  | year u16 | month | day | hour | minute | second | weekday, 1 = Monday |
                        | fraction u8, 1/256 s | reason u8 |
    0x2A08 write        | year u16 | month | day | hour | minute | second |      A&D cuffs

A gateway cannot serve this service (bleak has no server); most devices take a write instead.
Source: Bluetooth SIG CTS 1.1 and GSS.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from teleward_drivers.device import DriverInfo, LinkType, Output, Verification, Write
from teleward_drivers.fields import DateTime, Fields, Malformed
from teleward_drivers.gatt import GattDriver, Simple, uuid16
from teleward_drivers.link import Received
from teleward_drivers.options import read_options
from teleward_signal.model import DeviceStatus

SERVICE = uuid16(0x1805)
CURRENT_TIME = uuid16(0x2A2B)
DATE_TIME = uuid16(0x2A08)
MANUAL_UPDATE, EXTERNAL_UPDATE = 1, 2
WRONG_CLOCK_NS = 120_000_000_000
"""Two minutes: a reading's minute is then still right."""


@dataclass(frozen=True, slots=True)
class CurrentTime:
    """One value of 0x2A2B; ``weekday`` 1 is Monday, 0 unknown."""

    date_time: DateTime
    weekday: int = 0
    fraction: int = 0
    reason: int = 0

    @classmethod
    def from_bytes(cls, data: bytes) -> "CurrentTime":
        """Decode a value."""
        fields = Fields(data)
        value = cls(fields.date_time(), fields.uint(1), fields.uint(1), fields.uint(1))
        if value.weekday > 7 or fields.left:
            raise Malformed("reserved_value" if value.weekday > 7 else "length")
        return value

    def __bytes__(self) -> bytes:
        return bytes(self.date_time) + bytes([self.weekday, self.fraction, self.reason])

    @classmethod
    def at(cls, utc_ns: int, utc_offset_minutes: int = 0) -> "CurrentTime":
        """Return the value to write at ``utc_ns``."""
        clock = DateTime.from_ns(utc_ns, utc_offset_minutes)
        weekday = date(clock.year, clock.month, clock.day).isoweekday()
        fraction = utc_ns % 1_000_000_000 * 256 // 1_000_000_000
        return cls(clock, weekday, fraction, EXTERNAL_UPDATE)


class ClockSetting(Simple):
    """Write the time after connecting, and report when the device's clock was wrong.

    Put it behind the parts that subscribe. The clock is read before it is set, so that readings
    from the memory can be told to be off by as much.
    """

    def __init__(self, utc_offset_minutes: int = 0) -> None:
        super().__init__({}, {CURRENT_TIME: self._told}, optional=True)
        self._offset = utc_offset_minutes

    def start(self, now_ns: int) -> Iterable[Output]:
        """Read the clock, then set it, in both ways that devices know."""
        yield from super().start(now_ns)
        now = CurrentTime.at(now_ns, self._offset)
        yield Write(bytes(now), CURRENT_TIME, optional=True)
        yield Write(bytes(now.date_time), DATE_TIME, optional=True)

    def _told(self, received: Received) -> Iterable[Output]:
        clock = CurrentTime.from_bytes(received.data).date_time
        device_ns = clock.to_ns(self._offset)
        if device_ns is None:
            yield DeviceStatus(faults=frozenset({"clock_not_set"}))
            return
        off_ns = device_ns - received.time_ns
        wrong = {"clock_wrong"} if abs(off_ns) > WRONG_CLOCK_NS else set[str]()
        off = {"clock_was_off_s": str(round(off_ns / 1e9))}
        yield DeviceStatus(faults=frozenset(wrong), identity=off)


def make(options: dict[str, object]) -> GattDriver:
    """Return a driver that does nothing but set the clock."""
    chosen = read_options("current-time", options, {"utc_offset_minutes": (int, 0)})
    return GattDriver([ClockSetting(chosen["utc_offset_minutes"])])


DRIVER = DriverInfo(
    name="current-time",
    title="Clock of a device (Bluetooth Current Time service)",
    link=LinkType.BLE,
    verification=Verification.SPEC,
    source="Bluetooth SIG CTS 1.1, GSS 0x2A2B",
    make=make,
    metrics=frozenset(),
    services=frozenset({SERVICE}),
    silence_s=0,
    options={"utc_offset_minutes": "how far the device's clock is ahead of UTC (0)"},
)
