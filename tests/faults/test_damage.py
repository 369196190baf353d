"""Every byte of a small journal is flipped, every length is cut; what is lost is what is told."""

import asyncio
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from faultkit import BILLS, FULL, Bill, Census, drafts, progress

from teleward_gateway.clock import GatewayClock
from teleward_gateway.journal import Journal, JournalConfig
from teleward_gateway.journal.database import connect
from teleward_gateway.journal.index import JournalIndex
from teleward_gateway.journal.open_file import Opening
from teleward_gateway.journal.row import Origin, records_of
from teleward_gateway.journal.sink_progress import SinkProgress
from teleward_signal.model import Provenance

STRIDE = 1 if FULL else 311  # a prime: the short form meets every kind of place
HEADER = 100  # bytes of SQLite's file header, of which the short form too meets every one
SMALL = JournalConfig(commit_interval_s=0.25, span_s=0.5, acknowledge_interval_s=0.5, log_pages=100)
NAME = "simulated.sqlite3"


async def make_journal(folder: Path) -> tuple[Path, Path]:
    """Write a small journal; return a copy of it cut off in the midst, and one closed in order."""
    journal = Journal.open(
        folder, gateway="g1", provenance=Provenance.SIMULATED, clock=GatewayClock(), config=SMALL
    )
    await journal.register("store", frozenset(), from_now=True)
    for step in range(4):
        for draft in drafts(step):
            journal.append(draft)
        await journal.flush()
    cut = folder.parent / "cut"
    shutil.copytree(folder, cut)
    journal.close()
    return cut, folder


class Patient:
    """A journal's files in memory, to be damaged over and over."""

    def __init__(self, source: Path, work: Path) -> None:
        self.work = work
        self.files = {
            path.name: path.read_bytes()
            for path in source.iterdir()
            if path.suffix in (".mark",) or path.name in (NAME, NAME + "-wal")
        }
        self.whole = self.examine({})[0]

    def examine(self, changed: dict[str, bytes]) -> tuple[Census, int]:
        """Open the journal with some files changed; return what it holds and tells as lost."""
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir()
        for name, data in {**self.files, **changed}.items():
            (self.work / name).write_bytes(data)
        progress = SinkProgress()
        index = JournalIndex(SMALL, progress, lambda commit: None)
        origin = Origin("g1", "", GatewayClock().boot, Provenance.SIMULATED)
        opening = Opening(self.work, origin, SMALL, connect, index.opened)
        ready = opening.open()
        census = Census()
        for table in ("light", "wave"):
            for _, _, blob in ready.store.rows(table, 0, 2**62):
                census.take(records_of(blob))
        ready.store.database.close()
        opening.unlock()
        return census, index.counted["damaged"]


def flips(data: bytes) -> Iterator[bytes]:
    for position in sorted({*range(min(HEADER, len(data))), *range(0, len(data), STRIDE)}):
        changed = bytearray(data)
        changed[position] ^= 0xFF
        yield bytes(changed)


def cuts(data: bytes) -> Iterator[bytes]:
    for length in range(0, len(data), STRIDE):
        yield data[:length]


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("harm", [flips, cuts])
@pytest.mark.parametrize("state", ["closed", "cut off"])
async def test_every_byte(memory_path: Path, harm: object, state: str) -> None:
    cut, closed = await make_journal(memory_path / "made")
    patient = Patient(closed if state == "closed" else cut, memory_path / "work")
    assert patient.whole.numbers
    names = [name for name in (NAME, NAME + "-wal") if name in patient.files]
    what = "flipped" if harm is flips else "cut"
    bill = Bill(f"every byte {what}, {state}", committed=len(patient.whole.numbers))
    wrong, n_harmed = 0, 0
    n_bytes = sum(len(patient.files[name]) for name in names)
    for name in names:
        made = harm(patient.files[name])  # type: ignore[operator]
        for data in made:
            began_s = time.monotonic()
            census, told = patient.examine({name: data})
            bill.recover_s = max(bill.recover_s, time.monotonic() - began_s)
            lost = len(patient.whole.numbers - census.numbers)
            bill.lost, bill.reported = bill.lost + lost, bill.reported + told
            bill.doubled += census.doubled + census.false
            wrong += lost != told
            n_harmed += 1
            progress(bill.fault, n_harmed, n_bytes // STRIDE)
            await asyncio.sleep(0)  # for Ctrl-C
    bill.stored = bill.committed
    bill.note = f"{n_harmed} files"
    BILLS.append(bill)
    assert wrong == 0
    assert bill.doubled == 0
