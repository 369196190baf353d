"""The broker the gateway starts: real mosquitto, real iotcore."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from teleward_cloud.mqtt.connection import BrokerRefused, MqttConnection, MqttUnavailable
from teleward_cloud.mqtt.settings import MqttSettings, MqttVersion
from teleward_cloud.mqtt.sink import MqttSink
from teleward_gateway.embedded_broker.broker import BrokerUnavailable, EmbeddedBroker
from teleward_gateway.embedded_broker.settings import EmbeddedBrokerSettings
from teleward_signal.model import Provenance
from teleward_signal.record import Record

Make = Callable[..., Record]
Wait = Callable[..., Any]
SIMULATED = Provenance.SIMULATED
ANY_PORT = EmbeddedBrokerSettings(port=0)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def listeners(port: int) -> list[str]:
    table = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
    found = [line.split()[1] for line in table.splitlines() if line.split()[3] == "0A"]
    return [address for address in found if address.endswith(f":{port:04X}")]


def without_mosquitto(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "teleward_gateway.embedded_broker.broker.shutil.which", lambda *a, **k: None
    )


@pytest.mark.parametrize("name", ["mosquitto", "iotcore"])
async def test_a_sink_delivers_to_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record: Make
) -> None:
    if name == "iotcore":
        without_mosquitto(monkeypatch)
    broker = EmbeddedBroker(ANY_PORT, tmp_path, SIMULATED)
    sink = MqttSink(await broker.start(), gateway="ward-3", provenance=Provenance.SIMULATED)
    assert broker.name == name
    await sink.open()
    await sink.wait_connected(30)
    assert sink.version is (MqttVersion.V5 if name == "mosquitto" else MqttVersion.V311)
    assert (await sink.send([record(1)], live=True)).acknowledged == (record(1).id,)
    await sink.close()
    await broker.stop()
    assert not listens(broker.port)
    assert broker.health()["ok"] is False


async def test_it_listens_on_loopback_only(tmp_path: Path) -> None:
    broker = EmbeddedBroker(ANY_PORT, tmp_path, SIMULATED)
    await broker.start()
    assert listeners(broker.port) == [f"0100007F:{broker.port:04X}"]
    await broker.stop()


async def test_retained_messages_survive_a_restart(tmp_path: Path, eventually: Wait) -> None:
    heard: list[Any] = []
    for step in range(2):
        broker = EmbeddedBroker(ANY_PORT, tmp_path, SIMULATED)
        connection = MqttConnection(
            await broker.start(),
            client_id="c",
            version=MqttVersion.V5,
            on_message=heard.append,
        )
        await connection.connect()
        if step == 0:
            await connection.publish("a/status", b"online", retain=True)
        else:
            await connection.subscribe("#")
            await eventually(lambda: heard)
        await connection.close()
        await broker.stop()
    assert [(message.topic, message.payload) for message in heard] == [("a/status", b"online")]


async def test_it_is_revived(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, eventually: Wait
) -> None:
    monkeypatch.setattr("teleward_gateway.embedded_broker.broker._RESTART_S", 0.05)
    broker = EmbeddedBroker(ANY_PORT, tmp_path, SIMULATED)
    await broker.start()
    engine: Any = broker._engine
    engine._process.kill()
    await eventually(lambda: broker.restarts == 1 and listens(broker.port))
    await broker.stop()


_OWNER = """
import asyncio, pathlib, shutil, sys
from teleward_gateway.embedded_broker.broker import EmbeddedBroker
from teleward_gateway.embedded_broker.settings import EmbeddedBrokerSettings
from teleward_signal.model import Provenance
if sys.argv[2] == "iotcore":
    shutil.which = lambda *a, **k: None
async def main():
    broker = EmbeddedBroker(
        EmbeddedBrokerSettings(port=0), pathlib.Path(sys.argv[1]), Provenance.SIMULATED
    )
    await broker.start()
    print(broker.name, broker.port, flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


@pytest.mark.parametrize("name", ["mosquitto", "iotcore"])
def test_it_dies_with_a_gateway_that_is_killed(name: str, tmp_path: Path) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER, str(tmp_path), name], stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    found, port = owner.stdout.readline().split()
    assert found == name
    assert listens(int(port))
    os.kill(owner.pid, signal.SIGKILL)
    owner.wait()
    owner.stdout.close()
    deadline_s = time.monotonic() + 5
    while listens(int(port)) and time.monotonic() < deadline_s:
        time.sleep(0.02)
    assert not listens(int(port))


