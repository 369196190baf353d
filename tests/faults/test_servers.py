"""Brokers and databases that die, fall silent, refuse and lie, behind a gateway that goes on."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from faultkit import FULL, QUICK, Bill
from sink_kit import BUCKET, Gateway, running, settle

from teleward_cloud.collector import Collector, MqttSource
from teleward_cloud.influx.settings import InfluxSettings
from teleward_cloud.influx.sink import InfluxSink
from teleward_cloud.mqtt.settings import Confirmation, MqttSettings
from teleward_cloud.mqtt.sink import MqttSink
from teleward_cloud.sink import Delivery as Answer
from teleward_gateway.testing.servers import Influx, Mosquitto
from teleward_signal.model import Provenance
from teleward_signal.record import Draft, Record, RecordKind

OUTAGE_S = 6.0 if FULL else 1.0
HOUR_STEPS = 3600 if FULL else 60


async def killed(broker: Mosquitto, gateway: Gateway) -> None:
    for _ in range(3 if FULL else 1):
        broker.kill()
        await gateway.feed(OUTAGE_S / 2)
        broker.start()
        await gateway.feed(OUTAGE_S / 2)


async def partitioned(broker: Mosquitto, gateway: Gateway) -> None:
    broker.freeze()
    await gateway.feed(OUTAGE_S + 2)
    broker.thaw()


async def slow(broker: Mosquitto, gateway: Gateway) -> None:
    for _ in range(10 if FULL else 3):
        broker.freeze()
        await gateway.feed(0.4)
        broker.thaw()
        await gateway.feed(0.1)


async def away_for_an_hour(broker: Mosquitto, gateway: Gateway) -> None:
    broker.stop()
    for _ in range(HOUR_STEPS):
        gateway.append()
        await asyncio.sleep(0)
    await gateway.feed(1)
    broker.start()


BROKER_FAULTS = [
    ("broker killed", killed),
    (f"broker away, {HOUR_STEPS} s of data", away_for_an_hour),
    ("broker partitioned", partitioned),
    ("broker slow", slow),
]


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("name", "fault"),
    BROKER_FAULTS if FULL else BROKER_FAULTS[:2],
)
async def test_broker(
    tmp_path: Path,
    broker: Mosquitto,
    influx: Influx,
    name: str,
    fault: Callable[[Mosquitto, Gateway], Awaitable[None]],
) -> None:
    broker.start()
    influx.start()
    settings = MqttSettings(
        port=broker.port,
        confirm=Confirmation.STORAGE,
        confirm_timeout_s=3,
        ack_timeout_s=2,
        keepalive_s=5,
    )
    simulated = Provenance.SIMULATED
    source = MqttSource(settings, provenance=simulated, group="collectors", client_id="c1")
    target = InfluxSink(InfluxSettings(url=influx.url), provenance=simulated)
    collecting = asyncio.create_task(Collector(source, target).run())
    sink = MqttSink(settings, gateway="g1", provenance=simulated)
    sink.kinds = frozenset({RecordKind.MEASUREMENT, RecordKind.ALARM})
    gateway = Gateway(tmp_path / "journal", sink)
    bill = Bill(name)
    try:
        async with running(gateway):
            await source.connected.wait()
            await gateway.feed(0.5)
            await fault(broker, gateway)
            began_s = time.monotonic()
            await gateway.drained()
            bill.recover_s = time.monotonic() - began_s
            settle(bill, gateway, influx)
    finally:
        collecting.cancel()
        await asyncio.gather(collecting, return_exceptions=True)
        influx.stop()
        broker.stop()


LIMITS = [
    ("broker refuses a large message (PUBACK 0x95)", "message_size_limit 3000"),
    ("broker takes packets of 3000 bytes", "max_packet_size 3000"),
]


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("name", "limit"), LIMITS if FULL else LIMITS[:1])
async def test_a_broker_that_does_not_take_one_record(
    tmp_path: Path, influx: Influx, name: str, limit: str
) -> None:
    """That record is named and set aside; all others are stored."""
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    lines = f"listener PORT 127.0.0.1\nallow_anonymous true\n{limit}\n"
    async with collecting_gateway(tmp_path, influx, Mosquitto(folder, extra=lines)) as gateway:
        bill = Bill(name)
        await gateway.feed(OUTAGE_S)
        large = {"value": 1.0, "detail": {"note": "x" * 9000}}
        gateway.journal.append(
            Draft(RecordKind.MEASUREMENT, "bed-0", "ox-0", "spo2", payload=large)
        )
        await gateway.feed(OUTAGE_S)
        began_s = time.monotonic()
        await gateway.drained()
        bill.recover_s = time.monotonic() - began_s
        settle(bill, gateway, influx)
        assert gateway.journal.stats().sinks[0].dead_letter == 1


class SlowDatabase(InfluxSink):
    """A database that takes its time for each batch."""

    async def send(self, batch: Sequence[Record], *, live: bool) -> Answer:
        if batch:
            await asyncio.sleep(1.0)
        return await super().send(batch, live=live)


@pytest.mark.timeout(300)
async def test_a_slow_database_behind_a_collector(tmp_path: Path, influx: Influx) -> None:
    """The broker's acknowledgement counts for the gateway, and the collector loses nothing."""
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    broker = Mosquitto(folder)
    async with collecting_gateway(
        tmp_path, influx, broker, confirm=Confirmation.PUBACK, target=SlowDatabase
    ) as gateway:
        bill = Bill("slow database, collector, PUBACK counts")
        await gateway.feed(2 * OUTAGE_S + 2)
        began_s = time.monotonic()
        await gateway.drained()
        async with asyncio.timeout(60):
            while stored(influx) < gateway.journal.next_number - 1:
                await asyncio.sleep(0.2)
        bill.recover_s = time.monotonic() - began_s
        settle(bill, gateway, influx)


