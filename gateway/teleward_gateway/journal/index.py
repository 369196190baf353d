"""Index of the journal: the next number, spans, corrections, counts and caches; thread-safe.

Theory of operation
===================

The tables are written by one thread and read by several. What they need to know without touching
the file stands here: where the numbers end, which minutes exist, how the clock was corrected, what
was lost. It is rebuilt from spans and state documents at each opening and takes a few bytes a
minute of records, so that a journal of months opens at once.

    writer:   opened -> { due -> (transaction) -> committed | failed } ... tidy
    readers:  next_number, corrections, committed_ns, cache        sinks: progress

1. ``due`` is asked before a transaction: what else must be written with these records. It hands
   over sinks' progress (at most once an interval), dead letters and corrections of the clock.
2. After the transaction comes exactly one of ``committed`` (publish it) and ``failed`` (put it
   back, so that the next transaction writes it). Nothing is published before it is on disk.
3. ``committed`` fills the row cache first, then moves ``next_number``, then calls listeners. A
   listener that reads what it was called for therefore finds it, mostly without touching the disk.
4. ``tidy`` enforces the budget by whole minutes. The span is rewritten in the transaction that
   deletes its rows: a power cut between the two would make a deletion look like damage.
5. ``suspect`` is set by any reader that meets a bad checksum. Readers never repair; the writer
   does so at the start of its next round.

Counters that must survive restarts (``counted``: records damaged, given up, expired; repairs) are a
state document and change only together with what they count. The lock covers the fields that are
read from other threads; it is never held while the disk is waited for.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable

from teleward_gateway.clock.corrections import Correction, Corrections
from teleward_gateway.journal.budget import EACH_TIME, FULL_SHARE, SpanIndex
from teleward_gateway.journal.cache import RowCache
from teleward_gateway.journal.checksum import DamagedBlob
from teleward_gateway.journal.commit import Commit, Due, Opened
from teleward_gateway.journal.config import JournalConfig
from teleward_gateway.journal.requests import Recorded, identities, newest
from teleward_gateway.journal.row import kinds_in
from teleward_gateway.journal.sink_progress import DueProgress, SinkProgress
from teleward_gateway.journal.spans import Span
from teleward_gateway.journal.store import CORRECTIONS, COUNTERS, REQUESTS, Store, Transaction
from teleward_gateway.journal.ticket import Request
from teleward_gateway.journal.timeline import TimeLine
from teleward_gateway.journal.trend_table import TrendTable
from teleward_signal.record import Record, RecordId, RecordKind


class JournalIndex:
    """The journal's knowledge of itself.

    ``counted`` holds what is remembered over restarts: records ``damaged``, ``given_up`` and
    ``expired``, repairs ``healed``. ``suspect`` is set by whoever meets damage and makes the
    writer mend the file.
    """

    def __init__(
        self, config: JournalConfig, progress: SinkProgress, on_commit: Callable[[Commit], None]
    ) -> None:
        self._config, self._progress, self._on_commit = config, progress, on_commit
        self.cache = RowCache(config.cache_records)
        self.counted: Counter[str] = Counter()
        self.journal = ""
        self.next_number = self.open_from = 1
        self.kept = self.file_bytes = self.openings = 0
        self.suspect: str | None = None
        self._corrections = Corrections()
        self._index = SpanIndex()
        self._times = TimeLine()
        self._lock = threading.Lock()
        self._acknowledged_s = time.monotonic()
        self._bad_rows: set[tuple[str, int]] = set()
        self._requests: Recorded = {}
        self._requests_offered: Recorded = {}
        self._request_edition = 0

    def opened(self, opened: Opened) -> None:
        """Take over what was found when the file was opened."""
        self._progress.load(opened.states, opened.next_number)
        with self._lock:
            self.cache.clear()
            self.openings += 1
            self.journal, self.next_number = opened.journal, opened.next_number
            self.open_from = opened.spans[-1].stop if opened.spans else 1
            self.counted = Counter(opened.states.get(COUNTERS, {}))
            self._index, self._times = SpanIndex(), TimeLine()
            self.kept = 0
            remembered = opened.states.get(REQUESTS, {})
            self._requests = remembered.get("requests", {})
            self._request_edition = int(remembered.get("edition", 0))
            for span in opened.spans:
                self._index.put(span)
            for span in (*opened.spans, *((opened.tail,) if opened.tail else ())):
                self.kept += span.waves + span.events
                self._times.add(span.seq, span.start_ns)
            for payload in opened.states.get(CORRECTIONS, {}).get("corrections", ()):
                correction = Correction.from_payload(payload)
                if correction:
                    self._corrections.add(correction)

    def corrections(self) -> Corrections:
        """Return the corrections of the clock that are known now."""
        with self._lock:
            return self._corrections

    def committed_ns(self, number: int) -> int | None:
        """Return about when a record was written, UTC ns."""
        with self._lock:
            return self._times.at(number)

    def recorded_for(self, gateway: str, request: Request) -> list[RecordId] | None:
        """Return what is on record for a request, None when nothing is; raises Conflict."""
        return identities(gateway, self._requests, request)

    def hurry(self) -> None:
        """Have the sinks' places written with the next commit."""
        self._acknowledged_s = float("-inf")

    def due(self, records: tuple[Record, ...], requests: Recorded, stopping: bool) -> Due:
        """Return what must be written along with ``records``, which carry out ``requests``."""
        due = DueProgress({}, [], [])
        now_s = time.monotonic()
        if stopping or now_s - self._acknowledged_s >= self._config.acknowledge_interval_s:
            self._acknowledged_s = now_s
            due = self._progress.due()
        corrections = _corrections_in(records)
        if corrections:
            all_known = [*self.corrections(), *corrections]
            due.states[CORRECTIONS] = {
                "edition": len(all_known),
                "corrections": [correction.payload() for correction in all_known],
            }
        self._requests_offered = requests
        if requests:
            known = newest(self._requests, requests)
            self._request_edition += 1
            due.states[REQUESTS] = {"edition": self._request_edition, "requests": known}
        return Due(due.states, due.dead_letters, due.reopened, corrections)

    def failed(self, due: Due) -> None:
        """Take back what could not be written."""
        self._progress.put_back(due.states, due.dead_letters, due.reopened)

    def committed(self, commit: Commit, closed: Span | None) -> None:
        """Note a commit, before anyone else does."""
        if self._requests_offered:
            self._requests = newest(self._requests, self._requests_offered)
            self._requests_offered = {}
        self.cache.put(commit.records)
        corrections = _corrections_in(commit.records)
        with self._lock:
            if corrections:
                self._corrections = Corrections([*self._corrections, *corrections])
            self.next_number = commit.stop
            self.kept += len(commit.records)
            if commit.records:
                self._times.add(commit.start, commit.time_ns)
            if closed is not None:
                self._index.put(closed)
                self.open_from = closed.stop
        if corrections:
            self._progress.thaw()
        self._progress.committed(commit.records)
        self._on_commit(commit)

    def damaged_row(self, table: str, seq: int, count: int) -> None:
        """Note a row that fails its checksum; the writer repairs the file."""
        self.suspect = f"row {seq} of {table} ({count} records) fails its checksum"

    def tidy(self, store: Store, log_bytes: int, *, urgent: bool = False) -> bool:
        """Keep the file within the budget, a few minutes of records at a time.

        ``urgent``: the disk is full, so room must be made whatever the budget says. Returns
        whether anything was deleted.
        """
        self.file_bytes = store.used_bytes() + log_bytes
        deleted = False
        for _ in range(EACH_TIME):
            if not urgent and self.file_bytes <= self._config.max_bytes * FULL_SHARE:
                break
            chosen = self._index.choose(self._progress.delivered_ranges())
            if chosen is None:
                break
            self._delete(store, *chosen)
            deleted = True
            self.file_bytes = store.used_bytes() + log_bytes
        return deleted

    def _delete(self, store: Store, table: str, seq: int) -> None:
        """Delete the rows of one table in one span and count what nobody has."""
        span = store.span(seq)
        if span is None:
            return
        count = span.waves if table == "wave" else span.events
        delivered = self._progress.delivered(span.seq, span.stop)
        pending = [] if delivered else list(_members(store, table, span))
        thinner = span.without(table)
        self._index.put(thinner)
        counted = Counter(self.counted)
        missed = self._progress.give_up(pending)
        counted["given_up"] += missed
        counted["expired"] += 0 if delivered else count - missed
        counted["edition"] += 1
        counted["floor"] = self._index.floor()
        try:
            with Transaction(store.database):
                store.delete(table, span.seq, span.stop)
                store.write_span(thinner)
                store.delete("span", 0, counted["floor"])
                TrendTable(store).forget_below(counted["floor"])
                store.write_state(COUNTERS, dict(counted))
        except BaseException:
            self._index.put(span)
            raise
        with self._lock:
            self.counted = counted
            self.kept -= count
            self._index.forget_below(counted["floor"])


def _corrections_in(records: tuple[Record, ...]) -> list[Correction]:
    found = (
        Correction.from_payload(record.payload)
        for record in records
        if record.kind is RecordKind.CLOCK
    )
    return [correction for correction in found if correction is not None]


def _members(store: Store, table: str, span: Span) -> list[tuple[int, RecordKind]]:
    """Return number and kind of the records that a table holds of a span."""
    found: list[tuple[int, RecordKind]] = []
    for seq, count, blob in store.rows(table, span.seq, span.stop):
        if table == "wave":
            found += [(seq + part, RecordKind.WAVEFORM) for part in range(count)]
            continue
        try:
            found += [(seq + part, kind) for part, kind in enumerate(kinds_in(blob))]
        except DamagedBlob:
            continue
    return found
