"""Bedside PEWS against its published table: every boundary of every age, and what is not known."""

import pytest

from teleward_signal.model import Measurement
from teleward_signal.news2 import NO_NEWS2, of_child
from teleward_signal.pews import BANDS, UNSEEN, band_of, points_of

NOW_NS = 1_700_000_000_000_000_000
DAY = 1 / 365.25
FIRST_DAY_OF = {0: 0.0, 1: 0.25, 2: 1.0, 3: 4.0, 4: 12.0}
# as printed: 4, 2 and 1 points at or below, 1, 2 and 4 at or above; by age, youngest first
PRINTED = {
    "heart_rate": ["80 90 110 150 180 190", "70 80 100 150 170 180", "60 70 90 120 150 170",
                   "50 60 70 110 130 150", "40 50 60 100 120 140"],
    "nibp_systolic": ["45 50 60 80 100 130", "60 70 80 100 120 150", "65 75 90 110 125 160",
                      "70 80 90 120 140 170", "75 85 100 130 150 190"],
    "respiratory_rate": ["15 19 29 61 81 91", "15 19 24 51 71 81", "12 15 19 41 61 71",
                         "10 14 19 31 41 51", "9 10 11 17 23 30"],
}  # fmt: skip
CASES = [
    (band, parameter, limit + step, points)
    for parameter, bands in PRINTED.items()
    for band, printed in enumerate(bands)
    for place, limit in enumerate(float(part) for part in printed.split())
    for step, points in (
        ((0, (4, 2, 1)[place]), (1, (2, 1, 0)[place]))
        if place < 3
        else ((0, (1, 2, 4)[place - 3]), (-1, (0, 1, 2)[place - 3]))
    )
]


def measured(**values: float | None) -> dict[str, Measurement]:
    return {name: Measurement(name, value, time_ns=NOW_NS) for name, value in values.items()}


def test_every_boundary_of_every_age_scores_as_printed() -> None:
    assert len(CASES) == 5 * 3 * 12
    for band, parameter, value, points in CASES:
        assert points_of(BANDS[band], parameter, value) == points, (band, parameter, value)
    shared = [("spo2", 95, 0), ("spo2", 94, 1), ("spo2", 91, 1), ("spo2", 90, 2),
              ("supplemental_oxygen", 0, 0), ("supplemental_oxygen", 0.5, 2),
              ("supplemental_oxygen", 3.9, 2), ("supplemental_oxygen", 4, 4)]  # fmt: skip
    for each in BANDS:
        for parameter, level, points in shared:
            assert points_of(each, parameter, level) == points


@pytest.mark.parametrize("band", range(5))
def test_a_band_begins_on_its_birthday(band: int) -> None:
    first = FIRST_DAY_OF[band]
    assert band_of(first) is BANDS[band]
    assert band_of(BANDS[band].under_years - DAY) is BANDS[band]


def test_nobody_of_16_or_of_no_known_age_has_points() -> None:
    assert band_of(16.0) is None
    assert of_child(measured(heart_rate=90.0), 16.0, NOW_NS).pews is None
    assert of_child(measured(heart_rate=90.0), None, NOW_NS).pews is None


def test_only_what_was_measured_counts_and_there_is_no_total() -> None:
    inputs = measured(pulse_rate=131.0, respiratory_rate=None, spo2=92.0)
    inputs["nibp_systolic"] = Measurement(
        "nibp_systolic", 70.0, time_ns=NOW_NS - 5 * 3_600_000_000_000
    )
    score = of_child(inputs, 8.0, NOW_NS)
    assert (score.total, score.not_applied) == (None, NO_NEWS2)
    found = score.pews
    assert found is not None
    assert found.points == {"heart_rate": 2, "spo2": 1}
    assert found.at_least == 3
    assert found.missing == ("respiratory_rate", "supplemental_oxygen")
    assert found.stale == ("nibp_systolic",)
    assert found.unseen == UNSEEN
    assert "training view" in found.title
    assert "not validated" in found.title
