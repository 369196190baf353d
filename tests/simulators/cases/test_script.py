"""Timers, guards and endings are looked at ten times a second, in a fixed order, and replay."""

import hashlib
from pathlib import Path

import pytest

from teleward_simulators.cases.catalogue import LIBRARY
from teleward_simulators.cases.loader import load
from teleward_simulators.cases.model import Case
from teleward_simulators.cases.runner import CaseRun, make_case_patient
from teleward_simulators.physiology.patient import Order, PhysiologyPatient

HEAD = (LIBRARY / "svt-01.yaml").read_text(encoding="utf-8").split("\ndevices:")[0]
TAIL = """
devices: [ecg3]
timers: [{at: 2.3, do: [{say: "timer"}, {knob: distress, to: 0.3, over: 4}]}]
guards:
  - {when: "t >= 5.25", do: [{say: "guard"}]}
  - {when: "t >= 5.25", for: 1.4, do: [{say: "held"}]}
  - {when: "distress > 0.1 and distress < 0.2", do: [{say: "band"}], again: true}
  - {when: "t >= 7", do: [{say: "later", after: 0.7}]}
ends: [{when: "t > 9.05", for: 0.5, result: unresolved}]
key:
  dx: {hit: [svt]}
  disposition: {hit: [observe]}
  actions: [{id: valsalva, grade: critical}, {id: sedative, grade: harmful}]
checks: {t5: {HR: [20, 200]}}
review: {status: unreviewed, sources: ["none: a test"]}
"""


@pytest.fixture
def case(tmp_path: Path) -> Case:
    """Return a case with timers and guards at tenths of a second."""
    file = tmp_path / "tenths.yaml"
    head = HEAD
    for line in ("schema: 2\n", "rhythm: svt\n", "knobs: {distress: 0.2}\n"):
        head = head.replace(line, "")
    file.write_text(head + TAIL, encoding="utf-8")
    return load(file)


def said_at(case: Case) -> dict[str, float]:
    """Return when each message was said first, in s of case time."""
    run = CaseRun(case)
    found: dict[str, float] = {}
    for step in range(1, 120):
        run.advance(0.1)
        for message in run.director.state.messages:
            found.setdefault(message.text, step / 10)
        if run.director.state.result:
            found.setdefault(run.director.state.result, step / 10)
    return found


def test_each_is_due_in_its_tenth_of_a_second(case: Case) -> None:
    assert said_at(case) == {
        "timer": 2.3,
        "guard": 5.3,
        "held": 6.7,
        "band": 3.7,  # a ramp of 0.3 in 4 s from 2.3 s passes 0.1 after 1.34 s
        "later": 7.7,
        "unresolved": 9.6,
    }


def test_a_condition_that_holds_for_half_a_second_is_seen(case: Case) -> None:
    """The ramp is in the band from 3.7 to 4.9 s: a look each second could miss less than that."""
    run = CaseRun(case)
    run.advance(4.9)
    said = [message.text for message in run.director.state.messages]
    assert said.count("band") == 1


def digest(patient: PhysiologyPatient) -> str:
    """Return the hash of all the patient ever was in state and in lead II."""
    sha = hashlib.sha256(patient.body.engine.snapshot().patient)
    sha.update(repr(patient.director.state if patient.director else "").encode())
    sha.update(patient.waveform("ecg_ii", 250.0, 0, 2500).tobytes())
    return sha.hexdigest()


def test_steps_do_not_depend_on_how_time_is_asked_for(case: Case) -> None:
    one, other = make_case_patient(case, 4), make_case_patient(case, 4)
    one.live(12.0)
    for tick in range(1, 121):
        other.live(tick / 10)
    assert digest(one) == digest(other)


@pytest.mark.parametrize("speed", [0.7, 10, 60])
def test_any_speed_says_the_same_at_the_same_case_time(case: Case, speed: float) -> None:
    patient = make_case_patient(case, 4)
    patient.order(Order(0, "clock", {"speed": speed}))
    patient.live(12.0 / speed + 0.2)
    run = CaseRun(case, 4, exam=False)
    run.advance(patient.case_time_s)
    assert patient.body.engine.snapshot() == run.body.engine.snapshot()
    assert patient.director is not None
    assert patient.director.state == run.director.state


def test_a_seek_into_a_case_replays_its_guards(case: Case) -> None:
    patient = make_case_patient(case, 4)
    patient.order(Order(43, "act", {"name": "oxygen", "dose": "10 L/min"}))
    patient.live(300.0)
    before = digest(patient)
    patient.numeric("heart_rate", 40.0)  # forces a way back to a checkpoint
    patient.live(300.0)
    assert digest(patient) == before


def test_the_rhythm_keeps_its_appointments_from_any_tenth() -> None:
    """A rhythm that began at an odd tenth decays, and is drawn for, in its own tenth."""
    patient = PhysiologyPatient(seed=2)
    patient.order(Order(37, "rhythm", {"name": "vf"}))
    patient.live(3.7 + 599.9)
    assert patient.body.rhythm == "vf"
    patient.live(3.7 + 600.1)
    assert patient.body.rhythm == "asystole"
    supraventricular = PhysiologyPatient(seed=2)
    supraventricular.body.overrides["svt/minutes_10/sinus"] = 1.0
    supraventricular.order(Order(37, "rhythm", {"name": "svt"}))
    supraventricular.live(3.7 + 600.1)
    assert supraventricular.body.rhythm == "sinus"
