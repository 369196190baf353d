"""What a person told the gateway outlives its restart: limits, charted values, active alarms."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from teleward_drivers.radio import Radio
from teleward_gateway.app import Gateway
from teleward_gateway.parts import Parts
from teleward_gateway.settings.load import parse
from teleward_signal.alarms.limits import AlarmLimits, MetricLimits
from teleward_signal.model import Measurement, Presence, Source

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


async def no_radio(adapter: str) -> Radio:
    return Radio(adapter)


async def live(folder: Path, act: Callable[[Parts], Awaitable[None]]) -> None:
    """Run one gateway from start to orderly stop, and ``act`` in between."""
    gateway = Gateway(parse(SETTINGS.format(folder=folder)), no_radio)
    started: asyncio.Future[Parts] = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(gateway.run(started.set_result))
    async with asyncio.timeout(120):
        either: set[asyncio.Future[Any]] = {started, running}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        assert started.done(), running
        assert started.result().view.ready
        await act(started.result())
        gateway.stop()
        assert await running == 0


async def test_limits_charted_values_and_alarms_outlive_a_restart(tmp_path: Path) -> None:
    async def before(gateway: Parts) -> None:
        limits = gateway.view.limits("anna")
        tighter = limits.with_metric("spo2", MetricLimits(very_low=91, low=95))
        await gateway.view.set_limits("anna", tighter, "nurse")
        awake = Measurement(
            "consciousness", 0.0, source=Source.MANUAL, valid_s=3600.0, author="nurse"
        )
        [identity] = await gateway.view.observe("anna", [awake])
        assert identity.gateway == "test"
        high = replace(awake, metric="body_temperature", value=40.0)
        await gateway.view.observe("anna", [high])
        assert [a.metric for a in gateway.view.alarms("anna")] == ["body_temperature"]

    async def after(gateway: Parts) -> None:
        assert gateway.view.limits("anna").metrics["spo2"].very_low == 91
        while "consciousness" not in gateway.ingest.scores.inputs("anna"):
            await asyncio.sleep(0.05)
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
