"""Timeline of one encounter: what was done, asked, alarmed, and what was wrong with a sensor.

Each entry names its event, so that a page and a replay can open there. A fault of a sensor is named
here as what it was: by now everybody has written what he thought.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from teleward_gateway.classroom.classes.lines import item_labels
from teleward_gateway.classroom.events import Event, kinds
from teleward_gateway.classroom.events.timeline import lineage
from teleward_simulators.cases.action_words import action_label
from teleward_simulators.physiology.actions import ACTIONS

Lane = Literal["act", "ask", "alarm", "fault", "word", "thought"]


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that happened; times in ms of the illness, ``until_ms`` where it lasted.

    ``label`` is by language where the thing has a name of ours; ``text`` is what a person wrote, or
    the plain name of a condition or a fault, for which pages have a sentence.
    """

    lane: Lane
    at_ms: int
    seq: int
    label: dict[str, str] = field(default_factory=dict)
    text: str = ""
    dose: str = ""
    sensor: str = ""
    until_ms: int | None = None


def entries_of(events: Sequence[Event], room: str, seat: str) -> list[Entry]:
    """Return the entries of a seat's encounter, oldest first; abandoned branches do not count."""
    counting = lineage(events, room)
    found = [entry for event in counting for entry in _entries(event, seat)]
    found += _spans(counting)
    return sorted(found, key=lambda entry: (entry.at_ms, entry.seq))


def shown_of(events: Sequence[Event], room: str) -> dict[str, list[tuple[int, float | None]]]:
    """Return the numbers as the screen showed them, by metric: time in ms, None for dashes."""
    found: dict[str, list[tuple[int, float | None]]] = {}
    for event in lineage(events, room):
        if isinstance(event.body, kinds.Shown):
            for metric, value in event.body.readings.items():
                found.setdefault(metric, []).append((event.at_case_ms or 0, value))
    return found


def _entries(event: Event, seat: str) -> Iterator[Entry]:
    at_ms, body = event.at_case_ms or 0, event.body
    match body:
        case kinds.ActOrdered():
            label = action_label(body.name) if body.name in ACTIONS else (("en", body.name),)
            yield Entry("act", at_ms, event.seq, dict(label), dose=body.dose)
        case kinds.AskPlaced():
            asked = body.text or body.item
            yield Entry("ask", at_ms, event.seq, dict(item_labels(asked)), text=asked)
        case kinds.Message() if event.seat == seat and body.text.strip():
            yield Entry("word", at_ms, event.seq, text=body.text)
        case kinds.ThinkDiagnosis() if event.seat == seat:
            yield Entry("thought", at_ms, event.seq, text=body.ranked[0][0])


def _spans(events: Sequence[Event]) -> Iterator[Entry]:
    """Yield alarms and faults, each from its beginning to its end, or to the last event."""
    open_: dict[tuple[str, str], tuple[Event, Entry]] = {}
    end_ms = max((event.at_case_ms or 0 for event in events), default=0)
    for event in events:
        at_ms, body = event.at_case_ms or 0, event.body
        match body:
            case kinds.AlarmOn():
                entry = Entry("alarm", at_ms, event.seq, text=body.condition)
                open_.setdefault(("alarm", body.condition), (event, entry))
            case kinds.FaultOn():
                entry = Entry("fault", at_ms, event.seq, text=body.fault, sensor=body.sensor)
                open_.setdefault(("fault", body.fault + body.sensor), (event, entry))
            case kinds.AlarmOff():
                yield from _ended(open_.pop(("alarm", body.condition), None), at_ms)
            case kinds.FaultOff():
                yield from _ended(open_.pop(("fault", body.fault + body.sensor), None), at_ms)
    for begun in open_.values():
        yield from _ended(begun, end_ms)


def _ended(begun: tuple[Event, Entry] | None, at_ms: int) -> Iterator[Entry]:
    if begun is not None:
        entry = begun[1]
        yield Entry(
            entry.lane, entry.at_ms, entry.seq, entry.label, entry.text, entry.dose, entry.sensor,
            max(at_ms, entry.at_ms),
        )  # fmt: skip
