"""The InfluxDB sink against a strict endpoint after the published API (POST /api/v2/write).

It refuses what a real server refuses: a wrong token, organisation, bucket, precision, content type
or encoding, and lines that do not parse. Scripted answers come first.
"""

import re
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from email.utils import formatdate
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from teleward_cloud.influx.settings import InfluxSettings
from teleward_cloud.influx.sink import InfluxSink
from teleward_signal.model import Provenance
from teleward_signal.record import Record, RecordKind

Make = Callable[..., Record]

_LINE = re.compile(
    r"^(?P<series>(?:[^ \\,]|\\.)+(?:,(?:[^ =\\,]|\\.)+=(?:[^ =\\,]|\\.)+)*) "
    r"(?P<fields>(?:[^ =\\,]|\\.)+=(?:-?[\d.eE+-]+i?|true|false|\"(?:[^\"\\]|\\.)*\")"
    r"(?:,(?:[^ =\\,]|\\.)+=(?:-?[\d.eE+-]+i?|true|false|\"(?:[^\"\\]|\\.)*\"))*) (?P<time>\d+)$"
)


_CONFLICT = "failure writing points to database: partial write: field type conflict"


class StrictInflux:
    """``points`` maps (series, time) to fields; ``script`` holds answers to give first."""

    def __init__(self) -> None:
        self.points: dict[tuple[str, int], str] = {}
        self.requests: list[int] = []
        self.encodings: list[str] = []
        self.script: deque[web.Response] = deque()
        self.refuse: str | None = None
        self.refusal: Callable[[], web.Response] = lambda: _problem(
            422, "unprocessable entity", f"{_CONFLICT} dropped=1"
        )
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen at a free port."""
        application = web.Application(client_max_size=1 << 26)
        application.router.add_post("/api/v2/write", self._write)
        self._runner = web.AppRunner(application)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}"

    async def stop(self) -> None:
        """Close the port."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _write(self, request: web.Request) -> web.Response:
        content = await request.read()
        if self.script:
            return self.script.popleft()
        if request.headers.get("Authorization") != "Token secret":
            return _problem(401, "unauthorized", "unauthorized access")
        if request.query.get("org") != "teleward":
            return _problem(404, "not found", "organization not found")
        if request.query.get("bucket") != "teleward-sim":
            return _problem(404, "not found", f"bucket {request.query.get('bucket')!r} not found")
        if request.query.get("precision", "ns") != "ns":
            return _problem(400, "invalid", "invalid precision")
        if not request.headers.get("Content-Type", "").startswith("text/plain"):
            return _problem(415, "invalid", "unsupported media type")
        self.encodings.append(request.headers.get("Content-Encoding", ""))
        return self._store(content.decode())

    def _store(self, text: str) -> web.Response:
        lines = text.split("\n")
        self.requests.append(len(lines))
        bad = [line for line in lines if _LINE.match(line) is None]
        if bad:
            return _problem(400, "invalid", f"unable to parse {bad[0]!r}: invalid format")
        dropped = 0
        for line in lines:
            found = _LINE.match(line)
            assert found is not None
            if self.refuse is not None and self.refuse in line:
                dropped += 1
                continue
            self.points[found["series"], int(found["time"])] = found["fields"]
        return self.refusal() if dropped else web.Response(status=204)


def _problem(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"code": code, "message": message}, status=status)


def busy(status: int, retry_after: str | None = None) -> web.Response:
    """Return an answer that asks to come back later."""
    headers: dict[str, Any] = {} if retry_after is None else {"Retry-After": retry_after}
    return web.Response(status=status, text='{"message":"busy"}', headers=headers)


def web_answer(
    status: int, text: str, content_type: str, **headers: str
) -> Callable[[], web.Response]:
    """Return how to make an answer, which can be sent once."""
    return lambda: web.Response(
        status=status, text=text, content_type=content_type, headers=headers
    )


