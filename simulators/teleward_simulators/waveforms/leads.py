"""Twelve leads as projections of one electrical vector: x to the left, y down, z to the front.

Frontal leads follow Einthoven's equilateral triangle, so III = II - I and the augmented leads hold
exactly. Chest leads are unit vectors at the angles at which V1 to V6 look at the heart, longer
where they sit close to it.
"""

import numpy as np
from numpy.typing import NDArray

_CHEST = {
    # degrees from left towards front in the horizontal plane, length, share of down
    "ecg_v1": (115.0, 0.9, 0.10),
    "ecg_v2": (94.0, 1.3, 0.15),
    "ecg_v3": (72.0, 1.35, 0.20),
    "ecg_v4": (47.0, 1.35, 0.25),
    "ecg_v5": (22.0, 1.15, 0.25),
    "ecg_v6": (0.0, 0.95, 0.25),
}


def _vectors() -> dict[str, tuple[float, float, float]]:
    i = np.array([1.0, 0.0, 0.0])
    ii = np.array([0.5, 0.8660254, 0.0])
    leads = {
        "ecg_i": i,
        "ecg_ii": ii,
        "ecg_iii": ii - i,
        "ecg_avr": -(i + ii) / 2.0,
        "ecg_avl": i - ii / 2.0,
        "ecg_avf": ii - i / 2.0,
    }
    for name, (degrees, length, down) in _CHEST.items():
        angle = np.radians(degrees)
        leads[name] = length * np.array([np.cos(angle), down, np.sin(angle)])
    return {name: (float(v[0]), float(v[1]), float(v[2])) for name, v in leads.items()}


LEADS: dict[str, tuple[float, float, float]] = _vectors()
"""Lead -> its vector; metric names of the vocabulary."""

LEAD_NAMES = tuple(LEADS)
MATRIX: NDArray[np.float64] = np.array(list(LEADS.values()))
"""Shape (12, 3)."""
