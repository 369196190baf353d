"""The log of classes: acknowledged is on disk, nothing is changed, a broken file is set aside."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from teleward_gateway.classroom.events import Draft, kinds
from teleward_gateway.classroom.events.log import FILE, Credential, EventLog
from teleward_signal.errors import Unavailable

WRITER = """
import asyncio, sys
from pathlib import Path
from teleward_gateway.classroom.events import Draft, kinds
from teleward_gateway.classroom.events.log import EventLog

async def main():
    log = EventLog(Path(sys.argv[1]))
    number = 0
    while True:
        message = kinds.Message(who="s-1", text=str(number))
        [event] = await log.append([Draft("c-1", message, "r-1")])
        print(event.seq, number, flush=True)
        number += 1

asyncio.run(main())
"""


def say(text: str) -> Draft:
    """Return a message of a seat."""
    return Draft("c-1", kinds.Message(who="s-1", text=text), "r-1", "s-1", at_case_ms=5)


async def test_events_are_numbered_and_come_back(tmp_path: Path) -> None:
    log = EventLog(tmp_path)
    first = await log.append([say("a"), say("b")], [Credential("c-1", "s-1", "ff", "")])
    second = await asyncio.gather(*(log.append([say(str(n))]) for n in range(50)))
    assert [e.seq for e in first] == [1, 2]
    assert sorted(e.seq for [e] in second) == list(range(3, 53))
    assert log.read("c-1")[:2] == first
    assert [e.seq for e in log.read(after=50)] == [51, 52]
    assert log.read("c-2") == []
    assert log.credentials() == [Credential("c-1", "s-1", "ff", "")]
    log.close()
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0
    again = EventLog(tmp_path)
    assert len(again.read()) == 52
    again.close()


async def test_nothing_is_changed_or_removed(tmp_path: Path) -> None:
    log = EventLog(tmp_path)
    await log.append([say("a")], [Credential("c-1", "s-1", "ff")])
    with sqlite3.connect(log.path) as connection:
        for table, column in (("events", "body"), ("credentials", "sha256")):
            for statement in (f"UPDATE {table} SET {column} = 'x'", f"DELETE FROM {table}"):
                with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                    connection.execute(statement)
    connection.close()
    log.close()


@pytest.mark.parametrize("after_lines", [1, 7, 40, 200])
def test_what_was_acknowledged_survives_a_kill(tmp_path: Path, after_lines: int) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    lines = [child.stdout.readline() for _ in range(after_lines)]
    os.kill(child.pid, signal.SIGKILL)
    lines += child.stdout.read().splitlines()
    child.wait()
    child.stdout.close()
    acknowledged = [tuple(map(int, line.split())) for line in lines if len(line.split()) == 2]
    log = EventLog(tmp_path)
    kept = {e.seq: e.body.text for e in log.read() if isinstance(e.body, kinds.Message)}
    log.close()
    assert log.damaged is None
    assert all(kept[seq] == str(number) for seq, number in acknowledged)


async def test_a_log_that_cannot_be_written_is_unavailable_and_goes_on_later(
    tmp_path: Path,
) -> None:
    log = EventLog(tmp_path)
    blocker = sqlite3.connect(log.path, isolation_level=None)
    blocker.execute("PRAGMA locking_mode = EXCLUSIVE")
    blocker.execute("BEGIN EXCLUSIVE")
    with pytest.raises(Unavailable, match="cannot be written now"):
        await log.append([say("a")])
    assert log.error is not None
    blocker.execute("ROLLBACK")
    blocker.close()
    [event] = await log.append([say("b")])
    assert event.seq == 1
    assert log.read() == [event]
    log.close()


async def test_a_damaged_log_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no database at all" * 100)
    log = EventLog(tmp_path)
    assert log.damaged is not None
    assert log.damaged.read_bytes().startswith(b"no database")
    assert len(await log.append([say("a")])) == 1
    log.close()


def test_a_log_of_a_later_version_is_refused(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / FILE)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(Unavailable, match="upgrade"):
        EventLog(tmp_path)
