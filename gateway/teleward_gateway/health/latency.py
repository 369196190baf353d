"""How long things took lately: a fixed number of samples, percentiles on demand."""

import numpy as np

KEPT = 4096
"""A minute of samples at the rates below; percentiles to 99 need a few hundred."""


class Latency:
    """The newest `KEPT` durations; adding one allocates nothing."""

    def __init__(self) -> None:
        self._ms = np.zeros(KEPT, np.float32)
        self._count = 0

    def add_ns(self, duration_ns: int) -> None:
        """Take a duration in."""
        self._ms[self._count % KEPT] = duration_ns / 1e6
        self._count += 1

    def health(self) -> dict[str, float]:
        """Return p50, p95, p99 in ms and how many were seen; zeros before the first."""
        known = self._ms[: min(self._count, KEPT)]
        if not len(known):
            return {"p50_ms": 0.0, "p95_ms": 0.0, "p99_ms": 0.0, "samples_total": 0}
        p50, p95, p99 = np.percentile(known, (50, 95, 99))
        return {
            "p50_ms": round(float(p50), 3),
            "p95_ms": round(float(p95), 3),
            "p99_ms": round(float(p99), 3),
            "samples_total": self._count,
        }
