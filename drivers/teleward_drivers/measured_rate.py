"""The rate of a stream that nobody documents: measured by arrival before samples are given."""

from teleward_drivers.arrival import ArrivalWatch
from teleward_drivers.link import Received

MEASURE_NS = 5_000_000_000
"""Arrivals jitter by some 50 ms: over five seconds that is one per cent."""


class MeasuredRate:
    """Counts samples for `MEASURE_NS`; a rate outside of ``low`` to ``high`` Hz is none."""

    def __init__(self, low: float, high: float) -> None:
        self._low, self._high = low, high
        self._began_ns: int | None = None
        self._count = 0
        self._watch: ArrivalWatch | None = None
        self.fs: float | None = None

    def take(self, n_samples: int, arrival_ns: int) -> float | None:
        """Return the rate in Hz, ``None`` until it is known; ``arrival_ns`` is monotonic."""
        if self.fs is not None:
            return self.fs
        if self._began_ns is None:
            self._began_ns = arrival_ns
            return None
        self._count += n_samples
        passed_ns = arrival_ns - self._began_ns
        if passed_ns < MEASURE_NS:
            return None
        rate = self._count * 1e9 / passed_ns
        if not self._low <= rate <= self._high:
            self._began_ns, self._count = arrival_ns, 0  # lost notifications, or a busy host
            return None
        self.fs = float(round(rate))
        self._watch = ArrivalWatch(self.fs)
        return None

    def missing(self, end: int, received: Received) -> int:
        """Return the samples missing by the time of arrival, see `ArrivalWatch`."""
        return 0 if self._watch is None else self._watch.missing(end, received.monotonic_ns)
