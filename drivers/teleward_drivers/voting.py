"""One value a second from a stream that repeats its values in every frame without a checksum."""

from collections.abc import Iterable
from statistics import median_low
from typing import Any

from teleward_drivers.oximeter_stream import most
from teleward_drivers.plausible import SlewLimit, measurement
from teleward_signal.model import Measurement

Claim = float | str | None
"""A value; or why there is none; or ``None`` when this frame does not speak of it."""


class Vote:
    """Collects what ``n_frames`` frames claim; returns their median, or why most have no value.

    A flipped bit moves one claim, never the median.
    """

    def __init__(self, n_frames: int, step_limits: dict[str, float] | None = None) -> None:
        self._n_frames = max(1, n_frames)
        self._claims: list[dict[str, Claim]] = []
        self._slew = SlewLimit(step_limits or {})

    def add(self, claims: dict[str, Claim]) -> list[Measurement]:
        """Take one frame's claims by metric; returns readings once enough frames agree."""
        self._claims.append(claims)
        if len(self._claims) < self._n_frames:
            return []
        frames, self._claims = self._claims, []
        metrics = sorted({metric for frame in frames for metric in frame})
        return [reading for metric in metrics for reading in self._decide(metric, frames)]

    def _decide(self, metric: str, frames: list[dict[str, Claim]]) -> Iterable[Measurement]:
        claims = [frame[metric] for frame in frames if frame.get(metric) is not None]
        values = [claim for claim in claims if isinstance(claim, float | int)]
        if 2 * len(values) > len(claims):
            value = median_low(values)
            extra: dict[str, Any] = self._slew(metric, value)
            yield measurement(metric, value, **extra)
        elif claims:
            reason, _ = most(claim for claim in claims if isinstance(claim, str))
            yield measurement(metric, None, reason, quality=0.0)
