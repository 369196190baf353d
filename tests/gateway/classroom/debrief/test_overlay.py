"""Timeline and overlay: read from logs, and served after the words alone."""

from pathlib import Path

from teleward_gateway.classroom.debrief.overlay import Learner, moments_of, rows_of
from teleward_gateway.classroom.debrief.timeline import entries_of, shown_of
from teleward_gateway.classroom.events import kinds
from teleward_gateway.classroom.events.event import Draft, Event, read_lines
from teleward_gateway.classroom.scoring import report_of
from teleward_gateway.classroom.scoring.encounter import encounter_of
from teleward_simulators.cases.catalogue import case_named
from tests.gateway.classroom.conftest import Hour
from tests.gateway.classroom.test_scores import WORDS, phase

CASE = case_named("anaphylaxis-01")
FIXTURES = Path(__file__).parents[1] / "fixtures"


def log(name: str) -> list[Event]:
    return read_lines((FIXTURES / f"{name}.jsonl").read_text(encoding="utf-8"))


def learner(name: str, extra: list[Event]) -> Learner:
    events = [*log(name), *extra]
    report = report_of(CASE, events, "r-1", "s-1")
    deeds = [(deed.name, deed.at_ms) for deed in encounter_of(events, "r-1", "s-1").deeds]
    return Learner(name, report.lines, entries_of(events, "r-1", "s-1"), deeds)


def fault(at_ms: int, on: bool) -> Event:
    body = (
        kinds.FaultOn(fault="probe_off", sensor="spo2", tick=at_ms // 100, seconds=60)
        if on
        else kinds.FaultOff(fault="probe_off", sensor="spo2", tick=at_ms // 100)
    )
    return Event.of(Draft("c-1", body, "r-1", None, at_ms, at_ms), 100_000 + at_ms)


def test_entries_name_their_events_and_last_as_they_did() -> None:
    found = entries_of([*log("slow"), fault(30_000, True), fault(90_000, False)], "r-1", "s-1")
    assert [entry.at_ms for entry in found] == sorted(entry.at_ms for entry in found)
    assert {entry.lane for entry in found} >= {"act", "ask", "fault"}
    [wrong] = [entry for entry in found if entry.lane == "fault"]
    assert (wrong.text, wrong.sensor, wrong.at_ms, wrong.until_ms) == (
        "probe_off", "spo2", 30_000, 90_000,
    )  # fmt: skip
    known = {event.seq for event in log("slow")}
    assert {entry.seq for entry in found if entry.lane != "fault"} <= known
    assert any(value is not None for _, value in shown_of(log("slow"), "r-1")["spo2"])


def test_moments_follow_their_rules() -> None:
    faults = [fault(30_000, True), fault(90_000, False)]
    class_ = [learner("expert", []), learner("slow", faults), learner("idle", faults)]
    rows = rows_of(class_)
    by_name = {row.name: row for row in rows}
    assert [dot.at_ms for dot in by_name["adrenaline_im"].dots][2] is None
    assert by_name["adrenaline_im"].dots[1].reason == "late"
    moments = {moment.rule: moment for moment in moments_of(rows, class_)}
    spread = moments["spread"]
    assert spread.last_ms is not None
    assert spread.first_ms is not None
    assert all(
        spread.last_ms - spread.first_ms >= max(times) - min(times)
        for row in rows
        if (times := [dot.at_ms for dot in row.dots if dot.at_ms is not None])
    )
    missed = moments["missed"]
    assert 2 * missed.n > missed.of == 3
    sensor = moments["sensor"]
    assert (sensor.at_ms, sensor.n, sensor.of) == (30_000, 0, 2)
    assert moments_of([], []) == []


async def test_a_debrief_comes_after_the_words(hour: Hour) -> None:
    teacher, learner, other = await hour.teacher(), await hour.learner(), await hour.learner("Ibis")
    await phase(teacher, "encounter")
    order = {"name": "salbutamol", "dose": "5 mg"}
    given = (await learner.post("/seat/orders", json=order)).json()
    await learner.post(f"/seat/orders/{given['task']}", json={"yes": True})
    assert (await learner.get("/seat/debrief")).status_code == 409
    await phase(teacher, "words")
    assert (await learner.get("/seat/debrief")).status_code == 409
    await learner.post("/seat/reflection", json={"words": WORDS, "change": "Oxygen first."})
    await phase(teacher, "debrief")
    assert (await other.get("/seat/debrief")).status_code == 422, "no words, no debrief"
    found = (await learner.get("/seat/debrief")).json()
    assert [e["label"]["en"] for e in found["entries"] if e["lane"] == "act"] == [
        "Salbutamol nebulised"
    ]
    assert {ghost["edit"] for ghost in found["ghosts"]} <= {"in_time", "left_out", "best"}
    lengths = {len(values) for values in found["lived"]["tracks"].values()}
    assert len(lengths) == 1
    assert "Ibis" not in str(found), "nobody else's name"
    [overlay] = (await teacher.get("/class/debrief")).json()
    assert set(overlay["seats"].values()) == {"Hornbill", "Ibis"}
    assert (await learner.get("/class/debrief")).status_code == 403
