"""What fails for one patient, page or part harms no other: health and a log line name it."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from teleward_gateway.app import tick
from teleward_gateway.health.probes import Heartbeat
from teleward_gateway.live.page import Page
from teleward_gateway.process.supervisor import Supervisor
from teleward_gateway.testing.ward_kit import WardKit
from teleward_signal.alarms.board import AlarmBoard
from teleward_signal.alarms.subject import SubjectAlarms
from teleward_signal.anomaly.watch import AnomalyWatch
from teleward_signal.model import Annotation, Measurement, SampleBlock
from teleward_signal.news2_board import ScoreBoard


@pytest.fixture
async def ward(tmp_path: Path) -> AsyncIterator[WardKit]:
    async with AsyncExitStack() as stack:
        kit = await WardKit.open(stack, tmp_path)
        for subject in ("anna", "bela"):
            await kit.admit(subject)
            await kit.wear(f"ox-{subject}", subject)
        kit.seconds(2)
        yield kit


def failing_for_anna(real: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``real``, which raises whenever anna is concerned."""

    def fails(*args: Any, **more: Any) -> Any:
        names = [
            a if isinstance(a, str) else getattr(a, "name", getattr(a, "id", "")) for a in args
        ]
        if "anna" in names:
            raise RuntimeError("mistake")
        return real(*args, **more)

    return fails


PER_PATIENT = [
    (AlarmBoard, "update", "alarms of anna"),
    (AlarmBoard, "rhythm", "alarms of anna"),
    (SubjectAlarms, "tick", "alarms of anna"),
    (ScoreBoard, "update", "scores of anna"),
    (ScoreBoard, "_score", "scores of anna"),
    (AnomalyWatch, "update", "anomaly watch of anna"),
]


@pytest.mark.parametrize("kind, method, name", PER_PATIENT)
async def test_a_failure_for_one_patient_harms_no_other(
    ward: WardKit,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    kind: type,
    method: str,
    name: str,
) -> None:
    monkeypatch.setattr(kind, method, failing_for_anna(getattr(kind, method)))
    page = ward.live.open_page()
    await page.next()
    for subject in ("anna", "bela"):
        for _ in range(2):
            ward.give(f"ox-{subject}", Measurement("spo2", 84.0))
    begins = [Annotation("ecg_ii", "+", 0, label="asystole begins")] * 2
    ward.ingest.on_results([("anna", begins[0]), ("bela", begins[1])])
    for _ in range(8):
        for subject in ("anna", "bela"):
            ward.give(f"ox-{subject}", Measurement("spo2", 84.0))
        ward.second()
    assert {"asystole", "spo2_very_low"} <= set(ward.alarms("bela"))
    assert "spo2" in ward.ingest.scores.inputs("bela")
    assert ward.shown("bela", "spo2")["value"] == 84.0
    assert ward.shown("anna", "spo2")["value"] == 84.0, "the other parts of the patient go on"
    health = ward.supervisor.health()
    assert not health["ok"]
    assert f"{name} failed with RuntimeError: mistake" in health["error"]
    logged = [r for r in caplog.records if r.levelno >= logging.ERROR]
    assert [r.getMessage() for r in logged if name in r.getMessage()] != []
    assert len(logged) < 5, "once a minute, not each second"


@pytest.mark.parametrize("scale", [0.0, -1.0, -0.004])
async def test_an_inverted_or_flat_waveform_is_drawn(ward: WardKit, scale: float) -> None:
    page = ward.live.open_page()
    await page.next()
    for index in range(3):
        samples = np.arange(500, 550, dtype=np.int16)
        ward.give("ox-anna", SampleBlock("pleth", 50.0, samples, scale, index * 50))
        ward.give("ox-bela", Measurement("spo2", 70.0))
        ward.clock.go_on(1.0)
        ward.live.tick()
    [anna] = [live for live in ward.live._subjects.values() if live.id == "anna"]
    assert anna.channels["pleth"].next_index == 150
    assert ward.supervisor.health()["ok"], ward.supervisor.health()
    assert ward.shown("bela", "spo2")["value"] == 70.0


