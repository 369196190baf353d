"""Ghosts: the same patient from the same seed, with one thing done otherwise.

    in_time    an action that came late, or never, comes when it was due
    left_out   a harmful one is not given
    best       everything that was due comes then, and nothing harmful

The difference between two courses of one patient is the effect of that one thing: both have the
same lots. It is the model's effect, not a promise about people; the page calls it so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from teleward_gateway.classroom.debrief.relive import Lived, relive
from teleward_gateway.classroom.scoring.line import Line
from teleward_simulators.cases.model import Case
from teleward_simulators.physiology.engine import STEPS_PER_S
from teleward_simulators.physiology.orders import Order

Edit = Literal["in_time", "left_out", "best"]
LATE = frozenset({"late", "too_late", "missed", "wrong_dose"})
HARMFUL = frozenset({"harmful", "overdose"})
MOST = 8
"""Ghosts of one encounter: those of the most points first, and all at its best."""


@dataclass(frozen=True, slots=True)
class Ghost:
    """The course under one edit; ``at_ms`` is when the action comes, ``was_ms`` when it came."""

    edit: Edit
    name: str
    label: dict[str, str]
    at_ms: int | None
    was_ms: int | None
    lived: Lived


@dataclass(frozen=True, slots=True)
class Patient:
    """Who is lived again: case, seed, and the orders of the log in steps of the illness."""

    case: Case
    seed: int
    exam: bool
    orders: tuple[Order, ...]
    until_s: float

    def live(self, orders: Sequence[Order] | None = None) -> Lived:
        """Return the course under other orders, or under those that were given."""
        given = self.orders if orders is None else orders
        return relive(self.case, self.seed, self.exam, given, self.until_s)


def ghosts_of(patient: Patient, lines: Sequence[Line]) -> list[Ghost]:
    """Return the ghosts of an encounter, the one that is worth most points first."""
    edits = [line for line in lines if _edit(line)]
    edits.sort(key=lambda line: line.points - line.most)
    found = []
    for line in edits[: MOST - 1]:
        edit: Edit = "left_out" if line.reason in HARMFUL else "in_time"
        lived = patient.live(_with(patient, patient.orders, line))
        at_ms = None if edit == "left_out" else line.due_ms
        found.append(Ghost(edit, line.name, dict(line.label), at_ms, line.at_ms, lived))
    if len(edits) > 1:
        orders: tuple[Order, ...] = patient.orders
        for line in edits:
            orders = _with(patient, orders, line)
        found.append(Ghost("best", "", {}, None, None, patient.live(orders)))
    return found


def _edit(line: Line) -> bool:
    """Return whether a line of the score is one that could have been done otherwise."""
    if line.reason in HARMFUL:
        return True
    return line.reason in LATE and line.grade in ("critical", "recommended") and _due(line)


def _due(line: Line) -> bool:
    return line.due_ms is not None


def _with(patient: Patient, orders: tuple[Order, ...], line: Line) -> tuple[Order, ...]:
    """Return ``orders`` with the action of a line left out, or moved to when it was due."""
    mine = [o for o in orders if o.kind == "act" and o.data.get("name") == line.name]
    kept = tuple(order for order in orders if order not in mine)
    if line.reason in HARMFUL and not _is_wanted(patient.case, line.name):
        return kept
    given = mine[0].data if mine and line.reason not in ("wrong_dose", "overdose") else {}
    data = {"name": line.name, "confirmed": True, **given}
    due = (line.due_ms or 0) * STEPS_PER_S // 1000
    return (*kept, Order(due, "act", data))


def _is_wanted(case: Case, name: str) -> bool:
    """Return whether the case asks for an action: an overdose of it becomes the usual dose."""
    return any(mark.action == name and mark.weight > 0 for mark in case.marks)
