"""A UTC clock that steps at random, for this process and its children: ``make test-clock``.

``TELEWARD_STEPPING_CLOCK`` is the seed. `time.time` and `time.time_ns` then step by half an hour or
a day, forward and back, every second or so; monotonic time stays what it is. Python imports this
module at its start because its folder is in ``PYTHONPATH``.
"""

import os
import random
import time

STEPS_S = (-86_400, -1800, 0, 1800, 86_400)
"""Where the clock may stand, off the true time."""
SHORTEST_S, LONGEST_S = 0.5, 3.0

_true_ns, _monotonic = time.time_ns, time.monotonic


class SteppingClock:
    """Adds to the true time an offset that changes now and then."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._offset_ns = 0
        self._next_s = _monotonic()

    def time_ns(self) -> int:
        """Return UTC in nanoseconds, as wrong as the seed wants it."""
        now_s = _monotonic()
        if now_s >= self._next_s:
            self._offset_ns = self._random.choice(STEPS_S) * 1_000_000_000
            self._next_s = now_s + self._random.uniform(SHORTEST_S, LONGEST_S)
        return _true_ns() + self._offset_ns

    def time(self) -> float:
        """Return UTC in seconds."""
        return self.time_ns() / 1e9


def install() -> None:
    """Step the clock of this process, if the environment asks for it."""
    seed = os.environ.get("TELEWARD_STEPPING_CLOCK")
    if seed and time.time_ns is _true_ns:
        clock = SteppingClock(int(seed) + os.getpid())
        time.time_ns, time.time = clock.time_ns, clock.time


install()
