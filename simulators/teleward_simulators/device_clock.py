"""Time of a simulated device, and samples counted by it.

    wall clock  --offset, skew in ppm-->  device seconds  --x fs-->  sample number

Sample ``n`` of a stream is taken at ``n / fs`` device seconds exactly, so nothing drifts, whatever
the event loop does. After a stall the stream catches up; what is older than the device's buffer is
lost, as on the real device, and shows as a jump of the sample number.
"""

import logging
import time

import numpy as np
from numpy.typing import NDArray

from teleward_signal.vocabulary import METRICS
from teleward_simulators.source import VitalSource

BUFFER_S = 2.0
"""What a sensor keeps while it cannot send: about what fits in the RAM of a small controller."""
FULL_SCALE = {"pleth": 4.0, "respiration": 16.0, "ppg_red": 100.0, "ppg_infrared": 100.0}
"""Largest value a 16-bit stream carries, in the unit of the metric, where the plausible range of
the vocabulary is no guide."""


FULL_COUNT = 32000
log = logging.getLogger(__name__)


def full_scale(metric: str) -> float:
    """Return the largest value of a 16-bit stream of ``metric``, in its unit."""
    if metric in FULL_SCALE:
        return FULL_SCALE[metric]
    known = METRICS.get(metric)
    return 100.0 if known is None else max(abs(known.low), abs(known.high))


class DeviceClock:
    """Seconds since ``start`` (`time.monotonic`), as the device's own quartz counts them."""

    def __init__(self, start: float | None = None, skew_ppm: float = 0.0) -> None:
        self._origin = time.monotonic() if start is None else start
        self._base_s = 0.0
        self._rate = 1.0 + skew_ppm * 1e-6

    def now_s(self) -> float:
        """Return the device's time in seconds."""
        return self._base_s + (time.monotonic() - self._origin) * self._rate

    def set_skew(self, skew_ppm: float) -> None:
        """Run the quartz fast (or slow) from now on, without a jump."""
        self._base_s, self._origin = self.now_s(), time.monotonic()
        self._rate = 1.0 + skew_ppm * 1e-6


class SampleStream:
    """One waveform of a source as the device's converter delivers it: counts and sample numbers."""

    def __init__(self, source: VitalSource, metric: str, fs: float) -> None:
        self.metric = metric
        self.fs = fs
        self.scale = full_scale(metric) / FULL_COUNT
        self.n_clipped = 0
        self._source = source
        self._next: int | None = None

    def restart(self, now_s: float) -> None:
        """Begin with the sample that is due next."""
        self._next = int(now_s * self.fs) + 1

    def due(self, now_s: float) -> list[tuple[int, NDArray[np.int16]]]:
        """Return (number of the first sample, counts) for all samples taken up to ``now_s``.

        Counts are int16, shape (n_samples,). A hole in the recording splits the answer.
        """
        if self._next is None:
            self.restart(now_s)
        assert self._next is not None
        stop = int(now_s * self.fs) + 1
        oldest = stop - int(BUFFER_S * self.fs)
        first = max(self._next, oldest)
        if stop <= first:
            return []
        self._next = stop
        values = self._source.waveform(self.metric, self.fs, first, stop - first)
        counts = values / self.scale
        self._count_clipped(counts)
        counts = np.clip(counts, -FULL_COUNT, FULL_COUNT)
        return [
            (first + start, counts[start:end].astype(np.int16)) for start, end in _present(values)
        ]

    def _count_clipped(self, counts: NDArray[np.float32]) -> None:
        """Count what lies beyond the converter's range, and report the first of it."""
        n_clipped = int(np.count_nonzero(np.abs(counts) > FULL_COUNT))
        if n_clipped and not self.n_clipped:
            limit = FULL_COUNT * self.scale
            log.warning("simulated %s goes beyond +-%g and is clipped there", self.metric, limit)
        self.n_clipped += n_clipped


def _present(values: NDArray[np.float32]) -> list[tuple[int, int]]:
    """Return the runs [start, end) without NaN."""
    present = ~np.isnan(values)
    if present.all():
        return [(0, len(values))]
    edges = np.flatnonzero(np.diff(present.astype(np.int8), prepend=0, append=0))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def native_rate(source: VitalSource, metric: str, wanted: float) -> float:
    """Return the rate of a recording, which invents no samples, else the ``wanted`` one (Hz)."""
    rate = getattr(source, "sampling_rate", None)
    return wanted if rate is None else float(rate(metric))
