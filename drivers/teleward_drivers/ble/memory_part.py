"""A service whose readings come live or from the device's memory, by record access.

record --> held --> next record --> the held one is given, stored
                --> report done --> the held one is given as the newest; a newest reading of
                                    the last minutes is the state of now, not history
                --> link lost   --> the held one is given, stored
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
        self._held: tuple[list[Measurement], Received] | None = None
        access.when_read = self._report_ended

    def give(self, readings: Sequence[Measurement], received: Received) -> Iterable[Output]:
        """Return readings of one moment: live ones at once, those of a memory one later."""
        if not self._access.reading:
            yield from readings
            yield from self.newest(readings)
            return
        yield from self._release()
        self._held = (list(readings), received)

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
        """Return the record that was held when the link ended."""
        return self._release()

    def _report_ended(self, whole: bool) -> Iterable[Output]:
        return self._release(whole)

    def _release(self, newest: bool = False) -> Iterable[Output]:
        if self._held is None:
            return
        (readings, received), self._held = self._held, None
        if newest:
            readings = [_as_newest(reading, received) for reading in readings]
        yield from readings
        if newest:
            yield from self.newest(readings)


def _as_newest(reading: Measurement, received: Received) -> Measurement:
    if reading.stamp is None:
        return reading
    stamp = replace(reading.stamp, newest=True)
    stored = not is_recent(stamp, reading.device_time_ns, received)
    return replace(reading, stamp=stamp, stored=stored)
