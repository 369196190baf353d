"""The director of a case: ramps and timers by time, handlers by action, guards by condition.

Ten times a second of case time, always in this order:

    orders -> ramps and body -> rhythm -> what is due -> guards -> worker -> endings
                                                                      (handlers: with acts)

All of it is a function of the case, the seed and the orders, so a log of orders replays exactly.
Nothing here knows a clock.
"""

import copy
from collections.abc import Callable
from dataclasses import replace

from teleward_simulators.cases.answers.answer import Texts, same_in_all
from teleward_simulators.cases.dispositions import ORDERED
from teleward_simulators.cases.endings import EndingWatch, disposition_matches, with_value
from teleward_simulators.cases.expression import Expression, Read
from teleward_simulators.cases.inventory import stock_of
from teleward_simulators.cases.model import Case, Effect
from teleward_simulators.cases.script import NEVER, Script, Sentence
from teleward_simulators.cases.voice import (
    LOOK_STEPS,
    mood,
    read_back,
)
from teleward_simulators.cases.worker_side import FINDS_OUT, WorkerSide, steps_of
from teleward_simulators.physiology.actions import ACTIONS
from teleward_simulators.physiology.body import Body
from teleward_simulators.physiology.engine import STEPS_PER_S
from teleward_simulators.physiology.knobs import KNOBS
from teleward_simulators.physiology.layers import Layer
from teleward_simulators.physiology.orders import Order
from teleward_simulators.physiology.units import parse_dose
from teleward_simulators.physiology.vital import Given
from teleward_simulators.sensors.faults import make_fault

CHRONIC_S = 3600.0
"""What a person has had for long has found its balance before the case begins."""
LAYERS = {"mul": "factor", "add": "shift"}
"""What an action does to a knob -> the kind of layer."""


