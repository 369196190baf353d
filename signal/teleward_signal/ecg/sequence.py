"""The sequence model: which of the doubtful candidates fit into a rhythm.

Theory of operation
===================

    candidates      A . . . . B . . c . . D . . . . E        c is doubtful
    ways            A         B           D         E        without c
                    A         B     c     D         E        through c
                    A               c               E        ... and all others

1. A way is a choice of candidates as beats. Its weight is the product of two things: the odds that
   the first network gives each chosen candidate (`odds`), and how likely each interval between
   neighbours is (`fit`). This is a semi-Markov chain (Springer et al., IEEE TBME 63:822, 2016, used
   it for heart sounds).
2. The number of ways doubles with each candidate, but their sum does not need them one by one. For
   every past candidate `remember` keeps the sum over all ways that end in it, ``path_weight``. The
   sum of a new one follows from those of the others (`reach`), at most `PATHS` of them.
3. A candidate that is not chosen costs nothing. It is the intervals that punish leaving out a beat
   (an interval of twice the usual length is `SKIPPED` as likely) or adding one (a short interval
   is a `STRAY`).
4. `share` is asked when 0.46 s have passed. It continues all ways over the candidates known by
   then, once with and once without the doubtful one, and closes each with the likelihood that no
   beat has followed its last one yet (`still_open`). The answer is with / (with + without).
5. The share is not the decision. The second network gets it as one feature among others: rhythm is
   evidence, and a premature beat is a beat that no rhythm explains.
6. An interval is compared by the logarithm of its ratio to the usual one, so that the same spread
   serves slow and fast hearts.
7. Usual interval and spread are learned from sure beats (`learn_interval`), from others a tenth as
   fast: noise must not teach its own rhythm. The spread is never below 0.05.
8. No candidate outweighs the rhythm beyond `MAX_ODDS`, and weights are scaled to a largest of 1
   after each step: only their ratios matter, and products of many would underflow.
"""

import numpy as np

from teleward_signal.compiled.cache import inner
from teleward_signal.ecg.state import PATHS, EcgState, EcgTiming

STRAY = 0.02
"""Weight of an interval unlike the usual: a premature beat in fifty where rhythm is regular."""
SKIPPED = 0.05
"""Share of intervals of twice the usual length: a beat of which no candidate was made."""
MAX_ODDS = 3000.0
"""A candidate can outweigh this much of the rhythm (log odds 8), no more."""


@inner
def fit(s: EcgState, interval: float) -> float:
    """Return the likelihood of an interval in s, relative."""
    if interval <= 0.2:
        return 0.0
    x = np.log(interval / s.own_interval)
    spread = s.own_spread
    likely = np.exp(-0.5 * (x / spread) ** 2)
    y = x - 0.693
    likely += SKIPPED * np.exp(-0.5 * (y / spread) ** 2)
    stray = STRAY + 0.2 * max(0.0, spread - 0.06)
    return float(0.4 * likely / spread + stray * np.exp(-2.0 * (x + 0.15) ** 2))


@inner
def still_open(s: EcgState, since: float) -> float:
    """Return the likelihood that no beat follows within ``since`` seconds."""
    if since <= 0.2:
        return 1.0
    x = np.log(since / s.own_interval) / s.own_spread
    return float(1.0 / (1.0 + np.exp(min(30.0, 1.7 * x))) + 0.5 * STRAY + 0.001)


@inner
def odds(p: float) -> float:
    """Return p / (1 - p) within bounds."""
    return min(MAX_ODDS, max(1.0 / MAX_ODDS, p / (1.0 - p + 1e-9)))


@inner
def reach(s: EcgState, t: EcgTiming, at: int, p: float) -> float:
    """Return the sum over the ways that end in a candidate after those remembered."""
    total = 0.0
    for k in range(min(s.path_n, PATHS)):
        since = (at - s.path_at[k]) / t.fs
        if since > 0.0:
            total += s.path_weight[k] * fit(s, since)
    return odds(p) * (total + 1e-9)


@inner
def remember(s: EcgState, t: EcgTiming, at: int, p: float) -> None:
    """Keep a candidate, judged ``p`` by the first network, as a possible end of ways."""
    weight = reach(s, t, at, p)
    k = s.path_n % PATHS
    s.path_at[k] = at
    s.path_weight[k] = weight
    s.path_n += 1
    top = 1e-30
    n = min(s.path_n, PATHS)
    for k in range(n):
        top = max(top, s.path_weight[k])
    for k in range(n):
        s.path_weight[k] /= top


@inner
def share(s: EcgState, t: EcgTiming, n_later: int) -> float:
    """Return the share of ways through candidate 0 of ``s.later_at``, shape (1 + n_later,).

    ``s.later_p`` says what the first network thinks of each.
    """
    with_it = without = 0.0
    for k in range(min(s.path_n, PATHS)):
        open_ = still_open(s, (s.n - s.path_at[k]) / t.fs)
        without += s.path_weight[k] * open_
    weights = np.zeros((2, 16))
    for j in range(n_later + 1):
        at = s.later_at[j]
        weights[0, j] = reach(s, t, at, s.later_p[j]) if j > 0 else 0.0
        weights[1, j] = reach(s, t, at, s.later_p[j]) if j == 0 else 0.0
        for i in range(j):
            step = fit(s, (at - s.later_at[i]) / t.fs) * odds(s.later_p[j])
            weights[0, j] += weights[0, i] * step
            weights[1, j] += weights[1, i] * step
        open_ = still_open(s, (s.n - at) / t.fs)
        without += weights[0, j] * open_
        with_it += weights[1, j] * open_
    return with_it / (with_it + without + 1e-30)


@inner
def learn_interval(s: EcgState, interval: float, sure: bool) -> None:
    """Follow the intervals between sure beats; other ones a tenth as fast."""
    if not 0.25 < interval < 2.5:
        return
    s.own_intervals_n += 1
    rate = max(1.0 / s.own_intervals_n, 0.04 if sure else 0.004)
    x = np.log(interval / s.own_interval)
    s.own_interval *= np.exp(rate * max(-0.3, min(0.3, x)))
    spread = 1.25 * min(0.3, abs(x))
    s.own_spread += rate * (spread - s.own_spread)
    s.own_spread = max(0.05, s.own_spread)
