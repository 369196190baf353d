"""Gateway sink -> mosquitto -> collectors -> InfluxDB, with confirmation of storage."""

import asyncio
import json
import signal
import urllib.request
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from teleward_cloud.mqtt import payload
from teleward_cloud.mqtt.compression import Compression
from teleward_cloud.mqtt.settings import Confirmation, MqttSettings, MqttVersion
from teleward_cloud.mqtt.sink import MqttSink
from teleward_gateway.health.collector_metrics import serve_metrics
from teleward_gateway.testing.servers import Influx, Mosquitto, free_port
from teleward_signal.model import Provenance
from teleward_signal.record import RecordId, RecordKind
from tests.cloud.collecting import (
    Make,
    Wait,
    collecting,
    collector,
    deliver,
    start_collector,
)


@pytest.fixture
def settings(mosquitto: Mosquitto) -> MqttSettings:
    return MqttSettings(
        port=mosquitto.port, confirm=Confirmation.STORAGE, confirm_timeout_s=2, ack_timeout_s=2
    )


@pytest.fixture
async def sink(settings: MqttSettings) -> AsyncIterator[MqttSink]:
    sink = MqttSink(settings, gateway="ward-3", provenance=Provenance.SIMULATED)
    await sink.open()
    await sink.wait_connected(30)
    yield sink
    await sink.close()


async def test_only_storage_acknowledges(
    settings: MqttSettings, sink: MqttSink, influx: Influx, record: Make
) -> None:
    batch = [record(seq) for seq in range(50)]
    answer = await sink.send(batch, live=True)
    assert answer.acknowledged == ()
    assert len(answer.held) == 50, "the broker has them, the database not yet"
    await asyncio.sleep(2.1)
    answer = await sink.send([], live=True)
    assert len(answer.forgotten) == 50, "nobody collected: to be sent again"
    carrier, source = collector(settings, influx, "c1")
    async with collecting(carrier, source):
        await deliver(sink, batch)
        assert influx.count("teleward-sim", "numeric") == 50
        assert carrier.counters.stored == 50


async def test_a_database_outage_loses_nothing(
    settings: MqttSettings, sink: MqttSink, influx: Influx, record: Make
) -> None:
    carrier, source = collector(settings, influx, "c1")
    async with collecting(carrier, source):
        influx.proxy.stop()
        delivering = asyncio.create_task(deliver(sink, [record(seq) for seq in range(300)]))
        await asyncio.sleep(1.0)
        assert not delivering.done()
        influx.proxy.start()
        await delivering
        assert influx.count("teleward-sim", "numeric") == 300


async def test_refused_records_are_told_to_the_gateway(
    settings: MqttSettings, sink: MqttSink, influx: Influx, record: Make, eventually: Wait
) -> None:
    carrier, source = collector(settings, influx, "c1")
    async with collecting(carrier, source):
        rejected: list[Any] = []
        acknowledged: list[RecordId] = []
        batch = [record(1), record(2, payload={"value": "high"})]
        for _ in range(100):
            answer = await sink.send(batch, live=True)
            rejected += answer.rejected
            acknowledged += answer.acknowledged
            if rejected and acknowledged:
                break
            batch = []
            await asyncio.sleep(0.05)
        assert [found.id for found in rejected] == [record(2).id]
        assert acknowledged == [record(1).id]


async def test_garbage_does_not_stop_it(
    settings: MqttSettings, sink: MqttSink, influx: Influx, record: Make, eventually: Wait
) -> None:
    carrier, source = collector(settings, influx, "c1")
    async with collecting(carrier, source):
        topic = sink.topics.records(record(1).kind, "bed-1", "spo2", live=True)
        hostile = json.loads(payload.encode([record(1)], live=True)) | {"journal": []}
        stranger = payload.encode([record(1)], live=True).replace(b"ward-3", b"ward-9")
        odd = (json.dumps({"teleward": 2}).encode(), stranger, json.dumps(hostile).encode())
        for message in (b"", b"\xff", b"{}", b"[]", *odd):
            await sink.publish(topic, message)
        await deliver(sink, [record(7)])
        assert source.unreadable == 7
        assert influx.count("teleward-sim", "numeric") == 1


