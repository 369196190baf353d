"""Pulse arrival times of every subject: R peaks and pulses put in order of time, then paired.

A beat may be known later than the pulse that it made, so marks wait until both signals have been
seen `WAIT_NS` beyond them: what comes out depends on the samples, not on how blocks were cut.
"""

import heapq
from dataclasses import dataclass, field

from teleward_signal.model import Measurement
from teleward_signal.ppg.arrival import ArrivalTime

WAIT_NS = 800_000_000
"""A doubtful beat is known 0.46 s after it, one that was searched back up to 0.3 s later."""
MOST_MARKS = 64
"""Marks that wait when one of the two signals has stopped; the oldest go."""


@dataclass(slots=True)
class _Person:
    arrival: ArrivalTime = field(default_factory=ArrivalTime)
    sources: dict[bool, int] = field(default_factory=dict)
    seen_ns: dict[bool, int] = field(default_factory=dict)
    marks: list[tuple[int, bool]] = field(default_factory=list)


class Arrivals:
    """Pairs the marks of each subject; bounded by the subjects present."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._people: dict[str, _Person] = {}

    def mark(self, subject: str, is_pulse: bool, source: int, time_ns: int) -> None:
        """Note an R peak or a pulse; of several sources of one kind the first counts."""
        person = self._people.setdefault(subject, _Person())
        if person.sources.setdefault(is_pulse, source) == source:
            heapq.heappush(person.marks, (time_ns, is_pulse))
            if len(person.marks) > MOST_MARKS:
                heapq.heappop(person.marks)

    def seen(self, subject: str, is_pulse: bool, source: int, time_ns: int) -> None:
        """Set up to when the ECG or the PPG of a subject has been analysed."""
        person = self._people.setdefault(subject, _Person())
        if person.sources.setdefault(is_pulse, source) == source:
            person.seen_ns[is_pulse] = time_ns

    def take(self) -> list[tuple[str, Measurement]]:
        """Return the arrival times that are known by now."""
        out = []
        for subject, person in self._people.items():
            if len(person.seen_ns) < 2:
                continue
            horizon_ns = min(person.seen_ns.values()) - WAIT_NS
            while person.marks and person.marks[0][0] <= horizon_ns:
                time_ns, is_pulse = heapq.heappop(person.marks)
                if not is_pulse:
                    person.arrival.beat(time_ns)
                elif (found := person.arrival.pulse(time_ns)) is not None:
                    out.append((subject, found))
        return out

    def forget(self, subject: str) -> None:
        """Drop a subject whose streams end."""
        self._people.pop(subject, None)
