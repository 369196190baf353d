"""Brokers as they are: limits of CONNACK, every reason code, silence, services' limits."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from teleward_cloud.mqtt import link
from teleward_cloud.mqtt.broker_limits import publish_bytes
from teleward_cloud.mqtt.connection import BrokerRefused, MqttConnection, MqttUnavailable
from teleward_cloud.mqtt.connection_log import ConnectionLog
from teleward_cloud.mqtt.profiles import LIMITS, BrokerProfile, ServiceLimits
from teleward_cloud.mqtt.reason_codes import Effect, reason
from teleward_cloud.mqtt.settings import Bundle, Confirmation, MqttSettings, MqttVersion
from teleward_cloud.mqtt.sink import MqttSink
from teleward_cloud.sink import Rejected
from teleward_gateway.testing.fake_broker import FakeBroker, Published
from teleward_signal.model import Provenance
from teleward_signal.record import Record, RecordId, RecordKind

Make = Callable[..., Record]
Start = Callable[..., Awaitable[FakeBroker]]
Wait = Callable[..., Any]
OPEN = ServiceLimits("any", tls=False)


@pytest.fixture(autouse=True)
def without_gaps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Send at once, as quick as commits may come."""
    monkeypatch.setattr("teleward_cloud.mqtt.publishing._GAP_S", 0.0)


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    brokers: list[FakeBroker] = []

    async def make(**changes: Any) -> FakeBroker:
        brokers.append(FakeBroker(**changes))
        await brokers[-1].start()
        return brokers[-1]

    yield make
    for broker in brokers:
        await broker.stop()


async def online(broker: FakeBroker, **changes: Any) -> MqttSink:
    settings = MqttSettings(port=broker.port, ack_timeout_s=3, **changes)
    sink = MqttSink(settings, gateway="ward-3", provenance=Provenance.SIMULATED)
    await sink.open()
    await sink.wait_connected(30)
    return sink


class Outcome:
    """What became of a batch in the end."""

    def __init__(self) -> None:
        self.acknowledged: list[RecordId] = []
        self.rejected: list[Rejected] = []
        self.blocked: dict[RecordId, str] = {}
        self.errors: list[str] = []


async def deliver(sink: MqttSink, batch: Sequence[Record], timeout_s: float = 60) -> Outcome:
    """Do as the delivery loop does until nothing is pending but what is blocked."""
    outcome, pending = Outcome(), list(batch)
    async with asyncio.timeout(timeout_s):
        while pending:
            if not sink.connected:
                await sink.wait_connected(timeout_s)
            answer = await sink.send(pending, live=True)
            outcome.acknowledged += answer.acknowledged
            outcome.rejected += answer.rejected
            outcome.blocked.update({found.id: found.reason for found in answer.blocked})
            outcome.errors += [answer.error] if answer.error else []
            done = {*answer.acknowledged, *(r.id for r in answer.rejected), *outcome.blocked}
            pending = [record for record in pending if record.id not in done]
            if pending:
                await asyncio.sleep(0.05)
    return outcome


def big(record: Make, seq: int, size: int = 9000) -> Record:
    content = {"value": 96.0, "detail": {"note": "x" * size}}
    found = record(seq, payload=content)
    assert isinstance(found, Record)
    return found


@pytest.mark.parametrize("bundle", list(Bundle))
@pytest.mark.parametrize("version", [MqttVersion.V5, MqttVersion.V311])
async def test_one_message_too_large_is_set_aside_and_the_rest_delivered(
    start: Start, record: Make, version: MqttVersion, bundle: Bundle
) -> None:
    broker = await start(limits=replace(OPEN, packet_bytes=4000))
    sink = await online(broker, version=version, bundle=bundle)
    batch = [*(record(s) for s in range(1, 6)), big(record, 6), *(record(s) for s in range(7, 20))]
    outcome = await deliver(sink, batch)
    assert [found.id.seq for found in outcome.rejected] == [6]
    assert sorted(found.seq for found in outcome.acknowledged) == [*range(1, 6), *range(7, 20)]
    if version is MqttVersion.V5:
        assert broker.connects == 1, "the limit was known"
        assert "the broker takes 4000" in outcome.rejected[0].reason
    else:
        assert "closes the connection" in outcome.rejected[0].reason
    assert all(message.packet_bytes <= 4000 for message in broker.messages)
    await sink.close()


