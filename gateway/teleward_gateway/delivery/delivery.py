"""One sink's delivery: live records first, the backlog behind, each in order, until acknowledged.

Theory of operation
===================

    numbers   1 ..... done ..... | pending ... done ... pending | live cursor ---> next commit
                                   the backlog, oldest first     sent as it is committed

A sink's progress is a set of ranges of record numbers that it is done with (`journal.ranges`). It
is not one position, because after an outage two streams run side by side:

1. The *live cursor* stands at the newest commit. What is committed from now on goes out first,
   in order: a page behind MQTT shows the present within a commit interval of the reconnect.
2. The *backlog* is every number below the cursor that is not done. It is sent oldest first, and
   only when nothing live waits (`_deliver`). While the sink fails, the cursor jumps over what it
   missed (`_live`), which thereby becomes backlog; nothing is kept in memory for it.

What happens to a batch is decided by the sink's answer, record by record:

    answer          meaning                                   the record
    ------------    --------------------------------------    ------------------------------------
    acknowledged    the server has it                         is done
    rejected        the server will never take it             is done, and kept as a dead letter
    held            the server has it but may forget it       is in doubt: neither done nor sent
    forgotten       a record in doubt was not confirmed       is pending again
    blocked         the server refuses it for a cause that    is pending; the backlog goes on behind
                    a person corrects at the server           it, and it is tried again at times
    none            nothing is known                          is pending, tried again with back-off

Invariants: a number leaves the backlog only by *acknowledged* or *rejected*. Repeats are possible
(an answer may be lost), losses are not; the identity of a record lets the receiver drop repeats.
Progress is written with the journal's next commit, so that a power cut costs repeats, not records.

Times: before the clock's first confirmation a record's time is a guess. Delivery waits up to
``hold_s`` for the confirmation. After that it sends the guess and pins it (`Journal.freeze`): this
sink gets the same time again in a repeat, since servers with time as a key would store it twice.

Errors: an exception of a sink is an answer without acknowledgement. A journal that cannot be read
for a while is tried again. Neither ends the task; it ends by cancellation only.
"""

import asyncio
import contextlib
import logging
import random
import sqlite3
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from teleward_cloud.sink import Delivery as Answer
from teleward_cloud.sink import Retrying, Sink
from teleward_gateway.clock.corrections import follows_gateway_clock
from teleward_gateway.delivery.status import DeliveryStatus
from teleward_gateway.journal.commit import Commit
from teleward_gateway.journal.journal import Journal
from teleward_gateway.journal.ranges import Ranges
from teleward_gateway.journal.reader import Batch, number_of
from teleward_gateway.process.backoff import Backoff
from teleward_signal.record import Record, RecordId

log = logging.getLogger(__name__)

UNCONFIRMED_NS = 3_600_000_000_000  # an hour off or worse: the time of this boot is a guess
IDLE_S = 1.0  # how often a quiet sink is asked what became of held records
BLOCKED_S = (15.0, 300.0)  # first and longest wait before blocked records are tried again


@dataclass(frozen=True, slots=True)
class DeliveryConfig:
    """How one sink is served.

    ``from_now``: a new sink gets only what is to come instead of all that the journal has.
    ``backlog_records_per_s`` bounds the back-fill (0: as fast as the server takes it).
    ``hold_s``: how long after its start the gateway waits for a confirmed time before it sends
    records whose time is a guess; sent so, they keep that time at this sink.
    """

    from_now: bool = False
    backlog_records_per_s: float = 0.0
    hold_s: float = 60.0
    first_retry_s: float = 0.5  # a restart of a local broker is over in about a second
    longest_retry_s: float = 30.0  # a repaired server should not wait longer for the data


@dataclass(slots=True)
class _Cursor:
    """Where live delivery is: everything up to ``number`` was handed over live or is backlog."""

    number: int
    newest: int = field(default=0)


@dataclass(slots=True)
class _Blocked:
    """Numbers of blocked records, and when the oldest of them are tried again."""

    numbers: Ranges = field(default_factory=Ranges)
    retry_s: float = 0.0
    wait_s: float = BLOCKED_S[0]

    def add(self, numbers: list[int], now_s: float) -> None:
        """Take in what the server refused; a first refusal begins the waiting."""
        if numbers and not self.numbers:
            self.wait_s, self.retry_s = BLOCKED_S[0], now_s + BLOCKED_S[0]
        for number in numbers:
            self.numbers.add(number, number + 1)

    def refused_again(self, now_s: float) -> None:
        """Wait longer after a trial that the server refused."""
        self.wait_s = min(2 * self.wait_s, BLOCKED_S[1])
        self.retry_s = now_s + self.wait_s

    def release(self) -> None:
        """Try all of them again."""
        self.numbers = Ranges()


