"""Current Time service 0x1805 and Date Time: set the clock of a device after connecting.

    0x2A2B read, write  | year u16 | month | day | hour | minute | second | weekday, 1 = Monday |
                        | fraction u8, 1/256 s | reason u8 |
    0x2A08 read, write  | year u16 | month | day | hour | minute | second |      A&D cuffs

A gateway cannot serve this service (bleak has no server); most devices take a write instead.
Source: Bluetooth SIG CTS 1.1 and GSS.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from teleward_drivers.device import DriverInfo, LinkType, Output, Request, Verification, Write
from teleward_drivers.fields import DateTime, Fields, Malformed
from teleward_drivers.gatt import GattDriver, Part, Simple, uuid16
from teleward_drivers.link import Received
from teleward_drivers.options import read_options
from teleward_signal.model import ClockReading, DeviceStamp, DeviceStatus

SERVICE = uuid16(0x1805)
CURRENT_TIME = uuid16(0x2A2B)
DATE_TIME = uuid16(0x2A08)
MANUAL_UPDATE, EXTERNAL_UPDATE = 1, 2
WRONG_CLOCK_NS = 120_000_000_000
"""Two minutes: a reading's minute is then still right."""
STORED_AFTER_NS = 300_000_000_000
"""A reading more than five minutes old when it arrives comes from the device's memory."""


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


def local_offset_minutes(utc_ns: int) -> int:
    """Return how far this machine's time zone is ahead of UTC at ``utc_ns``, in minutes.

    The first guess for a device whose zone nobody stated: it was set where the gateway stands.
    """
    offset = datetime.fromtimestamp(utc_ns / 1e9, UTC).astimezone().utcoffset()
    return 0 if offset is None else round(offset.total_seconds() / 60)


class DeviceCalendar(Simple):
    """The calendar of a device, read at connect, and the stamps of its readings.

    Put it first, so that the clock is read before anything sets it. ``utc_offset_minutes`` is
    how far the calendar is ahead of UTC, ``None`` when that is unknown.
    """

    def __init__(self, utc_offset_minutes: int | None = None) -> None:
        super().__init__(
            {}, {CURRENT_TIME: self._current, DATE_TIME: self._date_time}, optional=True
        )
        self.offset_minutes = utc_offset_minutes
        self.clock: ClockReading | None = None
        self.clock_set: ClockReading | None = None
        self._channel = ""

    def utc_ns(
        self, moment: DateTime | None, near_ns: int, offset: int | None = None
    ) -> int | None:
        """Return ``moment`` of this calendar in UTC, by the zone stated or that of this machine."""
        if moment is None:
            return None
        offset = self.offset_minutes if offset is None else offset
        return moment.to_ns(local_offset_minutes(near_ns) if offset is None else offset)

    def stamped(
        self,
        received: Received,
        moment: DateTime | None,
        *,
        record: int | None = None,
        user: int | None = None,
        memory: bool | None = None,
        offset_minutes: int | None = None,
    ) -> dict[str, Any]:
        """Return ``device_time_ns``, ``stored`` and ``stamp`` of a reading of ``moment``.

        ``offset_minutes`` is what the device itself states; what the settings state wins.
        """
        offset = offset_minutes if self.offset_minutes is None else self.offset_minutes
        stamp = DeviceStamp(
            None if moment is None else moment.to_ns(),
            offset,
            record,
            user,
            memory,
            clock=self.clock,
            clock_set=self.clock_set,
        )
        device_ns = self.utc_ns(moment, received.time_ns, offset)
        return {
            "stamp": stamp,
            "device_time_ns": device_ns,
            "stored": memory is True or is_old(stamp, device_ns, received),
        }

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


def reading_detail(moment: DateTime | None, user: int | None = None) -> dict[str, Any]:
    """Return what the record of a reading keeps of its stamp for people to see."""
    detail: dict[str, Any] = {}
    if moment is not None:
        detail["device_clock"] = str(moment)
    if user is not None:
        detail["user"] = user
    return detail


def _age_ns(stamp: DeviceStamp, device_ns: int | None, received: Received) -> int | None:
    """Return how old a reading is: by the device's own clock where that could be read, else by
    ``device_ns``, its calendar in UTC."""
    age_ns = stamp.age_ns(received.monotonic_ns)
    if age_ns is None and device_ns is not None:
        age_ns = received.time_ns - device_ns
    return age_ns


def is_old(stamp: DeviceStamp, device_ns: int | None, received: Received) -> bool:
    """Return whether a reading is known to be older than `STORED_AFTER_NS`."""
    age_ns = _age_ns(stamp, device_ns, received)
    return age_ns is not None and age_ns > STORED_AFTER_NS


def is_recent(stamp: DeviceStamp, device_ns: int | None, received: Received) -> bool:
    """Return whether a reading is known to be of the last `STORED_AFTER_NS`."""
    age_ns = _age_ns(stamp, device_ns, received)
    return age_ns is not None and -WRONG_CLOCK_NS <= age_ns <= STORED_AFTER_NS


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


OFFSET_TEXT = "minutes by which the device's clock is ahead of UTC (unknown: the gateway's zone)"


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
