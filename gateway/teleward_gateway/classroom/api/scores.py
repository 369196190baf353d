"""Scores over HTTP: a learner's own after the words, all of the class for its teacher."""

import asyncio

from fastapi import APIRouter
from pydantic import BaseModel, Field

from teleward_gateway.classroom.api.who import Led, Mine
from teleward_gateway.classroom.classes import rules
from teleward_gateway.classroom.classes.running import RunningClass
from teleward_gateway.classroom.classes.state import Seat
from teleward_gateway.classroom.scoring import Report, report_of
from teleward_gateway.classroom.scoring.formula import PASS, WEIGHTS
from teleward_gateway.classroom.scoring.line import Line
from teleward_gateway.classroom.texts import refusal
from teleward_signal.errors import Conflict
from teleward_simulators.cases.action_words import action_label

router = APIRouter(tags=["class: scores"])

NOTICE = "For teaching only, not medical advice."


class Score(BaseModel):
    """A score of 0 to 100, of which ``pass_mark`` is a pass, and every line that it is made of.

    ``shares`` are the points of each part of ``most`` before a cap; ``missed`` and ``grave`` are
    what caps it below the pass mark, by language.
    """

    score: float
    passed: bool
    pass_mark: float = PASS
    shares: dict[str, float]
    most: dict[str, float] = Field(default_factory=lambda: {p: 100 * w for p, w in WEIGHTS.items()})
    missed: list[dict[str, str]]
    grave: list[dict[str, str]]
    lines: list[Line]
    result: str
    end_ms: int
    review: str = Field(description="how the case was reviewed")
    notice: str = NOTICE


class SeatScore(BaseModel):
    """The score of one seat, for the teacher."""

    seat: str
    name: str
    score: float
    passed: bool
    shares: dict[str, float]
    missed: list[dict[str, str]]
    grave: list[dict[str, str]]


@router.get("/seat/score")
async def own_score(mine: Mine) -> Score:
    """Return the score of one's own encounter; refused before the words about it."""
    running, seat = mine
    if running.state.phase != "debrief":
        raise refusal(Conflict, "no_debrief")
    rules.check_words(seat.words, seat.change)
    report = await asyncio.to_thread(_report, running, seat)
    return Score(
        score=report.score,
        passed=report.passed,
        shares=report.shares,
        missed=_named(report.parts.missed),
        grave=_named(report.parts.grave),
        lines=list(report.lines),
        result=report.result,
        end_ms=report.end_ms,
        review=running.running(seat.room).room.case.status,
    )


@router.get("/class/scores")
async def scores(led: Led) -> list[SeatScore]:
    """Return the score of every seat that has a patient, as it would be now."""
    found = []
    for seat in led.state.present():
        if seat.room is None or seat.room not in led.rooms:
            continue
        report = await asyncio.to_thread(_report, led, seat)
        found.append(
            SeatScore(
                seat=seat.id,
                name=seat.name,
                score=report.score,
                passed=report.passed,
                shares=report.shares,
                missed=_named(report.parts.missed),
                grave=_named(report.parts.grave),
            )
        )
    return found


def _report(running: RunningClass, seat: Seat) -> Report:
    mine = running.running(seat.room)
    return report_of(mine.room.case, list(mine.events), mine.id, seat.id)


def _named(actions: tuple[str, ...]) -> list[dict[str, str]]:
    """Return what actions are called, by language."""
    return [dict(action_label(name)) for name in actions]
