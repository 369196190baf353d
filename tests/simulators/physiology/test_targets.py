"""The equations reach the numbers that are stated for illnesses."""

import pytest

from teleward_simulators.physiology.body import Body
from teleward_simulators.physiology.circulation import coronary_share
from teleward_simulators.physiology.engine import Engine
from teleward_simulators.physiology.targets import ILLNESSES, TARGETS, Found, compare


@pytest.fixture(scope="module")
def found() -> list[Found]:
    """Return every target with what the body shows."""
    return compare()


def test_every_stated_number_is_reached(found: list[Found]) -> None:
    assert len(found) == len(TARGETS)
    assert {target.illness for target in TARGETS} == set(ILLNESSES)
    missed = [f"{f.target}: {f.value:.1f}" for f in found if not f.holds]
    assert missed == []


def test_nobody_breathes_all_carbon_dioxide_away_without_acidosis() -> None:
    body = Body()
    body.turn("drive_extra", 3.0)
    body.turn("distress", 1.0)
    body.advance(12000)
    assert body.engine.get("pco2") > 17.0
    sour = Body()
    sour.turn("ketosis", 1.0)
    sour.engine.put("ketones", 19.0)
    sour.advance(12000)
    assert sour.engine.get("pco2") < 17.0


def test_a_sick_heart_needs_more_pressure_over_its_coronaries() -> None:
    def share(contractility: float, diastolic: float) -> float:
        """Return what 10 mmHg behind the coronaries and this before them leave of the heart."""
        engine = Engine()
        engine.turn("contr", contractility)
        engine.put("dbp", diastolic)
        engine.put("pla", 10.0)
        return coronary_share(engine.patients[0], engine.knobs[0])

    assert share(1.0, 60.0) == share(0.4, 90.0) == 1.0
    assert share(0.4, 60.0) < 0.9
    assert share(0.4, 40.0) < share(1.0, 30.0) < 1.0
