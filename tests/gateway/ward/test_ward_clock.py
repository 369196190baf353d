"""Steps of the UTC clock change labels and nothing else: alarms, hand-over, staleness, scores."""

import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from teleward_gateway.clock.corrections import PERSON, Correction, Corrections
from teleward_gateway.testing.ward_kit import S, WardKit
from teleward_signal.model import Measurement, Source
from teleward_signal.record import RecordKind

STEPS_S = (-86_400, -1800, 1800, 86_400)


@pytest.fixture
async def ward(tmp_path: Path) -> AsyncIterator[WardKit]:
    async with AsyncExitStack() as stack:
        kit = await WardKit.open(stack, tmp_path)
        for subject in ("anna", "bela", "cleo"):
            await kit.admit(subject)
            await kit.wear(f"ox-{subject}", subject)
        yield kit


def give(ward: WardKit, spo2: float = 97.0) -> None:
    for subject in ("anna", "bela", "cleo"):
        ward.give(f"ox-{subject}", Measurement("spo2", spo2))
        ward.give(f"ox-{subject}", Measurement("heart_rate", 72.0))


@pytest.mark.parametrize("step_s", STEPS_S)
async def test_a_step_is_no_alarm_storm_and_no_blindness(ward: WardKit, step_s: int) -> None:
    for _ in range(20):
        give(ward)
        ward.second()
    ward.clock.step(step_s)
    ward.second()
    assert [ward.alarms(s) for s in ("anna", "bela", "cleo")] == [{}, {}, {}]
    for _ in range(12):
        give(ward, spo2=80.0)
        ward.second()
    assert "spo2_very_low" in ward.alarms("anna"), "alarms go on after the step"
    assert ward.shown("anna", "spo2")["value"] == 80.0, "the page goes on after the step"
    ward.seconds(31)
    texts = " ".join(event.text for event in ward.board.active("bela"))
    assert "SpO₂ no data" in texts, "silence is found after the step"


@pytest.mark.parametrize("step_s", STEPS_S)
async def test_a_second_source_takes_over_in_ten_seconds_of_real_time(
    ward: WardKit, step_s: int
) -> None:
    await ward.wear("strap", "anna")
    for _ in range(3):
        give(ward)
        ward.second()
    ward.clock.step(step_s)
    taken = []
    for second in range(20):
        ward.give("strap", Measurement("heart_rate", 99.0))
        if ward.shown("anna", "heart_rate")["value"] == 99.0:
            taken.append(second)
        ward.second()
    assert taken[0] in (10, 11)


async def test_a_dead_value_is_stale_for_a_score_after_a_step_back(ward: WardKit) -> None:
    give(ward)
    ward.second()
    ward.clock.step(-3600)
    ward.seconds(65)
    scores = [r for r in await ward.recorded() if r.metric == "news2" and r.subject == "anna"]
    assert "spo2" in scores[-1].payload["detail"]["stale"]


async def test_waves_go_on_over_a_step(ward: WardKit) -> None:
    for second in range(60):
        ward.pleth("ox-anna", per_min=72.0)
        if second == 40:
            ward.clock.step(1800)
        ward.second()
    rates = [r for r in await ward.recorded() if r.metric == "pulse_rate"]
    late = [r.payload["value"] for r in rates[-15:]]
    assert late == [pytest.approx(72, abs=2)] * 15, "no detector begins again"


async def test_a_time_that_a_person_typed_does_not_move(ward: WardKit) -> None:
    typed_ns = ward.clock.now().time_ns - 600 * S
    typed = Measurement(
        "body_temperature", 37.0, source=Source.MANUAL, time_ns=typed_ns,
        detail={"time_base": PERSON},
    )  # fmt: skip
    ward.ingest.record_observation("anna", typed)
    ward.ingest.record_observation(
        "anna", Measurement("nibp_systolic", 120.0, source=Source.MANUAL)
    )
    records = {r.metric: r for r in await ward.recorded()}
    until_ns = ward.clock.now().monotonic_ns + S
    shift = Corrections([Correction(ward.clock.boot, 0, until_ns, -7200 * S)])
    assert shift.apply(records["body_temperature"]).time_ns == typed_ns
    moved = shift.apply(records["nibp_systolic"]).time_ns
    assert moved == records["nibp_systolic"].time_ns - 7200 * S


async def test_a_ward_under_a_clock_that_steps_at_random_alarms_as_one_that_does_not(
    tmp_path: Path,
) -> None:
    seed = 7
    print(f"seed {seed}")
    told = []
    for steps in (False, True):
        rng, stepper = random.Random(seed), random.Random(seed + 1)
        async with AsyncExitStack() as stack:
            folder = tmp_path / str(steps)
            folder.mkdir()
            ward = await WardKit.open(stack, folder)
            await ward.admit("anna")
            await ward.wear("ox", "anna")
            seen = []
            for _ in range(600):
                if rng.random() < 0.8:
                    value = float(rng.choice([84, 88, 89, 91, 97]))
                    ward.give("ox", Measurement("spo2", value))
                if rng.random() < 0.02:
                    ward.seconds(rng.choice([5, 35]))
                if stepper.random() < 0.05 and steps:
                    ward.clock.step(stepper.choice(STEPS_S))
                ward.second()
                seen.append(ward.alarms("anna"))
            told.append((seen, len(await ward.recorded(RecordKind.ALARM))))
    assert told[0] == told[1]
