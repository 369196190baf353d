"""The journal's writer: a thread that commits the write queue, once an interval.

Theory of operation
===================

    event loop --put--> WriteQueue --take--> rows --one transaction, synced--> index, sinks, pages

One thread owns the only writing connection. Everybody else puts entries into the write queue and
is called back after the commit. A round (`_round`) goes like this:

1. A damaged file is closed and reopened, which repairs it (`open_file`, `repair`).
2. Up to `CHUNK` entries are taken from the queue, and again as long as there were so many. They are
   packed into rows: one for waveforms, one for everything else, split at `ROW_RECORDS`. Numbers are
   assigned here and nowhere else.
3. One transaction writes the rows and all that must agree with them: the span that they complete,
   its trend, sinks' progress, clock corrections, dead letters. Either all of it is in the file
   after a power cut or none of it is.
4. COMMIT syncs the log. Only now are the records *recorded*: the mark file moves on, the index
   learns of the commit, listeners are called, and tickets of `flush` are answered.
5. Log and table are brought together now and then (`_checkpoint`), the disk budget is enforced,
   and missing trends are rebuilt for a bounded time.

Four rules hold whatever fails:

- **A number belongs to one record for good.** ``_entries`` keeps the packed chunk until its commit
  has succeeded. A commit that fails is tried again with the same entries and the same numbers, so
  that a commit that did reach the disk although it reported an error does not double records.
- **The numbers have no holes.** ``seq`` moves on by the count of records; a hole found later is
  exactly as wide as what was lost. Numbers are not reused after a repair: the mark is the floor.
- **The queue is the only buffer.** While the disk refuses, new records wait in the write queue,
  whose bounds decide what is dropped (waveforms before values) and count it.
- **The thread does not end.** Refusals of the disk are a `problem` for health and a retry with
  back-off; a full disk first releases the reserve file and deletes by the budget's order; an entry
  that cannot be packed is dropped alone (`_sift`); any other exception is logged and retried.

What to know before changing it: SQLite runs in WAL mode with ``synchronous=FULL``, so COMMIT is the
one sync of a round. The interval is measured from due time to due time: a flush in between does
not delay the next commit. `Knowledge` is the index as the writer sees it; it is called from this
thread and locks for itself.
"""

import contextlib
import logging
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable

from teleward_gateway.journal.commit import Commit, Due, Knowledge, Opener, Ready, WriterCounters
from teleward_gateway.journal.config import JournalConfig
from teleward_gateway.journal.damage import Damaged, is_damage
from teleward_gateway.journal.database import PAGE_BYTES
from teleward_gateway.journal.drafts import join_waveforms
from teleward_gateway.journal.entries import Entry, is_withdrawn
from teleward_gateway.journal.life_sign import LifeSign
from teleward_gateway.journal.migrations import JournalTooNew
from teleward_gateway.journal.requests import recorded_in
from teleward_gateway.journal.row import Origin, Row, build_row, is_wave, make_record
from teleward_gateway.journal.spans import Span, count_row
from teleward_gateway.journal.store import Store, Transaction
from teleward_gateway.journal.trend_table import StoredTrend
from teleward_gateway.journal.trends import Trends, write_trend
from teleward_gateway.journal.write_queue import WriteQueue
from teleward_gateway.process.backoff import Backoff
from teleward_signal.record import Record

log = logging.getLogger(__name__)

CHUNK = 8192  # records a commit; at 64 patients a second has some 500
ROW_RECORDS = 4096  # records a row: a row is read and checked whole
ROOM_PAGES = 64  # two commits of a ward
LOOK_EVERY_S = 20.0
"""How often the open file is compared with the one at its path."""
FIRST_RETRY_S = 0.1
LONGEST_RETRY_S = 2.0  # writable storage is noticed within this time


