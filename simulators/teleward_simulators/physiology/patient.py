"""A patient who reacts, as a `VitalSource`: asked by time, answered from events fixed ahead.

    device time --ticks of 0.1 s--> orders due -> body (speed times as fast) -> beats and breaths

The waves run in device time; the body runs in case time, which an instructor may speed up or hold.
Orders (what was done to the patient) are kept: going back means a checkpoint and the same orders
again, so every question about the past has its old answer and a log replays bit for bit.
"""

import bisect
import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teleward_simulators.physiology.body import Body
from teleward_simulators.physiology.circulation import RESTING_VAGAL
from teleward_simulators.physiology.orders import Director, Order, obey
from teleward_simulators.physiology.person import Person
from teleward_simulators.physiology.rates import BREATH_WINDOW_S, breathing_rate, end_tidal, rate_of
from teleward_simulators.physiology.readings import KEPT, READ
from teleward_simulators.physiology.vital import BodySnapshot, Given
from teleward_simulators.rhythms.scheduler import FELT, Electric, Scheduler, Tempo, TrainState
from teleward_simulators.rhythms.sway import breath_share, sway_of
from teleward_simulators.rhythms.table import RHYTHMS, Atria
from teleward_simulators.waveforms.pulse import ARRIVAL_S, rise_of
from teleward_simulators.waveforms.shapes import Heart, p_bumps, qrs_bumps
from teleward_simulators.waveforms.traces import WAVES, Traces

TICK_S = 0.1
TICKS_PER_S = 10
AHEAD_S = 0.3
"""Events are fixed this far ahead: a Q begins before its R is due."""
CHECKPOINT_TICKS = 600
"""A checkpoint a minute costs 2 kB."""
MOST_CHECKPOINTS = 360
"""Then every second older one goes: six hours at full detail in under 1 MB."""
WARM_TICKS = 400
"""Going back starts this long before what was asked, so that rates have their beats."""
LONGEST_S = 60.0
"""A longer stretch is answered in parts, so that its beginning is not forgotten by its end."""
LEAST_STROKE_ML = 0.2
"""Share of the resting stroke below which nothing is felt (15 mL of 72)."""
NUMBERS = (
    "heart_rate", "pulse_rate", "respiratory_rate", "spo2", "perfusion_index", "body_temperature",
    "nibp_systolic", "nibp_diastolic", "nibp_mean", "etco2", "glucose",
    "arterial_systolic", "arterial_diastolic", "arterial_mean", "urine_volume", "drain_volume",
)  # fmt: skip


@dataclass(slots=True)
class Pace:
    """Everything of a patient but body and traces; plain values, so that a copy is a snapshot."""

    tick: int = 0
    speed_tenths: int = 10
    carry: int = 0
    next_breath_s: float = 0.5
    breath: int = 0
    breath_start_s: float = 0.0
    breath_length_s: float = 0.0
    next_compression_s: float = 0.0
    mean_rr_s: float = 0.8
    last_beat_s: float = -10.0
    orders: int = 0


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """All there is to continue from at a tick."""

    pace: Pace
    body: BodySnapshot
    train: TrainState
    rhythm: str
    segments: tuple[Any, ...]
    director: Any


