"""Identities of records: never given twice, whatever happens to the file."""

import asyncio
import shutil
from pathlib import Path

import pytest

from teleward_gateway.clock import GatewayClock
from teleward_gateway.journal import Journal, JournalConfig, JournalInUse, writer
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


@pytest.mark.parametrize("backup_of", ["an earlier run", "this run", "no journal at all"])
async def test_a_copy_written_over_a_running_journal_is_noticed_and_counted(
    tmp_path: Path, backup_of: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``cp backup/* data/``: the file is the same, what is in it is older."""
    monkeypatch.setattr(writer, "LOOK_EVERY_S", 0.1)
    monkeypatch.setattr(writer, "PAGE_BYTES", 10**9)  # a checkpoint after each commit
    folder, copy = tmp_path / "data", tmp_path / "copy"
    journal = open_journal(folder)
    identities = await write(journal, 20)
    if backup_of == "an earlier run":
        journal.close()
        journal = open_journal(folder)
    await journal.flush()
    shutil.copytree(folder, copy)
    if backup_of == "no journal at all":
        (copy / "field.sqlite3").write_bytes(b"no journal" * 1000)
    for _ in range(2):  # what the first of two checkpoints moves, the second leaves out of the log
        identities += await write(journal, 2000)
    for name in ("field.sqlite3", "field.mark"):
        shutil.copyfile(copy / name, folder / name)
    async with asyncio.timeout(20):
        while not journal.stats().healed:
            await asyncio.sleep(0.05)
    identities += await write(journal, 7)
    kept = await journal.history("anna", "heart_rate", 0, 2**62)
    lost = journal.stats().lost.damage
    journal.close()
    assert lost > 0
    assert len(kept) + lost == 4027 == len(set(identities))
    journal = open_journal(folder)
    assert len(await journal.history("anna", "heart_rate", 0, 2**62)) == len(kept)
    journal.close()


@pytest.mark.parametrize("link", ["hard", "symbolic", "folder"])
async def test_one_file_under_two_names_has_one_gateway(tmp_path: Path, link: str) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    journal = open_journal(first)
    await write(journal, 3)
    if link == "folder":
        second.symlink_to(first)
    else:
        second.mkdir()
        name = second / "field.sqlite3"
        (name.hardlink_to if link == "hard" else name.symlink_to)(first / "field.sqlite3")
    with pytest.raises(JournalInUse, match="in use by another gateway"):
        open_journal(second)
    await write(journal, 3)
    journal.close()
    journal = open_journal(second)
    assert len(await journal.history("anna", "heart_rate", 0, 2**62)) == 6
    journal.close()


@pytest.mark.parametrize("left", ["field.sqlite3", "field.mark"])
async def test_half_a_restored_journal_gives_no_identity_twice(tmp_path: Path, left: str) -> None:
    """The file without its mark, the mark without its file, or each of another time."""
    data, backup = tmp_path / "data", tmp_path / "backup"
    journal = open_journal(data)
    found = await write(journal, 5)
    journal.close()
    shutil.copytree(data, backup)
    for step in range(3):
        journal = open_journal(data)
        found += await write(journal, 30)
        journal.close()
        for path in data.iterdir():
            if path.name != left or step == 1:
                path.unlink()
        if step != 1:
            shutil.copy(backup / left, data / left)
    journal = open_journal(data)
    found += await write(journal, 30)
    journal.close()
    assert len(set(found)) == 125


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
