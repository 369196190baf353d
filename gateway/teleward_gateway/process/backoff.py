"""The gateway's one retry policy: waits that double, with jitter, until something has held.

attempt fails   failed()        the next wait: half of it to all of it, at random
it worked       succeeded()     the next failure begins with the first wait
it had held     held(seconds)   the same, if that was long enough
"""

import random


class Backoff:
    """Doubling waits from ``first_s`` to ``longest_s``, so that a ward does not retry in step.

    What held for ``steady_s`` was good. ``rng`` is seeded by tests.
    """

    def __init__(
        self,
        first_s: float,
        longest_s: float,
        steady_s: float = 0.0,
        rng: random.Random | None = None,
    ) -> None:
        self._rng = rng or random.Random()
        self._first_s, self._longest_s, self._steady_s = first_s, longest_s, steady_s
        self.failures = 0

    def succeeded(self) -> None:
        """Begin with the first wait again."""
        self.failures = 0

    def held(self, duration_s: float) -> None:
        """Note how long the last attempt was good."""
        if duration_s >= self._steady_s:
            self.succeeded()

    def failed(self, least_s: float | None = None) -> float:
        """Return the seconds to wait; the server's own Retry-After is a lower bound."""
        ceiling_s = min(self._longest_s, self._first_s * 2.0**self.failures)
        self.failures = min(self.failures + 1, 16)
        delay_s = self._rng.uniform(ceiling_s / 2, ceiling_s)
        return max(delay_s, least_s or 0.0)
