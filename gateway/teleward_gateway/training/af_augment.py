"""Made series of intervals to train on: premature beats, missed ones, fibrillation of two rates.

The recordings are few (some forty people); what they do not show is put in: ectopy in every pattern
(bigeminy in one record must be known from others), faults of a detector, and fibrillation whose
intervals gather about two lengths, as they did in 22 of 37 patients of Tebbenjohanns et al. (J
Cardiovasc Electrophysiol 11:497, 2000: two pathways through the AV node).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Series = tuple[Floats, bool]
"""Intervals in s, and whether all of them are in fibrillation."""
LONGEST, LONGEST_AF, SHORTEST = 1500, 1000, 200
"""Intervals of a variant at most, and of the stretch it is made of at least."""
PERIODS = {"bigeminy": 2, "trigeminy": 3, "quadrigeminy": 4}


def variants(
    rng: np.random.Generator, intervals: Floats, truth: NDArray[np.bool_], count: int
) -> Iterator[Series]:
    """Yield ``count`` variants of stretches with and of stretches without fibrillation."""
    for is_af, longest in ((False, LONGEST), (True, LONGEST_AF)):
        stretches = _stretches(truth == is_af)
        for _ in range(count if stretches else 0):
            first, end = stretches[rng.integers(len(stretches))]
            n = min(end - first, longest)
            first = int(rng.integers(first, end - n + 1))
            part = intervals[first : first + n] * rng.uniform(0.75, 1.3)
            part = _vary_fibrillation(rng, part) if is_af else _vary_others(rng, part)
            yield part, is_af


def two_rates(rng: np.random.Generator, n: int) -> Floats:
    """Return ``n`` intervals of fibrillation that gather about two lengths."""
    short, ratio, spread = rng.uniform(0.36, 0.65), rng.uniform(1.35, 2.1), rng.uniform(0.03, 0.09)
    stay, between = rng.uniform(0.3, 0.75, 2), rng.uniform(0.05, 0.3)
    drift = np.cumsum(rng.normal(0, 0.004, n))
    drift -= np.linspace(0, drift[-1], n)
    out, is_long = np.empty(n), 0
    for i in range(n):
        if rng.random() > stay[is_long]:
            is_long = 1 - is_long
        usual = short * (ratio if is_long else 1.0)
        amid = rng.random() < between
        out[i] = short * rng.uniform(1, ratio) if amid else usual * (1 + spread * rng.normal())
    return np.clip(out * (1 + drift), 0.25, 2.0)


def one_rate(rng: np.random.Generator, n: int) -> Floats:
    """Return ``n`` intervals of fibrillation about one length."""
    mean, spread, least = rng.uniform(0.42, 1.05), rng.uniform(0.12, 0.28), rng.uniform(0.28, 0.5)
    out = rng.gamma(1 / spread**2, mean * spread**2, n)
    return np.maximum(out, mean * least + 0.03 * np.abs(rng.normal(size=n)))


def _stretches(member: NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], member, [False]])))
    pairs = zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
    return [(first, end) for first, end in pairs if end - first >= SHORTEST]


def _vary_fibrillation(rng: np.random.Generator, part: Floats) -> Floats:
    if rng.random() < 0.5:
        part = _faults(rng, part, rng.uniform(0.002, 0.03))
    if rng.random() < 0.4:
        part = part.mean() + (part - part.mean()) * rng.uniform(0.6, 1.2)
    return part


def _vary_others(rng: np.random.Generator, part: Floats) -> Floats:
    has_ectopy = rng.random() < 0.75
    if not has_ectopy or rng.random() < 0.4:
        part = _breathe(rng, part)
    if has_ectopy:
        part = _ectopy(rng, part)
    if rng.random() < 0.3:
        part = _faults(rng, part, rng.uniform(0.002, 0.03))
    return part


def _breathe(rng: np.random.Generator, part: Floats) -> Floats:
    """Add respiratory and slower sinus arrhythmia."""
    time_s = np.cumsum(part)
    breath = rng.uniform(0, 0.12) * np.sin(2 * np.pi * rng.uniform(0.12, 0.35) * time_s)
    slow = rng.uniform(0, 0.05) * np.sin(2 * np.pi * rng.uniform(0.03, 0.1) * time_s)
    varied: Floats = part * (1 + breath + slow)
    return varied


def _faults(rng: np.random.Generator, part: Floats, share: float) -> Floats:
    """Miss ``share`` of the beats and make up as many."""
    out: list[float] = []
    i = 0
    while i < len(part):
        draw = rng.random()
        if draw < share and i + 1 < len(part):
            out.append(part[i] + part[i + 1])
            i += 1
        elif draw < 2 * share:
            cut = rng.uniform(0.25, 0.75)
            out += [part[i] * cut, part[i] * (1 - cut)]
        else:
            out.append(part[i])
        i += 1
    return np.array(out)


@dataclass(slots=True)
class _Focus:
    """Where premature beats come from: how early, how steadily, and what follows them."""

    coupling: float
    spread: float
    pause: str
    pause_spread: float

    def beats(
        self, rng: np.random.Generator, now: float, after: float, couplet: bool
    ) -> tuple[list[float], int]:
        """Return intervals of an early beat and its pause, and how many of the rhythm they take."""
        early = now * np.clip(self.coupling + self.spread * rng.normal(), 0.35, 0.93)
        if couplet:
            more = self.coupling + self.spread * rng.normal(size=rng.integers(1, 3))
            return [early, *(now * np.clip(more, 0.35, 0.9)), now * rng.uniform(1.0, 1.5)], 2
        if self.pause == "full":
            rest = now + after - early + self.pause_spread * now * rng.normal()
            return [early, max(0.3, rest)], 2
        if self.pause == "part":
            rest = now * max(0.8, rng.normal(1.08, 0.04) + self.pause_spread * rng.normal())
            return [early, rest], 1
        return [early, max(0.25, now - early + 0.05)], 1


def _ectopy(rng: np.random.Generator, part: Floats) -> Floats:
    """Put premature beats in, alone, in couplets and in patterns that come and go."""
    part = np.clip(part, 0.25, 2.5)
    often = rng.uniform(0.02, 0.3)
    focus = _Focus(
        rng.uniform(0.45, 0.85),
        rng.choice([0.01, 0.03, 0.08]),
        str(rng.choice(["full", "part", "none"], p=[0.55, 0.35, 0.10])),
        rng.choice([0.01, 0.03, 0.06]),
    )
    out: list[float] = []
    i, left, since, mode = 0, 0, 9, ""
    while i < len(part) - 1:
        if left <= 0:
            mode = str(rng.choice([*PERIODS, "alone", "rest", "couplets"]))
            left = int(rng.exponential(40)) + 4
            if rng.random() < 0.2:
                focus.coupling = rng.uniform(0.45, 0.85)
        left -= 1
        if mode in PERIODS:
            is_due = since >= PERIODS[mode] - 1 and rng.random() < 0.93
        else:
            is_due = since >= 1 and rng.random() < (0.02 if mode == "rest" else often)
        if is_due:
            couplet = mode == "couplets" or rng.random() < 0.04
            beats, taken = focus.beats(rng, part[i], part[i + 1], couplet)
            out += beats
            i, since = i + taken, 0
        else:
            out.append(part[i])
            i, since = i + 1, since + 1
    return np.array(out)