@pytest.fixture
async def server() -> AsyncIterator[StrictInflux]:
    server = StrictInflux()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def sink(server: StrictInflux) -> AsyncIterator[InfluxSink]:
    settings = InfluxSettings(url=server.url, token=SecretStr("secret"))
    sink = InfluxSink(settings, provenance=Provenance.SIMULATED)
    await sink.open()
    yield sink
    await sink.close()


async def test_a_batch_is_one_gzip_request_and_idempotent(
    server: StrictInflux, sink: InfluxSink, record: Make
) -> None:
    batch = [record(seq, part) for seq in range(20) for part in range(3)]
    for _ in range(2):
        delivery = await sink.send(batch, live=True)
        assert set(delivery.acknowledged) == {found.id for found in batch}
    assert server.requests == [60, 60]
    assert server.encodings == ["gzip", "gzip"]
    assert len(server.points) == 60, "sent twice, stored once, none merged"


async def test_bad_points_are_set_aside_and_the_others_written(
    server: StrictInflux, sink: InfluxSink, record: Make
) -> None:
    server.refuse = "metric=glucose"
    batch = [record(seq, metric="glucose" if seq in (3, 11) else "spo2") for seq in range(16)]
    delivery = await sink.send(batch, live=True)
    assert {rejected.id.seq for rejected in delivery.rejected} == {3, 11}
    assert "partial write" in delivery.rejected[0].reason
    assert {found.seq for found in delivery.acknowledged} == set(range(16)) - {3, 11}
    assert len(server.points) == 14


@pytest.mark.parametrize(
    ("status", "wish", "expected_s"),
    [(429, "7", 7.0), (503, "1.5", 1.5), (500, None, None), (429, "soon", None)],
)
async def test_retry_after_is_passed_on(
    server: StrictInflux,
    sink: InfluxSink,
    record: Make,
    status: int,
    wish: str | None,
    expected_s: float | None,
) -> None:
    server.script.append(busy(status, wish))
    delivery = await sink.send([record(1)], live=True)
    assert not delivery.acknowledged
    assert not delivery.rejected
    assert delivery.retry_after_s == expected_s
    assert delivery.error is not None
    assert str(status) in delivery.error
    assert (await sink.send([record(1)], live=True)).acknowledged == (record(1).id,)


async def test_retry_after_may_be_a_date(
    server: StrictInflux, sink: InfluxSink, record: Make
) -> None:
    server.script.append(busy(503, formatdate(time.time() + 60, usegmt=True)))
    wish_s = (await sink.send([record(1)], live=True)).retry_after_s
    assert wish_s is not None
    assert 50 < wish_s <= 60


@pytest.mark.parametrize(
    ("change", "remedy"),
    [({"token": SecretStr("old")}, "token"), ({"simulated_bucket": "nowhere"}, "bucket")],
)
async def test_wrong_settings_lose_nothing_and_name_the_remedy(
    server: StrictInflux, record: Make, change: dict[str, Any], remedy: str
) -> None:
    settings = InfluxSettings(url=server.url, token=SecretStr("secret")).model_copy(update=change)
    sink = InfluxSink(settings, provenance=Provenance.SIMULATED)
    await sink.open()
    delivery = await sink.send([record(1)], live=True)
    assert not delivery.acknowledged
    assert not delivery.rejected
    assert remedy in (delivery.error or "")
    await sink.close()


async def test_a_400_that_blames_no_point_rejects_nothing(
    server: StrictInflux, sink: InfluxSink, record: Make
) -> None:
    server.script.append(web.Response(status=400, text="<html>Bad Request</html>"))
    delivery = await sink.send([record(1)], live=True)
    assert not delivery.acknowledged
    assert not delivery.rejected


