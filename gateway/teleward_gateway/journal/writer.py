"""The journal's writer: a thread that commits what has come in, once an interval.

    event loop --put--> Intake --take--> rows --one transaction, synced--> published

What fails to commit is tried again with the same numbers until the disk takes it; meanwhile new
records wait in the intake, whose bounds say what is given up.
"""

import logging
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from teleward_gateway.journal.config import JournalConfig
from teleward_gateway.journal.drafts import join_waveforms
from teleward_gateway.journal.entries import Entry
from teleward_gateway.journal.intake import Intake
from teleward_gateway.journal.mark import Mark
from teleward_gateway.journal.row import Origin, Row, build_row, is_wave, make_record
from teleward_gateway.journal.spans import Span, count_row
from teleward_gateway.journal.store import Store, Transaction
from teleward_signal.record import Record

log = logging.getLogger(__name__)

CHUNK = 8192  # records a commit; at 64 patients a second has some 500
ROW_RECORDS = 4096  # records a row: a row is read and checked whole
CHECKPOINT_PAGES = 2000  # 8 MB of log before it moves into the file: hot pages move once
LONGEST_RETRY_S = 2.0  # writable storage is noticed within this time


@dataclass(frozen=True, slots=True)
class Commit:
    """What one transaction wrote: records ``start`` up to but not ``stop``."""

    start: int
    stop: int
    records: tuple[Record, ...]


@dataclass(slots=True)
class WriterCounters:
    """What the writer has done since it started; times in seconds."""

    commits: int = 0
    records: int = 0
    failures: int = 0
    last_commit_s: float = 0.0
    longest_commit_s: float = 0.0
    last_checkpoint_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Ready:
    """What the writer needs to go on after the file was opened."""

    store: Store
    origin: Origin
    next_number: int
    span: Span | None
    mark: Mark


