"""Collectors in this process and in one of their own, and a delivery that goes on to its end."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from teleward_cloud.collector import Collector, MqttSource
from teleward_cloud.influx.settings import InfluxSettings
from teleward_cloud.influx.sink import InfluxSink
from teleward_cloud.mqtt.settings import MqttSettings
from teleward_cloud.mqtt.sink import MqttSink
from teleward_gateway.testing.servers import Influx, Mosquitto
from teleward_signal.model import Provenance
from teleward_signal.record import Record, RecordId

Make = Callable[..., Record]
Wait = Callable[..., Any]


async def deliver(sink: MqttSink, batch: list[Record], timeout_s: float = 30.0) -> None:
    """Do as the delivery loop does until every record is acknowledged."""
    owed = {record.id: record for record in batch}
    held: set[RecordId] = set()
    async with asyncio.timeout(timeout_s):
        while owed:
            ready = [record for found, record in owed.items() if found not in held][:200]
            answer = await sink.send(ready, live=True)
            assert not answer.rejected
            held |= {*answer.held}
            held -= {*answer.forgotten}
            for found in answer.acknowledged:
                owed.pop(found, None)
            await asyncio.sleep(0.02)


def collector(settings: MqttSettings, influx: Influx, name: str) -> tuple[Collector, MqttSource]:
    source = MqttSource(
        settings, provenance=Provenance.SIMULATED, group="collectors", client_id=name
    )
    target = InfluxSink(InfluxSettings(url=influx.url), provenance=Provenance.SIMULATED)
    return Collector(source, target), source


@asynccontextmanager
async def collecting(carrier: Collector, source: MqttSource) -> AsyncIterator[None]:
    """Run a collector as long as the context lasts, connected from its begin."""
    running = asyncio.create_task(carrier.run())
    try:
        await source.connected.wait()
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def start_collector(
    folder: Path, name: str, mosquitto: Mosquitto, influx: Influx
) -> asyncio.subprocess.Process:
    """Start `teleward collect` as a user would."""
    path = folder / f"{name}.toml"
    await asyncio.to_thread(
        path.write_text,
        f'[gateway]\nname = "{name}"\nmode = "simulated"\n'
        f"[mqtt]\nport = {mosquitto.port}\n[influx]\nurl = '{influx.url}'\n",
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "teleward_gateway", "collect", "--config", str(path)),
        *("--client-id", name, "--metrics-port", "0"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    async with asyncio.timeout(20):
        while b"collecting" not in await process.stdout.readline():
            pass
    return process