@runtime_checkable
class _Connecting(Protocol):
    """A sink that connects on its own, with a back-off of its own."""

    @property
    def connected(self) -> bool: ...

    async def wait_connected(self, timeout_s: float) -> None: ...


class Delivery:
    """Serves one sink from one journal; `run` is its task."""

    def __init__(
        self,
        journal: Journal,
        sink: Sink,
        config: DeliveryConfig | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self.status = DeliveryStatus()
        self._journal, self._sink = journal, sink
        self._config = config or DeliveryConfig()
        self._backoff = self._make_backoff(rng)
        self._held = Ranges()
        self._blocked = _Blocked()
        self._committed = asyncio.Event()
        self._cursor = _Cursor(0)
        self._backlog_at_s = 0.0
        self._until_s = 0.0

    async def run(self) -> None:
        """Deliver until cancelled; then close the sink."""
        sink, journal = self._sink, self._journal
        counting: asyncio.Task[None] | None = None
        try:
            await self._open()
            self._cursor = _Cursor(journal.next_number - 1, journal.next_number - 1)
            self._until_s = _now_s() + self._config.hold_s
            journal.on_commit(self._on_commit)
            journal.enlist(sink.name, sink.kinds, from_now=self._config.from_now)
            counting = asyncio.create_task(self._count(), name=f"count for {sink.name}")
            while True:
                await self._deliver()
        finally:
            if counting is not None:
                counting.cancel()
                await asyncio.gather(counting, return_exceptions=True)
            journal.forget_listener(self._on_commit)
            await sink.close()

    def health(self) -> dict[str, Any]:
        """Return the sink's backlog and the state of its server."""
        return self.status.health(self._journal.stats(), self._sink)

    @property
    def sink(self) -> Sink:
        """The sink that is served."""
        return self._sink

    def retry(self) -> None:
        """Try blocked records again now: a person has corrected the server."""
        if isinstance(self._sink, Retrying):
            self._sink.retry()
        self._blocked.release()
        self._backoff.succeeded()
        self._committed.set()

    async def _open(self) -> None:
        """Open the sink; one that cannot be is tried again and takes nothing else down."""
        while True:
            try:
                return await self._sink.open()
            except Exception as error:
                await self._failed(Answer(error=str(error) or type(error).__name__))

    async def _deliver(self) -> None:
        """Send what there is, else wait; a journal that cannot be read is tried again."""
        self._committed.clear()
        try:
            if not (await self._live() or await self._backlog()):
                await self._idle()
        except sqlite3.Error as error:
            await self._failed(Answer(error=f"the journal cannot be read: {error}"))

    def _make_backoff(self, rng: random.Random | None = None) -> Backoff:
        return Backoff(self._config.first_retry_s, self._config.longest_retry_s, rng=rng)

    async def _count(self) -> None:
        """Count the backlog beside the delivery."""
        backoff = self._make_backoff()
        while True:
            try:
                return await self._journal.count_backlog(self._sink.name, self._sink.kinds)
            except sqlite3.Error:
                await asyncio.sleep(backoff.failed())

    def _on_commit(self, commit: Commit) -> None:
        self._cursor.newest = commit.start - 1
        self._committed.set()

    async def _live(self) -> bool:
        """Send what was committed since; return whether there was anything."""
        cursor = self._cursor
        if cursor.number >= self._journal.next_number - 1:
            return False
        batch = await self._read(cursor.number, self._journal.next_number)
        if await self._serve(batch, cursor.number, live=True):
            cursor.number = batch.through
        else:
            cursor.number = max(cursor.number, cursor.newest)
        return True

    async def _backlog(self) -> bool:
        """Send the oldest pending records; return whether there were any to try."""
        if _now_s() < self._backlog_at_s:
            return False
        blocked, name, stop = self._blocked, self._sink.name, self._cursor.number + 1
        trial = bool(blocked.numbers) and _now_s() >= blocked.retry_s
        passed_over = self._held if trial else Ranges([*self._held, *blocked.numbers])
        gap = self._journal.first_pending(name, passed_over, stop)
        if gap is None:
            return False
        batch = await self._read(gap[0] - 1, gap[1])
        rate = self._config.backlog_records_per_s
        if rate > 0:
            self._backlog_at_s = _now_s() + len(batch.records) / rate
        before = self.status.acknowledged
        await self._serve(batch, gap[0] - 1, live=False)
        if trial and self.status.acknowledged > before:
            blocked.release()
        elif trial:
            blocked.refused_again(_now_s())
        return True

    async def _read(self, after: int, stop: int) -> Batch:
        """Read a batch, at a confirmed time if that can be had."""
        journal, sink = self._journal, self._sink
        while True:
            batch = await journal.read(after, sink.kinds, sink.max_batch, stop=stop, sink=sink.name)
            guesses = [number_of(record) for record in batch.records if _is_guess(record)]
            left_s = self._until_s - _now_s()
            if not guesses:
                return batch
            if left_s <= 0 or journal.clock_confirmed:
                await journal.freeze(sink.name, batch, guesses)
                return batch
            await asyncio.sleep(min(IDLE_S, left_s))

    async def _serve(self, batch: Batch, after: int, *, live: bool) -> bool:
        """Hand a batch over and take the answer; return whether the sink took any of it."""
        name = self._sink.name
        if not batch.records:
            self._journal.settle(name, after, batch.through, self._held)
            return True
        answer = await self._send(batch.records, live=live)
        pending = self._account(batch.records, answer)
        self._journal.settle(name, after, batch.through, Ranges([*self._held, *pending]))
        if len(pending) == len(batch.records) and not answer.blocked:
            if answer.error is None and answer.retry_after_s:
                await self._pause(answer.retry_after_s)
            else:
                await self._failed(answer)
            return False
        self._backoff.succeeded()
        self._show(answer.error)
        if answer.retry_after_s:
            await self._pause(answer.retry_after_s)
        return True

    async def _send(self, records: tuple[Record, ...], *, live: bool) -> Answer:
        self.status.batches += 1
        try:
            return await self._sink.send(records, live=live)
        except Exception as error:
            # a sink of a third party must not end the delivery of everything after it
            log.exception("sink %s failed", self._sink.name)
            return Answer(error=f"{type(error).__name__}: {error}")

    def _account(self, records: tuple[Record, ...], answer: Answer) -> list[tuple[int, int]]:
        """Apply an answer; return the numbers of ``records`` still pending, as ranges of one."""
        journal, sink, held = self._journal, self._sink.name, self._held
        journal.acknowledge(sink, answer.acknowledged)
        for rejected in answer.rejected:
            journal.dead_letter(sink, rejected.id, rejected.reason)
            log.warning("sink %s refuses record %s: %s", sink, rejected.id, rejected.reason)
        for identity in answer.held:
            held.add(_number(identity), _number(identity) + 1)
        refused = [rejected.id for rejected in answer.rejected]
        for identity in (*answer.acknowledged, *answer.forgotten, *refused):
            held.remove(_number(identity), _number(identity) + 1)
        if answer.resumed:
            self._blocked.release()
        self._blocked.add([_number(found.id) for found in answer.blocked], _now_s())
        self.status.blocked = sum(stop - start for start, stop in self._blocked.numbers)
        self.status.acknowledged += len(answer.acknowledged)
        self.status.dead_letter += len(refused)
        settled = {_number(i) for i in (*answer.acknowledged, *answer.held, *refused)}
        numbers = (number_of(record) for record in records)
        return [(number, number + 1) for number in numbers if number not in settled]

    async def _failed(self, answer: Answer) -> None:
        self.status.failures += 1
        self._show(answer.error or "nothing was acknowledged")
        await self._pause(self._backoff.failed(answer.retry_after_s))

    def _show(self, error: str | None) -> None:
        """Show an error, and log it once until it is another or over."""
        before, self.status.error = self.status.error, error
        if error == before or (isinstance(self._sink, _Connecting) and not self._sink.connected):
            return  # a sink with a connection tells of its problems itself
        if error is not None:
            log.warning("sink %s: %s", self._sink.name, error)
        elif before is not None:
            log.info("sink %s delivers again", self._sink.name)

    async def _pause(self, delay_s: float) -> None:
        """Wait; a sink that has no connection yet is tried as soon as it has."""
        sink = self._sink
        self.status.retry_in_s = delay_s
        if isinstance(sink, _Connecting) and not sink.connected:
            with contextlib.suppress(TimeoutError):
                await sink.wait_connected(delay_s)
        else:
            await asyncio.sleep(delay_s)
        self.status.retry_in_s = 0.0

    async def _idle(self) -> None:
        """Wait for new records; check now and then what became of records in doubt."""
        wait_s = IDLE_S
        if self._backlog_at_s > _now_s():
            wait_s = min(wait_s, self._backlog_at_s - _now_s())
        try:
            # wait_for of Python 3.11 loses a cancellation that meets the event: the flush at a stop
            async with asyncio.timeout(wait_s):
                await self._committed.wait()
        except TimeoutError:
            if self._held:
                self._account((), await self._send((), live=True))


def _is_guess(record: Record) -> bool:
    return record.uncertainty_ns >= UNCONFIRMED_NS and follows_gateway_clock(record)


def _number(identity: RecordId) -> int:
    return identity.seq + identity.part


def _now_s() -> float:
    return asyncio.get_running_loop().time()
