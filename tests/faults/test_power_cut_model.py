"""Power cuts on a disk that keeps only what was synced, at every kind of moment."""

import random
import time
from pathlib import Path

import pytest
from diskmodel import Disk, ModelDatabase, ModelVFS
from faultkit import BILLS, FULL, Bill, Census, drafts, progress

from teleward_gateway.clock import GatewayClock
from teleward_gateway.journal import JournalConfig
from teleward_gateway.journal.checksum import Blob, pack_blob
from teleward_gateway.journal.commit import Commit
from teleward_gateway.journal.database import connect
from teleward_gateway.journal.entries import Entry
from teleward_gateway.journal.index import JournalIndex
from teleward_gateway.journal.open_file import Opening
from teleward_gateway.journal.ranges import Ranges
from teleward_gateway.journal.row import Origin, records_of
from teleward_gateway.journal.sink_progress import SinkProgress
from teleward_gateway.journal.write_queue import WriteQueue
from teleward_gateway.journal.writer import Writer
from teleward_signal.model import Provenance
from teleward_signal.record import RecordKind

CUTS = 15_000 if FULL else 150
LIVES = 60 if FULL else 3
COMMITS = 30
NAME = "simulated.sqlite3"
CONFIG = JournalConfig(
    commit_interval_s=0.25, span_s=0, acknowledge_interval_s=0, log_pages=40, max_bytes=2**21
)
CLOCK = GatewayClock()
ORIGIN = Origin("g1", "", CLOCK.boot, Provenance.SIMULATED)


class Machine:
    """One life of a gateway on the model, commit by commit, with a copy at chosen moments."""

    def __init__(self, folder: Path, disk: Disk, name: str) -> None:
        folder.mkdir(parents=True)
        (folder / NAME).touch()
        self.vfs = ModelVFS(name, disk)
        self.progress = SinkProgress()
        self.write_queue = WriteQueue(10_000, 2**24)
        index = JournalIndex(CONFIG, self.progress, self._on_commit)
        self.opening = Opening(
            folder,
            ORIGIN,
            CONFIG,
            lambda path: ModelDatabase(path, name),
            index.opened,
        )
        self.writer = Writer(CONFIG, self.write_queue, self.opening, index)
        self.index = index
        self.committed: set[int] = set()
        self.marks: list[int] = [0]

    def _on_commit(self, commit: Commit) -> None:
        self.committed.update(range(commit.start, commit.stop))
        self.marks.append(commit.stop)

    def start(self) -> None:
        self.writer._open()
        self.progress.add("store", frozenset(RecordKind), 1, False)

    def step(self, step: int) -> None:
        """Commit one step and acknowledge an earlier one."""
        for draft in drafts(step):
            stamp = CLOCK.now()
            self.write_queue.put(
                Entry(draft.kind, draft.subject, draft.device, draft.metric, stamp.time_ns, 0,
                      stamp.monotonic_ns, draft.payload, draft.samples)
            )  # fmt: skip
        self.writer._round()
        self.progress.settle("store", 0, max(0, self.index.next_number - 40), Ranges())

    def stop(self) -> None:
        self.writer._close()
        self.opening.unlock()


class Watched(Disk):
    """A disk that is looked at before chosen writes."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__()
        self.rng = rng
        self.chance = 0.0
        self.found: list[tuple[int, dict[str, bytes]]] = []
        self.marks: list[int] = []

    def write(self, name: str, offset: int, data: bytes) -> None:
        self._maybe_cut()
        super().write(name, offset, data)

    def sync(self, name: str) -> None:
        self._maybe_cut()
        super().sync(name)
        self._maybe_cut()

    def _maybe_cut(self) -> None:
        if self.rng.random() < self.chance:
            self.found.append((len(self.marks), self.after_cut(self.rng)))


@pytest.mark.timeout(3600)
def test_power_cuts_on_the_model(memory_path: Path) -> None:
    rng = random.Random(11)
    bill = Bill(f"power cut, disk model, {CUTS} times")
    n_cuts, step, false = 0, 0, 0
    before: dict[str, bytes] = {}
    known: set[int] = set()
    for life in range(LIVES):
        disk = Watched(rng)
        for name, data in before.items():
            disk.load(name, data)
        machine = Machine(memory_path / f"life{life}", disk, f"model{life}")
        marks = machine.marks
        disk.marks = marks
        machine.start()
        disk.chance = CUTS / LIVES / (COMMITS * 20)  # writes and syncs a commit, measured
        for _ in range(COMMITS):
            machine.step(step)
            step += 1
        machine.stop()
        bill.committed += len(machine.committed)
        for reached, files in disk.found:
            mark = rng.choice(marks[:reached])
            promised = known | {n for n in machine.committed if n < marks[reached - 1]}
            held, told, took_s, census = reopen(memory_path / "cut", files, mark)
            bill.lost += len(promised - held)
            bill.reported += told
            bill.doubled += census.doubled
            false += census.false
            bill.recover_s = max(bill.recover_s, took_s)
            n_cuts += 1
            progress(bill.fault, n_cuts, CUTS)
        if disk.found and life % 4 != 3:
            before, known = _next_life(memory_path / "cut")
        else:
            before, known = {}, set()
    bill.fault, bill.stored = f"power cut, disk model, {n_cuts} times", bill.committed
    BILLS.append(bill)
    assert n_cuts > CUTS // 2
    assert (bill.lost, bill.reported, bill.doubled, false) == (0, 0, 0, 0)


def reopen(folder: Path, files: dict[str, bytes], mark: int) -> tuple[set[int], int, float, Census]:
    """Open what a power cut left with the real SQLite."""
    for path in folder.glob("*") if folder.exists() else ():
        if path.is_file():
            path.unlink()
    folder.mkdir(exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    if mark:
        (folder / "simulated.mark").write_bytes(pack_blob(Blob.STATE, mark, b""))
    index = JournalIndex(CONFIG, SinkProgress(), lambda commit: None)
    opening = Opening(folder, ORIGIN, CONFIG, connect, index.opened)
    began_s = time.monotonic()
    ready = opening.open()
    took_s = time.monotonic() - began_s
    census = Census()
    for table in ("light", "wave"):
        for _, _, blob in ready.store.rows(table, 0, 2**62):
            census.take(records_of(blob))
    deleted = set(range(1, index.counted["floor"]))
    ready.store.database.close()
    opening.unlock()
    return census.numbers | deleted, index.counted["damaged"], took_s, census


def _next_life(folder: Path) -> tuple[dict[str, bytes], set[int]]:
    """Return the files that the last reopening left, and the records in them."""
    files = {
        path.name: path.read_bytes() for path in folder.iterdir() if path.name.startswith(NAME)
    }
    held, _, _, _ = reopen(folder, files, 0)
    files = {
        path.name: path.read_bytes() for path in folder.iterdir() if path.name.startswith(NAME)
    }
    return files, held
