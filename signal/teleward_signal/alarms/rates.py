"""Heart rate and pulse rate of one subject, compared while both are fresh. Pure."""

from collections.abc import Mapping

from teleward_signal.alarms.reading import Reading
from teleward_signal.timeline import SECOND_NS

RATES = ("heart_rate", "pulse_rate")
_COMPARE_NS = 10 * SECOND_NS
"""Two rates are compared only while both are this fresh: oximeters report every one to four s."""


def fresh_rates(readings: Mapping[str, Reading], clock_ns: int) -> list[tuple[float, str]]:
    """Return heart and pulse rate (/min) with their sources, each if it is fresh."""
    return [
        (reading.value, reading.source)
        for metric in RATES
        if (reading := readings.get(metric)) is not None
        and reading.value is not None
        and clock_ns - reading.valued_ns <= _COMPARE_NS
    ]


def fresh_by_metric(readings: Mapping[str, Reading], clock_ns: int) -> dict[str, float]:
    """Return heart and pulse rate (/min) by metric, each if it is fresh."""
    each = {metric: {metric: readings[metric]} for metric in RATES if metric in readings}
    return {m: found[0][0] for m, one in each.items() if (found := fresh_rates(one, clock_ns))}


def difference_percent(rates: list[tuple[float, str]]) -> float:
    """Return how far two rates differ, in % of the higher one."""
    (heart, _), (pulse, _) = rates
    return 100 * abs(heart - pulse) / max(heart, pulse, 1.0)
