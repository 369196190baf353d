"""A simple patient answers the same question the same way, and numbers agree with waves."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from teleward_simulators.patients.profiles import PROFILES, Trend
from teleward_simulators.patients.simple import SimplePatient

WAVES = {"ecg_ii": 250.0, "pleth": 125.0, "respiration": 62.5}


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("metric", WAVES)
def test_waves_are_the_same_whoever_asks(name: str, metric: str) -> None:
    fs = WAVES[metric]
    whole = SimplePatient(name, seed=5).waveform(metric, fs, 0, 2000)
    later = SimplePatient(name, seed=5)
    later.numeric("heart_rate", 300.0)
    assert np.array_equal(later.waveform(metric, fs, 700, 900), whole[700:1600])
    assert not np.array_equal(SimplePatient(name, seed=6).waveform(metric, fs, 0, 2000), whole)


@given(cuts=st.lists(st.integers(0, 1500), max_size=6))
@settings(deadline=None, max_examples=30)
def test_cuts_do_not_matter(cuts: list[int]) -> None:
    patient = SimplePatient("irregular", seed=1)
    edges = [0, *sorted(cuts), 1500]
    parts = [patient.waveform("ecg_ii", 250.0, a, b - a) for a, b in pairwise(edges)]
    expected = SimplePatient("irregular", seed=1).waveform("ecg_ii", 250.0, 0, 1500)
    assert np.array_equal(np.concatenate(parts), expected)


@pytest.mark.parametrize("name", PROFILES)
def test_r_peaks_stand_where_the_beats_are(name: str) -> None:
    patient, fs = SimplePatient(name, seed=9), 250.0
    wave = patient.waveform("ecg_ii", fs, 0, round(30 * fs))
    for beat in patient.beats(1.0, 29.0):
        near = slice(round((beat - 0.06) * fs), round((beat + 0.06) * fs))
        assert abs((near.start + np.argmax(wave[near])) / fs - beat) <= 1.5 / fs


@pytest.mark.parametrize("name", PROFILES)
def test_heart_rate_is_counted_from_the_beats(name: str) -> None:
    patient = SimplePatient(name, seed=2)
    beats = patient.beats(50.0, 60.0)
    expected = 60.0 * (len(beats) - 1) / (beats[-1] - beats[0])
    assert patient.numeric("heart_rate", 60.0) == pytest.approx(expected)
    minute = patient.beats(30.0, 90.0)
    target = patient.profile.heart_rate.at(60.0)
    assert 60.0 * (len(minute) - 1) / (minute[-1] - minute[0]) == pytest.approx(target, rel=0.08)


def test_fibrillation_is_irregular_and_the_others_are_not() -> None:
    for name in PROFILES:
        rr = np.diff(SimplePatient(name, seed=3).beats(0.0, 300.0))
        spread = float(np.std(rr) / np.mean(rr))
        if name == "irregular":
            assert 0.16 < spread < 0.28
        elif name != "deteriorating":
            assert spread < 0.06


def test_the_deteriorating_patient_deteriorates() -> None:
    patient = SimplePatient("deteriorating", seed=4)
    for metric, sign in (("heart_rate", 1), ("spo2", -1), ("nibp_systolic", -1)):
        early, late = patient.numeric(metric, 30.0), patient.numeric(metric, 1300.0)
        assert early is not None
        assert late is not None
        assert sign * (late - early) > 5


def test_a_trend_stays_at_its_end() -> None:
    trend = Trend(10.0, 20.0, from_s=0.0, until_s=10.0)
    assert [trend.at(t) for t in (-5.0, 0.0, 5.0, 10.0, 99.0)] == [10.0, 10.0, 15.0, 20.0, 20.0]
