"""The calendar of a device as evidence: stamps of readings, and first guesses made from them.

calendar of the device --zone stated, or of this machine--> device_time_ns
its clock read at connect - stamp of a reading ----------> age, stored or of now
"""

from datetime import UTC, datetime
from typing import Any

from teleward_drivers.fields import DateTime
from teleward_drivers.link import Received
from teleward_signal.model import ClockReading, DeviceStamp

WRONG_CLOCK_NS = 120_000_000_000
"""Two minutes: a reading's minute is then still right."""
STORED_AFTER_NS = 300_000_000_000
"""A reading more than five minutes old when it arrives comes from the device's memory."""
OFFSET_TEXT = "minutes by which the device's clock is ahead of UTC (unknown: the gateway's zone)"


def local_offset_minutes(utc_ns: int) -> int:
    """Return how far this machine's time zone is ahead of UTC at ``utc_ns``, in minutes.

    The first guess for a device whose zone nobody stated: it was set where the gateway stands.
    """
    offset = datetime.fromtimestamp(utc_ns / 1e9, UTC).astimezone().utcoffset()
    return 0 if offset is None else round(offset.total_seconds() / 60)


class Calendar:
    """What is known of one device's calendar; ``offset_minutes`` is how far it is ahead of UTC.

    ``clock`` is its reading before anything set it, ``clock_set`` after; ``offset_minutes`` is
    ``None`` when nobody stated it.
    """

    def __init__(self, offset_minutes: int | None = None) -> None:
        self.offset_minutes = offset_minutes
        self.clock: ClockReading | None = None
        self.clock_set: ClockReading | None = None
        self._sight: ClockReading | None = None

    def see_live(self, moment: DateTime | None, received: Received) -> None:
        """Take the date of a value that is being measured as a sight of the device's clock.

        It counts where the clock itself could not be read: what a device sends while it measures
        (a cuff's pressure, a temperature that still rises) is never of its memory.
        """
        calendar_ns = None if moment is None else moment.to_ns()
        if calendar_ns is not None:
            self._sight = ClockReading(calendar_ns, received.time_ns, received.monotonic_ns)

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
            clock=self.clock or self._sight,
            clock_set=self.clock_set,
        )
        device_ns = self.utc_ns(moment, received.time_ns, offset)
        return {
            "stamp": stamp,
            "device_time_ns": device_ns,
            "stored": memory is True or is_old(stamp, device_ns, received),
        }


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
