"""Identities of records: never given twice, whatever happens to the file."""

import asyncio
import shutil
from pathlib import Path

import pytest

from teleward_gateway.clock import GatewayClock
from teleward_gateway.journal import Journal, JournalConfig, writer
from teleward_gateway.journal.database import connect
from teleward_signal.model import Provenance
from teleward_signal.record import Draft, RecordId, RecordKind

QUICK = JournalConfig(commit_interval_s=0.25)


def open_journal(folder: Path) -> Journal:
    return Journal.open(
        folder, gateway="g1", provenance=Provenance.FIELD, clock=GatewayClock(), config=QUICK
    )


async def write(journal: Journal, count: int) -> list[RecordId]:
    drafts = [
        Draft(RecordKind.MEASUREMENT, "anna", "dev", "heart_rate", payload={"value": value})
        for value in range(count)
    ]
    return await journal.recorded([journal.append(draft) for draft in drafts])


@pytest.mark.parametrize("how", ["over", "in place of"])
async def test_a_restored_journal_gives_no_identity_twice(tmp_path: Path, how: str) -> None:
    """In the same boot, and where the file system hands out the same inode again."""
    data, backup = tmp_path / "data", tmp_path / "backup"
    journal = open_journal(data)
    before = await write(journal, 5)
    journal.close()
    shutil.copytree(data, backup)
    journal = open_journal(data)
    later = await write(journal, 50)
    journal.close()
    if how == "in place of":
        shutil.rmtree(data)
    shutil.copytree(backup, data, dirs_exist_ok=True)
    journal = open_journal(data)
    again = await write(journal, 50)
    journal.close()
    assert len({*before, *later, *again}) == 105


async def test_two_copies_that_run_give_different_identities(tmp_path: Path) -> None:
    journal = open_journal(tmp_path / "a")
    await write(journal, 3)
    journal.close()
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    both = [open_journal(tmp_path / name) for name in "ab"]
    found = [identity for journal in both for identity in await write(journal, 5)]
    for journal in both:
        journal.close()
    assert len(set(found)) == 10


@pytest.mark.parametrize("what", ["files", "folder"])
async def test_a_journal_deleted_while_running_is_noticed_and_counted(
    tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "LOOK_EVERY_S", 0.1)
    folder = tmp_path / "data"
    journal = open_journal(folder)
    await write(journal, 20)
    if what == "folder":
        shutil.rmtree(folder)
    else:
        for path in folder.iterdir():
            path.unlink()
    await asyncio.sleep(1.5)
    await write(journal, 7)
    assert journal.stats().lost.damage == 20
    journal.close()
    journal = open_journal(folder)
    kept = await journal.history("anna", "heart_rate", 0, 2**62)
    assert len(kept) == 7
    assert journal.stats().lost.damage == 20
    journal.close()


async def test_a_number_that_another_program_wrote_is_not_ignored(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    await write(journal, 1)
    other = connect(tmp_path / "field.sqlite3")
    rows = other.execute("SELECT seq, count, kinds, data FROM light").fetchall()
    seq, count, kinds, data = rows[-1]
    other.execute("INSERT INTO light VALUES (?,?,?,?)", (seq + 1, count, kinds, data))
    other.close()
    first = journal.append(
        Draft(RecordKind.MEASUREMENT, "anna", "dev", "spo2", payload={"value": 97})
    )
    async with asyncio.timeout(20):
        while first.identity is None:
            await journal.flush()
            await asyncio.sleep(0.05)
    assert [r.payload["value"] for r in await journal.history("anna", "spo2", 0, 2**62)] == [97]
    journal.close()
