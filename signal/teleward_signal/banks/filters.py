"""ECG display filters: monitor and diagnostic band with a mains notch, block by block.

    monitor      0.5 to 40 Hz   steady baseline, rhythm reads well   (AAMI EC13 monitoring band)
    diagnostic   0.05 to 150 Hz ST segments keep their level         (AAMI EC11 diagnostic band)

The notch is at 50 or 60 Hz, chosen or detected (`mains.py`). Input and output in mV. A lost sample
(NaN) comes out as NaN and leaves the state untouched; after more than 40 ms of them the filter
starts anew at rest on the next good sample.
"""

from enum import StrEnum
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from teleward_signal.banks import design
from teleward_signal.banks.mains import MainsDetector
from teleward_signal.banks.sos import SECTIONS, cascade

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
    """One channel through one band; results do not depend on how blocks are cut.

    ``mains`` is 50 (India, most of the world), 60, ``"auto"`` (50 until three seconds of the signal
    say 60, and back) or ``None`` for no notch.
    """

    def __init__(
        self, fs: float, band: Band = Band.MONITOR, mains: float | Literal["auto"] | None = 50.0
    ) -> None:
        if mains not in (50, 60, "auto", None):
            raise ValueError(f"mains {mains!r}: give 50, 60, 'auto' or None")
        self.fs = fs
        self._band = band
        self._detector = MainsDetector(fs) if mains == "auto" else None
        self._tune(50.0 if mains == "auto" else mains)
        self._state = np.zeros_like(self._rest)
        self._lost = -1

    @property
    def mains_hz(self) -> float | None:
        """Return the frequency of the notch, chosen or detected."""
        return self._mains_hz

    def push(self, ecg_mv: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Return the filtered block, shape as given."""
        x = np.asarray(ecg_mv, np.float64)
        if self._detector is None:
            return self._filter(x)
        parts = []
        while len(x):
            part, x = x[: self._detector.until_decision], x[self._detector.until_decision :]
            parts.append(self._filter(part))
            if self._detector.push(part):
                self._tune(self._detector.hz)
        return np.concatenate(parts) if parts else np.zeros(0)

    def _tune(self, mains_hz: float | None) -> None:
        """Set the notch; the state stays, and the new notch settles within a tenth of a second."""
        self._mains_hz = mains_hz
        self._sos = ecg_cascade(self._band, self.fs, mains_hz)
        self._rest = design.steady_state(self._sos)

    def _filter(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
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
