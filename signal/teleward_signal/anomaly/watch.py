"""`AnomalyWatch`: measurements of any subject in as they come, anomaly scores out in time."""

from dataclasses import dataclass, field
from math import isfinite

import numpy as np

from teleward_signal.anomaly.bank import AnomalyBank
from teleward_signal.anomaly.explain import as_measurement
from teleward_signal.model import Measurement
from teleward_signal.timeline import Timeline

PERIOD_S = 5.0
REPORT_EVERY = 2
"""Scores are published every ten seconds: a number that took minutes to move needs no more."""
FALLBACK = {"pulse_rate": "heart_rate"}
"""A pulse rate stands in while there is no heart rate."""


@dataclass(slots=True)
class _Subject:
    slot: int
    sums: dict[str, list[float]] = field(default_factory=dict)


class AnomalyWatch:
    """One `AnomalyBank` for everybody; no clock, no I/O. Bounded by the subjects present."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self.bank = AnomalyBank(4, PERIOD_S)
        self._subjects: dict[str, _Subject] = {}
        self._timeline = Timeline()
        self._next_ns: int | None = None
        self._steps = 0

    def update(self, subject: str, measurement: Measurement) -> None:
        """Take a displayed value in; withheld and stored ones are no evidence."""
        metric, value = measurement.metric, measurement.value
        known = metric in self.bank.metrics or metric in FALLBACK
        if not known or value is None or not isfinite(value) or measurement.stored:
            return
        person = self._subjects.get(subject) or self._enter(subject)
        person.sums.setdefault(metric, []).append(value)
        del person.sums[metric][:-64]  # a period holds a few values; a burst keeps its newest

    def tick(self, now_ns: int, monotonic_ns: int | None = None) -> list[tuple[str, Measurement]]:
        """Step when a period has passed; return (subject, score) every `REPORT_EVERY` steps.

        Monotonic time decides, UTC stamps the scores.
        """
        period_ns = round(PERIOD_S * 1e9)
        clock_ns = self._timeline.at(now_ns, monotonic_ns).clock_ns
        if self._next_ns is None:
            self._next_ns = clock_ns + period_ns
        if clock_ns < self._next_ns:
            return []
        self._next_ns += period_ns * (1 + (clock_ns - self._next_ns) // period_ns)
        self.bank.step(self._means())
        self._steps += 1
        if self._steps % REPORT_EVERY:
            return []
        return [
            (name, as_measurement(self.bank, person.slot, now_ns))
            for name, person in self._subjects.items()
        ]

    def accept(self, subject: str) -> None:
        """A person takes the present values of ``subject`` as usual."""
        if subject in self._subjects:
            self.bank.accept(self._subjects[subject].slot)

    def forget(self, subject: str) -> None:
        """Drop a subject who left."""
        person = self._subjects.pop(subject, None)
        if person is not None:
            self.bank.reset(person.slot)

    def snapshot(self) -> dict[str, bytes]:
        """Return what is known of everybody, for a restart."""
        return {name: self.bank.snapshot(p.slot) for name, p in self._subjects.items()}

    def restore(self, kept: dict[str, bytes]) -> None:
        """Continue from a snapshot."""
        for name, state in kept.items():
            person = self._subjects.get(name) or self._enter(name)
            self.bank.restore(person.slot, state)

    def _enter(self, subject: str) -> _Subject:
        taken = {person.slot for person in self._subjects.values()}
        free = next((slot for slot in range(self.bank.n_slots) if slot not in taken), None)
        if free is None:
            free = self.bank.n_slots
            self.bank.grow(2 * free)
        self._subjects[subject] = person = _Subject(free)
        return person

    def _means(self) -> np.ndarray:
        """Return the mean of each metric over the period and begin the next."""
        values = np.full((self.bank.n_slots, len(self.bank.metrics)), np.nan)
        for person in self._subjects.values():
            for metric, seen in person.sums.items():
                target = FALLBACK.get(metric, metric)
                if seen and not (target != metric and person.sums.get(target)):
                    values[person.slot, self.bank.metrics.index(target)] = np.mean(seen)
            person.sums = {}
        return values
