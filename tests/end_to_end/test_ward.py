"""The ward end to end: patients -> devices -> radio and ports -> gateway -> everywhere."""

import math
import re
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

from teleward_gateway.clock import GatewayClock
from teleward_gateway.journal import Journal
from teleward_gateway.testing.running_demo import RunningDemo
from teleward_signal.model import Provenance
from teleward_simulators.patients.profiles import PROFILES

SECOND_NS = 1_000_000_000
EVERYBODY = [f"sim-{number:02d}" for number in range(1, 9)]
WINDOW_S = 20


def test_it_says_what_it_does(demo: RunningDemo) -> None:
    text = "\n".join(demo.output)
    assert "starting 27 simulated devices on 8 patients" in text
    assert re.search(r"live after \d+\.\d s", text)


def test_every_device_streams(demo: RunningDemo) -> None:
    sessions = demo.get("health")["parts"]["sessions"]
    assert sessions["devices"] == sessions["streaming"] == 27
    assert {device["id"] for device in demo.get("devices")} == {d.id for d in demo.plan.devices}
    kinds = {d.driver for d in demo.plan.devices}
    assert {"framed-uart", "heart-rate", "pulse-oximeter", "blood-pressure"} < kinds
    assert {"thermometer", "framed-serial", "cms50d"} < kinds


@pytest.mark.true_time  # the patients are in another process, which has a clock of its own
@pytest.mark.parametrize("subject", EVERYBODY)
def test_heart_rate_is_that_of_the_simulators_own_beats(demo: RunningDemo, subject: str) -> None:
    beats_ns = sorted(
        record["time_ns"]
        for record in demo.observations(subject, kind="annotation", metric="ecg_ii")
        if record["payload"]["symbol"] != "+"
    )
    window_ns = [t for t in beats_ns if t > beats_ns[-1] - WINDOW_S * SECOND_NS]
    found = 60e9 * (len(window_ns) - 1) / (window_ns[-1] - window_ns[0])
    start_s, end_s = demo.patient_time_s(window_ns[0]), demo.patient_time_s(window_ns[-1])
    truth = demo.source(subject).beats(start_s - 0.25, end_s + 0.25)
    assert found == pytest.approx(60 * (len(truth) - 1) / (truth[-1] - truth[0]), abs=2.0)
    counted = [
        record["value"]
        for record in demo.observations(subject, metric="heart_rate")
        if record["payload"]["source"] == "derived" and record["value"] is not None
        and record["time_ns"] > window_ns[0] + 5 * SECOND_NS
    ]  # fmt: skip
    assert len(counted) >= 5
    # the displayed rate is averaged over other beats than the window, by a few seconds
    assert sum(counted) / len(counted) == pytest.approx(found, abs=max(2.0, 0.06 * found))


@pytest.mark.true_time  # the patients are in another process, which has a clock of its own
@pytest.mark.parametrize("subject", [s for s in EVERYBODY if s != "sim-07"])
def test_spo2_is_the_patients(demo: RunningDemo, subject: str) -> None:
    records = demo.observations(subject, metric="spo2")
    source = demo.source(subject)
    values = 0
    for record in records:
        truth = source.numeric("spo2", demo.patient_time_s(record["time_ns"]))
        if record["value"] is not None and truth is not None:
            values += 1
            assert record["value"] == pytest.approx(truth, abs=2.0)
    assert values >= 15


@pytest.mark.true_time  # the patients are in another process, which has a clock of its own
@pytest.mark.parametrize(
    ("subject", "metric", "tolerance"),
    [
        ("sim-04", "body_temperature", 0.2),
        ("sim-02", "nibp_systolic", 3.0),
        ("sim-03", "respiratory_rate", 2.0),
    ],
)
def test_other_vitals_are_the_patients(
    demo: RunningDemo, subject: str, metric: str, tolerance: float
) -> None:
    values = [r["value"] for r in demo.observations(subject, metric=metric)]
    known = [value for value in values if value is not None]
    source = next(s.source for s in demo.plan.subjects if s.id == subject)
    truth = getattr(PROFILES[source.removeprefix("simple:")], metric).at(0.0)
    assert known
    assert known[-1] == pytest.approx(truth, abs=tolerance)


