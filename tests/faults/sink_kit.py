"""A gateway's record path without its ward: a journal that is fed all the time, and one sink."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from faultkit import BILLS, QUICK, Bill, drafts, open_journal

from teleward_cloud.sink import Sink
from teleward_gateway.delivery import Delivery, DeliveryConfig
from teleward_gateway.journal import Journal
from teleward_gateway.testing.servers import Influx
from teleward_signal.record import RecordKind

BUCKET = "teleward-sim"
CONFIG = DeliveryConfig(hold_s=0, first_retry_s=0.1, longest_retry_s=0.5)


class Gateway:
    """A journal that is fed with values and alarms all the time, and one sink."""

    def __init__(self, folder: Path, sink: Sink, name: str = "g1") -> None:
        self.journal: Journal = open_journal(folder, QUICK, name)
        self.delivery = Delivery(self.journal, sink, CONFIG)
        self.step = 0

    def append(self) -> None:
        """Take in the values and alarms of the next step."""
        for draft in drafts(self.step):
            if draft.kind is not RecordKind.WAVEFORM:
                self.journal.append(draft)
        self.step += 1

    async def feed(self, seconds: float) -> None:
        """Take in a hundred steps a second."""
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s:
            self.append()
            await asyncio.sleep(0.01)

    async def drained(self, timeout_s: float = 90) -> None:
        """Wait until nothing is owed to the sink."""
        async with asyncio.timeout(timeout_s):
            await self.journal.flush()
            while not self.journal.stats().sinks or self.journal.stats().sinks[0].pending:
                await asyncio.sleep(0.02)


@asynccontextmanager
async def running(gateway: Gateway) -> AsyncIterator[None]:
    """Deliver as long as the context lasts, then close the journal."""
    task = asyncio.create_task(gateway.delivery.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        gateway.journal.close()


def settle(bill: Bill, gateway: Gateway, influx: Influx) -> None:
    """Compare what was committed with what the database holds."""
    stats = gateway.journal.stats()
    rows = [
        row["seq"] + row["part"]
        for name in ("numeric", "alarm")
        for row in influx.query(BUCKET, f"SELECT seq, part FROM {name}")
    ]
    bill.committed, bill.stored = stats.next_number - 1, len(rows)
    bill.acknowledged = stats.sinks[0].acknowledged
    bill.doubled = len(rows) - len(set(rows))
    bill.lost = len(set(range(1, stats.next_number)) - set(rows)) - stats.sinks[0].dead_letter
    bill.reported = stats.lost.total
    BILLS.append(bill)
    assert (bill.lost, bill.doubled, bill.reported) == (0, 0, 0)
