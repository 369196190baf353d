"""What a ward costs on the air: a demo of eight patients, every message to its broker counted.

    mode     settings                                              goal
    full     compression = "zstd"                                  200 MB a day, 2 messages/s, 2 s
    budget   compression = "zstd", budget_mb_per_day = 25          25 MB a day

Counted are topics and contents as a subscriber gets them; beside them the estimate of what passes
through the network, with IP, TCP and TLS of each message and of its acknowledgement.
"""

import asyncio
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from teleward_cloud.mqtt import payload
from teleward_cloud.mqtt.budget import OVERHEAD_BYTES, Level
from teleward_cloud.mqtt.connection import Incoming, MqttConnection
from teleward_cloud.mqtt.settings import MqttSettings, MqttVersion
from teleward_gateway.testing.running_demo import RunningDemo
from teleward_gateway.testing.servers import Mosquitto
from teleward_signal.errors import TelewardError
from teleward_signal.record import RecordKind

BUDGET_MB = 25.0
_DAY_S = 86_400
_SETTLE_S = 20.0
"""Time for connections and first statuses, which come once and not all day."""
_LEVEL_S = 240.0
"""Longest time until the budget has taken effect: two levels of half a minute."""


class BytesFailed(TelewardError):
    """The measurement could not be made."""


def measure(seconds: float, patients: int) -> dict[str, Any]:
    """Run a demo in each mode and count for ``seconds``."""
    with tempfile.TemporaryDirectory(prefix="teleward-bench-") as folder:
        full = asyncio.run(_run(Path(folder) / "full", seconds, patients, None))
        budget = asyncio.run(_run(Path(folder) / "budget", seconds, patients, BUDGET_MB))
    key = f"mb_per_day_{patients}"
    return {key: full["mb_per_day"], f"{key}_budget": budget["mb_per_day"],
            "bytes": {"full": full, "budget": budget}}  # fmt: skip


def table(result: dict[str, Any]) -> Iterable[str]:
    """Yield the figures as lines of text."""
    yield "traffic of a ward to MQTT      MB/day  on the wire  messages/s  records/s  p95"
    goals = {"full": "goal 200 MB/day, 2 messages/s, 2 s", "budget": f"goal {BUDGET_MB:g} MB/day"}
    for mode, found in result["bytes"].items():
        yield (
            f"  {found['patients']} patients, {mode:12} {found['mb_per_day']:12.1f} "
            f"{found['wire_mb_per_day']:12.1f} {found['messages_per_s']:11.2f} "
            f"{found['records_per_s']:10.1f} {found['live_p95_s']:4.2f} s   {goals[mode]}"
        )


async def _run(
    folder: Path, seconds: float, patients: int, budget_mb: float | None
) -> dict[str, Any]:
    await asyncio.to_thread(folder.mkdir)
    broker = Mosquitto(folder)
    await asyncio.to_thread(broker.start)
    demo: RunningDemo | None = None
    counter = _Counter(broker.port)
    try:
        settings = f'[mqtt]\nport = {broker.port}\ncompression = "zstd"\n'
        if budget_mb is not None:
            settings += f"[network]\nbudget_mb_per_day = {budget_mb:g}\n"
        demo = await asyncio.to_thread(
            RunningDemo.start, folder, patients=patients, settings=settings
        )
        await asyncio.to_thread(demo.wait_live)
        await counter.start()
        await asyncio.sleep(_SETTLE_S)
        if budget_mb is not None:
            await _until_sparse(demo)
        counter.clear()
        await asyncio.sleep(seconds)
        return counter.result(seconds, patients)
    finally:
        await counter.stop()
        if demo is not None:
            await asyncio.to_thread(demo.stop)
        await asyncio.to_thread(broker.stop)


async def _until_sparse(demo: RunningDemo) -> None:
    """Wait until the gateway has gone down to its lowest level."""
    end_s = time.monotonic() + _LEVEL_S
    while time.monotonic() < end_s:
        health = await asyncio.to_thread(demo.get, "health")
        if health["parts"]["sink:mqtt"].get("budget_level") == float(Level.SPARSE):
            await asyncio.sleep(_SETTLE_S)
            return
        await asyncio.sleep(2.0)
    raise BytesFailed(f"the network budget has no effect after {_LEVEL_S:g} s")


class _Counter:
    """A subscriber that counts what comes and notes how old live values are."""

    def __init__(self, port: int) -> None:
        self._connection = MqttConnection(
            MqttSettings(port=port),
            client_id="bench-counter",
            version=MqttVersion.V5,
            on_message=self._received,
        )
        self.clear()

    async def start(self) -> None:
        await self._connection.connect()
        await self._connection.subscribe("#")

    async def stop(self) -> None:
        await self._connection.close()

    def clear(self) -> None:
        self.n_messages = self.n_bytes = self.n_records = 0
        self.delays_s: list[float] = []

    def result(self, seconds: float, patients: int) -> dict[str, Any]:
        """Return rates and what they are in a day."""
        delays_s = sorted(self.delays_s) or [float("nan")]
        wire = self.n_bytes + OVERHEAD_BYTES * self.n_messages
        return {
            "patients": patients,
            "seconds": seconds,
            "mb_per_day": self.n_bytes / seconds * _DAY_S / 1e6,
            "wire_mb_per_day": wire / seconds * _DAY_S / 1e6,
            "messages_per_s": self.n_messages / seconds,
            "records_per_s": self.n_records / seconds,
            "bytes_a_record": self.n_bytes / max(1, self.n_records),
            "live_p50_s": delays_s[len(delays_s) // 2],
            "live_p95_s": delays_s[int(0.95 * (len(delays_s) - 1))],
        }

    def _received(self, message: Incoming) -> None:
        now_ns = time.time_ns()
        self.n_messages += 1
        self.n_bytes += len(message.topic.encode()) + len(message.payload)
        if "/live/" not in message.topic:
            return
        for record in payload.decode(message.payload):
            self.n_records += 1
            if record.kind is RecordKind.MEASUREMENT and not record.payload.get("stored"):
                self.delays_s.append((now_ns - record.time_ns) / 1e9)
