"""Records of one subject in order of time, in bounded memory.

    minutes by first time   |--1--|--2--|----3----|        3 has a reading of an hour ago
    handed out              all that is earlier than the first time of the next minute

Rows are in order of their commit, which is nearly the order of time: a reading from a device's
memory comes late, and a corrected clock moves whole boots. A minute is opened when its first
possible time comes. What lies far ahead in it waits in memory while that has room; beyond, the
minute is put back and opened again when its time comes.
"""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count

from teleward_gateway.exporting.journal_file import JournalFile, Minute
from teleward_gateway.journal.entries import Filter
from teleward_gateway.journal.reader import number_of
from teleward_signal.record import Record, RecordKind

NEAR_NS = 120_000_000_000
"""A minute of rows with what came a little late."""
MOST_HELD_BYTES = 48 * 2**20
RECORD_BYTES = 1500
"""A record as Python holds it, without its samples (measured with its payload)."""
BATCH = 1000
NOTE_SYMBOL = '"'
"""WFDB's symbol of a comment."""
NOTE = "note"
"""The act in the audit that holds a person's note about a moment."""
NOTED_NS = 7 * 86_400 * 1_000_000_000
"""How long after a moment, or before it, somebody may have noted something about it."""

Progress = Callable[[int], None]
"""Called with the time that has been reached, UTC ns."""


class RecordStream:
    """The records of a subject in ``[start_ns, end_ns)``, in batches, by time and number."""

    def __init__(
        self,
        journal: JournalFile,
        subject: str,
        start_ns: int,
        end_ns: int,
        kinds: frozenset[RecordKind],
        most_held: int = MOST_HELD_BYTES,
    ) -> None:
        self._journal, self._wanted = journal, Filter(kinds, subject)
        self._start_ns, self._end_ns, self._most_held = start_ns, end_ns, most_held
        self._held_bytes = 0
        self._records: list[tuple[int, int, Record]] = []
        self._tie = count()
        self._minutes: list[tuple[int, int, Minute]] = []

    def batches(self, progress: Progress = lambda time_ns: None) -> Iterator[list[Record]]:
        """Yield the records, at most `BATCH` at a time."""
        self._begin()
        batch: list[Record] = []
        while self._minutes or self._records:
            ready_ns = self._open_next() if self._minutes else None
            while self._records and (ready_ns is None or self._records[0][0] < ready_ns):
                batch.append(self._pop())
                if len(batch) == BATCH:
                    yield batch
                    batch = []
            if ready_ns is not None:
                progress(min(max(ready_ns, self._start_ns), self._end_ns))
        if batch:
            yield batch

    def _begin(self) -> None:
        least = self._journal.shifts[0]
        for minute in self._journal.minutes(self._start_ns, self._end_ns):
            self._put_back(max(minute.start_ns + least, self._start_ns), minute)
        if self._wanted.kinds is None or RecordKind.ANNOTATION in self._wanted.kinds:
            for note in self._notes():
                self._push(note)

    def _open_next(self) -> int | None:
        """Open the minute whose time has come; return the time before which all is known."""
        begin_ns, _, minute = heapq.heappop(self._minutes)
        records = self._journal.records(
            minute, self._wanted, max(begin_ns, self._start_ns), self._end_ns
        )
        records.sort(key=_order)
        near_ns, before_ns = begin_ns + NEAR_NS, None
        for record in records:
            is_far = record.time_ns >= near_ns and record.time_ns != before_ns
            if is_far and self._held_bytes > self._most_held:
                self._put_back(record.time_ns, minute)
                break
            self._push(record)
            before_ns = record.time_ns
        return self._minutes[0][0] if self._minutes else None

    def _put_back(self, begin_ns: int, minute: Minute) -> None:
        heapq.heappush(self._minutes, (begin_ns, next(self._tie), minute))

    def _push(self, record: Record) -> None:
        self._held_bytes += _size(record)
        heapq.heappush(self._records, (record.time_ns, number_of(record), record))

    def _pop(self) -> Record:
        record = heapq.heappop(self._records)[2]
        self._held_bytes -= _size(record)
        return record

    def _notes(self) -> Iterator[Record]:
        """Yield what people noted about moments of the range, as annotations."""
        subject = self._wanted.subject or ""
        for act in self._journal.acts(subject, self._start_ns - NOTED_NS, self._end_ns + NOTED_NS):
            known = act.payload
            at_ns = int(known.get("at_ns") or act.time_ns)
            if known.get("action") != NOTE or not self._start_ns <= at_ns < self._end_ns:
                continue
            payload = {"symbol": NOTE_SYMBOL, "label": str(known.get("text", ""))}
            for key in ("author", "until_ns"):
                if known.get(key) is not None:
                    payload[key] = known[key]
            yield replace(act, kind=RecordKind.ANNOTATION, time_ns=at_ns, payload=payload)


def _order(record: Record) -> tuple[int, int]:
    return record.time_ns, number_of(record)


def _size(record: Record) -> int:
    return RECORD_BYTES + len(record.samples)
