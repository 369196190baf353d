"""Lines of the talk: six parts that a remote encounter needs, the handover and the note.

The six are those that students of a published telehealth examination left out most, such as who
else is present (21 %) and consent with the limits of a remote visit (35 %). They are found by
words, in English and Hindi; what cannot be found by words (tone, empathy) is left to people.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from teleward_gateway.classroom.events import Event, kinds
from teleward_gateway.classroom.scoring.encounter import Encounter
from teleward_gateway.classroom.scoring.line import Line
from teleward_gateway.classroom.scoring.thoughts import plain
from teleward_simulators.cases.answers.items import catalogue
from teleward_simulators.cases.lined_yaml import Table, read
from teleward_simulators.cases.model import Case

WORDS = Path(__file__).with_name("talk.yaml")
BOXES = ("identity", "situation", "background", "assessment", "recommendation")
LEAST_NOTE = 3
"""Words of a note below which it is none."""


@dataclass(frozen=True, slots=True)
class Item:
    """One part of the talk: found by an order, or where a text matches ``words`` (and ``both``)."""

    name: str
    label: dict[str, str]
    orders: tuple[str, ...]
    words: tuple[re.Pattern[str], ...]
    both: tuple[re.Pattern[str], ...]
    never: tuple[re.Pattern[str], ...]

    def is_in(self, text: str) -> bool:
        """Return whether a text in the form of `thoughts.plain` contains it."""
        return (
            _any(self.words, text)
            and (not self.both or _any(self.both, text))
            and not _any(self.never, text)
        )


def _any(patterns: tuple[re.Pattern[str], ...], text: str) -> bool:
    return any(pattern.search(text) for pattern in patterns)


@cache
def items() -> tuple[Item, ...]:
    """Return the six parts of the talk, with the words that count for each."""

    def patterns(row: Table, key: str) -> tuple[re.Pattern[str], ...]:
        return tuple(re.compile(pattern) for pattern in row.get(key, ()))

    return tuple(
        Item(
            name, {"en": row["en"], "hi": row["hi"]}, tuple(row.get("orders", ())),
            patterns(row, "words"), patterns(row, "and"), patterns(row, "not"),
        )
        for name, row in read(WORDS).items()
    )  # fmt: skip


def talk_lines(case: Case, encounter: Encounter) -> list[Line]:
    """Return a line for each of the six items, the handover and the note."""
    lines = [_item(case, item, encounter) for item in items()]
    return [*lines, _handover(encounter.handover), _note(encounter.note)]


def _item(case: Case, item: Item, encounter: Encounter) -> Line:
    at_ms, seqs = _found(case, item, encounter)
    return Line(
        "communication", item.name, "done" if seqs else "not_done", float(bool(seqs)), 1.0,
        item.label, at_ms=at_ms, events=seqs,
    )  # fmt: skip


def _found(case: Case, item: Item, encounter: Encounter) -> tuple[int | None, tuple[int, ...]]:
    """Return when an item was first in a text or done, and the events; none when it never was."""
    for deed in encounter.deeds:
        if deed.name in item.orders:
            return deed.at_ms, deed.seqs
    if item.name == "red_flags":
        return _red_flag(case, encounter)
    if item.name == "read_back" and encounter.readbacks:
        first = encounter.readbacks[0]
        return first.at_ms, (first.seq,)
    for words in encounter.words:
        if item.is_in(plain(words.text)):
            return words.at_ms, (words.seq,)
    return None, ()


def _red_flag(case: Case, encounter: Encounter) -> tuple[int | None, tuple[int, ...]]:
    """Return the first question whose answer the case marks as a warning sign.

    Where a case marks none, any two questions of history count.
    """
    flags = {
        name for name, rows in case.answers.items() if any(r.reveals == "red_flag" for r in rows)
    }
    asked = [q for q in encounter.questions if q.name in flags]
    if not flags:
        known = catalogue()
        history = [
            q for q in encounter.questions if q.name in known and known[q.name].kind == "history"
        ]
        asked = history[1:]
    return (asked[0].at_ms, asked[0].seqs) if asked else (None, ())


def _handover(event: Event | None) -> Line:
    """Return the line of the handover: a fifth for each box of ISBAR that is filled in."""
    body = event.body if event else None
    filled = 0
    if isinstance(body, kinds.HandoverGiven):
        filled = sum(bool(getattr(body, box).strip()) for box in BOXES)
    return Line(
        "handover", "handover", "done" if filled == len(BOXES) else "not_done",
        filled / len(BOXES), 1.0, {"en": "Handover by ISBAR", "hi": "ISBAR से सौंपना"},
        at_ms=event.at_case_ms if event else None, events=(event.seq,) if event else (),
    )  # fmt: skip


def _note(event: Event | None) -> Line:
    body = event.body if event else None
    wrote = isinstance(body, kinds.NoteWritten) and len(body.text.split()) >= LEAST_NOTE
    return Line(
        "note", "note", "done" if wrote else "not_done", float(wrote), 1.0,
        {"en": "A note in the record", "hi": "रिकॉर्ड में टिप्पणी"},
        at_ms=event.at_case_ms if event else None, events=(event.seq,) if event else (),
    )  # fmt: skip
