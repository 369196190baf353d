"""The anomaly loop: one step of numerics of every subject into baselines, change points and score.

Told in full in ``signal/README.md``. Per metric: a fast mean, a slow robust level with its spread,
and a pair of cumulative sums (Page 1954) that say since when, and how far, it has left its level.
"""

import numpy as np

from teleward_signal.anomaly.state import Baseline
from teleward_signal.compiled.cache import inner, kernel
from teleward_signal.compiled.records import Floats, Records

FAST_S = 90.0
"""Mean of "now": longer than a cough or a moved finger, shorter than any deterioration."""
SLOW_S = 3.0 * 3600.0
"""The level follows over three hours: a drift of one hour hardly moves it."""
LEARNING_S = 600.0
"""Ten minutes of values make a first level; before that there is no score."""
PRIOR_S, PRIOR = 3600.0, 1.5
"""The spread starts at 1.5 floors and is believed as if seen for an hour: ten calm minutes do not
make a calm person."""
CLIP = 2.5
"""Deviations teach level and spread only up to this many spreads."""
SLACK = 1.5
"""Spreads of deviation that are taken as usual and add nothing to a sum."""
Z_MAX = 10.0
"""One metric adds at most this many spreads a minute: a minute of artefact stays below an alarm."""
SUM_MAX = 200.0
"""Bounds how long a score takes to fall when all is well again: some twelve minutes."""
FORGET_S = 300.0
"""A sum decays with this time constant while its metric is back at its level."""
FREEZE = 4.0
"""A sum above this slows the learning of its metric to a tenth: the new is not the usual yet."""
STALE_S = 120.0
"""A metric that is silent this long neither adds nor is spoken of."""


@inner
def learn(m: Baseline, x: float, dt: float, floor: float) -> None:
    """Take one value into the level and, by the fast mean, into the spread."""
    m.seen_s += dt
    calm = 0.1 if max(m.up, m.down) > FREEZE else 1.0
    reach = CLIP * m.spread if m.seen_s > 60.0 else np.inf
    weight = dt / min(m.seen_s, SLOW_S)
    m.level += calm * weight * min(reach, max(-reach, x - m.level))
    away = min(CLIP * m.spread, abs(m.fast - m.level))
    m.deviation += dt / min(m.seen_s + PRIOR_S, SLOW_S) * (away - m.deviation)
    m.spread = max(floor, 1.25 * m.deviation)  # 1.25 x mean |deviation| = SD of a normal


@inner
def accumulate(m: Baseline, now_s: float, dt: float, low_counts: float, high_counts: float) -> None:
    """Advance both cumulative sums of one metric by one step."""
    m.z = (m.fast - m.level) / m.spread
    for side in range(2):
        counts = high_counts if side == 0 else low_counts
        z = (m.z if side == 0 else -m.z) * counts
        total = m.up if side == 0 else m.down
        if z > SLACK:
            if total <= 0.05:
                total = 0.0
                if side == 0:
                    m.up_since = now_s
                else:
                    m.down_since = now_s
            total = min(SUM_MAX, total + (min(z, Z_MAX) - SLACK) * dt / 60.0)
        else:
            total *= np.exp(-dt / FORGET_S)
        if side == 0:
            m.up = total
        else:
            m.down = total


@inner
def step_metric(
    m: Baseline, x: float, now_s: float, dt: float, floor: float, low: float, high: float
) -> float:
    """Advance one metric; return what it adds to the score."""
    if np.isnan(x):
        m.silent_s += dt
        if m.silent_s > STALE_S:
            m.up *= np.exp(-dt / FORGET_S)
            m.down *= np.exp(-dt / FORGET_S)
            return 0.0
        return max(m.up, m.down) if m.seen_s > LEARNING_S else 0.0
    m.silent_s = 0.0
    if m.seen_s == 0.0:
        m.fast = m.level = x
        m.spread = PRIOR * floor
        m.deviation = m.spread / 1.25
    m.fast += (1.0 - np.exp(-dt / FAST_S)) * (x - m.fast)
    learn(m, x, dt, floor)
    if m.seen_s <= LEARNING_S:
        return 0.0
    accumulate(m, now_s, dt, low, high)
    return max(m.up, m.down)


@kernel
def step_all(
    states: Records[Records[Baseline]],
    values: Floats,
    now_s: float,
    dt: float,
    traits: Floats,
    scores: Floats,
) -> None:
    """Advance every subject by ``dt`` s; ``values`` has NaN for what is not known.

    ``traits``, shape (n_metrics, 3): floor of the spread, weight of a fall, weight of a rise.
    """
    for slot in range(states.shape[0]):
        total = 0.0
        ready = False
        for k in range(values.shape[1]):
            m = states[slot][k]
            total += step_metric(
                m, values[slot, k], now_s, dt, traits[k, 0], traits[k, 1], traits[k, 2]
            )
            ready = ready or m.seen_s > LEARNING_S
        scores[slot] = total if ready else np.nan
