"""The MQTT sink against a real mosquitto."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from teleward_cloud import payload
from teleward_cloud.mqtt_connection import Incoming, MqttConnection
from teleward_cloud.mqtt_settings import MqttSettings, MqttVersion
from teleward_cloud.mqtt_sink import MqttSink
from teleward_gateway.bench.servers import Mosquitto
from teleward_signal.model import Provenance
from teleward_signal.record import Record, RecordKind

Make = Callable[..., Record]
Wait = Callable[..., Any]


class Listener:
    """A client that keeps what it hears."""

    def __init__(self, settings: MqttSettings) -> None:
        self.heard: list[Incoming] = []
        self.connection = MqttConnection(
            settings, client_id="listener", version=MqttVersion.V5, on_message=self.heard.append
        )

    def topics(self) -> list[str]:
        return [message.topic for message in self.heard]

    def messages(self, ending: str) -> list[Any]:
        return [json.loads(m.payload) for m in self.heard if m.topic.endswith(ending)]


@pytest.fixture
def settings(mosquitto: Mosquitto) -> MqttSettings:
    return MqttSettings(port=mosquitto.port, keepalive_s=5, ack_timeout_s=3)


@pytest.fixture
async def listener(settings: MqttSettings) -> AsyncIterator[Listener]:
    listener = Listener(settings)
    await listener.connection.connect()
    await listener.connection.subscribe("#")
    yield listener
    await listener.connection.close()


@pytest.fixture
async def sink(settings: MqttSettings) -> AsyncIterator[MqttSink]:
    sink = MqttSink(settings, gateway="ward-3", provenance=Provenance.SIMULATED)
    await sink.open()
    await sink.wait_connected(5)
    yield sink
    await sink.close()


async def test_records_arrive_as_they_were(
    sink: MqttSink, listener: Listener, record: Make, eventually: Wait
) -> None:
    batch = [
        record(1, 0, time_ns=1_772_352_000_250_000_001),
        record(1, 1, time_ns=1_772_352_000_250_000_001, metric="pulse_rate"),
        record(2, 0, kind=RecordKind.ALARM, payload={"kind": "technical", "presence": "on"}),
    ]
    delivery = await sink.send(batch, live=True)
    assert set(delivery.acknowledged) == {found.id for found in batch}
    topic = "teleward-sim/ward-3/live/bed-1/numerics"
    await eventually(lambda: "teleward-sim/ward-3/live/bed-1/alarms" in listener.topics())
    heard = [
        found
        for message in listener.heard
        if "/live/" in message.topic
        for found in payload.decode(message.payload)
    ]
    assert heard == batch
    assert listener.topics().count(topic) == 1, "one message a subject and second"
    (message,) = listener.messages("bed-1/numerics")
    assert message["simulated"] is True
    assert message["gateway"] == "ward-3"
    assert message["journal"] == "9f86d081"
    assert message["records"][0]["unit"] == "%"
    assert message["records"][0]["time"] == "2026-03-01T08:00:00.250000001Z"


async def test_status_is_retained_and_the_last_will_is_heard(
    settings: MqttSettings, sink: MqttSink, eventually: Wait
) -> None:
    late = Listener(settings)
    await late.connection.connect()
    await late.connection.subscribe("teleward-sim/+/status")
    await eventually(lambda: late.heard)
    assert late.heard[0].retained
    assert late.messages("status")[0]["state"] == "online"
    assert sink._connection is not None
    client_socket: Any = sink._connection._client.socket()
    client_socket.shutdown(2)  # dies without a goodbye
    await eventually(lambda: len(late.heard) >= 2)
    assert late.messages("status")[1]["state"] == "offline"
    await late.connection.close()


async def test_nothing_is_acknowledged_without_a_broker(
    mosquitto: Mosquitto, sink: MqttSink, record: Make, eventually: Wait
) -> None:
    mosquitto.kill()
    await eventually(lambda: not sink.connected)
    delivery = await sink.send([record(1)], live=True)
    assert delivery.acknowledged == ()
    assert delivery.error
    mosquitto.start()
    await sink.wait_connected(10)
    assert (await sink.send([record(1)], live=True)).acknowledged == (record(1).id,)


async def test_a_silent_broker_loses_the_connection(
    mosquitto: Mosquitto, sink: MqttSink, record: Make
) -> None:
    mosquitto.freeze()
    batch = [record(seq) for seq in range(1, 100)]
    delivery = await sink.send(batch, live=True)
    assert delivery.acknowledged == ()
    assert not sink.connected
    mosquitto.thaw()
    await sink.wait_connected(10)
    assert len((await sink.send(batch, live=True)).acknowledged) == 99


async def test_paho_never_holds_more_than_the_window(
    settings: MqttSettings, mosquitto: Mosquitto, record: Make
) -> None:
    narrow = settings.model_copy(update={"window": 7})
    sink = MqttSink(narrow, gateway="ward-3", provenance=Provenance.SIMULATED)
    await sink.open()
    await sink.wait_connected(5)
    mosquitto.freeze()
    sending = asyncio.create_task(sink.send([record(s) for s in range(200)], live=True))
    await asyncio.sleep(0.2)
    assert sink._connection is not None
    assert len(sink._connection._client._out_messages) == 7
    mosquitto.thaw()
    assert len((await sending).acknowledged) == 200
    await sink.close()


async def test_foreign_provenance_is_never_published(
    sink: MqttSink, listener: Listener, record: Make, eventually: Wait
) -> None:
    field, simulated = record(1, provenance=Provenance.FIELD), record(2)
    delivery = await sink.send([field, simulated], live=True)
    assert [rejected.id for rejected in delivery.rejected] == [field.id]
    assert delivery.acknowledged == (simulated.id,)
    await eventually(lambda: any("/live/" in topic for topic in listener.topics()))
    assert all(topic.startswith("teleward-sim/") for topic in listener.topics())


async def test_the_backlog_is_marked_and_kept_to_its_rate(
    settings: MqttSettings, listener: Listener, record: Make, eventually: Wait
) -> None:
    slow = settings.model_copy(update={"backfill_per_s": 100.0})
    sink = MqttSink(slow, gateway="ward-3", provenance=Provenance.SIMULATED)
    await sink.open()
    await sink.wait_connected(5)
    start_s = asyncio.get_running_loop().time()
    await sink.send([record(seq) for seq in range(60)], live=False)
    took_s = asyncio.get_running_loop().time() - start_s
    assert took_s > 0.4, "60 messages, 10 at once, 100 a second"
    await eventually(lambda: len(listener.messages("backfill/bed-1/numerics")) == 60)
    assert all(message["backfill"] for message in listener.messages("bed-1/numerics"))
    await sink.close()
