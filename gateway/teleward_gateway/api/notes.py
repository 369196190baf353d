"""The timeline of a subject: alarms, what people did, and notes that they put beside the trends."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field, StringConstraints

from teleward_gateway.api.schemas import FOREVER_NS, Author, Moment, Strict, iso_time
from teleward_gateway.api.view import GatewayView, HistoryQuery, view_of
from teleward_signal.errors import Invalid, NotFound
from teleward_signal.record import Record, RecordKind

DAY_NS = 24 * 3600 * 1_000_000_000
LONGEST_NS = 8 * DAY_NS
"""A week and a day: alarms of longer are a report, and their rows take seconds to look through."""
PAGE = 5000
"""Records read at a time; a busy bed has some hundreds of alarm changes a day."""
MOST = 2000
"""Lines of one answer, the newest: more than a page can show."""
AHEAD_NS = 60 * 1_000_000_000
"""The clock of the page may be ahead of the gateway's by so much."""
NOTE = "note"
"""The act in the audit that holds a note: ``text``, and ``at_ns``, the moment it is about."""
TEXTS = {
    "set alarm limits": "alarm limits changed",
    "pause alarm sound": "alarm sound paused",
}
"""Acts of the audit that belong beside a trend, as people read them."""

router = APIRouter(tags=["observations"])
View = Annotated[GatewayView, Depends(view_of)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]


class Note(Strict):
    """What a person notes about a moment or a span, such as "oxygen 4 L" or "cough"."""

    author: Author
    text: Text
    time_ns: int | None = Field(None, gt=0, lt=FOREVER_NS, description="UTC; now when left out")
    until_ns: int | None = Field(None, gt=0, lt=FOREVER_NS, description="the end of a span")


class Happening(BaseModel):
    """One line of the timeline; ``until_ns`` is when an alarm or what a note is about ended."""

    kind: Literal["alarm", "note", "act"]
    time: str
    time_ns: int
    until_ns: int | None = None
    text: str
    author: str | None = Field(None, description="who noted it, did it or acknowledged the alarm")
    acknowledged_ns: int | None = None
    condition: str | None = None
    priority: str | None = None
    metric: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is an alarm that goes on."""
        return self.kind == "alarm" and self.until_ns is None


@router.get("/subjects/{subject}/timeline")
async def timeline(
    view: View,
    subject: str,
    start_ns: Annotated[Moment | None, Query(description="UTC; a day before the end")] = None,
    end_ns: Annotated[Moment | None, Query(description="UTC; now")] = None,
) -> list[Happening]:
    """Return alarms, notes and changes of limits of at most eight days, oldest first.

    Of more than 2000 lines the newest are returned.
    """
    if not view.has_subject(subject):
        raise NotFound(f"no subject {subject!r}")
    end = view.now_ns() if end_ns is None else end_ns
    start = max(0, end - DAY_NS) if start_ns is None else start_ns
    if start >= end:
        raise Invalid("start_ns must be before end_ns")
    if end - start > LONGEST_NS:
        raise Invalid("a timeline has at most eight days: ask for it in parts")
    return await happenings(view, subject, start, end)


@router.post("/subjects/{subject}/notes", status_code=201)
async def take_note(view: View, subject: str, note: Note) -> Happening:
    """Keep a note of a person about a moment; the answer comes after the commit."""
    now_ns = view.now_ns()
    at_ns = note.time_ns or now_ns
    if at_ns > now_ns + AHEAD_NS:
        raise Invalid("time_ns lies in the future: give the time that the note is about, or none")
    if note.until_ns is not None and note.until_ns < at_ns:
        raise Invalid("until_ns must not be before time_ns")
    await view.note(subject, note.text, at_ns, note.author, note.until_ns)
    return Happening(
        kind="note",
        time=iso_time(at_ns),
        time_ns=at_ns,
        until_ns=note.until_ns,
        text=note.text,
        author=note.author,
    )


async def happenings(
    view: GatewayView, subject: str, start_ns: int, end_ns: int
) -> list[Happening]:
    """Return the timeline of a subject over ``[start_ns, end_ns)``, UTC, oldest first.

    An alarm that began up to a day before the range is in it when it went on; a note is at the time
    that it is about, also when it was written up to a day later.
    """
    kinds = frozenset({RecordKind.ALARM, RecordKind.AUDIT})
    query = HistoryQuery(subject, None, max(0, start_ns - DAY_NS), end_ns + DAY_NS, kinds, PAGE)
    records = list(page := await view.history(query))
    while len(page) == PAGE:
        last = page[-1]
        query = replace(query, after=(last.id.seq, last.id.part), after_ns=last.time_ns)
        records += (page := await view.history(query))
    found = [
        line
        for line in [*alarms_of(records), *acts_of(records)]
        if line.time_ns < end_ns and (line.is_open or (line.until_ns or line.time_ns) >= start_ns)
    ]
    return sorted(found, key=lambda line: line.time_ns)[-MOST:]


def acts_of(records: Sequence[Record]) -> list[Happening]:
    """Return notes and changes of limits among ``records``."""
    found = []
    for record in (r for r in records if r.kind is RecordKind.AUDIT):
        known = record.payload
        action = str(known.get("action"))
        if action != NOTE and action not in TEXTS:
            continue
        at_ns = int(known.get("at_ns") or record.time_ns)
        found.append(
            Happening(
                kind="note" if action == NOTE else "act",
                time=iso_time(at_ns),
                time_ns=at_ns,
                until_ns=known.get("until_ns"),
                text=str(known.get("text")) if action == NOTE else TEXTS[action],
                author=known.get("author"),
            )
        )
    return found


def alarms_of(records: Sequence[Record]) -> list[Happening]:
    """Return one line an alarm from "on" to "off"; its text is that of its highest priority."""
    rank = {"high": 0, "medium": 1, "low": 2, "info": 3}
    going_on: dict[str, Happening] = {}
    found = []
    for record in (r for r in records if r.kind is RecordKind.ALARM):
        known: dict[str, Any] = record.payload
        condition, is_off = str(known.get("condition")), known.get("presence") == "off"
        line = going_on.get(condition)
        if line is None:
            if is_off:
                continue  # it began before the records that were asked for
            line = going_on[condition] = Happening(
                kind="alarm",
                time=iso_time(record.time_ns),
                time_ns=record.time_ns,
                text=str(known.get("text") or condition.replace("_", " ")),
                condition=condition,
                priority=str(known.get("priority")),
                metric=record.metric,
            )
            found.append(line)
        if is_off:
            line.until_ns = record.time_ns
            del going_on[condition]
        elif rank.get(str(known.get("priority")), 3) < rank.get(str(line.priority), 3):
            line.priority = str(known.get("priority"))
            line.text = str(known.get("text") or line.text)
        if known.get("author") and line.acknowledged_ns is None:
            line.author, line.acknowledged_ns = str(known["author"]), record.time_ns
    return found
