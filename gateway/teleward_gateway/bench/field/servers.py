"""Brokers and databases that refuse, through the sinks: what is confirmed, refused and kept."""

import asyncio
import gzip
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from teleward_cloud.influx.settings import InfluxSettings
from teleward_cloud.influx.sifting import MOST_REQUESTS
from teleward_cloud.influx.sink import InfluxSink
from teleward_cloud.mqtt.settings import MqttSettings
from teleward_cloud.mqtt.sink import MqttSink
from teleward_cloud.sink import Delivery
from teleward_gateway.bench.field.row import Row
from teleward_gateway.testing.servers import Mosquitto, ServerMissing
from teleward_signal.model import Provenance
from teleward_signal.record import Record, RecordId, RecordKind

S = 1_000_000_000
START_NS = 1_772_352_000 * S
LARGE = 6
"""Number of the record of 9 kB among nineteen small ones."""
SEND_S = 20.0


async def rows() -> list[Row]:
    """Return the rows of sinks; those of a broker need mosquitto."""
    redirect, login = await _influx(50, 302)
    conflict, asked = await _influx(2000, 422)
    return [
        Row(3, "a database answers 302 to a login page, 50 records", "none confirmed",
            f"{_counts(redirect)} after {login} requests: {redirect.error}",
            not redirect.acknowledged and not redirect.rejected),
        await _mqtt(4, "message_size_limit 1200"),
        await _mqtt(5, "max_packet_size 4000"),
        Row(6, "a field's type conflicts with the database's, 2000 records",
            "none given up, few requests", f"{_counts(conflict)} after {asked} requests: "
            f"{str(conflict.error)[:70]}...",
            not conflict.acknowledged and not conflict.rejected and asked <= MOST_REQUESTS),
    ]  # fmt: skip


def _counts(delivery: Delivery) -> str:
    return f"{len(delivery.acknowledged)} confirmed, {len(delivery.rejected)} given up"


def _record(number: int, note: str = "") -> Record:
    payload = {"value": 96.0, "source": "device", "valid_s": 5.0}
    return Record(
        RecordId("bench", "9f86d081", number, 0),
        RecordKind.MEASUREMENT,
        Provenance.SIMULATED,
        START_NS + number * S,
        10**6,
        number * S,
        "b",
        "bed-1",
        "oximeter",
        "spo2",
        payload | ({"detail": {"note": note}} if note else {}),
        b"",
    )


async def _influx(count: int, status: int) -> tuple[Delivery, int]:
    """Return what a database that answers ``status`` leaves, and how often it was asked."""
    asked = 0

    async def write(request: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        body = await request.read()
        if body[:2] == b"\x1f\x8b":
            body = gzip.decompress(body)
        if status == 302:
            return web.Response(status=status, headers={"Location": "/login"})
        text = (
            "failure writing points to database: partial write: field type conflict: input field "
            '"value" on measurement "numeric" is type float, already exists as type integer '
            f"dropped={len(body.splitlines())}"
        )
        answer = {"code": "unprocessable entity", "message": text}
        return web.json_response(answer, status=status)

    async with _server(write) as url:
        sink = InfluxSink(InfluxSettings(url=url), provenance=Provenance.SIMULATED)
        await sink.open()
        try:
            found = await sink.send([_record(n) for n in range(count)], live=True)
        finally:
            await sink.close()
    return found, asked


@asynccontextmanager
async def _server(
    write: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> AsyncIterator[str]:
    async def login(request: web.Request) -> web.Response:
        return web.Response(text="<html>log in</html>", content_type="text/html")

    application = web.Application(client_max_size=1 << 26)
    application.router.add_post("/api/v2/write", write)
    application.router.add_get("/login", login)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def _mqtt(number: int, limit: str) -> Row:
    """Return what mosquitto with a limit leaves of 19 records, one of which has 9 kB."""
    sent = f"mosquitto with {limit} gets 19 records, number {LARGE} of 9 kB"
    right = f"18 confirmed, number {LARGE} refused with its reason"
    lines = f"listener PORT 127.0.0.1\nallow_anonymous true\n{limit}\n"
    with tempfile.TemporaryDirectory(prefix="teleward-bench-") as folder:
        try:
            broker = Mosquitto(Path(folder), extra=lines)
            broker.start()
        except ServerMissing as error:
            return Row(number, sent, right, str(error).splitlines()[0], None)
        try:
            confirmed, refused, left = await _publish(broker.port)
        finally:
            broker.stop()
    got = f"{confirmed} confirmed, {left} left; refused: "
    got += ", ".join(f"{which}: {why}" for which, why in refused.items())
    return Row(number, sent, right, got, confirmed == 18 and list(refused) == [LARGE])


async def _publish(port: int) -> tuple[int, dict[int, str], int]:
    sink = MqttSink(
        MqttSettings(port=port, ack_timeout_s=3), gateway="bench", provenance=Provenance.SIMULATED
    )
    waiting = [_record(n, "x" * 9000 if n == LARGE else "") for n in range(1, 20)]
    confirmed, refused = 0, dict[int, str]()
    await sink.open()
    try:
        await sink.wait_connected(5.0)
        async with asyncio.timeout(SEND_S):
            while waiting:
                found = await sink.send(waiting, live=True)
                confirmed += len(found.acknowledged)
                refused |= {each.id.seq: each.reason for each in found.rejected}
                done = {*found.acknowledged, *(each.id for each in found.rejected)}
                waiting = [record for record in waiting if record.id not in done]
                if found.error:
                    await asyncio.sleep(0.5)
    except TimeoutError:
        pass
    finally:
        await sink.close()
    return confirmed, refused, len(waiting)
