"""The ward end to end: patients -> devices -> radio and ports -> gateway -> everywhere."""

import asyncio
import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from conftest import RunningDemo
from playwright.sync_api import sync_playwright

from teleward_simulators.patients.profiles import PROFILES

SECOND_NS = 1_000_000_000


def newest(demo: RunningDemo, subject: str, metric: str, seconds: float) -> list[dict[str, Any]]:
    """Return the records of a metric of the newest ``seconds``."""
    now_ns = demo.get("gateway")["now_ns"] if "now_ns" in demo.get("gateway") else None
    found = demo.get(f"subjects/{subject}/observations?metric={metric}&limit=10000")
    records: list[dict[str, Any]] = found["observations"]
    end_ns = now_ns or max(record["time_ns"] for record in records)
    return [r for r in records if r["time_ns"] > end_ns - seconds * SECOND_NS]


def test_every_device_streams(demo: RunningDemo) -> None:
    sessions = demo.get("health")["parts"]["sessions"]
    assert sessions["devices"] == len(demo.plan.devices) == 27
    assert sessions["streaming"] == 27
    states = {device["id"]: device for device in demo.get("devices")}
    assert set(states) == {device.id for device in demo.plan.devices}
    serial = [d for d in demo.plan.devices if d.is_serial]
    assert len(serial) == 2


@pytest.mark.parametrize("subject", [f"sim-{n:02d}" for n in range(1, 9)])
def test_heart_rate_is_that_of_the_simulators_own_beats(demo: RunningDemo, subject: str) -> None:
    beats = demo.get(f"subjects/{subject}/observations?kind=annotation&limit=10000")
    times_ns = sorted(
        r["time_ns"] for r in beats["observations"]
        if r["payload"]["symbol"] != "+" and r["metric"] == "ecg_ii"
    )  # fmt: skip
    last_ns = times_ns[-1]
    window_ns = [t for t in times_ns if t > last_ns - 20 * SECOND_NS]
    found = 60e9 * (len(window_ns) - 1) / (window_ns[-1] - window_ns[0])
    source = demo.source(subject)
    start_s, end_s = demo.patient_time_s(window_ns[0]), demo.patient_time_s(window_ns[-1])
    truth = source.beats(start_s - 0.25, end_s + 0.25)
    assert found == pytest.approx(60 * (len(truth) - 1) / (truth[-1] - truth[0]), abs=2.0)
    shown = [r["value"] for r in newest(demo, subject, "heart_rate", 20) if r["device"] is None]
    values = [value for value in shown if value is not None]
    assert len(values) >= 15
    assert sum(values) / len(values) == pytest.approx(found, abs=2.0 + 0.03 * found)


@pytest.mark.parametrize("subject", [f"sim-{n:02d}" for n in range(1, 9) if n != 7])
def test_spo2_is_the_patients(demo: RunningDemo, subject: str) -> None:
    records = newest(demo, subject, "spo2", 20)
    source = demo.source(subject)
    assert len(records) >= 10
    for record in records:
        truth = source.numeric("spo2", demo.patient_time_s(record["time_ns"]))
        assert truth is not None
        assert record["value"] == pytest.approx(truth, abs=2.0)


@pytest.mark.parametrize(
    ("subject", "metric", "profile_key", "tolerance"),
    [
        ("sim-04", "body_temperature", "body_temperature", 0.2),
        ("sim-02", "nibp_systolic", "nibp_systolic", 3.0),
        ("sim-03", "respiratory_rate", "respiratory_rate", 2.0),
    ],
)
def test_other_vitals_are_the_patients(
    demo: RunningDemo, subject: str, metric: str, profile_key: str, tolerance: float
) -> None:
    records = demo.get(f"subjects/{subject}/observations?metric={metric}&limit=10000")
    values = [r["value"] for r in records["observations"] if r["value"] is not None]
    name = next(s.source for s in demo.plan.subjects if s.id == subject).split(":")[1]
    assert values, f"no {metric}"
    assert values[-1] == pytest.approx(getattr(PROFILES[name], profile_key).at(0), abs=tolerance)