@pytest.mark.parametrize("version", [MqttVersion.V5, MqttVersion.V311])
async def test_a_message_of_qos_0_has_no_acknowledgement(
    settings: MqttSettings, mosquitto: Mosquitto, influx: Influx, record: Make, version: MqttVersion
) -> None:
    """A PUBACK of packet 0 is a protocol error, for which mosquitto closes the connection."""
    carrier, source = collector(settings.model_copy(update={"version": version}), influx, "c1")
    async with collecting(carrier, source):
        for body in ("hi", payload.encode([record(3)], live=True).decode()):
            publisher = await asyncio.create_subprocess_exec(
                *("mosquitto_pub", "-p", str(mosquitto.port), "-t"),
                *("teleward-sim/ward-3/live/bed-1/numerics", "-m", body),
            )
            assert await publisher.wait() == 0
        async with asyncio.timeout(10):
            while influx.count("teleward-sim", "numeric") < 1:
                await asyncio.sleep(0.1)
        await asyncio.sleep(0.3)
        assert source.connected.is_set()
        assert source.unreadable == 1
        assert (mosquitto.folder / "server.log").read_text().count("protocol error") == 0


async def test_a_slow_database_holds_the_broker_back(
    settings: MqttSettings,
    sink: MqttSink,
    influx: Influx,
    record: Make,
    eventually: Wait,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("teleward_cloud.mqtt.source._MOST_WAITING", 3)
    _, source = collector(settings, influx, "c1")
    await source.open()
    await source.connected.wait()
    topic = sink.topics.bundle(live=True)
    for seq in range(200):
        await sink.publish(topic, payload.encode([record(seq)], live=True))
    await eventually(lambda: source.paused)
    await asyncio.sleep(0.3)
    waiting = source.waiting[0]
    assert waiting < 200, "what is not taken waits at the broker"
    taken: list[int] = []
    while len(taken) < 200:
        for parcel in await source.take(2.0):
            taken.append(parcel.records[0].id.seq)
            source.done(parcel)
    assert taken == list(range(200)), "in order, none missing, none twice"
    assert not source.paused
    assert source.waiting == (0, 0)
    await source.close()


async def test_a_broker_that_is_held_back_does_not_lose_the_collector(
    settings: MqttSettings,
    sink: MqttSink,
    influx: Influx,
    record: Make,
    eventually: Wait,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Longer than the keepalive: the answers to pings are not read, and not missed."""
    monkeypatch.setattr("teleward_cloud.mqtt.source._MOST_WAITING", 3)
    quick = settings.model_copy(update={"keepalive_s": 5})
    _, source = collector(quick, influx, "c1")
    await source.open()
    await source.connected.wait()
    for seq in range(50):
        await sink.publish(sink.topics.bundle(live=True), payload.encode([record(seq)], live=True))
    await eventually(lambda: source.paused)
    await asyncio.sleep(9)
    assert source.connects == 1
    await source.confirm("ward-3", [record(0).id], {})
    await source.close()


@pytest.mark.parametrize("version", [MqttVersion.V5, MqttVersion.V311])
async def test_what_comes_while_it_is_away_is_kept_for_it(
    settings: MqttSettings, sink: MqttSink, influx: Influx, record: Make, version: MqttVersion
) -> None:
    spoken = settings.model_copy(update={"version": version})
    _, source = collector(spoken, influx, "c1")
    await source.open()
    await source.connected.wait()
    await source.close()
    for seq in range(20):
        await sink.publish(sink.topics.bundle(live=True), payload.encode([record(seq)], live=True))
    _, again = collector(spoken, influx, "c1")
    await again.open()
    await again.connected.wait()
    parcels = await again.take(5.0)
    assert [parcel.records[0].id.seq for parcel in parcels] == list(range(20))
    await again.close()
    await again.retire()


async def test_gateways_wait_for_storage_wherever_a_collector_stands(
    mosquitto: Mosquitto, influx: Influx, record: Make, eventually: Wait
) -> None:
    settings = MqttSettings(port=mosquitto.port, confirm_timeout_s=2)
    sink = MqttSink(settings, gateway="ward-3", provenance=Provenance.SIMULATED)
    await sink.open()
    await sink.wait_connected(30)
    assert (await sink.send([record(1)], live=True)).acknowledged == (record(1).id,)
    _, source = collector(settings, influx, "c1")
    await source.open()
    await source.connected.wait()
    await eventually(lambda: sink.counters().detail["storage_required"])
    assert (await sink.send([record(2)], live=True)).held == (record(2).id,)
    await source.confirm("ward-3", [record(2).id], {})
    stored: tuple[RecordId, ...] = ()
    async with asyncio.timeout(30):
        while not stored:
            await asyncio.sleep(0.05)
            stored = tuple((await sink.send([], live=True)).acknowledged)
    assert stored == (record(2).id,)
    await source.close()
    assert sink.counters().detail["storage_required"], "it is away, not gone"
    await source.retire()
    await eventually(lambda: not sink.counters().detail["storage_required"])
    assert (await sink.send([record(3)], live=True)).acknowledged == (record(3).id,)
    await sink.close()


async def test_a_database_that_refuses_one_kind_does_not_stop_the_others(
    settings: MqttSettings, sink: MqttSink, influx: Influx, record: Make, eventually: Wait
) -> None:
    """A type conflict of alarms: numerics go on, alarms wait until a person corrects it."""

    def make_conflict() -> None:
        url = f"{influx.url}/api/v2/write?bucket=teleward-sim&precision=ns"
        urllib.request.urlopen(url, b"alarm,a=b text=1i 1772352000000000000").close()

    await asyncio.to_thread(make_conflict)
    carrier, source = collector(settings, influx, "c1")
    async with collecting(carrier, source):
        alarms = [
            record(seq, kind=RecordKind.ALARM, payload={"condition": "c", "text": "t"})
            for seq in range(100, 104)
        ]
        await sink.send([*(record(seq) for seq in range(20)), *alarms], live=True)
        await eventually(lambda: influx.count("teleward-sim", "numeric") == 20)
        await eventually(lambda: carrier.counters.blocked > 0)
        assert "field type conflict" in (carrier.counters.error or "")
        await deliver(sink, [record(seq) for seq in range(200, 220)])
        assert influx.count("teleward-sim", "numeric") == 40


async def test_the_counters_are_metrics(
    settings: MqttSettings, sink: MqttSink, influx: Influx, record: Make
) -> None:
    carrier, source = collector(settings, influx, "c1")
    port = free_port()
    stop = serve_metrics(carrier, source, port)
    async with collecting(carrier, source):
        await deliver(sink, [record(seq) for seq in range(5)])

        def metrics() -> str:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
                text: bytes = answer.read()
            return text.decode()

        text = await asyncio.to_thread(metrics)
        assert "teleward_collector_stored_total 5.0" in text
        assert "teleward_collector_dropped_total 0.0" in text
        assert "teleward_collector_connected 1.0" in text
        assert serve_metrics(carrier, source, port)() is None, "a port that is taken harms nothing"
    await asyncio.to_thread(stop)


async def test_a_backlog_of_an_earlier_name_is_collected(
    settings: MqttSettings, sink: MqttSink, influx: Influx, record: Make
) -> None:
    """The remedy for two gateways of one name is another name: it must cost no record."""
    carrier, source = collector(settings, influx, "c1")
    async with collecting(carrier, source):
        made = [record(seq) for seq in range(20)]
        answer = await sink.send(
            [replace(found, id=replace(found.id, gateway="raspberrypi")) for found in made],
            live=False,
        )
        done = {found.seq for found in answer.acknowledged}
        async with asyncio.timeout(30):
            while len(done) < 20:
                await asyncio.sleep(0.05)
                done |= {found.seq for found in (await sink.send([], live=False)).acknowledged}
        assert source.unreadable == 0
        rows = influx.query("teleward-sim", "SELECT seq FROM numeric WHERE gateway = 'ward-3'")
        assert [row["seq"] for row in rows] == list(range(20))


async def test_kill_any_of_several_and_nothing_is_lost_or_doubled(
    settings: MqttSettings,
    sink: MqttSink,
    mosquitto: Mosquitto,
    influx: Influx,
    record: Make,
    tmp_path: Path,
) -> None:
    names = ("c1", "c2", "c3")
    workers = [await start_collector(tmp_path, name, mosquitto, influx) for name in names]
    batch = [record(seq, part) for seq in range(1500) for part in range(2)]
    delivering = asyncio.create_task(deliver(sink, batch, timeout_s=60))
    await asyncio.sleep(0.4)
    workers[0].kill()
    await asyncio.sleep(0.4)
    workers[1].kill()
    await delivering
    assert influx.count("teleward-sim", "numeric") == 3000
    workers[2].send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(workers[2].wait(), 30) == 0
    for worker in workers[:2]:
        await worker.wait()


async def test_compressed_bundles_are_collected_and_hostile_ones_counted(
    settings: MqttSettings, influx: Influx, record: Make, eventually: Wait
) -> None:
    packed = settings.model_copy(update={"compression": Compression.ZSTD})
    sink = MqttSink(packed, gateway="ward-3", provenance=Provenance.SIMULATED)
    await sink.open()
    await sink.wait_connected(30)
    carrier, source = collector(settings, influx, "c1")
    async with collecting(carrier, source):
        for message in (b"\x28\xb5\x2f\xfd", b"\x28\xb5\x2f\xfd\x20\x05\x29\x00\x00hi"):
            await sink.publish(sink.topics.bundle(live=True), message)
        await deliver(sink, [record(seq, subject=f"bed-{seq % 8}") for seq in range(400)])
        assert influx.count("teleward-sim", "numeric") == 400
        assert source.unreadable == 2
        assert sink.counters().detail["message_bytes_total"] < 400 * 40
    await sink.close()