async def test_one_record_is_the_same_everywhere(ward: Any, tmp_path: Path) -> None:
    """API, MQTT message, InfluxDB row and journal agree on one record and its value."""
    demo = ward.demo
    record = demo.observations("sim-04", metric="body_temperature")[-1]
    seq, part = record["id"]["seq"], record["id"]["part"]
    assert record["provenance"] == "simulated"
    assert record["id"]["gateway"] == "demo"

    [(topic, message, sent)] = ward.messages.records(seq=seq, part=part)
    assert topic.startswith("teleward-sim/demo/")
    assert (message["gateway"], message["provenance"]) == ("demo", "simulated")
    assert message["journal"] == record["id"]["journal"]
    assert sent["value"] == record["value"]

    [row] = ward.influx.query(
        "teleward-sim", f"SELECT * FROM numeric WHERE seq = {seq} AND part = {part}"
    )
    assert row["value"] == record["value"]
    assert (row["simulated"], row["journal"]) == ("true", record["id"]["journal"])

    assert await from_journal(demo, record, tmp_path) == record["value"]


async def from_journal(demo: RunningDemo, record: dict[str, Any], folder: Path) -> float:
    """Read a copy of the journal's files, as they lie on the disk while the gateway runs."""
    copy = folder / "copy"
    shutil.copytree(
        demo.folder / "data" / "simulated", copy, ignore=shutil.ignore_patterns("*lock*", "broker")
    )
    journal = Journal.open(
        copy, gateway="demo", provenance=Provenance.SIMULATED, clock=GatewayClock()
    )
    try:
        await journal.flush()
        start_ns, metric = record["time_ns"], record["metric"]
        records = await journal.history(record["subject"], metric, start_ns, start_ns + 1)
        wanted = record["id"]
        match = next(r for r in records if (r.id.seq, r.id.part) == (wanted["seq"], wanted["part"]))
        assert match.id.journal == wanted["journal"]
        return float(match.payload["value"])
    finally:
        journal.close()


def is_recorded(demo: RunningDemo, subject: str, metric: str, shown: float) -> bool:
    """Return whether a value on the page is on record; the page is ahead by up to a commit."""
    for _ in range(20):
        recent = [r["value"] for r in demo.observations(subject, metric=metric)[-60:]]
        if shown in [math.floor(value + 0.5) for value in recent if value is not None]:
            return True
        time.sleep(0.5)
    return False


def test_pages_show_the_recorded_values(demo: RunningDemo) -> None:
    with sync_playwright() as playwright:
        found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
        assert found, "no Chromium: run scripts/install-system-packages"
        browser = playwright.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page()
        page.goto(f"{demo.address}/bed/sim-04")
        temperature = demo.observations("sim-04", metric="body_temperature")[-1]["value"]
        page.wait_for_function(
            "text => document.querySelector('[data-metric=body_temperature] .value')"
            "?.textContent.trim() === text",
            arg=f"{temperature:.1f}",
        )
        page.goto(f"{demo.address}/ward")
        for subject in EVERYBODY:
            tile = f'[data-subject="{subject}"] [data-metric="heart_rate"] .value'
            page.wait_for_function(
                "tile => Number(document.querySelector(tile)?.textContent) > 0", arg=tile
            )
            shown = float(page.locator(tile).text_content() or "nan")
            assert is_recorded(demo, subject, "heart_rate", shown)
        browser.close()


def test_nothing_is_lost_on_the_way(demo: RunningDemo) -> None:
    parts = demo.get("health")["parts"]
    assert parts["journal"]["lost_total"] == 0
    assert (
        parts["sink:mqtt"]["dead_letters_total"] == parts["sink:influx"]["dead_letters_total"] == 0
    )
    assert parts["live"]["dropped_messages_total"] == 0
    assert parts["sessions"]["losses_total"] == 0


def test_alarms_are_where_they_should_be(demo: RunningDemo) -> None:
    active = {(alarm["subject"], alarm["metric"]) for alarm in demo.get("alarms")}
    # the rhythm leads what one fast heart raises; the rates are in its text
    assert active & {("sim-02", name) for name in ("ecg_ii", "heart_rate", "pulse_rate")}
    assert ("sim-03", "spo2") in active
    assert not [metric for subject, metric in active if subject == "sim-01"]
