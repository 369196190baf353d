"""The journal from the outside: append, commit, read, history, budget, one gateway at a time."""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from teleward_gateway.clock import Correction, GatewayClock
from teleward_gateway.clock.kernel import Reading
from teleward_gateway.journal import Journal, JournalConfig, JournalInUse
from teleward_gateway.journal.drafts import measurement_draft, waveform_draft
from teleward_gateway.journal.entries import Entry
from teleward_gateway.journal.ranges import Ranges
from teleward_gateway.journal.write_queue import WriteQueue
from teleward_gateway.testing.journal_kit import QUICK, Open, value
from teleward_signal.model import Measurement, Provenance, SampleBlock
from teleward_signal.record import Draft, Record, RecordKind

KINDS = frozenset(RecordKind)
S = 1_000_000_000


@pytest.mark.parametrize(
    "poison",
    [
        Draft(RecordKind.MEASUREMENT, "bed", "ox", "spo2", 2**63, 0, {"value": 1.0}),
        Draft(RecordKind.MEASUREMENT, "bed", "ox", "spo2", 1, 0, {"value": object()}),
        Draft(RecordKind.DEVICE, "\ud800", "ox", None, 1, 0, {"state": "on"}),
    ],
)
async def test_a_record_that_no_row_can_hold_is_counted_and_stops_nothing(
    opened: Open, poison: Draft
) -> None:
    journal = opened()
    for draft in (value(1), poison, value(2)):
        journal.append(draft)
    async with asyncio.timeout(10):
        await journal.flush()
        journal.append(value(3))
        await journal.flush()
    records = (await journal.read(None, KINDS, 100)).records
    assert [r.payload["value"] for r in records] == [1, 2, 3]
    stats = journal.stats()
    assert (stats.lost.total, stats.problem) == (1, None)


async def test_what_comes_during_a_commit_waits_for_the_next_interval(opened: Open) -> None:
    journal = opened()
    began_s = time.monotonic()
    n = 0
    while time.monotonic() - began_s < 1.5:
        journal.append(value(n := n + 1))
        await asyncio.sleep(0.0005)
    commits, intervals = journal.stats().commits, (time.monotonic() - began_s) / 0.25
    await journal.flush()
    assert 1 <= commits <= intervals + 1
    page = await journal.read(None, KINDS, n + 1)
    assert [record.payload["value"] for record in page.records] == list(range(1, n + 1))


async def test_identities_are_stable_for_ever(opened: Open) -> None:
    journal = opened()
    for n in range(5):
        journal.append(value(n))
    await journal.flush()
    first = (await journal.read(None, KINDS, 100)).records
    journal.close()
    again = opened()
    again.append(value(5))
    await again.flush()
    records = (await again.read(None, KINDS, 100)).records
    assert records[:5] == first
    assert [r.payload["value"] for r in records] == [0, 1, 2, 3, 4, 5]
    assert len({r.id for r in records}) == 6
    assert records[0].provenance is Provenance.FIELD


async def test_a_copied_journal_numbers_under_a_new_id(opened: Open, tmp_path: Path) -> None:
    journal = opened()
    journal.append(value(1))
    await journal.flush()
    own = journal.stats().journal
    journal.close()
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "field.sqlite3").write_bytes((tmp_path / "field.sqlite3").read_bytes())
    clone = Journal.open(
        copy, gateway="gw", provenance=Provenance.FIELD, clock=GatewayClock(), config=QUICK
    )
    try:
        clone.append(value(2))
        await clone.flush()
        old, new = (await clone.read(None, KINDS, 10)).records
    finally:
        clone.close()
    assert old.id.journal == own
    assert new.id.journal != own


async def test_one_gateway_at_a_time(opened: Open) -> None:
    opened()
    with pytest.raises(JournalInUse, match="in use by another gateway"):
        opened()


async def test_committed_before_told(opened: Open, tmp_path: Path) -> None:
    journal, told = opened(), asyncio.Event()
    counts: list[int] = []

    def look(commit: object) -> None:
        with sqlite3.connect(f"file:{tmp_path}/field.sqlite3?mode=ro", uri=True) as other:
            counts.append(other.execute("SELECT sum(count) FROM light").fetchone()[0])
        other.close()
        told.set()

    journal.on_commit(look)
    journal.append(value(1))
    await asyncio.wait_for(told.wait(), 30)
    assert counts == [1]
    assert journal.stats().loss_window_s == 0.25


