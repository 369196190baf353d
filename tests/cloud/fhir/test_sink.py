"""The FHIR sink against a server at its worst: nothing is lost, doubled or sent twice at once."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from teleward_cloud.fhir.settings import FhirSettings, Idempotency, OAuth2Settings
from teleward_cloud.fhir.sink import FhirSink
from teleward_cloud.sink import Delivery
from teleward_signal.model import Provenance
from teleward_signal.record import Record
from tests.cloud.fhir.samples import cuff, made, value
from tests.cloud.fhir.strict_server import StrictServer


@pytest.fixture
async def server() -> AsyncIterator[StrictServer]:
    server = StrictServer()
    await server.start()
    yield server
    await server.stop()


@asynccontextmanager
async def opened(server: StrictServer, **settings: Any) -> AsyncIterator[FhirSink]:
    """Yield a sink of a simulated ward at the server."""
    options: dict[str, Any] = {"url": server.url, "settle_s": 0, "batch": 20} | settings
    sink = FhirSink(FhirSettings(**options), gateway="ward-3", provenance=Provenance.SIMULATED)
    await sink.open()
    try:
        yield sink
    finally:
        await sink.close()


async def deliver(sink: FhirSink, records: list[Record], most: int = 200) -> list[Delivery]:
    """Send as the gateway does: what is neither settled nor held is sent again, in order."""
    answers: list[Delivery] = []
    settled: set[Any] = set()
    held: set[Any] = set()
    for _ in range(most):
        batch = [r for r in records if r.id not in settled | held][: sink.max_batch]
        answer = await sink.send(batch, live=True)
        answers.append(answer)
        held = (held | set(answer.held)) - set(answer.forgotten)
        settled |= {*answer.acknowledged, *(found.id for found in answer.rejected)}
        if len(settled) == len(records):
            return answers
    pytest.fail(f"{len(records) - len(settled)} records of {len(records)} are left: {answers[-1]}")


def identities(server: StrictServer) -> list[str]:
    """Return the record identities that the server has, without times of devices."""
    every = [r["identifier"] for r in server.of("Observation")]
    records = [i["value"] for found in every for i in (found[1:] or found)]
    return sorted(value for value in records if not value.endswith("/time"))


def wanted(records: list[Record]) -> list[str]:
    """Return the identities of records."""
    return sorted(f"ward-3/9f86d081/{r.id.seq}/{r.id.part}" for r in records)


@pytest.mark.parametrize("idempotency", Idempotency)
async def test_lost_answers_and_waits_lose_and_double_nothing(
    server: StrictServer, idempotency: Idempotency
) -> None:
    records = [record for n in range(1, 120) for record in ([made(n)] if n % 9 else cuff(n))]

    def busy(status: int) -> web.Response:
        return web.Response(status=status, headers={"Retry-After": "7"})

    server.script.extend(["lost", "", "lost", busy(429), busy(503), "", "lost"])
    async with opened(server, idempotency=idempotency) as sink:
        answers = await deliver(sink, records)
        counters = sink.counters()
    assert identities(server) == wanted(records)
    assert server.problems == []
    assert server.most_under_way == 1
    assert [found.retry_after_s for found in answers if found.retry_after_s] == [7, 7]
    assert server.repeated > 0, "something was sent twice"
    assert counters.acknowledged == len(records)
    assert len(server.of("Patient")) == 1
    assert len(server.of("Device")) == 3
    assert {r["meta"]["security"][0]["code"] for r in server.stored.values()} == {"HTEST"}


async def test_a_server_still_at_work_on_a_lost_request_is_given_time(
    server: StrictServer,
) -> None:
    server.late_s = 0.05
    server.script.extend(["", "lost"])
    records = [made(n) for n in range(30)]
    async with opened(server, settle_s=300) as sink:
        await sink.send(records, live=True)
        answer = await sink.send(records, live=True)
        assert (answer.acknowledged, answer.error) == ((), None)
        assert answer.retry_after_s
        assert answer.retry_after_s <= 300
        assert server.requests == 2, "nothing is sent while it may be at work"


async def test_one_bad_entry_refuses_nothing_else(server: StrictServer) -> None:
    bad = made(13, payload=value(66.0))
    records = [made(n) for n in range(40) if n != 13] + [bad]
    server.refuse = lambda resource: resource.get("valueQuantity", {}).get("value") == 66
    async with opened(server) as sink:
        answers = await deliver(sink, records)
    (rejected,) = [found for answer in answers for found in answer.rejected]
    assert rejected.id == bad.id
    assert rejected.reason == "HTTP 422: value at Observation.value"
    assert identities(server) == wanted([r for r in records if r is not bad])


async def test_a_bundle_that_is_refused_whole_is_halved(server: StrictServer) -> None:
    bad = made(13, payload=value(66.0))
    records = [made(n) for n in range(40) if n != 13] + [bad]
    server.whole = lambda found: any(r.get("valueQuantity", {}).get("value") == 66 for r in found)
    async with opened(server) as sink:
        answers = await deliver(sink, records)
    assert [found.id for answer in answers for found in answer.rejected] == [bad.id]
    assert identities(server) == wanted([r for r in records if r is not bad])


async def test_many_refused_alike_wait_for_a_person(server: StrictServer) -> None:
    server.refuse = lambda resource: resource["resourceType"] == "Observation"
    records = [made(n) for n in range(30)]
    async with opened(server) as sink:
        answer = await sink.send(records, live=True)
        assert (answer.rejected, len(answer.blocked)) == ((), 30)
        assert answer.error
        assert "the FHIR server refuses 30 records" in answer.error
        again = await sink.send(records, live=True)
        assert len(again.blocked) == 30
        before = len(server.sizes)
        server.refuse = lambda resource: False
        sink.retry()
        await deliver(sink, records)
        assert len(server.sizes) > before
    assert identities(server) == wanted(records)


async def test_what_is_there_more_than_once_is_counted_and_left(server: StrictServer) -> None:
    records = [made(n) for n in range(5)]
    async with opened(server) as sink:
        await deliver(sink, records)
        (first, *_) = server.of("Observation")
        server.stored["Observation", "twin"] = first
        await deliver(sink, records)
        assert sink.counters().detail["resources_there_more_than_once"] == 1
    assert len(server.of("Observation")) == 6


async def test_tokens_that_run_out_are_replaced(server: StrictServer) -> None:
    server.token_life = 2
    login = OAuth2Settings(
        token_url=server.url.replace("fhir", "token"),
        client_id="gw",
        client_secret=SecretStr("secret"),
    )
    records = [made(n) for n in range(200)]
    async with opened(server, oauth2=login) as sink:
        await deliver(sink, records)
        assert sink.counters().detail["tokens"] == len(server.tokens) > 3
    assert identities(server) == wanted(records)
    wrong = login.model_copy(update={"client_secret": SecretStr("other")})
    async with opened(server, oauth2=wrong) as sink:
        answer = await sink.send(records, live=True)
        assert answer.acknowledged == ()
        assert answer.error
        assert "correct client_id and client_secret of sinks.fhir.oauth2" in answer.error


@pytest.mark.parametrize(
    ("answer", "remedy"),
    [
        (
            lambda: web.Response(text="<html>login</html>", content_type="text/html"),
            "no FHIR bundle",
        ),
        (lambda: web.Response(status=302, headers={"Location": "/login"}), "sinks.fhir.url"),
        (lambda: web.Response(status=404), "sinks.fhir.url"),
        (lambda: web.Response(status=403, text="{}"), "no right to write"),
        (lambda: web.json_response({"resourceType": "Bundle", "entry": []}), "answered 0 of"),
    ],
)
async def test_what_is_no_answer_acknowledges_nothing(
    server: StrictServer, answer: Callable[[], web.Response], remedy: str
) -> None:
    server.script.append(answer())
    async with opened(server) as sink:
        found = await sink.send([made(1)], live=True)
    assert (found.acknowledged, found.rejected) == ((), ())
    assert found.error
    assert remedy in found.error


async def test_a_server_that_is_away_is_named_with_the_remedy() -> None:
    settings = FhirSettings(url="http://127.0.0.1:9/fhir")
    sink = FhirSink(settings, gateway="ward-3", provenance=Provenance.SIMULATED)
    await sink.open()
    found = await sink.send([made(1)], live=True)
    await sink.close()
    assert found.acknowledged == ()
    assert found.error
    assert (
        "connection refused; check that the server runs, or correct sinks.fhir.url" in found.error
    )


async def test_pressures_of_one_reading_in_two_batches_are_one_panel(server: StrictServer) -> None:
    reading = cuff(7)
    async with opened(server) as sink:
        first = await sink.send(reading[:1], live=True)
        assert (first.acknowledged, first.held) == ((), (reading[0].id,))
        second = await sink.send([*reading[1:], made(8)], live=True)
        assert second.acknowledged == (made(8).id,)
        last = await sink.send([], live=True)
        assert set(last.acknowledged) == {record.id for record in reading}
    panels = [r for r in server.of("Observation") if len(r.get("component", ())) == 3]
    assert len(panels) == 1
