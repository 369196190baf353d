"""Ages as people write them, and what a subject of each age is judged by."""

import pytest

from teleward_signal.age_profile import AgeGroup, profile_of, years_of
from teleward_signal.alarms.limits import AlarmLimits
from teleward_signal.errors import Invalid

HEALTHY = {
    "1 d": (127, 44, 65),
    "3 wk": (143, 43, 72),
    "2 mo": (143, 43, 80),
    "8 mo": (134, 39, 88),
    "2 y": (113, 28, 92),
    "8 y": (84, 20, 102),
    "14 y": (76, 18, 112),
    "40 y": (72, 15, 120),
}
"""Medians of heart and breathing rate (Fleming et al., Lancet 2011), and usual systolic mmHg."""


@pytest.mark.parametrize(
    ("age", "group"),
    [
        (None, "adult"), ("", "adult"), (0, "neonate"), ("27 d", "neonate"), ("28 d", "infant"),
        ("11.9 mo", "infant"), ("12 mo", "child"), (15.99, "child"), ("16", "adult"),
        (" 90 y ", "adult"), ("2wk", "neonate"),
    ],
)  # fmt: skip
def test_an_age_has_its_group(age: float | str | None, group: str) -> None:
    profile = profile_of(age)
    assert profile.group is AgeGroup(group)
    assert profile.has_news2 is (group == "adult")


@pytest.mark.parametrize("age", ["old", "3 days ago", -1, 131, float("nan"), True, "-2 y", []])
def test_an_age_that_is_none_is_refused_with_its_forms(age: object) -> None:
    with pytest.raises(Invalid, match="8 mo"):
        years_of(age)  # type: ignore[arg-type]


@pytest.mark.parametrize("age", HEALTHY)
def test_what_is_healthy_at_an_age_breaches_no_limit_of_it(age: str) -> None:
    profile = profile_of(age)
    AlarmLimits(profile.metrics)  # each is in order
    heart, breathing, systolic = HEALTHY[age]
    values = {
        "heart_rate": heart,
        "pulse_rate": heart,
        "respiratory_rate": breathing,
        "nibp_systolic": systolic,
    }
    for metric, value in values.items():
        limits = profile.metrics[metric].limits(metric)
        assert not [limit for limit in limits if limit.is_breached(value)], metric
    assert profile.slow_per_min < heart < profile.fast_per_min


def test_rates_fall_with_age() -> None:
    rates = [profile_of(age).metrics["heart_rate"] for age in HEALTHY]
    for name in ("very_low", "low", "high", "very_high"):
        values = [getattr(rate, name) for rate in rates]
        assert values == sorted(values, reverse=True), name
