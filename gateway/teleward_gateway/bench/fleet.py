"""``teleward bench fleet``: many gateways, a broker, collectors that die, a database; what is lost.

    gateways --MQTT, storage confirmed--> mosquitto --$share--> collectors --> InfluxDB 1.6.7
                                     kill -9 at 60 % ^      kill -9 at 30 % ^

Every gateway sends one message a second with the values of eight subjects and keeps what nobody has
confirmed, as the journal does. At the end each confirmed record must be in the database once.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from teleward_cloud.mqtt.compression import Compression
from teleward_cloud.mqtt.settings import Confirmation, MqttSettings
from teleward_cloud.mqtt.sink import MqttSink
from teleward_gateway.testing.servers import Influx, Mosquitto
from teleward_signal.model import Provenance
from teleward_signal.record import Record, RecordId, RecordKind

METRICS = ("heart_rate", "pulse_rate", "spo2", "respiratory_rate", "perfusion_index", "ptt")
_BUCKET = "teleward-sim"
_NS = 1_000_000_000
_DRAIN_S = 90.0
_TICKS = os.sysconf("SC_CLK_TCK")
_BROKER = """listener PORT 127.0.0.1
allow_anonymous true
autosave_interval 1
max_queued_messages 100000
max_inflight_messages 100
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--gateways", type=int, default=20, help="gateways of eight subjects each")
    parser.add_argument("--collectors", type=int, default=2, help="collectors that share the load")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long the gateways send")
    parser.add_argument("--no-kills", action="store_true", help="kill nothing")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run the fleet; every server is a real one on loopback."""
    with tempfile.TemporaryDirectory(prefix="teleward-bench-") as folder:
        return asyncio.run(_measure(arguments, Path(folder)))


def table(result: dict[str, Any]) -> str:
    """Return the figures as text."""
    return "\n".join(
        [
            f"{result['gateways']} gateways, {result['collectors']} collectors, "
            f"{result['seconds']:g} s, kills: {result['kills']}",
            f"  records sent {result['records']}, confirmed {result['confirmed']}, "
            f"in the database {result['stored']}",
            f"  lost {result['lost']}, doubled {result['doubled']}, "
            f"not confirmed in time {result['unconfirmed']}",
            f"  collectors: {result['us_per_message']:.0f} us of processor a message of "
            f"{result['records_per_message']:.0f} records, "
            f"{result['us_per_record']:.1f} us a record",
            f"  confirmation after {result['confirmed_p50_s']:.2f} s (median), "
            f"{result['confirmed_p95_s']:.2f} s (p95)",
        ]
    )


async def _measure(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    for name in ("broker", "influx"):
        (folder / name).mkdir()
    broker, influx = Mosquitto(folder / "broker", extra=_BROKER), Influx(folder / "influx")
    await asyncio.to_thread(broker.start)
    await asyncio.to_thread(influx.start)
    collectors = [
        _CollectorProcess(folder, f"c{n}", broker.port, influx.url)
        for n in range(arguments.collectors)
    ]
    gateways = [_Gateway(f"ward-{n:03d}", broker.port) for n in range(arguments.gateways)]
    try:
        await asyncio.gather(*(collector.start() for collector in collectors))
        await asyncio.gather(*(gateway.start() for gateway in gateways))
        until_s = time.monotonic() + arguments.seconds
        running = [asyncio.create_task(gateway.run(until_s)) for gateway in gateways]
        if not arguments.no_kills:
            await _kill(collectors[0], broker, 0.3 * arguments.seconds)
        await asyncio.gather(*running)
        await asyncio.gather(*(gateway.stop() for gateway in gateways))
        await asyncio.gather(*(collector.stop() for collector in collectors))
        result = await asyncio.to_thread(_account, gateways, influx)
    finally:
        for collector in collectors:
            await collector.kill()
        await asyncio.to_thread(influx.stop)
        await asyncio.to_thread(broker.stop)
    return (
        result
        | _costs(gateways, collectors, result["records"])
        | {
            "gateways": arguments.gateways,
            "collectors": arguments.collectors,
            "seconds": arguments.seconds,
            "kills": 0 if arguments.no_kills else 2,
        }
    )


async def _kill(collector: "_CollectorProcess", broker: Mosquitto, pause_s: float) -> None:
    """Kill a collector, later the broker, and start them again."""
    await asyncio.sleep(pause_s)
    await collector.kill()
    await collector.start()
    await asyncio.sleep(pause_s)
    await asyncio.to_thread(broker.kill)
    await asyncio.to_thread(broker.start)


def _costs(
    gateways: "list[_Gateway]", collectors: "list[_CollectorProcess]", n_records: int
) -> dict[str, Any]:
    """Return processor time by message and record, and how late confirmations came."""
    cpu_s = sum(collector.cpu_s for collector in collectors)
    n_messages = sum(gateway.n_messages for gateway in gateways)
    delays_s = sorted(d for gateway in gateways for d in gateway.delays_s) or [float("nan")]
    return {
        "us_per_message": cpu_s / max(1, n_messages) * 1e6,
        "us_per_record": cpu_s / max(1, n_records) * 1e6,
        "records_per_message": n_records / max(1, n_messages),
        "messages": n_messages,
        "confirmed_p50_s": delays_s[len(delays_s) // 2],
        "confirmed_p95_s": delays_s[int(0.95 * (len(delays_s) - 1))],
    }


def _account(gateways: "list[_Gateway]", influx: Influx) -> dict[str, Any]:
    """Compare what was confirmed with the rows of the database."""
    rows = influx.query(_BUCKET, "SELECT seq, part FROM numeric GROUP BY gateway")
    stored: dict[tuple[str, int, int], int] = {}
    for row in rows:
        key = str(row["gateway"]), int(row["seq"]), int(row["part"])
        stored[key] = stored.get(key, 0) + 1
    confirmed = {
        (found.gateway, found.seq, found.part) for gateway in gateways for found in gateway.done
    }
    return {
        "records": sum(gateway.n_records for gateway in gateways),
        "confirmed": len(confirmed),
        "stored": len(stored),
        "lost": sum(key not in stored for key in confirmed),
        "doubled": sum(count - 1 for count in stored.values()),
        "unconfirmed": sum(len(gateway.pending) for gateway in gateways),
    }


class _Gateway:
    """One gateway: makes values, keeps them until they are confirmed."""

    def __init__(self, name: str, port: int) -> None:
        self.name = name
        settings = MqttSettings(
            port=port,
            confirm=Confirmation.STORAGE,
            confirm_timeout_s=10,
            ack_timeout_s=5,
            compression=Compression.ZSTD,
        )
        self._sink = MqttSink(settings, gateway=name, provenance=Provenance.SIMULATED)
        self._held: set[RecordId] = set()
        self._made_s: dict[RecordId, float] = {}
        self.pending: dict[RecordId, Record] = {}
        self.done: list[RecordId] = []
        self.delays_s: list[float] = []
        self.n_records = 0

    @property
    def n_messages(self) -> int:
        """Messages published, repeats included."""
        return int(self._sink.counters().detail["messages_total"])

    async def start(self) -> None:
        """Connect."""
        await self._sink.open()
        await self._sink.wait_connected(30)

    async def stop(self) -> None:
        """Disconnect."""
        await self._sink.close()

    async def run(self, until_s: float) -> None:
        """Send until ``until_s``, then until everything is confirmed or `_DRAIN_S` have passed."""
        second = 0
        next_s = time.monotonic()
        while time.monotonic() < until_s or self.pending:
            if time.monotonic() > until_s + _DRAIN_S:
                return
            if time.monotonic() >= next_s and time.monotonic() < until_s:
                self._make(second)
                second, next_s = second + 1, next_s + 1.0
            await self._deliver()
            await asyncio.sleep(0.1)

    def _make(self, second: int) -> None:
        now_ns = time.time_ns()
        for bed in range(8):
            for n, metric in enumerate(METRICS):
                part = bed * len(METRICS) + n
                found = RecordId(self.name, "5eed5eed", second + 1, part)
                self.pending[found] = Record(
                    found, RecordKind.MEASUREMENT, Provenance.SIMULATED, now_ns + n * 1_000_000,
                    12_000_000, second * _NS, "b007", f"bed-{bed}", f"monitor-{bed}", metric,
                    {"value": 60.0 + (second + part) % 40, "quality": 0.97, "source": "device",
                     "valid_s": 5.0},
                )  # fmt: skip
                self._made_s[found] = time.monotonic()
                self.n_records += 1

    async def _deliver(self) -> None:
        ready = [r for found, r in self.pending.items() if found not in self._held][:512]
        answer = await self._sink.send(ready, live=True)
        self._held |= {*answer.held}
        self._held -= {*answer.forgotten}
        for found in answer.acknowledged:
            if self.pending.pop(found, None) is not None:
                self.done.append(found)
                self.delays_s.append(time.monotonic() - self._made_s.pop(found))


class _CollectorProcess:
    """``teleward collect`` as a user starts it; it can be killed."""

    def __init__(self, folder: Path, name: str, port: int, url: str) -> None:
        self._name = name
        self._config = folder / f"{name}.toml"
        self._config.write_text(
            f'[gateway]\nname = "{name}"\nmode = "simulated"\n'
            f"[mqtt]\nport = {port}\n[influx]\nurl = '{url}'\n"
        )
        self._process: asyncio.subprocess.Process | None = None
        self._idle_s = 0.0
        self.cpu_s = 0.0

    async def start(self) -> None:
        """Start it and wait until it collects."""
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "teleward_gateway", "collect", "--config", str(self._config)),
            *("--client-id", self._name, "--metrics-port", "0"),
            stdout=asyncio.subprocess.PIPE,
        )
        assert self._process.stdout is not None
        async with asyncio.timeout(60):
            while b"collecting" not in await self._process.stdout.readline():
                pass
        self._idle_s = _cpu_s(self._process.pid)

    async def kill(self) -> None:
        """Kill it as a power cut would; idempotent."""
        await self._end(kill=True)

    async def stop(self) -> None:
        """Ask it to end."""
        await self._end(kill=False)

    async def _end(self, *, kill: bool) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        self.cpu_s += _cpu_s(process.pid) - self._idle_s  # without what its start costs
        if kill:
            process.kill()
        else:
            process.terminate()
        await process.communicate()


def _cpu_s(pid: int) -> float:
    """Return the processor time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
