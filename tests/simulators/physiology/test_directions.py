"""Every disturbance and every drug moves every vital sign the way it should: BioGears' method."""

import pytest

from teleward_simulators.physiology.body import Body
from teleward_simulators.physiology.direction_score import EVERY, score
from teleward_simulators.physiology.directions import VARIABLES
from teleward_simulators.physiology.engine import Engine


def test_the_directional_matrix() -> None:
    result = score()
    assert len(EVERY) >= 100
    assert len(VARIABLES) == 12
    assert result.cells == len(EVERY) * 12 * 3
    assert result.percent >= 95.0, result.failures
    assert len(result.demanded) >= 450
    assert result.demanded_percent >= 95.0, [str(c) for c in result.demanded if not c.holds]
    assert set(result.groups()) >= {
        "wrong care", "fixed-rate rhythms with drugs", "acid and base"
    }  # fmt: skip


@pytest.mark.parametrize(
    "knobs, action, unit, usual, variable, falls, seconds",
    [
        ({"bronch": 0.7}, "salbutamol", "mg", 5.0, "bronch_eff", True, 900),
        ({"vasodil": 0.5}, "adrenaline_im", "mg", 0.5, "map", False, 480),
        ({"vag_x": 0.7}, "atropine", "mg", 0.6, "hr", False, 300),
        ({}, "insulin_bolus", "U", 5.0, "glucose", True, 1800),
        ({}, "gtn", "mg", 0.4, "map", True, 240),
        ({}, "opioid", "mg", 10.0, "rr", True, 900),
        ({"bleed": 2.0}, "tranexamic_acid", "g", 0.5, "blood_ml", False, 1500),
    ],
)
def test_more_does_more(
    knobs: dict[str, float], action: str, unit: str, usual: float, variable: str, falls: bool,
    seconds: int,
) -> None:  # fmt: skip
    values = []
    for share in (0.0, 0.5, 1.0, 2.0):
        body = Body()
        for knob, value in knobs.items():
            body.turn(knob, value, 60.0)
        body.advance(3000)
        if share:
            body.act(action, f"{share * usual:g} {unit}")
        body.advance(seconds * 10)
        values.append(body.engine.get(variable))
    ordered = sorted(values, reverse=falls)
    assert values == ordered
    assert abs(values[-1] - values[0]) > 1e-3 * abs(values[0])


def test_nothing_given_changes_nothing() -> None:
    one, other = Engine(), Engine()
    one.advance(6000)
    other.advance(6000)
    assert one.snapshot() == other.snapshot()


@pytest.mark.parametrize("share, low, high", [(0.3, 15, 32), (0.15, 10, 20)])
def test_breathing_quickens_with_blood_loss(share: float, low: float, high: float) -> None:
    engine = Engine()
    wanted = engine.get("blood_ml") * (1 - share)
    engine.turn("bleed", 1.67)
    while engine.get("blood_ml") > wanted:
        engine.advance(10)
    engine.turn("bleed", 0.0)
    engine.advance(1800)
    assert low <= engine.get("rr") <= high


def test_preoxygenation_buys_minutes() -> None:
    def saturation(preoxygenated: bool) -> float:
        """Return the saturation after two minutes of apnoea."""
        body = Body()
        if preoxygenated:
            body.act("oxygen", "15 L/min")
            body.advance(3000)
        body.turn("resp_dep", 1.0)
        body.advance(1200)
        return body.engine.get("spo2")

    assert saturation(False) < 75.0
    assert saturation(True) > 97.0


def test_oxygen_barely_helps_a_shunt() -> None:
    body = Body()
    body.turn("shunt", 0.27)
    body.advance(6000)
    before = body.engine.get("spo2")
    body.act("oxygen", "15 L/min")
    body.advance(6000)
    assert before < 91.0
    assert body.engine.get("spo2") - before < 9.0
