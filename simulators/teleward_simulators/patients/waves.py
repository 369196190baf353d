"""Shapes of one beat and one breath, as sums of Gaussian bumps placed on a sample grid.

ECG: after McSharry et al., IEEE Trans Biomed Eng 50(3):289-294, 2003: a bump for each of P, Q, R,
S, T, here placed in seconds around R so that QRS keeps its width when the rate changes.
Pulse: two bumps, the forward wave and its reflection.
"""

import numpy as np
from numpy.typing import NDArray

from teleward_signal.compiled.cache import kernel

ECG_II = np.array(
    # seconds from R, half width (1 SD) in s, mV
    [
        [-0.165, 0.022, 0.14],
        [-0.030, 0.009, -0.11],
        [0.000, 0.010, 1.15],
        [0.029, 0.010, -0.24],
        [0.245, 0.048, 0.31],
    ]
)
"""P, Q, R, S, T of a normal adult's lead II."""

PULSE = np.array([[0.31, 0.075, 1.0], [0.56, 0.115, 0.38]])
"""Forward and reflected wave at a finger, seconds from R (pulse arrival about 0.2 s)."""

REACH_SD = 5.0
"""A bump is nothing (below 4e-6 of its height) beyond five SD."""


@kernel
def add_bumps(
    out: NDArray[np.float32],
    first: int,
    fs: float,
    centres: NDArray[np.float64],
    widths: NDArray[np.float64],
    heights: NDArray[np.float64],
) -> None:
    """Add Gaussian bumps to ``out``, whose sample 0 is sample ``first`` at ``fs`` Hz.

    ``centres``, ``widths`` (1 SD) in s and ``heights``: float64, shape (n_bumps,).
    """
    for bump in range(len(centres)):
        reach = REACH_SD * widths[bump]
        start = max(0, int(np.ceil((centres[bump] - reach) * fs)) - first)
        stop = min(len(out), int(np.floor((centres[bump] + reach) * fs)) + 1 - first)
        for i in range(start, stop):
            z = ((first + i) / fs - centres[bump]) / widths[bump]
            out[i] += heights[bump] * np.exp(-0.5 * z * z)


def place(
    shape: NDArray[np.float64], beats: NDArray[np.float64]
) -> tuple[NDArray[np.float64], ...]:
    """Return centres, widths and heights of ``shape`` at every beat, each (n_beats * n_bumps,)."""
    count = len(beats)
    centres = (beats[:, None] + shape[None, :, 0]).ravel()
    return centres, np.tile(shape[:, 1], count), np.tile(shape[:, 2], count)
