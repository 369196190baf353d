"""The demo, headless, from the installed wheel, with a real broker and a real time-series server.

``TELEWARD_WHEEL_ENV`` names an environment with the wheel (`make test` makes it); without it the
package of this environment runs. Either way the process works outside the checkout.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest

from teleward_gateway.bench.servers import Influx, Mosquitto
from teleward_simulators.source import VitalSource
from teleward_simulators.sources import make_source
from teleward_simulators.ward import WardPlan, plan_ward

START_S = 90.0
"""A cold kernel cache and two busy cores; a quiet second start takes below 10 s."""
STREAM_S = 30.0
"""How long the ward runs before the tests look at it."""


@dataclass
class Messages:
    """Everything the broker delivered: topic and decoded JSON."""

    seen: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def records(self, **wanted: Any) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
        """Return (topic, message, record) of the records whose keys have the wanted values."""
        return [
            (topic, message, record)
            for topic, message in list(self.seen)
            for record in message.get("records", [])
            if all(record.get(key) == value for key, value in wanted.items())
        ]


@dataclass
class RunningDemo:
    """A demo that streams."""

    plan: WardPlan
    folder: Path
    address: str
    start_ns: int
    process: "subprocess.Popen[str]"
    messages: Messages
    influx: Influx
    started_s: float
    said: list[str] = field(default_factory=list)

    def get(self, path: str) -> Any:
        """Return the JSON of an API address."""
        with urllib.request.urlopen(f"{self.address}/api/v1/{path}", timeout=20) as answer:
            return json.load(answer)

    def source(self, subject: str) -> VitalSource:
        """Return the simulated patient behind a subject: the truth."""
        found = next(s for s in self.plan.subjects if s.id == subject)
        return make_source(found.source, found.seed)

    def patient_time_s(self, time_ns: int) -> float:
        """Return the patient's own time at a moment of UTC."""
        return (time_ns - self.start_ns) / 1e9


def interpreter() -> Path:
    """Return the Python that has the wheel, or this one."""
    wheel = os.environ.get("TELEWARD_WHEEL_ENV")
    return Path(wheel) / "bin/python" if wheel else Path(sys.executable)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    """A ward of eight that has streamed for `STREAM_S`."""
    folder = tmp_path_factory.mktemp("demo")
    servers = tmp_path_factory.mktemp("servers")
    for name in ("broker", "influx"):
        (servers / name).mkdir()
    broker, influx = Mosquitto(servers / "broker"), Influx(servers / "influx")
    broker.start()
    influx.start()
    messages = Messages()
    client = listen(broker.port, messages)
    more = folder / "servers.toml"
    more.write_text(
        f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n\n'
        f'[influx]\nurl = "{influx.url}"\ntoken = "teleward"\n'
    )
    process = start_demo(folder, more)
    try:
        running = RunningDemo(
            plan_ward(8), folder / "data", f"http://127.0.0.1:{free_port()}", 0, process,
            messages, influx, time.monotonic(),
        )  # fmt: skip
        wait_live(running)
        time.sleep(STREAM_S)
        yield running
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=10)
        assert process.stdout is not None
        process.stdout.close()
        client.disconnect()
        client.loop_stop()
        influx.stop()
        broker.stop()


def start_demo(folder: Path, more: Path | None = None, *options: str) -> "subprocess.Popen[str]":
    """Start ``teleward demo`` in a folder of its own, outside the checkout."""
    command = [str(interpreter()), "-m", "teleward_gateway", "demo", "--headless", "--port", "0"]
    command += ["--folder", str(folder / "demo"), *options]
    if more is not None:
        command += ["--settings", str(more)]
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, start_new_session=True,
    )  # fmt: skip


def wait_live(running: RunningDemo) -> None:
    """Read what the demo says until it is live; fill in where it is."""
    assert running.process.stdout is not None
    killer = threading.Timer(START_S, running.process.kill)
    killer.start()
    try:
        for line in running.process.stdout:
            running.said.append(line.strip())
            if "the ward: " in line:
                break
        else:
            pytest.fail("the demo did not start:\n" + "\n".join(running.said))
    finally:
        killer.cancel()
    running.address = line.split("the ward: ")[1].strip().removesuffix("/ward")
    running.folder = running.folder.parent / "demo"
    events = (running.folder / "fleet.log").read_text().splitlines()
    ready = next(json.loads(e) for e in events if '"ready"' in e)
    running.start_ns = int(ready["start_time_ns"])


def listen(port: int, messages: Messages) -> paho.Client:
    """Subscribe to everything."""
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)

    def on_connect(client: paho.Client, *_: object) -> None:
        client.subscribe("#", qos=1)

    def on_message(_client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        messages.seen.append((message.topic, json.loads(message.payload)))

    client.on_connect = on_connect
    client.on_message = on_message
    client.connect("127.0.0.1", port)
    client.loop_start()
    return client


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
