"""Draw the pulse wave: at the finger (PPG) and in an artery, from the beats that were felt.

Two bumps, forward wave and reflection. The forward wave rises faster than it falls: from foot to
peak about 0.13 s at 40 years, longer in older people, with a notch near 0.30 s.
"""

import math

import numpy as np
from numpy.typing import NDArray

from teleward_signal.compiled.cache import kernel
from teleward_signal.compiled.records import Floats
from teleward_simulators.draws import Stream, normal
from teleward_simulators.waveforms.noise import add_noise

ARRIVAL_S = 0.18
"""From R to the foot of the pulse at the finger."""
RISE_SD = 0.042
"""s; the peak lies `CREST` times as long after the foot."""
CREST = 3.0
FALL_SD = 0.085
REFLECTED_S, REFLECTED_SD, REFLECTED = 0.39, 0.095, 0.42
ARTERIAL_RISE = 0.75
"""The pressure in a large artery rises faster than the volume of a finger."""
FLOOR_S = 0.1


@kernel
def unit_pulse(t: float, stretch: float, rise: float) -> float:
    """Return the pulse at ``t`` s after its foot, greatest value 1 to 1.04.

    ``stretch`` lengthens it, ``rise`` is the SD of its upstroke in s.
    """
    since = t / stretch - CREST * rise
    a = since / (rise if since < 0.0 else FALL_SD)
    b = (t / stretch - REFLECTED_S) / REFLECTED_SD
    return float(np.exp(-0.5 * a * a) + REFLECTED * np.exp(-0.5 * b * b))


@kernel
def add_pulses(out: Floats, first: int, fs: float, pulses: Floats) -> None:
    """Add pulses to ``out``, float32, shape (n_samples,).

    ``pulses``: foot s, height, stretch, rise s, float64, shape (n_pulses, 4).
    """
    for row in range(len(pulses)):
        foot, height, stretch, rise = pulses[row]
        start = max(0, int(np.ceil((foot - 0.15 * stretch) * fs)) - first)
        stop = min(len(out), int(np.floor((foot + 0.9 * stretch) * fs)) + 1 - first)
        for i in range(start, stop):
            out[i] += height * unit_pulse((first + i) / fs - foot, stretch, rise)


def rise_of(age: float, seed: int) -> float:
    """Return the SD of a person's upstroke in s: stiff arteries of old people round it."""
    own = math.exp(0.12 * min(2.0, max(-2.0, normal(seed, Stream.PULSE, 0))))
    return RISE_SD * own * min(1.35, max(0.8, 1.0 + 0.006 * (age - 40.0)))


def stretch_of(rr_s: float) -> float:
    """Return how much longer than at 75/min a pulse lasts."""
    return float(min(1.15, max(0.4, (rr_s / 0.8) ** 0.7)))


def draw_ppg(
    first: int, count: int, fs: float, pulses: NDArray[np.float64], seed: int
) -> NDArray[np.float32]:
    """Return relative units, about 1 at a perfusion index of 3 %; float32, shape (count,)."""
    out = np.zeros(count, np.float32)
    add_pulses(out, first, fs, pulses)
    add_noise(out, np.uint64(seed), np.uint64(200), first, 0.004)
    return out


def draw_pressure(
    first: int, count: int, fs: float, pulses: NDArray[np.float64],
    feet: NDArray[np.float64], seed: int,
) -> NDArray[np.float32]:  # fmt: skip
    """Return mmHg; ``feet``: time s and diastolic mmHg, shape (n, 2), in order of time.

    The floor moves to a beat's diastolic pressure in the tenth of a second after its foot: it
    depends on no beat to come.
    """
    times = (first + np.arange(count)) / fs
    knots = np.repeat(feet[:, 0], 2)
    knots[1::2] += FLOOR_S
    floors = np.repeat(feet[:, 1], 2)
    floors[2::2] = feet[:-1, 1]
    out = np.interp(times, knots, floors).astype(np.float32)
    add_pulses(out, first, fs, pulses)
    add_noise(out, np.uint64(seed), np.uint64(201), first, 0.25)
    return out
