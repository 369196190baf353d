"""Wrong care costs: no harmful action leaves a patient better off than none at all."""

from pathlib import Path

import pytest

from teleward_simulators.cases.catalogue import LIBRARY, all_cases, case_named
from teleward_simulators.cases.harm import harms
from teleward_simulators.cases.lined_yaml import CaseError
from teleward_simulators.cases.loader import load
from teleward_simulators.cases.runner import CaseRun

CASES, _ = all_cases()
QUICK = sorted(name for name, case in CASES.items() if case.limit_s <= 10_000)
"""Cases of a few hours; ``teleward cases harm`` tries all of them."""


@pytest.mark.parametrize("name", QUICK)
def test_wrong_care_is_never_better_than_none(name: str) -> None:
    for row in harms(CASES[name]):
        assert not row.better, (row.action, row.at_s, row.harmed, row.untreated)


def test_every_harmful_mark_has_an_effect_or_a_reason() -> None:
    marks = [m for case in CASES.values() for m in case.marks if m.grade == "harmful"]
    assert len(marks) >= 50
    assert all(bool(mark.effects) != bool(mark.why_no_effect) for mark in marks)


@pytest.mark.parametrize(
    "case, at_s, action",
    [("asthma-01", 30, "beta_blocker"), ("asthma-01", 660, "beta_blocker"),
     ("tension-pneumothorax-01", 500, "positive_pressure")],
)  # fmt: skip
def test_a_wrong_drug_does_not_stop_the_illness(case: str, at_s: int, action: str) -> None:
    untreated, harmed = CaseRun(case_named(case)), CaseRun(case_named(case))
    for run in (untreated, harmed):
        run.advance(at_s, coarse=True)
    harmed.act(action)
    for run in (untreated, harmed):
        run.advance(900, coarse=True)
    assert harmed.variable("SPO2") <= untreated.variable("SPO2")  # type: ignore[operator]
    assert harmed.variable("PACO2") != untreated.variable("PACO2")


def test_silence_about_harm_is_refused(tmp_path: Path) -> None:
    text = (LIBRARY / "krait-01.yaml").read_text(encoding="utf-8")
    assert "\n      effect: " in text
    broken = tmp_path / "case.yaml"
    lines = text.splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith("      effect: "))
    broken.write_text("\n".join(lines[:at] + lines[at + 1 :]), encoding="utf-8")
    if "schema: 2" not in text:
        broken.write_text("schema: 2\n" + broken.read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(CaseError, match=r"is harmful: write effect: .* or why_no_effect:"):
        load(broken)


def test_while_the_worker_is_away_nothing_is_done() -> None:
    run = CaseRun(case_named("tension-pneumothorax-01"))
    run.advance(400)
    run.act("x_ray")
    heard = len(run.director.state.messages)
    given = run.act("needle_decompression")
    assert given.flags == ("waits 900 s",)
    run.advance(890)
    assert "needle_decompression" not in dict(run.director.state.counts)
    answers = [
        line.text for line in run.director.state.messages[heard:]
    ]  # among what is volunteered
    assert sum("not back yet" in line for line in answers) == 1
    run.advance(20)
    assert dict(run.director.state.counts)["needle_decompression"] == 1
