"""ECG filters for the eye: monitor and diagnostic band with a mains notch, block by block.

    monitor      0.5 to 40 Hz   steady baseline, rhythm reads well   (AAMI EC13 monitoring band)
    diagnostic   0.05 to 150 Hz ST segments keep their level         (AAMI EC11 diagnostic band)

Input and output in mV. A lost sample (NaN) comes out as NaN and leaves the state untouched; after
more than 40 ms of them the filter starts anew at rest on the next good sample.
"""

from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teleward_signal import design
from teleward_signal.kernels.sos import SECTIONS, cascade

NOTCH_QUALITY = 30.0
"""-3 dB width of 1.7 Hz at 50 Hz: mains drifts by +-0.2 Hz, and ringing stays short."""
BRIDGE_S = 0.040
"""As long as the shortest QRS complex: a longer hole hides what came between."""


class Band(StrEnum):
    """What the trace is looked at for."""

    MONITOR = "monitor"
    DIAGNOSTIC = "diagnostic"


def ecg_cascade(band: Band, fs: float, mains_hz: float | None) -> design.Sos:
    """Return the five sections of a band; edges beyond 0.45 fs are left away, so is the notch."""
    low, high = (0.5, 40.0) if band is Band.MONITOR else (0.05, 150.0)
    order = 2 if band is Band.MONITOR else 1
    parts = [design.butterworth_highpass(order, low, fs)]
    if high < 0.45 * fs:
        parts.append(design.butterworth_lowpass(4, high, fs))
    if mains_hz and mains_hz < 0.45 * fs:
        parts.append(design.notch(mains_hz, NOTCH_QUALITY, fs))
    sos = np.vstack(parts)
    return np.vstack([sos, design.passthrough(SECTIONS - len(sos))])


class EcgFilter:
    """One channel through one band; results do not depend on how blocks are cut."""

    def __init__(self, fs: float, band: Band = Band.MONITOR, mains_hz: float | None = 50.0) -> None:
        self.fs = fs
        self._sos = ecg_cascade(band, fs, mains_hz)
        self._rest = design.steady_state(self._sos)
        self._state = np.zeros_like(self._rest)
        self._lost = -1

    def push(self, ecg_mv: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Return the filtered block, shape as given."""
        x = np.asarray(ecg_mv, np.float64)
        y = np.full(len(x), np.nan)
        good = np.isfinite(x)
        edges = np.flatnonzero(np.diff(good)) + 1
        for first, last in zip([0, *edges], [*edges, len(x)], strict=True):
            if first == last:
                continue
            if not good[first]:
                self._lost += last - first if self._lost >= 0 else 0
                continue
            if self._lost < 0 or self._lost > BRIDGE_S * self.fs:
                self._state[:] = self._rest * x[first]
            self._lost = 0
            cascade(self._sos, self._state, x[first:last], y[first:last])
        return y
