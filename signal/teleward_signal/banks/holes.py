"""Holes of a stream: a short one is bridged with the last sample, a longer one restarts filters."""

from typing import Protocol

import numpy as np

from teleward_signal.compiled.cache import inner


class Held(Protocol):
    """What a state remembers of lost samples; ``same`` counts repeats of one value."""

    n: int
    started: int
    missing: int
    same: int
    held: float


@inner
def ends_hole(s: Held, bridge_n: int, x: float) -> bool:
    """Take one sample, NaN = lost, into ``s.held``; return whether filters start again.

    They do at the first sample and after a hole of more than ``bridge_n`` samples.
    """
    if np.isnan(x):
        s.missing += 1
        return False
    restarts = s.n == s.missing or s.missing > bridge_n
    s.same = s.same + 1 if x == s.held and s.missing == 0 else 0
    s.missing = 0
    s.held = x
    return bool(restarts)


@inner
def is_bridged(s: Held, bridge_n: int) -> bool:
    """Return whether ``s.held`` stands for the newest sample: it is there, or the hole is short."""
    return bool(s.missing <= bridge_n and s.missing < s.n + 1 - s.started)
