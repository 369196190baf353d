"""Atrial fibrillation from the intervals between beats.

Every eighth beat a window of 128 intervals, and its middle half, is described: how far neighbours
differ with premature pairs left out, how far at two to four beats (bigeminy and trigeminy repeat,
fibrillation does not), sample entropy (Lake & Moorman, Am J Physiol 300:H319, 2011) and how many
different words of two or three coarse intervals there are and how evenly they occur (Zhou et al.,
Biomed Eng Online 13:18, 2014; Sarkar et al., IEEE TBME 55:1219, 2008). Small networks, averaged,
give log odds. A hidden Markov model of two states, which change seldom, weighs each look with those
before it and ``LAG`` looks after it. The verdict is about the eight beats in the middle of the
window ``LAG`` looks ago: ``DELAY`` beats late.
"""

import numpy as np
from numpy.typing import NDArray

from teleward_signal.banks.network import judge, n_weights
from teleward_signal.compiled.cache import constant, inner, kernel
from teleward_signal.compiled.records import Floats, Ints

WINDOW = 128
EVERY = 8
"""Beats between looks, to keep the cost down."""
LAG = 4
"""Looks awaited before a verdict: none costs half a percent of specificity, 16 gain nothing."""
DELAY = WINDOW // 2 + EVERY * LAG
N_SPAN = 31
N_FEATURES = 2 * N_SPAN
_SIZE = n_weights(N_FEATURES)
STICK = 0.025
"""Probability of a change of rhythm from look to look: once in 320 beats."""
WEIGHT = 0.3
"""Share of a look's log odds that is new: of its 128 beats eight are new, of the inner 64 too."""
BOUND = 8.0
"""Log odds are held within this, so that no window overrules all the others."""
_SAME_S = 0.03
"""Two intervals closer than 30 ms count as the same in the entropy (COSEn, 2011)."""
_SAME = 0.06
"""The same relative to the median interval."""
ONE, TWO, THREE = constant(1), constant(2), constant(3)


@inner
def _median(values: Floats, n: int) -> float:
    """Return the median of ``n`` values from 0 to 4 by halving their range, to 0.0001."""
    low, high = 0.0, 4.0
    while high - low > 1e-4:
        middle = 0.5 * (low + high)
        below = 0
        for k in range(n):
            below += values[k] < middle
        if below > n // 2:
            high = middle
        else:
            low = middle
    return 0.5 * (low + high)


@inner
def _variety(words: Ints, n: int) -> tuple[float, float]:
    """Return the share of different words and their entropy over the largest possible."""
    different = entropy = 0.0
    for i in range(n):
        count = 0
        for j in range(n):
            count += words[j] == words[i]
        different += 1.0 / count
        entropy -= np.log(count / n)
    return different / n, entropy / (n * np.log(n))


@inner
def _spell(x: Floats, step: float, length: int, words: Ints) -> int:
    """Make words of ``length`` values of ``x`` in classes of ``step``; return how many."""
    n = x.shape[0] - length + 1
    for i in range(n):
        word = 0
        for k in range(length):
            word = word * 256 + int(min(120.0, max(-120.0, np.floor(x[i + k] / step + 0.5))))
        words[i] = word
    return int(n)


@inner
def _describe_words(x: Floats, steps: Floats, rates: Floats, f: Floats) -> None:
    """Fill 16 numbers on the words of intervals, of differences and of rates."""
    words = np.empty(WINDOW, np.int64)
    f[0], f[1] = _variety(words, _spell(x, 0.03, TWO, words))
    f[2], f[3] = _variety(words, _spell(steps, 0.03, TWO, words))
    f[4], f[5] = _variety(words, _spell(x, 0.06, ONE, words))
    f[6], f[7] = _variety(words, _spell(x, 0.06, TWO, words))
    f[8], f[9] = _variety(words, _spell(x, 0.06, THREE, words))
    f[10], f[11] = _variety(words, _spell(steps, 0.06, TWO, words))
    f[12], f[13] = _variety(words, _spell(x, 0.12, THREE, words))
    f[14], f[15] = _variety(words, _spell(rates, 5.0, THREE, words))  # 5/min, as Zhou has it
    f[14] *= f[15]


@inner
def _entropy(x: Floats, same: float) -> float:
    """Return the log of how often two equal intervals are followed by two equal ones."""
    one = two = 1.0
    for i in range(x.shape[0] - 1):
        for j in range(i + 1, x.shape[0] - 1):
            if abs(x[i] - x[j]) < same:
                one += 1.0
                two += abs(x[i + 1] - x[j + 1]) < same
    return float(np.log(two / one))


@inner
def _describe_steps(x: Floats, steps: Floats, f: Floats) -> None:
    """Fill five numbers on neighbours: without premature pairs, of medians of three, calm ones."""
    n = x.shape[0]
    squares = smoothed = before = 0.0
    kept = calm = run = best = 0
    for i in range(n - 1):
        step = abs(steps[i])
        early = x[i] < 0.87 and x[i + 1] > 1.08
        late = i > 0 and x[i - 1] < 0.87 and x[i] > 1.08
        next_early = i + 2 < n and x[i + 1] < 0.87 and x[i + 2] > 1.08
        if not (early or late or next_early):
            squares += min(step, 0.4) ** 2
            kept += 1
        run = run + 1 if step < 0.05 else 0
        calm += run > 1
        best = max(best, run)
        if i > 0:
            middle = max(min(x[i - 1], x[i]), min(max(x[i - 1], x[i]), x[i + 1]))
            smoothed += abs(middle - before) if i > 1 else 0.0
            before = middle
    f[0] = np.log2(np.sqrt(squares / max(kept, 1)) + 0.003)
    f[1] = kept / (n - 1)
    f[2] = np.log2(smoothed / (n - 3) + 0.003)
    f[3] = calm / (n - 2)
    f[4] = best / n