async def test_read_by_kind_and_limit(opened: Open) -> None:
    journal = opened()
    block = SampleBlock("ecg_ii", 250.0, np.arange(250, dtype="<i2"), 0.005, 0, time_ns=S)
    for n in range(4):
        journal.append(value(n))
        journal.append(Draft(RecordKind.ALARM, "bed", payload={"text": str(n)}))
    journal.append(waveform_draft("bed", "ecg", block))
    await journal.flush()
    alarms = await journal.read(None, frozenset({RecordKind.ALARM}), 3)
    assert [r.payload["text"] for r in alarms.records] == ["0", "1", "2"]
    rest = await journal.read(alarms.through, frozenset({RecordKind.ALARM}), 3)
    assert [r.payload["text"] for r in rest.records] == ["3"]
    assert rest.through == journal.next_number - 1
    (wave,) = (await journal.read(None, frozenset({RecordKind.WAVEFORM}), 9)).records
    assert np.frombuffer(wave.samples, "<i2").tolist() == list(range(250))


async def test_history_in_time_order_with_waves_that_reach_in(opened: Open) -> None:
    journal = opened()
    samples = np.arange(2500, dtype="<i2")
    for first in range(0, 2500, 250):
        block = SampleBlock("ecg_ii", 250.0, samples[first : first + 250], 0.005, first,
                            time_ns=100 * S + first * 4_000_000)  # fmt: skip
        journal.append(waveform_draft("bed", "ecg", block))
        if first % 500 == 0:
            await journal.flush()
    late = Measurement("spo2", 91.0, time_ns=101 * S, stored=True)
    journal.append(measurement_draft("bed", "ox", Measurement("spo2", 95.0, time_ns=105 * S)))
    journal.append(measurement_draft("bed", "ox", late))
    await journal.flush()
    values = await journal.history("bed", "spo2", 100 * S, 110 * S)
    assert [r.payload["value"] for r in values] == [91.0, 95.0]
    assert await journal.history("other", None, 100 * S, 110 * S) == []
    waves = await journal.history("bed", "ecg_ii", 103 * S + S // 2, 104 * S)
    held = [r.payload["index"] + i for r in waves for i in range(len(r.samples) // 2)]
    assert set(range(875, 1000)) <= set(held), "the block that began before is included"
    assert await journal.history("bed", "ecg_ii", 110 * S, 120 * S) == []
    assert len(await journal.history("bed", None, 0, 2**62, limit=2)) == 2
    assert await journal.waveforms_kept_from() == 100 * S


class Steps:
    """A kernel whose clocks are set by the test."""

    def __init__(self, system_ns: int) -> None:
        self.system_ns, self.synchronised = system_ns, False

    def __call__(self) -> Reading:
        now_ns = time.monotonic_ns()
        return Reading(self.system_ns, now_ns, now_ns, self.synchronised, 1_000_000, False)


async def test_history_follows_a_correction_and_stored_readings_do_not(opened: Open) -> None:
    kernel = Steps(1_000 * S)
    clock = GatewayClock(kernel, "00000000000000b1")
    journal = opened(clock=clock)
    journal.append(value(1))
    journal.append(
        Draft(RecordKind.MEASUREMENT, "bed", "ox", "spo2", 500 * S, payload={"stored": True})
    )
    kernel.system_ns, kernel.synchronised = 1_800_000_000 * S, True
    correction = clock.poll()
    assert correction is not None
    journal.correct(correction)
    journal.append(value(2))
    await journal.flush()
    journal.close()
    again = opened(clock=clock)
    found = await again.history("bed", "spo2", 1_799_999_000 * S, 2**62)
    assert [r.payload["value"] for r in found] == [1, 2]
    assert found[0].uncertainty_ns < S
    (stored,) = await again.history("bed", "spo2", 0, 10**6 * S)
    assert stored.time_ns == 500 * S


async def send_one(journal: Journal) -> Record:
    """Record a value and have the sink ``store`` send it, which freezes its time."""
    await journal.register("store", KINDS)
    journal.append(value(1))
    await journal.flush()
    batch = await journal.read(None, KINDS, 10, sink="store")
    sent = batch.records[0]
    await journal.freeze("store", batch, [sent.id.seq + sent.id.part])
    return sent


async def test_what_was_sent_keeps_its_time_for_that_sink_over_a_crash(opened: Open) -> None:
    kernel = Steps(1_000 * S)
    clock = GatewayClock(kernel, "00000000000000b1")
    journal = opened(clock=clock)
    first = await send_one(journal)
    journal.close()
    again = opened(clock=clock)
    await again.register("store", KINDS)
    again.append(value(2))
    await again.flush()
    kernel.system_ns, kernel.synchronised = 1_800_000_000 * S, True
    correction = clock.poll()
    assert correction is not None
    again.correct(correction)
    await again.flush()
    for_the_store = (await again.read(None, KINDS, 2, sink="store")).records
    assert for_the_store[0].time_ns == first.time_ns, "sent again it is the same point"
    assert for_the_store[1].time_ns >= 1_799_999_000 * S, "what was not sent goes out corrected"
    for_all = (await again.read(None, KINDS, 2)).records
    assert min(record.time_ns for record in for_all) >= 1_799_999_000 * S


async def test_what_was_not_sent_before_a_correction_goes_out_corrected(opened: Open) -> None:
    kernel = Steps(1_000 * S)
    clock = GatewayClock(kernel, "00000000000000b1")
    journal = opened(clock=clock)
    first = await send_one(journal)
    journal.append(value(2))  # numbers ahead are frozen too, in case they are sent before a crash
    await journal.flush()
    kernel.system_ns, kernel.synchronised = 1_800_000_000 * S, True
    correction = clock.poll()
    assert correction is not None
    journal.correct(correction)
    await journal.flush()
    sent, unsent = (await journal.read(None, KINDS, 2, sink="store")).records
    assert sent.time_ns == first.time_ns
    assert unsent.time_ns >= 1_799_999_000 * S


async def test_the_budget_takes_delivered_waves_first_and_counts(opened: Open) -> None:
    config = JournalConfig(commit_interval_s=0.25, span_s=0, max_bytes=2**20, log_pages=64)
    journal = opened(config)
    await journal.register("store", KINDS)
    rng = np.random.default_rng(2)
    step = 0

    async def fill(until: Callable[[], bool]) -> None:
        nonlocal step
        while not until():
            noise = rng.integers(-9000, 9000, 4000).astype("<i2")
            block = SampleBlock("ecg_ii", 250.0, noise, 0.005, step * 5000, time_ns=step * S)
            journal.append(waveform_draft("bed", "ecg", block))
            journal.append(value(step))
            step += 1
            await journal.flush()
            assert step < 2000

    await fill(lambda: journal.next_number > 60)
    journal.settle("store", 0, 40, Ranges())
    await fill(lambda: journal.stats().records < journal.next_number - 1 - 15)
    stats = journal.stats()
    assert stats.lost.total == 0, "delivered records go first and are no loss"
    assert stats.file_bytes <= config.max_bytes
    kept = (await journal.read(None, KINDS, 9999)).records
    assert sum(r.kind is RecordKind.MEASUREMENT for r in kept) == step, "values outlast waves"
    await fill(lambda: journal.stats().lost.budget > 0)
    kept = (await journal.read(None, KINDS, 9999)).records
    missing = set(range(1, journal.next_number)) - {r.id.seq + r.id.part for r in kept}
    assert journal.stats().lost.budget == len({n for n in missing if n > 40})
    told = journal.stats().lost.budget
    journal.close()
    assert opened(config).stats().lost.budget >= told, "the count outlives a restart"


def test_a_stuck_disk_loses_waves_before_values() -> None:
    write_queue = WriteQueue(100, 10**9)
    for n in range(100):
        for kind in (RecordKind.WAVEFORM, RecordKind.MEASUREMENT):
            write_queue.put(Entry(kind, None, None, None, n, 0, 0, {}))
    kept = write_queue.take(1000)
    assert len(kept) <= 100
    assert {e.time_ns for e in kept if e.kind is RecordKind.MEASUREMENT} == set(range(100))
    assert write_queue.lost == {
        RecordKind.WAVEFORM: 100 - sum(e.kind is RecordKind.WAVEFORM for e in kept)
    }


def test_settings_are_checked() -> None:
    with pytest.raises(ValueError, match=r"journal.commit_interval_s is 0.1; choose 0.25 to 5"):
        JournalConfig(commit_interval_s=0.1)
    with pytest.raises(ValueError, match=r"journal.max_bytes"):
        JournalConfig(max_bytes=1000)


def test_a_correction_survives_its_record() -> None:
    correction = Correction("00000000000000b1", 1, 2, 3, 4)
    assert Correction.from_payload(correction.payload()) == correction
    assert Correction.from_payload({"event": "other"}) is None
