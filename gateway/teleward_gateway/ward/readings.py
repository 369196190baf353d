"""Whose a reading of a cuff, scale, meter, thermometer or spot-check oximeter is, and when.

    reading --known already?--> dropped, counted
       |
    reading_time.place: now | its own time | unknown
       |
    who wore the device then, within the uncertainty?
       |---- one subject ----> filed: live when it is of now, else history at its time
       |---- nobody ---------> unclaimed, shown on the devices page
       +---- unknown, or several --> waits for a person; a note on every bed that it may be of

A reading that waits is judged again whenever more is known of the device's clock.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from teleward_gateway.clock import Clock, Stamp
from teleward_gateway.clock.reading_time import (
    NEWEST_LIVE_NS,
    S_NS,
    ClockHistory,
    Placement,
    When,
    place,
)
from teleward_gateway.health import totals
from teleward_gateway.registry.store import Registry
from teleward_gateway.ward.held_reading import Held, HeldReading, reading_key
from teleward_gateway.ward.reading_judge import ReadingJudge, Verdict
from teleward_gateway.ward.reading_notes import ReadingNotes
from teleward_gateway.ward.reading_store import ReadingStore
from teleward_gateway.ward.ward_state import WardState
from teleward_gateway.ward.wearer import Wearers
from teleward_signal.errors import Invalid, NotFound
from teleward_signal.model import ClockReading, DeviceStamp, Measurement
from teleward_signal.record import Record

log = logging.getLogger(__name__)

PERSON_ERROR_NS = 60 * S_NS

File = Callable[[str, str, Measurement, Stamp], object]
"""Takes (subject, device, measurement, arrival) to journal, live view and alarms."""


@dataclass(slots=True)
class ReadingStatistics:
    """What became of readings; ``repeated`` were on record already."""

    filed: int = 0
    repeated: int = 0
    held: int = 0
    settled: int = 0
    discarded: int = 0


class Readings:
    """Files readings or holds them; belongs to the event loop."""

    def __init__(
        self, *, registry: Registry, clock: Clock, state: WardState, store: ReadingStore, file: File
    ) -> None:
        self.statistics = ReadingStatistics()
        self.store = store
        self._registry, self._clock, self._file = registry, clock, file
        self._clocks_seen: dict[str, int] = {}
        self.wearers = Wearers(registry, store)
        self._judge = ReadingJudge(self.wearers, store)
        self._notes = ReadingNotes(registry, state, store)

    def health(self) -> dict[str, Any]:
        """Return what became of readings, and whether they are remembered over a restart."""
        waiting = sum(h.state is Held.WAITING for h in self.store.held.values())
        problem = self.store.problem
        return {
            "ok": problem is None,
            "error": problem and f"readings are not remembered over a restart: {problem}",
            "waiting": waiting,
            "unclaimed": len(self.store.held) - waiting,
            **totals(self.statistics),
        }

    # what sessions give

    def connected(self, device: str, monotonic_ns: int) -> None:
        """Note that a connected stretch of a device began."""
        self._judge.connected(device, monotonic_ns)

    def see_clock(self, device: str, clock: ClockReading | None) -> None:
        """Take a reading of a device's clock, once."""
        if clock is None or clock.calendar_ns is None:
            return
        if self._clocks_seen.get(device, -1) >= clock.monotonic_ns:
            return
        self._clocks_seen[device] = clock.monotonic_ns
        stamp = self._clock.at(clock.monotonic_ns)
        history = self.store.clocks.get(device, ClockHistory())
        self._learn(device, history.seen(clock.calendar_ns, stamp.time_ns, "clock"))

    def take(self, device: str, measurement: Measurement, stamp: Stamp) -> None:
        """Take one measurement of a device with a calendar, arrived at ``stamp``."""
        stated = measurement.stamp or DeviceStamp(measurement.device_time_ns, 0, memory=True)
        measurement = replace(measurement, stamp=stated)
        key = reading_key(measurement)
        if key is not None and self.store.is_known(device, key):
            self.statistics.repeated += 1
            return
        self.see_clock(device, stated.clock)
        self.see_clock(device, stated.clock_set)
        verdict, history = self._judge.judge(device, measurement, stated, stamp)
        if history is not None:
            if verdict.subject is None:
                self.statistics.held += 1
            self._learn(device, history)
        self._carry_out(device, verdict, measurement, stated, stamp, key)

    def on_commit(self, records: Iterable[Record], number: int) -> None:
        """Remember for good the readings that the journal has now."""
        for record in records:
            detail = record.payload.get("detail")
            if record.device is not None and detail and "reading" in detail:
                self.store.keep_known(record.device, str(detail["reading"]))
                self.store.note_journal(number)

    def recall(self, records: Iterable[Record]) -> None:
        """Take what the journal had before a restart and this file had not."""
        filed = set()
        for record in records:
            detail = record.payload.get("detail")
            if record.device is not None and detail and "reading" in detail:
                self.store.keep_known(record.device, str(detail["reading"]))
                filed.add((record.device, str(detail["reading"])))
        for held in list(self.store.held.values()):
            if any((held.device, key_of(m)) in filed for m in held.measurements):
                self.store.drop_held(held.id)

    def clock_corrected(self) -> None:
        """Forget what was learnt of clocks by a time that was wrong."""
        self.store.forget_clocks()
        self._clocks_seen.clear()

    def tick(self) -> None:
        """Note on each bed what waits; once a second."""
        self._notes.show(self._clock.now().time_ns)

    # what people do

    def held(self, device: str | None = None) -> list[HeldReading]:
        """Return the readings that wait or that nobody claims, oldest first."""
        found = [h for h in self.store.held.values() if device in (None, h.device)]
        return sorted(found, key=lambda held: held.placement.time_ns)

    def settle(self, number: int, time_ns: int | None, subject: str | None, author: str) -> str:
        """File a held reading at the time and for the subject that a person states.

        Without a time its best one counts, without a subject who wore the device then. Returns the
        subject; raises NotFound, or Invalid when the wearer must be named.
        """
        held = self._held(number)
        stated_ns = held.placement.time_ns if time_ns is None else time_ns
        if stated_ns > self._clock.now().time_ns + S_NS:
            raise Invalid("the time lies in the future: give the time of the reading")
        bounds = (stated_ns, stated_ns) if time_ns is not None else held.placement.bounds
        wearers = self.wearers.between(held.device, held.user, *bounds)
        if subject is None:
            if len(wearers) != 1 or None in wearers:
                raise Invalid("who wore the device then is not known: name the subject")
            subject = str(next(iter(wearers)))
        elif all(subject != known.id for known in self._registry.subjects(discharged=True)):
            raise NotFound(f"no subject {subject}")
        earliest, latest = stated_ns - PERSON_ERROR_NS, stated_ns + PERSON_ERROR_NS
        placement = Placement(When.PAST, stated_ns, earliest, latest, "person")
        self._file_held(held, subject, placement, author)
        self.statistics.settled += 1
        calendar_ns = held.reading.calendar_ns
        if calendar_ns is not None and time_ns is not None:
            history = self.store.clocks.get(held.device, ClockHistory())
            self._learn(
                held.device, history.seen(calendar_ns, stated_ns, "person", PERSON_ERROR_NS)
            )
        return subject

    def discard(self, number: int) -> HeldReading:
        """Drop a held reading, such as a control solution or a visitor's; raises NotFound."""
        held = self._held(number)
        self.store.drop_held(number)
        self.statistics.discarded += 1
        return held

    def bind_user(self, device: str, user: int, subject: str | None) -> None:
        """Bind a user number of a cuff or scale to a subject from now on; see `Wearers`."""
        self.wearers.bind_user(device, user, subject, self._clock.now().time_ns)

    # filing

    def _carry_out(
        self,
        device: str,
        verdict: Verdict,
        measurement: Measurement,
        stated: DeviceStamp,
        stamp: Stamp,
        key: str | None,
    ) -> None:
        if key is not None:
            self.store.know(device, key)
        if verdict.subject is not None:
            live = verdict.placement.when is When.NOW
            self._give(device, verdict.subject, measurement, verdict.placement, stamp, key, live)
            return
        held = self.store.held.get(verdict.held or 0)
        if held is None:  # settled or judged again between two of its measurements
            held = self._judge.hold_again(device, verdict, stated, stamp)
        kept = _keyed(measurement, key)
        self.store.hold(replace(held, measurements=(*held.measurements, kept)))
        if key is not None:
            self.store.keep_known(device, key)

    def _give(
        self,
        device: str,
        subject: str,
        measurement: Measurement,
        placement: Placement,
        stamp: Stamp,
        key: str | None,
        live: bool,
    ) -> None:
        base = "person" if placement.by == "person" else "gateway"
        detail = {**measurement.detail, "time_by": placement.by, "time_base": base}
        if key is not None:
            detail["reading"] = key
        filed = replace(
            measurement,
            time_ns=placement.time_ns,
            uncertainty_ns=placement.uncertainty_ns + stamp.uncertainty_ns,
            stored=not live,
            detail=detail,
        )
        self._file(subject, device, filed, stamp)
        self.statistics.filed += 1

    def _file_held(
        self, held: HeldReading, subject: str, placement: Placement, author: str | None = None
    ) -> None:
        stamp = self._clock.now()
        live = stamp.time_ns - placement.time_ns <= NEWEST_LIVE_NS and (
            placement.when is When.NOW or placement.by == "person"
        )
        for measurement in held.measurements:
            filed = replace(measurement, author=author)
            key = key_of(measurement)
            self._give(held.device, subject, filed, placement, stamp, key, live)
        self.store.drop_held(held.id)

    def _learn(self, device: str, history: ClockHistory) -> None:
        """Keep what is known of a clock now, and judge again what waits because of it."""
        before = self.store.clocks.get(device, ClockHistory())
        self.store.keep_clock(device, history)
        if history.settings == before.settings:
            return
        for held in self.held(device):
            if not held.measurements or held.reading.calendar_ns is None:
                continue
            placement, _ = place(history, held.reading)
            if placement == held.placement:
                continue
            verdict = self._judge.decide(device, held.user, placement, None)
            if verdict.subject is not None:
                self._file_held(held, verdict.subject, placement)
            else:
                self.store.hold(self._judge.with_wearers(held, placement))

    def _held(self, number: int) -> HeldReading:
        if number not in self.store.held:
            raise NotFound(f"no reading {number} waits")
        return self.store.held[number]


def key_of(measurement: Measurement) -> str | None:
    """Return the key that a held measurement was given."""
    key = measurement.detail.get("reading")
    return None if key is None else str(key)


def _keyed(measurement: Measurement, key: str | None) -> Measurement:
    detail = measurement.detail if key is None else {**measurement.detail, "reading": key}
    return replace(measurement, detail=detail, stamp=None)
