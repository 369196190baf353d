"""What a sink is owed: counted beside the delivery, in short steps, and right at the end."""

import asyncio
import random
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from teleward_cloud.sink import Delivery as Answer
from teleward_cloud.sink import SinkCounters
from teleward_gateway.clock import GatewayClock
from teleward_gateway.delivery import Delivery, DeliveryConfig
from teleward_gateway.journal import Journal, JournalConfig, reader
from teleward_gateway.journal.reader import Reader, number_of
from teleward_gateway.journal.sinks import SinkState
from teleward_signal.model import Provenance
from teleward_signal.record import Draft, Record, RecordKind

KINDS = frozenset({RecordKind.MEASUREMENT, RecordKind.WAVEFORM})
QUICK = DeliveryConfig(hold_s=0, first_retry_s=0.02, longest_retry_s=0.05)
Count = tuple[int, int]


class Taker:
    """A server that takes everything."""

    name = "taker"
    kinds = KINDS
    max_batch = 7

    def __init__(self) -> None:
        self.got: list[int] = []
        self.takes_backlog = True

    async def open(self) -> None:
        """Nothing to open."""

    async def send(self, batch: Sequence[Record], *, live: bool) -> Answer:
        """Take it."""
        if not (live or self.takes_backlog):
            return Answer(error="later")
        self.got += [number_of(record) for record in batch]
        return Answer(tuple(record.id for record in batch))

    def counters(self) -> SinkCounters:
        """Nothing of interest."""
        return SinkCounters()

    async def close(self) -> None:
        """Nothing to close."""


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    config = JournalConfig(commit_interval_s=0.25, span_s=0.05)
    made = Journal.open(
        tmp_path, gateway="gw", provenance=Provenance.FIELD, clock=GatewayClock(), config=config
    )
    yield made
    made.close()


async def fill(journal: Journal, commits: int) -> None:
    """Commit values, waveforms and audit, so that rows are of one kind and of several."""
    for number in range(commits):
        journal.append(Draft(RecordKind.MEASUREMENT, "bed", "ox", "spo2", payload={"value": 1}))
        if number % 3 == 0:
            journal.append(Draft(RecordKind.AUDIT, payload={"action": "x"}))
        if number % 2 == 0:
            wave = {"fs": 1.0, "dtype": "int16"}
            journal.append(
                Draft(RecordKind.WAVEFORM, "bed", "ecg", "ecg_ii", payload=wave, samples=b"ab")
            )
        await journal.flush()


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.005)


async def test_the_count_is_right_whatever_is_done_already(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "_COUNT_STEP", 2)
    await fill(journal, 25)
    await asyncio.sleep(0.06)  # a span ends by time
    await fill(journal, 5)
    batch = await journal.read(None, KINDS, 9999)
    rng = random.Random(8)
    done = [record.id for record in batch.records if rng.random() < 0.4]
    await journal.register("store", KINDS)
    assert journal.stats().sinks[0].pending == len(batch.records)
    journal.acknowledge("store", done)
    await journal.register("store", KINDS)
    assert journal.stats().sinks[0].pending == len(batch.records) - len(done)


