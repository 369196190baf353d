"""Signals of a known rate for the sweep: what a front end gives of a heart, a pulse or a chest.

Shapes come from the simulators (`shapes`, `waves`, `pulse`, `breath`) and from Gaussian sums beside
them, so that no detector meets the shape of one author only.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from teleward_simulators.patients.waves import ECG_II, PULSE, add_bumps, place
from teleward_simulators.waveforms.breath import draw_chest
from teleward_simulators.waveforms.pulse import add_pulses, rise_of, stretch_of

Samples = NDArray[np.float64]
SETTLED_S = 20.0
"""Values are scored from here on: a ward looks at a patient who has been connected for a while."""
_QRS_FROM, _QRS_TO = -0.1, 0.12


@dataclass(frozen=True, slots=True)
class Cell:
    """One place of a sweep: a metric at ``fs`` Hz, its signal, the rate that is true (/min).

    ``row`` and ``column`` place it in the map; a ``truth`` of 0 means that no rate may be shown.
    """

    row: str
    column: str
    metric: str
    fs: float
    truth: float
    samples: NDArray[np.float32]


def beat_times(per_min: float, seconds: float, jitter: float, seed: int) -> Samples:
    """Return the times in s of beats whose intervals vary by ``jitter`` (share, 1 SD)."""
    random = np.random.default_rng(seed)
    count = int(seconds * per_min / 60.0) + 4
    intervals = 60.0 / per_min * (1.0 + jitter * random.standard_normal(count))
    return np.asarray(0.4 + np.cumsum(intervals) - intervals[0])


ECG_SHAPES: dict[str, NDArray[np.float64]] = {
    "narrow": ECG_II,
    "tall T": np.vstack([ECG_II[:4], [[0.26, 0.045, 0.9]]]),
    "low": ECG_II * [1.0, 1.0, 0.25],
    "inverted": ECG_II * [1.0, 1.0, -1.0],
    "biphasic": np.array(
        [[-0.16, 0.022, 0.10], [-0.012, 0.011, 0.8], [0.016, 0.012, -0.9], [0.25, 0.05, 0.2]]
    ),
    "wide": np.array([[-0.02, 0.026, 0.7], [0.04, 0.028, 0.9], [0.27, 0.06, -0.45]]),
}
PULSE_SHAPES = ("notched", "young", "old")


def ecg(shape: str, beats: Samples, fs: float, seconds: float) -> Samples:
    """Return millivolts: ``shape`` at each beat, P and T drawn nearer at fast rates."""
    out = np.zeros(int(seconds * fs), np.float32)
    bumps = ECG_SHAPES[shape].copy()
    squeeze = min(1.0, float(np.median(np.diff(beats)) / 0.8) ** 0.5)
    outside = (bumps[:, 0] < _QRS_FROM) | (bumps[:, 0] > _QRS_TO)
    bumps[outside, :2] *= squeeze
    add_bumps(out, 0, fs, *place(bumps, beats))
    return out.astype(np.float64)


def pulse(shape: str, beats: Samples, fs: float, seconds: float) -> Samples:
    """Return a pulse wave of height about 1; ``shape``: one of `PULSE_SHAPES`."""
    out = np.zeros(int(seconds * fs), np.float32)
    interval = float(np.median(np.diff(beats)))
    if shape == "notched":
        bumps = PULSE.copy()
        bumps[:, :2] *= min(1.0, interval / 0.8)
        add_bumps(out, 0, fs, *place(bumps, beats))
    else:
        stretch = stretch_of(interval)
        if interval < 0.6:
            stretch = min(stretch, interval / 0.75)
        rise = rise_of(75.0 if shape == "old" else 20.0, 1)
        rows = [(at, 1.0, stretch, rise) for at in beats]
        add_pulses(out, 0, fs, np.array(rows))
    return out.astype(np.float64)


def chest(per_min: float, fs: float, seconds: float, seed: int) -> Samples:
    """Return Ohm: breaths of half a litre, a third of each breathing in."""
    starts = beat_times(per_min, seconds, 0.03, seed)
    whole = np.diff(starts, append=starts[-1] + 60.0 / per_min)
    rows = [(at, 0.38 * long, long, 0.5, 38.0, 0.3) for at, long in zip(starts, whole, strict=True)]
    return draw_chest(0, int(seconds * fs), fs, np.array(rows), seed).astype(np.float64)


def noise(count: int, level: float, seed: int) -> Samples:
    """Return noise of 1 SD ``level`` in the unit of the signal."""
    return level * np.random.default_rng(seed).standard_normal(count)


def pacing(times: Samples, fs: float, seconds: float, size_mv: float, tail_mv: float) -> Samples:
    """Return pacing spikes as a converter of ``fs`` Hz gives them: one sample, and its recharge.

    The front end's low-pass leaves the spike one or two samples wide; the recharge that follows is
    of the other sign and fades over some 20 ms.
    """
    out = np.zeros(int(seconds * fs))
    fade = np.exp(-np.arange(int(0.1 * fs)) / (0.02 * fs))
    for at in times:
        i = int(at * fs)
        share = at * fs - i
        if i + 1 >= len(out):
            continue
        out[i] += size_mv * (1.0 - 0.5 * share)
        out[i + 1] += size_mv * 0.5 * share
        n = min(len(fade), len(out) - i - 1)
        out[i + 1 : i + 1 + n] -= tail_mv * fade[:n]
    return out
