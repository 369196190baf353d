"""Play a case on a body: ramps and timers by time, handlers by action, guards by condition.

Ten times a second of case time, always in this order:

    orders -> ramps and body -> rhythm -> what is due -> guards -> endings     (handlers: with acts)

All of it is a function of the case, the seed and the orders, so a log of orders replays exactly.
Nothing here knows a clock.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from teleward_simulators.cases.expression import Expression, Read, Value
from teleward_simulators.cases.model import Case, Effect
from teleward_simulators.physiology.actions import ACTIONS
from teleward_simulators.physiology.body import Body, BodySnapshot, Given
from teleward_simulators.physiology.engine import STEPS_PER_S
from teleward_simulators.physiology.knobs import KNOBS
from teleward_simulators.physiology.patient import Order, PhysiologyPatient
from teleward_simulators.sensors.faults import ActiveFault, make_fault

CHRONIC_S = 3600.0
"""What a person has had for long has found its balance before the case begins."""
NEVER = -1
DISPOSITIONS = ("transfer", "discharge", "observe", "refer_emergency", "handover")


@dataclass(slots=True)
class Script:
    """Where a case is; values are immutable, so that a shallow copy is a snapshot."""

    step: int = 0
    """Tenths of a second of case time; also in `pending`, `held`, `ending` and `stable`."""
    pending: tuple[tuple[int, int, Effect], ...] = ()
    sequence: int = 0
    planned: int = 0
    """Entries up to this number belong to the timeline of the file."""
    held: tuple[int, ...] = ()
    """Step since which the condition of each guard holds, `NEVER` while it does not."""
    fired: tuple[bool, ...] = ()
    ending: tuple[int, ...] = ()
    counts: tuple[tuple[str, int], ...] = ()
    disposed: float = 0.0
    stable: int = -1
    result: str = ""
    said: tuple[tuple[int, str, str], ...] = ()
    findings: tuple[tuple[str, str], ...] = ()
    faults: tuple[ActiveFault, ...] = ()
    bookmarks: tuple[tuple[int, str], ...] = ()

    @property
    def second(self) -> int:
        """Whole seconds of case time."""
        return self.step // STEPS_PER_S

    @property
    def stable_s(self) -> float:
        """Seconds for which the patient has been stable."""
        return 0.0 if self.stable == NEVER else (self.step - self.stable) / STEPS_PER_S


class CaseDirector:
    """Implements `Director` for one case; ``now_s`` gives device time."""

    def __init__(self, case: Case, now_s: Callable[[], float] = lambda: 0.0) -> None:
        self.case = case
        self.now_s = now_s
        self.state = Script(
            held=(NEVER,) * len(case.guards),
            fired=(False,) * len(case.guards),
            ending=(NEVER,) * len(case.endings),
        )
        self._dose = 0.0

    def prepare(self, body: Body) -> None:
        """Make the body that of the case at its start."""
        self._bind(body)
        body.overrides = dict(self.case.probabilities)
        for knob, value in self.case.knobs.items():
            body.turn(knob, value)
        if self.case.knobs:
            body.engine.settle(CHRONIC_S)
        if self.case.rhythm != "sinus" and body.rhythm != self.case.rhythm:
            body.set_rhythm(self.case.rhythm)
        for timed in sorted(self.case.timeline, key=lambda timed: timed.at_s):
            for effect in timed.effects:
                if timed.at_s + effect.after_s <= 0.0:
                    self._apply(body, effect)
                else:
                    self._later(effect, _steps(timed.at_s + effect.after_s))
        self.state.planned = self.state.sequence

    def _bind(self, body: Body) -> None:
        """Bind every condition to the body, so that a look at it is cheap."""

        def bound(expression: Expression) -> Read:
            return expression.bind(lambda name: self.reader(body, name))

        case = self.case
        self._stable = bound(case.stable)
        self._guards = tuple(bound(guard.when) for guard in case.guards)
        self._endings = tuple(bound(ending.when) for ending in case.endings)
        self._handlers = tuple(
            bound(handler.when) if handler.when is not None else None for handler in case.handlers
        )

    def each_step(self, body: Body) -> None:
        """Do what is due, watch guards, and see whether the case ends."""
        state = self.state
        state.step += 1
        while state.pending and state.pending[0][0] <= state.step:
            effect = state.pending[0][2]
            state.pending = state.pending[1:]
            self._apply(body, effect)
        if not self._stable():
            state.stable = NEVER
        elif state.stable == NEVER:
            state.stable = state.step
        self._watch_guards(body)
        if not state.result:
            self._watch_endings()

    def order(self, body: Body, order: Order) -> bool:
        """Take an order; see `room orders` in the README for the kinds."""
        data = order.data
        match order.kind:
            case "act":
                self.act(body, data["name"], data.get("dose", ""))
            case "fault":
                self._fault(data["fault"], data["sensor"], float(data.get("for", 60.0)),
                            data.get("value"))  # fmt: skip
            case "say":
                who, text = str(data.get("who", "worker")), str(data["text"])
                self.state.said = (*self.state.said, (self.state.second, who, text))
            case "finding":
                self._finding(data["name"], data["text"])
            case "bookmark":
                mark = (self.state.second, str(data.get("text", "")))
                self.state.bookmarks = (*self.state.bookmarks, mark)
            case "end":
                self.state.result = str(data.get("result", "ended"))
            case _:
                return False
        return True

    def act(self, body: Body, name: str, dose: str = "") -> Given:
        """Carry out an action and what the case adds to it."""
        given = body.act(name, dose)
        counts = dict(self.state.counts)
        counts[name] = counts.get(name, 0) + 1
        self.state.counts = tuple(sorted(counts.items()))
        self.state.disposed = float(sum(counts.get(each, 0) for each in DISPOSITIONS))
        self._dose = given.dose
        for handler, when in zip(self.case.handlers, self._handlers, strict=True):
            if handler.action == name and (when is None or when()):
                self._cancel(handler.effects)
                self._all(body, handler.effects)
        return given

    def _cancel(self, effects: tuple[Effect, ...]) -> None:
        """Take from the timeline what it had in store for the knobs that an action turns."""
        turned = {effect.name for effect in effects if effect.kind == "knob"}
        self.state.pending = tuple(
            entry for entry in self.state.pending
            if entry[1] > self.state.planned or entry[2].kind != "knob"
            or entry[2].name not in turned
        )  # fmt: skip

    def reader(self, body: Body, name: str) -> Read:
        """Return what reads a variable as conditions see it."""
        own: dict[str, Read] = {
            "t": lambda: self.state.step / STEPS_PER_S,
            "stable_for": lambda: self.state.stable_s,
            "dose": lambda: self._dose,
            "resolved": lambda: float(self.state.result == "survived"),
            "disposition": lambda: self.state.disposed,
        }
        if name in own:
            return own[name]
        if name.startswith("faults_"):
            return lambda: self._faulty(name.removeprefix("faults_"))
        if name in ACTIONS:
            return lambda: self._count(name)
        return body.reader(name)

    def _faulty(self, sensor: str) -> float:
        """Return how many faults a sensor has now."""
        now_s = self.now_s()
        return float(sum(f.sensor == sensor and f.at(now_s) for f in self.state.faults))

    def _mend(self, sensor: str, kind: str) -> None:
        """End a fault that is on; those to come come."""
        now_s = self.now_s()
        self.state.faults = tuple(
            replace(f, end_s=now_s) if (f.sensor, f.kind) == (sensor, kind) and f.at(now_s) else f
            for f in self.state.faults
        )

    def _count(self, action: str) -> float:
        for name, count in self.state.counts:
            if name == action:
                return float(count)
        return 0.0

    def _watch_guards(self, body: Body) -> None:
        state = self.state
        for index, guard in enumerate(self.case.guards):
            if state.fired[index] and not guard.again:
                continue
            since = state.held[index]
            if not self._guards[index]():
                if since != NEVER:
                    state.held = _with(state.held, index, NEVER)
                    state.fired = _with(state.fired, index, False)
                continue
            if since == NEVER:
                since = state.step
                state.held = _with(state.held, index, since)
            if not state.fired[index] and state.step - since >= guard.for_s * STEPS_PER_S:
                state.fired = _with(state.fired, index, True)
                self._all(body, guard.effects)

    def _watch_endings(self) -> None:
        state = self.state
        for index, ending in enumerate(self.case.endings):
            since = state.ending[index]
            if not self._endings[index]():
                if since != NEVER:
                    state.ending = _with(state.ending, index, NEVER)
                continue
            if since == NEVER:
                since = state.step
                state.ending = _with(state.ending, index, since)
            if state.step - since >= ending.for_s * STEPS_PER_S:
                state.result = ending.result
                return

    def _all(self, body: Body, effects: tuple[Effect, ...]) -> None:
        for effect in effects:
            if effect.after_s > 0.0:
                self._later(effect, self.state.step + _steps(effect.after_s))
            else:
                self._apply(body, effect)

    def _later(self, effect: Effect, step: int) -> None:
        state = self.state
        state.sequence += 1
        entry = (step, state.sequence, effect)
        state.pending = tuple(sorted((*state.pending, entry), key=lambda each: each[:2]))

    def _apply(self, body: Body, effect: Effect) -> None:
        options = dict(effect.options)
        match effect.kind:
            case "knob":
                self._turn(body, effect)
            case "rhythm":
                body.set_rhythm(effect.name, effect.value)
            case "act":
                self.act(body, effect.name, effect.text)
            case "say":
                said = (self.state.second, effect.name, effect.text)
                self.state.said = (*self.state.said, said)
            case "finding":
                self._finding(effect.name, effect.text)
            case "mend":
                self._mend(effect.text, effect.name)
            case "fault":
                value = options.get("value")
                self._fault(effect.name, str(options["sensor"]), effect.over_s,
                            None if value is None else float(value))  # fmt: skip

    def _turn(self, body: Body, effect: Effect) -> None:
        now = body.engine.get(effect.name)
        wanted = {
            "to": effect.value,
            "mul": now * effect.value,
            "add": now + effect.value,
            "hold": now,
        }[effect.how]
        limits = KNOBS[effect.name]
        body.turn(effect.name, min(max(wanted, limits.low), limits.high), effect.over_s)

    def _finding(self, name: str, text: str) -> None:
        findings = {**dict(self.state.findings), name: text}
        self.state.findings = tuple(sorted(findings.items()))

    def _fault(self, kind: str, sensor: str, seconds: float, value: float | None) -> None:
        fault = make_fault(kind, sensor, self.now_s(), seconds, value)
        self.state.faults = (*self.state.faults, fault)


def _steps(seconds: float) -> int:
    return round(seconds * STEPS_PER_S)


def _with(values: tuple[Any, ...], index: int, value: Any) -> tuple[Any, ...]:
    return (*values[:index], value, *values[index + 1 :])


def make_case_patient(case: Case, seed: int = 0, exam: bool = False) -> PhysiologyPatient:
    """Return the patient of ``case``, with waves; ``exam`` draws no lots."""
    director = CaseDirector(case)
    patient = PhysiologyPatient(
        case.person, seed, case.rhythm, director, prepare=lambda body: _begin(director, body, exam)
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
        self.body = Body(case.person, seed)
        _begin(self.director, self.body, exam)

    def advance(self, seconds: float) -> None:
        """Live so many seconds."""
        for _ in range(_steps(seconds)):
            self.body.advance(1)
            self.director.each_step(self.body)

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
