"""Beats and breaths of a simple patient: times drawn from a seed, the same for every caller."""

import bisect
from collections.abc import Callable

import numpy as np

CHUNK = 64
"""Random numbers drawn at once: a draw depends on seed and chunk, never on who asked first."""


class EventTrain:
    """Times at which something recurs, each interval drawn around ``mean_s(time)``.

    ``spread`` is the SD of an interval over its mean; ``drift`` adds a slow sway of
    neighbouring intervals, as breathing and blood pressure do to the heart.
    """

    def __init__(
        self, seed: int, stream: int, mean_s: Callable[[float], float], spread: float
    ) -> None:
        self._key = (seed, stream)
        self._mean_s = mean_s
        self._spread = spread
        self._times = [0.3 * mean_s(0.0)]
        self._draws: np.ndarray = np.empty(0)

    def _normal(self, number: int) -> float:
        if number % CHUNK == 0 or not len(self._draws):
            philox = np.random.Philox(key=self._key, counter=number // CHUNK)
            self._draws = np.random.Generator(philox).standard_normal(CHUNK)
        return float(self._draws[number % CHUNK])

    def until(self, time_s: float) -> list[float]:
        """Return all times known, extended past ``time_s``."""
        while self._times[-1] <= time_s:
            last = self._times[-1]
            # 2.5 SD: longer tails would be pauses, which a simple patient does not have
            step = max(-2.5, min(2.5, self._normal(len(self._times) - 1)))
            self._times.append(last + self._mean_s(last) * max(0.35, 1.0 + self._spread * step))
        return self._times

    def between(self, start_s: float, end_s: float) -> list[float]:
        """Return the times in [start_s, end_s)."""
        times = self.until(end_s)
        return times[bisect.bisect_left(times, start_s) : bisect.bisect_left(times, end_s)]
