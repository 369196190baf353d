"""The events of a room that count: its newest branch back to its beginning. Pure functions.

branch 0   a  b  c | d  e        rewound to the time of c: d and e are abandoned
branch 1            `--- f  g    lineage: a b c f g
"""

from collections.abc import Iterable, Sequence
from typing import Any

from teleward_gateway.classroom.events.event import Event
from teleward_gateway.classroom.events.kinds import (
    ActDone,
    ActRefused,
    ActWaiting,
    AskPlaced,
    ClassRewound,
    OrderSent,
)
from teleward_simulators.physiology.orders import Order

LASTING = ("seat.", "class.", "room.")
"""Kinds that a rewind does not undo begin so."""


def of_room(events: Iterable[Event], room: str) -> list[Event]:
    """Return the events of a room, abandoned branches included."""
    return [event for event in events if event.room == room]


def rewinds(events: Iterable[Event], room: str) -> list[Event]:
    """Return the rewinds of a room, oldest first."""
    return [e for e in of_room(events, room) if isinstance(e.body, ClassRewound)]


def lineage(events: Sequence[Event], room: str) -> list[Event]:
    """Return the events of a room that count.

    Each rewind abandons the events of the branch it leaves that lie after its time: those with a
    tick at or beyond it, and those without one that were written after the last one kept. Who sits
    where, and what the class did, is never undone.
    """
    kept: list[Event] = []
    for event in of_room(events, room):
        if isinstance(event.body, ClassRewound):
            kept = before(kept, event.body.to_tick)
        kept.append(event)
    return kept


def abandoned(events: Sequence[Event], room: str) -> list[Event]:
    """Return the events of a room that a rewind has abandoned."""
    counting = {event.seq for event in lineage(events, room)}
    return [event for event in of_room(events, room) if event.seq not in counting]


def before(events: list[Event], tick: int) -> list[Event]:
    """Return the events before the first one whose tick reaches ``tick``, and lasting ones."""
    for index, event in enumerate(events):
        at = getattr(event.body, "tick", None)
        if at is not None and at >= tick:
            return events[:index] + [e for e in events[index:] if e.kind.startswith(LASTING)]
    return events


def orders(events: Sequence[Event], room: str) -> list[Order]:
    """Return what the patient of a room lived through, in the branch that counts."""
    found = []
    for event in lineage(events, room):
        body = event.body
        if isinstance(body, OrderSent):
            found.append(Order(body.tick, body.order, body.data))
        elif isinstance(body, ActDone | ActWaiting | ActRefused):
            if not body.tick or getattr(body, "waited", False):
                continue  # dropped before it reached the worker, or there already
            data: dict[str, Any] = {"name": body.name, **({"dose": body.dose} if body.dose else {})}
            if getattr(body, "confirmed", False):
                data["confirmed"] = True
            found.append(Order(body.tick, "act", data))
        elif isinstance(body, AskPlaced):
            found.append(Order(body.tick, "ask", {"name": body.text or body.item}))
    return found


def waiting(events: Sequence[Event]) -> list[Event]:
    """Return the orders of a room that wait for the worker to be back, of events that count."""
    over = {e.body.task for e in events if isinstance(e.body, ActDone)}
    return [e for e in events if isinstance(e.body, ActWaiting) and e.body.task not in over]
