"""The API of live data: history, manual observations, alarms, limits, problems with a remedy."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from teleward_gateway.api.factory import create_app
from teleward_gateway.testing.ward_feed import WardFeed
from teleward_signal.model import Measurement

SUBJECT = "/api/v1/subjects/sim-01"


@pytest.fixture
def feed() -> WardFeed:
    return WardFeed(2)


@pytest.fixture
async def client(feed: WardFeed) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(feed))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
        yield client


def reading(metric: str, value: Any, **more: Any) -> dict[str, Any]:
    return {"author": "nurse", "readings": [{"metric": metric, "value": value, **more}]}


async def test_a_manual_observation_is_recorded_with_author_and_shown(
    client: httpx.AsyncClient, feed: WardFeed
) -> None:
    body = {
        "author": "nurse",
        "readings": [
            {"metric": "consciousness", "value": 2},
            {"metric": "nibp_systolic", "value": 118, "unit": "mm[Hg]"},
            {"metric": "nibp_diastolic", "value": 76},
        ],
    }
    answer = await client.post(f"{SUBJECT}/observations", json=body)
    assert answer.status_code == 201
    assert len({(each["seq"], each["part"]) for each in answer.json()}) == 3
    shown = feed.live.subjects()[0]["values"]["consciousness"]
    assert (shown["value"], shown["author"], shown["source"]) == (2, "nurse", "manual")
    assert shown["valid"] == 4 * 3600
    found = (await client.get(f"{SUBJECT}/observations?metric=nibp_systolic")).json()
    (one,) = found["observations"]
    assert (one["value"], one["unit"], one["provenance"]) == (118, "mm[Hg]", "simulated")
    assert one["id"] == answer.json()[1]


async def test_history_goes_page_by_page(client: httpx.AsyncClient) -> None:
    for value in range(35, 40):
        sent = reading("body_temperature", value)
        assert (await client.post(f"{SUBJECT}/observations", json=sent)).status_code == 201
    values: list[float] = []
    query = "?limit=2"
    for _ in range(4):
        page = (await client.get(f"{SUBJECT}/observations{query}")).json()
        values += [each["value"] for each in page["observations"]]
        if page["next"] is None:
            break
        query = f"?limit=2&after={page['next']}"
    assert values == [35, 36, 37, 38, 39]


async def test_a_trend_is_columns_of_few_points(client: httpx.AsyncClient) -> None:
    now_ns = time.time_ns() // 10**10 * 10**10
    for ago_s, value in ((7200, 36.6), (7195, 37.4), (60, 38.1)):
        sent = {**reading("body_temperature", value), "time_ns": now_ns - ago_s * 10**9}
        assert (await client.post(f"{SUBJECT}/observations", json=sent)).status_code == 201
    answer = await client.get(f"{SUBJECT}/trends/body_temperature?end_ns={now_ns}&points=2000")
    found = answer.json()
    assert (found["metric"], found["unit"], found["bucket_s"]) == ("body_temperature", "Cel", 60)
    assert found["complete"] is True
    assert (found["low"], found["mean"], found["high"]) == ([36.6, 38.1], [37, 38.1], [37.4, 38.1])
    assert found["count"] == [2, 1]
    assert all(time_ms % 60_000 == 0 for time_ms in found["time_ms"])
    empty = (await client.get(f"{SUBJECT}/trends/spo2")).json()
    assert empty["time_ms"] == empty["mean"] == []


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("sim-01/trends/spo3", 422, "no metric 'spo3'"),
        ("sim-01/trends/ecg_ii", 422, "is a waveform"),
        ("nobody/trends/spo2", 404, "no subject 'nobody'"),
        ("sim-01/trends/spo2?start_ns=2&end_ns=2", 422, "start_ns must be before end_ns"),
        ("sim-01/trends/spo2?points=2001", 422, "points"),
        ("sim-01/observations?after=1", 422, "after"),
    ],
)
async def test_a_trend_that_cannot_be_says_why(
    client: httpx.AsyncClient, path: str, status: int, says: str
) -> None:
    answer = await client.get(f"/api/v1/subjects/{path}")
    assert answer.status_code == status
    assert says in answer.json()["detail"]
    assert answer.json()["remedy"]


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        (reading("spo3", 97), "no metric 'spo3'"),
        (reading("ecg_ii", 1), "is a waveform"),
        (reading("body_temperature", 98.6), "typing error"),
        (reading("consciousness", 9), "consciousness 9 is outside 0 to 4"),
        (reading("body_temperature", 37, unit="degF"), "is in Cel"),
        (reading("consciousness", 1.5), "whole number"),
        (reading("spo2", "high"), "readings.0.value"),
        ({"author": " ", "readings": []}, "author"),
        ({**reading("spo2", 97), "colour": "blue"}, "colour"),
        (
            {
                "author": "nurse",
                "readings": [
                    {"metric": "nibp_systolic", "value": 70},
                    {"metric": "nibp_diastolic", "value": 80},
                ],
            },
            "above diastolic",
        ),
        (reading("body_temperature", 37) | {"time_ns": 2**62}, "less than"),
    ],
)
async def test_what_cannot_be_is_refused_with_a_remedy(
    client: httpx.AsyncClient, feed: WardFeed, sent: dict[str, Any], says: str
) -> None:
    answer = await client.post(f"{SUBJECT}/observations", json=sent)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert says in problem["detail"]
    assert problem["remedy"]
    assert feed.records == []


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v1/subjects/nobody/observations"])
async def test_what_is_not_there_is_a_problem_too(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 404
    assert set(answer.json()) == {"type", "title", "status", "detail", "remedy"}


async def test_alarms_are_listed_by_urgency_and_acknowledged(
    client: httpx.AsyncClient, feed: WardFeed
) -> None:
    now_ns = time.time_ns()
    for step in range(12):
        at_ns = now_ns + step * 10**9
        for subject, metric, value in (("sim-01", "heart_rate", 125.0), ("sim-02", "spo2", 80.0)):
            measurement = Measurement(metric, value, time_ns=at_ns)
            feed.publish(feed.board.update(subject, measurement, at_ns))
    alarms = (await client.get("/api/v1/alarms")).json()
    priorities = [each["priority"] for each in alarms]
    assert priorities == sorted(priorities, key=["high", "medium", "low", "info"].index)
    assert {each["subject"] for each in alarms} == {"sim-01", "sim-02"}
    assert (alarms[0]["subject"], alarms[0]["priority"]) == ("sim-02", "high")
    chosen = alarms[0]
    wanted = {"subject": "sim-02", "condition": chosen["condition"], "author": "nurse"}
    answer = await client.post("/api/v1/alarms/acknowledge", json=wanted)
    assert (answer.status_code, answer.json()["presence"]) == (200, "ack")
    again = await client.post("/api/v1/alarms/acknowledge", json=wanted)
    assert again.status_code == 409
    assert "acknowledged already" in again.json()["detail"]
    again = await client.post(
        "/api/v1/alarms/acknowledge", json={**wanted, "condition": "no_such_condition"}
    )
    assert again.status_code == 404


async def test_audio_pause_has_an_end_and_a_longest_time(
    client: httpx.AsyncClient, feed: WardFeed
) -> None:
    wanted = {"author": "nurse", "duration_s": 120}
    answer = (await client.post(f"{SUBJECT}/audio-pause", json=wanted)).json()
    assert 0 < answer["until_ns"] - feed.now_ns() <= 120 * 10**9
    ended = (await client.post(f"{SUBJECT}/audio-pause", json={**wanted, "duration_s": 0})).json()
    assert ended == {"until": None, "until_ns": None}
    long = await client.post(f"{SUBJECT}/audio-pause", json={**wanted, "duration_s": 3600})
    assert long.status_code == 422


async def test_limits_change_one_by_one(client: httpx.AsyncClient) -> None:
    before = (await client.get(f"{SUBJECT}/limits")).json()
    change = {
        "author": "nurse",
        "limits": {"spo2": {"low": 92}, "body_temperature": {"high": None}},
    }
    answer = await client.put(f"{SUBJECT}/limits", json=change)
    after = (await client.get(f"{SUBJECT}/limits")).json()
    assert answer.json() == after
    assert after["spo2"] == {**before["spo2"], "low": 92}
    assert after["body_temperature"]["high"] is None
    assert after["heart_rate"] == before["heart_rate"]


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        ({"spo2": {"low": 120}}, "spo2: low 120 is outside"),
        ({"heart_rate": {"low": 130, "high": 60}}, "must hold"),
        ({"spo3": {"low": 90}}, "no metric"),
    ],
)
async def test_limits_that_cannot_be_meant_are_refused(
    client: httpx.AsyncClient, limits: dict[str, Any], says: str
) -> None:
    before = (await client.get(f"{SUBJECT}/limits")).json()
    answer = await client.put(f"{SUBJECT}/limits", json={"author": "nurse", "limits": limits})
    assert answer.status_code == 422
    assert says in answer.json()["detail"]
    assert (await client.get(f"{SUBJECT}/limits")).json() == before


async def test_the_openapi_document_names_every_part(client: httpx.AsyncClient) -> None:
    document = (await client.get("/api/v1/openapi.json")).json()
    paths = set(document["paths"])
    for path in (
        "/api/v1/devices",
        "/api/v1/bindings",
        "/api/v1/subjects",
        "/api/v1/subjects/{subject}/observations",
        "/api/v1/alarms",
        "/api/v1/alarms/acknowledge",
        "/api/v1/subjects/{subject}/limits",
        "/api/v1/gateway",
    ):
        assert path in paths
    assert "not a certified medical device" in document["info"]["description"]


async def test_the_gateway_says_who_it_is(client: httpx.AsyncClient) -> None:
    answer = (await client.get("/api/v1/gateway")).json()
    assert answer["provenance"] == "simulated"
    assert answer["loss_window_s"] > 0
    assert "not a certified medical device" in answer["notice"]


async def test_an_observation_that_is_sent_again_counts_once(
    client: httpx.AsyncClient, feed: WardFeed
) -> None:
    """A phone that lost the answer sends the same key again, at once or later."""
    path = f"{SUBJECT}/observations"
    body = reading("body_temperature", 38.5)
    before = len(feed.records)
    key = {"Idempotency-Key": "6f1c"}
    first, again = await asyncio.gather(
        client.post(path, json=body, headers=key), client.post(path, json=body, headers=key)
    )
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert (await client.post(path, json=body, headers=key)).json() == first.json()
    assert len(feed.records) == before + 1
    other = reading("body_temperature", 36.5)
    assert (await client.post(path, json=other, headers=key)).status_code == 409
    bad = reading("body_temperature", 99.0)
    for _ in range(2):  # what was refused is not remembered
        answer = await client.post(path, json=bad, headers={"Idempotency-Key": "x"})
        assert answer.status_code == 422
    assert (await client.post(path, json=body, headers={"Idempotency-Key": "x"})).status_code == 201
    assert len(feed.records) == before + 2


def test_operations_have_names_and_answers_have_types() -> None:
    document = create_app(WardFeed(1)).openapi()
    operations = [each for path in document["paths"].values() for each in path.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    assert not [name for name in names if "api_v1" in name or "__" in name]
    assert {"list_subjects", "get_trend", "record_observation", "acknowledge_alarm"} <= set(names)
    summaries = {each["operationId"]: each["summary"] for each in operations}
    assert summaries["list_subjects"] == "List subjects"
    health = document["components"]["schemas"]["Health"]
    assert set(health["properties"]) == {"status", "uptime_s", "parts"}
