"""MQTT through networks that let little pass: websockets, TLS, ALPN on a shared port."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from teleward_cloud.mqtt.settings import MqttSettings, MqttVersion, Transport
from teleward_cloud.mqtt.sink import MqttSink
from teleward_cloud.tls import TlsSettings
from teleward_gateway.testing.certificates import DAY, certificate
from teleward_gateway.testing.fake_broker import FakeBroker
from teleward_gateway.testing.servers import Mosquitto
from teleward_signal.model import Provenance
from teleward_signal.record import Record

Make = Callable[..., Record]


@asynccontextmanager
async def websocket_front(port: int, tls: ssl.SSLContext | None) -> AsyncIterator[int]:
    """Carry the websocket subprotocol ``mqtt`` to a broker's TCP port."""

    async def carry(client: ServerConnection) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)

        async def down() -> None:
            while chunk := await reader.read(4096):
                await client.send(chunk)
            await client.close()

        pump = asyncio.create_task(down())
        try:
            async for chunk in client:
                writer.write(chunk if isinstance(chunk, bytes) else chunk.encode())
        finally:
            writer.close()
            await asyncio.gather(pump, return_exceptions=True)
            await asyncio.gather(writer.wait_closed(), return_exceptions=True)

    subprotocols = [Subprotocol("mqtt")]
    async with serve(carry, "127.0.0.1", 0, subprotocols=subprotocols, ssl=tls) as server:
        yield next(iter(server.sockets)).getsockname()[1]


@pytest.mark.parametrize("version", [MqttVersion.V5, MqttVersion.V311])
@pytest.mark.parametrize("encrypted", [False, True])
async def test_websockets(
    tmp_path: Path, mosquitto: Mosquitto, record: Make, version: MqttVersion, encrypted: bool
) -> None:
    context = tls = None
    if encrypted:
        paths = certificate(tmp_path, "broker", datetime.now(UTC) + DAY)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*paths)
        tls = TlsSettings(authority_file=paths[0])
    async with websocket_front(mosquitto.port, context) as port:
        settings = MqttSettings(
            port=port, transport=Transport.WEBSOCKETS, version=version, tls=tls, keepalive_s=5
        )
        sink = MqttSink(settings, gateway="ward-3", provenance=Provenance.SIMULATED)
        await sink.open()
        await sink.wait_connected(30)
        assert sink.version is version
        for start in range(0, 1500, 500):
            batch = [record(seq) for seq in range(start, start + 500)]
            assert len((await sink.send(batch, live=True)).acknowledged) == 500
        await sink.close()


async def test_alpn_chooses_the_broker_on_a_shared_port(tmp_path: Path, record: Make) -> None:
    """As AWS IoT does at port 443: without the name, the connection is for somebody else."""
    paths = certificate(tmp_path, "broker", datetime.now(UTC) + DAY)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*paths)
    context.set_alpn_protocols(["x-amzn-mqtt-ca"])
    broker = FakeBroker()
    await broker.start(ssl=context)
    settings = MqttSettings(
        port=broker.port,
        tls=TlsSettings(authority_file=paths[0]),
        alpn=("x-amzn-mqtt-ca",),
    )
    sink = MqttSink(settings, gateway="ward-3", provenance=Provenance.SIMULATED)
    await sink.open()
    await sink.wait_connected(30)
    assert len((await sink.send([record(1)], live=True)).acknowledged) == 1
    assert broker.alpn == ["x-amzn-mqtt-ca"]
    await sink.close()
    await broker.stop()


def test_ports_and_names_follow_the_transport() -> None:
    tls = TlsSettings()
    websockets = MqttSettings(transport=Transport.WEBSOCKETS)
    assert MqttSettings().address[1] == 1883
    assert MqttSettings(tls=tls).address[1] == 8883
    assert websockets.address[1] == 80
    assert websockets.model_copy(update={"tls": tls}).address[1] == 443
    with pytest.raises(ValidationError, match=r"add a section \[mqtt.tls\]"):
        MqttSettings(alpn=("mqtt",))
