"""The anomaly bank: quiet people score low, drifts are found early, every score has its reasons."""

import numpy as np
import pytest
from numpy.typing import NDArray

from teleward_signal.anomaly.bank import TRAITS, AnomalyBank, Trait
from teleward_signal.anomaly.explain import as_measurement, sentence

METRICS = ("heart_rate", "respiratory_rate", "spo2")
PERIOD_S = 5.0
MINUTE = round(60 / PERIOD_S)
Values = NDArray[np.float64]


def ward(n_slots: int = 1) -> AnomalyBank:
    return AnomalyBank(n_slots, PERIOD_S, {m: TRAITS[m] for m in METRICS})


def day(minutes: float, seed: int = 1, usual: tuple[float, ...] = (75, 15, 97)) -> Values:
    """Ordinary numerics, shape (n_steps, 3)."""
    rng = np.random.default_rng(seed)
    values = np.array(usual) + rng.normal(size=(round(minutes * MINUTE), 3)) * [3, 1.5, 0.7]
    return np.asarray(np.minimum(np.round(values), [250, 60, 100]))


def run(bank: AnomalyBank, values: Values) -> Values:
    """Step one subject through ``values``; return its scores."""
    return np.array([bank.step(row[None])[0] for row in values])


def test_an_ordinary_day_stays_far_below_the_alarm() -> None:
    scores = run(ward(), day(12 * 60))
    assert np.isnan(scores[: 10 * MINUTE - 1]).all()
    assert scores[10 * MINUTE + 1 :].max() < 20


def test_what_is_low_for_others_is_usual_for_this_one() -> None:
    scores = run(ward(), day(6 * 60, usual=(52, 11, 88)))
    assert np.nanmax(scores) < 20


def test_a_slow_fall_is_found_before_the_limit_and_explained() -> None:
    values = day(5 * 60)
    start = 4 * 60 * MINUTE
    share = np.clip((np.arange(len(values)) - start) / (60 * MINUTE), 0, 1)[:, None]
    values += share * [12, 7, -9]
    bank = ward()
    scores = run(bank, values)
    first = int(np.argmax(scores >= 50))
    passes_90 = int(np.argmax(values[:, 2] < 90))
    assert start < first < passes_90 - 5 * MINUTE
    text = sentence(bank.changes(0))
    assert "SpO₂" in text
    assert "below this patient's usual 97 for" in text
    assert "RR rose" in text
    report = as_measurement(bank, 0, 7)
    assert report.value is not None
    assert report.value > 50
    assert report.detail["sentence"] == text
    assert sum(c["share"] for c in report.detail["changes"]) == pytest.approx(1, abs=0.05)


def test_the_time_of_the_change_is_found() -> None:
    values = day(4 * 60)
    values[180 * MINUTE :, 0] += 30
    bank = ward()
    run(bank, values[: 190 * MINUTE])
    (change,) = bank.changes(0)
    assert change.metric == "heart_rate"
    assert change.for_s == pytest.approx(600, abs=60)
    assert change.by == pytest.approx(30, abs=3)
    assert change.usual == pytest.approx(75, abs=2)
    assert sentence([change]) == "HR 29 above this patient's usual 75 for 9 min"


def test_a_minute_of_artefact_and_a_rise_of_spo2_do_not_alarm() -> None:
    values = day(3 * 60)
    values[100 * MINUTE : 101 * MINUTE, 2] -= 20
    values[150 * MINUTE :, 2] = 100
    assert np.nanmax(run(ward(), values)) < 50


def test_missing_values_are_no_evidence() -> None:
    values = day(4 * 60)
    values[60 * MINUTE : 90 * MINUTE, 1] = np.nan
    bank = ward()
    scores = run(bank, values)
    assert np.nanmax(scores) < 20
    assert not np.isnan(scores[-1])
    values[:] = np.nan
    assert np.isnan(run(ward(), values)).all()


def test_accepting_makes_now_the_usual() -> None:
    values = day(4 * 60)
    values[180 * MINUTE :, 0] += 40
    bank = ward()
    assert run(bank, values)[-1] > 50
    bank.accept(0)
    again = day(60, seed=3, usual=(115, 15, 97))
    assert run(bank, again).max() < 20


def test_subjects_do_not_touch_each_other_and_survive_a_restart() -> None:
    mine, other = day(60), day(60, seed=9, usual=(130, 30, 85))
    alone = ward()
    expected = run(alone, mine)
    together = ward(3)
    found = [together.step(np.stack([o, m, o]))[1] for o, m in zip(other, mine, strict=True)]
    np.testing.assert_array_equal(found, expected)
    resumed = ward(2)
    resumed.restore(1, together.snapshot(1))
    more = day(30, seed=4)
    more[:, 0] += 25
    rest = [resumed.step(np.stack([row, row]))[1] for row in more]
    np.testing.assert_array_equal(rest, run(alone, more))
    assert [c.metric for c in resumed.changes(1)] == [c.metric for c in alone.changes(0)]
    assert len(alone.snapshot(0)) == len(resumed.snapshot(0))


def test_growing_and_resetting() -> None:
    bank = ward()
    run(bank, day(30))
    before = bank.usual(0, "heart_rate")
    bank.grow(4)
    assert bank.usual(0, "heart_rate") == before
    assert bank.usual(3, "heart_rate") is None
    bank.reset(0)
    assert bank.usual(0, "heart_rate") is None
    assert as_measurement(bank, 0, 1).reason == "learning"
    assert sentence([]) == ""


def test_bad_configuration_is_refused() -> None:
    with pytest.raises(ValueError, match="period_s 60"):
        AnomalyBank(1, 60.0)
    with pytest.raises(ValueError, match="other metrics"):
        AnomalyBank(1, 5.0, {"spo2": Trait(1.0)}).restore(0, ward().snapshot(0))
