"""The newest reading of one metric of one subject, as the alarms see it."""

from dataclasses import dataclass
from math import isfinite
from typing import Any

from teleward_signal.model import Measurement, Source
from teleward_signal.news2 import CHARTED_S, displayed
from teleward_signal.timeline import SECOND_NS, Instant

CONTINUOUS = frozenset({"heart_rate", "pulse_rate", "spo2", "respiratory_rate", "etco2"})
"""Metrics that renew themselves every few seconds: their silence is a technical alarm."""


@dataclass(slots=True)
class Reading:
    """The newest reading: ``value`` is ``None`` while withheld, for ``reason``.

    ``observed_ns``, ``valued_ns`` (last value) and ``until_ns`` (end of a single reading's
    validity) lie on the board's timeline. ``restored`` marks what a former run knew: it holds the
    place of a value that has not come yet and raises nothing. One that is not ``promised`` is an
    estimate beside what a sensor is worn for: its silence is no technical alarm.
    """

    source: str
    observed_ns: int
    valued_ns: int
    until_ns: int
    is_stream: bool
    value: float | None = None
    reason: str | None = None
    restored: bool = False
    promised: bool = True

    def take(
        self,
        measurement: Measurement,
        source: str,
        observed_ns: int,
        at: Instant,
        no_data_s: float,
    ) -> bool:
        """Take a newer measurement; return whether it has a value to judge."""
        metric, value = measurement.metric, measurement.value
        self.source, self.observed_ns = source, observed_ns
        self.reason, self.restored = measurement.reason, False
        self.is_stream = (
            metric in CONTINUOUS
            and measurement.source is not Source.MANUAL
            and measurement.valid_s <= no_data_s
        )
        if value is None or not isfinite(value):
            self.value = None
            return False
        self.value, self.valued_ns = displayed(metric, value), at.clock_ns
        stands_s = max(measurement.valid_s, CHARTED_S)
        self.until_ns = observed_ns + round(stands_s * SECOND_NS)
        return True

    def is_over(self, at: Instant, no_data_s: float) -> bool:
        """Return whether a stream is silent too long, or a single reading no longer valid."""
        if self.is_stream:
            return at.clock_ns - self.valued_ns >= no_data_s * SECOND_NS
        return at.clock_ns >= self.until_ns

    def to_json(self) -> list[Any]:
        """Return what a restart keeps: who spoke and until when, never the value."""
        return [self.source, self.observed_ns, self.valued_ns, self.until_ns, self.is_stream]

    @classmethod
    def from_json(cls, kept: list[Any], clock_ns: int) -> "Reading":
        """Read what `to_json` wrote; the silence of a stream counts from now."""
        source, observed_ns, _, until_ns, is_stream = kept
        return cls(source, observed_ns, clock_ns, until_ns, is_stream, restored=True)
