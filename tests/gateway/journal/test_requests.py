"""Requests that are sent again: recorded once over restarts, together or not at all."""

import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from teleward_gateway.clock import GatewayClock
from teleward_gateway.journal import Commit, Journal, JournalConfig, requests, writer
from teleward_gateway.journal.database import Database, connect
from teleward_gateway.journal.ticket import Request
from teleward_signal.errors import Conflict, Unavailable
from teleward_signal.model import Provenance
from teleward_signal.record import Draft, RecordId, RecordKind

QUICK = JournalConfig(commit_interval_s=0.25)


def open_journal(folder: Path, connecting: Any = connect) -> Journal:
    return Journal.open(
        folder, gateway="g1", provenance=Provenance.FIELD, clock=GatewayClock(), config=QUICK,
        connect=connecting,
    )  # fmt: skip


def draft(value: float) -> Draft:
    return Draft(RecordKind.MEASUREMENT, "anna", None, "heart_rate", payload={"value": value})


async def observe(journal: Journal, request: Request, values: int) -> list[RecordId]:
    known = journal.recorded_for(request)
    if known is not None:
        return known
    return await journal.recorded([journal.append(draft(n), request) for n in range(values)])


async def kept(journal: Journal) -> int:
    return len(await journal.history("anna", "heart_rate", 0, 2**62))


async def test_a_request_is_carried_out_once_over_kills_and_restarts(tmp_path: Path) -> None:
    request, folder = Request.of("key", "content"), tmp_path / "0"
    journal = open_journal(folder)
    first = await observe(journal, request, 3)
    for start in range(1, 4):
        copy = tmp_path / str(start)  # the files as kill -9 leaves them
        shutil.copytree(folder, copy)
        journal.close()
        folder, journal = copy, open_journal(copy)
        assert await observe(journal, request, 3) == first
        assert await kept(journal) == 3
        await observe(journal, Request.of(f"other {start}", "content"), 0)
    with pytest.raises(Conflict, match="make up a new one"):
        journal.recorded_for(Request.of("key", "other content"))
    journal.close()


async def test_the_newest_requests_are_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "MOST", 2)
    journal = open_journal(tmp_path)
    made = [Request.of(str(n), "") for n in range(3)]
    for request in made:
        await observe(journal, request, 1)
    assert [journal.recorded_for(request) is None for request in made] == [True, False, False]
    journal.close()


class Refusing:
    """A disk that refuses the commits from a number on, until it is told otherwise."""

    def __init__(self) -> None:
        self.refuses = False

    def connect(self, path: Path) -> Database:
        return Refusals(connect(path), self)


class Refusals:
    """A connection on that disk."""

    def __init__(self, database: Database, disk: Refusing) -> None:
        self._database, self._disk = database, disk
        self.executemany, self.close = database.executemany, database.close

    def execute(self, sql: str, values: Any = ()) -> Any:
        if sql == "COMMIT" and self._disk.refuses:
            raise sqlite3.OperationalError("disk I/O error")
        return self._database.execute(sql, values)


@pytest.mark.parametrize("before", range(5))
async def test_a_request_is_never_kept_in_part(
    tmp_path: Path, before: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a commit would end between its values, and the next one is refused."""
    monkeypatch.setattr(writer, "CHUNK", 4)
    disk = Refusing()
    journal = open_journal(tmp_path, disk.connect)
    count = 0

    publish = journal._index._on_commit

    def refuse_after_one(commit: Commit) -> None:
        nonlocal count
        count += len(commit.records)
        disk.refuses = True
        publish(commit)

    monkeypatch.setattr(journal._index, "_on_commit", refuse_after_one)
    for n in range(before):
        journal.append(draft(n))
    request = Request.of("key", "content")
    try:
        recorded = await observe(journal, request, 3)
    except Unavailable:
        recorded = []
    assert count in (before, before + 3)
    assert bool(recorded) == (count == before + 3)
    assert (journal.recorded_for(request) or []) == recorded
    disk.refuses = False
    monkeypatch.undo()
    assert len(await observe(journal, request, 3)) == 3
    assert await kept(journal) == before + 3
    journal.close()