async def test_a_limit_that_nobody_states_is_learned(start: Start, record: Make) -> None:
    broker = await start(limits=replace(OPEN, packet_bytes=6000))
    sink = await online(broker, version=MqttVersion.V311)
    outcome = await deliver(sink, [record(seq) for seq in range(60)])
    assert len(outcome.acknowledged) == 60
    assert outcome.rejected == []
    connects = broker.connects
    assert len((await sink.send([record(s) for s in range(60, 120)], live=True)).acknowledged) == 60
    assert broker.connects == connects, "known from now on"
    await sink.close()


async def test_a_topic_that_closes_the_connection_blocks_nobody_else(
    start: Start, record: Make
) -> None:
    """As NATS does with a space in a topic."""
    broker = await start(puback=lambda message: None if "bed 1" in message.topic else 0)
    sink = await online(broker, version=MqttVersion.V311, bundle=Bundle.SUBJECT)
    batch = [record(seq, subject="bed 1" if seq == 1 else f"bed-{seq}") for seq in range(1, 12)]
    outcome = await deliver(sink, batch, timeout_s=60)
    assert [found.id.seq for found in outcome.rejected] == [1]
    assert len(outcome.acknowledged) == 10
    await sink.close()


async def test_a_network_that_breaks_accuses_nobody(start: Start, record: Make) -> None:
    left = 6

    def puback(message: Published) -> int | None:
        nonlocal left
        left -= "live" in message.topic
        return None if left > 0 and left % 2 and "live" in message.topic else 0

    broker = await start(puback=puback)
    sink = await online(broker, bundle=Bundle.SUBJECT)
    for seq in range(20):
        outcome = await deliver(sink, [record(seq)])
        assert outcome.rejected == []
    await sink.close()


async def test_limits_of_connack_are_obeyed(start: Start, record: Make, eventually: Wait) -> None:
    limits = replace(OPEN, packet_bytes=3000, receive_maximum=3, qos=1, retain=False)
    broker = await start(
        limits=limits, topic_alias_maximum=2, server_keep_alive_s=1, hold_acknowledgements=True
    )
    sink = MqttSink(
        MqttSettings(port=broker.port), gateway="ward-3", provenance=Provenance.SIMULATED
    )
    await sink.open()
    await sink.wait_connected(30)
    status = record(0, kind=RecordKind.DEVICE, metric=None, payload={"battery_percent": 9.0})
    outcome = await deliver(sink, [status, *(record(seq) for seq in range(1, 100))])
    assert len(outcome.acknowledged) == 100
    assert broker.broken == []
    assert broker.most_unacknowledged <= 3
    assert not any(message.retain for message in broker.messages)
    assert {message.topic for message in broker.messages} >= {"teleward-sim/ward-3/live/records"}
    await eventually(lambda: broker.pings >= 1)  # the broker's keep alive, not ours
    assert sink.connected
    await sink.close()


async def test_a_broker_of_qos_0_needs_confirmation_of_storage(start: Start, record: Make) -> None:
    broker = await start(limits=replace(OPEN, qos=0))
    sink = await online(broker)
    answer = await sink.send([record(1)], live=True)
    assert answer.acknowledged == ()
    assert 'mqtt.confirm = "storage"' in (answer.error or "")
    await sink.close()
    sink = await online(broker, confirm=Confirmation.STORAGE)
    answer = await sink.send([record(1)], live=True)
    assert answer.held == (record(1).id,)
    assert broker.messages[-1].qos == 0
    assert broker.broken == []
    await sink.close()


class Served:
    """What a gateway serves."""

    def devices(self) -> frozenset[str]:
        return frozenset({"ox-1"})

    def subjects(self) -> frozenset[str]:
        return frozenset({"bed-1"})


@pytest.mark.parametrize("suback", [None, 0x87])
async def test_a_broker_that_allows_no_subscription_gets_the_records(
    start: Start, record: Make, suback: int | None
) -> None:
    """AWS IoT closes the connection at a subscription that its policy does not allow."""
    broker = await start(suback=suback)
    settings = MqttSettings(port=broker.port)
    sink = MqttSink(settings, gateway="ward-3", provenance=Provenance.SIMULATED, inventory=Served())
    await sink.open()
    await sink.wait_connected(30)
    await asyncio.sleep(0.5)
    outcome = await deliver(sink, [record(seq) for seq in range(10)])
    assert len(outcome.acknowledged) == 10
    assert outcome.rejected == []
    assert broker.connects <= 4
    await sink.close()


