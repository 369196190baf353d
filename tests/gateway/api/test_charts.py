"""Tables and charts of a stay: the CSV of trends, the timeline with notes, the NEWS2 chart."""

import csv
import io
from collections.abc import AsyncIterator

import httpx
import pytest

from teleward_gateway.api.factory import create_app
from teleward_gateway.api.notes import Happening, alarms_of
from teleward_gateway.api.trend_table import table
from teleward_gateway.journal.event_drafts import alarm_draft
from teleward_gateway.testing.ward_feed import WardFeed
from teleward_signal.model import (
    AlarmEvent,
    AlarmKind,
    Measurement,
    Presence,
    Priority,
    Source,
)

BED = "/api/v1/subjects/sim-02"
MINUTE_NS = 60 * 1_000_000_000


@pytest.fixture
async def feed() -> WardFeed:
    return WardFeed(2)


@pytest.fixture
async def client(feed: WardFeed) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(feed))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
        yield client


async def observe(client: httpx.AsyncClient, author: str, **values: float) -> None:
    readings = [{"metric": name, "value": value} for name, value in values.items()]
    answer = await client.post(f"{BED}/observations", json={"author": author, "readings": readings})
    assert answer.status_code == 201, answer.text


async def test_a_table_follows_rfc_4180_and_no_note_becomes_a_formula(
    client: httpx.AsyncClient,
) -> None:
    await observe(client, "Ward sister", body_temperature=38.25, spo2=94)
    for text in ("=HYPERLINK(A1)", 'O2 4 L, "mask"', "\u0911\u0915\u094d\u0938\u0940\u091c\u0928"):
        note = {"author": "Ward sister", "text": text}
        assert (await client.post(f"{BED}/notes", json=note)).status_code == 201
    answer = await client.get(f"{BED}/trends.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith('attachment; filename="trends-sim-02-')
    lines = answer.text.split("\r\n")
    assert lines[-1] == ""
    assert not any("\n" in line for line in lines)
    head, *rows = csv.reader(io.StringIO(answer.text))
    assert all(len(row) == len(head) for row in rows)
    assert head[0] == "time"
    assert head[-1] == "events"
    cells = {name: value for row in rows for name, value in zip(head, row, strict=True) if value}
    assert cells["SpO\u2082 (%) mean"] == "94"
    assert cells["Temp (°C) highest"] == "38.2"
    events = " ".join(row[-1] for row in rows)
    assert events.startswith("'=HYPERLINK(A1) (Ward sister)")
    assert 'O2 4 L, "mask" (Ward sister)' in events
    only = await client.get(f"{BED}/trends.csv", params={"metric": "spo2"})
    assert "Temp" not in only.text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("subjects/nobody/trends.csv", 404),
        ("subjects/nobody/timeline", 404),
        ("subjects/nobody/news2", 404),
        ("subjects/sim-02/trends.csv?metric=ecg_ii", 422),
        ("subjects/sim-02/trends.csv?metric=colour", 422),
        ("subjects/sim-02/timeline?start_ns=5&end_ns=5", 422),
        ("subjects/sim-02/timeline?start_ns=0&end_ns=9000000000000000", 422),
        ("subjects/sim-02/news2?start_ns=7&end_ns=5", 422),
    ],
)
async def test_what_cannot_be_drawn_is_refused(
    client: httpx.AsyncClient, path: str, status: int
) -> None:
    answer = await client.get(f"/api/v1/{path}")
    assert answer.status_code == status
    assert answer.json()["remedy"]


def test_times_without_any_value_have_no_row() -> None:
    assert table([], []) == "time,events\r\n"
    assert table([], [(120_000_000_000, "-1")]).splitlines()[1:] == ["1970-01-01T00:02:00.000Z,'-1"]


