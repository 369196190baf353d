"""A NEWS2 score as it is recorded: with how each scored value was measured, and who entered it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from teleward_signal.model import Measurement
from teleward_signal.news2 import News2

PULSES = ("heart_rate", "pulse_rate")
"""Metrics that the parameter ``pulse`` is taken from, the first that has a value."""


def recorded_score(
    score: News2,
    inputs: Mapping[str, Measurement],
    device_of: Callable[[str], str | None],
    now_ns: int,
) -> Measurement:
    """Return ``score`` as a measurement whose detail names the source of each scored value.

    ``inputs`` are the newest measurements by metric, ``device_of`` gives the device that a metric
    is taken from. The detail ``sources`` has, by parameter: ``metric``, ``source`` (device,
    derived or manual) and, where they are known, ``author``, ``device`` and ``time_ns`` (UTC).
    """
    measurement = score.as_measurement(now_ns)
    sources: dict[str, dict[str, Any]] = {}
    for parameter in score.values:
        metrics = PULSES if parameter == "pulse" else (parameter,)
        known = [m for m in metrics if m in inputs and inputs[m].value is not None]
        if known:
            given = inputs[known[0]]
            facts = {
                "metric": known[0],
                "source": given.source.value,
                "author": given.author,
                "device": None if given.author else device_of(known[0]),
                "time_ns": given.time_ns,
            }
            sources[parameter] = {name: fact for name, fact in facts.items() if fact is not None}
    return replace(measurement, detail={**measurement.detail, "sources": sources})
