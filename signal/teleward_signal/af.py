# mypy: disable-error-code=no-any-return
"""Atrial fibrillation from the intervals between beats.

A window of 127 intervals is described by how far neighbours differ (relative to the median; with
and without the pairs that look like a premature beat and its pause), by the same two, three and
four beats apart (bigeminy and trigeminy repeat, fibrillation does not), by sample entropy (Lake &
Moorman, Am J Physiol 300:H319, 2011) and by how its middle differs from its ends; a network of two
layers judges it. The verdict is about the middle of the window, 63 beats ago.
"""

import numpy as np
from numpy.typing import NDArray

from teleward_signal.kernel_cache import Floats, inner, kernel
from teleward_signal.network import judge

WINDOW = 127
MIDDLE = WINDOW // 2
N_FEATURES = 66
_STEPS = np.array([0.02, 0.04, 0.06, 0.09, 0.13, 0.2, 0.3, 0.45])
_LENGTHS = np.array([0.6, 0.75, 0.85, 0.92, 0.97, 1.03, 1.08, 1.15, 1.3, 1.5])
_COARSE = np.array([0.02, 0.05, 0.1, 0.2])
_SAME_S = 0.03
"""Two intervals closer than 30 ms count as the same in the entropy (COSEn, 2011)."""


@inner
def _count(f: Floats, at: int, edges: Floats, value: float, weight: float) -> None:
    """Add ``weight`` to the class of the histogram at ``f[at:]`` that ``value`` falls into."""
    k = 0
    while k < edges.shape[0] and value >= edges[k]:
        k += 1
    f[at + k] += weight


@inner
def _describe_steps(x: Floats, f: Floats) -> None:
    """Fill the histograms of differences and lengths; ``x`` are intervals over their median."""
    n = x.shape[0]
    for i in range(n - 1):
        _count(f, 0, _STEPS, abs(x[i + 1] - x[i]), 1.0 / (n - 1))
    for i in range(n):
        _count(f, 9, _LENGTHS, x[i], 1.0 / n)
    kept, squares = 0, 0.0
    for i in range(n - 1):
        early = x[i] < 0.87 and x[i + 1] > 1.08
        before = i > 0 and x[i - 1] < 0.87 and x[i] > 1.08
        after = i + 2 < n and x[i + 1] < 0.87 and x[i + 2] > 1.08
        if not (early or before or after):
            step = abs(x[i + 1] - x[i])
            _count(f, 20, _STEPS, step, 1.0)
            squares += min(step, 0.6) ** 2
            kept += 1
    for k in range(9):
        f[20 + k] /= max(kept, 1)
    f[29] = kept / (n - 1)
    f[64] = np.log2(np.sqrt(squares / max(kept, 1)) + 0.005)
    for lag in range(2, 5):
        for i in range(n - lag):
            _count(f, 30 + 5 * (lag - 2), _COARSE, abs(x[i + lag] - x[i]), 1.0 / (n - lag))


@inner
def _describe_order(x: Floats, f: Floats) -> None:
    """Fill the middle against the ends, the correlation of differences and the longest calm."""
    n = x.shape[0]
    for near in range(2):
        half = 8 << near
        for i in range(n // 2 - half, n // 2 + half):
            _count(f, 45 + 5 * near, _COARSE, abs(x[i + 1] - x[i]), 0.5 / half)
    power = 1e-6
    run = best = 0
    for i in range(n - 1):
        step = max(-0.5, min(0.5, x[i + 1] - x[i]))
        power += step * step
        f[55 + (i >= n // 2)] += abs(step) * 4.0 / (n // 2)
        run = run + 1 if abs(step) < 0.05 else 0
        best = max(best, run)
    for lag in range(1, 5):
        total = 0.0
        for i in range(n - 1 - lag):
            a = max(-0.5, min(0.5, x[i + 1] - x[i]))
            b = max(-0.5, min(0.5, x[i + lag + 1] - x[i + lag]))
            total += a * b
        f[56 + lag] = total / power
    f[65] = best / n


@inner
def _describe_entropy(window: Floats, f: Floats) -> None:
    """Fill the sample entropy of pairs of intervals in s."""
    n = window.shape[0]
    one = two = 0
    for i in range(n - 1):
        for j in range(i + 1, n - 1):
            if abs(window[i] - window[j]) < _SAME_S:
                one += 1
                if abs(window[i + 1] - window[j + 1]) < _SAME_S:
                    two += 1
    f[62] = np.log((two + 1.0) / (one + 1.0))
    f[63] = np.log((one + 1.0) / 900.0)


@inner
def _median(window: Floats) -> float:
    """Return the median of positive values by halving their range, to 0.1 ms."""
    low, high = 0.0, 4.0
    half = window.shape[0] // 2
    while high - low > 1e-4:
        middle = 0.5 * (low + high)
        below = 0
        for v in window:
            below += v < middle
        if below > half:
            high = middle
        else:
            low = middle
    return 0.5 * (low + high)


@inner
def describe(window: Floats, f: Floats) -> None:
    """Fill ``f``, shape (N_FEATURES,), from ``window``, shape (WINDOW,), intervals in s."""
    f[:] = 0.0
    usual = _median(window)
    x = np.empty(window.shape[0])
    for k in range(window.shape[0]):
        x[k] = window[k] / usual
    _describe_steps(x, f)
    _describe_order(x, f)
    f[61] = np.log2(usual)
    _describe_entropy(window, f)


@inner
def likelihood(window: Floats, network: Floats) -> float:
    """Return the probability, 0 to 1, that the middle of the window is in fibrillation."""
    f = np.empty(N_FEATURES, np.float32)
    describe(window, f)
    return judge(f, N_FEATURES, network)


@kernel
def describe_all(intervals: Floats, features: Floats) -> None:
    """Fill one row of ``features`` for each interval, the ends of the series repeated."""
    n = intervals.shape[0]
    window = np.empty(WINDOW)
    for i in range(n):
        for k in range(WINDOW):
            window[k] = intervals[min(max(i + k - MIDDLE, 0), n - 1)]
        describe(window, features[i])


@kernel
def _likelihoods(intervals: Floats, network: Floats, out: Floats) -> None:
    n = intervals.shape[0]
    window = np.empty(WINDOW)
    for i in range(n):
        for k in range(WINDOW):
            window[k] = intervals[min(max(i + k - MIDDLE, 0), n - 1)]
        out[i] = likelihood(window, network)


def fibrillation(
    intervals_s: NDArray[np.float64], network: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return the probability of fibrillation at each interval of a series, shape (n,)."""
    out = np.zeros(len(intervals_s))
    _likelihoods(np.clip(np.asarray(intervals_s, np.float64), 0.15, 3.0), network, out)
    return out
