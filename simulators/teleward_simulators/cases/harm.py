"""Wrong care costs: every harmful action of every case beside the course without any treatment."""

from collections.abc import Iterator
from dataclasses import dataclass

from teleward_simulators.cases.model import Case, Mark
from teleward_simulators.cases.runner import CaseRun
from teleward_simulators.rhythms.table import RHYTHMS

EARLY_S = 30
SEEN_S = 600
"""Case time within which most harm shows."""
FIRST_S = 120
"""The time of the first treatment in a case that states none."""
RANK = {"survived": 3, "unresolved": 2, "": 2, "harmed": 1, "died": 0}
"""How good a result is."""
CLEAR = {"HR": 5.0, "SBP": 4.0, "SPO2": 1.5, "RR": 2.0, "T": 0.3, "G": 25.0, "K": 0.3,
         "PACO2": 4.0, "deficit": 2.0}  # fmt: skip
"""Variable -> the least difference that a clinician would call one."""


@dataclass(frozen=True, slots=True)
class State:
    """What can be compared of a patient at one moment."""

    rhythm: str
    result: str
    values: dict[str, float]

    @property
    def beats(self) -> bool:
        """Return whether there is a pulse."""
        return RHYTHMS[self.rhythm].pulse


@dataclass(frozen=True, slots=True)
class Harm:
    """One harmful action at one time, beside no treatment at all."""

    case: str
    action: str
    weight: float
    at_s: int
    end_s: int
    untreated: State
    harmed: State
    shown_s: float | None
    """Seconds after the action until the difference was clear; None: at the end or never."""
    why: str

    @property
    def better(self) -> bool:
        """Return whether the wrong care left the patient better off than none."""
        return better(self.harmed, self.untreated)

    @property
    def shows(self) -> bool:
        """Return whether the harm shows within ten minutes, or in how the encounter ends."""
        worse_end = RANK[self.harmed.result] < RANK[self.untreated.result]
        died = self.untreated.beats and not self.harmed.beats
        return self.shown_s is not None or worse_end or died


def better(one: State, other: State) -> bool:
    """Return whether ``one`` is clearly better off: alive, better oxygen or better pressure.

    A better number counts only while no other vital sign pays for it: carbon dioxide, acid or the
    rhythm.
    """
    if RANK[one.result] > RANK[other.result]:
        return True
    if one.beats != other.beats:
        return one.beats
    if not one.beats or RANK[one.result] < RANK[other.result]:
        return False
    oxygen = one.values["SPO2"] - other.values["SPO2"]
    pressure = one.values["SBP"] - other.values["SBP"]
    paid = one.values["PACO2"] > other.values["PACO2"] + 5.0
    paid = paid or one.values["PH"] < other.values["PH"] - 0.03
    if oxygen > 2.5 and pressure > -8.0:
        return not paid
    return pressure > 12.0 and other.values["SBP"] < 100.0 and oxygen > -2.0 and not paid


def state_of(run: CaseRun) -> State:
    """Return what can be compared of a run now."""
    names = (*CLEAR, "PH")
    values = {name: float(run.variable(name)) for name in names}
    return State(run.body.rhythm, run.director.state.result, values)


def differs(one: State, other: State) -> bool:
    """Return whether a clinician would see the difference."""
    if one.rhythm != other.rhythm or one.result != other.result:
        return True
    return any(abs(one.values[n] - other.values[n]) >= least for n, least in CLEAR.items())


def times_of(case: Case) -> tuple[int, int]:
    """Return the two moments at which wrong care is tried: early, and at the first treatment."""
    first = min((int(step.at_s) for step in case.treatment), default=FIRST_S)
    return EARLY_S, first


def harms(case: Case) -> Iterator[Harm]:
    """Try every harmful mark of ``case`` at both moments, to the end of the encounter."""
    end_s = int(case.limit_s)
    for at_s in times_of(case):
        course = CaseRun(case)
        course.advance(at_s, coarse=True)
        start = course.snapshot()
        untreated = _live(course, end_s)
        for mark in case.marks:
            if mark.grade == "harmful":
                course.restore(start)
                course.act(mark.action)
                yield _compare(case, mark, at_s, untreated, _live(course, end_s))


def _live(run: CaseRun, end_s: int) -> list[State]:
    """Return the state every half minute for ten minutes, and at the end."""
    states = []
    for _ in range(SEEN_S // 30):
        run.advance(30, coarse=True)
        states.append(state_of(run))
    while run.director.state.second < end_s:  # also past its ending: the body knows no ending
        run.advance(60, coarse=True)
    states.append(state_of(run))
    return states


def _compare(
    case: Case, mark: Mark, at_s: int, untreated: list[State], harmed: list[State]
) -> Harm:
    pairs = list(zip(harmed, untreated, strict=True))
    shown = next((30.0 * (n + 1) for n, p in enumerate(pairs[:-1]) if differs(*p)), None)
    return Harm(case.id, mark.action, mark.weight, at_s, int(case.limit_s), untreated[-1],
                harmed[-1], shown, mark.why_no_effect)  # fmt: skip