class PhysiologyPatient:
    """One patient; implements `VitalSource`."""

    def __init__(
        self,
        person: Person | None = None,
        seed: int = 0,
        rhythm: str = "sinus",
        director: Director | None = None,
        prepare: Callable[[Body], None] | None = None,
    ) -> None:
        self.seed = seed
        self.body = Body(person or Person(), seed)
        self.director = director
        self.orders: list[Order] = []
        self.pace = Pace(mean_rr_s=60.0 / self.body.person.hr0)
        who = self.body.person
        self.scheduler = Scheduler(seed, rhythm, sway_of(who.age, who.sex, seed))
        self._rise_s = rise_of(who.age, seed)
        self.traces = Traces(seed)
        self.body.on_rhythm = self._on_rhythm
        self._history: dict[int, tuple[float, ...]] = {}
        self._treated: list[tuple[float, Given]] = []
        if rhythm != "sinus":
            self.body.set_rhythm(rhythm)
        if prepare is not None:
            prepare(self.body)
        self._remember()
        self._checkpoints = [self._checkpoint()]

    # ------------------------------------------------------------ the seam

    def metrics(self) -> frozenset[str]:
        """Return everything this patient can be asked for."""
        return frozenset(NUMBERS) | frozenset(WAVES)

    def beats(self, start_s: float, end_s: float) -> list[float]:
        """Return the R peaks in [start_s, end_s)."""
        if end_s - start_s > LONGEST_S:
            middle = start_s + LONGEST_S
            return self.beats(start_s, middle) + self.beats(middle, end_s)
        self._ready(start_s, end_s)
        beats = self.traces.beats
        return beats[bisect.bisect_left(beats, start_s) : bisect.bisect_left(beats, end_s)]

    def waveform(self, metric: str, fs: float, first: int, count: int) -> NDArray[np.float32]:
        """Return samples in the unit of the vocabulary, float32, shape (count,)."""
        if count <= 0:
            return np.empty(0, np.float32)
        if count > LONGEST_S * fs:
            part = int(LONGEST_S * fs)
            pieces = [
                self.waveform(metric, fs, start, min(part, first + count - start))
                for start in range(first, first + count, part)
            ]
            return np.concatenate(pieces)
        self._ready(first / fs - 1.5, (first + count) / fs)
        return self.traces.wave(metric, fs, first, count)

    def leads(
        self, matrix: NDArray[np.float64], fs: float, first: int, count: int
    ) -> NDArray[np.float32]:
        """Return several ECG leads at once in mV, shape (n_leads, count)."""
        self._ready(first / fs - 1.5, (first + count) / fs)
        return self.traces.leads(matrix, fs, first, count)

    def treatments(self, after_s: float, until_s: float) -> list[tuple[float, Given]]:
        """Return what was done in (after_s, until_s], with its device time."""
        self.live(until_s)
        return [row for row in self._treated if after_s < row[0] <= until_s]

    def numeric(self, metric: str, time_s: float) -> float | None:
        """Return the true value; rates are those of the newest beats and breaths."""
        self._ready(time_s - BREATH_WINDOW_S, time_s)
        if metric == "heart_rate":
            return rate_of(self.traces.beats, time_s)
        if metric == "pulse_rate":
            return rate_of(self.traces.felt, time_s)
        if metric == "respiratory_rate":
            return breathing_rate(self.traces.breaths, time_s)
        if metric == "etco2":
            return end_tidal(self.traces.breaths, time_s)
        if metric not in NUMBERS:
            return None
        row = self._history.get(int(max(0.0, time_s)), ())
        if not row:
            return None
        known = dict(zip(KEPT, row, strict=True))
        return READ[metric](known) if metric in READ else None

    # ------------------------------------------------------------ orders and time

    @property
    def time_s(self) -> float:
        """How far the patient has been lived, in device time."""
        return self.pace.tick * TICK_S

    @property
    def case_time_s(self) -> float:
        """The same in case time."""
        return self.body.engine.time_s

    def order(self, order: Order) -> None:
        """Insert an order; one in the past is worked in by living the time since again."""
        now = self.pace.tick
        position = bisect.bisect_right([o.tick for o in self.orders], order.tick)
        self.orders.insert(position, order)
        if order.tick < now:
            self._go_back(order.tick)
            self._advance_to(now)

    def do(self, kind: str, **data: Any) -> Order:
        """Insert an order now and return it."""
        order = Order(self.pace.tick, kind, data)
        self.order(order)
        return order

    def live(self, time_s: float) -> None:
        """Live up to ``time_s`` of device time."""
        self._advance_to(math.ceil(time_s * TICKS_PER_S - 1e-9))

    def rewind(self, tick: int) -> None:
        """Forget every order from ``tick`` on and go back there."""
        self.orders = [order for order in self.orders if order.tick < tick]
        self._go_back(tick)
        self._advance_to(tick)

    def _ready(self, start_s: float, end_s: float) -> None:
        if start_s < self.traces.from_s and self.traces.from_s > 0.0:
            now = self.pace.tick
            self._go_back(int(start_s * TICKS_PER_S))
            self._advance_to(min(now, math.ceil(end_s * TICKS_PER_S)))
        self.live(end_s)

    def _go_back(self, tick: int) -> None:
        wanted = max(0, tick - WARM_TICKS)
        index = bisect.bisect_right([c.pace.tick for c in self._checkpoints], wanted) - 1
        del self._checkpoints[max(0, index) + 1 :]
        point = self._checkpoints[-1]
        self.pace = replace(point.pace)
        self.body.restore(point.body)
        self.scheduler.rhythm = RHYTHMS[point.rhythm]
        self.scheduler.state = replace(point.train)
        self.traces = Traces(self.seed, self.time_s)
        self.traces.segments = list(point.segments)
        self._history.clear()
        self._remember()
        self._treated = [row for row in self._treated if row[0] <= self.time_s]
        if self.director is not None:
            self.director.state = copy.copy(point.director)

    def _checkpoint(self) -> Checkpoint:
        return Checkpoint(
            replace(self.pace),
            self.body.snapshot(),
            replace(self.scheduler.state),
            self.scheduler.rhythm.name,
            tuple(self.traces.segments),
            copy.copy(self.director.state) if self.director is not None else None,
        )

    def _advance_to(self, tick: int) -> None:
        while self.pace.tick < tick:
            if self.pace.tick % CHECKPOINT_TICKS == 0:
                self._keep_checkpoint()
            self._tick()

    def _keep_checkpoint(self) -> None:
        if self._checkpoints[-1].pace.tick < self.pace.tick:
            self._checkpoints.append(self._checkpoint())
        if len(self._checkpoints) > MOST_CHECKPOINTS:
            half = MOST_CHECKPOINTS // 2
            self._checkpoints = self._checkpoints[:half:2] + self._checkpoints[half:]
        self.traces.forget(self.time_s)
        oldest = int(self.traces.from_s)
        self._history = {k: v for k, v in self._history.items() if k >= oldest}

    # ------------------------------------------------------------ one tick

    def _tick(self) -> None:
        pace, before = self.pace, len(self.body.vital.given)
        start = bisect.bisect_left([o.tick for o in self.orders], pace.tick)
        for order in self.orders[start:]:
            if order.tick > pace.tick:
                break
            self._obey(order)
        pace.carry += pace.speed_tenths
        steps, pace.carry = divmod(pace.carry, 10)
        self.advance_body(steps)
        pace.tick += 1
        if pace.tick % TICKS_PER_S == 0:
            self._remember()
        given = self.body.vital.given
        if len(given) > before:
            self._treated += [(pace.tick * TICK_S, each) for each in given[before:]]
        self._emit(pace.tick * TICK_S + AHEAD_S)

    def _remember(self) -> None:
        second = self.pace.tick // TICKS_PER_S
        self._history[second] = tuple(map(self.body.engine.get, KEPT))

    def advance_body(self, steps: int) -> None:
        """Move the body on; the case checks it after every step."""
        if self.director is None:
            self.body.advance(steps)
            return
        for _ in range(steps):
            self.body.advance(1)
            self.director.each_step(self.body)

    def _obey(self, order: Order) -> None:
        if order.kind == "clock":
            self.pace.speed_tenths = round(float(order.data["speed"]) * 10)
        elif self.director is None or not self.director.order(self.body, order):
            obey(self.body, order)

    def _on_rhythm(self, name: str, pause_s: float) -> None:
        now = self.time_s
        self.scheduler.change(name, now, pause_s)
        self._run_segments()
        if RHYTHMS[name].rate:
            self.pace.mean_rr_s = 60.0 / RHYTHMS[name].rate

    def _run_segments(self) -> None:
        rhythm = self.scheduler.rhythm
        kinds: tuple[str, ...] = ("vf",) if rhythm.name == "vf" else ()
        if rhythm.atria in (Atria.FLUTTER, Atria.FIBRILLATION):
            kinds += (rhythm.atria.value,)
        if self.body.engine.get("cpr") > 0.5:
            kinds += ("cpr",)
        self.traces.run(kinds, self.time_s, (self.seed % 97) / 97.0)

    # ------------------------------------------------------------ events

    def _emit(self, until_s: float) -> None:
        get, pace = self.body.engine.get, self.pace
        compressing = get("cpr") > 0.5
        if compressing != any(s.kind == "cpr" and s.end_s > until_s for s in self.traces.segments):
            self._run_segments()
        self._breathe(until_s)  # first: the heart follows the breath
        tempo = Tempo(
            max(5.0, get("hr")), get("rr"), get("k_eff"), pace.mean_rr_s,
            get("vagal") / RESTING_VAGAL, pace.breath_start_s, pace.breath_length_s,
        )  # fmt: skip
        for event in self.scheduler.until(until_s, tempo):
            if event.kind == "P":
                self.traces.add_bumps(event.time_s, p_bumps(event))
            else:
                self._beat(event)
        if compressing and get("pulse") < 0.5:
            self._compress(until_s)

    def _beat(self, event: Electric) -> None:
        get, pace = self.body.engine.get, self.pace
        injury = {name: get(name) for name in ("st_anterior", "st_inferior", "st_lateral")}
        heart = Heart(get("k_eff"), get("temperature"), get("qt"), get("injury_s"))
        bumps = qrs_bumps(event, heart, injury)
        self.traces.add_bumps(event.time_s, bumps)
        self.traces.add_beat(event.time_s)
        before = min(2.0, event.time_s - pace.last_beat_s)
        pace.last_beat_s = event.time_s
        pace.mean_rr_s += 0.1 * (before - pace.mean_rr_s)
        if get("pulse") < 0.5:
            return
        stroke = get("stroke_ml") / get("stroke0_ml")
        felt = event.strength >= FELT and stroke >= LEAST_STROKE_ML
        share = event.strength if felt else 0.12 * event.strength
        low, high = get("dbp"), get("sbp")
        self.traces.add_pulse(
            event.time_s + ARRIVAL_S, get("perfusion") / 3.0 * share, before,
            (low + (high - low) * min(1.15, share), low), felt, self._rise_s,
        )  # fmt: skip

    def _compress(self, until_s: float) -> None:
        get, pace = self.body.engine.get, self.pace
        pace.next_compression_s = max(pace.next_compression_s, self.time_s)
        while pace.next_compression_s < until_s:
            foot = pace.next_compression_s + 0.15
            self.traces.add_pulse(foot, 0.12, 0.55, (get("sbp"), get("dbp")), felt=False)
            pace.next_compression_s += 60.0 / 110.0

    def _breathe(self, until_s: float) -> None:
        get, pace = self.body.engine.get, self.pace
        while pace.next_breath_s < until_s:
            rate = get("rr")
            if rate < 1.0:
                pace.next_breath_s = until_s
                return
            narrow = min(1.0, get("bronch_eff"))
            share = 1.0 if get("bagged") > 0.5 else breath_share(self.seed, pace.breath, rate)
            whole = 60.0 / rate * share
            inspiration = whole * (0.40 - 0.15 * narrow)
            tau = 0.10 + 0.55 * narrow
            peak = get("etco2")
            litres = get("tidal_l") * share  # a longer breath is deeper
            self.traces.add_breath(pace.next_breath_s, inspiration, whole, litres, peak, tau)
            pace.breath_start_s, pace.breath_length_s = pace.next_breath_s, whole
            pace.next_breath_s += whole
            pace.breath += 1


__all__ = ["Director", "Order", "PhysiologyPatient", "obey"]
