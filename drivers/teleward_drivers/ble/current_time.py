"""Current Time service 0x1805 and Date Time: set the clock of a device after connecting.

    0x2A2B read, write  | year u16 | month | day | hour | minute | second | weekday, 1 = Monday |
                        | fraction u8, 1/256 s | reason u8 |
    0x2A08 read, write  | year u16 | month | day | hour | minute | second |      A&D cuffs

A gateway cannot serve this service (bleak has no server); most devices take a write instead.
Source: Bluetooth SIG CTS 1.1 and GSS.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from teleward_drivers.device import DriverInfo, LinkType, Output, Request, Verification, Write
from teleward_drivers.device_calendar import (
    OFFSET_TEXT,
    WRONG_CLOCK_NS,
    Calendar,
    local_offset_minutes,
)
from teleward_drivers.fields import DateTime, Fields, Malformed
from teleward_drivers.gatt import GattDriver, Handler, Part, Simple, uuid16
from teleward_drivers.link import Received
from teleward_drivers.options import read_options
from teleward_signal.model import ClockReading, DeviceStatus

SERVICE = uuid16(0x1805)
CURRENT_TIME = uuid16(0x2A2B)
DATE_TIME = uuid16(0x2A08)
MANUAL_UPDATE, EXTERNAL_UPDATE = 1, 2


@dataclass(frozen=True, slots=True)
class CurrentTime:
    """One value of 0x2A2B; ``weekday`` 1 is Monday, 0 unknown."""

    date_time: DateTime
    weekday: int = 0
    fraction: int = 0
    reason: int = 0

    @classmethod
    def from_bytes(cls, data: bytes | Fields) -> "CurrentTime":
        """Decode a value."""
        fields = Fields.of(data)
        value = cls(fields.date_time(), fields.uint(1), fields.uint(1), fields.uint(1))
        if value.weekday > 7:
            raise Malformed("reserved_value")
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


class DeviceCalendar(Calendar, Simple):
    """The calendar of a device, read at connect, and the stamps of its readings.

    Put it first, so that the clock is read before anything sets it. ``utc_offset_minutes`` is
    how far the calendar is ahead of UTC, ``None`` when that is unknown.
    """

    def __init__(self, utc_offset_minutes: int | None = None) -> None:
        Calendar.__init__(self, utc_offset_minutes)
        asked: dict[str, Handler] = {CURRENT_TIME: self._current, DATE_TIME: self._date_time}
        Simple.__init__(self, {}, asked, optional=True)
        self._channel = ""

    def _current(self, received: Received) -> Iterable[Output]:
        return self._answered(CurrentTime.from_bytes(received.data).date_time, received)

    def _date_time(self, received: Received) -> Iterable[Output]:
        return self._answered(Fields(received.data).date_time(), received)

    def _answered(self, moment: DateTime, received: Received) -> Iterable[Output]:
        if self._channel not in ("", received.channel):
            return  # the same clock, by its second characteristic
        reading = ClockReading(moment.to_ns(), received.time_ns, received.monotonic_ns)
        if self.clock is None:  # the first answer: asked for before anything was written
            self.clock, self._channel = reading, received.channel
        else:
            self.clock_set = reading
        yield self._status(moment, reading)

    def _status(self, moment: DateTime, reading: ClockReading) -> DeviceStatus:
        device_ns = self.utc_ns(moment, reading.time_ns)
        if device_ns is None:
            return DeviceStatus(faults=frozenset({"clock_not_set"}), clock=reading)
        off_ns = device_ns - reading.time_ns
        wrong = {"clock_wrong"} if abs(off_ns) > WRONG_CLOCK_NS else set[str]()
        off = {} if reading is self.clock_set else {"clock_was_off_s": str(round(off_ns / 1e9))}
        return DeviceStatus(faults=frozenset(wrong), identity=off, clock=reading)


class ClockSetting(Part):
    """Set the clock of a device in both ways that devices know, and read what it shows then.

    Put it last: what a device has in memory was stamped by the clock of before.
    """

    def __init__(self, calendar: DeviceCalendar) -> None:
        super().__init__()
        self._calendar = calendar

    def start(self, now_ns: int) -> Iterable[Output]:
        """Write the time of the device's zone, or of this machine's when that is unknown."""
        offset = self._calendar.offset_minutes
        if offset is None:
            offset = local_offset_minutes(now_ns)
        now = CurrentTime.at(now_ns, offset)
        yield Write(bytes(now), CURRENT_TIME, optional=True)
        yield Write(bytes(now.date_time), DATE_TIME, optional=True)
        yield Request(CURRENT_TIME, optional=True)
        yield Request(DATE_TIME, optional=True)


def clock_parts(calendar: DeviceCalendar, set_clock: bool) -> list[Part]:
    """Return the parts that end a driver's start: the clock's setting, when it is wanted."""
    return [ClockSetting(calendar)] if set_clock else []


def make(options: dict[str, object]) -> GattDriver:
    """Return a driver that does nothing but set the clock."""
    chosen = read_options("current-time", options, {"utc_offset_minutes": (int, None)})
    calendar = DeviceCalendar(chosen["utc_offset_minutes"])
    return GattDriver([calendar, *clock_parts(calendar, True)])


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
    options={"utc_offset_minutes": OFFSET_TEXT},
)
