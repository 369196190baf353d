"""Lines of a learner's screen: what was asked, ordered, found and written in the seat's own room.

A part of the border of a class: what is found reaches those who may see findings, and never a body,
a case or a fault.
"""

from typing import Literal

from teleward_gateway.classroom.classes.orders_search import labels
from teleward_gateway.classroom.classes.rules import sees_findings
from teleward_gateway.classroom.classes.screen_types import (
    ActionLine,
    FoundLine,
    Line,
    LineAt,
    MessageLine,
    Texts,
)
from teleward_gateway.classroom.classes.state import ClassState, Seat
from teleward_gateway.classroom.events import Event, kinds
from teleward_simulators.cases.answers.items import catalogue
from teleward_simulators.physiology.actions import ACTIONS

MOST_LINES = 200


def lines_of(state: ClassState, seat: Seat, events: list[Event]) -> list[Line]:
    """Return messages, questions, orders and findings, oldest first."""
    found = sees_findings(state, seat)
    lines = []
    for event in events:
        if event.seq < seat.since_seq and state.mode == "relay":
            continue
        line = _line(event, seat, found)
        if line is not None:
            lines.append(line)
    return lines[-MOST_LINES:]


def _line(event: Event, seat: Seat, found: bool) -> Line | None:
    at: LineAt = {"seq": event.seq, "at_ms": event.at_case_ms}
    mine = event.seat == seat.id
    match event.body:
        case kinds.Message() as body:
            return _message(at, body, seat, found, mine)
        case kinds.ConsultAsked() | kinds.ConsultAnswered() as body:
            return {**at, "what": "consult", "text": body.text, "mine": mine}
        case kinds.HandoverReadback() as body:
            return {**at, "what": "handover_readback", "items": body.items, "text": body.plan}
    shown = _asked(at, event, mine) if found else None
    return shown or (_action(at, event, mine) if found or mine else None)


def _message(
    at: LineAt, body: kinds.Message, seat: Seat, found: bool, mine: bool
) -> MessageLine | None:
    private = body.to not in ("room", "worker") and body.to != seat.id and not mine
    if private or ("worker" in (body.who, body.to) and not found and not mine):
        return None
    return {
        **at,
        "what": "message",
        "who": body.who,
        "to": body.to,
        "text": body.text,
        "texts": body.texts,
        "mine": mine,
    }


def _asked(at: LineAt, event: Event, mine: bool) -> Line | None:
    match event.body:
        case kinds.AskPlaced() as body:
            asked = body.text or body.item
            return {
                **at,
                "what": "ask",
                "task": body.task,
                "text": asked,
                "labels": item_labels(asked),
                "mine": mine,
            }
        case kinds.AskMisunderstood() as body:
            return {
                **at,
                "what": "misunderstood",
                "text": body.text,
                "suggestions": body.suggestions,
            }
        case kinds.AskAnswered() as body:
            return _found(at, body.task, body.item, body.answer, body.texts)
        case kinds.ResultReady() as body:
            return _found(at, body.task, body.item, body.text, body.texts)
    return None


def _found(at: LineAt, task: str, item: str, text: str, texts: Texts) -> FoundLine:
    return {
        **at,
        "what": "found",
        "task": task,
        "item": item,
        "labels": item_labels(item),
        "text": text,
        "texts": texts,
    }


def _action(at: LineAt, event: Event, mine: bool) -> Line | None:
    match event.body:
        case kinds.ActOrdered() as body:
            return _act(at, "order", body)
        case kinds.ActWaiting() as body:
            return _act(at, "waiting", body)
        case kinds.ActDone() as body:
            return _act(at, "done", body)
        case kinds.ActReadback(confirmed=None) as body if mine:
            return {
                **at,
                "what": "readback",
                "task": body.task,
                "text": body.text,
                "texts": body.texts,
                "reason": body.reason,
            }
        case kinds.ActRefused() as body:
            return {
                **at,
                "what": "refused",
                "task": body.task,
                "name": body.name,
                "labels": action_labels(body.name),
                "text": body.reason,
                "texts": body.texts,
            }
    return None


def _act(
    at: LineAt,
    what: Literal["order", "waiting", "done"],
    body: kinds.ActOrdered | kinds.ActWaiting | kinds.ActDone,
) -> ActionLine:
    return {
        **at,
        "what": what,
        "task": body.task,
        "name": body.name,
        "labels": action_labels(body.name),
        "dose": body.dose,
    }


def item_labels(item: str) -> Texts:
    """Return what an item of the catalogue is called, by language; free text as it was typed."""
    known = catalogue().get(item)
    return {"en": item} if known is None else dict(known.label)


def act_labels(act: str) -> Texts:
    """Return an act (an action with its dose, an item, or what was typed) by language."""
    name, _, dose = act.partition(" ")
    if name in ACTIONS:
        return {language: f"{label} {dose}".strip() for language, label in labels(name).items()}
    return item_labels(act)


def action_labels(name: str) -> Texts:
    return labels(name) if name in ACTIONS else {"en": name}
