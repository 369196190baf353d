"""The journal: everything of record goes through here and is kept until every sink has it.

append(draft) -> identity (gateway, journal, seq, part) at the next synced commit
read / settle -> each sink's backlog, with what the server acknowledged
history       -> by subject, metric and time, at times as known now
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from teleward_gateway.clock.corrections import Correction, Corrections
from teleward_gateway.clock.gateway_clock import Clock
from teleward_gateway.journal.cache import RowCache
from teleward_gateway.journal.config import JournalConfig
from teleward_gateway.journal.database import Connect, connect
from teleward_gateway.journal.entries import Entry, Filter
from teleward_gateway.journal.intake import Intake
from teleward_gateway.journal.opening import Opened, Opening
from teleward_gateway.journal.ranges import Ranges
from teleward_gateway.journal.reader import Batch, Reader
from teleward_gateway.journal.sinks import SinkState
from teleward_gateway.journal.stats import JournalStats, Losses, SinkStats
from teleward_gateway.journal.store import CORRECTIONS, FIRST_SINK
from teleward_gateway.journal.timeline import TimeLine
from teleward_gateway.journal.writer import Commit, Ready, Writer
from teleward_signal.model import Provenance
from teleward_signal.record import Draft, Record, RecordId, RecordKind

log = logging.getLogger(__name__)
T = TypeVar("T")
CommitListener = Callable[[Commit], None]
DEFAULTS = JournalConfig()
FREEZE_AHEAD = 10_000  # some 20 s of a ward: one extra commit in that time while time is a guess


class Journal:
    """One journal: one file, one provenance, one gateway.

    `append`, `settle`, `acknowledge` and `stats` never touch the disk and belong to the event
    loop; `read`, `history` and `flush` are awaited.
    """

    def __init__(
        self,
        folder: Path,
        gateway: str,
        provenance: Provenance,
        clock: Clock,
        config: JournalConfig,
        connect: Connect,
    ) -> None:
        self.provenance, self.config, self.gateway = provenance, config, gateway
        self._clock, self._connect = clock, connect
        self._state = threading.Lock()
        self._intake = Intake(config.queue_records, config.queue_bytes)
        self._cache = RowCache(config.cache_records)
        self._corrections = Corrections()
        self._sinks: dict[str, SinkState] = {}
        self._changed: set[int] = set()
        self._aside: list[dict[str, Any]] = []
        self._acknowledged_s = time.monotonic()
        self._next = 1
        self._open_from = 1
        self._kept = self._file_bytes = 0
        self._healed = self._expired = self._damaged = self._given_up = 0
        self._times = TimeLine()
        self._journal = ""
        self._listeners: list[tuple[asyncio.AbstractEventLoop, CommitListener]] = []
        self._opening = Opening(folder, gateway, provenance, clock.boot, connect, self._on_opened)
        self._writer = Writer(
            config, self._intake, self._opening.open, self._due_states, self._on_commit, self._tidy
        )
        self._threads = ThreadPoolExecutor(1, "journal-reader")
        self._reader: Reader | None = None
        self._closed = False

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        gateway: str,
        provenance: Provenance,
        clock: Clock,
        config: JournalConfig = DEFAULTS,
        connect: Connect = connect,
    ) -> "Journal":
        """Open the journal of ``provenance`` in ``folder``, making or mending it.

        Storage that takes nothing now is no error: records wait in memory and `stats` says so.
        Raises `JournalInUse` or `JournalTooNew`.
        """
        journal = cls(folder, gateway, provenance, clock, config, connect)
        journal._opening.lock()
        journal._writer.start()
        return journal

    def close(self) -> None:
        """Commit what waits and close the file; idempotent."""
        if self._closed:
            return
        self._closed = True
        self._writer.stop()
        self._threads.submit(self._close_reader).result()
        self._threads.shutdown()
        self._opening.unlock()

    def append(self, draft: Draft) -> None:
        """Take a draft in; it is on disk after the next commit. Never blocks."""
        stamp = self._clock.now()
        time_ns, uncertainty_ns = draft.time_ns, draft.uncertainty_ns
        if time_ns is None:
            time_ns, uncertainty_ns = stamp.time_ns, stamp.uncertainty_ns
        self._intake.put(
            Entry(
                draft.kind, draft.subject, draft.device, draft.metric,
                time_ns, uncertainty_ns, stamp.monotonic_ns, draft.payload, draft.samples,
            )
        )  # fmt: skip

    def correct(self, correction: Correction) -> None:
        """Record a correction of the clock; history follows it from the next commit on."""
        self.append(Draft(RecordKind.CLOCK, payload=correction.payload()))

    async def flush(self) -> None:
        """Commit now; returns when everything appended before is on disk or cannot be written."""
        ticket = self._writer.flush()
        while not self._writer.flushed(ticket):
            if self._writer.problem is not None:
                return
            await asyncio.sleep(0.002)

    def on_commit(self, listener: CommitListener) -> None:
        """Have ``listener`` called in this event loop after every commit."""
        self._listeners.append((asyncio.get_running_loop(), listener))

    def forget_listener(self, listener: CommitListener) -> None:
        """Stop calling ``listener``; idempotent."""
        self._listeners = [known for known in self._listeners if known[1] != listener]

    # --- sinks ---

    async def register(
        self, sink: str, kinds: frozenset[RecordKind], *, from_now: bool = False
    ) -> None:
        """Make a sink known, or take up where it was; its backlog counts from then on.

        A new sink is owed everything in the journal, or with ``from_now`` what is to come.
        """
        with self._state:
            state = self._sinks.get(sink)
            if state is None:
                key = 1 + max((s.key for s in self._sinks.values()), default=FIRST_SINK)
                state = SinkState(sink, key, kinds)
                if from_now:
                    state.done.add(1, self._next)
                self._sinks[sink] = state
            state.kinds, state.active, state.pending = kinds, True, 0
            self._changed.add(state.key)
            gaps = list(state.done.gaps(1, self._next))
        owed = await self._in_thread(lambda r: sum(r.count(a, b, kinds) for a, b in gaps))
        with self._state:
            state.pending += owed

    def rename_sink(self, old: str, new: str) -> None:
        """Give a sink's place in the journal to another name."""
        with self._state:
            if new in self._sinks:
                raise ValueError(f"sink {new} has its own place in the journal already")
            state = self._sinks.pop(old)
            state.name = new
            self._sinks[new] = state
            self._changed.add(state.key)

    def ranges(self, sink: str) -> list[tuple[int, int]]:
        """Return the record numbers (``seq + part``) done for ``sink``, as half-open ranges."""
        with self._state:
            return list(self._sinks[sink].done)

    def acknowledge(self, sink: str, ids: Iterable[RecordId]) -> None:
        """Remember that the server has these records."""
        with self._state:
            state = self._sinks[sink]
            state.acknowledged += sum(state.acknowledge(i.seq + i.part) for i in ids)
            self._changed.add(state.key)

    def set_aside(self, sink: str, identity: RecordId, reason: str) -> None:
        """Remember that the server will never take this record."""
        with self._state:
            state = self._sinks[sink]
            if state.acknowledge(identity.seq + identity.part):
                state.set_aside += 1
                stamp = self._clock.now()
                self._aside.append(
                    {"sink": sink, **asdict(identity), "reason": reason, "time_ns": stamp.time_ns}
                )
            self._changed.add(state.key)

    def settle(self, sink: str, after: int, through: int, owed: Ranges) -> None:
        """Mark numbers above ``after`` up to ``through`` done, but for those still ``owed``.

        This is how records of kinds that a sink does not take, and deleted ones, are passed over.
        """
        with self._state:
            state = self._sinks[sink]
            for start, stop in owed.gaps(after + 1, through + 1):
                state.done.add(start, stop)
            state.sent = max(state.sent, through)
            self._changed.add(state.key)

    def first_owed(self, sink: str, held: Ranges, stop: int) -> tuple[int, int] | None:
        """Return the first range below ``stop`` that is neither done nor ``held``."""
        with self._state:
            for start, end in self._sinks[sink].done.gaps(1, stop):
                found = next(held.gaps(start, end), None)
                if found:
                    return found
        return None

    async def freeze(self, sink: str, number: int) -> None:
        """Let records up to ``number`` keep the unconfirmed time with which they are sent now.

        Remembered on disk before they are sent, some records ahead, so that no crash forgets it.
        """
        with self._state:
            state = self._sinks[sink]
            if number in state.frozen:
                return
            state.frozen.add(state.low, number + FREEZE_AHEAD)
            self._changed.add(state.key)
            self._acknowledged_s = float("-inf")
        await self.flush()

    @property
    def clock_confirmed(self) -> bool:
        """Say whether the time was confirmed by synchronisation in this boot."""
        return self._clock.confirmed

    @property
    def next_number(self) -> int:
        """Return the number that the next committed record will have."""
        return self._next

    async def read(
        self,
        after: RecordId | int | None,
        kinds: frozenset[RecordKind],
        limit: int,
        *,
        stop: int | None = None,
        sink: str | None = None,
    ) -> Batch:
        """Return committed records after ``after`` in order, at times as known now.

        ``after`` is an identity, a record number or ``None`` for the beginning. For a ``sink``,
        records that it was sent before with an unconfirmed time keep that time.
        """
        number = after if isinstance(after, int) else after.seq + after.part if after else 0
        end = min(self._next, stop or self._next)
        batch = await self._in_thread(lambda reader: reader.read(number, kinds, limit, end))
        with self._state:
            frozen = self._sinks[sink].frozen if sink else None
            records = tuple(
                record
                if frozen and record.id.seq + record.id.part in frozen
                else self._corrections.apply(record)
                for record in batch.records
            )
        return Batch(records, batch.through)

    async def history(
        self,
        subject: str | None,
        metric: str | None,
        start_ns: int,
        end_ns: int,
        limit: int = 10_000,
        kinds: frozenset[RecordKind] | None = None,
    ) -> list[Record]:
        """Return records in ``[start_ns, end_ns)`` UTC by time, and waveforms reaching into it."""
        wanted = Filter(kinds, subject, metric)
        with self._state:
            corrections = Corrections(self._corrections)
            open_from = self._open_from
        return await self._in_thread(
            lambda r: r.history(wanted, start_ns, end_ns, limit, corrections, open_from)
        )

    async def _in_thread(self, work: Callable[[Reader], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._work, work)

    def _work(self, work: Callable[[Reader], T]) -> T:
        if self._reader is None:
            database = self._connect(self._opening.path)
            self._reader = Reader(database, self._on_damage, self._cache.get)
        return work(self._reader)

    def _close_reader(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def stats(self) -> JournalStats:
        """Return the journal's figures; touches no disk."""
        counters, now_ns = self._writer.counters, self._clock.now().time_ns
        with self._state:
            sinks = tuple(
                SinkStats(
                    state.name,
                    state.pending,
                    state.acknowledged,
                    state.set_aside,
                    self._oldest_age_s(state, now_ns),
                )
                for state in self._sinks.values()
                if state.active
            )
            return JournalStats(
                journal=self._journal,
                records=self._kept,
                file_bytes=self._file_bytes,
                max_bytes=self.config.max_bytes,
                queued=len(self._intake),
                next_number=self._next,
                loss_window_s=self.config.commit_interval_s,
                commits=counters.commits,
                last_commit_s=counters.last_commit_s,
                longest_commit_s=counters.longest_commit_s,
                problem=self._writer.problem,
                healed=self._healed,
                expired=self._expired,
                lost=Losses(dict(self._intake.lost), self._damaged, self._given_up),
                sinks=sinks,
            )

    def _oldest_age_s(self, state: SinkState, now_ns: int) -> float | None:
        """Return the age of the oldest record owed, by the commit that wrote it."""
        if state.pending <= 0:
            return None
        committed_ns = self._times.at(state.low)
        return None if committed_ns is None else max(0.0, (now_ns - committed_ns) / 1e9)

    # --- in the writer's thread ---

    def _on_opened(self, opened: Opened) -> None:
        with self._state:
            self._journal = opened.journal
            self._next = opened.next_number
            self._open_from = opened.spans[-1].stop if opened.spans else 1
            spans = [*opened.spans, *([opened.span] if opened.span else [])]
            self._kept = sum(span.waves + span.lights for span in spans)
            for span in spans:
                self._times.add(span.seq, span.start_ns)
            for key, document in opened.states.items():
                if key >= FIRST_SINK and document["name"] not in self._sinks:
                    state = SinkState.from_document(key, document)
                    self._sinks[state.name] = state
            for payload in opened.states.get(CORRECTIONS, {}).get("corrections", ()):
                correction = Correction.from_payload(payload)
                if correction:
                    self._corrections.add(correction)

    def _due_states(self, records: tuple[Record, ...], stopping: bool) -> dict[int, dict[str, Any]]:
        due: dict[int, dict[str, Any]] = {}
        with self._state:
            now_s = time.monotonic()
            if stopping or now_s - self._acknowledged_s >= self.config.acknowledge_interval_s:
                self._acknowledged_s = now_s
                changed = [s for s in self._sinks.values() if s.key in self._changed]
                due.update({state.key: state.to_document() for state in changed})
                self._changed.clear()
            if any(record.kind is RecordKind.CLOCK for record in records):
                known = Corrections(self._corrections)
                for record in records:
                    if record.kind is RecordKind.CLOCK:
                        correction = Correction.from_payload(record.payload)
                        if correction:
                            known.add(correction)
                due[CORRECTIONS] = {"corrections": [c.payload() for c in known]}
        return due

    def _on_commit(self, commit: Commit) -> None:
        self._cache.put(commit.records)
        with self._state:
            self._next = commit.stop
            self._kept += len(commit.records)
            self._times.add(commit.start, self._clock.now().time_ns)
            for record in commit.records:
                if record.kind is RecordKind.CLOCK:
                    correction = Correction.from_payload(record.payload)
                    if correction:
                        self._corrections.add(correction)
                        for state in self._sinks.values():
                            state.thaw()
            for state in self._sinks.values():
                state.pending += sum(record.kind in state.kinds for record in commit.records)
        for loop, listener in self._listeners:
            if not loop.is_closed():
                loop.call_soon_threadsafe(listener, commit)

    def _tidy(self, ready: Ready) -> None:
        pass

    def _on_damage(self, table: str, seq: int, count: int) -> None:
        log.error("journal: row %d of %s is damaged: %d records lost", seq, table, count)