FOREIGN = {
    "login page": web_answer(200, "<html>Welcome, please log in</html>", "text/html"),
    "ok of a proxy": web_answer(200, '{"ok":true}', "application/json"),
    "accepted by a proxy": web_answer(202, "", "text/plain"),
    "redirect": web_answer(302, "", "text/html", Location="/login"),
    "permanent redirect": web_answer(308, "", "text/html", Location="/login"),
    "page that blames data": web_answer(400, "<p>invalid field, partial write</p>", "text/html"),
    "proxy's json": web_answer(400, '{"message":"unable to parse"}', "application/json"),
    "text of a proxy": web_answer(400, "partial write", "text/plain"),
    "quota": web_answer(
        400, '{"code":"forbidden","message":"over its limit / partial write"}', "application/json"
    ),
}


@pytest.mark.parametrize("name", FOREIGN)
async def test_what_somebody_else_answers_counts_for_nothing(
    server: StrictInflux, sink: InfluxSink, record: Make, name: str
) -> None:
    server.script.append(FOREIGN[name]())
    batch = [record(seq) for seq in range(50)]
    answer = await sink.send(batch, live=True)
    assert (answer.acknowledged, answer.rejected, answer.blocked) == ((), (), ())
    assert answer.error
    assert server.requests == [], "no redirect was followed, nothing was halved"
    assert len((await sink.send(batch, live=True)).acknowledged) == 50


REFUSALS = {
    "InfluxDB 2, other words": (400, {"code": "invalid", "message": "points of tomorrow"}),
    "InfluxDB 3, some lines": (
        400,
        {
            "error": "partial write of line protocol occurred",
            "data": [{"error_message": "invalid column type", "line_number": 1}],
        },
    ),
    "InfluxDB 3, all lines": (
        400,
        {
            "error": "parsing failed for write_lp endpoint",
            "data": {"error_message": "invalid column type", "line_number": 1},
        },
    ),
    "InfluxDB Cloud": (400, {"code": "invalid", "message": "failed to parse line protocol: ..."}),
    "InfluxDB 1": (400, {"error": "unable to parse 'x': bad timestamp"}),
}


@pytest.mark.parametrize("name", REFUSALS)
async def test_a_point_at_fault_is_found_in_the_words_of_each_server(
    server: StrictInflux, sink: InfluxSink, record: Make, name: str
) -> None:
    status, content = REFUSALS[name]
    server.refuse = "metric=glucose"
    server.refusal = lambda: web.json_response(content, status=status)
    batch = [record(seq, metric="glucose" if seq == 3 else "spo2") for seq in range(16)]
    answer = await sink.send(batch, live=True)
    assert [found.id.seq for found in answer.rejected] == [3]
    assert len(answer.acknowledged) == 15
    if "InfluxDB 3" in name:
        assert "invalid column type" in answer.rejected[0].reason, "the line's own reason"


@pytest.mark.parametrize("n_records", [1, 6, 2000])
async def test_a_type_conflict_is_one_problem_of_the_server(
    server: StrictInflux, sink: InfluxSink, record: Make, n_records: int
) -> None:
    server.refuse = "numeric,"
    batch = [record(seq) for seq in range(n_records)]
    alarm = record(9999, kind=RecordKind.ALARM, payload={"text": "x", "condition": "c"})
    answer = await sink.send([*batch, alarm], live=True)
    assert answer.acknowledged == (alarm.id,), "what it takes goes on"
    assert answer.rejected == ()
    assert {found.id for found in answer.blocked} == {found.id for found in batch}
    assert "stay in the backlog" in (answer.error or "")
    assert len(server.requests) < 80
    n_requests = len(server.requests)
    for seq in range(20):
        await sink.send([record(10_000 + seq)], live=True)
    assert len(server.requests) - n_requests <= 3, "known: not asked again for each record"
    server.refuse = None
    sink.retry()
    assert len((await sink.send(batch, live=False)).acknowledged) == n_records


