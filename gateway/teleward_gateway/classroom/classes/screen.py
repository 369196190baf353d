"""A learner's screen: what one seat sees, and nothing that its role or its teacher keeps back.

This file is the border of a class, as `rooms.visibility` is that of a room. It takes from the log
only what was said, asked and found in the seat's own room, and never a body, a case or a fault.
"""

import math
from typing import Any

from teleward_gateway.classroom.classes.orders_search import labels as action_labels
from teleward_gateway.classroom.classes.rules import sees_findings
from teleward_gateway.classroom.classes.state import ACTING, ClassState, RoomRecord, Seat
from teleward_gateway.classroom.events import Event, kinds
from teleward_simulators.cases.answers.items import catalogue
from teleward_simulators.physiology.actions import ACTIONS

MOST_LINES = 200


def screen(
    state: ClassState,
    seat: Seat,
    events: list[Event],
    facts: dict[str, Any],
    now_ms: int,
    relay_s: float = math.inf,
) -> dict[str, Any]:
    """Return a seat's screen as JSON values.

    ``events`` are those of the seat's room that count; ``facts`` is what its room shows to
    everybody in it (opening, review, readings, speed); in a relay the pen is due to be handed over
    ``relay_s`` seconds into the case.
    """
    room = state.rooms.get(seat.room or "")
    return {
        "type": "class",
        "class": {
            "title": state.title,
            "mode": state.mode,
            "phase": state.phase,
            "paused": state.paused,
            "study_level": state.study_level,
            "goals": state.goals,
        },
        "seat": {
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
        },
        "others": [
            {"id": other.id, "name": other.name, "role": other.role}
            for other in (state.seats_of(room.id) if room else [])
            if other.id != seat.id
        ],
        "question": _question(state, seat, now_ms),
        "room": _room(state, seat, room, facts, relay_s) if room is not None else None,
        "lines": _lines(state, seat, events) if room is not None else [],
    }


def _question(state: ClassState, seat: Seat, now_ms: int) -> dict[str, Any] | None:
    """Return the question that is open; the right answer only once it is over."""
    asked = state.asked
    if asked is None:
        return None
    over = state.frozen is None
    left_s = 0.0 if over else asked.seconds - (now_ms - state.frozen_wall_ms) / 1000
    shown: dict[str, Any] = {
        "id": asked.question,
        "text": asked.text,
        "options": asked.options,
        "unit": asked.unit,
        "mine": seat.answer,
        "over": over,
        "left_s": max(0.0, round(left_s, 1)),
    }
    if over:
        shown |= {"answer": asked.answer, "why": asked.why}
    return shown


def _room(
    state: ClassState, seat: Seat, room: RoomRecord, facts: dict[str, Any], relay_s: float
) -> dict[str, Any]:
    due = state.mode == "relay" and seat.role == "pen" and not room.handed_over
    shown = {
        "relay_due": due and facts.get("time_s", 0) >= relay_s,
        "subject": room.subject,
        "branch": room.branch,
        "result": room.result,
        "handed_over": room.handed_over if state.mode == "relay" else "",
        **facts,
    }
    if seat.role == "hub":  # how the patient looks and its papers are for those at the bedside
        shown |= {"figure": None, "opening": None, "record": None}
    return shown


def _lines(state: ClassState, seat: Seat, events: list[Event]) -> list[dict[str, Any]]:
    """Return messages, questions, orders and findings, oldest first."""
    found = sees_findings(state, seat)
    lines = []
    for event in events:
        if event.seq < seat.since_seq and state.mode == "relay":
            continue
        line = _line(event, seat, found)
        if line is not None:
            lines.append({"seq": event.seq, "at_ms": event.at_case_ms, **line})
    return lines[-MOST_LINES:]


def _line(event: Event, seat: Seat, found: bool) -> dict[str, Any] | None:
    mine = event.seat == seat.id
    body = event.body
    match body:
        case kinds.Message():
            private = body.to not in ("room", "worker") and body.to != seat.id and not mine
            if private or ("worker" in (body.who, body.to) and not found and not mine):
                return None
            shown = {"who": body.who, "to": body.to, "text": body.text, "mine": mine}
            return {"what": "message", **shown}
        case kinds.AskPlaced() if found:
            return {"what": "ask", "task": body.task, "text": body.text or body.item,
                    "labels": _item_labels(body.text or body.item), "mine": mine}  # fmt: skip
        case kinds.AskMisunderstood() if found:
            return {"what": "misunderstood", "text": body.text, "suggestions": body.suggestions}
        case kinds.AskAnswered() if found:
            return {
                "what": "found",
                "task": body.task,
                "item": body.item,
                "labels": _item_labels(body.item),
                "text": body.answer,
                "texts": body.texts,
            }
        case kinds.ResultReady() if found:
            return {
                "what": "found",
                "task": body.task,
                "item": body.item,
                "labels": _item_labels(body.item),
                "text": body.text,
                "texts": body.texts,
            }
        case kinds.ActOrdered() if found or mine:
            return {"what": "order", **_action(body.task, body.name), "dose": body.dose}
        case kinds.ActReadback() if mine and body.confirmed is None:
            return {"what": "readback", "task": body.task, "text": body.text,
                    "reason": body.reason}  # fmt: skip
        case kinds.ActDone() if found or mine:
            return {"what": "done", **_action(body.task, body.name), "dose": body.dose}
        case kinds.ActRefused() if found or mine:
            return {"what": "refused", **_action(body.task, body.name), "text": body.reason}
        case kinds.ConsultAsked() | kinds.ConsultAnswered():
            return {"what": "consult", "text": body.text, "mine": mine}
        case kinds.HandoverReadback():
            return {"what": "handover_readback", "items": body.items, "text": body.plan}
    return None


def _item_labels(item: str) -> dict[str, str]:
    """Return what an item of the catalogue is called, by language; free text as it was typed."""
    known = catalogue().get(item)
    return {"en": item} if known is None else dict(known.label)


def _action(task: str, name: str) -> dict[str, Any]:
    labels = action_labels(name) if name in ACTIONS else {"en": name}
    return {"task": task, "name": name, "labels": labels}


def histogram(state: ClassState) -> dict[str, Any] | None:
    """Return how many seats gave which answer to the newest question; no names."""
    asked = state.asked
    if asked is None:
        return None
    answers = [s.answer for s in state.present() if s.answer is not None]
    counts: dict[str, int] = {str(i): 0 for i in range(len(asked.options))}
    for value in answers:
        counts[value] = counts.get(value, 0) + 1
    over = state.frozen is None
    return {
        "id": asked.question,
        "text": asked.text,
        "options": asked.options,
        "unit": asked.unit,
        "answer": asked.answer if over else "",
        "why": asked.why if over else {},
        "n_answers": len(answers),
        "counts": counts if over else {},
        "over": over,
    }
