"""Time the P and QRS events of a rhythm, one cycle at a time; nothing is drawn here.

    state + rate now --cycle--> events, state with the start of the next cycle

A mechanical ``strength`` comes with each QRS: early beats find an empty ventricle. A beat below
`FELT` makes no pulse at the wrist, so ECG and pulse rate differ where they do in people.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from teleward_simulators.draws import Stream, normal, uniform
from teleward_simulators.rhythms.sway import Sway, sway_of
from teleward_simulators.rhythms.table import RHYTHMS, Atria, Rhythm

FELT = 0.62
"""Filling below this share makes no palpable pulse: AF at 150 then feels like 118."""
REFRACTORY_S = 0.25
HYPERKALAEMIC_PR = 6.0
"""mmol/L above which conduction slows; P waves are lost 0.8 mmol/L higher."""
WENCKEBACH_PR_S = (0.20, 0.29, 0.34, 0.37)


@dataclass(frozen=True, slots=True)
class Electric:
    """One event: a P or a QRS at ``time_s``.

    ``rr_s`` is the interval that T and QT follow, ``strength`` the filling of the ventricle,
    ``angle`` turns the axis (torsades), ``scale`` the height.
    """

    time_s: float
    kind: str
    shape: str
    rr_s: float
    strength: float = 1.0
    scale: float = 1.0
    angle: float = 0.0


@dataclass(slots=True)
class TrainState:
    """Where a train is; plain numbers, so that a copy is a snapshot."""

    next_s: float = 0.0
    next_p_s: float = 0.0
    last_qrs_s: float = -1.0
    cycle: int = 0
    step: int = 0
    group: int = 4


@dataclass(frozen=True, slots=True)
class Tempo:
    """The body's state now: ventricular rate and breaths per minute, K in mmol/L.

    ``vagal`` is the tone over that at rest; the newest breath began at ``breath_start_s``.
    """

    rate: float
    breaths: float = 14.0
    potassium: float = 4.2
    mean_rr_s: float = 0.8
    vagal: float = 1.0
    breath_start_s: float = 0.0
    breath_length_s: float = 0.0


class Scheduler:
    """Makes the events of one heart; deterministic by ``seed`` and its timed inputs."""

    def __init__(self, seed: int, rhythm: str = "sinus", sway: Sway | None = None) -> None:
        self.seed = seed
        self.sway = sway or sway_of(40.0, "F", seed)
        self.rhythm: Rhythm = RHYTHMS[rhythm]
        self.state = TrainState(next_s=0.2, next_p_s=0.11)

    def change(self, rhythm: str, time_s: float, pause_s: float = 0.0) -> None:
        """Switch to ``rhythm`` at the next cycle after ``time_s``, after a pause."""
        self.rhythm = RHYTHMS[rhythm]
        state = self.state
        # beats already fixed ahead stay, and leave the ventricle time to recover
        state.next_s = max(time_s, state.last_qrs_s + REFRACTORY_S) + pause_s
        state.next_p_s = max(state.next_p_s, time_s)
        state.step, state.group = 0, 4

    def until(self, time_s: float, tempo: Tempo) -> list[Electric]:
        """Return the events of all cycles that begin before ``time_s``, in order of cycles."""
        out: list[Electric] = []
        while self.rhythm.train != "none" and self.state.next_s < time_s:
            out += _TRAINS[self.rhythm.train](self, tempo)
            self.state.cycle += 1
        if self.rhythm.train == "none":
            self.state.next_s = max(self.state.next_s, time_s)
        if self.rhythm.atria is Atria.DISSOCIATED:
            while self.state.next_p_s < time_s:
                out.append(Electric(self.state.next_p_s, "P", "p", 0.8))
                jitter = 1.0 + 0.01 * normal(self.seed, Stream.P_WAVE, self.state.cycle)
                self.state.next_p_s += 60.0 / self.rhythm.atrial_rate * jitter
        else:
            self.state.next_p_s = max(self.state.next_p_s, time_s)
        return out

    def _jitter(self, spread: float) -> float:
        return spread * normal(self.seed, Stream.BEAT, self.state.cycle)

    def sinus_rr(self, tempo: Tempo, rate: float) -> float:
        """Return a sinus interval; its sway shrinks as the heart quickens and vagal tone leaves."""
        time_s = self.state.next_s
        ease = min(1.0, max(0.05, (130.0 - rate) / 60.0))
        length_s = tempo.breath_length_s
        phase = (time_s - tempo.breath_start_s) / length_s if length_s > 0.0 else 0.0
        vagal = min(1.3, max(0.0, tempo.vagal))
        sway = self.sway.at(time_s, phase, tempo.breaths, vagal, ease)
        return 60.0 / rate * (1.0 + sway + self._jitter(self.rhythm.spread))

    def _ventricular(self) -> str:
        """Return the form of a beat of ventricular tachycardia: one of two by person.

        With a pulse one beat in thirty meets the sinus node's: captured or fused.
        """
        if self.rhythm.pulse:
            draw = uniform(self.seed, Stream.ECTOPIC, 2 * self.state.cycle + 1)
            if draw < 0.033:
                return "normal" if draw < 0.015 else "fusion"
        return "vt" if uniform(self.seed, Stream.ECTOPIC, 0) < 0.5 else "vt_right"

    def qrs(
        self, time_s: float, rr_s: float, tempo: Tempo, shape: str = "", ectopic: bool = False
    ) -> Electric:
        """Return a QRS and remember when it was."""
        before = time_s - self.state.last_qrs_s if self.state.last_qrs_s >= 0.0 else rr_s
        self.state.last_qrs_s = time_s
        room = before - 0.2  # the ventricle ejects for about 0.2 s
        relative = room / max(0.05, tempo.mean_rr_s - 0.2)
        strength = 0.7 * relative if ectopic else max(room / 0.3, relative)
        scale = angle = 0.0
        if self.rhythm.shape == "torsades":  # the axis turns round in a spindle of eleven beats
            angle = 2.0 * math.pi * self.state.cycle / 22.0
            scale = 0.40 + 0.85 * abs(_sine(self.state.cycle / 22.0))
        elif self.rhythm.shape == "vt":
            shape = shape or self._ventricular()
        return Electric(
            time_s, "QRS", shape or self.rhythm.shape, rr_s,
            min(1.2, max(0.0, strength)), scale or 1.0, angle,
        )  # fmt: skip


def _sine(turns: float) -> float:
    return math.sin(2.0 * math.pi * turns)


def _pr(scheduler: Scheduler, tempo: Tempo) -> float:
    slow = min(0.14, 0.09 * max(0.0, tempo.potassium - HYPERKALAEMIC_PR))
    return scheduler.rhythm.pr_s + slow


def _p_and_qrs(scheduler: Scheduler, tempo: Tempo, rr_s: float) -> list[Electric]:
    """Return the events of an ordinary cycle and move on by ``rr_s``."""
    state, rhythm = scheduler.state, scheduler.rhythm
    start = state.next_s
    state.next_s += rr_s
    if rhythm.atria is Atria.SINUS:
        pr_s = _pr(scheduler, tempo)
        height = max(0.0, 1.0 - max(0.0, tempo.potassium - 6.0) / 0.8)
        return [
            Electric(start, "P", "p", rr_s, scale=height),
            scheduler.qrs(start + pr_s, rr_s, tempo),
        ]
    out = [scheduler.qrs(start, rr_s, tempo)]
    if rhythm.atria is Atria.RETROGRADE:
        out.append(Electric(start + 0.12, "P", "p", rr_s, scale=-0.8))
    return out


def _regular(scheduler: Scheduler, tempo: Tempo) -> list[Electric]:
    rhythm = scheduler.rhythm
    if rhythm.rate > 0.0:
        rr_s = 60.0 / tempo.rate * (1.0 + scheduler._jitter(rhythm.spread))
    else:
        rr_s = scheduler.sinus_rr(tempo, tempo.rate)
    return _p_and_qrs(scheduler, tempo, rr_s)


def _irregular(scheduler: Scheduler, tempo: Tempo) -> list[Electric]:
    """Log-normal intervals, as conduction of a fibrillating atrium makes them."""
    spread = scheduler.rhythm.spread
    mean = math.log(60.0 / tempo.rate) - spread * spread / 2.0
    rr_s = max(0.26, math.exp(mean + scheduler._jitter(spread)))
    return _p_and_qrs(scheduler, tempo, rr_s)


def _pauses(scheduler: Scheduler, tempo: Tempo) -> list[Electric]:
    """Pause the node for two to three seconds after five to twelve beats."""
    state = scheduler.state
    rate = tempo.rate / scheduler.rhythm.conduction
    rr_s = scheduler.sinus_rr(tempo, rate)
    state.step += 1
    if state.step >= state.group:
        draw = uniform(scheduler.seed, Stream.ECTOPIC, state.cycle)
        rr_s, state.step, state.group = 2.0 + draw, 0, 5 + int(8.0 * draw)
    return _p_and_qrs(scheduler, tempo, rr_s)


def _sick(scheduler: Scheduler, tempo: Tempo) -> list[Electric]:
    """Eight slow beats, then twelve fast ones."""
    state = scheduler.state
    state.step = (state.step + 1) % 20
    rate = tempo.rate * (0.6 if state.step < 8 else 1.8)
    return _p_and_qrs(scheduler, tempo, 60.0 / rate * (1.0 + scheduler._jitter(0.02)))


def _wenckebach(scheduler: Scheduler, tempo: Tempo) -> list[Electric]:
    """Four or five P waves, the PR growing until one is dropped."""
    state = scheduler.state
    pp_s = 60.0 / (tempo.rate / scheduler.rhythm.conduction)
    start = state.next_s
    state.next_s += pp_s * (1.0 + scheduler._jitter(scheduler.rhythm.spread))
    out = [Electric(start, "P", "p", pp_s)]
    if state.step < state.group - 1:
        out.append(scheduler.qrs(start + WENCKEBACH_PR_S[state.step], pp_s, tempo))
        state.step += 1
    else:
        draw = uniform(scheduler.seed, Stream.ECTOPIC, state.cycle)
        state.step, state.group = 0, 4 if draw < 2 / 3 else 5
    return out


def _mobitz2(scheduler: Scheduler, tempo: Tempo) -> list[Electric]:
    """Drop every third beat without warning: the PR of the others does not change."""
    state = scheduler.state
    pp_s = 60.0 / (tempo.rate / scheduler.rhythm.conduction)
    start = state.next_s
    state.next_s += pp_s * (1.0 + scheduler._jitter(scheduler.rhythm.spread))
    state.step = (state.step + 1) % 3
    out = [Electric(start, "P", "p", pp_s)]
    if state.step:
        out.append(scheduler.qrs(start + scheduler.rhythm.pr_s, pp_s, tempo))
    return out


def _ectopic(scheduler: Scheduler, tempo: Tempo) -> list[Electric]:
    """Sinus beats with early wide ones after them, and the pause that makes up for it."""
    state, rhythm = scheduler.state, scheduler.rhythm
    rr_s = scheduler.sinus_rr(tempo, tempo.rate)
    start = state.next_s
    out = _p_and_qrs(scheduler, tempo, rr_s)
    state.step += 1
    every = rhythm.every or 4 + state.group % 6
    if state.step >= every:
        coupling = 0.62 * rr_s
        for number in range(rhythm.run):
            early = start + rhythm.pr_s + coupling + number * max(0.36, 0.5 * rr_s)
            out.append(scheduler.qrs(early, rr_s, tempo, "pvc", ectopic=True))
        state.next_s = start + 2.0 * rr_s + (rhythm.run - 1) * max(0.36, 0.5 * rr_s)
        draw = uniform(scheduler.seed, Stream.ECTOPIC, state.cycle)
        state.step, state.group = 0, int(6.0 * draw)
    return out


_TRAINS: dict[str, Callable[[Scheduler, Tempo], list[Electric]]] = {
    "regular": _regular,
    "irregular": _irregular,
    "pauses": _pauses,
    "sick": _sick,
    "wenckebach": _wenckebach,
    "mobitz2": _mobitz2,
    "ectopic": _ectopic,
}
