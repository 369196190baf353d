"""Alarm limits of one subject: frozen values, defaults for adults, plain JSON in and out.

Defaults are those of the project's teaching specification (IEC-style limits for an adult) and
must be set for the person monitored; they are not medical advice.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from math import isfinite
from typing import Any

from teleward_signal.errors import Invalid
from teleward_signal.model import Priority
from teleward_signal.vocabulary import METRICS

# Published monitors signal a yellow limit after 10 s out of range and a red one after 5 s.
MEDIUM_DELAY_S, HIGH_DELAY_S = 10.0, 5.0


@dataclass(frozen=True, slots=True)
class Limit:
    """One bound: breached strictly beyond ``value``, clear again ``hysteresis`` inside it."""

    condition: str
    metric: str
    value: float
    above: bool
    priority: Priority
    delay_s: float
    hysteresis: float

    def text(self, measured: float) -> str:
        """Return the alarm in words: ``SpO₂ low: 86 < 90%``."""
        metric = METRICS[self.metric]
        side = self.condition.removeprefix(f"{self.metric}_").replace("_", " ")
        sign = ">" if self.above else "<"
        unit = metric.unit if metric.unit == "%" else ""
        return f"{metric.label} {side}: {measured:.{metric.decimals}f} {sign} {self.value:g}{unit}"

    def is_breached(self, measured: float) -> bool:
        """Return whether ``measured`` lies beyond the limit."""
        return measured > self.value if self.above else measured < self.value

    def is_worse(self, measured: float, than: float) -> bool:
        """Return whether ``measured`` lies further out than ``than``."""
        return measured > than if self.above else measured < than

    def is_clear(self, measured: float) -> bool:
        """Return whether ``measured`` is inside by the hysteresis."""
        inside = self.value - measured if self.above else measured - self.value
        return inside >= self.hysteresis


@dataclass(frozen=True, slots=True)
class MetricLimits:
    """Limits of one metric in its unit; ``None`` switches a limit off.

    ``very_low`` and ``very_high`` are of high priority, ``low`` and ``high`` of medium.
    """

    very_low: float | None = None
    low: float | None = None
    high: float | None = None
    very_high: float | None = None
    hysteresis: float = 1.0
    medium_delay_s: float = MEDIUM_DELAY_S
    high_delay_s: float = HIGH_DELAY_S

    def limits(self, metric: str) -> tuple[Limit, ...]:
        """Return the limits that are set, high priority first."""
        found = []
        for name in ("very_low", "very_high", "low", "high"):
            value = getattr(self, name)
            if value is None:
                continue
            high = name.startswith("very")
            priority = Priority.HIGH if high else Priority.MEDIUM
            delay_s = self.high_delay_s if high else self.medium_delay_s
            above = name.endswith("high")
            limit = Limit(
                f"{metric}_{name}", metric, value, above, priority, delay_s, self.hysteresis
            )
            found.append(limit)
        return tuple(found)


# A cuff or thermometer reading stands alone: waiting for a second one would take half an hour.
_SPOT = {"medium_delay_s": 0.0, "high_delay_s": 0.0}

DEFAULT_METRICS: dict[str, MetricLimits] = {
    "heart_rate": MetricLimits(40, 45, 120, 130, hysteresis=2),
    "pulse_rate": MetricLimits(40, 45, 120, 130, hysteresis=2),
    "spo2": MetricLimits(very_low=85, low=90),
    # ADA Standards of Care: below 54 and 70 mg/dL are the levels of hypoglycaemia, above 250 the
    # second level of hyperglycaemia; 400 is where meters near the end of their range
    "glucose": MetricLimits(very_low=54, low=70, high=250, very_high=400, hysteresis=0, **_SPOT),
    "nibp_systolic": MetricLimits(very_low=80, very_high=180, hysteresis=0, **_SPOT),
    "respiratory_rate": MetricLimits(very_low=6, very_high=30),
    "etco2": MetricLimits(very_low=15, very_high=60),
    "body_temperature": MetricLimits(low=35, high=39.5, hysteresis=0.2, **_SPOT),
}

SPO2_94_98 = MetricLimits(very_low=90, low=94)
"""Tighter band for a target of 94 to 98 %."""

SPO2_88_92 = MetricLimits(very_low=85, low=88, high=92)
"""Band for a person who retains CO2 (target 88 to 92 %): too much oxygen alarms as well."""


@dataclass(frozen=True, slots=True)
class AlarmLimits:
    """Everything a subject's alarms are judged by."""

    metrics: Mapping[str, MetricLimits] = field(default_factory=lambda: dict(DEFAULT_METRICS))
    difference_percent: float = 25.0
    """Heart rate from the ECG and pulse rate may differ by this share of the larger one."""
    difference_delay_s: float = 10.0
    no_data_s: float = 30.0
    """A stream of values that stays away this long is a technical alarm."""
    latch_high: bool = True
    """High-priority alarms stay signalled until a person acknowledges them."""

    def __post_init__(self) -> None:
        """Refuse limits that cannot be meant, naming the key and the remedy."""
        for metric, limits in self.metrics.items():
            _check(metric, limits)
        for name in ("difference_percent", "difference_delay_s", "no_data_s"):
            if not getattr(self, name) > 0:
                raise Invalid(f"{name}: must be above 0, got {getattr(self, name)}")

    def with_metric(self, metric: str, limits: MetricLimits) -> "AlarmLimits":
        """Return a copy in which ``metric`` has ``limits``."""
        return replace(self, metrics={**self.metrics, metric: limits})

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values; `from_dict` reads them back."""
        own = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "metrics"}
        names = [f.name for f in fields(MetricLimits)]
        return own | {
            "metrics": {m: {n: getattr(v, n) for n in names} for m, v in self.metrics.items()}
        }

    @classmethod
    def from_dict(
        cls, values: Mapping[str, Any], usual: Mapping[str, MetricLimits] = DEFAULT_METRICS
    ) -> "AlarmLimits":
        """Read settings: what is not named stays as ``usual``, metric by metric and key by key."""
        known = {f.name for f in fields(cls)}
        _refuse_unknown("alarm limits", values, known)
        metrics = dict(usual)
        for metric, given in values.get("metrics", {}).items():
            _refuse_unknown(f"limits of {metric}", given, {f.name for f in fields(MetricLimits)})
            metrics[metric] = replace(metrics.get(metric, MetricLimits()), **given)
        return cls(metrics=metrics, **{k: v for k, v in values.items() if k != "metrics"})


def _refuse_unknown(where: str, values: Mapping[str, Any], known: set[str]) -> None:
    for key in values:
        if key not in known:
            raise Invalid(f"{where}: unknown key {key!r}; known are {', '.join(sorted(known))}")


def _check(metric: str, limits: MetricLimits) -> None:
    if metric not in METRICS:
        raise Invalid(f"limits of {metric!r}: no such metric; see teleward_signal.vocabulary")
    for item in fields(limits):
        value = getattr(limits, item.name)
        if value is None and item.name in ("very_low", "low", "high", "very_high"):
            continue
        if not isinstance(value, int | float) or not isfinite(value):
            raise Invalid(f"limits of {metric}: {item.name} must be a number, got {value!r}")
        if item.name in ("hysteresis", "medium_delay_s", "high_delay_s") and value < 0:
            raise Invalid(f"limits of {metric}: {item.name} must not be below 0, got {value}")
    order = [limits.very_low, limits.low, limits.high, limits.very_high]
    given = [value for value in order if value is not None]
    if given != sorted(given):
        raise Invalid(
            f"limits of {metric}: very_low <= low <= high <= very_high must hold, got {given}"
        )