async def test_a_corrected_server_is_noticed(
    server: StrictInflux, sink: InfluxSink, record: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.refuse = "numeric,"
    now_s = time.monotonic()
    await sink.send([record(seq) for seq in range(10)], live=True)
    server.refuse = None
    assert (await sink.send([record(11)], live=True)).blocked, "not due yet"
    monkeypatch.setattr("teleward_cloud.influx.sink.time.monotonic", lambda: now_s + 60)
    answer = await sink.send([record(12), record(13)], live=True)
    assert answer.resumed
    assert len(answer.acknowledged) == 2


async def test_one_bad_record_costs_few_requests(
    server: StrictInflux, sink: InfluxSink, record: Make
) -> None:
    server.refuse = "metric=glucose"
    batch = [record(seq, metric="glucose" if seq == 777 else "spo2") for seq in range(4000)]
    answer = await sink.send(batch, live=True)
    assert [found.id.seq for found in answer.rejected] == [777]
    assert len(answer.acknowledged) == 3999
    assert len(server.requests) <= 2 * 12 + 4


async def test_a_bad_alarm_delays_no_other(
    server: StrictInflux, sink: InfluxSink, record: Make
) -> None:
    def alarm(seq: int, text: str) -> Record:
        content = {"text": text, "condition": "c"}
        found = record(seq, kind=RecordKind.ALARM, metric=None, payload=content)
        assert isinstance(found, Record)
        return found

    server.refuse = 'text="bad"'
    bad = alarm(1, "bad")
    first = await sink.send([bad, record(2)], live=True)
    assert [found.id for found in first.blocked] == [bad.id], "no other alarm was taken yet"
    good = alarm(3, "good")
    assert (await sink.send([good], live=True)).acknowledged == (good.id,)
    second = await sink.send([bad], live=False)
    assert [found.id for found in second.rejected] == [bad.id], "others like it are taken"
    assert (await sink.send([alarm(20, "good")], live=True)).error is None


async def test_a_time_to_wait_is_bounded(
    server: StrictInflux, sink: InfluxSink, record: Make
) -> None:
    for wish, expected_s in (("1e12", 3600.0), ("inf", None), ("nan", None), ("-5", 0.0)):
        server.script.append(busy(503, wish))
        assert (await sink.send([record(1)], live=True)).retry_after_s == expected_s


async def test_too_large_a_request_is_halved(
    server: StrictInflux, sink: InfluxSink, record: Make
) -> None:
    server.script.append(web.Response(status=413, text="too large"))
    delivery = await sink.send([record(seq) for seq in range(10)], live=True)
    assert len(delivery.acknowledged) == 10
    assert server.requests == [5, 5]


async def test_a_record_that_is_no_point_is_rejected(
    server: StrictInflux, sink: InfluxSink, record: Make
) -> None:
    poison = record(1, payload={"value": "high"})
    delivery = await sink.send([poison, record(2)], live=True)
    assert [rejected.id for rejected in delivery.rejected] == [poison.id]
    assert delivery.acknowledged == (record(2).id,)


async def test_field_data_never_reaches_the_simulated_bucket(
    server: StrictInflux, sink: InfluxSink, record: Make
) -> None:
    delivery = await sink.send([record(1, provenance=Provenance.FIELD)], live=True)
    assert "simulated" in delivery.rejected[0].reason
    assert server.points == {}


async def test_awkward_names_and_texts_stay_one_valid_line(
    server: StrictInflux, sink: InfluxSink, record: Make
) -> None:
    nasty = 'a,b=c d\\ "quoted"\nnext\\'
    batch = [
        record(1, subject=nasty, device=nasty, payload={"value": 1.0, "reason": nasty}),
        record(2, kind=RecordKind.ALARM, payload={"text": nasty, "condition": nasty}),
        record(
            3, kind=RecordKind.DEVICE, payload={"faults": ["lead_off"], "identity": {"a": nasty}}
        ),
        record(4, payload={"value": None, "reason": "lead off"}),
    ]
    delivery = await sink.send(batch, live=True)
    assert delivery.rejected == ()
    assert server.requests == [4]


async def test_coincident_readings_are_two_points(
    server: StrictInflux, sink: InfluxSink, record: Make
) -> None:
    pair = [
        record(9, part, metric="rr_interval", time_ns=1_772_352_000_000_000_000)
        for part in range(2)
    ]
    await sink.send(pair, live=True)
    assert len(server.points) == 2