class Writer:
    """Runs the thread; see the module's drawing."""

    def __init__(
        self, config: JournalConfig, write_queue: WriteQueue, opener: Opener, index: Knowledge
    ) -> None:
        self._config, self._write_queue = config, write_queue
        self._opener, self._index = opener, index
        self.counters = WriterCounters()
        self.life = LifeSign()
        self.problem: str | None = None
        self._fatal: BaseException | None = None
        self._ready: Ready | None = None
        self._next, self._span = 1, None  # type: int, Span | None
        self._span_since_s = 0.0
        self._trends = Trends()
        self._entries: list[Entry] = []
        self._pages = 0
        self._looked_s = 0.0
        self._wake = threading.Condition()
        self._asked = self._answered = 0
        self._stopping = False
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="journal-writer", daemon=True)

    @property
    def in_hand(self) -> int:
        """Return how many records a commit holds that has not succeeded yet."""
        return len(self._entries)

    def start(self) -> None:
        """Start the thread; raises what makes going on impossible, such as a newer file."""
        self._thread.start()
        self._started.wait()
        if self._fatal is not None:
            raise self._fatal

    def flush(self) -> int:
        """Ask for a commit now; return the ticket for `flushed`."""
        with self._wake:
            self._asked += 1
            self._wake.notify()
            return self._asked

    def flushed(self, ticket: int) -> bool:
        """Return whether everything that was queued before `flush` is on disk."""
        return self._answered >= ticket

    def stop(self) -> None:
        """Commit what waits, if the disk takes it, and end the thread."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        self._thread.join()

    def _run(self) -> None:
        self.life.begin()
        try:
            self._attempt(self._open)
        except BaseException as error:
            self._fatal = error
            return
        finally:
            self._started.set()
        due_s = time.monotonic() + self._config.commit_interval_s
        backoff, retry_s = Backoff(FIRST_RETRY_S, LONGEST_RETRY_S), 0.0
        while True:
            with self._wake:
                if self._asked == self._answered and not self._stopping:
                    self._wake.wait(retry_s or max(0.0, due_s - time.monotonic()))
                asked, stopping = self._asked, self._stopping
            done = self._attempt_round()
            self.life.round_ended()
            if done or stopping:
                self._answered = asked
            if done:
                backoff.succeeded()
            retry_s = 0.0 if done else backoff.failed()
            now_s, interval_s = time.monotonic(), self._config.commit_interval_s
            # a commit that was asked for in between must not put the next ones off
            due_s = min(max(due_s + interval_s, now_s), now_s + interval_s)
            if stopping:
                break
        self._close()

    def _attempt_round(self) -> bool:
        """Do a round; an internal error becomes a reported problem and the thread lives on."""
        try:
            return self._attempt(self._round)
        except Exception as error:
            log.exception("journal: the writer failed")
            self.problem = f"the writer failed: {type(error).__name__}: {error}"
            self.counters.failures += 1
            return False

    def _attempt(self, step: Callable[[], None]) -> bool:
        """Do one step; a disk that refuses is remembered as the problem, never raised."""
        try:
            step()
        except (sqlite3.Error, OSError, Damaged, JournalTooNew) as error:
            if self.problem is None:
                log.warning("journal: records cannot be written: %s", error)
            self.problem = f"records cannot be written: {error}"
            self.counters.failures += 1
            self._failed(error)
            return False
        if self.problem is not None:
            log.warning("journal: records are written again")
        self.problem = None
        return True

    def _failed(self, error: Exception) -> None:
        """Make room on a full disk; reopen the file after anything that leaves it in doubt."""
        code = getattr(error, "sqlite_errorcode", 0)
        if code == sqlite3.SQLITE_FULL and self._ready is not None:
            self._make_room(self._ready)
        elif code & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            if self._ready is not None and is_damage(error):
                self._opener.suspect = str(error)
            self._close()

    def _make_room(self, ready: Ready) -> None:
        """Delete by the order of the budget: pages freed inside the file need no room outside."""
        ready.reserve.release()
        with contextlib.suppress(sqlite3.Error):
            ready.store.checkpoint()
            if ready.store.free_pages() < ROOM_PAGES:
                self._index.tidy(ready.store, 0, urgent=True)
                ready.store.checkpoint()
        self._pages = 0

    def _open(self) -> None:
        with self.life.repairing():
            ready = self._opener.open()
        self._ready, self._next, self._span = ready, ready.next_number, ready.span
        ready.reserve.restore()
        self._trends.opened(whole=ready.span is None)
        self._span_since_s = time.monotonic()

    def _round(self) -> None:
        if self._index.suspect is not None:
            self._opener.suspect, self._index.suspect = self._index.suspect, None
            self._close()
        self._notice_replacement()
        if self._ready is None:
            self._open()
        ready = self._ready
        assert ready is not None
        more = True
        while more:
            again = bool(self._entries)
            self._entries = self._entries or self._write_queue.take(CHUNK)
            # what came during the commit waits for the next interval: to commit again for it cuts
            # a second's waveforms into pieces, which costs the more the busier the machine is
            more = again or len(self._entries) == CHUNK
            self._entries = [entry for entry in self._entries if not is_withdrawn(entry)]
            self._commit(ready)
        self._checkpoint(ready)
        # the log and the reserve, which is as large, count as used
        self._index.tidy(ready.store, 2 * self._config.log_bytes)
        self._pages += self._trends.maintain(ready.store, self._index.corrections())

    def _notice_replacement(self) -> None:
        """Open again when the file was deleted, replaced or overwritten, looking now and then.

        SQLite would go on in a file without a name, and all of it would be gone at the next start.
        """
        if self._ready is None or time.monotonic() - self._looked_s < LOOK_EVERY_S:
            return
        self._looked_s = time.monotonic()
        if self._opener.is_replaced():
            log.error("journal: the file was deleted or replaced while running; begun again")
        elif self._opener.is_overwritten():
            log.error("journal: another program overwrote the file; what is whole is saved")
            self._opener.suspect = "another program overwrote it"
        else:
            return
        self._close()
        self._opener.leave_mark(self._next)

    def _commit(self, ready: Ready) -> None:
        try:
            rows, entries, records = self._rows(ready.origin)
        except Exception:
            self._sift(ready.origin)
            rows, entries, records = self._rows(ready.origin)
        due = self._index.due(records, recorded_in(entries, records), self._stopping)
        began_s = time.monotonic()
        span = self._span
        for row, members in rows:
            span = count_row(span, row, Counter(record.kind for record in members))
        full = span if span is not None and self._stop_span(began_s) else None
        if not (rows or due.states or due.dead_letters or due.reopened) and full is None:
            return
        trend = self._trends.close(full, records, ready.origin.boot, due.corrections)
        try:
            self._write(ready.store, [row for row, _ in rows], full, trend, due)
        except BaseException:
            self._index.failed(due)
            raise
        self._entries = []
        for entry, record in zip(entries, records, strict=True):
            for ticket in entry.tickets:
                ticket.identity = record.id
        self._span = None if full is not None else span
        if full is not None:
            self._span_since_s = began_s
        self._pages += 3 + sum(1 + len(row.blob) // PAGE_BYTES for row, _ in rows)
        self._pages += trend.pages if trend is not None else 0
        start, self._next = self._next, self._next + len(records)
        if rows:
            ready.mark.write(self._next)
        self._count(len(records), began_s)
        self._trends.committed(records, closed=full is not None, corrected=bool(due.corrections))
        self._index.committed(Commit(start, self._next, time.time_ns(), records), full)

    def _write(
        self, store: Store, rows: list[Row], span: Span | None, trend: StoredTrend | None, due: Due
    ) -> None:
        with Transaction(store.database):
            store.insert(rows)
            if span is not None:
                store.write_span(span)
            write_trend(store, trend, due.corrections)
            for key, document in due.states.items():
                store.write_state(key, document)
            for document in due.dead_letters:
                store.dead_letter(document)
            if due.reopened:
                store.forget_dead_letters(set(due.reopened))

    def _count(self, n_records: int, began_s: float) -> None:
        counters = self.counters
        counters.commits += 1
        counters.records += n_records
        counters.last_commit_s = time.monotonic() - began_s
        counters.longest_commit_s = max(counters.longest_commit_s, counters.last_commit_s)

    def _rows(
        self, origin: Origin
    ) -> tuple[list[tuple[Row, list[Record]]], list[Entry], tuple[Record, ...]]:
        """Build the rows of a commit: values and events first, then the frame of waveforms.

        Entries and records are in the order of their numbers.
        """
        entries = join_waveforms(self._entries) if self._config.join else self._entries
        number = self._next
        rows: list[tuple[Row, list[Record]]] = []
        numbered: list[Entry] = []
        records: list[Record] = []
        for group in (
            [entry for entry in entries if not is_wave(entry)],
            [entry for entry in entries if is_wave(entry)],
        ):
            for part in _chunks(group):
                rows.append((build_row(part, number, origin), self._records(part, number, origin)))
                numbered += part
                records += rows[-1][1]
                number += len(part)
        return rows, numbered, tuple(records)

    def _sift(self, origin: Origin) -> None:
        """Give up the entries that no row can hold, counted as lost: the others must not wait."""
        writable = []
        for entry in self._entries:
            try:
                build_row([entry], self._next, origin)
            except Exception as error:
                log.error("journal: a record (%s) cannot be written: %s", entry.kind.value, error)
                self._write_queue.give_up(entry)
            else:
                writable.append(entry)
        self._entries = writable

    def _records(self, entries: list[Entry], seq: int, origin: Origin) -> list[Record]:
        return [make_record(entry, seq, part, origin) for part, entry in enumerate(entries)]

    def _stop_span(self, now_s: float) -> bool:
        return self._stopping or now_s - self._span_since_s >= self._config.span_s

    def _checkpoint(self, ready: Ready) -> None:
        """Move the log into the file now and then; the pages are an estimate from the blobs."""
        if self._pages * PAGE_BYTES < self._config.log_bytes:
            return
        began_s = time.monotonic()
        ready.store.checkpoint()
        self._opener.checkpointed()
        ready.reserve.restore()
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
