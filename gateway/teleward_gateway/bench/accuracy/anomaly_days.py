"""Patient-days for the anomaly benchmark: BIDMC numerics drawn out to hours, seeded problem added.

A recording lasts eight minutes, so its numerics are mirrored end to end; slow wander, moving about,
artefacts and missing values are added as a ward would show them, then a deterioration, all from the
seed. These are surrogates: they compare methods with each other and are no clinical evidence.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

METRICS = ("heart_rate", "respiratory_rate", "spo2")
STEP_S = 5.0
START_S = 4 * 3600.0
"""A deterioration begins after four hours."""
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Deterioration:
    """What changes, over how many minutes, until the moment called the crisis."""

    name: str
    minutes: float
    heart_rate: float
    respiratory_rate: float
    spo2: float


DETERIORATIONS = (
    Deterioration("sepsis", 90, 35, 10, -4),
    Deterioration("pneumonia", 60, 15, 8, -10),
    Deterioration("bleeding", 60, 45, 8, -2),
    Deterioration("opioid", 40, -10, -9, -8),
    Deterioration("heart block", 30, -40, 2, -1),
    Deterioration("airway, sudden", 6, 25, 6, -18),
)


def quiet_day(numerics: Values, hours: float, seed: int) -> Values:
    """Return ``hours`` of numerics, shape (n_steps, 3), of one undisturbed patient.

    ``numerics``, 1 Hz, shape (n, 3), in the order of `METRICS`.
    """
    rng = np.random.default_rng(seed)
    n = round(hours * 3600 / STEP_S)
    day = _mirrored(numerics, n)
    day += _wander(rng, n)
    for _ in range(rng.poisson(hours / 4)):  # walks, meals, visitors
        _add(day, rng, (300, 900), np.array([rng.uniform(10, 25), rng.uniform(2, 6), 0.0]))
    for _ in range(rng.poisson(hours / 3)):  # a moved finger
        _add(day, rng, (20, 90), np.array([0.0, 0.0, -rng.uniform(4, 20)]))
    for _ in range(rng.poisson(hours / 6)):  # a moved electrode
        _add(day, rng, (10, 40), np.array([rng.uniform(-30, 40), rng.uniform(-6, 12), 0.0]))
    for _ in range(rng.poisson(hours / 4)):  # sensors off
        at = rng.integers(0, n)
        day[at : at + rng.integers(6, 60), rng.integers(0, 3)] = np.nan
    return day


def deteriorate(day: Values, problem: Deterioration) -> tuple[Values, float]:
    """Return the day with ``problem`` added from `START_S`, and the moment of crisis in s."""
    t = np.arange(len(day)) * STEP_S
    share = np.clip((t - START_S) / (problem.minutes * 60), 0, 1)[:, None]
    change = np.array([problem.heart_rate, problem.respiratory_rate, problem.spo2])
    return as_shown(day + share * change), START_S + problem.minutes * 60


def as_shown(day: Values) -> Values:
    """Round to what a monitor shows, within what it can show."""
    shown = np.round(day)
    return np.asarray(np.clip(shown, [15, 1, 40], [260, 70, 100]))


def _mirrored(numerics: Values, n: int) -> Values:
    width = round(STEP_S)
    whole = numerics[: len(numerics) // width * width].reshape(-1, width, 3)
    counted = np.maximum(np.isfinite(whole).sum(axis=1), 1)
    piece = np.nansum(whole, axis=1) / counted
    piece[~np.isfinite(whole).any(axis=1)] = np.nan
    ring = np.concatenate([piece, piece[::-1]])
    return np.asarray(np.tile(ring, (n // len(ring) + 1, 1))[:n])


def _wander(rng: np.random.Generator, n: int) -> Values:
    """Slow random movement (time constant 40 min) of 4 /min, 1.2 /min and 0.5 %."""
    keep = np.exp(-STEP_S / 2400.0)
    noise = rng.normal(size=(n, 3)) * np.sqrt(1 - keep**2)
    out = np.empty((n, 3))
    state = rng.normal(size=3)
    for k in range(n):
        state = keep * state + noise[k]
        out[k] = state
    return np.asarray(out * np.array([4.0, 1.2, 0.5]))


def _add(day: Values, rng: np.random.Generator, span_s: tuple[int, int], change: Values) -> None:
    length = max(2, int(rng.uniform(*span_s) / STEP_S))
    at = int(rng.integers(0, len(day)))
    piece = day[at : at + length]
    ramp = np.minimum(np.arange(length), np.arange(length)[::-1]) / max(1, length // 6)
    piece += np.clip(ramp, 0, 1)[: len(piece), None] * change