async def test_acknowledgements_during_the_count_count_once(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "_COUNT_STEP", 1)
    await fill(journal, 15)
    await asyncio.sleep(0.06)  # a span ends by time: two steps at least, however fast the disk is
    await fill(journal, 15)
    batch = await journal.read(None, KINDS, 9999)
    ids = [record.id for record in batch.records]
    count, taken = Reader.count, iter(random.Random(3).sample(ids, len(ids) // 2))

    def slow(found: Reader, *arguments: object) -> Count:
        before = list(zip(range(4), taken, strict=False))
        counted = count(found, *arguments)  # type: ignore[arg-type]
        after = list(zip(range(4), taken, strict=False))
        journal.acknowledge("store", [identity for _, identity in before + after])
        return counted

    monkeypatch.setattr(Reader, "count", slow)
    await journal.register("store", KINDS)
    (stats,) = journal.stats().sinks
    assert stats.acknowledged > 10
    assert stats.pending == len(ids) - stats.acknowledged


async def test_delivery_does_not_wait_for_the_count(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(journal, 3)
    count, endless = Reader.count, True

    def long(found: Reader, start: int, stop: int, kinds: frozenset[RecordKind]) -> Count:
        return (0, start) if endless else count(found, start, stop, kinds)

    monkeypatch.setattr(Reader, "count", long)
    sink = Taker()
    sink.takes_backlog = False
    delivery = Delivery(journal, sink, QUICK)
    task = asyncio.create_task(delivery.run())
    await until(lambda: delivery.status.failures)
    await fill(journal, 1)
    await until(lambda: sink.got)
    assert sink.got == [7, 9], "live, and no audit"
    assert journal.stats().sinks == (), "not known yet"
    endless = False
    await until(lambda: journal.stats().sinks)
    assert journal.stats().sinks[0].pending == 5
    sink.takes_backlog = True
    await until(lambda: journal.stats().sinks and not journal.stats().sinks[0].pending)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_long_look_into_history_does_not_hold_up_delivery(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking, enough = threading.Event(), threading.Event()

    def long(found: Reader, *arguments: object) -> list[Record]:
        looking.set()
        enough.wait(20)
        return []

    monkeypatch.setattr(Reader, "history", long)
    page = asyncio.create_task(journal.history("bed", "spo2", 0, 1))
    await asyncio.to_thread(looking.wait, 20)
    sink = Taker()
    task = asyncio.create_task(Delivery(journal, sink, QUICK).run())
    await fill(journal, 1)
    await until(lambda: len(sink.got) == 2)
    assert not page.done()
    enough.set()
    await page
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_journal_that_cannot_be_read_ends_no_delivery(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(journal, 3)
    read: Any = Reader.read
    count: Any = Reader.count
    broken = True

    def failing(found: Reader, *arguments: object) -> object:
        if broken:
            raise sqlite3.OperationalError("disk I/O error")
        return (count if len(arguments) == 3 else read)(found, *arguments)

    monkeypatch.setattr(Reader, "read", failing)
    monkeypatch.setattr(Reader, "count", failing)
    sink = Taker()
    delivery = Delivery(journal, sink, QUICK)
    task = asyncio.create_task(delivery.run())
    await until(lambda: delivery.status.failures >= 3)
    assert delivery.status.error == "the journal cannot be read: disk I/O error"
    broken = False
    await until(lambda: len(sink.got) == 5)
    await until(lambda: journal.stats().sinks and not journal.stats().sinks[0].pending)
    assert delivery.status.error is None
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_what_was_damaged_is_owed_no_more(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(journal, 4)
    records = Reader._records

    def damaged(found: Reader, table: str, seq: int, *rest: Any) -> Sequence[Record]:
        return () if seq == 4 else records(found, table, seq, *rest)

    await journal.register("taker", KINDS)
    owed = journal.stats().sinks[0].pending
    monkeypatch.setattr(Reader, "_records", damaged)
    sink = Taker()
    task = asyncio.create_task(Delivery(journal, sink, QUICK).run())
    await until(lambda: journal.stats().sinks and not journal.stats().sinks[0].pending)
    assert len(sink.got) == owed - 1
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_a_state_counts_bit_by_bit() -> None:
    state = SinkState("store", 100, KINDS)
    state.begin_count(101)
    state.pending += 5  # committed since
    state.acknowledge(1)
    assert state.uncounted() == (2, 101)
    state.acknowledge(10)
    state.acknowledge(60)
    state.acknowledge(103)
    state.add_count(49, 51)  # 2 to 50
    assert (state.pending, state.counted) == (5 - 1 + 48, False)
    state.acknowledge(50)
    assert state.uncounted() == (51, 60)
    state.add_count(9, 60)
    assert state.uncounted() == (61, 101)
    state.add_count(40, 101)
    assert state.counted
    assert state.pending == 105 - 5
