"""NEWS2 against the published chart: every boundary, both SpO2 scales, what is missing or stale."""

import pytest

from teleward_signal.model import Measurement
from teleward_signal.news2 import PARAMETERS, Consciousness, Risk, displayed, news2

NOW_NS = 1_700_000_000_000_000_000
NORMAL = {
    "respiratory_rate": 16.0,
    "spo2": 98.0,
    "supplemental_oxygen": 0.0,
    "nibp_systolic": 120.0,
    "heart_rate": 70.0,
    "consciousness": 0.0,
    "body_temperature": 37.0,
}

# (metric, value, points) on both sides of every boundary of chart 1
BOUNDARIES = [
    *[("respiratory_rate", v, p) for v, p in ((7, 3), (8, 3), (9, 1), (11, 1), (12, 0))],
    *[("respiratory_rate", v, p) for v, p in ((20, 0), (21, 2), (24, 2), (25, 3), (26, 3))],
    *[("spo2", v, p) for v, p in ((90, 3), (91, 3), (92, 2), (93, 2), (94, 1), (95, 1), (96, 0))],
    *[("supplemental_oxygen", v, p) for v, p in ((0, 0), (0.5, 2), (15, 2))],
    *[("nibp_systolic", v, p) for v, p in ((90, 3), (91, 2), (100, 2), (101, 1), (110, 1))],
    *[("nibp_systolic", v, p) for v, p in ((111, 0), (219, 0), (220, 3), (221, 3))],
    *[("heart_rate", v, p) for v, p in ((40, 3), (41, 1), (50, 1), (51, 0), (90, 0), (91, 1))],
    *[("heart_rate", v, p) for v, p in ((110, 1), (111, 2), (130, 2), (131, 3))],
    *[("consciousness", level, 3 if level else 0) for level in Consciousness],
    *[("body_temperature", v, p) for v, p in ((34.9, 3), (35.0, 3), (35.1, 1), (36.0, 1))],
    *[("body_temperature", v, p) for v, p in ((36.1, 0), (38.0, 0), (38.1, 1), (39.0, 1))],
    ("body_temperature", 39.1, 2),
]

# (SpO2, points on air, points on oxygen) with scale 2
SCALE_2 = [
    (83, 3, 3), (84, 2, 2), (85, 2, 2), (86, 1, 1), (87, 1, 1), (88, 0, 0), (92, 0, 0),
    (93, 0, 1), (94, 0, 1), (95, 0, 2), (96, 0, 2), (97, 0, 3), (100, 0, 3),
]  # fmt: skip


def measured(age_s: float = 0.0, **changes: float | None) -> dict[str, Measurement]:
    values = NORMAL | changes
    time_ns = NOW_NS - round(age_s * 1e9)
    return {m: Measurement(m, v, time_ns=time_ns) for m, v in values.items()}


@pytest.mark.parametrize("metric, value, points", BOUNDARIES)
def test_each_boundary_scores_as_the_chart(metric: str, value: float, points: int) -> None:
    score = news2(measured(**{metric: float(value)}), NOW_NS)
    parameter = "pulse" if metric == "heart_rate" else metric
    assert score.points[parameter] == points
    assert score.total == points


@pytest.mark.parametrize("spo2, air, oxygen", SCALE_2)
def test_scale_2_depends_on_oxygen(spo2: float, air: int, oxygen: int) -> None:
    on_air = news2(measured(spo2=spo2, spo2_scale=2.0), NOW_NS)
    on_oxygen = news2(measured(spo2=spo2, spo2_scale=2.0, supplemental_oxygen=2.0), NOW_NS)
    assert (on_air.points["spo2"], on_oxygen.points["spo2"]) == (air, oxygen)
    assert on_oxygen.total == oxygen + 2


def test_scores_the_value_on_the_screen() -> None:
    assert news2(measured(spo2=95.5), NOW_NS).points["spo2"] == 0
    assert news2(measured(spo2=95.49), NOW_NS).points["spo2"] == 1
    assert news2(measured(heart_rate=90.5), NOW_NS).points["pulse"] == 1
    assert news2(measured(body_temperature=38.04), NOW_NS).points["body_temperature"] == 0
    assert displayed("body_temperature", 38.25) == 38.3  # toFixed(1), not round half even


@pytest.mark.parametrize("metric", [m for m in NORMAL if m != "heart_rate"])
def test_a_missing_input_leaves_no_total_and_is_named(metric: str) -> None:
    absent: dict[str, float | None] = {metric: None}
    score = news2(measured(0.0, **absent), NOW_NS)
    assert score.total is None
    assert score.risk is None
    assert score.missing == (metric,)
    assert score.reason == f"missing: {metric}"
    withheld = score.as_measurement(NOW_NS)
    assert withheld.value is None
    assert withheld.reason == f"missing: {metric}"


def test_nothing_at_all_is_missing_in_the_order_of_the_chart() -> None:
    assert news2({}, NOW_NS).missing == PARAMETERS


def test_stale_inputs_are_named_and_charted_ones_hold_longer() -> None:
    score = news2(measured(age_s=61.0), NOW_NS)
    assert score.stale == ("respiratory_rate", "spo2", "pulse")
    assert score.total is None
    assert "nibp_systolic" in score.points
    everything = news2(measured(age_s=4 * 3600 + 1.0), NOW_NS)
    assert everything.stale == PARAMETERS


def test_a_typed_observation_stands_for_its_own_validity() -> None:
    inputs = measured()
    typed = Measurement(
        "respiratory_rate", 22.0, time_ns=NOW_NS - 900 * 10**9, valid_s=3600.0, author="nurse"
    )
    assert news2(inputs | {"respiratory_rate": typed}, NOW_NS).total == 2


def test_pulse_falls_back_to_the_oximeter() -> None:
    inputs = measured(heart_rate=None, pulse_rate=120.0)
    assert news2(inputs, NOW_NS).values["pulse"] == 120.0


def test_scale_2_without_knowing_oxygen_keeps_the_certain_half() -> None:
    low = news2(measured(spo2=86.0, spo2_scale=2.0, supplemental_oxygen=None), NOW_NS)
    high = news2(measured(spo2=95.0, spo2_scale=2.0, supplemental_oxygen=None), NOW_NS)
    assert low.points["spo2"] == 1
    assert "spo2" not in high.points
    assert low.total is None
    assert high.total is None


@pytest.mark.parametrize(
    "changes, total, risk",
    [
        ({}, 0, Risk.LOW),
        ({"spo2": 92.0, "supplemental_oxygen": 2.0}, 4, Risk.LOW),
        ({"spo2": 91.0}, 3, Risk.LOW_MEDIUM),
        ({"spo2": 91.0, "supplemental_oxygen": 2.0}, 5, Risk.MEDIUM),
        ({"spo2": 91.0, "supplemental_oxygen": 2.0, "heart_rate": 112.0}, 7, Risk.HIGH),
    ],
)
def test_risk_by_chart_2(changes: dict[str, float], total: int, risk: Risk) -> None:
    score = news2(measured(**changes), NOW_NS)
    assert (score.total, score.risk) == (total, risk)