def stored(influx: Influx) -> int:
    """Return how many records the database holds."""
    return influx.count(BUCKET, "numeric") + influx.count(BUCKET, "alarm")


@asynccontextmanager
async def collecting_gateway(
    folder: Path,
    influx: Influx,
    broker: Mosquitto,
    *,
    confirm: Confirmation = Confirmation.STORAGE,
    target: type[InfluxSink] = InfluxSink,
) -> AsyncIterator[Gateway]:
    """Run a gateway that delivers through a broker and a collector to a database."""
    broker.start()
    influx.start()
    simulated = Provenance.SIMULATED
    settings = MqttSettings(port=broker.port, confirm=confirm, confirm_timeout_s=3)
    source = MqttSource(settings, provenance=simulated, group="collectors", client_id="c1")
    database = target(InfluxSettings(url=influx.url), provenance=simulated)
    collecting = asyncio.create_task(Collector(source, database).run())
    sink = MqttSink(settings, gateway="g1", provenance=simulated)
    sink.kinds = frozenset({RecordKind.MEASUREMENT, RecordKind.ALARM})
    gateway = Gateway(folder / "journal", sink)
    try:
        async with running(gateway):
            await source.connected.wait()
            yield gateway
    finally:
        collecting.cancel()
        await asyncio.gather(collecting, return_exceptions=True)
        influx.stop()
        broker.stop()


class Liar:
    """An HTTP proxy before the database that answers as it is told."""

    def __init__(self, target: str) -> None:
        self.mood = "honest"
        self._target = target
        self.url = ""

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["Liar"]:
        application = web.Application(client_max_size=2**26)
        application.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(application)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with aiohttp.ClientSession(auto_decompress=False) as self._session:
            try:
                yield self
            finally:
                await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if self.mood == "429":
            return web.Response(status=429, headers={"Retry-After": "1"})
        if self.mood == "500":
            return web.Response(status=500, text="internal error")
        if self.mood == "captive portal":
            page = "<html>Welcome to this network, please log in</html>"
            return web.Response(text=page, content_type="text/html")
        if self.mood == "redirect to a login":
            return web.Response(status=302, headers={"Location": "/login"})
        body = await request.read()
        if self.mood == "type conflict" and b"numeric," in body:
            reason = 'partial write: field type conflict: input field "value" on measurement'
            error = f'{reason} "numeric" is type float, already exists as type integer dropped=1'
            return web.json_response({"error": error}, status=400)
        # aiohttp has unpacked the body already
        dropped = ("Host", "Content-Encoding", "Content-Length")
        headers = {k: v for k, v in request.headers.items() if k not in dropped}
        async with self._session.request(
            request.method, self._target + request.path_qs, data=body, headers=headers
        ) as answer:
            text = await answer.read()
            if self.mood == "stored, answer lost" and request.transport is not None:
                request.transport.close()
            return web.Response(status=answer.status, body=text)


MOODS = [
    "down",
    "429",
    "stored, answer lost",
    "poisoned record",
    "captive portal",
    "type conflict",
    "500",
    "redirect to a login",
]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("mood", MOODS if FULL else MOODS[:-2])
async def test_database(tmp_path: Path, influx: Influx, mood: str) -> None:
    influx.start()
    bill = Bill(f"InfluxDB {mood}")
    async with Liar(influx.url).serving() as liar:
        settings = InfluxSettings(url=liar.url, timeout_s=3)
        sink = InfluxSink(settings, provenance=Provenance.SIMULATED)
        sink.kinds = frozenset({RecordKind.MEASUREMENT, RecordKind.ALARM})
        gateway = Gateway(tmp_path / "journal", sink)
        try:
            async with running(gateway):
                await gateway.feed(0.7)
                await _harm(liar, influx, gateway, mood)
                if mood == "type conflict":
                    assert gateway.delivery.status.blocked, "they wait for a person"
                    gateway.delivery.retry()  # who has corrected the bucket
                    bill.human = 1
                began_s = time.monotonic()
                await gateway.drained()
                bill.recover_s = time.monotonic() - began_s
                settle(bill, gateway, influx)
                aside = gateway.journal.stats().sinks[0].dead_letter
                assert aside == (mood == "poisoned record")
                if aside:
                    await gateway.feed(QUICK.acknowledge_interval_s * 2)
                    (named,) = await gateway.journal.aside(sink.name)
                    assert "conflict" in str(named["reason"])
        finally:
            influx.stop()


async def _harm(liar: Liar, influx: Influx, gateway: Gateway, mood: str) -> None:
    if mood == "poisoned record":
        payload = {"value": 1.0, "quality": "bad"}
        await gateway.feed(0.2)
        good = Draft(RecordKind.MEASUREMENT, "bed-0", "ox-0", "spo2", payload={"quality": 0.5})
        gateway.journal.append(good)
        await gateway.feed(1)
        gateway.journal.append(
            Draft(RecordKind.MEASUREMENT, "bed-0", "ox-0", "spo2", payload=payload)
        )
        await gateway.feed(1)
        return
    if mood == "down":
        influx.proxy.stop()
        await gateway.feed(OUTAGE_S)
        influx.proxy.start()
        return
    liar.mood = mood
    await gateway.feed(OUTAGE_S)
    liar.mood = "honest"
