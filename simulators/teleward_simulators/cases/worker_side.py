"""The worker's side of a case: questions, refusals and what is volunteered."""

from collections.abc import Callable
from dataclasses import replace

from teleward_simulators.cases.action_words import action_label
from teleward_simulators.cases.answers.answer import NOT_UNDERSTOOD, Answer, Texts, answer
from teleward_simulators.cases.answers.derived import SIGNS
from teleward_simulators.cases.answers.items import ASKING_S, catalogue
from teleward_simulators.cases.answers.measured import GROUPS
from teleward_simulators.cases.answers.understanding import parts, understood
from teleward_simulators.cases.answers.worker import (
    NOT_HERE,
    READY,
    WAITING,
    Result,
    Task,
)
from teleward_simulators.cases.answers.worker import (
    NOT_UNDERSTOOD as UNKNOWN,
)
from teleward_simulators.cases.dispositions import ORDERED
from teleward_simulators.cases.expression import Expression, Read
from teleward_simulators.cases.inventory import NEEDS, TESTS_NEED, missing
from teleward_simulators.cases.model import Case, Effect
from teleward_simulators.cases.script import Script, Sentence
from teleward_simulators.cases.voice import (
    UNUSUAL,
    not_done,
    question,
    refusal,
    seen,
    sentence,
)
from teleward_simulators.physiology.actions import action_named
from teleward_simulators.physiology.body import Body
from teleward_simulators.physiology.engine import STEPS_PER_S
from teleward_simulators.physiology.units import parse_dose
from teleward_simulators.physiology.vital import Given

MOST_TASKS = 200
"""Things a worker can have been asked in one encounter."""
FINDS_OUT = {
    "ecg12": "ecg12", "glucose_check": "glucose_check", "ketone_check": "ketone_check",
    "temperature_check": "temperature", "blood_pressure": "blood_pressure",
    "remeasure": "blood_pressure", "auscultate": "auscultate", "count_breaths": "breaths",
    "examine": "look", "blood_cultures": "blood_cultures", "lactate_check": "lactate_check",
    "x_ray": "chest_film", "reflexes_check": "reflexes", "haematocrit": "haematocrit",
}  # fmt: skip
"""Action -> the item of the catalogue that it finds out."""
ALWAYS = frozenset({"ecg12"})
"""Tests that the patient answers without a number or a text of the case."""
COUNTS_AS = {item: action for action, item in FINDS_OUT.items() if action != "remeasure"}


