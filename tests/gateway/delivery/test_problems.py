"""What goes wrong in the field is one line in the log, and a remedy in health and doctor."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from teleward_cloud.influx.settings import InfluxSettings
from teleward_cloud.influx.sink import InfluxSink
from teleward_cloud.mqtt import link
from teleward_cloud.mqtt.connection import MqttConnection
from teleward_cloud.mqtt.settings import MqttSettings, MqttVersion
from teleward_cloud.mqtt.sink import MqttSink
from teleward_cloud.retry import Retry
from teleward_cloud.tls import TlsSettings
from teleward_gateway.clock import GatewayClock
from teleward_gateway.delivery import Delivery, DeliveryConfig
from teleward_gateway.embedded_broker.mosquitto import password_line
from teleward_gateway.health.findings import State
from teleward_gateway.health.servers import check_broker, check_influx
from teleward_gateway.journal import Journal
from teleward_gateway.settings.model import Settings
from teleward_gateway.testing.certificates import certificate
from teleward_gateway.testing.servers import Mosquitto, free_port
from teleward_signal.model import Provenance
from teleward_signal.record import Draft, Record, RecordKind

Make = Callable[..., Record]
Wait = Callable[..., Any]
DAY = timedelta(days=1)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str], Mosquitto]]:
    servers: list[Mosquitto] = []

    def make(extra: str) -> Mosquitto:
        servers.append(Mosquitto(tmp_path, extra=f"listener PORT 127.0.0.1\n{extra}"))
        servers[-1].start()
        return servers[-1]

    yield make
    for server in servers:
        server.stop()


def down(start: Any, folder: Path) -> tuple[MqttSettings, str, str]:
    return MqttSettings(port=free_port()), "connection refused", "check that the server runs"


def no_name(start: Any, folder: Path) -> tuple[MqttSettings, str, str]:
    return MqttSettings(host="broker.invalid"), "no such name", "correct mqtt.host and mqtt.port"


def wrong_password(start: Any, folder: Path) -> tuple[MqttSettings, str, str]:
    (folder / "passwords").write_text(password_line("ward", "right", b"0" * 12))
    server = start(f"allow_anonymous false\npassword_file {folder / 'passwords'}\n")
    settings = MqttSettings(port=server.port, username="ward", password=SecretStr("wrong"))
    return settings, "Not authorized", "correct mqtt.username and mqtt.password"


def expired(start: Any, folder: Path) -> tuple[MqttSettings, str, str]:
    paths = certificate(folder, "broker", datetime.now(UTC) - DAY)
    server = start(f"allow_anonymous true\ncertfile {paths[0]}\nkeyfile {paths[1]}\n")
    settings = MqttSettings(port=server.port, tls=TlsSettings(authority_file=paths[0]))
    return settings, "its certificate has expired", "set this computer's clock"


def unknown_signer(start: Any, folder: Path) -> tuple[MqttSettings, str, str]:
    paths = certificate(folder, "broker", datetime.now(UTC) + DAY)
    server = start(f"allow_anonymous true\ncertfile {paths[0]}\nkeyfile {paths[1]}\n")
    settings = MqttSettings(port=server.port, tls=TlsSettings())
    return settings, "its certificate is signed by itself", "mqtt.tls.authority_file"


def no_client_certificate(start: Any, folder: Path) -> tuple[MqttSettings, str, str]:
    paths = certificate(folder, "broker", datetime.now(UTC) + DAY)
    server = start(
        f"allow_anonymous true\ncafile {paths[0]}\ncertfile {paths[0]}\nkeyfile {paths[1]}\n"
        "require_certificate true\n"
    )
    settings = MqttSettings(port=server.port, tls=TlsSettings(authority_file=paths[0]))
    return settings, "closed the connection", "client certificate"


def no_tls_there(start: Any, folder: Path) -> tuple[MqttSettings, str, str]:
    server = start("allow_anonymous true\n")
    return MqttSettings(port=server.port, tls=TlsSettings()), "closes", "[mqtt.tls]"


def tls_wanted(start: Any, folder: Path) -> tuple[MqttSettings, str, str]:
    paths = certificate(folder, "broker", datetime.now(UTC) + DAY)
    server = start(f"allow_anonymous true\ncertfile {paths[0]}\nkeyfile {paths[1]}\n")
    return MqttSettings(port=server.port), "closed the connection", "whether it wants [mqtt.tls]"


@pytest.mark.parametrize(
    "scene",
    [
        down,
        no_name,
        wrong_password,
        expired,
        unknown_signer,
        no_client_certificate,
        no_tls_there,
        tls_wanted,
    ],
)
async def test_a_broker_that_cannot_be_had(
    scene: Callable[[Any, Path], tuple[MqttSettings, str, str]],
    start: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    eventually: Wait,
) -> None:
    monkeypatch.setattr(link, "_BACKOFF_S", (0.01, 0.02))
    caplog.set_level(logging.INFO)
    settings, what, remedy = scene(start, tmp_path)
    sink = MqttSink(settings, gateway="ward-3", provenance=Provenance.SIMULATED)
    await sink.open()
    await eventually(lambda: sink.counters().errors >= 3)
    assert what in str(sink.last_error)
    assert remedy in str(sink.last_error)
    await sink.close()
    lines = [record for record in caplog.records if record.name.startswith("teleward")]
    assert len(lines) == 1, "once, however often it is tried"
    assert str(sink.last_error) in lines[0].getMessage()
    assert "Traceback" not in caplog.text
    plain = Settings.model_validate({"gateway": {"name": "ward-3"}})
    found = [f async for f in check_broker(plain.model_copy(update={"mqtt": settings}))]
    assert (found[0].state, len(found)) == (State.FAILED, 1)
    assert what in found[0].text
    assert remedy in found[0].remedy


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("http://127.0.0.1:{port}", "connection refused"),
        ("http://influx.invalid:8086", "no such name"),
        ("https://127.0.0.1:{tls}", "its certificate has expired"),
    ],
)
async def test_an_influxdb_that_cannot_be_had(
    url: str, what: str, start: Any, tmp_path: Path, record: Make
) -> None:
    paths = certificate(tmp_path, "server", datetime.now(UTC) - DAY)
    server = start(f"certfile {paths[0]}\nkeyfile {paths[1]}\n")  # its handshake is all it needs
    settings = InfluxSettings(
        url=url.format(port=free_port(), tls=server.port),
        tls=TlsSettings(authority_file=paths[0]) if "https" in url else None,
    )
    sink = InfluxSink(settings, provenance=Provenance.SIMULATED)
    await sink.open()
    answer = await sink.send([record(1)], live=True)
    await sink.close()
    assert what in str(answer.error)
    plain = Settings.model_validate({"gateway": {"name": "ward-3"}})
    (found,) = [f async for f in check_influx(plain.model_copy(update={"influx": settings}))]
    assert what in found.text
    assert found.remedy in str(answer.error)


async def test_a_missing_file_of_one_sink_ends_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, eventually: Wait
) -> None:
    clock = GatewayClock()
    journal = Journal.open(tmp_path, gateway="gw", provenance=Provenance.SIMULATED, clock=clock)
    missing = tmp_path / "authority.pem"
    settings = InfluxSettings(url="https://127.0.0.1:1", tls=TlsSettings(authority_file=missing))
    sink = InfluxSink(settings, provenance=Provenance.SIMULATED)
    config = DeliveryConfig(hold_s=0, first_retry_s=0.01, longest_retry_s=0.02)
    delivery = Delivery(journal, sink, config)
    task = asyncio.create_task(delivery.run())
    await eventually(lambda: delivery.status.failures >= 3)
    assert delivery.status.error == f"{missing}: no such file; give the path of a PEM file"
    assert caplog.text.count("no such file") == 1
    certificate(tmp_path, "ca", datetime.now(UTC) + DAY)[0].rename(missing)
    journal.append(Draft(RecordKind.MEASUREMENT, "bed-1", "ox", "spo2", payload={"value": 1.0}))
    await journal.flush()
    await eventually(lambda: "connection refused" in str(delivery.status.error))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await asyncio.to_thread(journal.close)


async def test_two_gateways_of_one_name_do_not_fight_fast(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch, eventually: Wait
) -> None:
    waits: list[float] = []
    next_s = Retry.next_s

    def noted(retry: Retry) -> float:
        waits.append(next_s(retry))
        return min(0.01, waits[-1])

    monkeypatch.setattr(Retry, "next_s", noted)
    settings = MqttSettings(port=mosquitto.port)
    sink = MqttSink(settings, gateway="ward-3", provenance=Provenance.SIMULATED)
    await sink.open()
    await sink.wait_connected(30)
    for number in range(4):
        twin = MqttConnection(settings, client_id="teleward-ward-3", version=MqttVersion.V5)
        await twin.connect()
        await eventually(lambda n=number: len(waits) == n + 1)
        assert "give each gateway its own gateway.name" in str(sink.last_error)
        await sink.wait_connected(30)
        await twin.close()
    assert waits[3] > 2, "it waits longer each time, although every attempt connects"
    await sink.close()
