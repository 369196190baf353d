"""Power cuts under load: the disk's image is copied while the gateway writes, and mounted again."""

import os
import random
import signal
import time
from pathlib import Path

import pytest
from faultkit import (
    BILLS,
    FULL,
    Bill,
    Census,
    Server,
    Worker,
    all_records,
    drain,
    open_journal,
    progress,
)  # fmt: skip
from images import Image, available

CUTS = 200 if FULL else 3
LIFE_CUTS = 10  # cuts in one life of the gateway, then it goes on from the last copy

pytestmark = pytest.mark.skipif(not available(), reason="mounting images needs root")


@pytest.mark.timeout(3600)
async def test_power_cuts_of_an_image(tmp_path: Path) -> None:
    rng = random.Random(3)
    bill = Bill(f"power cut, image copied, {CUTS} times")
    for first in range(0, CUTS, LIFE_CUTS):
        progress(bill.fault, first, CUTS)
        server = Server()
        try:
            await _life(tmp_path, min(LIFE_CUTS, CUTS - first), server, bill, rng)
        finally:
            server.close()
        bill.stored += len(server.rows)
        bill.doubled += server.doubled
    bill.acknowledged = bill.stored
    BILLS.append(bill)
    assert (bill.lost, bill.doubled, bill.reported) == (0, 0, 0)


async def _life(
    tmp_path: Path, n_cuts: int, server: Server, bill: Bill, rng: random.Random
) -> None:
    """Run one gateway on a new disk and cut its power a few times."""
    folder = tmp_path / f"life{server.port}"
    image, copy = Image(folder / "a", 48), Image(folder / "b", 48)
    image.mount()
    worker = Worker(image.mount_point / "journal", server.port, 0, steps_per_s=100)
    try:
        worker.wait_for_commits(1)
        for _ in range(n_cuts):
            await _cut_and_check(image, copy, worker, server, bill, rng)
    finally:
        worker.kill()
        image.unmount()
    bill.committed += worker.committed - 1
    image.file.unlink()
    copy.file.unlink()


async def _cut_and_check(
    image: Image, copy: Image, worker: Worker, server: Server, bill: Bill, rng: random.Random
) -> None:
    """Stop the world, copy the disk, and see what a gateway finds on the copy."""
    time.sleep(rng.uniform(0.05, 0.7))  # noqa: ASYNC251  the worker runs on meanwhile
    os.kill(worker.process.pid, signal.SIGSTOP)
    time.sleep(0.02)  # noqa: ASYNC251  until it has stopped
    worker.read_rest()
    promised = set(range(1, worker.committed))
    image.copy_to(copy)
    os.kill(worker.process.pid, signal.SIGCONT)
    copy.mount()
    try:
        began_s = time.monotonic()
        journal = open_journal(copy.mount_point / "journal")
        bill.recover_s = max(bill.recover_s, time.monotonic() - began_s)
        try:
            await drain(journal, server.port)
            census = Census().take(await all_records(journal))
            bill.reported += journal.stats().lost.total
        finally:
            journal.close()
    finally:
        copy.unmount()
    bill.lost += len(promised - (census.numbers & server.numbers()))
    bill.doubled += census.doubled + census.false
