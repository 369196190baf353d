"""Two gateways of one name that share nothing but a bucket."""

import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web

from teleward_cloud.influx import presence
from teleward_cloud.influx.settings import InfluxSettings
from teleward_cloud.influx.sink import InfluxSink
from teleward_cloud.mqtt.payload import rfc3339
from teleward_gateway.testing.servers import Influx, VictoriaMetrics
from teleward_signal.model import Provenance

Wait = Callable[..., Any]
NAME = "o'ward"


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "_EVERY_S", 0.05)


class Gateways:
    """Sinks of gateways of one name at one server; closed in the end."""

    def __init__(self) -> None:
        self.open: list[InfluxSink] = []

    async def start(self, url: str) -> InfluxSink:
        """Start one."""
        settings = InfluxSettings(url=url)
        sink = InfluxSink(settings, provenance=Provenance.SIMULATED, gateway=NAME)
        await sink.open()
        self.open.append(sink)
        return sink


@pytest.fixture
async def gateways() -> AsyncIterator[Gateways]:
    found = Gateways()
    yield found
    for sink in found.open:
        await sink.close()


def has_looked(sink: InfluxSink) -> bool:
    assert sink._presence is not None
    return sink._presence._since_ns is not None


async def test_both_notice_each_other_and_the_end_of_the_other(
    influx: Influx, gateways: Gateways, eventually: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await gateways.start(influx.url)
    await eventually(lambda: has_looked(first))
    assert (first.conflict, first.notice) == (None, None)
    second = await gateways.start(influx.url)
    await eventually(lambda: first.conflict and second.conflict)
    assert f"another gateway is named {NAME}" in (second.conflict or "")
    await second.close()
    monkeypatch.setattr(presence, "_ALIVE_NS", 0)
    await eventually(lambda: first.conflict is None)
    await first.close()
    restarted = await gateways.start(influx.url)
    await eventually(lambda: has_looked(restarted))
    assert restarted.conflict is None, "points of ended processes are no evidence"


async def test_a_server_that_cannot_be_asked_is_named(
    victoria_metrics: VictoriaMetrics, gateways: Gateways, eventually: Wait
) -> None:
    sink = await gateways.start(victoria_metrics.url)
    await eventually(lambda: sink.notice)
    assert "answers neither" in (sink.notice or "")
    assert sink.conflict is None


class Server:
    """Takes points, and answers Flux if it ``may_read``; it knows no InfluxQL."""

    def __init__(self) -> None:
        self.may_read = True
        self.points: list[tuple[int, str]] = []

    async def write(self, request: web.Request) -> web.Response:
        head, _, instance = (await request.text()).partition(" instance=")
        assert head == f"gateways,gateway={NAME}"
        self.points.append((time.time_ns(), instance.strip('"')))
        return web.Response(status=204)

    async def query(self, request: web.Request) -> web.Response:
        if not self.may_read:
            return web.json_response({"code": "unauthorized", "message": "no"}, status=401)
        if request.path == "/query":
            return web.json_response({"code": "not found", "message": "no dbrp"}, status=404)
        flux = (await request.json())["query"]
        assert f'r.gateway == "{NAME}"' in flux
        rows = [f",_result,0,{rfc3339(time_ns)},{instance}" for time_ns, instance in self.points]
        head = ["#datatype,string,long,dateTime:RFC3339,string", ",result,table,_time,_value"]
        return web.Response(text="\r\n".join([*head, *rows, "", ""]), content_type="text/csv")


async def test_flux_is_asked_where_there_is_no_influxql(
    gateways: Gateways, eventually: Wait
) -> None:
    server, application = Server(), web.Application()
    application.router.add_post("/api/v2/write", server.write)
    application.router.add_get("/query", server.query)
    application.router.add_post("/api/v2/query", server.query)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        first, second = [await gateways.start(url) for _ in range(2)]
        await eventually(lambda: first.conflict and second.conflict)
        assert first.notice is None
        server.may_read = False
        await eventually(lambda: first.notice)
        assert "the token may not read bucket teleward-sim" in (first.notice or "")
        assert first.conflict, "what was seen is not forgotten with the right to read"
        for sink in (first, second):
            await sink.close()
    finally:
        await runner.cleanup()


HOSTILE = [
    b"",
    b"[" * 100_000,
    b'{"results":[]}',
    b'{"results":[{"error":"no"}]}',
    b'{"results":[{"series":[{"columns":["name"],"values":[["teleward"]]}]}]}',
    b'{"results":[{"series":[{"columns":["time","instance"],"values":[[1e999,"a"]]}]}]}',
    b'{"results":[{"series":[{"columns":["time","instance"],"values":[["2026","a"]]}]}]}',
    b'{"results":[{"series":[{"columns":["time","instance"],"values":[1]}]}]}',
    b"<html>log in</html>",
    b",result,table,_time,_value\r\n,,0,yesterday,a\r\n",
    b",result,table,_time\r\n,,0,2026-03-01T08:00:00Z\r\n",
    b"\xff\xfe",
]


@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
def test_other_answers_are_no_points(body: bytes) -> None:
    assert not presence._rows(body)
    assert not presence._flux_rows(body)
