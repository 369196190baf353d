"""What waits while the disk refuses: who makes room for whom, and what is written again."""

import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from teleward_gateway.clock import GatewayClock
from teleward_gateway.journal import Journal, JournalConfig
from teleward_gateway.journal.database import Database, connect
from teleward_gateway.journal.entries import Entry
from teleward_gateway.journal.write_queue import WriteQueue
from teleward_signal.errors import Unavailable
from teleward_signal.model import Provenance
from teleward_signal.record import Draft, RecordKind

KINDS = frozenset({RecordKind.MEASUREMENT})
QUICK = JournalConfig(commit_interval_s=0.25, acknowledge_interval_s=0.0)


def entry(kind: RecordKind, n: int) -> Entry:
    return Entry(kind, "anna", "dev", f"m{n}", n, 0, n, {})


def test_a_filling_queue_refuses_waveforms_and_a_full_one_gives_them_up_first() -> None:
    queue = WriteQueue(10, 10**9)
    wave, value = RecordKind.WAVEFORM, RecordKind.MEASUREMENT
    for n in range(4):
        queue.put(entry(wave, n))
        queue.put(entry(value, n))
    queue.put(entry(wave, 8))  # above 80 %
    assert queue.lost == {wave: 1}
    for n in range(4, 8):
        queue.put(entry(value, n))
    assert queue.lost == {wave: 3}
    taken = queue.take(100)
    assert [e.metric for e in taken if e.kind is value] == [f"m{n}" for n in range(8)]
    assert [e.metric for e in taken if e.kind is wave] == ["m2", "m3"]


class Disk:
    """A disk that may refuse commits."""

    def __init__(self) -> None:
        self.refuses = False

    def connect(self, path: Path) -> Database:
        return Connection(connect(path), self)


class Connection:
    """A connection to a file on it."""

    def __init__(self, database: Database, disk: Disk) -> None:
        self._database, self._disk = database, disk
        self.executemany, self.close = database.executemany, database.close

    def execute(self, sql: str, values: Any = ()) -> Any:
        if sql == "COMMIT" and self._disk.refuses:
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = sqlite3.SQLITE_BUSY  # the file stays open
            raise error
        return self._database.execute(sql, values)


def open_journal(folder: Path, disk: Disk) -> Journal:
    return Journal.open(
        folder, gateway="g1", provenance=Provenance.FIELD, clock=GatewayClock(), config=QUICK,
        connect=disk.connect,
    )  # fmt: skip


def draft(n: int) -> Draft:
    return Draft(RecordKind.MEASUREMENT, "anna", None, "heart_rate", payload={"value": n})


async def test_progress_that_could_not_be_written_is_written_later(tmp_path: Path) -> None:
    """Else every record that a server had since then is sent to it again at the next start."""
    disk = Disk()
    journal = open_journal(tmp_path, disk)
    await journal.register("mqtt", KINDS)
    ids = await journal.recorded([journal.append(draft(n)) for n in range(5)])
    disk.refuses = True
    journal.acknowledge("mqtt", ids)
    with pytest.raises(Unavailable):
        await journal.recorded([journal.append(draft(5))])
    disk.refuses = False
    await journal.recorded([journal.append(draft(6))])
    # as kill -9 leaves it: closing would write every place once more
    copy = tmp_path / "copy"
    shutil.copytree(tmp_path, copy, ignore=shutil.ignore_patterns("copy"))
    journal.close()
    journal = open_journal(copy, disk)
    await journal.register("mqtt", KINDS)
    [sink] = journal.stats().sinks
    assert sink.pending == 1
    journal.close()


async def test_a_refused_record_does_not_appear_when_there_is_room_again(tmp_path: Path) -> None:
    disk = Disk()
    journal = open_journal(tmp_path, disk)
    disk.refuses = True
    for n in range(3):
        with pytest.raises(Unavailable):
            await journal.recorded([journal.append(draft(n))])
    disk.refuses = False
    await journal.recorded([journal.append(draft(9))])
    kept = await journal.history("anna", "heart_rate", 0, 2**62)
    assert [record.payload["value"] for record in kept] == [9]
    journal.close()
