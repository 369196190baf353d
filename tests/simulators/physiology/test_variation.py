"""Seeds make other people of a case in study mode; an exam has one body; age matters."""

from dataclasses import fields

import pytest

from teleward_simulators.cases.catalogue import all_cases, case_named
from teleward_simulators.cases.mutations import right_disposition
from teleward_simulators.cases.runner import CaseRun, make_case_patient
from teleward_simulators.physiology.body import Body
from teleward_simulators.physiology.people import PEOPLE
from teleward_simulators.physiology.person import RANGES
from teleward_simulators.physiology.variation import MOST, VARIED, varied

CASES, _ = all_cases()


def test_every_case_has_other_people_within_ten_percent() -> None:
    for case in CASES.values():
        people = [varied(case.person, seed) for seed in range(1, 30)]
        assert len(set(people)) == len(people)
        for person in people:
            for item in fields(person):
                own, other = getattr(case.person, item.name), getattr(person, item.name)
                if item.name in VARIED:
                    assert abs(other - own) <= MOST * own + 1e-9
                    low, high = RANGES[item.name]
                    assert low <= other <= high
                else:
                    assert other == own


def test_an_exam_has_one_body_and_study_has_many() -> None:
    case = case_named("sepsis-01")
    exam = {make_case_patient(case, seed, exam=True).body.person for seed in (0, 1, 2)}
    assert exam == {case.person}
    study = {make_case_patient(case, seed).body.person for seed in (0, 1, 2)}
    assert len(study) == 3
    assert case.person in study
    pressures = []
    for seed in (1, 2, 3):
        run = CaseRun(case, seed, exam=False)
        run.advance(1800, coarse=True)
        pressures.append(round(float(run.variable("SBP") or 0.0), 1))
    assert len(set(pressures)) == 3


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(
    "name", ["anaphylaxis-01", "asthma-01", "neonate-sepsis-01", "postpartum-haemorrhage-01"]
)
def test_right_care_saves_other_people_too(name: str, seed: int) -> None:
    case = CASES[name]
    run = CaseRun(case, seed, exam=False)
    run.body.vital.exam = True  # no lots: only the body differs
    steps = [*((s.at_s, s.action, s.dose) for s in case.treatment)]
    steps.append((case.last_band_s, right_disposition(case), ""))
    while steps and not run.director.state.result:
        at_s, action, dose = steps.pop(0)
        run.advance(max(0, at_s - run.director.state.second), coarse=True)
        run.act(action, dose)
    while not run.director.state.result and run.director.state.second < case.limit_s:
        run.advance(30, coarse=True)
    assert run.director.state.result == "survived"


@pytest.mark.parametrize(
    "name, heart, mean, breaths",
    [("newborn", (110, 160), (38, 55), (30, 55)), ("child", (90, 135), (55, 80), (20, 35)),
     ("normal", (60, 90), (75, 100), (10, 18)), ("elderly", (55, 85), (80, 110), (10, 18))],
)  # fmt: skip
def test_every_age_rests_where_it_should(
    name: str, heart: tuple[int, int], mean: tuple[int, int], breaths: tuple[int, int]
) -> None:
    """Resting figures after ten minutes (Fleming 2011 for the rates of children)."""
    body = Body(PEOPLE[name][0], 1)
    for knob, value in PEOPLE[name][1].items():
        body.turn(knob, value)
    body.advance(6000)
    for field, (low, high) in (("hr", heart), ("map", mean), ("rr", breaths)):
        assert low <= body.engine.get(field) <= high, (field, body.engine.get(field))
    assert body.engine.get("spo2") >= 94.0


def test_one_fifth_of_the_blood_costs_the_old_more_than_the_young() -> None:
    falls = {}
    for name in ("normal", "elderly"):
        body = Body(PEOPLE[name][0], 1)
        for knob, value in PEOPLE[name][1].items():
            body.turn(knob, value)
        body.advance(600)
        before = body.engine.get("map")
        body.turn("bleed", 0.2 * body.engine.get("volume0_ml") / 600.0)
        body.advance(6000)
        falls[name] = 1.0 - body.engine.get("map") / before
    assert falls["elderly"] > falls["normal"]
