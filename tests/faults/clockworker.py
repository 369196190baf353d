"""A gateway under a fake clock: FOLDER STAGES NAME; asks for the next stage on stdout."""

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from faultkit import KINDS, all_records

from teleward_cloud.sink import Delivery as Answer
from teleward_cloud.sink import SinkCounters
from teleward_gateway.clock import GatewayClock
from teleward_gateway.delivery import Delivery, DeliveryConfig
from teleward_gateway.journal import Journal, JournalConfig
from teleward_signal.model import Provenance
from teleward_signal.record import Draft, Record, RecordKind

EACH = 20


class Points:
    """A store of points by time, as InfluxDB's: the same fact at two times is two points.

    Every third answer is lost on the way, so that records are sent again after the jump too.
    """

    name = "points"
    kinds = frozenset({RecordKind.MEASUREMENT})
    max_batch = 10

    def __init__(self) -> None:
        self.points: set[tuple[int, int]] = set()
        self.batches = 0

    async def open(self) -> None:
        """Nothing to open."""

    async def send(self, batch: Sequence[Record], *, live: bool) -> Answer:
        """Store, and lose every third answer."""
        self.points.update((record.payload["value"], record.time_ns) for record in batch)
        self.batches += 1
        if self.batches % 3 == 0:
            return Answer(error="the answer was lost")
        return Answer(tuple(record.id for record in batch))

    def counters(self) -> SinkCounters:
        """Nothing of interest."""
        return SinkCounters()

    async def close(self) -> None:
        """Nothing to close."""


async def work(folder: Path, stages: int) -> dict[str, object]:
    """Record through every stage of the clock; return what history shows."""
    clock = GatewayClock()
    journal = Journal.open(
        folder, gateway="g", provenance=Provenance.SIMULATED, clock=clock,
        config=JournalConfig(commit_interval_s=0.25),
    )  # fmt: skip
    sink = Points()
    delivery = Delivery(
        journal, sink, DeliveryConfig(hold_s=0, first_retry_s=0.05, longest_retry_s=0.1)
    )
    task = asyncio.create_task(delivery.run())
    value, corrections = 0, 0
    for stage in range(stages):
        if stage:
            print("next", flush=True)
            await asyncio.to_thread(sys.stdin.readline)
        corrections += _poll(clock, journal)
        for _ in range(EACH):
            journal.append(
                Draft(RecordKind.MEASUREMENT, "bed", "ox", "spo2", payload={"value": value})
            )
            value += 1
            await asyncio.sleep(0.01)
            corrections += _poll(clock, journal)
    await journal.flush()
    while journal.stats().sinks[0].pending:
        await asyncio.sleep(0.02)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    history = await journal.history("bed", "spo2", 0, 2**62, kinds=KINDS)
    records = await all_records(journal)
    journal.close()
    return {
        "times": [record.time_ns for record in history],
        "values": [record.payload["value"] for record in history],
        "sent": value,
        "corrections": corrections,
        "rows": len({point[0] for point in sink.points}),
        "points_doubled": len(sink.points) - len({point[0] for point in sink.points}),
        "records": len(records),
    }


def _poll(clock: GatewayClock, journal: Journal) -> int:
    correction = clock.poll()
    if correction is not None:
        journal.correct(correction)
    return correction is not None


if __name__ == "__main__":
    print(json.dumps(asyncio.run(work(Path(sys.argv[1]), int(sys.argv[2])))), flush=True)
