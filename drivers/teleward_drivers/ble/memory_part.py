"""A service whose readings come live or from the device's memory, by record access.

record --> held --> next record --> the held one is given, stored
                --> report done --> the held one is given as the newest; a newest reading of
                                    the last minutes is the state of now, not history
                --> link lost   --> the held one is given, stored

Most memories come oldest first, some newest first. A second record with a lower number, or where
there are none an earlier date, keeps the first one held beside the last: which of the two is the
newest is decided at the end, by their ages on the device's own clock where it could be read, else
by the direction of most records. A meter that was reset may count from 1 again behind old records.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from teleward_drivers.ble.current_time import DeviceCalendar
from teleward_drivers.ble.racp import RecordAccess
from teleward_drivers.device import Output
from teleward_drivers.device_calendar import is_recent
from teleward_drivers.gatt import Handler, Simple
from teleward_drivers.link import Received
from teleward_signal.model import Measurement

Entry = tuple[list[Measurement], Received]
"""The measurements of one record, and its arrival."""
PRESENT_NS = -2_000_000_000
"""Calendars count whole seconds: a record of this moment may seem two seconds ahead."""


class MemoryPart(Simple):
    """The part that receives the records for which ``access`` asks."""

    def __init__(
        self,
        access: RecordAccess,
        calendar: DeviceCalendar,
        subscribe: dict[str, Handler],
        read: dict[str, Handler],
        optional: bool = False,
    ) -> None:
        super().__init__(subscribe, read, optional)
        self._access = access
        self._calendar = calendar
        self._held: Entry | None = None
        self._first: Entry | None = None
        self._steps = self._backward = 0
        access.when_read = self._report_ended

    def give(self, readings: Sequence[Measurement], received: Received) -> Iterable[Output]:
        """Return readings of one moment: live ones at once, those of a memory one later."""
        if not self._access.reading:
            yield from readings
            yield from self.newest(readings)
            return
        entry, before = (list(readings), received), self._held
        self._held = entry
        if before is None:
            self._steps = self._backward = 0
            return
        earlier = _is_earlier(entry, before)
        self._steps += 1
        self._backward += 1 if earlier else -1
        if earlier and self._steps == 1:
            self._first = before
        else:
            yield from before[0]

    def amend(self, record: int, detail: dict[str, Any]) -> bool:
        """Add ``detail`` to the record held; return whether it is the one."""
        if self._held is None:
            return False
        readings, received = self._held
        if any(r.stamp is None or r.stamp.record != record for r in readings):
            return False
        self._held = ([replace(r, detail={**r.detail, **detail}) for r in readings], received)
        return True

    def newest(self, readings: Sequence[Measurement]) -> Iterable[Output]:
        """Return what else follows from the newest readings; for subclasses."""
        return ()

    def end(self) -> Iterable[Output]:
        """Return the records that were held when the link ended."""
        yield from self._release(False)

    def _report_ended(self, whole: bool) -> Iterable[Output]:
        yield from self._release(whole)

    def _release(self, whole: bool) -> Iterable[Output]:
        """Give what is held; the newest last, and as the newest where the report was whole."""
        if self._held is None:
            return
        newest = self._held
        if self._first is not None:
            newest = self._newer(self._first, self._held)
            yield from (self._held if newest is self._first else self._first)[0]
        self._first = self._held = None
        readings, received = newest
        if not whole:
            yield from readings
            return
        readings = [_as_newest(reading, received) for reading in readings]
        stamp = readings[0].stamp if readings else None
        if stamp is not None and stamp.record is not None:
            self._access.note_newest(stamp.record, stamp.calendar_ns)
        yield from readings
        yield from self.newest(readings)

    def _newer(self, first: Entry, last: Entry) -> Entry:
        """Return which of the first and the last record of a report is the newer one.

        A record that the device's clock dates after its own present was made before a reset.
        """
        mine, other = _age_ns(first), _age_ns(last)
        if mine is not None and other is not None and max(mine, other) >= PRESENT_NS:
            return first if other < PRESENT_NS or PRESENT_NS <= mine < other else last
        return first if self._backward > 0 else last


def _age_ns(entry: Entry) -> int | None:
    readings, received = entry
    stamp = readings[0].stamp if readings else None
    return None if stamp is None else stamp.age_ns(received.monotonic_ns)


def _is_earlier(entry: Entry, before: Entry) -> bool:
    """Return whether a record lies before another by its number, or without one by its date."""
    mine, other = (e[0][0].stamp if e[0] else None for e in (entry, before))
    if mine is None or other is None:
        return False
    if mine.record is not None and other.record is not None:
        return mine.record < other.record
    if mine.calendar_ns is None or other.calendar_ns is None:
        return False
    return mine.calendar_ns < other.calendar_ns


def _as_newest(reading: Measurement, received: Received) -> Measurement:
    if reading.stamp is None:
        return reading
    stamp = replace(reading.stamp, newest=True)
    stored = not is_recent(stamp, reading.device_time_ns, received)
    return replace(reading, stamp=stamp, stored=stored)
