"""`AnomalyBank`: numerics of many subjects in, a score each and the reasons for it out."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from teleward_signal.anomaly.loop import LEARNING_S, STALE_S, step_all
from teleward_signal.anomaly.state import BASELINE


@dataclass(frozen=True, slots=True)
class Trait:
    """How one metric is watched: ``floor`` is the least spread in its unit.

    ``fall`` and ``rise`` weigh the two directions; 0 ignores one that is never bad news.
    """

    floor: float
    fall: float = 1.0
    rise: float = 1.0


TRAITS: dict[str, Trait] = {
    "heart_rate": Trait(6.0),
    "respiratory_rate": Trait(2.0),
    "spo2": Trait(1.0, rise=0.0),
    "nibp_systolic": Trait(10.0),
    "body_temperature": Trait(0.4),
    "etco2": Trait(4.0),
}
"""Floors: resolution and ordinary wander of each numeric over minutes in a person at rest."""

ALARM_SUM = 19.0
"""Sum at which the score is 50: about one false alarm a patient-day (``bench accuracy``)."""


@dataclass(frozen=True, slots=True)
class Change:
    """One metric that has left its usual level: by ``by`` in its unit, since ``for_s`` seconds."""

    metric: str
    by: float
    usual: float
    now: float
    for_s: float
    share: float
    """Part of the score that it makes, 0 to 1."""


class AnomalyBank:
    """Personal baselines, change points and a score 0 to 100 for ``n_slots`` subjects.

    Call `step` every ``period_s`` seconds (1 to 30). Constant in memory.
    """

    def __init__(
        self, n_slots: int, period_s: float = 5.0, traits: Mapping[str, Trait] = TRAITS
    ) -> None:
        if not 1 <= period_s <= 30:
            raise ValueError(f"period_s {period_s} is outside 1 to 30 s")
        self.metrics = tuple(traits)
        self.period_s = period_s
        self._traits = np.array([[t.floor, t.fall, t.rise] for t in traits.values()])
        self._states = np.zeros((0, len(self.metrics)), BASELINE)
        self._now_s = 0.0
        self.sums = np.zeros(0)
        self.grow(n_slots)

    @property
    def n_slots(self) -> int:
        """Return the number of subjects that the bank holds."""
        return len(self._states)

    def step(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Advance by one period and return the scores, shape (n_slots,); NaN while learning.

        ``values``, float64, shape (n_slots, n_metrics) in the order of ``metrics``: the mean of
        each numeric over the period, NaN when it is missing or withheld.
        """
        if values.shape != self._states.shape:
            raise ValueError(f"values {values.shape} do not fit {self._states.shape}")
        self._now_s += self.period_s
        step_all(self._states, values, self._now_s, self.period_s, self._traits, self.sums)
        return self.scores

    @property
    def scores(self) -> NDArray[np.float64]:
        """Return the scores as of the last step: 0 is usual, 50 and above an alarm."""
        return 100.0 * self.sums / (self.sums + ALARM_SUM)

    def changes(self, slot: int) -> list[Change]:
        """Return what makes the score of ``slot``, the greatest part first."""
        found = []
        total = max(float(self.sums[slot]), 1e-9)
        for metric, m in zip(self.metrics, self._states[slot], strict=True):
            total_up, total_down = float(m["up"]), float(m["down"])
            size = max(total_up, total_down)
            if size < 0.5 or m["silent_s"] > STALE_S or m["seen_s"] <= LEARNING_S:
                continue
            since_s = float(m["up_since"] if total_up > total_down else m["down_since"])
            usual, now = float(m["level"]), float(m["fast"])
            share = min(1.0, size / total)
            found.append(Change(metric, now - usual, usual, now, self._now_s - since_s, share))
        return sorted(found, key=lambda change: -change.share)

    def usual(self, slot: int, metric: str) -> tuple[float, float] | None:
        """Return level and spread of one metric, ``None`` while they are learned."""
        m = self._states[slot, self.metrics.index(metric)]
        if m["seen_s"] <= LEARNING_S:
            return None
        return float(m["level"]), float(m["spread"])

    def silent_s(self, slot: int) -> float:
        """Return for how long no metric of ``slot`` has had a value."""
        seen = self._states[slot]["silent_s"][self._states[slot]["seen_s"] > 0]
        return float(seen.min()) if len(seen) else 0.0

    def accept(self, slot: int) -> None:
        """Take the values of now as usual: a person has seen the change and its reason."""
        known = self._states[slot]
        known["level"] = known["fast"]
        known["up"] = known["down"] = 0.0
        self.sums[slot] = 0.0

    def reset(self, slot: int) -> None:
        """Forget the subject of ``slot``."""
        self._states[slot] = np.zeros(len(self.metrics), BASELINE)
        self.sums[slot] = np.nan

    def snapshot(self, slot: int) -> bytes:
        """Return what is known of ``slot``; ``since`` times are kept as ages."""
        kept = self._states[slot].copy()
        kept["up_since"] -= self._now_s
        kept["down_since"] -= self._now_s
        return bytes(kept.tobytes())

    def restore(self, slot: int, state: bytes) -> None:
        """Continue ``slot`` from a snapshot of a bank with the same metrics."""
        if len(state) != BASELINE.itemsize * len(self.metrics):
            raise ValueError("snapshot of other metrics or another version; start without it")
        self._states[slot] = np.frombuffer(state, BASELINE)
        self._states[slot]["up_since"] += self._now_s
        self._states[slot]["down_since"] += self._now_s

    def grow(self, n_slots: int) -> None:
        """Hold ``n_slots`` subjects from now on."""
        more = n_slots - self.n_slots
        self._states = np.concatenate([self._states, np.zeros((more, len(self.metrics)), BASELINE)])
        self.sums = np.concatenate([self.sums, np.full(more, np.nan)])
