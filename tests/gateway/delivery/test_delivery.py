"""Delivery to one sink: order, outages, poison, back-off, held records, guessed times."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from teleward_cloud.sink import Delivery as Answer
from teleward_cloud.sink import Rejected, SinkCounters
from teleward_gateway.clock import GatewayClock
from teleward_gateway.delivery import Delivery, DeliveryConfig
from teleward_gateway.journal import Journal, JournalConfig, reader
from teleward_gateway.journal.entries import Filter
from teleward_gateway.journal.row import records_of
from teleward_signal.model import Provenance
from teleward_signal.record import Draft, Record, RecordKind

CONFIG = JournalConfig(commit_interval_s=0.25, acknowledge_interval_s=0.3)
QUICK = DeliveryConfig(hold_s=0, first_retry_s=0.02, longest_retry_s=0.05)


class Store:
    """A server in memory whose behaviour the test chooses."""

    name = "store"
    kinds = frozenset({RecordKind.MEASUREMENT, RecordKind.ALARM})
    max_batch = 4

    def __init__(self) -> None:
        self.away = False
        self.poison: set[int] = set()
        self.holding = False
        self.held: list[Record] = []
        self.forget = False
        self.retry_after_s: float | None = None
        self.calls: list[tuple[bool, list[int]]] = []
        self.got: list[int] = []
        self.times: dict[int, set[int]] = {}

    async def open(self) -> None:
        """Nothing to open."""

    async def send(self, batch: Sequence[Record], *, live: bool) -> Answer:
        """Answer as the test chose."""
        values = [record.payload["value"] for record in batch]
        if values:
            self.calls.append((live, values))
        for record in batch:
            self.times.setdefault(record.payload["value"], set()).add(record.time_ns)
        if self.away:
            return Answer(error="away", retry_after_s=self.retry_after_s)
        if self.holding:
            self.held += batch
            return Answer(held=tuple(r.id for r in batch))
        before, self.held = self.held, []
        if self.forget:
            return Answer(forgotten=tuple(r.id for r in before))
        bad = [r for r in batch if r.payload["value"] in self.poison]
        good = [*before, *(r for r in batch if r not in bad)]
        self.got += [r.payload["value"] for r in good]
        return Answer(tuple(r.id for r in good), tuple(Rejected(r.id, "poisoned") for r in bad))

    def counters(self) -> SinkCounters:
        """Nothing of interest."""
        return SinkCounters()

    async def close(self) -> None:
        """Nothing to close."""


class Bench:
    """A journal with one delivery that can be stopped and begun anew."""

    def __init__(self, folder: Path) -> None:
        self.store = Store()
        self.journal = Journal.open(
            folder, gateway="gw", provenance=Provenance.FIELD, clock=GatewayClock(), config=CONFIG
        )
        self.delivery: Delivery | None = None
        self._task: asyncio.Task[None] | None = None
        self.value = 0

    def begin(self, config: DeliveryConfig = QUICK) -> None:
        self.delivery = Delivery(self.journal, self.store, config, random.Random(1))
        self._task = asyncio.create_task(self.delivery.run())

    async def end(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def put(self, count: int) -> None:
        for _ in range(count):
            payload = {"value": self.value}
            self.journal.append(Draft(RecordKind.MEASUREMENT, "bed", "ox", "spo2", payload=payload))
            self.journal.append(Draft(RecordKind.AUDIT, payload={"value": -1}))
            self.value += 1
        await self.journal.flush()

    async def until_settled(self) -> None:
        async with asyncio.timeout(20):
            while not self.journal.stats().sinks or self.journal.stats().sinks[0].pending:
                await asyncio.sleep(0.005)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    made = Bench(tmp_path)
    yield made
    await made.end()
    made.journal.close()


async def test_in_order_and_only_its_kinds(bench: Bench) -> None:
    bench.begin()
    await bench.until_settled()  # nothing yet: the delivery has begun
    await bench.put(10)
    await bench.until_settled()
    assert bench.store.got == list(range(10))
    assert all(live for live, _ in bench.store.calls)
    await asyncio.sleep(0.05)
    assert bench.journal.ranges("store") == [(1, bench.journal.next_number)]


async def test_after_an_outage_live_first_and_the_backlog_behind_in_order(bench: Bench) -> None:
    bench.begin()
    await bench.put(2)
    await bench.until_settled()
    bench.store.away = True
    for _ in range(4):
        await bench.put(5)
        await asyncio.sleep(0.06)
    bench.store.calls.clear()
    bench.store.got.clear()
    bench.store.away = False
    await bench.put(3)
    await bench.until_settled()
    done = [call for call in bench.store.calls if call[1][0] in bench.store.got]
    live = [value for is_live, values in done if is_live for value in values]
    backlog = [value for is_live, values in done if not is_live for value in values]
    assert sorted(bench.store.got) == list(range(2, 25))
    assert backlog == sorted(backlog)
    assert live == sorted(live)
    assert 24 in live
    first_backlog = next(i for i, call in enumerate(done) if not call[0])
    assert any(call[0] for call in done[:first_backlog]), "what happens now goes out first"


async def test_poison_is_set_aside_named_and_counted(bench: Bench) -> None:
    bench.store.poison = {3, 7}
    bench.begin()
    await bench.put(10)
    await bench.until_settled()
    assert sorted(bench.store.got) == [0, 1, 2, 4, 5, 6, 8, 9]
    assert bench.journal.stats().sinks[0].dead_letter == 2
    await asyncio.sleep(CONFIG.acknowledge_interval_s + CONFIG.commit_interval_s)
    await bench.journal.flush()
    aside = await bench.journal.aside("store")
    assert {entry["reason"] for entry in aside} == {"poisoned"}
    assert len(aside) == 2


async def test_a_restart_continues_and_sends_nothing_twice(bench: Bench, tmp_path: Path) -> None:
    bench.begin()
    await bench.put(6)
    await bench.until_settled()
    await bench.end()
    await bench.put(5)
    bench.journal.close()
    again = Bench(tmp_path)
    again.store = bench.store
    again.begin()
    await again.until_settled()
    await again.end()
    again.journal.close()
    assert bench.store.got == list(range(11))


async def test_held_records_wait_and_forgotten_ones_go_again(bench: Bench) -> None:
    bench.store.holding = True
    bench.begin()
    await bench.put(3)
    async with asyncio.timeout(30):
        while len(bench.store.held) < 3:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    assert [values for _, values in bench.store.calls] == [[0, 1, 2]], "held: not sent again"
    assert bench.journal.stats().sinks[0].pending == 3, "held: not acknowledged"
    bench.store.holding, bench.store.forget = False, True
    async with asyncio.timeout(30):
        while bench.store.held:
            await asyncio.sleep(0.01)
    bench.store.forget = False
    await bench.until_settled()
    assert bench.store.got == [0, 1, 2]


async def test_the_servers_wish_is_respected(bench: Bench) -> None:
    bench.store.away, bench.store.retry_after_s = True, 0.6
    bench.begin()
    await bench.put(1)
    await asyncio.sleep(0.3)
    assert len(bench.store.calls) == 1
    assert bench.delivery is not None
    assert bench.delivery.status.retry_in_s >= 0.6
    assert bench.delivery.status.error == "away"


async def test_a_wish_without_an_error_is_no_failure(bench: Bench) -> None:
    good = bench.store.send

    async def send(batch: Sequence[Record], *, live: bool) -> Answer:
        bench.store.send = good  # type: ignore[method-assign]
        return Answer(retry_after_s=0.05)

    bench.store.send = send  # type: ignore[method-assign]
    bench.begin()
    await bench.put(3)
    await bench.until_settled()
    assert bench.delivery is not None
    assert (bench.delivery.status.failures, bench.store.got) == (0, [0, 1, 2])


async def test_a_new_sink_from_now(bench: Bench) -> None:
    await bench.put(5)
    bench.begin(DeliveryConfig(from_now=True, hold_s=0))
    async with asyncio.timeout(30):
        while not bench.journal.stats().sinks:
            await asyncio.sleep(0.005)
    await bench.put(2)
    await bench.until_settled()
    assert bench.store.got == [5, 6]


async def test_backlog_rate_is_bounded(bench: Bench) -> None:
    await bench.put(40)
    bench.begin(DeliveryConfig(hold_s=0, backlog_records_per_s=100))
    began_s = asyncio.get_running_loop().time()
    await bench.until_settled()
    assert asyncio.get_running_loop().time() - began_s >= 0.3
    assert bench.store.got == list(range(40))


async def test_a_sink_that_raises_does_not_end_the_delivery(bench: Bench) -> None:
    good = bench.store.send

    async def send(batch: Sequence[Record], *, live: bool) -> Answer:
        bench.store.send = good  # type: ignore[method-assign]
        raise RuntimeError("a bug in a sink")

    bench.store.send = send  # type: ignore[method-assign]
    bench.begin()
    await bench.put(3)
    await bench.until_settled()
    assert bench.store.got == [0, 1, 2]


class Connecting(Store):
    """A server that is reached some time after the start."""

    def __init__(self) -> None:
        super().__init__()
        self.away = True
        self.asked = asyncio.Event()
        self.online = asyncio.Event()

    @property
    def connected(self) -> bool:
        """Return whether it is reached."""
        return self.online.is_set()

    async def wait_connected(self, timeout_s: float) -> None:
        """Wait for it."""
        self.asked.set()
        async with asyncio.timeout(timeout_s):
            await self.online.wait()
        self.away = False


async def test_a_connection_ends_the_wait_for_the_next_try(bench: Bench) -> None:
    bench.store = store = Connecting()
    await bench.put(1)
    bench.begin(DeliveryConfig(hold_s=0, first_retry_s=300, longest_retry_s=300))
    async with asyncio.timeout(30):
        await store.asked.wait()
    store.online.set()
    await bench.until_settled()
    assert store.got == [0]


async def test_flushes_do_not_put_off_the_next_commit(bench: Bench) -> None:
    """Four hundred intervals of a quarter second would be 100 s without a commit."""
    for _ in range(400):
        await bench.journal.flush()
    before = bench.journal.next_number
    bench.journal.append(Draft(RecordKind.MEASUREMENT, payload={"value": 1}))
    async with asyncio.timeout(30):
        while bench.journal.next_number == before:
            await asyncio.sleep(0.005)


async def test_a_long_row_is_unpacked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unpacked: list[int] = []

    def counting(blob: bytes, wanted: Filter | None = None) -> list[Record]:
        unpacked.append(len(blob))
        return records_of(blob, wanted)

    monkeypatch.setattr(reader, "records_of", counting)
    config = JournalConfig(cache_records=0)
    journal = Journal.open(
        tmp_path, gateway="gw", provenance=Provenance.FIELD, clock=GatewayClock(), config=config
    )
    for value in range(200):
        journal.append(Draft(RecordKind.MEASUREMENT, payload={"value": value}))
    await journal.flush()
    after = 0
    for _ in range(20):
        batch = await journal.read(after, Store.kinds, 10)
        assert len(batch.records) == 10
        after = batch.through
    journal.close()
    assert len(unpacked) <= 3
