"""The worker reads back, asks, refuses and volunteers; the case has the means and the answers."""

import collections

import pytest

from teleward_simulators.cases.answers.answer import Written
from teleward_simulators.cases.catalogue import all_cases, case_named
from teleward_simulators.cases.inventory import NEEDS, missing, stock_of
from teleward_simulators.cases.lint import lint
from teleward_simulators.cases.runner import CaseRun
from teleward_simulators.cases.voice import Mood, mood
from teleward_simulators.physiology.actions import ACTIONS
from teleward_simulators.physiology.body import Body

CASES, _ = all_cases()
DEEP = ("asthma-01", "anaphylaxis-01", "sepsis-01", "inferior-stemi-01", "dka-01",
        "postpartum-haemorrhage-01")  # fmt: skip


def said(run: CaseRun) -> list[str]:
    """Return every sentence so far."""
    return [message.text for message in run.director.state.messages]


@pytest.mark.parametrize("name", sorted(CASES))
def test_every_case_has_its_answers_means_and_comments(name: str) -> None:
    counts = lint(CASES[name])
    assert counts.problems == []
    assert counts.commented == counts.marks


@pytest.mark.parametrize("name", DEEP)
def test_six_cases_are_written_in_depth(name: str) -> None:
    assert len(CASES[name].answers) >= 30


def test_every_competency_is_trained_by_four_cases() -> None:
    counts = collections.Counter(c for case in CASES.values() for c in case.competencies)
    assert min(counts.values()) >= 4, counts
    ages = sorted(case.person.age for case in CASES.values())
    assert ages[0] < 0.1, "a newborn"


def test_answers_are_in_both_languages() -> None:
    rows: list[Written] = [w for case in CASES.values() for ws in case.answers.values() for w in ws]
    assert len(rows) > 600
    for row in rows:
        hindi = dict(row.text)["hi"]
        assert any("\u0900" <= letter <= "\u097f" for letter in hindi), row


def test_what_is_not_there_is_refused() -> None:
    run = CaseRun(case_named("asthma-01"))
    for action in ("dialysis", "pacing", "noradrenaline"):
        assert missing(stock_of(run.case), NEEDS[action])
        assert run.act(action).flags == ("not available",)
    assert run.body.vital.given == ()
    assert said(run)[0] == "We have no dialysis here, doctor. What else can I do?"
    run.director.ask(run.body, "blood gas")
    run.director.ask(run.body, "chest X-ray")
    assert [r.status for r in run.director.results()] == ["not here", "not here"]
    run.act("lactate_check")
    assert said(run)[-1] == "Lactate cannot be done here, doctor."


def test_a_drug_is_read_back_with_its_dose() -> None:
    run = CaseRun(case_named("asthma-01"))
    run.act("salbutamol", "5 mg")
    assert said(run)[-1] == "Salbutamol nebulised, 5 mg: giving it now, doctor."
    assert run.act("salbutamol", "500 mg").flags == ("asks back: 100 times the usual dose",)


@pytest.mark.parametrize("name", sorted(CASES))
def test_every_sentence_is_in_both_languages(name: str) -> None:
    """Read back, asked, refused, volunteered or written: in Hindi to a learner who chose it."""
    run = CaseRun(CASES[name])
    run.act("oxygen", "10 L/min")
    run.act("salbutamol", "500 mg")
    run.act("dialysis")
    run.body.turn("bronch", 1.0)
    run.body.set_rhythm("vf")
    run.advance(20, coarse=True)
    for effect in (e for mark in run.case.marks for e in mark.effects if e.kind == "say"):
        run.director._apply(run.body, effect)
    assert run.director.state.messages or run.case.setting["staff"] == "none"
    for message in run.director.state.messages:
        texts = dict(message.texts)
        assert "{" not in texts["en"] + texts["hi"]
        assert any("\u0900" <= letter <= "\u097f" for letter in texts["hi"]), texts


def test_the_worker_worries_about_the_true_state() -> None:
    body = Body()
    assert mood(body, busy=False) == Mood.CALM
    assert mood(body, busy=True) == Mood.BUSY
    body.set_rhythm("vf")
    assert mood(body, busy=False) == Mood.WORRIED


@pytest.mark.parametrize("name", [n for n in DEEP if n not in ("inferior-stemi-01",)])
def test_nobody_dies_in_silence(name: str) -> None:
    """The file has no guard for it: the worker volunteers what can be seen."""
    run = CaseRun(CASES[name])
    run.advance(20, coarse=True)
    before = len(said(run))
    run.body.turn("bronch", 1.0)
    run.body.turn("fatigue", 1.0)
    run.advance(240, coarse=True)
    assert len(said(run)) > before


@pytest.mark.parametrize(
    "name, ordered, counted",
    [
        ("inferior-stemi-01", "furosemide", "diuretic_only"),
        ("hyperkalaemia-01", "thrombolysis", "lysis_for_t_waves"),
        ("heat-stroke-01", "paracetamol", "antipyretic_only"),
        ("sepsis-01", "paracetamol", "antipyretic_only"),
    ],
)
def test_wrong_care_is_counted_by_what_was_ordered(name: str, ordered: str, counted: str) -> None:
    """No menu offers "thrombolysis without an infarct": the drug in this case is it."""
    run = CaseRun(CASES[name])
    run.advance(30, coarse=True)
    run.act(ordered)
    run.advance(2000, coarse=True)
    assert dict(run.director.state.counts)[counted] == 1
    assert [given.name for given in run.body.vital.given].count(ordered) == 1


def test_the_menu_names_nothing_as_wrong() -> None:
    listed = [action.label.casefold() for action in ACTIONS.values() if not action.counted]
    for word in ("only", "nothing", "wrong", "for t waves", "trend"):
        assert not [label for label in listed if word in label], word
    assert len(set(listed)) == len(listed)
