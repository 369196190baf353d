"""Compare detected beats with annotated ones, after ANSI/AAMI EC57: one to one within 150 ms."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TOLERANCE_S = 0.150
"""EC57: a beat within 150 ms of an annotated one is that beat."""
Samples = NDArray[np.int64]


@dataclass(slots=True)
class Count:
    """True and false positives, misses; sums of records add up to the pooled figure."""

    found: int = 0
    false: int = 0
    missed: int = 0

    def add(self, other: "Count") -> None:
        """Pool another record."""
        self.found += other.found
        self.false += other.false
        self.missed += other.missed

    def percent(self) -> dict[str, float]:
        """Return sensitivity, positive predictive value and F1 in %."""
        se = 100 * self.found / max(1, self.found + self.missed)
        ppv = 100 * self.found / max(1, self.found + self.false)
        f1 = 200 * self.found / max(1, 2 * self.found + self.false + self.missed)
        return {"se": se, "ppv": ppv, "f1": f1}


def pair(reference: Samples, detected: Samples, tolerance_n: int) -> tuple[Samples, Samples]:
    """Return indices of paired reference and detected beats, nearest pairs first."""
    low = np.searchsorted(detected, reference - tolerance_n, "left")
    high = np.searchsorted(detected, reference + tolerance_n, "right")
    pairs = sorted(
        (abs(int(detected[j]) - int(reference[i])), i, j)
        for i in range(len(reference))
        for j in range(low[i], high[i])
    )
    taken_i, taken_j = np.zeros(len(reference), bool), np.zeros(len(detected), bool)
    kept = []
    for _, i, j in pairs:
        if not taken_i[i] and not taken_j[j]:
            taken_i[i] = taken_j[j] = True
            kept.append((i, j))
    kept.sort()
    both = np.array(kept, np.int64).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def compare(
    reference: Samples,
    detected: Samples,
    fs: float,
    left_out: list[tuple[int, int]] | None = None,
    from_s: float = 0.0,
) -> tuple[Count, NDArray[np.float64], NDArray[np.int64]]:
    """Return the count, the errors of the pairs in ms and the samples of all mistakes.

    Beats within ``left_out`` (ventricular fibrillation) and before ``from_s`` do not count.
    """
    i, j = pair(reference, detected, round(TOLERANCE_S * fs))
    keep_r = reference >= from_s * fs
    keep_d = detected >= from_s * fs
    for a, b in left_out or []:
        keep_r &= ~((reference >= a) & (reference <= b))
        keep_d &= ~((detected >= a) & (detected <= b))
    keep_d[j] = keep_r[i]
    hit_r, hit_d = np.zeros(len(reference), bool), np.zeros(len(detected), bool)
    hit_r[i] = hit_d[j] = True
    missed, false = reference[~hit_r & keep_r], detected[~hit_d & keep_d]
    count = Count(int((hit_r & keep_r).sum()), len(false), len(missed))
    kept = keep_r[i]
    errors = (detected[j][kept] - reference[i][kept]) / fs * 1000
    return count, errors, np.sort(np.concatenate([missed, false]))
