"""Single figures of the body lie where people's do; what a drug does depends on who gets it."""

import pytest

from teleward_simulators.cases.catalogue import case_named
from teleward_simulators.cases.runner import CaseRun
from teleward_simulators.physiology.body import Body
from teleward_simulators.physiology.person import Person
from teleward_simulators.physiology.spot_checks import Spot, spot_checks


@pytest.fixture(scope="module")
def spots() -> list[Spot]:
    """Return every check."""
    return spot_checks()


def test_spot_checks_hold(spots: list[Spot]) -> None:
    assert not [(spot.name, spot.variable) for spot in spots if not spot.holds]
    assert all(spot.source for spot in spots)
    assert {spot.pulse for spot in spots} > {""}
    assert {spot.biogears for spot in spots} > {""}


def after(body: Body, seconds: float, *names: str) -> list[float]:
    """Return fields after so many seconds."""
    body.advance(int(seconds * 10))
    return [body.engine.get(name) for name in names]


def ill(**knobs: float) -> Body:
    """Return a body ten minutes after its knobs were turned."""
    body = Body()
    for name, value in knobs.items():
        body.turn(name, value)
    body.advance(6000)
    return body


def test_rate_control_of_fibrillation() -> None:
    body = Body()
    body.set_rhythm("af")
    (before,) = after(body, 60, "hr")
    body.act("beta_blocker", "5 mg")
    body.act("verapamil", "5 mg")
    (rate,) = after(body, 900, "hr")
    assert rate < before - 15


def test_verapamil_ends_most_supraventricular_tachycardias() -> None:
    ended = 0
    for seed in range(100):
        body = Body(seed=seed)
        body.set_rhythm("svt")
        body.act("verapamil", "5 mg")
        ended += body.rhythm == "sinus"
    assert 60 <= ended <= 90


def test_adenosine_unmasks_flutter_for_seconds() -> None:
    body = Body()
    body.set_rhythm("flutter")
    body.act("adenosine", "12 mg")
    assert after(body, 8, "hr")[0] < 100
    assert after(body, 60, "hr")[0] > 140
    assert body.rhythm == "flutter"


def test_nitrate_is_a_trap_in_right_ventricular_infarct() -> None:
    falls = []
    for body in (Body(), ill(rv_f=0.7, contr=0.85)):
        before = body.engine.get("sbp")
        body.act("gtn", "0.8 mg")
        falls.append(before - after(body, 300, "sbp")[0])
    assert falls[1] >= max(20.0, 2.0 * falls[0])


def test_opioid_and_sedative_are_more_than_their_sum() -> None:
    rises = []
    for drugs in ((), ("opioid",), ("sedative",), ("opioid", "sedative")):
        body = Body()
        for drug in drugs:
            body.act(drug, "10 mg")
        rises.append(after(body, 600, "pco2")[0])
    rest, opioid, sedative, both = rises
    assert both - rest > (opioid - rest) + (sedative - rest)


def test_too_little_potassium_kills_by_rhythm_and_weakness() -> None:
    arrested = 0
    for seed in range(12):
        body = Body(Person(potassium=2.2), seed)
        seen = set()
        for _ in range(90):
            body.advance(200)
            seen.add(body.rhythm)
        assert "pvc" in seen
        arrested += bool(seen & {"pulseless_vt", "vf"})
    assert arrested >= 8
    weak = Body(Person(potassium=2.0))
    weak.engine.put("potassium", 1.6)
    rest = Body().engine.get("pco2")
    assert after(weak, 60, "pco2")[0] > rest + 0.5


def test_sugar_after_insulin() -> None:
    body = Body()
    body.act("insulin_bolus", "10 U")
    glucose, rate = after(body, 3600, "glucose", "hr")
    assert glucose < 50
    assert rate > 80


def test_anaphylaxis_comes_again_when_adrenaline_wears_off() -> None:
    run = CaseRun(case_named("anaphylaxis-01"))
    run.advance(240, coarse=True)
    run.act("adrenaline_im", "0.5 mg")
    run.act("crystalloid", "1000 mL")
    run.advance(1200, coarse=True)
    better = float(run.variable("SBP"))
    run.advance(9000, coarse=True)
    assert float(run.variable("SBP")) < better - 15


def test_opioid_returns_after_naloxone() -> None:
    body = Body()
    for _ in range(4):
        body.act("opioid", "20 mg")
    body.advance(6000)
    body.act("naloxone", "0.8 mg")
    (awake,) = after(body, 300, "rr")
    (again,) = after(body, 5400, "rr")
    assert awake > 8.5
    assert again < awake - 1.5
