"""A collector before a slow database, in a process of its own: what came, and the most memory.

slow_worker.py PORT SECONDS_A_BATCH      prints "ready", then, at the end of its input, JSON
"""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from teleward_cloud.collector import Collector, MqttSource
from teleward_cloud.mqtt.settings import MqttSettings
from teleward_cloud.sink import Delivery, SinkCounters
from teleward_signal.model import Provenance
from teleward_signal.record import Record, RecordId, RecordKind


class SlowDatabase:
    """Takes seconds for each batch, however large."""

    name = "slow"
    kinds = frozenset(RecordKind)
    max_batch = 10_000

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.seen: Counter[RecordId] = Counter()

    async def open(self) -> None:
        """Nothing to open."""

    async def send(self, batch: Sequence[Record], *, live: bool) -> Delivery:
        """Store a batch."""
        if batch:
            await asyncio.sleep(self.seconds)
        self.seen.update(record.id for record in batch)
        return Delivery(acknowledged=tuple(record.id for record in batch))

    def counters(self) -> SinkCounters:
        """Nothing of interest."""
        return SinkCounters()

    async def close(self) -> None:
        """Nothing to close."""


def peak_megabytes() -> float:
    """Return the most memory that this process held; ``ru_maxrss`` begins with its parent's."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if "VmHWM" in line) / 1024


async def main(port: int, seconds: float) -> None:
    """Collect until the input ends and all is stored."""
    database = SlowDatabase(seconds)
    source = MqttSource(
        MqttSettings(port=port), provenance=Provenance.SIMULATED, group="g", client_id="slow"
    )
    collector = Collector(source, database)
    running = asyncio.create_task(collector.run())
    await source.connected.wait()
    print("ready", flush=True)
    expected = int(await asyncio.to_thread(sys.stdin.readline))
    quiet_s, before = 0.0, -1
    while len(database.seen) < expected and quiet_s < 8:
        await asyncio.sleep(0.2)
        quiet_s = quiet_s + 0.2 if len(database.seen) == before else 0.0
        before = len(database.seen)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    result = {
        "stored": len(database.seen),
        "megabytes": peak_megabytes(),
        "pauses": source.pauses,
    }
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
