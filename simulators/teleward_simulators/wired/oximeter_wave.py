"""What the converter of an oximeter shows: the pleth at its rate, scaled by an automatic gain.

Oximeters without a perfusion display stretch the pulse to the height of their screen; so do these.
"""

import numpy as np
from numpy.typing import NDArray

from teleward_simulators.device_clock import BUFFER_S, native_rate
from teleward_simulators.source import VitalSource

FOLLOW = 0.02
"""How far the gain moves towards a new block's range; a few seconds at 20 blocks a second."""
BEEP_S = 0.12
"""How long the beat flag stays set: about seven frames at 60 Hz, as in public captures."""


class OximeterWave:
    """Pleth of a source at ``fs`` Hz in whole steps 0 to ``top``, with the beat flag."""

    def __init__(self, source: VitalSource, fs: float, top: int = 127) -> None:
        self.fs = fs
        self._source = source
        self._top = top
        self._offered = "pleth" in source.metrics()
        self._native = native_rate(source, "pleth", fs) if self._offered else fs
        self._next: int | None = None
        self._low, self._high = 0.0, 1.0
        self._known = False

    def restart(self) -> None:
        """Begin with the sample due next."""
        self._next = None

    def due(self, now_s: float) -> list[tuple[int, bool]]:
        """Return (height, beat flag) of every sample taken up to ``now_s``."""
        stop = int(now_s * self.fs) + 1
        first = stop if self._next is None else max(self._next, stop - int(BUFFER_S * self.fs))
        self._next = stop
        if stop <= first:
            return []
        times = np.arange(first, stop) / self.fs
        heights = self._scale(self._values(times))
        beats = np.array(self._source.beats(times[0] - BEEP_S, times[-1] + 1e-9))
        if len(beats):
            after = times[:, None] - beats[None, :]
            flags = ((after >= 0) & (after < BEEP_S)).any(axis=1)
        else:
            flags = np.zeros(len(times), dtype=bool)
        return list(zip(heights.tolist(), flags.tolist(), strict=True))

    def _values(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the pleth at ``times``, by straight lines between the source's own samples."""
        if not self._offered:
            return np.zeros(len(times))
        first = int(times[0] * self._native)
        last = int(times[-1] * self._native) + 2
        samples = self._source.waveform("pleth", self._native, first, last - first)
        grid = (first + np.arange(len(samples))) / self._native
        return np.interp(times, grid, np.nan_to_num(samples))

    def _scale(self, values: NDArray[np.float64]) -> NDArray[np.int64]:
        low, high = float(values.min()), float(values.max())
        if not self._known:
            self._low, self._high, self._known = low - 0.5, high + 0.5, True
        self._low = min(low, self._low + FOLLOW * (low - self._low))
        self._high = max(high, self._high - FOLLOW * (self._high - high))
        span = max(self._high - self._low, 1e-6)
        scaled = (values - self._low) / span * self._top
        return np.clip(np.rint(scaled), 0, self._top).astype(np.int64)
