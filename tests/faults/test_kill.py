"""The gateway's process is killed, again and again, in the midst of commits and deliveries."""

import asyncio
import random
import time
from pathlib import Path

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

KILLS = 60 if FULL else 3


async def test_killed_in_a_loop(tmp_path: Path, server: Server) -> None:
    rng = random.Random(7)
    bill = Bill(f"kill -9, {KILLS} times")
    committed: set[int] = set()
    step, known, slowest_s = 0, 1, 0.0
    for n_kills in range(KILLS):
        progress(bill.fault, n_kills, KILLS)
        began_s = time.monotonic()
        worker = Worker(tmp_path, server.port, step)
        worker.wait_for_commits(1)
        slowest_s = max(slowest_s, time.monotonic() - began_s)
        await asyncio.sleep(rng.uniform(0, 0.6))
        worker.kill()
        committed.update(range(known, worker.committed))
        known, step = worker.committed, worker.steps + 1000
    journal = open_journal(tmp_path)
    try:
        delivery = await drain(journal, server.port)
        census = Census().take(await all_records(journal))
        stats = journal.stats()
    finally:
        journal.close()
    bill.committed, bill.acknowledged = len(committed), stats.sinks[0].acknowledged
    bill.stored, bill.doubled = len(server.rows), max(census.doubled, server.doubled)
    bill.lost = len(committed - (census.numbers & server.numbers()))
    bill.reported, bill.recover_s = stats.lost.total, slowest_s
    BILLS.append(bill)
    assert (bill.lost, bill.doubled, bill.reported, census.false) == (0, 0, 0, 0)
    assert census.numbers == server.numbers()
    assert delivery.status.dead_letter == 0
