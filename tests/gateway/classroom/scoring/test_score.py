"""The score of an encounter: what it rewards, what it never does, and each line's reason."""

import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teleward_gateway.__main__ import main
from teleward_gateway.classroom.events import kinds
from teleward_gateway.classroom.events.event import Event, read_lines
from teleward_gateway.classroom.scoring import report_of
from teleward_gateway.classroom.scoring.archetypes import archetypes
from teleward_gateway.classroom.scoring.formula import CAP, PASS, Parts, score_of
from teleward_gateway.classroom.scoring.line import Line
from teleward_gateway.classroom.scoring.marks import share_at
from teleward_gateway.classroom.scoring.talk import items
from teleward_gateway.classroom.scoring.thoughts import names, plain
from teleward_simulators.cases.catalogue import all_cases, case_named

CASE = case_named("anaphylaxis-01")
LOGS = {
    path.stem: read_lines(path.read_text(encoding="utf-8"))
    for path in sorted((Path(__file__).parents[1] / "fixtures").glob("*.jsonl"))
}
PRINTED = {
    "expert": 100.0, "slow": 76.0, "shotgun": 59.0, "one_missing": 59.0, "diagnosis_only": 19.5,
    "idle": 0.0,
}  # fmt: skip
ACTS = [event.seq for event in LOGS["expert"] if isinstance(event.body, kinds.ActOrdered)]


def score(events: list[Event]) -> float:
    return report_of(CASE, events, "r-1", "s-1").score


def line(log: str, name: str) -> Line:
    report = report_of(CASE, LOGS[log], "r-1", "s-1")
    return next(line for line in report.lines if line.name == name)


def test_six_kinds_of_learners_score_as_printed() -> None:
    found = {name: report.score for name, report in archetypes(CASE).items()}
    assert found == pytest.approx(PRINTED, abs=0.1)


def test_an_expert_passes_and_doing_nothing_does_not() -> None:
    """Every case: ``teleward cases archetypes all``."""
    for case in sorted(all_cases(None)[0].values(), key=lambda case: case.id)[::5]:
        found = {name: report.score for name, report in archetypes(case).items()}
        assert found["expert"] == 100.0, case.id
        assert found["idle"] == 0.0, case.id
        assert found["diagnosis_only"] <= 25.0, case.id
        assert found["one_missing"] <= CAP, case.id
        assert PASS < found["slow"] < 100.0, case.id


def test_the_recorded_learners_are_in_order() -> None:
    found = {name: score(events) for name, events in LOGS.items()}
    assert found["expert"] > found["slow"] > found["omission"] == CAP == found["shotgun"]
    assert found["omission"] > found["diagnosis_only"] > found["idle"] == 0.0
    assert found["expert"] > found["wrong_diagnosis"]


@given(st.sampled_from(ACTS), st.integers(0, 3_000_000), st.integers(1, 1_000_000))
def test_delay_never_raises_a_score(act: int, at_ms: int, later_ms: int) -> None:
    def moved(to_ms: int) -> list[Event]:
        return [event.at(at_case_ms=to_ms) if event.seq == act else event for event in events]

    events = LOGS["expert"]
    assert score(moved(at_ms + later_ms)) <= score(moved(at_ms))


