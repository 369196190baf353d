"""What a person told the gateway outlives its restart: limits, charted values, active alarms."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
from numpy.typing import NDArray

from teleward_gateway.bench.signal_speed import synthetic_ecg
from teleward_gateway.journal import Commit
from teleward_gateway.journal.ticket import Request
from teleward_gateway.parts import Parts
from teleward_gateway.testing.running_gateway import running
from teleward_signal.alarms.limits import AlarmLimits, MetricLimits
from teleward_signal.errors import Conflict
from teleward_signal.model import Annotation, Measurement, Presence, Source
from teleward_signal.record import RecordId

SETTINGS = """
[gateway]
name = "test"
mode = "simulated"
data_folder = "{folder}"

[radio]
adapter = "off"

[embedded_broker]
enabled = false

[api]
port = 0

[[subjects]]
id = "anna"
bed = "bed-1"
spo2_scale = 2
"""


RHYTHM = Annotation("ecg_ii", "+", 1, label="atrial fibrillation begins")


async def live(folder: Path, act: Callable[[Parts], Awaitable[None]]) -> None:
    """Run one gateway from start to orderly stop, and ``act`` in between."""
    async with running(SETTINGS.format(folder=folder)) as gateway:
        assert gateway.view.ready
        await act(gateway)


async def test_limits_charted_values_and_alarms_outlive_a_restart(tmp_path: Path) -> None:
    request = Request.of("key of the phone", "consciousness 0")
    sent: list[RecordId] = []

    async def before(gateway: Parts) -> None:
        limits = gateway.view.limits("anna")
        tighter = limits.with_metric("spo2", MetricLimits(very_low=91, low=95))
        await gateway.view.set_limits("anna", tighter, "nurse")
        awake = Measurement(
            "consciousness", 0.0, source=Source.MANUAL, valid_s=3600.0, author="nurse"
        )
        [identity] = await gateway.view.observe("anna", [awake], request)
        assert identity.gateway == "test"
        sent.append(identity)
        high = replace(awake, metric="body_temperature", value=40.0)
        await gateway.view.observe("anna", [high])
        assert [a.metric for a in gateway.view.alarms("anna")] == ["body_temperature"]

    async def after(gateway: Parts) -> None:
        assert gateway.view.limits("anna").metrics["spo2"].very_low == 91
        while "consciousness" not in gateway.ingest.scores.inputs("anna"):
            await asyncio.sleep(0.05)
        awake = Measurement("consciousness", 0.0, source=Source.MANUAL, valid_s=3600.0)
        assert await gateway.view.observe("anna", [awake], request) == sent
        with pytest.raises(Conflict, match="make up a new one"):
            await gateway.view.observe("anna", [awake], replace(request, content="other"))
        known = gateway.ingest.scores.inputs("anna")
        assert known["consciousness"].author == "nurse"
        assert known["spo2_scale"].value == 2
        [alarm] = gateway.view.alarms("anna")
        assert (alarm.metric, alarm.presence) == ("body_temperature", Presence.ON)

    await live(tmp_path, before)
    await live(tmp_path, after)


async def test_a_damaged_alarm_file_is_set_aside(tmp_path: Path) -> None:
    folder = tmp_path / "simulated"
    folder.mkdir()
    (folder / "alarms.json").write_text('{"clock_ns": 1')

    async def act(gateway: Parts) -> None:
        assert gateway.view.alarms() == []

    await live(tmp_path, act)
    assert (folder / "alarms.json.damaged").exists()


async def test_limits_that_cannot_be_read_do_not_stop_the_ward(tmp_path: Path) -> None:
    async def before(gateway: Parts) -> None:
        gateway.registry.update_subject("anna", attributes={"limits": "all"})

    async def after(gateway: Parts) -> None:
        assert gateway.view.limits("anna") == AlarmLimits()

    await live(tmp_path, before)
    await live(tmp_path, after)


async def test_limits_and_scale_changed_with_the_subject_hold_at_once(tmp_path: Path) -> None:
    async def act(gateway: Parts) -> None:
        tighter = AlarmLimits().with_metric("spo2", MetricLimits(very_low=91, low=95))
        changed = {"limits": tighter.to_dict(), "spo2_scale": 1}
        gateway.registry.update_subject("anna", attributes=changed, author="nurse")
        while gateway.view.limits("anna") != tighter:
            await asyncio.sleep(0.01)
        assert gateway.ingest.scores.inputs("anna")["spo2_scale"].value == 1
        [shown] = [part for part in gateway.live.subjects() if part["id"] == "anna"]
        assert shown["limits"]["spo2"]["low"] == 95

    await live(tmp_path, act)


async def test_a_mistake_in_a_part_does_not_end_the_gateway(tmp_path: Path) -> None:
    async def act(gateway: Parts) -> None:
        def broken(now_ns: int) -> NoReturn:
            raise RuntimeError("mistake")

        gateway.engine.process = broken  # type: ignore[method-assign]
        while gateway.supervisor.health()["ok"]:
            await asyncio.sleep(0.05)
        report = gateway.health.report()
        assert "derived values started again after RuntimeError: mistake" in str(report)
        awake = Measurement("consciousness", 0.0, source=Source.MANUAL, valid_s=3600.0)
        assert await gateway.view.observe("anna", [awake])

    await live(tmp_path, act)


async def feed(gateway: Parts, ecg: NDArray[np.float32], start_ns: int) -> list[float | None]:
    """Analyse an ECG of ``anna`` that begins at ``start_ns``; return the heart rates."""
    values: list[float | None] = []

    def collect(commit: Commit) -> None:
        mine = (r for r in commit.records if r.metric == "heart_rate")
        values.extend(record.payload["value"] for record in mine)

    gateway.journal.on_commit(collect)
    blocks = gateway.dsp.statistics.blocks
    for at in range(0, len(ecg), 50):
        time_ns = start_ns + round(at / 250.0 * 1e9)
        gateway.dsp.push("anna", "ecg_ii", 250.0, time_ns, ecg[at : at + 50], device="patch")
    while gateway.dsp.statistics.blocks < blocks + len(ecg) // 50:
        await asyncio.sleep(0.05)
    await gateway.dsp.learnt_between_ticks()  # the results of the last tick have come before it
    await gateway.journal.flush()
    await asyncio.sleep(0.05)
    gateway.journal.forget_listener(collect)
    return values


@pytest.mark.parametrize("goes_on", [True, False])
async def test_detectors_go_on_after_a_restart(tmp_path: Path, goes_on: bool) -> None:
    """Two seconds of ECG give a heart rate only to a detector that has learnt before."""
    ecg = synthetic_ecg(32.0, 250.0, 1)
    start_ns = time.time_ns() - 40 * 10**9

    async def before(gateway: Parts) -> None:
        values = await feed(gateway, ecg[: 30 * 250], start_ns)
        assert values[-1] == pytest.approx(75, abs=4)

    async def after(gateway: Parts) -> None:
        values = await feed(gateway, ecg[30 * 250 :], start_ns + 30 * 10**9)
        known = [value for value in values if value is not None]
        assert bool(known) is goes_on, values
        assert gateway.dsp.health()["resumed_total"] == int(goes_on)

    await live(tmp_path, before)
    file = tmp_path / "simulated" / "detectors.bin"
    data = file.read_bytes()
    assert 0 < len(data) < 10**6
    if not goes_on:
        file.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    await live(tmp_path, after)
    assert file.exists()


@pytest.mark.parametrize("changed", [False, True])
async def test_detectors_go_on_after_a_crash_unless_their_alarms_changed(
    tmp_path: Path, changed: bool
) -> None:
    """What a killed gateway leaves is the last snapshot and the newest alarm board."""
    ecg = synthetic_ecg(32.0, 250.0, 1)
    start_ns = time.time_ns() - 40 * 10**9
    data = tmp_path / "simulated"
    left: dict[Path, bytes] = {}

    async def before(gateway: Parts) -> None:
        await feed(gateway, ecg[: 30 * 250], start_ns)
        gateway.board.rhythm("anna", RHYTHM, time.time_ns(), source="patch")
        await gateway.snapshots.take()
        if changed:
            ended = replace(RHYTHM, label="atrial fibrillation ends")
            gateway.board.rhythm("anna", ended, time.time_ns(), source="patch")
        gateway.alarm_store.save(gateway.board.snapshot())
        store = gateway.snapshots._store
        assert store is not None
        left.update({path: path.read_bytes() for path in (store._path, data / "alarms.json")})

    async def after(gateway: Parts) -> None:
        values = await feed(gateway, ecg[30 * 250 :], start_ns + 30 * 10**9)
        assert any(value is not None for value in values) is not changed, values
        assert gateway.dsp.health()["resumed_total"] == int(not changed)

    await live(tmp_path, before)
    [snapshot, _] = left
    assert not snapshot.exists()
    (data / "detectors.bin").unlink()
    for path, content in left.items():
        path.write_bytes(content)
    await live(tmp_path, after)
    assert not snapshot.exists()
