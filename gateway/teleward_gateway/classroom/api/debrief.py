"""Debrief over HTTP: a learner's own encounter after the words, the class's for its teacher."""

import asyncio

from fastapi import APIRouter
from pydantic import BaseModel, Field

from teleward_gateway.classroom.api.scores import NOTICE
from teleward_gateway.classroom.api.who import Led, Mine
from teleward_gateway.classroom.classes import rules
from teleward_gateway.classroom.classes.running import RunningClass
from teleward_gateway.classroom.classes.state import Seat
from teleward_gateway.classroom.debrief.ghosts import Ghost, Patient, ghosts_of
from teleward_gateway.classroom.debrief.overlay import Learner, Moment, Row, moments_of, rows_of
from teleward_gateway.classroom.debrief.relive import Lived, in_case_time
from teleward_gateway.classroom.debrief.timeline import Entry, entries_of, shown_of
from teleward_gateway.classroom.events import Event
from teleward_gateway.classroom.events.timeline import orders
from teleward_gateway.classroom.scoring import report_of
from teleward_gateway.classroom.scoring.encounter import encounter_of
from teleward_gateway.classroom.texts import refusal
from teleward_signal.errors import Conflict

router = APIRouter(tags=["class: debrief"])

MOST_KEPT = 64
"""Debriefs that are kept, the newest: a page that is opened again costs nothing."""
_KEPT: dict[tuple[str, str, str, int], "Debrief"] = {}
_ONE_BY_ONE = asyncio.Lock()
"""A class that opens its debriefs together keeps one thread busy, not all."""


class Debrief(BaseModel):
    """One encounter on one time axis, times in ms of the illness.

    ``shown`` are the numbers of the screen, ``lived`` is the patient behind them, ``ghosts`` are
    the same patient with one thing done otherwise: an effect in the model, no promise about people.
    """

    end_ms: int
    shown: dict[str, list[tuple[int, float | None]]]
    entries: list[Entry]
    lived: Lived
    ghosts: list[Ghost]
    notice: str = NOTICE


class ClassDebrief(BaseModel):
    """Actions of a class with a dot a learner, by case; ``moments`` are worth a talk."""

    case: str = Field(description="name of the case")
    seats: dict[str, str] = Field(description="names by seat")
    end_ms: int
    rows: list[Row]
    moments: list[Moment]


@router.get("/seat/debrief")
async def own_debrief(mine: Mine) -> Debrief:
    """Return one's own encounter; refused before the words about it."""
    running, seat = mine
    if running.state.phase != "debrief":
        raise refusal(Conflict, "no_debrief")
    rules.check_words(seat.words, seat.change)
    room = running.running(seat.room)
    events = list(room.events)
    key = (running.state.id, room.id, seat.id, events[-1].seq if events else 0)
    async with _ONE_BY_ONE:
        if key not in _KEPT:
            _KEPT[key] = await asyncio.to_thread(_debrief, running, seat, events)
            while len(_KEPT) > MOST_KEPT:
                del _KEPT[next(iter(_KEPT))]
        return _KEPT[key]


@router.get("/class/debrief")
async def class_debrief(led: Led) -> list[ClassDebrief]:
    """Return the overlay of each case that the class has."""
    return await asyncio.to_thread(_overlays, led)


def _debrief(running: RunningClass, seat: Seat, events: list[Event]) -> Debrief:
    room = running.running(seat.room)
    case = room.room.case
    report = report_of(case, events, room.id, seat.id)
    given = tuple(in_case_time(orders(events, room.id)))
    patient = Patient(case, room.room.seed, room.room.exam, given, report.end_ms / 1000.0)
    return Debrief(
        end_ms=report.end_ms,
        shown=shown_of(events, room.id),
        entries=entries_of(events, room.id, seat.id),
        lived=patient.live(),
        ghosts=ghosts_of(patient, report.lines),
    )


def _overlays(led: RunningClass) -> list[ClassDebrief]:
    by_case: dict[str, list[Seat]] = {}
    for seat in led.state.present():
        if seat.room is not None and seat.room in led.rooms:
            by_case.setdefault(led.running(seat.room).room.case.id, []).append(seat)
    return [_overlay(led, case, seats) for case, seats in sorted(by_case.items())]


def _overlay(led: RunningClass, case: str, seats: list[Seat]) -> ClassDebrief:
    learners, end_ms = [], 0
    for seat in seats:
        room = led.running(seat.room)
        events = list(room.events)
        report = report_of(room.room.case, events, room.id, seat.id)
        deeds = [(deed.name, deed.at_ms) for deed in encounter_of(events, room.id, seat.id).deeds]
        entries = entries_of(events, room.id, seat.id)
        learners.append(Learner(seat.id, report.lines, entries, deeds))
        end_ms = max(end_ms, report.end_ms)
    rows = rows_of(learners)
    return ClassDebrief(
        case=case, seats={seat.id: seat.name for seat in seats}, end_ms=end_ms,
        rows=rows, moments=moments_of(rows, learners),
    )  # fmt: skip
