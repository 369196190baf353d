"""Draw the pulse wave: at the finger (PPG) and in an artery, from the beats that were felt.

Two bumps, forward wave and reflection: peak 0.16 s after the foot, notch near 0.30 s.
"""

import numpy as np
from numpy.typing import NDArray

from teleward_signal.kernel_cache import Floats, kernel
from teleward_simulators.waveforms.noise import add_noise

ARRIVAL_S = 0.18
"""From R to the foot of the pulse at the finger."""
FORWARD_S, FORWARD_SD = 0.16, 0.065
REFLECTED_S, REFLECTED_SD, REFLECTED = 0.40, 0.095, 0.45
PEAK = 1.021
"""Greatest value of the two bumps together."""
FLOOR_S = 0.1


@kernel
def unit_pulse(t: float, stretch: float) -> float:
    """Return the pulse at ``t`` s after its foot, greatest value 1; ``stretch`` lengthens it."""
    a = (t / stretch - FORWARD_S) / FORWARD_SD
    b = (t / stretch - REFLECTED_S) / REFLECTED_SD
    return float((np.exp(-0.5 * a * a) + REFLECTED * np.exp(-0.5 * b * b)) / PEAK)


@kernel
def add_pulses(out: Floats, first: int, fs: float, pulses: Floats) -> None:
    """Add pulses to ``out``, float32, shape (n_samples,).

    ``pulses``: foot s, height, stretch, float64, shape (n_pulses, 3).
    """
    for row in range(len(pulses)):
        foot, height, stretch = pulses[row]
        start = max(0, int(np.ceil((foot - 0.25 * stretch) * fs)) - first)
        stop = min(len(out), int(np.floor((foot + 0.9 * stretch) * fs)) + 1 - first)
        for i in range(start, stop):
            out[i] += height * unit_pulse((first + i) / fs - foot, stretch)


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