@inner
def _describe_lags(x: Floats, steps: Floats, f: Floats) -> None:
    """Fill seven numbers on what repeats after one to four beats."""
    n = x.shape[0]
    gaps = np.empty(WINDOW)
    usual = 0.0
    for lag in range(1, 5):
        for i in range(n - lag):
            gaps[i] = abs(x[i + lag] - x[i])
        gap = _median(gaps, n - lag) + 0.003
        if lag == 1:
            usual = gap
        else:
            f[lag - 2] = np.log2(gap / usual)
    power = 1e-5
    for i in range(n - 1):
        power += min(0.5, abs(steps[i])) ** 2
    for lag in range(1, 4):
        total = 0.0
        for i in range(n - 1 - lag):
            total += max(-0.5, min(0.5, steps[i])) * max(-0.5, min(0.5, steps[i + lag]))
        f[lag + 2] = total / power
    f[6] = usual / (np.sqrt(power / (n - 1)) + 0.003)


@inner
def _describe_span(seconds: Floats, f: Floats) -> None:
    """Fill ``f``, shape (N_SPAN,), from intervals in s."""
    n = seconds.shape[0]
    usual = _median(seconds, n)
    x, rates, steps = np.empty(n), np.empty(n), np.empty(n - 1)
    for k in range(n):
        x[k] = seconds[k] / usual
        rates[k] = 60.0 / seconds[k] - 2.5  # so that classes begin at multiples of 5/min
    for k in range(n - 1):
        steps[k] = x[k + 1] - x[k]
    _describe_words(x, steps, rates, f[:16])
    _describe_steps(x, steps, f[16:21])
    _describe_lags(x, steps, f[21:28])
    f[28] = _entropy(seconds, _SAME_S) + np.log2(usual)  # COSEn but for constants
    f[29] = _entropy(x, _SAME)
    f[30] = np.log2(usual)


@inner
def describe(window: Floats, f: Floats) -> None:
    """Fill ``f``, shape (N_FEATURES,), from ``window``, shape (WINDOW,), intervals in s."""
    quarter = WINDOW // 4
    _describe_span(window, f[:N_SPAN])
    _describe_span(window[quarter : WINDOW - quarter], f[N_SPAN:])


@inner
def log_odds(window: Floats, networks: Floats) -> float:
    """Return the log odds, within `BOUND`, that the middle of the window is in fibrillation."""
    f = np.empty(N_FEATURES, np.float32)
    describe(window, f)
    count = networks.shape[0] // _SIZE
    total = 0.0
    for k in range(count):
        p = judge(f, networks[k * _SIZE : (k + 1) * _SIZE])
        total += np.log((p + 1e-9) / (1.0 - p + 1e-9))
    return float(max(-BOUND, min(BOUND, total / count)))


@inner
def _carry(odds: float) -> float:
    """Return log odds one look further: the rhythm may have changed."""
    p = 1.0 / (1.0 + np.exp(-odds))
    p += STICK * (1.0 - 2.0 * p)
    return float(np.log(p / (1.0 - p)))


@inner
def settle(past: float, looks: Floats, first: int, n: int) -> float:
    """Return the log odds of look ``first`` given the past and the ``n`` looks after it.

    ``past`` are the odds of the look before; ``looks`` is a ring addressed modulo its length.
    """
    after = 0.0
    for k in range(n, 0, -1):
        after = _carry(after + WEIGHT * looks[(first + k) % looks.shape[0]])
    return follow(past, looks[first % looks.shape[0]]) + after


@inner
def follow(past: float, look: float) -> float:
    """Return the log odds after one more look."""
    return _carry(past) + WEIGHT * look


@kernel
def describe_all(intervals: Floats, features: Floats, every: int) -> None:
    """Fill a row of ``features`` for every ``every``-th window of a series, from its start."""
    for i in range(features.shape[0]):
        describe(intervals[i * every : i * every + WINDOW], features[i])


@kernel
def _verdicts(intervals: Floats, networks: Floats, out: Floats) -> None:
    """Fill the probability of each group of `EVERY` intervals."""
    looks = np.zeros(LAG + 1)
    past = 0.0
    n = out.shape[0]
    for i in range(n + LAG):
        if i < n:
            looks[i % (LAG + 1)] = log_odds(intervals[i * EVERY : i * EVERY + WINDOW], networks)
        if i >= LAG:
            left = min(LAG, n - 1 - (i - LAG))
            out[i - LAG] = 1.0 / (1.0 + np.exp(-settle(past, looks, i - LAG, left)))
            past = follow(past, looks[(i - LAG) % (LAG + 1)])


def padded(intervals_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the series between its own ends mirrored, so that each interval has a window."""
    half = WINDOW // 2
    ends = np.clip(np.asarray(intervals_s, np.float64), 0.2, 2.5)
    return np.pad(ends, (half - EVERY // 2, half + EVERY), "reflect" if len(ends) > 1 else "edge")


def fibrillation(
    intervals_s: NDArray[np.float64], networks: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return the probability of fibrillation at each interval of a series, shape (n,)."""
    n = len(intervals_s)
    out = np.zeros(-(-n // EVERY))
    if n:
        _verdicts(padded(intervals_s), networks, out)
    return np.repeat(out, EVERY)[:n]
