"""The short way for PUBACKs says the same as paho's own, over a real socket."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from teleward_cloud.mqtt.connection import BrokerRefused, MqttConnection
from teleward_cloud.mqtt.settings import MqttSettings, MqttVersion

CONNACK = {MqttVersion.V5: b"\x20\x03\x00\x00\x00", MqttVersion.V311: b"\x20\x02\x00\x00"}


class Broker:
    """Accepts a connection and answers each PUBLISH with a PUBACK of the form it is told."""

    def __init__(self, version: MqttVersion) -> None:
        self.tail = b""
        self.version = version

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.read(2):
            body = await reader.readexactly(head[1])
            if head[0] >> 4 == 1:
                writer.write(CONNACK[self.version])
            elif head[0] >> 4 == 3:
                n_topic = int.from_bytes(body[:2], "big")
                mid = body[2 + n_topic : 4 + n_topic]
                writer.write(bytes([0x40, 2 + len(self.tail)]) + mid + self.tail)
        writer.close()


@pytest.fixture(params=[MqttVersion.V5, MqttVersion.V311])
async def broker(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Broker, MqttConnection]]:
    broker = Broker(request.param)
    server = await asyncio.start_server(broker.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    connection = MqttConnection(MqttSettings(port=port), client_id="a", version=request.param)
    await connection.connect()
    yield broker, connection
    await connection.close()
    server.close()


async def test_answers_are_understood_without_objects_for_each(
    broker: tuple[Broker, MqttConnection], monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*_: object) -> None:
        pytest.fail("paho decodes a PUBACK without properties")

    monkeypatch.setattr("paho.mqtt._packet.decode_puback", slow)
    server, connection = broker
    await connection.publish("a", b"1")
    if server.version is MqttVersion.V311:
        return
    server.tail = b"\x10"  # no matching subscribers
    await connection.publish("a", b"2")
    for code, said in ((0x87, "Not authorized"), (0x97, "Quota exceeded"), (0xF0, "0xF0")):
        server.tail = bytes([code])
        with pytest.raises(BrokerRefused, match=said):
            await connection.publish("a", b"3")


async def test_properties_take_the_long_way(broker: tuple[Broker, MqttConnection]) -> None:
    server, connection = broker
    if server.version is MqttVersion.V311:
        return
    reason = b"\x1f\x00\x04full"  # reason string
    server.tail = b"\x97" + bytes([len(reason)]) + reason
    with pytest.raises(BrokerRefused, match="Quota exceeded"):
        await connection.publish("a", b"1")
    server.tail = b""
    await connection.publish("a", b"2")
