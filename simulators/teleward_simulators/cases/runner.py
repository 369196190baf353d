"""Cases on a body: with waves for devices and rooms, without for checks and plots."""

import copy
from dataclasses import replace

from teleward_simulators.cases.director import CaseDirector
from teleward_simulators.cases.expression import Value
from teleward_simulators.cases.model import Case
from teleward_simulators.cases.script import Script
from teleward_simulators.physiology.body import Body
from teleward_simulators.physiology.engine import STEPS_PER_S
from teleward_simulators.physiology.patient import PhysiologyPatient
from teleward_simulators.physiology.variation import varied
from teleward_simulators.physiology.vital import BodySnapshot, Given

__all__ = ["CaseDirector", "CaseRun", "Script", "make_case_patient", "without"]


def make_case_patient(case: Case, seed: int = 0, exam: bool = False) -> PhysiologyPatient:
    """Return the patient of ``case``, with waves.

    ``exam`` draws no lots, and the body is the case's own; otherwise the seed varies it.
    """
    person = case.person if exam else varied(case.person, seed)
    director = CaseDirector(case)
    patient = PhysiologyPatient(
        person, seed, case.rhythm, director, prepare=lambda body: _begin(director, body, exam)
    )
    director.now_s = lambda: patient.time_s
    return patient


def _begin(director: CaseDirector, body: Body, exam: bool) -> None:
    body.vital.exam = exam
    director.prepare(body)


class CaseRun:
    """A case without waves, for checks and plots: body and director in case time."""

    def __init__(self, case: Case, seed: int = 0, exam: bool = True) -> None:
        self.case = case
        self.director = CaseDirector(case, lambda: self.body.engine.time_s)
        self.body = Body(case.person if exam else varied(case.person, seed), seed)
        _begin(self.director, self.body, exam)

    def advance(self, seconds: float, coarse: bool = False) -> None:
        """Live so many seconds; ``coarse`` looks at conditions once a second only."""
        stride = STEPS_PER_S if coarse else 1
        for _ in range(round(seconds * STEPS_PER_S) // stride):
            self.body.advance(stride)
            self.director.each_step(self.body, stride)

    def act(self, name: str, dose: str = "") -> Given:
        """Carry out an action now."""
        return self.director.act(self.body, name, dose)

    def variable(self, name: str) -> Value:
        """Return a variable as conditions see it."""
        return self.director.reader(self.body, name)()

    def snapshot(self) -> tuple[BodySnapshot, Script]:
        """Return all there is to continue from."""
        return self.body.snapshot(), copy.copy(self.director.state)

    def restore(self, snapshot: tuple[BodySnapshot, Script]) -> None:
        """Go to a snapshot."""
        self.body.restore(snapshot[0])
        self.director.state = copy.copy(snapshot[1])


def without(case: Case, action: str) -> Case:
    """Return ``case`` with ``action`` left out of its treatment."""
    kept = tuple(step for step in case.treatment if step.action != action)
    return replace(case, treatment=kept)