class Writer:
    """Runs the thread; ``open_store`` opens or mends the file; when it fails it is tried again.

    ``states`` returns the state documents that are due; ``published`` hears of each commit;
    ``tidy`` does a slice of maintenance after a commit. All three are called in this thread.
    """

    def __init__(
        self,
        config: JournalConfig,
        intake: Intake,
        open_store: Callable[[], Ready],
        states: Callable[[tuple[Record, ...], bool], dict[int, dict[str, Any]]],
        published: Callable[[Commit], None],
        tidy: Callable[[Ready], None],
    ) -> None:
        self._config, self._intake = config, intake
        self._open_store, self._states = open_store, states
        self._published, self._tidy = published, tidy
        self.counters = WriterCounters()
        self.problem: str | None = None
        self._ready: Ready | None = None
        self._next, self._span = 1, None  # type: int, Span | None
        self._span_since_s = 0.0
        self._entries: list[Entry] = []
        self._pages = 0
        self._wake = threading.Condition()
        self._asked = self._answered = 0
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="journal-writer", daemon=True)

    def start(self) -> None:
        """Start the thread and wait for the first attempt to open the file."""
        started = threading.Event()
        self._started = started
        self._thread.start()
        started.wait()

    def flush(self) -> int:
        """Ask for a commit now; return the ticket for `flushed`."""
        with self._wake:
            self._asked += 1
            self._wake.notify()
            return self._asked

    def flushed(self, ticket: int) -> bool:
        """Say whether everything that was queued before `flush` is on disk."""
        return self._answered >= ticket

    def stop(self) -> None:
        """Commit what waits, if the disk takes it, and end the thread."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        self._thread.join()

    def _run(self) -> None:
        self._attempt(self._open)
        self._started.set()
        due_s = time.monotonic() + self._config.commit_interval_s
        retry_s = 0.0
        while True:
            with self._wake:
                wait_s = retry_s or max(0.0, due_s - time.monotonic())
                if self._asked == self._answered and not self._stopping:
                    self._wake.wait(wait_s)
                asked, stopping = self._asked, self._stopping
            done = self._attempt(self._round)
            if done or stopping:
                self._answered = asked
            retry_s = 0.0 if done else min(LONGEST_RETRY_S, max(0.1, retry_s * 2))
            due_s = max(due_s + self._config.commit_interval_s, time.monotonic())
            if stopping:
                break
        self._close()

    def _attempt(self, step: Callable[[], None]) -> bool:
        """Do one step; a disk that refuses is remembered as the problem, never raised."""
        try:
            step()
        except (sqlite3.Error, OSError) as error:
            if self.problem is None:
                log.warning("journal: storage does not take records: %s", error)
            self.problem = f"storage does not take records: {error}"
            self.counters.failures += 1
            self._failed(error)
            return False
        if self.problem is not None:
            log.warning("journal: storage takes records again")
        self.problem = None
        return True

    def _failed(self, error: Exception) -> None:
        """Drop a connection that can no longer be trusted; the next round opens the file anew."""
        if not isinstance(error, sqlite3.OperationalError):
            self._close()

    def _open(self) -> None:
        ready = self._open_store()
        self._ready, self._next, self._span = ready, ready.next_number, ready.span
        self._span_since_s = time.monotonic()

    def _round(self) -> None:
        if self._ready is None:
            self._open()
        while True:
            self._entries = self._entries or self._intake.take(CHUNK)
            more = bool(self._entries)
            self._commit()
            if not more or not len(self._intake):
                break
        assert self._ready is not None
        self._tidy(self._ready)

    def _commit(self) -> None:
        ready = self._ready
        assert ready is not None
        rows, records = self._rows(ready.origin)
        states = self._states(records, self._stopping)
        if not rows and not states:
            return
        began_s = time.monotonic()
        span = self._span
        for row, members in rows:
            span = count_row(span, row, Counter(record.kind for record in members))
        full = span is not None and self._stop_span(began_s)
        with Transaction(ready.store.database):
            ready.store.insert([row for row, _ in rows])
            if full and span is not None:
                ready.store.write_span(span)
            for key, document in states.items():
                ready.store.write_state(key, document)
        self._entries = []
        self._span = None if full else span
        if full:
            self._span_since_s = began_s
        self._account(rows, records, began_s)
        if rows:
            ready.mark.write(self._next)
        self._checkpoint(rows)

    def _account(
        self, rows: list[tuple[Row, list[Record]]], records: tuple[Record, ...], began_s: float
    ) -> None:
        start = self._next
        self._next += len(records)
        counters = self.counters
        counters.commits += 1
        counters.records += len(records)
        counters.last_commit_s = time.monotonic() - began_s
        counters.longest_commit_s = max(counters.longest_commit_s, counters.last_commit_s)
        if rows:
            self._published(Commit(start, self._next, records))

    def _rows(self, origin: Origin) -> tuple[list[tuple[Row, list[Record]]], tuple[Record, ...]]:
        """Build the rows of a commit: values and events first, then the frame of waveforms."""
        entries = join_waveforms(self._entries)
        number = self._next
        rows, records = [], []
        for group in (
            [entry for entry in entries if not is_wave(entry)],
            [entry for entry in entries if is_wave(entry)],
        ):
            for part in _chunks(group):
                rows.append((build_row(part, number, origin), self._records(part, number, origin)))
                records += rows[-1][1]
                number += len(part)
        return rows, tuple(records)

    def _records(self, entries: list[Entry], seq: int, origin: Origin) -> list[Record]:
        return [make_record(entry, seq, part, origin) for part, entry in enumerate(entries)]

    def _stop_span(self, now_s: float) -> bool:
        return self._stopping or now_s - self._span_since_s >= self._config.span_s

    def _checkpoint(self, rows: Iterable[tuple[Row, list[Record]]]) -> None:
        """Move the log into the file now and then; the pages are an estimate from the blobs."""
        self._pages += 3 + sum(1 + len(row.blob) // 4096 for row, _ in rows)
        if self._pages < CHECKPOINT_PAGES or self._ready is None:
            return
        began_s = time.monotonic()
        self._ready.store.checkpoint()
        self._pages = 0
        self.counters.last_checkpoint_s = time.monotonic() - began_s

    def _close(self) -> None:
        if self._ready is None:
            return
        self._ready.mark.close()
        try:
            self._ready.store.database.close()
        except sqlite3.Error as error:
            log.warning("journal: closing: %s", error)
        self._ready = None


def _chunks(entries: list[Entry]) -> Iterable[list[Entry]]:
    for first in range(0, len(entries), ROW_RECORDS):
        yield entries[first : first + ROW_RECORDS]
