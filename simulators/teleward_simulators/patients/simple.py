"""A simple simulated patient: what you see in the numbers is what the waves do.

Heart rate and pulse rate are counted from the same beats that draw ECG and pleth, the respiratory
rate from the breaths that draw the respiration wave. Nothing reacts to treatment here.
"""

from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray

from teleward_simulators.patients.beats import EventTrain
from teleward_simulators.patients.profiles import PROFILES, Profile, Trend
from teleward_simulators.patients.waves import ECG_II, PULSE, add_bumps, place

BLOCK_S = 2.0
"""Waves are drawn in blocks of this length; noise is seeded by the block and so repeatable."""
CACHED_BLOCKS = 8
AVERAGE_S = 10.0
"""Rates are averaged over the newest ten seconds, as monitors do."""

_HEART, _BREATH = 1, 2
_NOISE = {"ecg_ii": (3, 0.012), "pleth": (4, 0.004), "respiration": (5, 0.004)}
"""Random stream and SD of the sensor noise, in the unit of the metric."""


class SimplePatient:
    """A seeded patient after a `Profile`; implements `VitalSource`."""

    def __init__(self, profile: str | Profile, seed: int) -> None:
        self.profile = PROFILES[profile] if isinstance(profile, str) else profile
        self.seed = seed
        self._hearts = EventTrain(seed, _HEART, self._rr_s, self.profile.irregularity)
        self._breaths = EventTrain(seed, _BREATH, self._breath_s, 0.05)
        self._blocks: OrderedDict[tuple[str, float, int], NDArray[np.float32]] = OrderedDict()

    def _rr_s(self, time_s: float) -> float:
        sway = 1.0 + 0.02 * np.sin(2 * np.pi * time_s / 4.3) * (self.profile.irregularity < 0.1)
        return float(60.0 / self.profile.heart_rate.at(time_s) * sway)

    def _breath_s(self, time_s: float) -> float:
        return 60.0 / self.profile.respiratory_rate.at(time_s)

    def metrics(self) -> frozenset[str]:
        """Return everything a simple patient can be asked for."""
        return frozenset(_NOISE) | {
            "heart_rate", "pulse_rate", "respiratory_rate", "spo2", "perfusion_index",
            "body_temperature", "nibp_systolic", "nibp_diastolic", "nibp_mean",
        }  # fmt: skip

    def beats(self, start_s: float, end_s: float) -> list[float]:
        """Return the R peaks in [start_s, end_s)."""
        return self._hearts.between(start_s, end_s)

    def numeric(self, metric: str, time_s: float) -> float | None:
        """Return the value at ``time_s``; rates are those of the newest `AVERAGE_S` seconds."""
        if metric in ("heart_rate", "pulse_rate"):
            return _rate(self._hearts.between(time_s - AVERAGE_S, time_s))
        if metric == "respiratory_rate":
            return _rate(self._breaths.between(time_s - 3 * AVERAGE_S, time_s))
        if metric == "nibp_mean":
            low = self.profile.nibp_diastolic.at(time_s)
            return round(low + (self.profile.nibp_systolic.at(time_s) - low) / 3)
        trend = getattr(self.profile, metric, None)
        if not isinstance(trend, Trend):
            return None
        # a slow sway of half a percent keeps numbers from standing still
        sway = 1.0 + 0.005 * np.sin(2 * np.pi * (time_s / 47.0 + self.seed * 0.137))
        value = trend.at(time_s) * (sway if metric != "body_temperature" else 1.0)
        return float(min(value, 100.0) if metric == "spo2" else value)

    def waveform(self, metric: str, fs: float, first: int, count: int) -> NDArray[np.float32]:
        """Return samples in mV, relative units or Ohm, float32, shape (count,)."""
        size = round(BLOCK_S * fs)
        parts = []
        position, stop = first, first + count
        while position < stop:
            number, offset = divmod(position, size)
            part = self._block(metric, fs, number, size)[offset : offset + stop - position]
            parts.append(part)
            position += len(part)
        return np.concatenate(parts) if parts else np.empty(0, np.float32)

    def _block(self, metric: str, fs: float, number: int, size: int) -> NDArray[np.float32]:
        key = (metric, fs, number)
        if key not in self._blocks:
            self._blocks[key] = self._draw(metric, fs, number, size)
            if len(self._blocks) > CACHED_BLOCKS:
                self._blocks.popitem(last=False)
        return self._blocks[key]

    def _draw(self, metric: str, fs: float, number: int, size: int) -> NDArray[np.float32]:
        stream, noise_sd = _NOISE[metric]
        key = np.array([self.seed, stream], dtype=np.uint64)
        generator = np.random.Generator(np.random.Philox(key=key, counter=number))
        out = generator.standard_normal(size, dtype=np.float32) * np.float32(noise_sd)
        start, end = number * size / fs, (number + 1) * size / fs
        if metric == "respiration":
            self._draw_breaths(out, number * size, fs, start, end)
            return out
        beats = np.array(self._hearts.between(start - 2.0, end + 1.0))
        if metric == "ecg_ii":
            shape = ECG_II if self.profile.p_wave else ECG_II[1:]
            add_bumps(out, number * size, fs, *place(shape, beats))
            seconds = (number * size + np.arange(size)) / fs
            out += (0.04 * np.sin(2 * np.pi * 0.21 * seconds)).astype(np.float32)
        else:
            add_bumps(out, number * size, fs, *place(PULSE, beats))
        return out

    def _draw_breaths(
        self, out: NDArray[np.float32], first: int, fs: float, start_s: float, end_s: float
    ) -> None:
        times = np.array(self._breaths.between(start_s - 20.0, end_s + 20.0))
        phase = np.interp((first + np.arange(len(out))) / fs, times, np.arange(len(times)))
        out += (0.5 - 0.5 * np.cos(2 * np.pi * phase)).astype(np.float32)


def _rate(times: list[float]) -> float | None:
    if len(times) < 2:
        return None
    return 60.0 * (len(times) - 1) / (times[-1] - times[0])
