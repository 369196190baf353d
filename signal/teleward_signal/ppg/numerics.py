"""The numerics of a PPG stream, once a second: pulse rate and perfusion index."""

import numpy as np

from teleward_signal.banks.slot_bank import median
from teleward_signal.compiled.cache import inner
from teleward_signal.ppg.state import BEAT_RING, PpgState, PpgTiming

RATE_WINDOW_S = 10.0
"""The rate is the median over ten seconds: what bedside oximeters do, so that one can compare."""
FAST_UNTIL_S = 0.38
UNEVEN = 0.7
"""Share of fast intervals near the median below which some are dicrotic waves."""
NEAR = 0.2
"""Intervals this close to the median are averaged: a missed pulse makes one twice as long."""


@inner
def pulse_rate(s: PpgState, t: PpgTiming) -> float:
    """Return the rate over the last ten seconds in /min, NaN without three intervals.

    The mean of the intervals near the median: missed pulses do not count, and the result is finer
    than the sampling interval.
    """
    intervals = np.empty(BEAT_RING)
    n = 0
    later = -1
    for k in range(min(s.beats_n, BEAT_RING)):
        at = s.beats_at[(s.beats_n - 1 - k) % BEAT_RING]
        after_gap = at < 0
        at = -at - 1 if after_gap else at
        if s.n - at > RATE_WINDOW_S * t.fs:
            break
        if later >= 0:
            intervals[n] = (later - at) / t.fs
            n += 1
        later = -1 if after_gap else at
    if n < 3 or s.n - s.last_at > max(3.0, 2.5 * s.interval) * t.fs:
        return np.nan
    usual = median(intervals, n)
    if s.fast == 1 and usual > FAST_UNTIL_S:
        s.fast = 0
    total, taken = 0.0, 0
    for k in range(n):
        if abs(intervals[k] - usual) <= NEAR * usual:
            total += intervals[k]
            taken += 1
    if s.fast == 1 and taken < UNEVEN * n:
        return np.nan
    return 60.0 * taken / total if taken > 0 else 60.0 / usual


@inner
def perfusion_index(s: PpgState) -> float:
    """Return the pulse in % of the steady light; NaN for a signal without a steady part.

    An index above 30 % does not exist in a finger: the source has removed or scaled its DC.
    """
    if s.learned == 0 or s.mean <= 0.0 or s.level > 0.30 * s.mean:
        return np.nan
    return 100.0 * s.level / s.mean
