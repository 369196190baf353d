"""The shapes of beats that a patient has, and how a beat compares with the usual one.

Up to three running mean shapes are kept, each with a score of how much it is the patient's own
rhythm: beats in time count whole, premature and ventricular ones a tenth, old ones fade. The best
is the usual shape, so bigeminy does not make ventricular beats usual, and a new conduction or a
moved electrode becomes usual after a minute or two.
"""

import numpy as np

from teleward_signal.compiled.cache import constant, inner
from teleward_signal.compiled.records import Floats
from teleward_signal.ecg.features import ratio
from teleward_signal.ecg.state import FAMILIES, HISTORY, N_FINE, N_MORPHOLOGY, EcgState

R, R_FINE = 24, 19
"""Index of the R peak in the shape (10 ms apart) and in the steep part (8 ms apart)."""
FIRST, LAST = constant(R - 10), constant(R + 13)
"""The QRS complex: -100 to +120 ms."""
AT_WIDTH = 19
"""Index of the width of the complex among the features."""
SHIFT = 3
"""R peaks of one shape lie within 30 ms of each other."""
LIKE = 0.85
"""Correlation from which a beat is of a known shape; lower merges fusion beats into either."""
EARLY = 0.85
"""Share of the usual interval below which a beat is premature."""


@inner
def likeness(a: Floats, b: Floats, first: int, last: int, shift: int, out: Floats) -> None:
    """Correlate ``a`` moved by ``shift`` with ``b``: fills r, gain, energy of a, energy of b."""
    ab = 0.0
    aa = bb = 1e-9
    for i in range(first, last):
        x, y = a[i + shift], b[i]
        ab += x * y
        aa += x * x
        bb += y * y
    out[0], out[1], out[2], out[3] = ab / np.sqrt(aa * bb), ab / bb, aa, bb


@inner
def best_shift(a: Floats, b: Floats, out: Floats) -> int:
    """Return the shift at which the complexes are most alike; ``out`` as of `likeness` there."""
    best, at = -2.0, 0
    for shift in range(-SHIFT, SHIFT + 1):
        likeness(a, b, FIRST, LAST, shift, out)
        if out[0] > best:
            best, at = out[0], shift
    likeness(a, b, FIRST, LAST, at, out)
    return at


@inner
def sizes(w: Floats, out: Floats) -> None:
    """Fill for the complex: area, peak, steepest step, its width in ms, ms above half, mean, ends.

    The width is the spread of the steps about their centre of gravity, twice the standard deviation
    of a bell.
    """
    area = mean = steps = moment = high = low = 0.0
    peak = steepest = 1e-6
    for i in range(R - 12, R + 14):
        v = w[i]
        step = abs(w[i + 1] - w[i - 1])
        area += abs(v)
        mean += v
        peak = max(peak, abs(v))
        high, low = max(high, v), min(low, v)
        steepest = max(steepest, step)
        steps += step
        moment += step * i
    centre = moment / max(steps, 1e-9)
    spread = above = 0.0
    for i in range(R - 12, R + 14):
        spread += abs(w[i + 1] - w[i - 1]) * (i - centre) ** 2
        above += abs(w[i]) > 0.5 * peak
    out[0], out[1], out[2] = area, peak, steepest
    out[3], out[4] = 10.0 * np.sqrt(spread / max(steps, 1e-9)), 10.0 * above
    out[5], out[6], out[7] = mean / 26.0, high, low


@inner
def steep_extent(w: Floats, out: Floats) -> None:
    """Fill how long the steep part exceeds 30 % of its peak, in ms, and its centre, in points."""
    top = total = 1e-9
    moment = above = 0.0
    for i in range(N_FINE):
        v = abs(w[i])
        top = max(top, v)
        total += v
        moment += v * (i - R_FINE)
    for i in range(N_FINE):
        above += abs(w[i]) > 0.3 * top
    out[0], out[1] = 8.0 * above, moment / total


@inner
def distance(w: Floats, u: Floats, first: int, last: int, shift: int) -> float:
    """Return the root mean square difference."""
    total = 0.0
    for i in range(first, last):
        total += (w[i + shift] - u[i]) ** 2
    return float(np.sqrt(total / (last - first)))


@inner
def compare_sizes(f: Floats, w: Floats, u: Floats, shift: int) -> None:
    """Fill what compares heights and widths of the beat ``w`` with those of the usual ``u``."""
    mine, usual = np.empty(8), np.empty(8)
    sizes(w, mine)
    sizes(u, usual)
    height = usual[1]
    f[10] = min(8.0, distance(w, u, R - 20, R - 9, shift) / height)
    late = 0.0
    for i in range(R + 8, LAST):
        late += w[i + shift] - u[i]
    f[11] = max(-4.0, min(4.0, late / (LAST - R - 8) / height))
    f[12] = f[11] if w[R] >= 0.0 else -f[11]
    f[13], f[14] = ratio(mine[0], usual[0]), ratio(mine[0] / mine[1], usual[0] / height)
    f[15], f[16] = ratio(mine[1], height), ratio(mine[2] / mine[1], usual[2] / height)
    f[17], f[18] = mine[2] / mine[1], ratio(mine[2], usual[2])
    f[19], f[20], f[21] = mine[3], mine[3] - usual[3], usual[3]
    f[22], f[23] = mine[4], mine[4] - usual[4]
    f[24], f[25] = max(-4.0, min(4.0, mine[5] / height)), usual[5] / height
    f[26], f[27] = min(4.0, mine[6] / height), max(-4.0, mine[7] / height)
    f[28], f[29] = f[26] - usual[6] / height, f[27] - usual[7] / height
    f[30], f[31] = max(-4.0, min(4.0, w[R] / height)), u[R] / height


