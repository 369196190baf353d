"""Turn device values into measurements; an implausible number is never published."""

from typing import Any

from teleward_signal.model import Measurement
from teleward_signal.vocabulary import is_plausible

IMPLAUSIBLE = "implausible"
ZERO_IS_NONE = frozenset({"heart_rate", "pulse_rate", "respiratory_rate"})
"""Devices send 0 for a rate that they could not measure; standstill is for waves to show."""


def measurement(
    metric: str, value: float | None, reason: str | None = None, **fields: Any
) -> Measurement:
    """Return a measurement; a value that cannot be true is withheld and kept in ``detail``."""
    if value is None or (value == 0 and metric in ZERO_IS_NONE):
        return Measurement(metric, None, reason or "missing", **fields)
    if not is_plausible(metric, value):
        fields["detail"] = {**fields.get("detail", {}), "raw": value}
        return Measurement(metric, None, IMPLAUSIBLE, **fields)
    return Measurement(metric, float(value), reason, **fields)


class SlewLimit:
    """Flag a step that no body makes, without hiding it.

    ``limits`` are the greatest steps per reading that are believed at once. A greater step keeps
    its value with quality 0.3 and ``detail["flag"] = "slew"`` until a second reading agrees.
    """

    def __init__(self, limits: dict[str, float]) -> None:
        self._limits = limits
        self._last: dict[str, float] = {}

    def __call__(self, metric: str, value: float | None) -> dict[str, Any]:
        """Return the fields to add to the measurement of ``value``."""
        if value is None or metric not in self._limits:
            return {}
        last = self._last.get(metric)
        self._last[metric] = value
        if last is None or abs(value - last) <= self._limits[metric]:
            return {}
        return {"quality": 0.3, "detail": {"flag": "slew", "previous": last}}
