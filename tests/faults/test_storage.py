"""The disk fills up, turns read-only or is pulled while the gateway goes on taking records in."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from faultkit import (
    BILLS,
    FULL,
    KINDS,
    QUICK,
    Bill,
    Census,
    Server,
    all_records,
    drafts,
    drain,
    open_journal,
)  # fmt: skip
from images import Image, available, fill

from teleward_gateway.journal import Journal, JournalConfig

SECONDS = 20 if FULL else 1
CONFIG = JournalConfig(
    commit_interval_s=0.25, acknowledge_interval_s=0.5, span_s=0.5, log_pages=100
)

pytestmark = pytest.mark.skipif(not available(), reason="mounting images needs root")


async def feed(journal: Journal, first: int, until: Callable[[], bool], limit_s: float) -> int:
    """Append the workload until something is true; return the next step."""
    step, end_s = first, time.monotonic() + limit_s
    while not until():
        assert time.monotonic() < end_s, journal.stats()
        for draft in drafts(step):
            journal.append(draft)
        step += 1
        await asyncio.sleep(0.002)
    return step


def after(seconds: float) -> Callable[[], bool]:
    """Return a condition that becomes true in some seconds."""
    end_s = time.monotonic() + seconds
    return lambda: time.monotonic() > end_s


async def settle_up(bill: Bill, journal: Journal, server: Server, committed: set[int]) -> Census:
    """Deliver what is owed, read everything and fill the bill in."""
    await journal.flush()
    await drain(journal, server.port)
    census = Census().take(await all_records(journal))
    stats = journal.stats()
    bill.committed, bill.acknowledged = len(committed), stats.sinks[0].acknowledged
    bill.stored, bill.doubled = len(server.rows), max(census.doubled, server.doubled)
    bill.lost = len(committed - server.numbers())
    bill.reported = stats.lost.damage + stats.lost.budget
    BILLS.append(bill)
    return census


@pytest.mark.timeout(300)
async def test_full_disk(tmp_path: Path, server: Server) -> None:
    """With the server away and the disk full the oldest go, counted; given room it goes on."""
    image = Image(tmp_path, 24)
    image.mount()
    bill = Bill("disk full", human=1, note="human: gave back room")
    try:
        journal = open_journal(image.mount_point / "journal", CONFIG)
        committed: set[int] = set()
        journal.on_commit(lambda commit: committed.update(range(commit.start, commit.stop)))
        await journal.register("store", KINDS)
        step = await feed(journal, 0, after(1), 60)
        ballast = image.mount_point / "ballast"
        fill(ballast)
        step = await feed(journal, step, lambda: journal.stats().lost.budget > 0, 120)
        step = await feed(journal, step, after(SECONDS), 120)
        ballast.unlink()
        began_s = time.monotonic()
        before = journal.next_number
        await feed(journal, step, lambda: journal.next_number > before, 60)
        bill.recover_s = time.monotonic() - began_s
        await settle_up(bill, journal, server, committed)
        stats = journal.stats()
        journal.close()
    finally:
        image.unmount(lazily=True)
    assert stats.problem is None
    assert bill.reported > 0
    assert (bill.lost, bill.doubled) == (bill.reported, 0)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("how", ["read-only at start", "disk pulled"])
async def test_unwilling_disk(tmp_path: Path, server: Server, how: str) -> None:
    """Records wait in memory until there is writable storage again; then nothing is missing."""
    image = Image(tmp_path, 24)
    image.mount()
    bill = Bill(how, human=1, note="human: gave back writable storage")
    folder = image.mount_point / "journal"
    try:
        if how == "read-only at start":
            open_journal(folder, QUICK).close()
            image.remount("ro")
        journal = open_journal(folder, QUICK)
        committed: set[int] = set()
        journal.on_commit(lambda commit: committed.update(range(commit.start, commit.stop)))
        step = 0
        if how == "disk pulled":
            step = await feed(journal, step, after(1), 60)
            await journal.flush()
            image.shut_down()
        step = await feed(journal, step, lambda: journal.stats().problem is not None, 60)
        step = await feed(journal, step, after(SECONDS), 60)
        if how == "disk pulled":
            image.replace()
        else:
            image.remount("rw")
        began_s = time.monotonic()
        before = journal.next_number
        await feed(journal, step, lambda: journal.next_number > before, 60)
        bill.recover_s = time.monotonic() - began_s
        census = await settle_up(bill, journal, server, committed)
        stats = journal.stats()
        journal.close()
    finally:
        image.unmount(lazily=True)
    assert (bill.lost, bill.reported, bill.doubled) == (0, 0, 0)
    assert not stats.lost.queue
    told = {fact[2] for fact in census.facts if fact[:2] == ("measurement", "bed-1")}
    assert told == set(range(len(told))), "a value taken in while the disk was away is missing"
