"""What heart and lung did in the last minutes, and the waves drawn from it.

Events go in once, in order of time, and are never changed; samples are drawn from them on request,
so numbers and waves cannot disagree and the same request gives the same samples.
"""

from bisect import bisect_left
from collections import deque
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from teleward_simulators.waveforms import breath, ecg, pulse
from teleward_simulators.waveforms.ecg import Segment
from teleward_simulators.waveforms.leads import LEADS, MATRIX, N_BASE

KEEP_S = 120.0
"""How far back events are kept; older questions are answered by going back to a checkpoint."""
BEFORE_S, AFTER_S = 1.2, 1.0
"""A beat's bumps reach at most this far before and after the samples that show them."""
WAVES = (*LEADS, "pleth", "arterial_pressure", "respiration", "capnogram")


class Traces:
    """The events of one patient and their waves."""

    def __init__(self, seed: int, start_s: float = 0.0) -> None:
        self.seed = seed
        self.from_s = start_s
        self.beats: list[float] = []
        self.felt: list[float] = []
        self.breaths: list[tuple[float, ...]] = []
        self.segments: list[Segment] = []
        self._bumps: deque[tuple[float, NDArray[np.float64]]] = deque()
        self._pulses: deque[tuple[float, float, float, float, float, float]] = deque()

    def add_bumps(self, time_s: float, bumps: NDArray[np.float64]) -> None:
        """Add the electrical bumps of an event."""
        self._bumps.append((time_s, bumps))

    def add_beat(self, time_s: float) -> None:
        """Add an R peak."""
        self.beats.append(time_s)

    def add_pulse(
        self, foot_s: float, height: float, rr_s: float, pressure: tuple[float, float], felt: bool,
        rise_s: float = pulse.RISE_SD,
    ) -> None:  # fmt: skip
        """Add a pulse: ``height`` at the finger, systolic and diastolic ``pressure`` in mmHg."""
        systolic, diastolic = pressure
        stretch = pulse.stretch_of(rr_s)
        rise = (systolic - diastolic, diastolic, rise_s)
        self._pulses.append((foot_s, height, stretch, *rise))
        if felt:
            self.felt.append(foot_s)

    def add_breath(
        self, start_s: float, inspiration_s: float, whole_s: float, litres: float, peak: float,
        tau_s: float,
    ) -> None:  # fmt: skip
        """Add a breath; ``peak`` is its end-tidal carbon dioxide in mmHg."""
        self.breaths.append((start_s, inspiration_s, whole_s, litres, peak, tau_s))

    def run(self, kinds: tuple[str, ...], time_s: float, phase: float) -> None:
        """Switch these running segments on from ``time_s``, and end all others."""
        self.segments = [
            replace(segment, end_s=min(segment.end_s, time_s))
            if segment.kind not in kinds else segment
            for segment in self.segments
        ]  # fmt: skip
        on = {segment.kind for segment in self.segments if segment.end_s > time_s}
        for kind in kinds:
            if kind not in on:
                self.segments.append(Segment(kind, time_s, float("inf"), phase))

    def forget(self, time_s: float) -> None:
        """Drop what lies more than `KEEP_S` before ``time_s``."""
        limit = time_s - KEEP_S
        if limit <= self.from_s + 10.0:
            return
        self.from_s = limit
        for times in (self.beats, self.felt):
            del times[: bisect_left(times, limit)]
        while self.breaths and self.breaths[0][0] < limit:
            del self.breaths[0]
        while self._bumps and self._bumps[0][0] < limit:
            self._bumps.popleft()
        while len(self._pulses) > 1 and self._pulses[0][0] < limit:
            self._pulses.popleft()
        self.segments = [segment for segment in self.segments if segment.end_s >= limit]

    def leads(
        self, matrix: NDArray[np.float64], fs: float, first: int, count: int
    ) -> NDArray[np.float32]:
        """Return ECG samples in mV, float32, shape (n_leads, count)."""
        start_s, end_s = first / fs - AFTER_S, (first + count) / fs + BEFORE_S
        near = [bumps for time_s, bumps in self._bumps if start_s <= time_s < end_s]
        bumps = np.concatenate(near) if near else np.empty((0, 3 + N_BASE))
        segments = [s for s in self.segments if s.end_s > start_s and s.start_s < end_s]
        return ecg.draw(first, count, fs, matrix, bumps, segments, self.seed)

    def wave(self, metric: str, fs: float, first: int, count: int) -> NDArray[np.float32]:
        """Return samples of one wave in the unit of the vocabulary, shape (count,)."""
        if metric in LEADS:
            row = list(LEADS).index(metric)
            return self.leads(MATRIX[row : row + 1], fs, first, count).reshape(-1)
        start_s, end_s = first / fs, (first + count) / fs
        if metric in ("pleth", "arterial_pressure"):
            return self._pulse_wave(metric, fs, first, count, start_s, end_s)
        near = [b for b in self.breaths if b[0] < end_s and b[0] + b[2] + 0.2 > start_s]
        breaths = np.array(near) if near else np.empty((0, 6))
        draw = breath.draw_chest if metric == "respiration" else breath.draw_capnogram
        return draw(first, count, fs, breaths, self.seed)

    def _pulse_wave(
        self, metric: str, fs: float, first: int, count: int, start_s: float, end_s: float
    ) -> NDArray[np.float32]:
        near = [p for p in self._pulses if start_s - 1.2 <= p[0] < end_s + 0.4]
        rows = np.array(near) if near else np.empty((0, 6))
        if metric == "pleth":
            return pulse.draw_ppg(first, count, fs, rows[:, [0, 1, 2, 5]].copy(), self.seed)
        pulses = rows[:, [0, 3, 2, 5]].copy()
        pulses[:, 3] *= pulse.ARTERIAL_RISE
        before = [p for p in self._pulses if p[0] < start_s - 1.2][-1:]
        feet = np.array([[p[0], p[4]] for p in (*before, *near)] or [[start_s, 5.0]])
        return pulse.draw_pressure(first, count, fs, pulses, feet, self.seed)