async def test_a_waveform_that_cannot_be_encoded_leaves_the_other_beds(
    ward: WardKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = ward.live.open_page()
    await page.next()
    ward.give("ox-anna", SampleBlock("pleth", 50.0, np.arange(50, dtype=np.int16), 0.1, 0))
    ward.give("ox-bela", Measurement("spo2", 70.0))
    ward.give("ox-anna", Measurement("spo2", 97.0, quality=float("nan")))
    [anna] = [live for live in ward.live._subjects.values() if live.id == "anna"]
    monkeypatch.setattr(anna.channels["pleth"], "drain", lambda: 1 / 0)
    ward.live.tick()
    text = str(await page.next())
    assert '"bela"' in text
    assert "live view of anna failed with ZeroDivisionError" in ward.supervisor.health()["error"]
    monkeypatch.undo()
    ward.live.tick()
    found = json.loads(str(await page.next()))
    assert [s["values"]["spo2"]["value"] for s in found["subjects"]] == [97.0]


async def test_a_page_that_cannot_be_served_leaves_the_others(
    ward: WardKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, whole = ward.live.open_page(), ward.live.open_page()
    for page in (broken, whole):
        await page.next()
    real = Page.put

    def put(self: Page, message: str | bytes) -> None:
        if self is broken:
            raise RuntimeError("mistake")
        real(self, message)

    monkeypatch.setattr(Page, "put", put)
    ward.give("ox-bela", Measurement("spo2", 70.0))
    ward.live.tick()
    assert '"bela"' in str(await whole.next())
    assert "live view of a page failed" in ward.supervisor.health()["error"]


@pytest.mark.parametrize("broken", ["ward state", "recording watch", "alarm store"])
async def test_a_step_of_the_tick_that_fails_stops_no_other(
    monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    done: list[str] = []

    def step(name: str) -> Callable[..., None]:
        def run(*_: object) -> None:
            if name == broken:
                raise RuntimeError("mistake")
            done.append(name)

        return run

    supervisor = Supervisor()
    parts: Any = SimpleNamespace(
        supervisor=supervisor,
        heartbeat=Heartbeat("tick"),
        ingest=SimpleNamespace(state=SimpleNamespace(tick=step("ward state"), alarms_changed=True)),
        reconciler=SimpleNamespace(watch_recording=step("recording watch")),
        alarm_store=SimpleNamespace(offer=step("alarm store")),
        board=SimpleNamespace(snapshot=dict),
    )
    real = asyncio.sleep
    monkeypatch.setattr(asyncio, "sleep", lambda seconds: real(0))
    running = asyncio.create_task(tick(parts))
    while len(done) < 6:
        await real(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert broken not in done
    assert f"{broken} failed with RuntimeError: mistake" in supervisor.health()["error"]


async def test_the_live_view_begins_again_and_its_silence_is_seen(
    ward: WardKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    supervisor = ward.live._supervisor
    monkeypatch.setattr(supervisor, "_first_wait_s", 0.01)
    real, failures = type(ward.live).tick, [RuntimeError("mistake")]

    def once() -> None:
        if failures:
            raise failures.pop()
        real(ward.live)

    monkeypatch.setattr(ward.live, "tick", once)
    running = asyncio.create_task(ward.live.keep_running())
    async with asyncio.timeout(10):
        while ward.live.statistics.ticks < 3:
            await asyncio.sleep(0.01)
    assert "live view started again after RuntimeError" in supervisor.health()["error"]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert ward.live.heartbeat.health()["ok"]
    now_s = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now_s + 3.5)
    health = ward.live.heartbeat.health()
    assert (health["ok"], health["error"]) == (False, "the live view has stopped 4 s ago")