async def test_the_timeline_has_alarms_and_notes_by_their_own_time(
    feed: WardFeed, client: httpx.AsyncClient
) -> None:
    now_ns = feed.now_ns()
    for value, at_ns in ((84.0, now_ns - 9 * MINUTE_NS), (97.0, now_ns - 5 * MINUTE_NS)):
        low = Measurement("spo2", value, time_ns=at_ns, valid_s=600)
        feed.publish(feed.board.update("sim-02", low, at_ns))
        feed.publish(feed.board.tick(at_ns + MINUTE_NS))
    note = {"author": "Night nurse", "text": "turned", "time_ns": now_ns - 20 * MINUTE_NS}
    assert (await client.post(f"{BED}/notes", json=note)).status_code == 201
    late = {**note, "time_ns": now_ns + 60 * MINUTE_NS}
    assert (await client.post(f"{BED}/notes", json=late)).status_code == 422
    lines = [Happening(**line) for line in (await client.get(f"{BED}/timeline")).json()]
    assert lines[0].text == "turned"
    assert lines[0].author == "Night nurse"
    alarm = next(line for line in lines if line.metric == "spo2")
    assert alarm.kind == "alarm"
    assert alarm.priority in ("high", "medium")
    ended = [r for r in feed.records if r.payload.get("presence") == "off"]
    assert (alarm.until_ns is not None) == bool(ended)
    before = {"end_ns": now_ns - 15 * MINUTE_NS}
    earlier = (await client.get(f"{BED}/timeline", params=before)).json()
    assert [line["text"] for line in earlier] == ["turned"]


async def test_an_end_without_its_beginning_is_no_alarm(feed: WardFeed) -> None:
    feed.keep(
        alarm_draft(
            AlarmEvent(
                "sim-02",
                "spo2_low",
                AlarmKind.PHYSIOLOGICAL,
                Priority.HIGH,
                Presence.OFF,
                5,
                "SpO2 low",
            )
        )
    )
    assert alarms_of(feed.records) == []


async def test_a_partial_set_is_never_a_whole_score(
    feed: WardFeed, client: httpx.AsyncClient
) -> None:
    empty = (await client.get(f"{BED}/news2")).json()
    assert empty["columns"] == []
    assert empty["not_applied"] is None
    for metric, value in (("respiratory_rate", 26.0), ("spo2", 92.0), ("heart_rate", 104.0)):
        now = Measurement(metric, value, source=Source.DERIVED, time_ns=feed.now_ns())
        feed.scores.update("sim-02", now)
    await observe(client, "Ward sister", nibp_systolic=120, nibp_diastolic=70)
    partial = (await client.get(f"{BED}/news2")).json()["columns"][-1]
    assert partial["total"] is None
    assert partial["risk"] is None
    assert partial["at_least"] == 3 + 2 + 1
    assert set(partial["missing"]) == {"supplemental_oxygen", "consciousness", "body_temperature"}
    await observe(
        client, "Night nurse", consciousness=0, supplemental_oxygen=2, body_temperature=38.4
    )
    whole = (await client.get(f"{BED}/news2")).json()["columns"][-1]
    assert (whole["total"], whole["risk"]) == (9, "high")
    cells = whole["cells"]
    assert cells["consciousness"]["author"] == "Night nurse"
    assert cells["nibp_systolic"]["author"] == "Ward sister"
    assert (cells["pulse"]["metric"], cells["pulse"]["source"]) == ("heart_rate", "derived")
    assert cells["pulse"]["device"] == "Oximeter"
    assert cells["pulse"]["author"] is None
    assert cells["supplemental_oxygen"]["points"] == 2


async def test_thresholds_are_those_of_the_score_and_a_child_has_no_chart(
    feed: WardFeed, client: httpx.AsyncClient
) -> None:
    bands = (await client.get(f"{BED}/news2")).json()["bands"]
    shown = [(band["low"], band["high"], band["points"]) for band in bands["respiratory_rate"]]
    assert shown == [(None, 8, 3), (9, 11, 1), (12, 20, 0), (21, 24, 2), (25, None, 3)]
    adult = (await client.get(f"{BED}/pews")).json()
    assert (adult["age_band"], adult["points"]) == (None, {})
    feed.scores.set_applies("sim-02", False, 8.0)
    feed.scores.tick(feed.now_ns())
    child = (await client.get(f"{BED}/pews")).json()
    assert child["age_band"] == "4 to 12 years"
    assert "supplemental_oxygen" in child["missing"]
    assert child["unseen"] == ["capillary refill", "respiratory effort"]
    assert "training view" in child["title"]
    assert (await client.get("/api/v1/subjects/nobody/pews")).status_code == 404
    chart = (await client.get(f"{BED}/news2")).json()
    assert chart["columns"] == []
    assert "16" in chart["not_applied"]