class WorkerSide:
    """Questions, answers and the voice at the bedside; a director carries out what is done."""

    case: Case
    state: Script
    now_s: Callable[[], float]
    _stock: frozenset[str] | None
    _attended: bool
    _bound: Callable[[Expression], Read]

    def _do(self, body: Body, name: str, dose: str, asked: str = "", by: str = "learner") -> Given:
        raise NotImplementedError

    def _later(self, effect: Effect, step: int) -> None:
        raise NotImplementedError

    def refuses(self, name: str) -> Texts:
        """Return what the worker answers to an action without the means for it, else empty."""
        if not missing(self._stock, NEEDS.get(name)):
            return ()
        if name in FINDS_OUT:
            return not_done(catalogue()[FINDS_OUT[name]].label)
        return refusal(action_label(name))

    def away_s(self, body: Body) -> float:
        """Return the seconds of case time until the worker is back; an arrest ends them."""
        left = self.state.away - self.state.step
        return max(0, left) / STEPS_PER_S if body.engine.get("pulse") > 0.5 else 0.0

    def waits(self, name: str, dose: str) -> bool:
        """Return whether an action that was ordered waits for the worker to be back."""
        return any(
            number > self.state.planned and effect.kind == "act"
            and (effect.name, effect.text) == (name, dose)
            for _, number, effect in self.state.pending
        )  # fmt: skip

    def _held_back(self, body: Body, name: str, dose: str, confirmed: bool) -> str:
        """Return why the worker does not carry out an action now, empty when it is done."""
        state, action = self.state, action_named(name)
        refused = self.refuses(name)
        if refused:
            self._speak(refused)
            return "not available"
        amount = parse_dose(dose, action.unit) if dose and action.unit else action.usual
        asked = (name, dose)
        unusual = action.unit and name not in ORDERED and amount > action.most > 0.0
        unusual = unusual and amount >= UNUSUAL * action.usual and not confirmed
        if unusual and self._attended and asked not in state.doubted:
            state.doubted = (*state.doubted, asked)
            self._speak(question(action, amount))
            return f"asks back: {amount / action.usual:.0f} times the usual dose"
        wait_s = self.away_s(body)
        if wait_s > 0.0:
            self._later(Effect("act", name, text=dose), state.away)
            self._speak(sentence("away", minutes=f"{wait_s / 60:.0f}"))
            return f"waits {wait_s:.0f} s"
        return ""

    def _watch_patient(self, body: Body) -> None:
        """Volunteer the first thing that is seen now and was not before."""
        state = self.state
        before, now = dict(state.volunteered), seen(body)
        fresh = [texts for item, texts in now if before.get(item) != texts]
        state.volunteered = now
        if fresh:
            self._speak(fresh[0])

    def plan(self, text: str, by: str = "learner") -> Task | None:
        """Return the task that asking ``text`` now would be; None when it is not understood.

        Of several things in one sentence, the last.
        """
        state = self.state
        *before, text = parts(text)
        item = text if text in self.case.answers else understood(text)
        if not item and text not in dict(state.findings):
            return None
        known = catalogue().get(item or text)
        seconds, lab_s = (known.seconds, known.lab_s) if known else (ASKING_S, 0.0)
        free = max((task.sample_step for task in state.tasks), default=state.step)
        earlier = sum(catalogue()[understood(piece)].seconds for piece in before)
        sample = max(free, state.step, state.away) + steps_of(earlier + seconds)
        number = len(state.tasks) + len(state.results)
        return Task(number, item or text, text, by, state.step, sample, sample + steps_of(lab_s))

    def ask(self, body: Body, text: str, by: str = "learner") -> None:
        """Have the worker find something out, or one thing after another; acts count as acts."""
        for piece in parts(text):
            self._ask_one(body, piece, by)

    def _ask_one(self, body: Body, text: str, by: str) -> None:
        task = self.plan(text, by)
        if task is not None and not self._can_find_out(task.item):
            self._refuse(task, not_done(catalogue()[task.item].label))
        elif task is not None and task.item in COUNTS_AS:
            self._do(body, COUNTS_AS[task.item], "", text, by)
        else:
            self._queue(text, by)

    def _can_find_out(self, item: str) -> bool:
        """Return whether the means are here, and body, case or catalogue have an answer."""
        known = catalogue().get(item)
        if missing(self._stock, TESTS_NEED.get(item)):
            return False
        if known is None or known.none or item in GROUPS or item in ALWAYS or item in SIGNS:
            return True
        return item in self.case.answers or item in self._changed()

    def _changed(self) -> dict[str, Texts]:
        """Return what was found out during the case, by item."""
        return {understood(k) or k: texts for k, texts in self.state.findings}

    def _refuse(self, task: Task, text: Texts) -> None:
        """Answer at once that a test is not done here."""
        state = self.state
        state.results = (*state.results, Result(
            task.number, task.item, task.asked, task.by, NOT_HERE, text, state.step, state.step,
            state.step, self.now_s(),
        ))  # fmt: skip

    def _queue(self, text: str, by: str) -> None:
        state = self.state
        number = len(state.tasks) + len(state.results)
        if number >= MOST_TASKS:
            return
        task = self.plan(text, by)
        if task is not None:
            state.tasks = (*state.tasks, task)
            return
        state.results = (*state.results, Result(
            number, "", text, by, UNKNOWN, NOT_UNDERSTOOD, state.step, state.step, state.step,
            self.now_s(),
        ))  # fmt: skip

    def _sample(self, body: Body) -> None:
        """Take the samples that are due: the answer is that of this moment."""
        state = self.state
        while state.tasks and state.tasks[0].sample_step <= state.step:
            task, state.tasks = state.tasks[0], state.tasks[1:]
            found = self._answer(body, task)
            state.results = (*state.results, Result(
                task.number, task.item, task.asked, task.by, READY, found.text, task.asked_step,
                task.sample_step, task.due_step, self.now_s(), found.values,
            ))  # fmt: skip

    def _answer(self, body: Body, task: Task) -> Answer:
        return answer(task.item, body, task.number, self.case.answers, self._changed(),
                      lambda condition: bool(self._bound(condition)()))  # fmt: skip

    def results(self) -> list[Result]:
        """Return every answer so far in the order asked; those of a laboratory wait until due."""
        state = self.state
        rows = [
            r if r.due_step <= state.step else replace(r, status=WAITING, text=(), values=())
            for r in state.results
        ]
        rows += [
            Result(t.number, t.item, t.asked, t.by, WAITING, (), t.asked_step, t.sample_step,
                   t.due_step) for t in state.tasks
        ]  # fmt: skip
        return sorted(rows, key=lambda row: row.number)

    def _speak(self, texts: Texts) -> None:
        self.state.messages = (*self.state.messages, Sentence(self.state.second, "worker", texts))


def steps_of(seconds: float) -> int:
    """Return tenths of a second."""
    return round(seconds * STEPS_PER_S)
