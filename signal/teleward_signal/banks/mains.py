"""Which mains frequency disturbs a signal, 50 or 60 Hz: two Goertzel filters and a memory.

    amplitude at 50 and 60 Hz, each whole second --> the stronger one, when it is clear, three times

Goertzel (1958) is one multiplication a sample and frequency, exact for whole seconds since both are
whole numbers of cycles. Of mains at 49.8 or 50.2 Hz, as far as a grid drifts, 94 % is seen.
"""

import numpy as np
from numpy.typing import NDArray

from teleward_signal.compiled.cache import kernel
from teleward_signal.compiled.records import Floats

CLEAR = 2.0
"""Times that one frequency must outweigh the other: noise makes them alike."""
FLOOR_MV = 0.010
"""Amplitude below which no choice matters: that of the noise of an amplifier."""
SECONDS = 3
"""Seconds in a row that must agree: a QRS complex or a touched cable fills one."""


@kernel
def accumulate(turns: Floats, z: Floats, x: Floats) -> None:
    """Advance both filters: ``turns`` shape (2,), state ``z`` (2, 2), ``x`` in mV."""
    for i in range(x.shape[0]):
        for k in range(2):
            v = x[i] + turns[k] * z[k, 0] - z[k, 1]
            z[k, 1] = z[k, 0]
            z[k, 0] = v


class MainsDetector:
    """Mains detector: 50.0 or 60.0 for a stream of ``fs`` Hz; constant memory for any block size.

    ``start_hz`` is taken until the signal tells otherwise. A frequency above 0.45 fs is not seen.
    """

    def __init__(self, fs: float, start_hz: float = 50.0) -> None:
        self.hz = start_hz
        self._second_n = round(fs)
        self._turns = np.array([2 * np.cos(2 * np.pi * hz / fs) for hz in (50.0, 60.0)])
        self._seen = np.array([hz < 0.45 * fs for hz in (50.0, 60.0)])
        self._z = np.zeros((2, 2))
        self._n = 0
        self._votes = 0

    @property
    def until_decision(self) -> int:
        """Return how many samples are left of this second: `push` takes no more."""
        return self._second_n - self._n

    def push(self, x: NDArray[np.float64]) -> bool:
        """Take samples in mV, NaN = lost; return whether the frequency has just changed."""
        if not np.isfinite(x).all():
            self._z[:] = np.nan  # a second with a hole says nothing
        accumulate(self._turns, self._z, x)
        self._n += len(x)
        if self._n < self._second_n:
            return False
        changed = self._decide(self.amplitudes_mv())
        self._z[:] = 0.0
        self._n = 0
        return changed

    def amplitudes_mv(self) -> NDArray[np.float64]:
        """Return the amplitude at 50 and 60 Hz over the second so far; NaN with a hole in it."""
        a, b = self._z.T
        power = a * a + b * b - self._turns * a * b
        amplitudes = 2.0 * np.sqrt(np.maximum(power, 0.0)) / max(self._n, 1)
        return np.asarray(np.where(self._seen, amplitudes, 0.0))

    def _decide(self, amplitudes: NDArray[np.float64]) -> bool:
        ours, other = amplitudes if self.hz == 50.0 else amplitudes[::-1]
        against = bool(other > FLOOR_MV and other > CLEAR * ours)
        self._votes = self._votes + 1 if against else 0
        if self._votes < SECONDS:
            return False
        self._votes = 0
        self.hz = 110.0 - self.hz
        return True
