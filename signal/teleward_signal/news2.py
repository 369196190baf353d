"""NEWS2: from the newest measurement of each vital sign to the score, or why there is none.

Source: Royal College of Physicians, National Early Warning Score (NEWS) 2, London, December 2017,
chart 1 (scores), chart 2 (thresholds and triggers). Reproduced with acknowledgement. The score
takes the values as they are displayed: rounded to the decimals of the vocabulary.

Training view, scores follow NEWS2 (Royal College of Physicians). For persons of 16 years and older
who are not pregnant. A teaching and monitoring aid, not a certified medical device.
"""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from enum import IntEnum, StrEnum
from math import isfinite

from teleward_signal.model import Measurement, Source
from teleward_signal.pews import PARAMETERS as CHILD_PARAMETERS
from teleward_signal.pews import Pews, pews
from teleward_signal.vocabulary import METRICS

NOTICE = "Training view, scores follow NEWS2 (Royal College of Physicians)"


class Consciousness(IntEnum):
    """Value of the metric ``consciousness`` (ACVPU); new confusion counts as C."""

    ALERT = 0
    CONFUSION = 1
    VOICE = 2
    PAIN = 3
    UNRESPONSIVE = 4


class Risk(StrEnum):
    """Clinical risk by chart 2."""

    LOW = "low"
    LOW_MEDIUM = "low-medium"
    MEDIUM = "medium"
    HIGH = "high"


RESPONSES: dict[Risk, str] = {
    Risk.LOW: "ward-based response",
    Risk.LOW_MEDIUM: "urgent ward-based response",
    Risk.MEDIUM: "key threshold for urgent response",
    Risk.HIGH: "urgent or emergency response",
}

# Highest displayed value of each band, and the points of the bands; the last band is open.
_BANDS: dict[str, tuple[tuple[float, ...], tuple[int, ...]]] = {
    "respiratory_rate": ((8, 11, 20, 24), (3, 1, 0, 2, 3)),
    "spo2": ((91, 93, 95), (3, 2, 1, 0)),
    "spo2_scale2_air": ((83, 85, 87), (3, 2, 1, 0)),
    "spo2_scale2_oxygen": ((83, 85, 87, 92, 94, 96), (3, 2, 1, 0, 1, 2, 3)),
    "nibp_systolic": ((90, 100, 110, 219), (3, 2, 1, 0, 3)),
    "pulse": ((40, 50, 90, 110, 130), (3, 1, 0, 1, 2, 3)),
    "body_temperature": ((35.0, 36.0, 38.0, 39.0), (3, 1, 0, 1, 2)),
}

PARAMETERS = (
    "respiratory_rate",
    "spo2",
    "supplemental_oxygen",
    "nibp_systolic",
    "pulse",
    "consciousness",
    "body_temperature",
)
"""The seven parameters in the order of the chart; ``pulse`` is a heart rate, else a pulse rate."""

# How long an observation stands for a score. Monitored values are renewed every second, so a
# minute of silence means the sensor is gone; charted ones hold for the shortest interval that
# chart 4 asks of a stable patient with a score of 1 to 4 (four hours).
MONITORED_S, CHARTED_S = 60.0, 4 * 3600.0
VALIDITY_S: dict[str, float] = {
    "respiratory_rate": MONITORED_S,
    "spo2": MONITORED_S,
    "heart_rate": MONITORED_S,
    "pulse_rate": MONITORED_S,
    "supplemental_oxygen": CHARTED_S,
    "nibp_systolic": CHARTED_S,
    "consciousness": CHARTED_S,
    "body_temperature": CHARTED_S,
}


@dataclass(frozen=True, slots=True)
class News2:
    """The score at one moment.

    ``points`` holds every parameter that is known; ``values`` what was scored, as displayed.
    ``total`` and ``risk`` are ``None`` unless all seven are known: a missing input is never taken
    for normal. ``at_least`` is the sum of the known points. ``missing`` were never measured or are
    withheld, ``stale`` are older than their validity.
    """

    total: int | None
    risk: Risk | None
    at_least: int
    points: dict[str, int]
    values: dict[str, float]
    missing: tuple[str, ...]
    stale: tuple[str, ...]
    spo2_scale: int
    not_applied: str | None = None
    """Why the person is not scored at all."""
    pews: Pews | None = None
    """What a child's chart gives in its place: a training view, shown and not recorded."""

    @property
    def reason(self) -> str | None:
        """Return what the score lacks, or ``None``."""
        if self.not_applied:
            return self.not_applied
        parts = [f"missing: {', '.join(self.missing)}"] if self.missing else []
        if self.stale:
            parts.append(f"stale: {', '.join(self.stale)}")
        return "; ".join(parts) or None

    def as_measurement(self, now_ns: int) -> Measurement:
        """Return the score as a derived measurement with its evidence in ``detail``."""
        detail = {
            "points": self.points,
            "values": self.values,
            "risk": self.risk,
            "at_least": self.at_least,
            "missing": list(self.missing),
            "stale": list(self.stale),
            "spo2_scale": self.spo2_scale,
            "notice": NOTICE,
        }
        value = None if self.total is None else float(self.total)
        return Measurement(
            "news2", value, self.reason, source=Source.DERIVED, time_ns=now_ns, detail=detail
        )


