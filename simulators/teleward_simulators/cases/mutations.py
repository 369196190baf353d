"""What a case must not allow: mutations of its right play, and how each of them ends.

Untreated it ends all the same; with its own treatment and a disposition of its key the patient
survives; with a disposition alone, ten seconds after the start, nobody does.
"""

from dataclasses import dataclass

from teleward_simulators.cases.dispositions import ORDERED, PLANS, matches
from teleward_simulators.cases.endings import SURVIVED
from teleward_simulators.cases.model import Case, Step
from teleward_simulators.cases.runner import CaseRun

AT_ONCE_S = 10
ALONE = ("discharge", "transfer", "observe")
"""Dispositions that are tried alone in every case, besides those that its key asks for."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How one way to play a case ended, and in which second."""

    play: str
    result: str
    second: int
    wanted: str

    @property
    def problem(self) -> str:
        """Return what is wrong, empty when nothing is."""
        if not self.result:
            return f"{self.play}: no ending within twice the last band"
        if self.wanted == "alive" and self.result != SURVIVED:
            return f"{self.play}: ends in {self.result}, not in survival"
        if self.wanted == "not survived" and self.result == SURVIVED:
            return f"{self.play}: survives"
        return ""


def endings_of(case: Case) -> list[Ended]:
    """Play every mutation of ``case`` to its end."""
    found = [_play(case, "untreated", (), "not survived")]
    if case.treated:
        last = Step(case.last_band_s, right_disposition(case))
        steps = (*case.treatment, last)
        found.append(_play(case, "treated", steps, "alive"))
    for action in dict.fromkeys((*ALONE, *_asked_for(case))):
        steps = (Step(AT_ONCE_S, action),)
        found.append(_play(case, f"{action} alone at {AT_ONCE_S} s", steps, "not survived"))
    return found


def _asked_for(case: Case) -> list[str]:
    """Return every disposition that the key of ``case`` would take."""
    words = (*case.disposition["hit"], *case.disposition["near"])
    return [a for a in ORDERED if any(matches(word, a, None) for word in words)]


def right_disposition(case: Case) -> str:
    """Return an action that the key asks for, without a time."""
    for word in case.disposition["hit"]:
        for action in ORDERED:
            if word in PLANS and matches(word, action, None):
                return action
    return "transfer"


def _play(case: Case, name: str, steps: tuple[Step, ...], wanted: str) -> Ended:
    run = CaseRun(case)
    waiting = list(steps)
    limit = int(case.limit_s) + 1
    while not run.director.state.result and run.director.state.second < limit:
        while waiting and waiting[0].at_s <= run.director.state.second:
            step = waiting.pop(0)
            run.act(step.action, step.dose)
        due = int(waiting[0].at_s) if waiting else limit
        ahead = max(1, min(30, due - run.director.state.second))
        run.advance(ahead, coarse=True)
    return Ended(name, run.director.state.result, run.director.state.second, wanted)
