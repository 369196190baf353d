"""Twelve leads from eight: I, II and V1 to V6 are drawn, the other four follow from I and II.

So III = II - I and the augmented leads hold exactly (Einthoven, Goldberger), whatever is drawn.
"""

import numpy as np
from numpy.typing import NDArray

BASE_LEADS = (
    "ecg_i", "ecg_ii", "ecg_v1", "ecg_v2", "ecg_v3", "ecg_v4", "ecg_v5", "ecg_v6",
)  # fmt: skip
"""Leads in which a bump has an amplitude of its own."""
N_BASE = len(BASE_LEADS)


def _rows() -> dict[str, tuple[float, ...]]:
    base = np.eye(N_BASE)
    i, ii = base[0], base[1]
    leads = {
        "ecg_i": i,
        "ecg_ii": ii,
        "ecg_iii": ii - i,
        "ecg_avr": -(i + ii) / 2.0,
        "ecg_avl": i - ii / 2.0,
        "ecg_avf": ii - i / 2.0,
    }
    leads |= {name: base[n] for n, name in enumerate(BASE_LEADS) if name.startswith("ecg_v")}
    return {name: tuple(float(v) for v in row) for name, row in leads.items()}


LEADS: dict[str, tuple[float, ...]] = _rows()
"""Lead -> its share of each of `BASE_LEADS`; metric names of the vocabulary."""

LEAD_NAMES = tuple(LEADS)
MATRIX: NDArray[np.float64] = np.array(list(LEADS.values()))
"""Shape (12, 8)."""