NO_NEWS2 = "NEWS2 is not for people under 16"
"""What pages and answers show in place of the score."""

NOT_APPLIED = News2(None, None, 0, {}, {}, (), (), 1, NO_NEWS2)


def displayed(metric: str, value: float) -> float:
    """Round ``value`` as the pages show it: to the decimals of the metric, ties upward.

    The rule is that of JavaScript's ``toFixed``, so that a score never differs from the screen.
    """
    unit = Decimal(1).scaleb(-METRICS[metric].decimals)
    return float(Decimal(value).quantize(unit, rounding=ROUND_HALF_UP))


def points_of(parameter: str, value: float) -> int:
    """Return the points of one displayed value by chart 1.

    ``parameter`` is one of `PARAMETERS` (``spo2`` is scale 1), ``spo2_scale2_air`` or
    ``spo2_scale2_oxygen``.
    """
    if parameter == "supplemental_oxygen":
        return 2 if value > 0 else 0
    if parameter == "consciousness":
        return 0 if value == Consciousness.ALERT else 3
    upper, points = _BANDS[parameter]
    return points[bisect_left(upper, value)]


def risk_of(points: Mapping[str, int]) -> Risk:
    """Return the clinical risk of a complete set of points by chart 2."""
    total = sum(points.values())
    if total >= 7:
        return Risk.HIGH
    if total >= 5:
        return Risk.MEDIUM
    return Risk.LOW_MEDIUM if 3 in points.values() else Risk.LOW


def news2(
    measurements: Mapping[str, Measurement],
    now_ns: int,
    validity_s: Mapping[str, float] = VALIDITY_S,
) -> News2:
    """Score the newest ``measurements`` (by metric) of one subject at ``now_ns`` (UTC).

    A measurement counts while it is younger than its own ``valid_s`` or the metric's entry in
    ``validity_s``, whichever is longer. SpO2 scale 2 is used only when the metric ``spo2_scale``
    is 2, which a clinician prescribes; it stands until it is changed.
    """
    states = {name: _newest(measurements, name, now_ns, validity_s) for name in PARAMETERS}
    values = {name: value for name, value in states.items() if isinstance(value, float)}
    missing = [name for name, state in states.items() if state == "missing"]
    stale = [name for name, state in states.items() if state == "stale"]
    prescribed = measurements.get("spo2_scale")
    scale = 2 if prescribed is not None and prescribed.value == 2 else 1
    points = _points(values, scale)
    complete = len(points) == len(PARAMETERS)
    return News2(
        total=sum(points.values()) if complete else None,
        risk=risk_of(points) if complete else None,
        at_least=sum(points.values()),
        points=points,
        values=values,
        missing=tuple(missing),
        stale=tuple(stale),
        spo2_scale=scale,
    )


def of_child(measurements: Mapping[str, Measurement], years: float | None, now_ns: int) -> News2:
    """Return the score of somebody whom NEWS2 is not for, with the points of PEWS if age allows.

    ``measurements`` by metric and ``now_ns`` (UTC) as in `news2`, with its validities.
    """
    if years is None:
        return NOT_APPLIED
    states = {name: _newest(measurements, name, now_ns, VALIDITY_S) for name in CHILD_PARAMETERS}
    return replace(NOT_APPLIED, pews=pews(states, years))


def _newest(
    measurements: Mapping[str, Measurement],
    parameter: str,
    now_ns: int,
    validity_s: Mapping[str, float],
) -> float | str:
    """Return the displayed value of a parameter, or ``missing`` or ``stale``."""
    pulses = ("heart_rate", "pulse_rate")
    sources = pulses if parameter in ("pulse", "heart_rate") else (parameter,)
    states = [_state(measurements.get(m), m, now_ns, validity_s) for m in sources]
    known = [value for value in states if isinstance(value, float)]
    return known[0] if known else "stale" if "stale" in states else "missing"


def _state(
    measurement: Measurement | None, metric: str, now_ns: int, validity_s: Mapping[str, float]
) -> float | str:
    """Return the displayed value, or ``missing`` or ``stale``."""
    if measurement is None or measurement.value is None or not isfinite(measurement.value):
        return "missing"
    age_s = 0.0 if measurement.time_ns is None else (now_ns - measurement.time_ns) / 1e9
    if age_s > max(measurement.valid_s, validity_s.get(metric, 0.0)):
        return "stale"
    return displayed(metric, measurement.value)


def _points(values: Mapping[str, float], scale: int) -> dict[str, int]:
    """Return the points of each known value; scale 2 above 92 % needs to know air or oxygen."""
    points = {}
    for parameter, value in values.items():
        table = parameter
        if parameter == "spo2" and scale == 2:
            if "supplemental_oxygen" not in values and value > 92:
                continue
            on_oxygen = values.get("supplemental_oxygen", 0.0) > 0
            table = "spo2_scale2_oxygen" if on_oxygen else "spo2_scale2_air"
        points[parameter] = points_of(table, value)
    return points