def identity(record: dict[str, Any]) -> tuple[int, int]:
    return record["id"]["seq"], record["id"]["part"]


def test_one_record_is_the_same_everywhere(demo: RunningDemo) -> None:
    """API, MQTT message, InfluxDB row, journal and page agree on one record and its value."""
    found = demo.get("subjects/sim-04/observations?metric=body_temperature&limit=100")
    record = found["observations"][-1]
    seq, part = identity(record)
    assert record["provenance"] == "simulated"

    messages = demo.messages.records(seq=seq, part=part)
    assert len(messages) == 1, "delivered once"
    topic, message, sent = messages[0]
    assert topic.startswith("teleward-sim/demo/")
    assert message["simulated"] is True
    assert (message["gateway"], message["journal"]) == ("demo", record["id"]["journal"])
    assert sent["value"] == record["value"]

    rows = demo.influx.query(
        "teleward-sim", f"SELECT * FROM numeric WHERE seq = {seq} AND part = {part}"
    )
    assert [row["value"] for row in rows] == [record["value"]]
    assert rows[0]["simulated"] == "true"
    assert rows[0]["journal"] == record["id"]["journal"]

    assert asyncio.run(from_journal(demo, record)) == record["value"]
    assert shown_on_page(demo, "sim-04", "body_temperature") == f"{record['value']:.1f}"


async def from_journal(demo: RunningDemo, record: dict[str, Any]) -> float:
    """Read a copy of the journal's file as another program would."""
    from teleward_gateway.clock import GatewayClock
    from teleward_gateway.journal import Journal
    from teleward_signal.model import Provenance

    folder = demo.folder / "data" / "simulated"
    copy = demo.folder / "copy"
    copy.mkdir(exist_ok=True)
    for file in folder.glob("*.sqlite"):
        with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as live:
            live.execute("VACUUM INTO ?", (str(copy / file.name),))
        live.close()
    journal = Journal.open(
        copy, gateway="demo", provenance=Provenance.SIMULATED, clock=GatewayClock()
    )
    try:
        start_ns = record["time_ns"]
        metric = record["metric"]
        records = await journal.history(record["subject"], metric, start_ns, start_ns + 1)
        match = [r for r in records if (r.id.seq, r.id.part) == identity(record)]
        assert match[0].id.journal == record["id"]["journal"]
        return float(match[0].payload["value"])
    finally:
        journal.close()


def shown_on_page(demo: RunningDemo, subject: str, metric: str) -> str:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page()
        page.goto(f"{demo.address}/bed/{subject}")
        value = page.locator(f'[data-metric="{metric}"] .value').first
        value.wait_for()
        page.wait_for_function(
            "s => /\\d/.test(document.querySelector(s)?.textContent ?? '')",
            arg=f'[data-metric="{metric}"] .value',
        )
        text = value.text_content() or ""
        browser.close()
        return text.strip()


def chromium() -> str:
    return next(str(p) for p in (Path("/usr/bin/chromium"), Path("/usr/bin/chromium-browser"))
                if p.exists())  # fmt: skip


def test_the_journal_loses_nothing_and_gaps_are_none(demo: RunningDemo) -> None:
    parts = demo.get("health")["parts"]
    assert parts["journal"]["lost_total"] == 0
    assert parts["sink:mqtt"]["set_aside_total"] == 0
    assert parts["sink:influx"]["set_aside_total"] == 0
    assert parts["live"]["dropped_messages_total"] == 0


def test_alarms_are_where_they_should_be(demo: RunningDemo) -> None:
    active = {(a["subject"], a["metric"]) for a in demo.get("alarms")}
    assert ("sim-02", "heart_rate") in active
    assert ("sim-03", "spo2") in active
    assert not {metric for subject, metric in active if subject == "sim-01"}


def test_it_says_what_it_does(demo: RunningDemo) -> None:
    text = "\n".join(demo.said)
    assert "starting 27 simulated devices on 8 patients" in text
    assert re.search(r"live after \d+\.\d s", text)