REFUSALS = {
    Effect.WAIT: "pending",
    Effect.SLOWER: "pending",
    Effect.PROTOCOL: "pending",
    Effect.RIGHTS: "blocked",
    Effect.TOO_LARGE: "blocked",
    Effect.MESSAGE: "blocked",
}


@pytest.mark.parametrize("code", [*range(0x80, 0xA3), 0xF0, 0xFF])
async def test_every_refusal_of_every_message_loses_nothing(
    start: Start, record: Make, code: int
) -> None:
    refusing = True
    broker = await start(puback=lambda m: code if refusing and "live" in m.topic else 0)
    sink = await online(broker)
    batch = [record(seq) for seq in range(5)]
    answer = await sink.send(batch, live=True)
    assert (answer.acknowledged, answer.rejected) == ((), ())
    expected = REFUSALS[reason(code).effect]
    assert len(answer.blocked) == (5 if expected == "blocked" else 0)
    assert reason(code).name in (answer.error or "")
    refusing = False
    sink.retry()
    assert len((await deliver(sink, batch)).acknowledged) == 5
    assert broker.connects == 1
    await sink.close()


@pytest.mark.parametrize("code", [0x88, 0x89, 0x8B, 0x8D, 0x8E, 0x98, 0x9D, 0xA0])
async def test_a_broker_that_ends_connections_for_its_own_reasons_accuses_no_record(
    start: Start, record: Make, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "_BACKOFF_S", (0.01, 0.02))
    left = 6

    def disconnect(message: Published) -> int | None:
        nonlocal left
        left -= "live" in message.topic
        return code if left >= 0 and "live" in message.topic else None

    broker = await start(disconnect=disconnect)
    sink = await online(broker)
    outcome = await deliver(sink, [record(1)])
    assert (len(outcome.acknowledged), outcome.rejected) == (1, [])
    assert broker.connects == 7
    await sink.close()


@pytest.mark.parametrize("code", [0x90, 0x95, 0x99])
async def test_one_message_that_is_refused_is_set_aside(
    start: Start, record: Make, code: int
) -> None:
    broker = await start(puback=lambda message: code if b'"seq":7,' in message.payload else 0)
    sink = await online(broker)
    outcome = await deliver(sink, [record(seq) for seq in range(20)])
    assert [found.id.seq for found in outcome.rejected] == [7]
    assert reason(code).name in outcome.rejected[0].reason
    assert len(outcome.acknowledged) == 19
    await sink.close()


@pytest.mark.parametrize("version", [MqttVersion.V5, MqttVersion.V311])
@pytest.mark.parametrize("code", [*range(0x80, 0xA3), 0xF0])
async def test_every_refusal_of_a_connection_has_its_reason(
    start: Start, code: int, version: MqttVersion
) -> None:
    broker = await start()
    broker.connack.append(code)
    connection = MqttConnection(MqttSettings(port=broker.port), client_id="a", version=version)
    with pytest.raises(MqttUnavailable) as caught:
        await connection.connect()
    assert caught.value.answer is not None
    if version is MqttVersion.V5:
        assert caught.value.answer.code == code


@pytest.mark.parametrize("code", [0x80, 0x87, 0x8F, 0x91, 0x97, 0x9E, 0xF0])
async def test_every_refusal_of_a_subscription_has_its_reason(start: Start, code: int) -> None:
    broker = await start(suback=code)
    settings = MqttSettings(port=broker.port)
    connection = MqttConnection(settings, client_id="a", version=MqttVersion.V5)
    await connection.connect()
    with pytest.raises(BrokerRefused, match=reason(code).name):
        await connection.subscribe("a/#")
    await connection.unsubscribe("a/#")
    await connection.close()


