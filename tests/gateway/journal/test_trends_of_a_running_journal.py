"""Trends of a journal that runs: what was just taken, a corrected clock, sinks beside pages."""

import asyncio
from pathlib import Path

from teleward_gateway.clock import GatewayClock
from teleward_gateway.clock.corrections import Correction
from teleward_gateway.journal import Journal, JournalConfig
from teleward_gateway.journal.database import connect
from teleward_gateway.journal.reader import Reader
from teleward_gateway.journal.store import Store
from teleward_signal.model import Provenance
from teleward_signal.record import Draft, RecordKind

S = 1_000_000_000
START_NS = 1_772_000_000 * S
QUICK = JournalConfig(commit_interval_s=0.25, span_s=0)


def open_journal(folder: Path, clock: GatewayClock | None = None) -> Journal:
    return Journal.open(
        folder, gateway="g", provenance=Provenance.FIELD, clock=clock or GatewayClock(),
        config=QUICK,
    )  # fmt: skip


def spo2(value: float, time_ns: int | None = None) -> Draft:
    return Draft(RecordKind.MEASUREMENT, "bed", "ox", "spo2", time_ns, payload={"value": value})


async def whole(journal: Journal, start_ns: int = 0, end_ns: int = 2**62) -> dict[int, int]:
    """Return how many values there are by second, at the finest resolution."""
    found = {}
    for begin in range(start_ns, end_ns, 3600 * S):
        line = await journal.trend("bed", "spo2", begin, min(end_ns, begin + 3600 * S))
        assert line.complete
        if line.buckets is not None:
            for place, count in zip(line.buckets.place, line.buckets.count, strict=True):
                found[int(place) * line.width_ns // S] = int(count)
    return found


async def test_a_running_journal_draws_what_it_has_just_taken(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    for n in range(40):
        journal.append(spo2(90 + n % 5, START_NS + n * S))
        await journal.flush()
        counts = await whole(journal, START_NS, START_NS + 100 * S)
        assert sum(counts.values()) == n + 1
    journal.close()
    again = open_journal(tmp_path)
    counts = await whole(again, START_NS, START_NS + 100 * S)
    assert list(counts.values()) == [10, 10, 10, 10]
    again.close()


async def test_a_correction_of_the_clock_moves_what_was_drawn(tmp_path: Path) -> None:
    clock = GatewayClock()
    journal = open_journal(tmp_path, clock)
    boot = clock.boot
    before = clock.now()
    for n in range(20):
        journal.append(spo2(n))
        await journal.flush()
    shift_ns = 86_400 * S
    journal.correct(Correction(boot, before.monotonic_ns, clock.now().monotonic_ns, shift_ns))
    await journal.flush()
    for n in range(3):
        journal.append(spo2(50 + n, before.time_ns + shift_ns + 60 * S))
        await journal.flush()
    for _ in range(2):  # as rows, then as trends made anew
        old = await journal.trend("bed", "spo2", before.time_ns - S, before.time_ns + 3600 * S)
        assert old.buckets is None, "no ghost stays where the clock was wrong"
        moved = await whole(journal, before.time_ns + shift_ns, before.time_ns + shift_ns + 90 * S)
        assert sum(moved.values()) == 23
        async with asyncio.timeout(20):
            while stored(tmp_path) < 24:
                journal.append(Draft(RecordKind.AUDIT, payload={"event": "wait"}))
                await journal.flush()
    journal.close()


def stored(folder: Path) -> int:
    store = Store(connect(folder / "field.sqlite3"))
    ((count,),) = store.run("SELECT count(*) FROM trend WHERE key < 1 << 56")
    store.database.close()
    return int(count)


async def test_pages_that_look_back_never_hold_up_sinks(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    journal.append(spo2(97))
    await journal.flush()
    release = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stuck(reader: Reader) -> None:
        asyncio.run_coroutine_threadsafe(release.wait(), loop).result()

    looking = asyncio.create_task(journal._looking.run(stuck))
    async with asyncio.timeout(10):
        batch = await journal.read(None, frozenset(RecordKind), 10)
    assert len(batch.records) == 1
    assert not looking.done()
    release.set()
    await looking
    journal.close()
