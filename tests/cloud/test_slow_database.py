"""A collector whose database is slower than its broker: bounded memory, nothing lost."""

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from teleward_cloud.mqtt.settings import Bundle, Confirmation, MqttSettings
from teleward_cloud.mqtt.sink import MqttSink
from teleward_gateway.testing.servers import Mosquitto
from teleward_signal.model import Provenance
from teleward_signal.record import Record

Make = Callable[..., Record]
Wait = Callable[..., Any]

BROKERS = {
    "default": "",
    "long queues": "max_queued_messages 100000\nmax_inflight_messages 1000\n",
}


@pytest.mark.parametrize("name", BROKERS)
async def test_a_slow_database_loses_nothing_that_the_broker_took(
    tmp_path: Path, record: Make, name: str
) -> None:
    """500 messages a second, 2 s a batch: 30 % and 22 % were lost, without any crash."""
    lines = "listener PORT 127.0.0.1\nallow_anonymous true\n" + BROKERS[name]
    server = Mosquitto(tmp_path, extra=lines)
    server.start()
    worker = await asyncio.create_subprocess_exec(
        *(sys.executable, str(Path(__file__).parent / "slow_worker.py"), str(server.port), "2"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert worker.stdin is not None
    assert worker.stdout is not None
    assert await worker.stdout.readline() == b"ready\n"
    settings = MqttSettings(
        port=server.port, bundle=Bundle.SUBJECT, confirm=Confirmation.PUBACK, window=200
    )
    gateway = MqttSink(settings, gateway="ward-3", provenance=Provenance.SIMULATED)
    await gateway.open()
    await gateway.wait_connected(30)
    acknowledged = 0
    start_s = asyncio.get_running_loop().time()
    for step in range(60):  # 6 s at 50 messages of 6 records each tenth of a second
        batch = [record(50 * step + n, part) for n in range(50) for part in range(6)]
        acknowledged += len((await gateway.send(batch, live=True)).acknowledged)
        ahead_s = start_s + 0.1 * (step + 1) - asyncio.get_running_loop().time()
        await asyncio.sleep(max(0.0, ahead_s))
    worker.stdin.write(f"{acknowledged}\n".encode())
    result = json.loads(await asyncio.wait_for(worker.stdout.readline(), 60))
    await worker.wait()
    await gateway.close()
    server.stop()
    assert acknowledged == 18_000
    assert result["stored"] == acknowledged
    assert result["megabytes"] < 150