GARBAGE = {
    "topic that is no UTF-8": b"\x30\x05\x00\x03\xff\xfe\xfdx",
    "publish of QoS 3": b"\x36\x08\x00\x01a\x00\x01\x00hi",
    "unknown packet": b"\xf0\x02\x00\x00",
    "puback without an id": b"\x40\x01\x00",
    "puback of a stranger": b"\x40\x02\x77\x77",
    "suback cut off": b"\x90\x01\x00",
    "connack again": b"\x20\x03\x00\x00\x00",
    "disconnect of its own code": b"\xe0\x02\xf0\x00",
    "length without end": b"\x30\xff\xff\xff\xff\xff",
    "properties that are none": b"\x30\x08\x00\x01a\x05\xff\xff\xff\xff",
    "pingresp with a body": b"\xd0\x02\x00\x00",
}


@pytest.mark.parametrize("name", GARBAGE)
async def test_bytes_that_are_no_mqtt_end_a_connection_once(
    start: Start, record: Make, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    broker = await start(raw=GARBAGE[name])
    settings = MqttSettings(port=broker.port, version=MqttVersion.V5)
    sink = MqttSink(settings, gateway="ward-3", provenance=Provenance.SIMULATED)
    with caplog.at_level(logging.INFO):
        await sink.open()
        await asyncio.sleep(1.2)
        broker.raw = b""
        await sink.wait_connected(30)
        await asyncio.sleep(0.1)
        assert len((await deliver(sink, [record(1)])).acknowledged) == 1
    assert len(caplog.records) <= 6, [r.getMessage() for r in caplog.records]
    assert broker.connects <= 6
    await sink.close()


def test_a_broker_that_comes_and_goes_fills_no_log(caplog: pytest.LogCaptureFixture) -> None:
    now_s = 0.0
    log = ConnectionLog(MqttSettings(), lambda: now_s)
    with caplog.at_level(logging.INFO):
        for second in range(3600):
            now_s = float(second)
            log.problem(f"connection lost: reason {second}")
            log.connected()
        assert len(caplog.records) <= 64
        now_s += 120.0
        log.connected()
    assert "connected" in caplog.records[-1].getMessage()


@pytest.mark.parametrize("version", [MqttVersion.V5, MqttVersion.V311])
@pytest.mark.parametrize("profile", list(BrokerProfile))
async def test_a_ward_within_the_limits_of_a_service(
    start: Start, record: Make, profile: BrokerProfile, version: MqttVersion
) -> None:
    """The service closes the connection at every breach of what its documents state."""
    broker = await start(limits=LIMITS[profile], announced=False)
    sink = await online(broker, profile=profile, version=version, keepalive_s=30)
    batch = [
        record(seq, part, subject=f"bed-{part}", payload={"value": 1.0, "note": "n" * 300})
        for seq in range(12)
        for part in range(40)
    ]
    outcome = await deliver(sink, batch, timeout_s=60)
    assert len(outcome.acknowledged) == len(batch)
    small = [record(100 + seq) for seq in range(30)]
    for found in small:  # as quick as commits may come
        answer = await sink.send([found], live=True)
        assert answer.acknowledged == (found.id,)
    statuses = [
        record(s, kind=RecordKind.DEVICE, metric=None, device=f"d-{s}", payload={"state": "on"})
        for s in range(200, 240)
    ]
    assert len((await sink.send(statuses, live=True)).acknowledged) == 40
    assert broker.broken == []
    assert broker.connects == 1
    await sink.close()


async def test_a_quota_slows_down_and_loses_nothing(start: Start, record: Make) -> None:
    limits = replace(OPEN, publishes_per_s=5.0)
    broker = await start(limits=limits)
    sink = await online(broker, bundle=Bundle.SUBJECT)
    outcome = await deliver(sink, [record(seq) for seq in range(40)], timeout_s=60)
    assert len(outcome.acknowledged) == 40
    assert outcome.rejected == []
    assert 0 < sink.counters().detail["publishes_per_s_limit"] <= 10
    assert len(broker.broken) <= 6
    await sink.close()


def test_the_size_of_a_packet_is_never_underestimated() -> None:
    for topic, n_payload in (("a", 0), ("teleward/ward-3/live/records", 60_000), ("é" * 50, 300)):
        head = 2 + len(topic.encode()) + 2 + 1 + 3  # topic, packet id, properties
        length = head + n_payload
        varint = 1 + (length > 127) + (length > 16_383) + (length > 2_097_151)
        assert 1 + varint + length <= publish_bytes(topic, n_payload) <= 1 + varint + length + 4
