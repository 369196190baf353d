"""A gateway as shipped: health, metrics, status, and a signed command by its own broker."""

import asyncio
import json
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from teleward_cloud.mqtt.connection import Incoming, MqttConnection
from teleward_cloud.mqtt.settings import MqttSettings, MqttVersion
from teleward_cloud.mqtt.topics import Topics
from teleward_gateway.commands import status
from teleward_gateway.remote_commands.message import Command, encode
from teleward_gateway.testing.servers import free_port

Wait = Callable[..., Any]
KEY = "0123456789abcdef0123"
TOPICS = Topics("teleward-sim", "ward-3")


def settings(folder: Path, port: int) -> str:
    return f"""
[gateway]
name = "ward-3"
mode = "simulated"
data_folder = "{folder / "data"}"
[radio]
adapter = "off"
[api]
port = {port}
[embedded_broker]
port = 0
[[remote_commands.users]]
name = "dr-1"
key = "{KEY}"
commands = ["reload-config", "set-limits"]
[[alarms.commands]]
name = "lamp"
command = ["true"]
[[subjects]]
id = "bed-1"
label = "Bed 1"
"""


async def get(url: str) -> Any:
    def fetch() -> str:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return str(answer.read().decode())

    return await asyncio.to_thread(fetch)


class Running:
    """The gateway's address and settings file."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.config = folder / "teleward.toml"
        self.config.write_text(settings(folder, port))
        self.config.chmod(0o600)  # it holds a key
        self.process: asyncio.subprocess.Process

    async def health(self) -> dict[str, Any]:
        report: dict[str, Any] = json.loads(await get(f"{self.url}/api/v1/health"))
        return report

    async def part(self, name: str) -> dict[str, Any]:
        """Return a part of the health report once it is there."""
        async with asyncio.timeout(240):  # a cold start compiles the signal kernels
            while True:
                try:
                    found: dict[str, Any] | None = (await self.health())["parts"].get(name)
                except OSError:
                    found = None
                if found is not None:
                    return found
                await asyncio.sleep(0.1)

    async def start(self) -> None:
        """Start the gateway's process."""
        self.process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "teleward_gateway", "run", "--config", str(self.config))
        )

    async def kill(self) -> None:
        """End it as a power cut would; its broker ends with it."""
        self.process.kill()
        await self.process.wait()


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    running = Running(tmp_path)
    await running.start()
    yield running
    running.process.terminate()
    assert await asyncio.wait_for(running.process.wait(), 30) == 0


def signed(name: str, arguments: dict[str, Any]) -> bytes:
    """Return a valid command of a minute."""
    expires_ns = time.time_ns() + 60 * 10**9
    command = Command(f"{name}-1", name, "dr-1", expires_ns, arguments)
    return encode(command, TOPICS.command(name), KEY.encode())


async def ask(running: Running, name: str, message: bytes, wait: Wait) -> Any:
    """Send a signed command through the gateway's own broker; return the answer."""
    port = int((await running.part("broker"))["port"])
    async with asyncio.timeout(60):
        while (await running.part("sink:mqtt"))["connected"] != 1:
            await asyncio.sleep(0.1)
    heard: list[Incoming] = []
    kept = running.config.parent / "data" / "simulated" / "broker" / "reader-password"
    password = (await asyncio.to_thread(kept.read_text)).strip()
    access = MqttSettings(port=port, username="reader", password=SecretStr(password))
    desk = MqttConnection(access, client_id="desk", version=MqttVersion.V5, on_message=heard.append)
    await desk.connect()
    await desk.subscribe(TOPICS.reply(name))
    await desk.publish(TOPICS.command(name), message)
    await wait(lambda: heard, 60.0)
    await desk.close()
    return json.loads(heard[0].payload)


@pytest.mark.true_time  # the gateway is in another process, which has a clock of its own
async def test_health_metrics_and_commands(
    running: Running, eventually: Wait, capsys: pytest.CaptureFixture[str]
) -> None:
    sink = await running.part("sink:mqtt")
    assert {"backlog_records", "backlog_bytes", "backlog_age_s", "error"} <= set(sink)
    assert json.loads(await get(f"{running.url}/health/live"))["status"] == "live"
    assert json.loads(await get(f"{running.url}/health/ready"))["status"] == "ready"
    metrics = await get(f"{running.url}/metrics")
    assert 'teleward_sink_backlog_records{sink="mqtt"}' in metrics
    assert "teleward_journal_lost_total 0.0" in metrics
    helps = [line for line in metrics.splitlines() if line.startswith("# HELP teleward_")]
    plain = [line for line in helps if "as in the health report" in line]
    assert len(plain) < len(helps) / 5, plain
    assert 'teleward_ok{part="sink:command-lamp"} 1.0' in metrics

    limits = signed("set-limits", {"subject": "bed-2", "limits": {}})
    refused = await ask(running, "set-limits", limits, eventually)
    assert refused["error"] == "no subject 'bed-2' is admitted here"
    text = await asyncio.to_thread(running.config.read_text)
    added = text + '[[subjects]]\nid = "bed-2"\nlabel = "Bed 2"\n'
    await asyncio.to_thread(running.config.write_text, added)
    reload = signed("reload-config", {})
    assert (await ask(running, "reload-config", reload, eventually))["ok"] is True
    assert "bed-2" in await get(f"{running.url}/api/v1/subjects")
    assert (await running.part("remote_commands"))["refused_total"] == 1

    await running.kill()
    await running.start()
    replayed = await ask(running, "reload-config", reload, eventually)
    assert replayed["error"] == "this command was given before"

    report = await asyncio.to_thread(status.fetch, running.url)
    assert "mqtt" in status.render(report, colour=False)
