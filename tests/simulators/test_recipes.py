"""The three recipes of simulators/README.md do what they say: their own text is run."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

README = Path(__file__).parents[2] / "simulators" / "README.md"
Start = Callable[..., "Program"]


def blocks(heading: str, language: str) -> list[str]:
    """Return the code blocks of one section of the README."""
    section = README.read_text().partition(f"## {heading}")[2].partition("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)


def command(heading: str, start: str) -> list[str]:
    """Return the words of the one command line that begins with ``start``."""
    lines = "".join(blocks(heading, "console")).splitlines()
    (line,) = [li.removeprefix("$ ") for li in lines if li.startswith(f"$ {start}")]
    return shlex.split(line.partition("   #")[0])


class Program:
    """A running ``teleward`` command."""

    def __init__(self, words: list[str], folder: Path) -> None:
        assert words[0] == "teleward"
        self.child = subprocess.Popen(
            [sys.executable, "-m", "teleward_gateway", *words[1:]],
            cwd=folder,
            stdout=subprocess.PIPE,
            text=True,
        )

    def event(self, name: str) -> dict[str, Any]:
        """Wait for an event of ``--json``."""
        assert self.child.stdout is not None
        for line in self.child.stdout:
            event: dict[str, Any] = json.loads(line)
            if event["event"] == name:
                return event
        pytest.fail(f"the command ended before {name}")

    def stop(self) -> int:
        """Press Ctrl-C and return the exit code; what does not end is killed."""
        self.child.send_signal(signal.SIGINT)
        try:
            code = self.child.wait(10)
        except subprocess.TimeoutExpired:
            self.child.kill()
            code = self.child.wait()
        if self.child.stdout is not None:
            self.child.stdout.close()
        return code


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """How to start a command; what still runs at the end is stopped, and leaves nothing behind."""
    programs: list[Program] = []

    def start(words: list[str], json_events: bool = True) -> Program:
        programs.append(Program([*words, "--json"] if json_events else words, tmp_path))
        return programs[-1]

    yield start
    codes = [program.stop() for program in reversed(programs)]
    assert codes == [0] * len(codes)


def run_python(text: str, folder: Path, **environment: str) -> str:
    """Run a program of the README."""
    done = subprocess.run(
        [sys.executable, "-c", text],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


RECIPE_1 = "Recipe 1: test a phone app, or any BLE program"
RECIPE_2 = "Recipe 2: test an MQTT pipeline"
RECIPE_3 = "Recipe 3: teach a protocol class"


def test_a_ble_program_reads_the_strap_and_its_new_pulse(start: Start, tmp_path: Path) -> None:
    """BlueZ on a private D-Bus, an ordinary bleak program, and curl's request."""
    words = command(RECIPE_1, "teleward simulate ble heart-rate --hr 72 --bluez")
    words[words.index("--control") + 1] = "0"
    simulator = start([*words, "--radio", f"unix:{tmp_path}/air.sock"])
    bus = simulator.event("bluez")["bus"]
    control = simulator.event("control")["url"]
    (program,) = blocks(RECIPE_1, "python")
    said = run_python(program, tmp_path, DBUS_SYSTEM_BUS_ADDRESS=bus)
    assert 68 <= int(said.split()[-1]) <= 76
    curl = command(RECIPE_1, "curl")
    path = curl[3].partition("9801")[2]
    parts = urlsplit(control)
    assert curl[:3] == ["curl", "-X", "PUT"]
    request = urllib.request.Request(
        f"http://127.0.0.1:{parts.port}{path}",
        curl[-1].encode(),
        {"content-type": "application/json", "authorization": f"Bearer {parts.password}"},
        method="PUT",
    )
    with urllib.request.urlopen(request) as reply:
        assert reply.status == 204
    deadline_s = time.monotonic() + 25
    while int(run_python(program, tmp_path, DBUS_SYSTEM_BUS_ADDRESS=bus).split()[-1]) < 120:
        assert time.monotonic() < deadline_s


def test_a_real_adapter_is_an_hci_transport(start: Start, tmp_path: Path) -> None:
    """``--adapter``: here an adapter at the end of a socket; a phone would be the other side."""
    hub = start(shlex.split("teleward simulate ble thermometer --radio tcp:127.0.0.1:0 --seed 9"))
    place = hub.event("hub")["spec"].removeprefix("tcp:")
    words = command(RECIPE_1, "teleward simulate ble heart-rate --hr 72 --adapter")
    words[words.index("--adapter") + 1] = f"tcp-client:{place}"
    simulator = start([*words, "--address", "C0:00:00:00:00:77"])
    simulator.event("ready")
    program = f"""
import asyncio
from bleak import BleakClient
from teleward_simulators.radio.bleak_backend import connect

async def main():
    radio = await connect("virtual:tcp:{place}")
    async with BleakClient("C0:00:00:00:00:77", **radio.client_kwargs) as client:
        beats = asyncio.Queue()
        await client.start_notify("2a37", lambda _, data: beats.put_nowait(data[1]))
        print(await beats.get())
    await radio.close()

asyncio.run(main())
"""
    assert 68 <= int(run_python(program, tmp_path)) <= 76


def test_an_mqtt_pipeline(start: Start, tmp_path: Path, mosquitto: Any, free_port: int) -> None:
    """Devices, gateway and a real broker; every message says that it is simulated."""
    (ward,) = blocks(RECIPE_2, "json")
    (settings,) = blocks(RECIPE_2, "toml")
    settings = settings.replace("1883", str(mosquitto.port)).replace("8080", str(free_port))
    (tmp_path / "ward.json").write_text(ward)
    (tmp_path / "teleward.toml").write_text(settings)
    topic = command(RECIPE_2, "mosquitto_sub")[2]
    heard: dict[tuple[str, str], list[Any]] = {}
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)

    def on_message(_client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        content = json.loads(message.payload)
        assert message.topic.startswith("teleward-sim/bench/")
        if "records" not in content:
            return
        if content["teleward"] == 1:
            assert content["simulated"] is True
        else:
            assert content["provenance"] == "simulated"
        for record in content["records"]:
            subject = record.get("subject", content.get("subject"))
            key = (str(subject), str(record.get("metric")))
            heard.setdefault(key, []).append(record.get("value"))

    client.on_message = on_message
    client.connect("127.0.0.1", mosquitto.port)
    client.subscribe(topic)
    client.loop_start()
    try:
        start(command(RECIPE_2, "teleward simulate file")).event("ready")
        start(command(RECIPE_2, "teleward run"), json_events=False)
        deadline_s = time.monotonic() + 40
        while not {("p1", "spo2"), ("p2", "spo2")} <= set(heard):
            assert time.monotonic() < deadline_s, heard
            time.sleep(0.1)
    finally:
        client.disconnect()
        client.loop_stop()
    assert {value for value in heard["p1", "spo2"] if value is not None} <= {90.0, 91.0, 92.0}
    assert {value for value in heard["p2", "spo2"] if value is not None} <= {95.0, 96.0, 97.0}


@pytest.fixture
def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_a_protocol_class(start: Start, tmp_path: Path) -> None:
    """Ten lines of a student read the oximeter."""
    simulator = start(command(RECIPE_3, "teleward simulate serial cms50d"))
    simulator.event("ready")
    (program,) = blocks(RECIPE_3, "python")
    said = run_python(program, tmp_path).split()
    assert abs(int(said[1]) - 93) <= 1
    assert 66 <= int(said[3]) <= 78
