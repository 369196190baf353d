"""Play a case on a body: ramps and timers by time, handlers by action, guards by condition.

Once a second of case time, in this order: what is due, guards, endings. All of it is a function of
the case, the seed and the orders, so a log of orders replays exactly. Nothing here knows a clock.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from teleward_simulators.cases.expression import Value
from teleward_simulators.cases.model import Case, Effect
from teleward_simulators.physiology.actions import ACTIONS
from teleward_simulators.physiology.body import Body, Given
from teleward_simulators.physiology.knobs import KNOBS
from teleward_simulators.physiology.patient import Order, PhysiologyPatient
from teleward_simulators.sensors.faults import ActiveFault, make_fault

CHRONIC_S = 3600.0
"""What a person has had for long has found its balance before the case begins."""
DISPOSITIONS = ("transfer", "discharge", "observe", "refer_emergency", "handover")


@dataclass(slots=True)
class Script:
    """Where a case is; values are immutable, so that a shallow copy is a snapshot."""

    second: int = 0
    pending: tuple[tuple[int, int, Effect], ...] = ()
    sequence: int = 0
    planned: int = 0
    """Entries up to this number belong to the timeline of the file."""
    held: tuple[int, ...] = ()
    fired: tuple[bool, ...] = ()
    ending: tuple[int, ...] = ()
    counts: tuple[tuple[str, int], ...] = ()
    stable_s: int = 0
    result: str = ""
    said: tuple[tuple[int, str, str], ...] = ()
    findings: tuple[tuple[str, str], ...] = ()
    faults: tuple[ActiveFault, ...] = ()
    bookmarks: tuple[tuple[int, str], ...] = ()


@dataclass(slots=True)
class CaseDirector:
    """Implements `Director` for one case; ``now_s`` gives device time."""

    case: Case
    now_s: Callable[[], float] = lambda: 0.0
    state: Script = field(default_factory=Script)

    def __post_init__(self) -> None:
        self.state.held = (0,) * len(self.case.guards)
        self.state.fired = (False,) * len(self.case.guards)
        self.state.ending = (0,) * len(self.case.endings)

    def prepare(self, body: Body) -> None:
        """Make the body that of the case at its start."""
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
                    self._later(effect, int(timed.at_s + effect.after_s))
        self.state.planned = self.state.sequence

    def each_second(self, body: Body) -> None:
        """Do what is due, watch guards, and see whether the case ends."""
        state = self.state
        state.second += 1
        while state.pending and state.pending[0][0] <= state.second:
            effect = state.pending[0][2]
            state.pending = state.pending[1:]
            self._apply(body, effect)
        lookup = self._lookup(body)
        state.stable_s = state.stable_s + 1 if self.case.stable.holds(lookup) else 0
        self._watch_guards(body, lookup)
        if not state.result:
            self._watch_endings(lookup)

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
        lookup = self._lookup(body, given.dose)
        for handler in self.case.handlers:
            if handler.action == name and (handler.when is None or handler.when.holds(lookup)):
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

    def _lookup(self, body: Body, dose: float = 0.0) -> Callable[[str], Value]:
        state = self.state
        counts = dict(state.counts)

        def lookup(name: str) -> Value:
            match name:
                case "t":
                    return float(state.second)
                case "stable_for":
                    return float(state.stable_s)
                case "dose":
                    return dose
                case "disposition":
                    return float(sum(counts.get(each, 0) for each in DISPOSITIONS))
            return float(counts.get(name, 0)) if name in ACTIONS else body.variable(name)

        return lookup

    def _watch_guards(self, body: Body, lookup: Callable[[str], Value]) -> None:
        state = self.state
        for index, guard in enumerate(self.case.guards):
            if state.fired[index] and not guard.again:
                continue
            holds = guard.when.holds(lookup)
            held = state.held[index] + 1 if holds else 0
            state.held = _with(state.held, index, held)
            if not holds:
                state.fired = _with(state.fired, index, False)
            elif held > guard.for_s and not state.fired[index]:
                state.fired = _with(state.fired, index, True)
                self._all(body, guard.effects)

    def _watch_endings(self, lookup: Callable[[str], Value]) -> None:
        state = self.state
        for index, ending in enumerate(self.case.endings):
            held = state.ending[index] + 1 if ending.when.holds(lookup) else 0
            state.ending = _with(state.ending, index, held)
            if held > ending.for_s:
                state.result = ending.result
                return

    def _all(self, body: Body, effects: tuple[Effect, ...]) -> None:
        for effect in effects:
            if effect.after_s > 0.0:
                self._later(effect, self.state.second + int(effect.after_s))
            else:
                self._apply(body, effect)

    def _later(self, effect: Effect, second: int) -> None:
        state = self.state
        state.sequence += 1
        entry = (second, state.sequence, effect)
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


@dataclass(slots=True)
class CaseRun:
    """A case without waves, for checks and plots: body and director in case time."""

    case: Case
    seed: int = 0
    exam: bool = True
    body: Body = field(init=False)
    director: CaseDirector = field(init=False)

    def __post_init__(self) -> None:
        self.director = CaseDirector(self.case)
        self.body = Body(self.case.person, self.seed)
        self.director.now_s = lambda: self.body.engine.time_s
        _begin(self.director, self.body, self.exam)

    def advance(self, seconds: int) -> None:
        """Live so many seconds."""
        for _ in range(seconds):
            self.body.advance(10)
            self.director.each_second(self.body)

    def act(self, name: str, dose: str = "") -> Given:
        """Carry out an action now."""
        return self.director.act(self.body, name, dose)

    def variable(self, name: str) -> Value:
        """Return a variable as conditions see it."""
        return self.director._lookup(self.body)(name)


def without(case: Case, action: str) -> Case:
    """Return ``case`` with ``action`` left out of its treatment."""
    kept = tuple(step for step in case.treatment if step.action != action)
    return replace(case, treatment=kept)
