"""The journal: everything of record goes through here and is kept until every sink has it.

append(draft) -> ticket: identity (gateway, journal, seq, part) from the next synced commit on
read / settle -> each sink's backlog, with what the server acknowledged
history       -> by subject, metric and time, at times as known now
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from teleward_gateway.clock.corrections import Correction, Corrections
from teleward_gateway.clock.gateway_clock import Clock
from teleward_gateway.journal.chart import Line, draw, newest
from teleward_gateway.journal.commit import Commit
from teleward_gateway.journal.config import JournalConfig
from teleward_gateway.journal.database import Connect, connect
from teleward_gateway.journal.entries import Entry, Filter
from teleward_gateway.journal.index import JournalIndex
from teleward_gateway.journal.open_file import Opening
from teleward_gateway.journal.ranges import Ranges
from teleward_gateway.journal.reader import Batch, number_of
from teleward_gateway.journal.reader_thread import ReaderThread
from teleward_gateway.journal.row import Origin
from teleward_gateway.journal.sink_progress import SinkProgress
from teleward_gateway.journal.sinks import SinkState
from teleward_gateway.journal.stats import JournalStats, Losses, SinkStats
from teleward_gateway.journal.ticket import Request, Ticket
from teleward_gateway.journal.write_queue import WriteQueue
from teleward_gateway.journal.writer import Writer
from teleward_signal.errors import Unavailable
from teleward_signal.model import Provenance
from teleward_signal.record import Draft, Record, RecordId, RecordKind

CommitListener = Callable[[Commit], None]
DEFAULTS = JournalConfig()
CANNOT_WRITE = "the journal cannot be written now; nothing of this was kept"


class Journal:
    """One journal: one file, one provenance, one gateway.

    `append`, `settle`, `acknowledge` and `stats` never touch the disk and belong to the event
    loop; `read`, `history` and `flush` are awaited.
    """

    def __init__(
        self, folder: Path, origin: Origin, clock: Clock, config: JournalConfig, connect: Connect
    ) -> None:
        self.provenance, self.config, self.gateway = origin.provenance, config, origin.gateway
        self._clock = clock
        self._progress = SinkProgress()
        self._write_queue = WriteQueue(config.queue_records, config.queue_bytes)
        self._listeners: list[tuple[asyncio.AbstractEventLoop, CommitListener]] = []
        self._index = JournalIndex(config, self._progress, self._publish_commit)
        self._opening = Opening(folder, origin, config, connect, self._index.opened)
        self._writer = Writer(config, self._write_queue, self._opening, self._index)
        # sinks never wait behind a page that looks a month back
        self._reading = ReaderThread(self._opening.path, connect, self._index)
        self._looking = ReaderThread(self._opening.path, connect, self._index)
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
        """Open the journal of ``provenance`` in ``folder``, making or repair it.

        Storage that takes nothing now is no error: records wait in memory and `stats` says so.
        A file of a newer version is left as it
        is and is such a problem too. Raises `JournalInUse`.
        """
        journal = cls(folder, Origin(gateway, "", clock.boot, provenance), clock, config, connect)
        with contextlib.suppress(OSError):
            journal._opening.lock()
        try:
            journal._writer.start()
        except BaseException:
            journal._reading.close()
            journal._looking.close()
            journal._opening.unlock()
            raise
        return journal

    def close(self) -> None:
        """Commit what waits and close the file; idempotent."""
        if self._closed:
            return
        self._closed = True
        self._reading.close()
        self._looking.close()
        self._writer.stop()
        self._opening.unlock()

    def append(self, draft: Draft, request: Request | None = None) -> Ticket:
        """Take a draft in, never blocking; the ticket resolves at the next synced commit.

        Drafts of one ``request``, appended one after the other, are committed together.
        """
        stamp = self._clock.now()
        time_ns, uncertainty_ns = draft.time_ns, draft.uncertainty_ns
        if time_ns is None:
            time_ns, uncertainty_ns = stamp.time_ns, stamp.uncertainty_ns
        ticket = Ticket(request)
        self._write_queue.put(
            Entry(
                draft.kind, draft.subject, draft.device, draft.metric, time_ns, uncertainty_ns,
                stamp.monotonic_ns, draft.payload, draft.samples, (ticket,),
            )
        )  # fmt: skip
        return ticket

    def correct(self, correction: Correction) -> None:
        """Record a correction of the clock; history follows it from the next commit on."""
        self.append(Draft(RecordKind.CLOCK, payload=correction.payload()))

    def corrections(self) -> Corrections:
        """Return the corrections of the clock that are on record."""
        return self._index.corrections()

    async def flush(self) -> bool:
        """Commit now; return whether everything appended before is on disk.

        The listeners of this event loop have been called then.
        """
        failures = self._writer.counters.failures
        ticket = self._writer.flush()
        while not self._writer.flushed(ticket) and self._writer.counters.failures == failures:
            await asyncio.sleep(0.002)
        await asyncio.sleep(0)  # the writer had queued them before it answered
        return self._writer.flushed(ticket)

    async def recorded(self, tickets: Iterable[Ticket]) -> list[RecordId]:
        """Commit now and return the identities behind ``tickets``.

        Raises Unavailable when the disk takes no records now; then they are withdrawn, so that a
        record that was refused does not appear when there is room again.
        """
        tickets = list(tickets)
        await self.flush()
        missing = [ticket for ticket in tickets if ticket.identity is None]
        if missing:
            for ticket in missing:
                ticket.withdrawn = True
            await self.flush()  # a commit that had begun has ended: it has them, or nothing will
        known = [ticket.identity for ticket in tickets if ticket.identity is not None]
        if len(known) < len(tickets):
            raise Unavailable(CANNOT_WRITE)
        return known

    def recorded_for(self, request: Request) -> list[RecordId] | None:
        """Return what is on record for a request that is sent again, None when nothing is.

        Raises Conflict when its key stood for another request.
        """
        return self._index.recorded_for(self.gateway, request)

    def check_writable(self) -> None:
        """Raise Unavailable when the disk takes no records now."""
        if self._writer.problem is not None:
            raise Unavailable(CANNOT_WRITE)

    def on_commit(self, listener: CommitListener) -> None:
        """Have ``listener`` called in this event loop after every commit."""
        self._listeners.append((asyncio.get_running_loop(), listener))

    def forget_listener(self, listener: CommitListener) -> None:
        """Stop calling ``listener``; idempotent."""
        self._listeners = [known for known in self._listeners if known[1] != listener]

    def _publish_commit(self, commit: Commit) -> None:
        for loop, listener in self._listeners:
            if not loop.is_closed():
                loop.call_soon_threadsafe(listener, commit)

    def silent_s(self) -> float:
        """Return for how many seconds the writer has given no sign; touches no disk."""
        return self._writer.life.silent_s()

    @property
    def next_number(self) -> int:
        """Return the number that the next committed record will have."""
        return self._index.next_number

    @property
    def clock_confirmed(self) -> bool:
        """Return whether the time was confirmed by synchronisation in this boot."""
        return self._clock.confirmed

    # Sinks

    async def register(
        self, sink: str, kinds: frozenset[RecordKind], *, from_now: bool = False
    ) -> None:
        """Make a sink known as `enlist` does, and count its backlog."""
        self.enlist(sink, kinds, from_now=from_now)
        await self.count_backlog(sink, kinds)

    def enlist(self, sink: str, kinds: frozenset[RecordKind], *, from_now: bool = False) -> None:
        """Make a sink known, or take up where it was.

        A new sink is owed everything in the journal, or with ``from_now`` what is to come.
        """
        self._progress.add(sink, kinds, self.next_number, from_now)

    async def count_backlog(self, sink: str, kinds: frozenset[RecordKind]) -> None:
        """Count the backlog of an enlisted sink, in short steps between which others can read.

        `stats` shows the sink once all is counted. Raises sqlite3.Error while the disk cannot be
        read; call again to go on.
        """
        while (part := self._progress.uncounted(sink)) is not None:
            start, stop = part
            count, through = await self._reading.run(lambda r: r.count(start, stop, kinds))  # noqa: B023
            self._progress.add_backlog(sink, count, through)

    def retire(self, sink: str) -> None:
        """Stop counting a sink that is no longer configured; its place is kept."""
        self._progress.retire(sink)

    def ranges(self, sink: str) -> list[tuple[int, int]]:
        """Return the record numbers (``seq + part``) done for ``sink``, as half-open ranges."""
        return self._progress.ranges(sink)

    def acknowledge(self, sink: str, ids: Iterable[RecordId]) -> None:
        """Remember that the server has these records."""
        self._progress.acknowledge(sink, ids)

    def dead_letter(self, sink: str, identity: RecordId, reason: str) -> None:
        """Remember that the server will never take this record."""
        self._progress.dead_letter(sink, identity, reason, self._clock.now().time_ns)

    def settle(self, sink: str, after: int, through: int, pending: Ranges) -> None:
        """Mark numbers above ``after`` up to ``through`` done, except those still ``pending``.

        This is how records of kinds that a sink does not take, and deleted ones, are passed over.
        """
        self._progress.settle(sink, after, through, pending)

    def first_pending(self, sink: str, held: Ranges, stop: int) -> tuple[int, int] | None:
        """Return the first range below ``stop`` that is neither done nor ``held``."""
        return self._progress.first_pending(sink, held, stop)

    async def freeze(self, sink: str, batch: Batch, numbers: Iterable[int]) -> None:
        """Pin, for ``sink``, the unconfirmed time that records of ``batch`` are sent with.

        Remembered on disk before they are sent, some records ahead, so that no crash forgets it.
        """
        if self._progress.freeze(sink, numbers, batch.corrections):
            self._index.hurry()
            await self.flush()

    async def aside(self, sink: str, limit: int = 1000) -> list[dict[str, Any]]:
        """Return the newest dead letters of ``sink``: identity, reason and time."""
        self._index.hurry()
        await self.flush()
        return await self._looking.run(lambda reader: reader.aside(sink, limit))

    async def retry(self, sink: str, numbers: Iterable[int]) -> int:
        """Make dead letters of ``sink`` pending again; return how many were."""
        count = self._progress.retry(sink, numbers)
        self._index.hurry()
        await self.flush()
        return count

    # Reading

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
        end = min(self.next_number, stop or self.next_number)
        batch = await self._reading.run(lambda reader: reader.read(number, kinds, limit, end))
        corrections = self._index.corrections()
        if not corrections:
            return batch
        known = {}
        if sink:
            known = self._progress.known_at(sink, [number_of(record) for record in batch.records])
        records = (corrections.apply(r, known.get(number_of(r))) for r in batch.records)
        return Batch(tuple(records), batch.through, len(corrections))

    async def history(
        self,
        subject: str | None,
        metric: str | None,
        start_ns: int,
        end_ns: int,
        limit: int = 10_000,
        kinds: frozenset[RecordKind] | None = None,
        after: tuple[int, int] | None = None,
    ) -> list[Record]:
        """Return records in ``[start_ns, end_ns)`` UTC by time, and waveforms reaching into it.

        When there are more than ``limit`` the earliest are returned; ``after``, the time and
        running number of the last one of them, goes on from there.
        """
        wanted = Filter(kinds, subject, metric)
        corrections, open_from = self._index.corrections(), self._index.open_from
        return await self._looking.run(
            lambda r: r.history(wanted, start_ns, end_ns, limit, corrections, open_from, after)
        )

    async def waveforms_kept_from(self) -> int | None:
        """Return the time of the oldest waveform that is kept, UTC ns; None when there is none."""
        corrections = self._index.corrections()
        found = await self._looking.run(lambda reader: reader.first_waveform())
        return None if found is None else corrections.apply(found).time_ns

    async def trend(
        self, subject: str, metric: str, start_ns: int, end_ns: int, points: int = 2000
    ) -> Line:
        """Return how a metric ran in ``[start_ns, end_ns)`` UTC, in at most ``points`` buckets."""
        corrections, open_from = self._index.corrections(), self._index.open_from
        return await self._looking.run(
            lambda r: draw(r, (subject, metric), start_ns, end_ns, points, corrections, open_from)
        )

    async def newest(self, subject: str, metric: str, start_ns: int, end_ns: int) -> Record | None:
        """Return the last measurement in ``[start_ns, end_ns)`` UTC with a number."""
        corrections, open_from = self._index.corrections(), self._index.open_from
        return await self._looking.run(
            lambda r: newest(r, (subject, metric), start_ns, end_ns, corrections, open_from)
        )

    async def find(self, seq: int, part: int) -> Record | None:
        """Return one record at its time as known now, ``None`` when it is not kept any more."""
        corrections = self._index.corrections()
        found = await self._looking.run(lambda reader: reader.find(seq, part))
        return None if found is None else corrections.apply(found)

    def stats(self) -> JournalStats:
        """Return the journal's figures; touches no disk."""
        counters, index = self._writer.counters, self._index
        now_ns = self._clock.now().time_ns
        return JournalStats(
            journal=index.journal,
            records=index.kept,
            file_bytes=index.file_bytes,
            max_bytes=self.config.max_bytes,
            queued=len(self._write_queue) + self._writer.in_hand,
            next_number=index.next_number,
            loss_window_s=self.config.commit_interval_s,
            commits=counters.commits,
            last_commit_s=counters.last_commit_s,
            longest_commit_s=counters.longest_commit_s,
            problem=self._writer.problem,
            healed=index.counted["healed"],
            expired=index.counted["expired"],
            lost=Losses(
                dict(self._write_queue.lost), index.counted["damaged"], index.counted["given_up"]
            ),
            sinks=tuple(self._sink_stats(state, now_ns) for state in self._progress.active()),
        )

    def health(self) -> dict[str, Any]:
        """Return whether the journal writes, how full it is, and what it had to give up."""
        return self.stats().health()

    def _sink_stats(self, state: SinkState, now_ns: int) -> SinkStats:
        age_s = None
        if state.pending > 0:
            committed_ns = self._index.committed_ns(state.low)
            age_s = None if committed_ns is None else max(0.0, (now_ns - committed_ns) / 1e9)
        return SinkStats(state.name, state.pending, state.acknowledged, state.dead_letter, age_s)
