"""A learner's screen: what one seat sees, and nothing that its role or its teacher keeps back.

This file is the border of a class, as `rooms.visibility` is that of a room; `lines` and `question`
belong to it.
"""

import math

from teleward_gateway.classroom.classes.lines import lines_of
from teleward_gateway.classroom.classes.question import question_of
from teleward_gateway.classroom.classes.screen_types import (
    ClassFacts,
    OwnSeat,
    RoomFacts,
    Screen,
    ScreenRoom,
)
from teleward_gateway.classroom.classes.state import ACTING, ClassState, RoomRecord, Seat
from teleward_gateway.classroom.events import Event


def screen(
    state: ClassState,
    seat: Seat,
    events: list[Event],
    facts: RoomFacts | None,
    now_ms: int,
    relay_s: float = math.inf,
) -> Screen:
    """Return a seat's screen as JSON values.

    ``events`` are those of the seat's room that count; ``facts`` is what its room shows to
    everybody in it, None before the first look; in a relay the pen is due to be handed over
    ``relay_s`` seconds into the case.
    """
    room = state.rooms.get(seat.room or "")
    return {
        "type": "class",
        "class": _class(state),
        "seat": _seat(seat),
        "others": [
            {"id": other.id, "name": other.name, "role": other.role}
            for other in (state.seats_of(room.id) if room else [])
            if other.id != seat.id
        ],
        "question": question_of(state, seat, now_ms),
        "room": _room(state, seat, room, facts, relay_s) if room is not None else None,
        "lines": lines_of(state, seat, events) if room is not None else [],
    }


def _class(state: ClassState) -> ClassFacts:
    return {
        "title": state.title,
        "mode": state.mode,
        "phase": state.phase,
        "paused": state.paused,
        "study_level": state.study_level,
        "goals": state.goals,
    }


def _seat(seat: Seat) -> OwnSeat:
    return {
        "id": seat.id,
        "name": seat.name,
        "role": seat.role,
        "language": seat.language,
        "ready": seat.ready,
        "hand": seat.hand,
        "acting": seat.role in ACTING,
        "diagnosis": seat.diagnosis,
        "disposition": seat.disposition,
        "news2": seat.news2,
        "words": seat.words,
        "change": seat.change,
    }


def _room(
    state: ClassState, seat: Seat, room: RoomRecord, facts: RoomFacts | None, relay_s: float
) -> ScreenRoom:
    due = state.mode == "relay" and seat.role == "pen" and not room.handed_over
    shown: ScreenRoom = {
        "relay_due": due and (facts["time_s"] if facts else 0) >= relay_s,
        "subject": room.subject,
        "branch": room.branch,
        "result": room.result,
        "handed_over": room.handed_over if state.mode == "relay" else "",
    }
    if facts is not None:
        shown = {**shown, **facts}
    if seat.role == "hub":  # how the patient looks and its papers are for those at the bedside
        shown["figure"] = shown["opening"] = shown["record"] = shown["queue"] = None
    return shown
