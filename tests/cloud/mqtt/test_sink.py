"""The MQTT sink against a real mosquitto."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from teleward_cloud.mqtt import payload
from teleward_cloud.mqtt.connection import MqttConnection
from teleward_cloud.mqtt.settings import Bundle, HomeAssistantSettings, MqttSettings, MqttVersion
from teleward_cloud.mqtt.sink import MqttSink
from teleward_gateway.testing.servers import Mosquitto
from teleward_signal.model import Provenance
from teleward_signal.record import RecordKind
from tests.cloud.mqtt.listening import Listener, Make, Wait, device


@pytest.fixture
async def listener(settings: MqttSettings) -> AsyncIterator[Listener]:
    listener = Listener(settings)
    await listener.connection.connect()
    await listener.connection.subscribe("#")
    yield listener
    await listener.connection.close()


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
    assert sink._link._connection is not None
    client_socket: Any = sink._link._connection._client.socket()
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
    await sink.wait_connected(30)
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
    await sink.wait_connected(30)
    assert len((await sink.send(batch, live=True)).acknowledged) == 99


async def test_paho_never_holds_more_than_the_window(
    settings: MqttSettings, mosquitto: Mosquitto, record: Make, eventually: Wait
) -> None:
    narrow = settings.model_copy(update={"window": 7})
    sink = MqttSink(narrow, gateway="ward-3", provenance=Provenance.SIMULATED)
    await sink.open()
    await sink.wait_connected(30)
    mosquitto.freeze()
    sending = asyncio.create_task(sink.send([record(s) for s in range(200)], live=True))
    connection = sink._link._connection
    assert connection is not None
    await eventually(lambda: len(connection._client._out_messages) == 7)
    await asyncio.sleep(0.2)
    assert len(connection._client._out_messages) == 7
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
    await sink.wait_connected(30)
    start_s = asyncio.get_running_loop().time()
    await sink.send([record(seq) for seq in range(60)], live=False)
    took_s = asyncio.get_running_loop().time() - start_s
    assert took_s > 0.4, "60 messages, 10 at once, 100 a second"
    await eventually(lambda: len(listener.messages("backfill/bed-1/numerics")) == 60)
    assert all(message["backfill"] for message in listener.messages("bed-1/numerics"))
    await sink.close()


async def test_home_assistant_hears_of_each_metric_once(
    settings: MqttSettings, listener: Listener, record: Make, eventually: Wait
) -> None:
    home = HomeAssistantSettings(enabled=True, prefix="ha")
    announcing = settings.model_copy(update={"home_assistant": home})
    sink = MqttSink(announcing, gateway="ward-3", provenance=Provenance.SIMULATED)
    await sink.open()
    await sink.wait_connected(30)
    for seq in range(3):
        await sink.send([record(seq), record(seq, 1, metric="pulse_rate")], live=True)
    await eventually(lambda: len(listener.messages("bed-1/numerics")) == 3)
    assert sorted(topic for topic in listener.topics() if topic.startswith("ha/")) == [
        "ha/sensor/ward-3_bed-1/pulse_rate/config",
        "ha/sensor/ward-3_bed-1/spo2/config",
    ]
    await eventually(lambda: len(listener.messages("home/bed-1/spo2")) == 3)
    await sink.close()


async def test_waveforms_only_of_chosen_streams(
    settings: MqttSettings, listener: Listener, record: Make, eventually: Wait
) -> None:
    chosen = settings.model_copy(update={"waveforms": ("pleth",)})
    sink = MqttSink(chosen, gateway="ward-3", provenance=Provenance.SIMULATED)
    await sink.open()
    await sink.wait_connected(30)
    content = {"fs": 125.0, "dtype": "<i2", "scale": 0.1, "offset": 0.0, "index": 0}
    batch = [
        record(seq, kind=RecordKind.WAVEFORM, metric=m, payload=content, samples=b"\x01\x00")
        for seq, m in enumerate(("pleth", "ecg_ii"))
    ]
    assert len((await sink.send(batch, live=True)).acknowledged) == 2, "not wanted is done too"
    await eventually(lambda: any("waveforms" in topic for topic in listener.topics()))
    waves = [message for message in listener.heard if "waveforms" in message.topic]
    assert [message.topic.rsplit("/", 1)[1] for message in waves] == ["pleth"]
    assert payload.decode(waves[0].payload) == batch[:1]
    await sink.close()


async def test_poison_is_set_aside_and_the_rest_goes_on(sink: MqttSink, record: Make) -> None:
    batch = [record(1, payload={"value": float("nan")}), record(2)]
    answer = await sink.send(batch, live=True)
    assert [rejected.id.seq for rejected in answer.rejected] == [1]
    assert [found.seq for found in answer.acknowledged] == [2]


async def test_a_ward_of_devices_never_exceeds_the_window(
    settings: MqttSettings, record: Make
) -> None:
    """mosquitto grants 20 messages; one more is a protocol error."""
    sink = MqttSink(settings, gateway="ward-3", provenance=Provenance.SIMULATED)
    await sink.open()
    await sink.wait_connected(30)
    batch = [device(record, seq, f"ox-{seq}") for seq in range(100)]
    assert len((await sink.send(batch, live=True)).acknowledged) == 100
    await asyncio.sleep(0.5)
    assert sink.connected
    assert sink.counters().detail["connects"] == 1
    await sink.close()


async def test_nothing_waits_in_paho_through_an_outage(
    mosquitto: Mosquitto, sink: MqttSink, listener: Listener, record: Make, eventually: Wait
) -> None:
    """paho would queue without limit and resend on its own; the journal is the only queue."""
    mosquitto.kill()
    await eventually(lambda: not sink.connected)
    for seq in range(200):
        assert not (await sink.send([record(seq)], live=True)).acknowledged
    mosquitto.start()
    await sink.wait_connected(30)
    fresh = Listener(sink._settings)
    await fresh.connection.connect()
    await fresh.connection.subscribe("#")
    await sink.send([record(500)], live=True)
    await eventually(lambda: fresh.messages("bed-1/numerics"))
    assert [m["records"][0]["seq"] for m in fresh.messages("bed-1/numerics")] == [500]
    await fresh.connection.close()


async def test_publishing_from_an_acknowledgement_cannot_deadlock(
    settings: MqttSettings, record: Make
) -> None:
    """paho calls on_publish with its mutex held; here the answer comes in a later turn."""
    connection = MqttConnection(settings, client_id="chain", version=MqttVersion.V5)
    await connection.connect()
    finished = asyncio.Event()
    left = 50

    def answered(error: Exception | None) -> None:
        nonlocal left
        assert error is None
        left -= 1
        if left:
            connection.post("chain", b"next", answered)
        else:
            finished.set()

    connection.post("chain", b"first", answered)
    await asyncio.wait_for(finished.wait(), 30)
    await connection.close()


async def test_closing_ends_even_when_the_broker_is_silent(
    mosquitto: Mosquitto, sink: MqttSink
) -> None:
    mosquitto.freeze()
    async with asyncio.timeout(30):
        await sink.close()
    mosquitto.thaw()


async def test_commits_in_quick_succession_share_messages(
    settings: MqttSettings,
    listener: Listener,
    record: Make,
    eventually: Wait,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bundled = settings.model_copy(update={"bundle": Bundle.GATEWAY})
    sink = MqttSink(bundled, gateway="ward-3", provenance=Provenance.SIMULATED)
    await sink.open()
    await sink.wait_connected(30)
    topic = "teleward-sim/ward-3/live/records"
    start_s = asyncio.get_running_loop().time()
    for seq in range(3):
        beds = [record(seq, part, subject=f"bed-{part}") for part in range(8)]
        assert len((await sink.send(beds, live=True)).acknowledged) == 8
    assert asyncio.get_running_loop().time() - start_s >= 1.2
    monkeypatch.setattr("teleward_cloud.mqtt.publishing._GAP_S", 600.0)
    alarm = record(9, kind=RecordKind.ALARM, payload={"condition": "asystole"})
    async with asyncio.timeout(30):  # alarms do not wait
        assert (await sink.send([alarm], live=True)).acknowledged == (alarm.id,)
    await eventually(lambda: listener.topics().count(topic) == 4)
    found = [r for m in listener.heard if m.topic == topic for r in payload.decode(m.payload)]
    assert {record.subject for record in found} == {f"bed-{n}" for n in range(8)}
    await sink.close()