@inner
def compare_usual(s: EcgState) -> int:
    """Fill the shape part of ``s.class_features``; return the shift against the usual shape."""
    f = s.class_features
    w, u = s.window[:], s.family_shape[s.usual_family]
    v, z = s.steep[:], s.family_steep[s.usual_family]
    out, mine, usual = np.empty(4), np.empty(8), np.empty(8)
    shift = best_shift(w, u, out)
    complexes = out[2] / out[3]
    energy = out[3]
    f[0], f[1], f[2] = out[0], ratio(abs(out[1]), 1.0), ratio(out[2], out[3])
    likeness(w, u, R - 20, LAST, shift, out)
    f[3] = out[0]
    f[4] = min(8.0, distance(w, u, R - 20, LAST, shift) * np.sqrt((LAST - R + 20) / out[3]))
    move = min(6, max(-6, int(np.round(shift * 1.25))))
    likeness(v, z, R_FINE - 12, R_FINE + 10, move, out)
    f[5], f[6] = out[0], ratio(out[2], out[3])
    f[7] = ratio(complexes, out[2] / out[3])
    likeness(w, u, R - 20, R - 9, shift, out)
    f[8], f[9] = out[0], ratio(out[2] / energy, out[3] / energy + 1e-4)
    compare_sizes(f, w, u, shift)
    steep_extent(v, mine)
    steep_extent(z, usual)
    f[32], f[33] = mine[0] - usual[0], mine[1]
    return shift


@inner
def compare_others(s: EcgState) -> None:
    """Fill how much more the beat is like another known shape, and how usual the usual one is."""
    f = s.class_features
    out = np.empty(4)
    best = -1.0
    others = 0.5
    for k in range(FAMILIES):
        if k != s.usual_family:
            others += s.family_score[k]
            if s.family_n[k] > 1:
                best_shift(s.window[:], s.family_shape[k], out)
                best = max(best, out[0])
    f[34] = best - f[0]
    f[35] = ratio(s.family_score[s.usual_family], others)


@inner
def compare_intervals(s: EcgState, interval: float) -> None:
    """Fill when the beat came, against the intervals before it."""
    f = s.class_features
    usual = s.interval
    n = min(s.intervals_n, HISTORY)
    before = s.intervals[(s.intervals_n - 1) % HISTORY] if n > 0 else usual
    mean = spread = 0.0
    for k in range(n):
        mean += s.intervals[k] / n
    for k in range(n):
        spread += (s.intervals[k] - mean) ** 2 / n
    f[36], f[37] = ratio(interval, usual), ratio(before, usual)
    f[38] = ratio(interval, max(before, 0.2))
    f[39] = interval
    f[40] = ratio(interval, s.own_interval)
    f[41] = min(1.0, np.sqrt(spread) / max(mean, 0.2)) if n > 1 else 0.2


@inner
def learn_family(s: EcgState, interval: float, ventricular: bool) -> None:
    """Take the beat into the shape it is like, or in place of the least usual one."""
    early = interval < EARLY * s.interval
    weight = 0.1 if early or ventricular else 1.0
    out = np.empty(4)
    best, found, moved = 0.0, -1, 0
    for k in range(FAMILIES):
        s.family_score[k] *= 0.98
        if s.family_n[k] > 0:
            shift = best_shift(s.window[:], s.family_shape[k], out)
            if out[0] > best and 0.5 < out[1] < 2.0:
                best, found, moved = out[0], k, shift
    if best < LIKE:
        found = 0
        for k in range(FAMILIES):
            if s.family_score[k] < s.family_score[found]:
                found = k
        s.family_n[found], s.family_score[found] = 0, 0.0
        moved = 0
    s.family_n[found] += 1
    s.family_score[found] += weight
    share = max(1.0 / s.family_n[found], 0.06)
    shape, steep = s.family_shape[found], s.family_steep[found]
    for i in range(N_MORPHOLOGY):
        shape[i] += share * (s.window[min(N_MORPHOLOGY - 1, max(0, i + moved))] - shape[i])
    move = int(np.round(moved * 1.25))
    for i in range(N_FINE):
        steep[i] += share * (s.steep[min(N_FINE - 1, max(0, i + move))] - steep[i])
    for k in range(FAMILIES):
        if s.family_score[k] > 1.2 * s.family_score[s.usual_family] + 0.5:
            s.usual_family = k
