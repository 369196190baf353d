"""Draw breaths: the impedance of the chest and the carbon dioxide at the mouth.

breath = start s, inspiration s, whole s, litres, end-tidal mmHg, time constant s
"""

import numpy as np
from numpy.typing import NDArray

from teleward_signal.compiled.cache import kernel
from teleward_signal.compiled.records import Floats
from teleward_simulators.waveforms.noise import add_noise

OHM_PER_LITRE = 2.0
"""Chest impedance rises by about an ohm in a breath of half a litre."""
WASHOUT_S = 0.12
"""Dead space leaves first."""


@kernel
def add_chest(out: Floats, first: int, fs: float, breaths: Floats) -> None:
    """Add the movement of the chest in Ohm: up over inspiration, down over expiration."""
    for row in range(len(breaths)):
        start_s, inspiration, whole, litres = breaths[row, :4]
        start = max(0, int(np.ceil(start_s * fs)) - first)
        stop = min(len(out), int(np.ceil((start_s + whole) * fs)) - first)
        for i in range(start, stop):
            t = (first + i) / fs - start_s
            if t < inspiration:
                value = 0.5 - 0.5 * np.cos(np.pi * t / inspiration)
            else:
                value = 0.5 + 0.5 * np.cos(np.pi * (t - inspiration) / (whole - inspiration))
            out[i] += OHM_PER_LITRE * litres * value


@kernel
def add_carbon_dioxide(out: Floats, first: int, fs: float, breaths: Floats) -> None:
    """Add the capnogram in mmHg: a rise that narrow airways round to a shark's fin."""
    for row in range(len(breaths)):
        start_s, inspiration, whole, _, peak, tau = breaths[row]
        start = max(0, int(np.ceil(start_s * fs)) - first)
        stop = min(len(out), int(np.ceil((start_s + whole + 0.15) * fs)) - first)
        expiration = whole - inspiration
        steep = (tau - 0.10) / 0.55
        last = 1.0 - np.exp(-max(expiration - WASHOUT_S, 0.0) / tau)
        for i in range(start, stop):
            t = (first + i) / fs - start_s
            if t >= whole:  # fresh air of the next breath
                out[i] += peak * max(0.0, 1.0 - (t - whole) / 0.15)
            elif t > inspiration:
                te = t - inspiration
                rise = (1.0 - np.exp(-max(te - WASHOUT_S, 0.0) / tau)) / last
                out[i] += peak * rise * (1.0 - 0.06 * (1.0 - te / expiration) * (1 + 4 * steep))


def draw_chest(
    first: int, count: int, fs: float, breaths: NDArray[np.float64], seed: int
) -> NDArray[np.float32]:
    """Return Ohm, float32, shape (count,)."""
    out = np.zeros(count, np.float32)
    add_chest(out, first, fs, breaths)
    add_noise(out, np.uint64(seed), np.uint64(202), first, 0.004)
    return out


def draw_capnogram(
    first: int, count: int, fs: float, breaths: NDArray[np.float64], seed: int
) -> NDArray[np.float32]:
    """Return mmHg, float32, shape (count,)."""
    out = np.zeros(count, np.float32)
    add_carbon_dioxide(out, first, fs, breaths)
    add_noise(out, np.uint64(seed), np.uint64(203), first, 0.15)
    return out
