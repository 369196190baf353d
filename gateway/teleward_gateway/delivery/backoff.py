"""How long to wait before trying a server again."""

import random

FIRST_S = 0.5  # a restart of a local broker is over in about a second
LONGEST_S = 30.0  # an operator who mends a server should not wait longer for the data


class Backoff:
    """Doubling delays with full jitter on the upper half, so that a ward does not retry in step."""

    def __init__(
        self,
        rng: random.Random | None = None,
        first_s: float = FIRST_S,
        longest_s: float = LONGEST_S,
    ) -> None:
        self._rng = rng or random.Random()
        self._first_s, self._longest_s = first_s, longest_s
        self.failures = 0

    def succeeded(self) -> None:
        """Restart."""
        self.failures = 0

    def failed(self, least_s: float | None = None) -> float:
        """Return the seconds to wait; the server's own Retry-After is a lower bound."""
        ceiling_s = min(self._longest_s, self._first_s * 2**self.failures)
        self.failures = min(self.failures + 1, 16)
        delay_s = self._rng.uniform(ceiling_s / 2, ceiling_s)
        return max(delay_s, least_s or 0.0)