@given(st.sampled_from([m.action for m in CASE.marks if m.weight > 0]), st.integers(0, 700_000))
def test_a_right_act_more_never_lowers_a_score(name: str, at_ms: int) -> None:
    for log in ("omission", "idle", "slow"):
        events = LOGS[log]
        done = kinds.ActDone(task="t-more", name=name, tick=at_ms // 100)
        more = events[-1].at(body=done, at_case_ms=at_ms, seq=10_000, room="r-1")
        assert score([*events, more]) >= score(events), (log, name)


@given(st.randoms(use_true_random=False))
def test_the_order_of_events_of_one_time_does_not_matter(rng: random.Random) -> None:
    events = [event.at(at_case_ms=0) for event in LOGS["shotgun"]]
    kept = [e for e in events if not isinstance(e.body, kinds.ActDone)]
    done = [e for e in events if isinstance(e.body, kinds.ActDone)]
    assert score([*kept, *rng.sample(done, len(done))]) == score(events)


def test_what_a_rewind_abandoned_does_not_count() -> None:
    events = LOGS["shotgun"]
    back = kinds.ClassRewound(to_tick=0, from_branch=0, behind_s=0.0)
    again = events[-1].at(body=back, seq=9_999, room="r-1", branch=1)
    report = report_of(CASE, [*events, again], "r-1", "s-1")
    assert report.parts.grave == ()
    assert report.parts.actions == 0.0


def test_a_line_names_what_made_it_due_and_what_earned_it() -> None:
    adrenaline = line("slow", "adrenaline_im")
    assert adrenaline.due_ms == 60_000
    assert (adrenaline.full_ms, adrenaline.zero_ms) == (240_000, 660_000)
    assert adrenaline.reason == "late"
    events = {event.seq: event for event in LOGS["slow"]}
    assert all(getattr(events[n].body, "name", "") == "adrenaline_im" for n in adrenaline.events)
    assert abs(adrenaline.at_ms - events[adrenaline.events[0]].at_case_ms) <= 1000  # type: ignore[operator]
    assert line("omission", "adrenaline_im").reason == "missed"
    assert line("shotgun", "sit_up").reason == "harmful"
    assert line("shotgun", "nsaid").reason == "needless"


def test_a_reading_makes_a_mark_due() -> None:
    case = next(c for c in all_cases(None)[0].values() if any(
        m.from_ and m.from_.names == {"SPO2"} for m in c.marks))  # fmt: skip
    [mark] = [m for m in case.marks if m.from_ and m.from_.names == {"SPO2"}]
    events = LOGS["idle"]
    screen = next(e for e in events if isinstance(e.body, kinds.Shown))
    low = screen.at(
        body=kinds.Shown(tick=4200, readings={"spo2": 85.0}), at_case_ms=420_000, seq=5_000
    )
    others = [event for event in events if not isinstance(event.body, kinds.Shown)]
    report = report_of(case, [*others, low], "r-1", "s-1")
    [found] = [each for each in report.lines if each.name == mark.action]
    assert (found.due_ms, found.due_event, found.shown) == (420_000, 5_000, "SPO2 85")


@pytest.mark.parametrize(
    ("dose", "reason", "share"),
    [("0.5 mg", "in_time", 1.0), ("0.6 mg", "in_time", 1.0), ("0.2 mg", "wrong_dose", 0.5),
     ("5 mg", "overdose", -0.8)],
)  # fmt: skip
def test_doses(dose: str, reason: str, share: float) -> None:
    events = [
        event.at(body=event.body.model_copy(update={"dose": dose}))
        if isinstance(event.body, kinds.ActDone) and event.body.name == "adrenaline_im"
        else event
        for event in LOGS["expert"]
    ]
    report = report_of(CASE, events, "r-1", "s-1")
    [found] = [each for each in report.lines if each.name == "adrenaline_im"]
    assert (found.reason, found.points) == (reason, share * found.most)


@pytest.mark.parametrize(
    ("wrote", "key", "right"),
    [("Anaphylaxis", "anaphylaxis", True), ("anaphylactic shock", "anaphylaxis", True),
     ("एनाफिलैक्सिस", "anaphylaxis", True), ("not anaphylaxis", "anaphylaxis", False),
     ("asthma", "acute_severe_asthma", True), ("दमा", "acute_severe_asthma", True),
     ("STEMI", "anterior_stemi_vf", False), ("anterior STEMI with VF", "anterior_stemi_vf", True),
     ("diabetic ketoacidosis", "dka", True), ("low sugar", "hypoglycaemia", True),
     ("hyperkalemia", "hyperkalaemia", True), ("septic shock", "sepsis", True),
     ("pneumonia", "pneumothorax", False), ("tension pneumothorax", "tension_pneumothorax", True),
     ("", "sepsis", False), ("preeclampsia", "eclampsia", False)],
)  # fmt: skip
def test_a_diagnosis_in_words(wrote: str, key: str, right: bool) -> None:
    assert names(wrote, key) is right


@pytest.mark.parametrize(
    ("text", "found"),
    [("What is your name? How old is he?", {"identity"}),
     ("मरीज़ का नाम क्या है?", {"identity"}),
     ("I cannot examine him from here, do you agree?", {"consent"}),
     ("Who else is there with you?", {"presence"}),
     ("Please repeat that back to me.", {"read_back"}),
     ("Call me again in 10 minutes.", {"safety_net"}),
     ("अगर बिगड़े तो दस मिनट में बताना", {"safety_net"}),
     ("Call me if he gets worse.", set()),
     ("Give it over ten minutes.", set()),
     ("Tell me what you see.", set()),
     ("Give oxygen.", set())],
)  # fmt: skip
def test_what_counts_as_talk(text: str, found: set[str]) -> None:
    assert {item.name for item in items() if item.is_in(plain(text))} == found


def test_windows_and_caps() -> None:
    assert [share_at(s, 180, 600) for s in (0, 180, 390, 600, 900)] == [1, 1, 0.5, 0, 0]
    assert share_at(301, 300, 300) == 0.0
    whole = Parts(1, 1, 1, 1, 1, 1, 1)
    assert score_of(whole) == 100.0
    assert score_of(Parts(1, 1, 1, 1, 1, 1, 1, missed=("oxygen",))) == CAP


def test_the_command_prints_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cases", "archetypes", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["name"]: row["score"] for row in rows} == pytest.approx(PRINTED, abs=0.1)
