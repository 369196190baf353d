"""Ghosts: an unedited one is the patient himself, an edited one differs by its edit alone."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teleward_gateway.classroom.debrief.ghosts import Ghost, Patient, ghosts_of
from teleward_gateway.classroom.debrief.relive import TRACKS, in_case_time, relive
from teleward_gateway.classroom.events import kinds
from teleward_gateway.classroom.events.event import read_lines
from teleward_gateway.classroom.events.timeline import orders
from teleward_gateway.classroom.scoring import report_of
from teleward_simulators.cases.catalogue import case_named
from teleward_simulators.cases.runner import CaseDirector, make_case_patient
from teleward_simulators.physiology.orders import Order
from teleward_simulators.physiology.patient import TICKS_PER_S, Pace

CASE = case_named("anaphylaxis-01")
LOGS = {
    path.stem: read_lines(path.read_text(encoding="utf-8"))
    for path in sorted((Path(__file__).parents[1] / "fixtures").glob("*.jsonl"))
}
speeds = st.sampled_from([0.0, 0.5, 1.0, 2.0, 10.0])


def ghosts(log: str) -> tuple[Patient, list[Ghost]]:
    events = LOGS[log]
    opened = next(e.body for e in events if isinstance(e.body, kinds.RoomOpened))
    report = report_of(CASE, events, "r-1", "s-1")
    given = tuple(in_case_time(orders(events, "r-1")))
    patient = Patient(CASE, opened.seed, opened.exam, given, report.end_ms / 1000)
    return patient, ghosts_of(patient, report.lines)


def test_an_unedited_one_is_the_patient() -> None:
    """Held, at ten times the speed and at once the same course: nothing is known but the log."""
    given = [
        Order(0, "clock", {"speed": 0}),
        Order(20, "clock", {"speed": 10}),
        Order(80, "act", {"name": "adrenaline_im", "dose": "0.5 mg"}),
        Order(95, "clock", {"speed": 0}),
        Order(120, "clock", {"speed": 1}),
        Order(150, "act", {"name": "oxygen", "dose": "10 L/min"}),
        Order(160, "clock", {"speed": 10}),
    ]
    patient = make_case_patient(CASE, seed=7)
    for order in given:
        patient.order(order)
    patient.live(60.0)
    until_s = patient.case_time_s
    lived = relive(CASE, 7, exam=False, orders=in_case_time(given), until_s=until_s)
    last = {name: values[-1] for name, values in lived.tracks.items()}
    assert until_s > 400
    director = patient.director
    assert isinstance(director, CaseDirector)
    now = {name: director.reader(patient.body, of)() for name, of in TRACKS.items()}
    assert last["spo2"] == pytest.approx(now["spo2"], abs=0.5)
    assert last["hr"] == pytest.approx(now["hr"], abs=2.0)
    assert last["sbp"] == pytest.approx(now["sbp"], abs=2.0)
    assert last["rr"] == pytest.approx(now["rr"], abs=1.0)


@given(st.lists(st.tuples(st.integers(0, 400), speeds), max_size=8))
def test_ticks_become_the_time_of_the_illness(changes: list[tuple[int, float]]) -> None:
    given = [Order(tick, "clock", {"speed": speed}) for tick, speed in sorted(changes)]
    last = Order(450, "act", {"name": "oxygen"})
    pace, steps = Pace(), 0
    for tick in range(last.tick):  # as the patient's own clock counts
        for order in given:
            if order.tick == tick:
                pace.speed_tenths = round(order.data["speed"] * 10)
        pace.carry += pace.speed_tenths
        moved, pace.carry = divmod(pace.carry, 10)
        steps += moved
    assert [order.tick for order in in_case_time([last, *given])] == [steps]
    assert TICKS_PER_S == 10


def test_what_was_left_out_comes_when_it_was_due() -> None:
    patient, found = ghosts("idle")
    lived = patient.live()
    first = found[0]
    assert (first.edit, first.name, first.was_ms) == ("in_time", "adrenaline_im", None)
    assert first.at_ms == 60_000
    assert first.lived.unstable_s < lived.unstable_s - 60
    same_until = 60 // int(lived.step_s)
    assert first.lived.tracks["sbp"][:same_until] == lived.tracks["sbp"][:same_until]
    assert found[-1].edit == "best"
    assert found[-1].lived.worst("sbp") > lived.worst("sbp") + 20
    assert len(found) <= 8


def test_a_harmful_one_is_left_out() -> None:
    patient, found = ghosts("shotgun")
    left = {ghost.name: ghost for ghost in found if ghost.edit == "left_out"}
    assert left["adrenaline_iv"].was_ms is not None
    assert left["adrenaline_iv"].at_ms is None
    assert left["adrenaline_iv"].lived.tracks != patient.live().tracks


def test_one_who_did_all_has_no_ghost_of_harm() -> None:
    patient, found = ghosts("expert")
    assert not [ghost for ghost in found if ghost.edit == "left_out"]
    assert patient.live() == patient.live()
