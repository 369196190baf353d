"""Overlay of a class: each action of the key with a dot a learner, and moments worth a talk.

Moments are chosen by three rules, and each moment names its rule:

    spread   the action whose times lie furthest apart among those who did it
    missed   the earliest action that most were late for, or left out
    sensor   the first fault of a sensor, and how many looked at the sensor within three minutes
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from teleward_gateway.classroom.debrief.timeline import Entry
from teleward_gateway.classroom.scoring.line import Line

Rule = Literal["spread", "missed", "sensor"]
GRADES = ("critical", "recommended")
GOOD = ("in_time",)
CHECKS = frozenset({"reposition_sensor", "remeasure", "compare_pulse", "warm_hand"})
"""Actions that look at the sensor rather than at the patient."""
CHECK_MS = 180_000


@dataclass(frozen=True, slots=True)
class Dot:
    """When one learner did it, in ms of the illness; None: never."""

    seat: str
    at_ms: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Row:
    """An action of the key, and the dots of the class."""

    name: str
    label: dict[str, str]
    grade: str
    due_ms: int | None
    dots: list[Dot]


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment for the talk; ``n`` of ``of`` learners, and the span of times for a spread."""

    rule: Rule
    at_ms: int
    name: str
    label: dict[str, str] = field(default_factory=dict)
    n: int = 0
    of: int = 0
    first_ms: int | None = None
    last_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Learner:
    """What one seat brings to the overlay."""

    seat: str
    lines: Sequence[Line]
    entries: Sequence[Entry]
    deeds: Sequence[tuple[str, int]]
    """Name and time of what was done."""


def rows_of(learners: Sequence[Learner]) -> list[Row]:
    """Return a row for each action of the key that was due for anybody, in order of due time."""
    found: dict[str, Row] = {}
    for learner in learners:
        for line in learner.lines:
            if line.part != "actions" or line.grade not in GRADES or line.reason == "not_due":
                continue
            row = found.get(line.name)
            if row is None:
                row = found[line.name] = Row(
                    line.name, dict(line.label), line.grade, line.due_ms, []
                )
            row.dots.append(Dot(learner.seat, line.at_ms, line.reason))
    return sorted(found.values(), key=lambda row: (row.due_ms is None, row.due_ms or 0, row.name))


def moments_of(rows: Sequence[Row], learners: Sequence[Learner]) -> list[Moment]:
    """Return up to three moments, one a rule, in order of time."""
    found = [*_spread(rows), *_missed(rows), *_sensor(learners)]
    return sorted(found, key=lambda moment: moment.at_ms)


def _spread(rows: Sequence[Row]) -> list[Moment]:
    best: Moment | None = None
    for row in rows:
        times = sorted(dot.at_ms for dot in row.dots if dot.at_ms is not None)
        if len(times) < 2:
            continue
        span = times[-1] - times[0]
        if best is None or span > (best.last_ms or 0) - (best.first_ms or 0):
            at_ms = row.due_ms if row.due_ms is not None else times[0]
            best = Moment("spread", at_ms, row.name, row.label, len(times), len(row.dots),
                          times[0], times[-1])  # fmt: skip
    return [best] if best and best.first_ms != best.last_ms else []


def _missed(rows: Sequence[Row]) -> list[Moment]:
    for row in rows:
        late = sum(dot.reason not in GOOD for dot in row.dots)
        if row.due_ms is not None and 2 * late > len(row.dots):
            return [Moment("missed", row.due_ms, row.name, row.label, late, len(row.dots))]
    return []


def _sensor(learners: Sequence[Learner]) -> list[Moment]:
    faults = [(e.at_ms, e) for learner in learners for e in learner.entries if e.lane == "fault"]
    if not faults:
        return []
    at_ms, first = min(faults, key=lambda fault: fault[0])
    met = [each for each in learners if any(e.lane == "fault" for e in each.entries)]
    looked = sum(
        any(name in CHECKS and at_ms <= done <= at_ms + CHECK_MS for name, done in each.deeds)
        for each in met
    )
    return [Moment("sensor", at_ms, first.text, n=looked, of=len(met))]
