"""Draw ECG samples: bumps of the beats near them, and what moves without beats.

A running segment (flutter waves, fibrillation of atria or ventricles, compressions) is
a function of time alone; see `Segment`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from teleward_signal.compiled.cache import kernel
from teleward_signal.compiled.records import Floats
from teleward_simulators.waveforms.noise import add_noise

REACH_SD = 5.0
"""A Gaussian is nothing beyond five SD."""
NOISE_MV = 0.010
WANDER_MV = 0.035
"""Amplifier noise and breathing on the baseline of a clean recording."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Something that goes on from ``start_s`` to ``end_s``; ``kind`` as in `KINDS`."""

    kind: str
    start_s: float
    end_s: float
    phase: float = 0.0
    level: float = 1.0


KINDS = {"vf": 0, "flutter": 1, "fibrillation": 2, "cpr": 3}

DIRECTIONS = {
    "vf": (0.80, 1.00, 0.90, 1.10, 1.20, 1.10, 0.90, 0.80),
    "flutter": (-0.02, 0.21, 0.12, 0.06, 0.04, 0.03, 0.03, 0.03),
    "fibrillation": (0.30, 0.60, 1.60, 0.90, 0.50, 0.40, 0.35, 0.30),
    "cpr": (0.40, 0.95, 0.50, 0.60, 0.60, 0.60, 0.60, 0.60),
}
"""Height in each of the base leads."""
SOURCES = 3
"""Wandering wavelets of ventricular fibrillation, each with a rate and a way round of its own."""


@kernel
def add_beats(out: Floats, first: int, fs: float, bumps: Floats, leads: Floats) -> None:
    """Add bumps to ``out``, float32, shape (n_leads, n_samples), whose first sample is ``first``.

    ``bumps``: float64, shape (n_bumps, 11), see `shapes`; ``leads``: shape (n_leads, 8).
    """
    n_samples = out.shape[1]
    heights = np.zeros(out.shape[0])
    for row in range(len(bumps)):
        centre, rise, fall = bumps[row, 0], bumps[row, 1], bumps[row, 2]
        for lead in range(len(heights)):
            height = 0.0
            for base in range(leads.shape[1]):
                height += leads[lead, base] * bumps[row, 3 + base]
            heights[lead] = height
        if fall < -1.5:  # the marker of a pacing pulse: one sample, as high at every rate
            i = int(np.round(centre * fs)) - first
            if 0 <= i < n_samples:
                for lead in range(len(heights)):
                    out[lead, i] += heights[lead]
            continue
        before = REACH_SD * rise if fall > 0.0 else 0.08
        after = REACH_SD * fall if fall > 0.0 else rise + 0.2
        start = max(0, int(np.ceil((centre - before) * fs)) - first)
        stop = min(n_samples, int(np.floor((centre + after) * fs)) + 1 - first)
        for i in range(start, stop):
            t = (first + i) / fs - centre
            if fall > 0.0:
                z = t / (rise if t < 0.0 else fall)
                value = np.exp(-0.5 * z * z)
            else:
                value = 0.5 * (np.tanh(t / 0.012) - np.tanh((t - rise) / 0.03))
            for lead in range(len(heights)):
                out[lead, i] += heights[lead] * value


@kernel
def add_running(
    out: Floats, first: int, fs: float, kind: int, span: Floats, direction: Floats, leads: Floats
) -> None:
    """Add a running segment; ``span``: start s, end s, phase 0 to 1, level."""
    start_s, end_s, phase, level = span
    start = max(0, int(np.ceil(start_s * fs)) - first)
    stop = min(out.shape[1], int(np.ceil(end_s * fs)) - first)
    n_base = leads.shape[1]
    waves = np.zeros(n_base)
    for i in range(start, stop):
        t = (first + i) / fs
        since = t - start_s
        if kind == 0:
            _fibrillate(waves, direction, t, since, phase)
        else:
            value = _running(kind, t, since, phase)
            for base in range(n_base):
                waves[base] = value * direction[base]
        for lead in range(out.shape[0]):
            total = 0.0
            for base in range(n_base):
                total += leads[lead, base] * waves[base]
            out[lead, i] += level * total


@kernel
def _fibrillate(waves: Floats, direction: Floats, t: float, since: float, phase: float) -> None:
    """Write ventricular fibrillation into ``waves``, mV in each base lead.

    Three wavelets go round at 4 to 7 Hz, slower within minutes, each lead seeing them at another
    moment; coarse at first, fine after four minutes.
    """
    tau = 2.0 * np.pi
    slower = since - 0.00030 * since * since if since < 300.0 else 0.82 * since + 27.0
    coarse = max(0.22, 1.0 - since / 320.0)
    for base in range(len(waves)):
        total = 0.0
        for source in range(SOURCES):
            rate = 4.3 + 1.15 * source
            turn = rate * slower + phase * (source + 1)
            # each lead meets the front of a wavelet later by its own share of a turn
            late = 0.11 * base * (1 + source) + 0.07 * base * base * (source - 1)
            swell = 1.0 + 0.6 * np.sin(tau * (0.23 + 0.11 * source) * t + 1.7 * source + 0.9 * base)
            total += swell * np.sin(tau * (turn - late) + 0.8 * np.sin(tau * 0.37 * t + source))
        waves[base] = 0.21 * direction[base] * coarse * total


@kernel
def _running(kind: int, t: float, since: float, phase: float) -> float:
    """Return flutter, fibrillation of the atria or compressions at ``t``, about 1 high."""
    tau = 2.0 * np.pi
    if kind == 1:  # a saw tooth, 300 a minute
        turn = (5.0 * since + phase) % 1.0
        return 1.0 - 2.0 * turn / 0.75 if turn < 0.75 else -1.0 + 2.0 * (turn - 0.75) / 0.25
    if kind == 2:
        value = 0.05 * np.sin(tau * (6.3 * t + phase)) + 0.04 * np.sin(tau * (7.9 * t))
        value += 0.03 * np.sin(tau * (5.1 * t + 2.0 * phase))
        return float(value * (1.0 + 0.5 * np.sin(tau * 0.37 * t)))
    turn = (1.8333 * since) % 1.0  # compressions, 110 a minute
    return float(0.9 * np.sin(tau * turn) + 0.3 * np.sin(2.0 * tau * turn + 1.0))


@kernel
def add_floor(
    out: Floats, first: int, fs: float, seed: np.uint64, breaths_hz: float, noise: float
) -> None:
    """Add noise and the sway of the baseline with breathing, per lead."""
    for lead in range(out.shape[0]):
        add_noise(out[lead], seed, np.uint64(100 + lead), first, noise)
        for i in range(out.shape[1]):
            t = (first + i) / fs
            out[lead, i] += WANDER_MV * np.sin(2.0 * np.pi * (t * breaths_hz + 0.13 * lead))


def draw(
    first: int, count: int, fs: float, leads: NDArray[np.float64], bumps: NDArray[np.float64],
    segments: list[Segment], seed: int, noise_mv: float = NOISE_MV,
) -> NDArray[np.float32]:  # fmt: skip
    """Return samples in mV, float32, shape (n_leads, count)."""
    out = np.zeros((len(leads), count), np.float32)
    if len(bumps):
        add_beats(out, first, fs, bumps, leads)
    for segment in segments:
        span = np.array([segment.start_s, segment.end_s, segment.phase, segment.level])
        direction = np.array(DIRECTIONS[segment.kind])
        add_running(out, first, fs, KINDS[segment.kind], span, direction, leads)
    add_floor(out, first, fs, np.uint64(seed), 0.23, noise_mv)
    return out
