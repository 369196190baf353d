"""A subject is judged by the profile of its age, and a changed age ends no stream."""

from contextlib import AsyncExitStack
from pathlib import Path

import numpy as np
import pytest

from teleward_gateway.bench.accuracy.sweep_signals import beat_times, ecg, noise
from teleward_gateway.testing.ward_kit import WardKit
from teleward_signal.model import Measurement
from teleward_signal.news2 import NO_NEWS2

FS = 250.0


async def aged(stack: AsyncExitStack, folder: Path, age: float | str | None) -> WardKit:
    kit = await WardKit.open(stack, folder)
    await kit.admit("anna")
    await kit.wear("patch", "anna")
    await set_age(kit, age)
    return kit


async def set_age(kit: WardKit, age: float | str | None) -> None:
    kit.registry.update_subject("anna", attributes={"age": age})
    await kit.settle()


def rhythms(kit: WardKit) -> str:
    return " ".join(event.text.lower() for event in kit.board.active("anna"))


def show_rate(kit: WardKit, rate: float, seconds: int = 15) -> set[str]:
    """Give a heart rate for some seconds; return the alarms."""
    for _ in range(seconds):
        kit.give("patch", Measurement("heart_rate", rate, valid_s=5.0))
        kit.seconds(1)
    return {name for name in kit.alarms("anna") if "rate" in name}


@pytest.mark.parametrize(
    ("age", "rate", "alarms"),
    [
        ("3 d", 160.0, set()),
        ("3 d", 80.0, {"heart_rate_low"}),
        ("3 d", 210.0, {"heart_rate_very_high"}),
        ("8 mo", 160.0, set()),
        (4, 150.0, set()),
        (8, 150.0, {"heart_rate_high"}),
        (None, 160.0, {"heart_rate_very_high"}),
        (None, 80.0, set()),
    ],
)
async def test_limits_follow_the_age(
    tmp_path: Path, age: float | str | None, rate: float, alarms: set[str]
) -> None:
    async with AsyncExitStack() as stack:
        kit = await aged(stack, tmp_path, age)
        assert show_rate(kit, rate) >= alarms
        assert bool(kit.alarms("anna")) is bool(alarms)


async def test_what_is_prescribed_stands_over_the_age(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        kit = await aged(stack, tmp_path, "3 d")
        limits = {"metrics": {"heart_rate": {"high": 150.0}}}
        kit.registry.update_subject("anna", attributes={"limits": limits})
        await kit.settle()
        assert show_rate(kit, 160.0) == {"heart_rate_high"}
        assert kit.board.limits("anna").metrics["heart_rate"].low == 100


async def test_under_16_no_news2_is_made_and_the_reason_shows(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        kit = await aged(stack, tmp_path, "8 y")
        show_rate(kit, 90.0, 2)
        (score,) = [r for r in await kit.recorded() if r.metric == "news2"][-1:]
        assert (score.payload["value"], score.payload["reason"]) == (None, NO_NEWS2)
        await set_age(kit, 3)
        show_rate(kit, 155.0, 2)
        shown = kit.live.pews("anna")
        assert shown is not None
        assert (shown["age_band"], shown["points"]) == ("1 to 4 years", {"heart_rate": 2})
        await set_age(kit, 4)
        show_rate(kit, 155.0, 2)
        assert (kit.live.pews("anna") or {})["points"] == {"heart_rate": 4}, (
            "one profile, two bands"
        )
        await set_age(kit, 16)
        show_rate(kit, 90.0, 2)
        (score,) = [r for r in await kit.recorded() if r.metric == "news2"][-1:]
        assert score.payload["reason"].startswith("missing: ")


async def test_a_changed_age_changes_the_rhythms_of_a_running_stream(tmp_path: Path) -> None:
    """160/min is a fast heart of an adult, and usual for a newborn; the detector goes on."""
    waves = ecg("narrow", beat_times(160.0, 40.0, 0.01, 1), FS, 40.0) + noise(10_000, 0.01, 1)
    samples = waves.astype(np.float32)

    async with AsyncExitStack() as stack:
        kit = await aged(stack, tmp_path, "3 d")

        def play(first_s: int, last_s: int) -> None:
            for second in range(first_s, last_s):
                block = samples[int(second * FS) : int((second + 1) * FS)]
                now = kit.clock.now()
                kit.dsp.push(
                    "anna", "ecg_ii", FS, now.time_ns, block, 0, "patch", None, now.monotonic_ns
                )
                kit.seconds(1)

        play(0, 20)
        assert "tachycardia" not in rhythms(kit)
        opened = list(kit.dsp._streams.values())
        await set_age(kit, "30 y")
        play(20, 40)
        assert "narrow tachycardia" in rhythms(kit)
        assert list(kit.dsp._streams.values()) == opened
