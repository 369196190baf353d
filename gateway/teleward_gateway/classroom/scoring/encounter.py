"""Encounter: what a learner was shown, asked, ordered, thought and wrote, read from the log.

What the worker did and found counts for everybody in the room; thoughts and reflections are of one
seat. Times are milliseconds of the illness, as in the events.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from teleward_gateway.classroom.events import Event, kinds
from teleward_gateway.classroom.events.timeline import lineage


@dataclass(frozen=True, slots=True)
class Deed:
    """An action that was carried out, or a question that was answered.

    ``at_ms`` is when it was ordered: how long the worker takes is not the learner's doing.
    """

    name: str
    at_ms: int
    seqs: tuple[int, ...]
    dose: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """The numbers on the screen at a time, by metric; those that showed dashes are left out."""

    at_ms: int
    seq: int
    values: dict[str, float]


@dataclass(frozen=True, slots=True)
class Words:
    """What a learner wrote to somebody, and when."""

    at_ms: int
    seq: int
    text: str


@dataclass(slots=True)
class Encounter:
    """What counts of one seat's encounter, oldest first."""

    deeds: list[Deed] = field(default_factory=list)
    questions: list[Deed] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    rhythms: list[tuple[int, int, str]] = field(default_factory=list)
    """Time, event and name of each rhythm alarm."""
    words: list[Words] = field(default_factory=list)
    readbacks: list[Words] = field(default_factory=list)
    diagnosis: Event | None = None
    disposition: Event | None = None
    handover: Event | None = None
    note: Event | None = None
    result: str = ""
    end_ms: int = 0


def encounter_of(events: Sequence[Event], room: str, seat: str) -> Encounter:
    """Return the encounter of ``seat`` in ``room``; branches that were abandoned do not count."""
    found = Encounter()
    ordered: dict[str, Event] = {}
    for event in lineage(events, room):
        found.end_ms = max(found.end_ms, event.at_case_ms or 0)
        _bedside(found, event, ordered)
        if event.seat == seat:
            _thought(found, event)
    return found


def _bedside(found: Encounter, event: Event, ordered: dict[str, Event]) -> None:
    """Add what counts for everybody in the room."""
    body, at_ms = event.body, event.at_case_ms or 0
    match body:
        case kinds.ActOrdered() | kinds.AskPlaced():
            ordered[body.task] = event
        case kinds.ActDone():
            first = ordered.get(body.task, event)
            found.deeds.append(_deed(body.name, first, event, body.dose))
        case kinds.AskAnswered() | kinds.ResultReady():
            first = ordered.get(body.task, event)
            found.questions.append(_deed(body.item, first, event))
        case kinds.ActReadback() if body.confirmed:
            found.readbacks.append(Words(at_ms, event.seq, body.text))
        case kinds.Shown():
            known = {name: value for name, value in body.readings.items() if value is not None}
            found.readings.append(Reading(at_ms, event.seq, known))
        case kinds.AlarmOn():
            found.rhythms.append((at_ms, event.seq, body.condition))
        case kinds.Ended():
            found.result = body.result


def _deed(name: str, first: Event, last: Event, dose: str = "") -> Deed:
    seqs = tuple(dict.fromkeys((first.seq, last.seq)))
    return Deed(name, first.at_case_ms or 0, seqs, dose)


def _thought(found: Encounter, event: Event) -> None:
    """Add what is the seat's own; the newest counts."""
    match event.body:
        case kinds.ThinkDiagnosis():
            found.diagnosis = event
        case kinds.ThinkDisposition():
            found.disposition = event
        case kinds.HandoverGiven():
            found.handover = event
        case kinds.NoteWritten():
            found.note = event
        case kinds.Message(text=text) if text.strip():
            found.words.append(Words(event.at_case_ms or 0, event.seq, text))
