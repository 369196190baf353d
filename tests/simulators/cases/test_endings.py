"""Every encounter ends, and nobody survives by being sent away."""

import pytest

from teleward_simulators.cases.catalogue import case_named
from teleward_simulators.cases.dispositions import matches
from teleward_simulators.cases.runner import CaseRun


@pytest.mark.parametrize(
    "word, action, hours, right",
    [
        ("transfer_now", "transfer", None, True),
        ("transfer_now", "transfer", 24.0, False),
        ("transfer_now", "discharge", None, False),
        ("observe_6h", "observe", 6.0, True),
        ("observe_6h", "observe", 2.0, False),
        ("follow_up_2_weeks", "discharge", 336.0, True),
        ("follow_up_2_weeks", "transfer", None, False),
        ("a_word_of_an_older_case", "transfer", None, True),
        ("a_word_of_an_older_case", "discharge", None, False),
    ],
)
def test_a_disposition_has_a_place_and_a_time(
    word: str, action: str, hours: float | None, right: bool
) -> None:
    assert matches(word, action, hours) == right


@pytest.mark.parametrize("case, result", [("sepsis-01", "harmed"), ("anaphylaxis-01", "died")])
def test_what_became_of_those_sent_home(case: str, result: str) -> None:
    run = CaseRun(case_named(case))
    run.advance(10)
    run.act("discharge")
    before = run.snapshot()
    run.advance(620)
    assert run.director.state.result == result
    run.restore(before)
    run.advance(590)
    assert run.director.state.result == ""
    rhythm, second = run.body.rhythm, run.director.state.second
    run.advance(12)
    assert (run.body.rhythm, run.director.state.second) == (rhythm, second + 12), "lived once"


def test_a_cure_makes_critical_work_moot() -> None:
    run = CaseRun(case_named("svt-01"))
    run.advance(100)
    run.body.set_rhythm("sinus")
    run.act("observe")
    run.advance(310)
    assert run.director.state.result == "survived"


def test_compressions_postpone_death() -> None:
    ends = []
    for compressions in (False, True):
        run = CaseRun(case_named("anterior-stemi-arrest-01"))
        run.advance(650)
        run.body.set_rhythm("asystole")
        if compressions:
            run.act("cpr")
        run.advance(200)
        ends.append(run.director.state.result)
    assert ends == ["died", ""]