async def test_a_taken_port_names_the_remedy(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(BrokerUnavailable, match=r"embedded_broker\.port = 0"):
            await EmbeddedBroker(EmbeddedBrokerSettings(port=port), tmp_path, SIMULATED).start()


async def test_nothing_installed_names_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_mosquitto(monkeypatch)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(BrokerUnavailable, match="apt install mosquitto"):
        await EmbeddedBroker(ANY_PORT, tmp_path, SIMULATED).start()


def test_other_machines_need_a_password() -> None:
    with pytest.raises(ValidationError, match="username and password"):
        EmbeddedBrokerSettings(host="0.0.0.0")
    with pytest.raises(ValidationError, match="belong together"):
        EmbeddedBrokerSettings(username="ward")
    for name in ("teleward-gateway", "a:b", "a\nuser teleward-gateway"):
        with pytest.raises(ValidationError, match="use letters"):
            EmbeddedBrokerSettings(username=name, password=SecretStr("geheim"))


async def test_only_the_gateway_writes_its_tree(tmp_path: Path, eventually: Wait) -> None:
    """Any program of the machine published values and overwrote the retained status."""
    broker = EmbeddedBroker(ANY_PORT, tmp_path, SIMULATED)
    own = await broker.start()
    stranger = MqttSettings(port=broker.port)
    with pytest.raises(MqttUnavailable, match="Not authorized"):
        await MqttConnection(stranger, client_id="s", version=MqttVersion.V5).connect()
    kept = tmp_path / "broker" / "reader-password"
    assert kept.stat().st_mode & 0o077 == 0
    password = SecretStr(kept.read_text().strip())
    known = MqttSettings(port=broker.port, username="reader", password=password)
    heard: list[Any] = []
    seen: list[Any] = []
    gateway = MqttConnection(
        own, client_id="g", version=MqttVersion.V5, on_message=lambda m: seen.append(m.topic)
    )
    reader = MqttConnection(
        known, client_id="r", version=MqttVersion.V5, on_message=lambda m: heard.append(m.topic)
    )
    await gateway.connect()
    await reader.connect()
    await gateway.subscribe("#")
    await reader.subscribe("#")
    root = "teleward-sim/ward-3"
    for topic in ("status", "live/records", "live/bed-1/numerics", "device/ox", "reply/x"):
        with contextlib.suppress(BrokerRefused):
            await reader.publish(f"{root}/{topic}", b"forged", retain=True)
    await reader.publish(f"{root}/command/reload-config", b"signed")
    await reader.publish("teleward/ward-3/confirmed", b"[]")
    await reader.publish("teleward/_collectors/c1", b"here")
    await gateway.publish(f"{root}/status", b"online")
    await eventually(lambda: f"{root}/status" in heard)
    allowed = {
        f"{root}/command/reload-config",
        "teleward/ward-3/confirmed",
        "teleward/_collectors/c1",
    }
    assert set(seen) == {*allowed, f"{root}/status"}
    assert heard.count(f"{root}/status") == 1
    await gateway.close()
    await reader.close()
    await broker.stop()
    again = EmbeddedBroker(ANY_PORT, tmp_path, SIMULATED)
    renewed = await again.start()
    assert kept.read_text().strip() == password.get_secret_value(), "clients keep their password"
    assert renewed.password != own.password
    await again.stop()


async def test_a_field_ward_has_no_broker_without_passwords(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_mosquitto(monkeypatch)
    with pytest.raises(BrokerUnavailable, match="apt install mosquitto"):
        await EmbeddedBroker(ANY_PORT, tmp_path, Provenance.FIELD).start()


async def test_a_password_is_asked_for(tmp_path: Path) -> None:
    guarded = EmbeddedBrokerSettings(port=0, username="ward", password=SecretStr("geheim"))
    broker = EmbeddedBroker(guarded, tmp_path, SIMULATED)
    settings = await broker.start()
    assert (tmp_path / "broker" / "passwords").stat().st_mode & 0o077 == 0
    assert "geheim" not in (tmp_path / "broker" / "passwords").read_text()
    await (connection := MqttConnection(settings, client_id="a", version=MqttVersion.V5)).connect()
    await connection.close()
    wrong = MqttSettings(port=broker.port, username="ward", password=SecretStr("x"))
    with pytest.raises(MqttUnavailable, match="Not authorized"):
        await MqttConnection(wrong, client_id="b", version=MqttVersion.V5).connect()
    await asyncio.gather(broker.stop())
