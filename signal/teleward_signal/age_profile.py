"""Age profiles: alarm limits, bounds of the heart rate and whether NEWS2 applies, by age.

    neonate     under 28 days
    infant      28 days to under 1 year
    child       1 to under 16 years; limits by 1-4, 5-11 and 12-15 years
    adult       16 years and over, and where no age is known

Limits are starting points that must be set for the person monitored, not medical advice. Sources:

- heart and breathing rate: 1st and 99th centiles of healthy children, Fleming et al., Lancet
  377:1011 (2011), rounded outward; below 100/min a newborn is ventilated, below 60/min resuscitated
  (European Resuscitation Council 2021, newborn life support).
- systolic pressure: hypotension of Pediatric Advanced Life Support (60 newborn, 70 infant, 70 + 2 x
  years to ten years, then 90 mmHg); high: stage 2 of Flynn et al., Pediatrics 140:e20171904 (2017),
  and for the first year the 99th centile of Dionne et al., Pediatr Nephrol 27:17 (2012).
- temperature: moderate hypothermia below 36 C (WHO 1997), fever from 38 C under three months (NICE
  NG51, 2016).
- glucose of newborns: 47 and 36 mg/dL are 2.6 and 2.0 mmol/L (British Association of Perinatal
  Medicine 2017); high from 180 mg/dL.
- NEWS2: Royal College of Physicians, 2017: not for people under 16; see `pews` for a training view.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from math import isfinite

from teleward_signal.alarms.limits import DEFAULT_METRICS, MetricLimits
from teleward_signal.errors import Invalid

DAYS_PER_YEAR = 365.25
_UNITS = {"d": 1.0, "wk": 7.0, "mo": DAYS_PER_YEAR / 12, "y": DAYS_PER_YEAR}
_TEXT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(d|wk|mo|y|)\s*")
OLDEST_YEARS = 130.0
NEWS2_YEARS = 16.0

Age = float | str


class AgeGroup(StrEnum):
    """The groups that have a profile of their own."""

    NEONATE = "neonate"
    INFANT = "infant"
    CHILD = "child"
    ADULT = "adult"


@dataclass(frozen=True, slots=True)
class AgeProfile:
    """What a subject of an age is judged by.

    ``slow_per_min`` and ``fast_per_min`` bound what is neither bradycardia nor tachycardia;
    ``metrics`` are the default alarm limits. ``has_news2``: the score applies.
    """

    group: AgeGroup
    slow_per_min: float
    fast_per_min: float
    metrics: Mapping[str, MetricLimits]
    has_news2: bool = False


def years_of(age: Age | None) -> float | None:
    """Return an age in years, None for none; a number is years, text is like 3 d, 8 mo, 5 y.

    Raises Invalid naming the forms.
    """
    if age is None or age == "":
        return None
    years = float("nan")
    if isinstance(age, str) and (found := _TEXT.fullmatch(age)):
        years = float(found[1]) * _UNITS[found[2] or "y"] / DAYS_PER_YEAR
    elif isinstance(age, int | float) and not isinstance(age, bool):
        years = float(age)
    if not (isfinite(years) and 0 <= years <= OLDEST_YEARS):
        raise Invalid(f'age {age!r}: give years as a number, or text such as "3 d", "8 mo", "5 y"')
    return years


def profile_of(age: Age | None) -> AgeProfile:
    """Return the profile of an age; that of an adult where none is known."""
    years = years_of(age)
    if years is None:
        return ADULT
    return next(profile for under, profile in _BY_YEARS if years < under)


def _profile(
    group: AgeGroup,
    rate: tuple[float, float, float, float],
    breathing: tuple[float, float],
    systolic: tuple[float, float],
    **others: MetricLimits,
) -> AgeProfile:
    """Return a profile; rates per minute, very low to very high, pressure in mmHg."""
    usual = DEFAULT_METRICS
    rates = MetricLimits(*rate, hysteresis=2)
    metrics = {
        **usual,
        "heart_rate": rates,
        "pulse_rate": rates,
        "respiratory_rate": MetricLimits(very_low=breathing[0], very_high=breathing[1]),
        "nibp_systolic": replace(
            usual["nibp_systolic"], very_low=systolic[0], very_high=systolic[1]
        ),
        **others,
    }
    return AgeProfile(group, rate[1], rate[2], metrics)


_YOUNG_WARMTH = replace(DEFAULT_METRICS["body_temperature"], low=36.0, high=38.0)
_NEONATE = _profile(
    AgeGroup.NEONATE,
    (60, 100, 185, 205),
    (20, 80),
    (60, 100),
    body_temperature=_YOUNG_WARMTH,
    glucose=replace(DEFAULT_METRICS["glucose"], very_low=36, low=47, high=180, very_high=250),
)
_YOUNG_INFANT = _profile(
    AgeGroup.INFANT, (60, 100, 185, 205), (20, 70), (70, 110), body_temperature=_YOUNG_WARMTH
)
_INFANT = _profile(AgeGroup.INFANT, (60, 90, 175, 195), (15, 65), (70, 110))
_TODDLER = _profile(AgeGroup.CHILD, (55, 65, 160, 180), (12, 50), (72, 120))
_SCHOOL = _profile(AgeGroup.CHILD, (45, 50, 135, 150), (10, 35), (80, 130))
_TEENAGER = _profile(AgeGroup.CHILD, (40, 45, 120, 135), (8, 30), (90, 140))
ADULT = AgeProfile(AgeGroup.ADULT, 50.0, 120.0, DEFAULT_METRICS, has_news2=True)
_BY_YEARS: tuple[tuple[float, AgeProfile], ...] = (
    (28 / DAYS_PER_YEAR, _NEONATE),
    (0.25, _YOUNG_INFANT),
    (1.0, _INFANT),
    (5.0, _TODDLER),
    (12.0, _SCHOOL),
    (NEWS2_YEARS, _TEENAGER),
    (float("inf"), ADULT),
)