class CaseDirector(WorkerSide):
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
        self._stock = stock_of(case)
        self._attended = case.schema > 1 and case.setting.get("staff") != "none"
        self._harms = {m.action: m.effects for m in case.marks if m.effects}

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
                    self._later(effect, steps_of(timed.at_s + effect.after_s))
        self.state.planned = self.state.sequence

    def _bind(self, body: Body) -> None:
        """Bind every condition to the body, so that a look at it is cheap."""

        def bound(expression: Expression) -> Read:
            return expression.bind(lambda name: self.reader(body, name))

        case = self.case
        self._stable = bound(case.stable)
        self._guards = tuple(bound(guard.when) for guard in case.guards)
        self._bound = bound
        self._ending_watch = EndingWatch(case, body, bound, lambda step: self._survives(body, step))
        self._handlers = tuple(
            bound(handler.when) if handler.when is not None else None for handler in case.handlers
        )

    def each_step(self, body: Body, steps: int = 1) -> None:
        """Do what is due, watch guards and the worker, and see whether the case ends."""
        state = self.state
        state.step += steps
        while state.pending and state.pending[0][0] <= state.step:
            effect = state.pending[0][2]
            state.pending = state.pending[1:]
            self._apply(body, effect)
        if not self._stable():
            state.stable = NEVER
        elif state.stable == NEVER:
            state.stable = state.step
        self._watch_guards(body)
        if self._attended and state.step % LOOK_STEPS < steps:
            self._watch_patient(body)
        if state.tasks and state.tasks[0].sample_step <= state.step:
            self._sample(body)
        if not state.result:
            state.result = self._ending_watch.look(state)

    def _survives(self, body: Body, step: int) -> bool:
        """Return whether the heart would beat at ``step`` were nothing more done.

        Lived ahead once a second and taken back: nobody sees it.
        """
        before, state, listener = body.snapshot(), copy.copy(self.state), body.on_rhythm
        body.on_rhythm = None
        self.state.result = "left"
        while self.state.step < step and body.engine.get("pulse") > 0.5:
            body.advance(STEPS_PER_S)
            self.each_step(body, STEPS_PER_S)
        beats = body.engine.get("pulse") > 0.5
        body.restore(before)
        body.on_rhythm = listener
        for name in Script.__slots__:
            setattr(self.state, name, getattr(state, name))
        return beats

    def order(self, body: Body, order: Order) -> bool:
        """Take an order; see `room orders` in the README for the kinds."""
        data = order.data
        match order.kind:
            case "act":
                self.act(body, data["name"], data.get("dose", ""), bool(data.get("confirmed")))
            case "fault":
                self._fault(data["fault"], data["sensor"], float(data.get("for", 60.0)),
                            data.get("value"))  # fmt: skip
            case "ask":
                self.ask(body, data["name"], str(data.get("by", "learner")))
            case "say":
                who, text = str(data.get("who", "worker")), same_in_all(str(data["text"]))
                self.state.messages = (*self.state.messages, Sentence(self.state.second, who, text))
            case "finding":
                self._finding(data["name"], same_in_all(str(data["text"])))
            case "bookmark":
                mark = (self.state.second, str(data.get("text", "")))
                self.state.bookmarks = (*self.state.bookmarks, mark)
            case "end":
                self.state.result = str(data.get("result", "ended"))
            case _:
                return False
        return True

    def act(self, body: Body, name: str, dose: str = "", confirmed: bool = False) -> Given:
        """Carry out an action and what the case adds to it; or wait, ask or refuse, with a flag.

        A dose that was ``confirmed`` is not asked back.
        """
        held_back = self._held_back(body, name, dose, confirmed)
        if held_back:
            return Given(body.engine.steps, name, 0.0, (held_back,))
        action = ACTIONS[name]
        if action.unit and name not in ORDERED and self._attended:  # first: then it takes effect
            amount = parse_dose(dose, action.unit) if dose else action.usual
            self._speak(read_back(action, amount, mood(body, bool(self.state.tasks))))
        return self._do(body, name, dose)

    def _do(self, body: Body, name: str, dose: str, asked: str = "", by: str = "learner") -> Given:
        given = body.act(name, dose)
        state = self.state
        counts = dict(state.counts)
        counts[name] = counts.get(name, 0) + 1
        state.counts = tuple(sorted(counts.items()))
        if name in ORDERED:
            state.disposed = (name, given.dose if dose else None, state.step)
        self._dose = given.dose
        for handler, when in zip(self.case.handlers, self._handlers, strict=True):
            if handler.action == name and (when is None or when()):
                self._cancel(handler.effects)
                self._all(body, handler.effects)
        self._all(body, self._harms.get(name, ()))
        if name in FINDS_OUT:
            self._queue(asked or name, by)
        return given

    def _cancel(self, effects: tuple[Effect, ...]) -> None:
        """Take from the timeline what it had in store for the knobs that the case turns itself.

        What an action adds or multiplies lies on top, and cancels nothing.
        """
        turned = {e.name for e in effects if e.kind == "knob" and not e.layered}
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
            "disposition": lambda: float(disposition_matches(self.case, self.state)),
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

    def _repair(self, sensor: str, kind: str) -> None:
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
                    state.held = with_value(state.held, index, NEVER)
                    state.fired = (*state.fired[:index], False, *state.fired[index + 1 :])
                continue
            if since == NEVER:
                since = state.step
                state.held = with_value(state.held, index, since)
            if not state.fired[index] and state.step - since >= guard.for_s * STEPS_PER_S:
                state.fired = (*state.fired[:index], True, *state.fired[index + 1 :])
                self._all(body, guard.effects)

    def _all(self, body: Body, effects: tuple[Effect, ...]) -> None:
        for effect in effects:
            if effect.after_s > 0.0:
                self._later(effect, self.state.step + steps_of(effect.after_s))
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
                self._do(body, effect.name, effect.text)
            case "say":
                self._speak(effect.texts)
            case "delay":
                self.state.away = max(self.state.away, self.state.step + steps_of(effect.value))
            case "end":
                self.state.result = self.state.result or effect.name
            case "finding":
                self._finding(effect.name, effect.texts)
            case "mend":
                self._repair(effect.text, effect.name)
            case "fault":
                value = options.get("value")
                self._fault(effect.name, str(options["sensor"]), effect.over_s,
                            None if value is None else float(value))  # fmt: skip

    def _turn(self, body: Body, effect: Effect) -> None:
        if effect.layered and effect.how in LAYERS:
            body.engine.lay(Layer(effect.name, LAYERS[effect.how], effect.value, effect.over_s,
                                  effect.hold_s, effect.wane_s))  # fmt: skip
            return
        now = body.engine.course_of(effect.name)
        wanted = {
            "to": effect.value,
            "mul": now * effect.value,
            "add": now + effect.value,
            "hold": now,
        }[effect.how]
        limits = KNOBS[effect.name]
        body.turn(effect.name, min(max(wanted, limits.low), limits.high), effect.over_s)

    def _finding(self, name: str, texts: Texts) -> None:
        findings = {**dict(self.state.findings), name: texts}
        self.state.findings = tuple(sorted(findings.items()))

    def _fault(self, kind: str, sensor: str, seconds: float, value: float | None) -> None:
        fault = make_fault(kind, sensor, self.now_s(), seconds, value)
        self.state.faults = (*self.state.faults, fault)
