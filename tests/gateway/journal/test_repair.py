"""A journal that heals itself: after a repair that was cut off, and while it runs."""

import asyncio
import os
import sqlite3
from pathlib import Path

import pytest

from teleward_gateway.clock import GatewayClock
from teleward_gateway.journal import Journal, JournalConfig
from teleward_gateway.journal.ranges import Ranges
from teleward_signal.model import Provenance
from teleward_signal.record import Draft, RecordKind

KINDS = frozenset(RecordKind)
N = 12


def open_journal(folder: Path, verify_bytes: int = 2**26) -> Journal:
    config = JournalConfig(commit_interval_s=0.25, span_s=0, verify_bytes=verify_bytes)
    return Journal.open(
        folder, gateway="g", provenance=Provenance.FIELD, clock=GatewayClock(), config=config
    )


async def filled(folder: Path) -> None:
    """Leave a journal with a span for each of some commits of two records."""
    journal = open_journal(folder)
    for n in range(N):
        for kind in (RecordKind.MEASUREMENT, RecordKind.ALARM):
            journal.append(Draft(kind, "bed", "ox", "spo2", payload={"value": n}))
        await journal.flush()
    journal.close()


async def values(journal: Journal) -> list[int]:
    batch = await journal.read(None, frozenset({RecordKind.MEASUREMENT}), 1000)
    return [record.payload["value"] for record in batch.records]


async def test_a_mending_cut_off_before_its_last_rename_is_completed(tmp_path: Path) -> None:
    await filled(tmp_path)
    (tmp_path / "field.sqlite3").rename(tmp_path / "field.repair")
    journal = open_journal(tmp_path)
    assert await values(journal) == list(range(N))
    assert journal.stats().lost.total == 0
    journal.close()
    assert not (tmp_path / "field.repair").exists()


async def test_half_a_mending_is_thrown_away(tmp_path: Path) -> None:
    await filled(tmp_path)
    (tmp_path / "field.repair").write_bytes(b"half")
    journal = open_journal(tmp_path)
    assert await values(journal) == list(range(N))
    journal.close()
    assert not (tmp_path / "field.repair").exists()


@pytest.mark.parametrize("how", ["read", "history"])
async def test_damage_met_while_running_is_mended_and_counted(tmp_path: Path, how: str) -> None:
    await filled(tmp_path)
    with sqlite3.connect(tmp_path / "field.sqlite3") as database:
        ((seq, blob),) = database.execute("SELECT seq, data FROM light LIMIT 1 OFFSET 4").fetchall()
        database.execute("UPDATE light SET data = ? WHERE seq = ?", (blob[:-1] + b"?", seq))
    database.close()
    journal = open_journal(tmp_path, verify_bytes=0)  # as one too large to be read at every start
    await journal.register("store", KINDS)
    assert journal.stats().healed == 0
    if how == "read":
        assert await values(journal) == [n for n in range(N) if n != 4]
    else:
        found = await journal.history("bed", "spo2", 0, 2**62)
        assert len(found) == 2 * (N - 1)
    async with asyncio.timeout(20):
        while not journal.stats().healed:
            await journal.flush()
    stats = journal.stats()
    assert (stats.healed, stats.lost.damage, stats.problem) == (1, 2, None)
    assert await values(journal) == [n for n in range(N) if n != 4]
    journal.append(Draft(RecordKind.MEASUREMENT, "bed", "ox", "spo2", payload={"value": N}))
    await journal.flush()
    assert (await values(journal))[-1] == N
    journal.close()
    again = open_journal(tmp_path)
    assert again.stats().lost.damage == 2, "the count outlives a restart"
    again.close()


async def test_the_last_damaged_file_is_kept_for_whoever_asks_why(tmp_path: Path) -> None:
    for _ in range(3):
        await filled(tmp_path)
        path = tmp_path / "field.sqlite3"
        data = bytearray(path.read_bytes())
        data[0] ^= 0xFF
        path.write_bytes(data)
        open_journal(tmp_path).close()
    (aside,) = [path for path in sorted(os.listdir(tmp_path)) if "damaged" in path]
    assert (tmp_path / aside / "field.sqlite3").read_bytes() == bytes(data)


async def test_what_the_budget_deleted_does_not_come_back(tmp_path: Path) -> None:
    """Deleted rows stay in free pages until they are written over; a repair finds them there."""
    config = JournalConfig(commit_interval_s=0.25, span_s=0, max_bytes=2**20, log_pages=64)
    journal = Journal.open(
        tmp_path, gateway="g", provenance=Provenance.FIELD, clock=GatewayClock(), config=config
    )
    await journal.register("store", KINDS)
    n = 0
    while journal.stats().lost.budget < 20:
        for _ in range(4):
            text = os.urandom(8000).hex()
            payload = {"value": n, "text": text}
            journal.append(Draft(RecordKind.MEASUREMENT, "bed", "ox", "spo2", payload=payload))
            n += 1
        await journal.flush()
        journal.settle("store", 0, n // 2, Ranges())
        assert n < 2000
    before = journal.stats()
    held = await values(journal)
    journal.close()
    path = tmp_path / "field.sqlite3"
    data = bytearray(path.read_bytes())
    data[0] ^= 0xFF
    path.write_bytes(data)
    again = open_journal(tmp_path)
    after = again.stats()
    assert await values(again) == held
    assert (after.healed, after.lost.damage, after.lost.budget) == (1, 0, before.lost.budget)
    assert after.records == before.records
    again.close()


async def test_without_sinks_what_goes_is_expired_and_no_loss(tmp_path: Path) -> None:
    config = JournalConfig(commit_interval_s=0.25, span_s=0, max_bytes=2**20, log_pages=64)
    journal = Journal.open(
        tmp_path, gateway="g", provenance=Provenance.FIELD, clock=GatewayClock(), config=config
    )
    await journal.register("former", KINDS)
    journal.retire("former")
    n = 0
    while not journal.stats().expired:
        payload = {"value": n, "text": os.urandom(16000).hex()}
        journal.append(Draft(RecordKind.MEASUREMENT, "bed", "ox", "spo2", payload=payload))
        n += 1
        await journal.flush()
        assert n < 2000
    stats, held = journal.stats(), await values(journal)
    journal.close()
    assert stats.lost.total == 0
    assert stats.expired == n - len(held)
    assert held == list(range(stats.expired, n)), "the oldest went"
