"""Rhythm events of the ECG bank on made signals, and fibrillation from intervals."""

import numpy as np
import pytest
from numpy.typing import NDArray

from teleward_signal.af import fibrillation
from teleward_signal.bank import EventKind
from teleward_signal.ecg import EcgBank, load_networks
from teleward_signal.ecg_rhythm_codes import Rhythm

FS = 250.0
NORMAL = ((-0.17, 0.025, 0.12), (-0.03, 0.01, -0.1), (0.0, 0.012, 1.1), (0.03, 0.011, -0.2),
          (0.27, 0.05, 0.28))  # fmt: skip
WIDE = ((0.0, 0.035, 1.4), (0.09, 0.035, -0.6), (0.3, 0.07, -0.5))
"""Shift and width in s, height in mV of the Gaussians of a beat."""


def made(times_s: list[float], wide: list[bool], seconds: float) -> NDArray[np.float32]:
    """Return an ECG in mV with a beat at each time, normal or wide."""
    time_s = np.arange(round(seconds * FS)) / FS
    ecg = np.random.default_rng(0).normal(0, 0.01, len(time_s)) + 0.05 * np.sin(time_s)
    for at, is_wide in zip(times_s, wide, strict=True):
        for shift, width, height in WIDE if is_wide else NORMAL:
            ecg += height * np.exp(-(((time_s - at - shift) / width) ** 2) / 2)
    return ecg.astype(np.float32)


def steady(first_s: float, last_s: float, interval_s: float) -> list[float]:
    return list(np.arange(first_s, last_s, interval_s))


def events_of(ecg: NDArray[np.float32]) -> NDArray[np.void]:
    bank = EcgBank(FS, 1)
    bank.process(ecg[None], np.array([len(ecg)], np.int32))
    return bank.drain()


def found(events: NDArray[np.void], kind: EventKind = EventKind.RHYTHM_ON) -> dict[Rhythm, float]:
    """Return the time in s of the last event of each rhythm."""
    keep = events[events["kind"] == kind]
    return {Rhythm(int(event["symbol"])): event["sample"] / FS for event in keep}


def test_a_steady_rhythm_has_no_events() -> None:
    times = steady(0.5, 60, 0.8)
    events = events_of(made(times, [False] * len(times), 60))
    assert found(events) == {}
    assert (events["kind"] == EventKind.BEAT).sum() == pytest.approx(len(times), abs=1)


def test_asystole_begins_with_the_last_beat_and_ends_with_the_next() -> None:
    times = steady(0.5, 20, 0.8) + steady(30, 40, 0.8)
    events = events_of(made(times, [False] * len(times), 40))
    last = max(t for t in times if t < 25)
    assert found(events)[Rhythm.ASYSTOLE] == pytest.approx(last, abs=0.05)
    assert found(events, EventKind.RHYTHM_OFF)[Rhythm.ASYSTOLE] == pytest.approx(30, abs=0.05)
    known = events[(events["symbol"] == Rhythm.ASYSTOLE)]["known"][0] / FS
    assert known - last < 6.0
    between = (events["sample"] > (last + 0.5) * FS) & (events["sample"] < 29.5 * FS)
    assert not (between & (events["kind"] == EventKind.BEAT)).any()


def test_a_pause_is_one_event_of_its_length() -> None:
    times = steady(0.5, 20, 0.8) + steady(22.2, 40, 0.8)
    events = events_of(made(times, [False] * len(times), 40))
    assert Rhythm.PAUSE in found(events)
    assert Rhythm.PAUSE in found(events, EventKind.RHYTHM_OFF)
    assert Rhythm.ASYSTOLE not in found(events)


@pytest.mark.parametrize(
    ("interval_s", "rhythm"), [(1.5, Rhythm.BRADYCARDIA), (0.42, Rhythm.TACHYCARDIA)]
)
def test_rate_events_begin_and_end(interval_s: float, rhythm: Rhythm) -> None:
    times = steady(0.5, 20, 0.8) + steady(20.5, 40, interval_s) + steady(40.5, 60, 0.8)
    events = events_of(made(times, [False] * len(times), 60))
    assert 20 < found(events)[rhythm] < 30
    assert 40 < found(events, EventKind.RHYTHM_OFF)[rhythm] < 50


def test_a_run_of_wide_beats_is_ventricular_tachycardia() -> None:
    times = steady(0.5, 30, 0.8) + steady(30.2, 37, 0.4) + steady(38, 60, 0.8)
    wide = [30 < t < 37.5 for t in times]
    events = events_of(made(times, wide, 60))
    assert 30 < found(events)[Rhythm.VENTRICULAR_RUN] < 33
    assert 31 < found(events)[Rhythm.VENTRICULAR_TACHYCARDIA] < 35
    assert Rhythm.VENTRICULAR_TACHYCARDIA in found(events, EventKind.RHYTHM_OFF)


@pytest.mark.parametrize(("period", "rhythm"), [(2, Rhythm.BIGEMINY), (3, Rhythm.TRIGEMINY)])
def test_patterns_of_ventricular_beats_are_named(period: int, rhythm: Rhythm) -> None:
    times = steady(0.5, 30, 0.8)
    wide = [False] * len(times)
    at = 30.0
    for k in range(30):
        early = k % period == period - 1
        at += 0.55 if early else 0.8
        times.append(at)
        wide.append(early)
        at += 0.25 if early else 0.0
    events = events_of(made(times, wide, at + 2))
    assert rhythm in found(events)


def test_fibrillation_of_the_ventricles_is_found_within_ten_seconds() -> None:
    times = steady(0.5, 20, 0.8)
    ecg = made(times, [False] * len(times), 40)
    time_s = np.arange(len(ecg)) / FS
    wave = 0.6 * np.sin(2 * np.pi * 5.0 * time_s + 1.5 * np.sin(2 * np.pi * 0.3 * time_s))
    ecg[time_s > 20.5] = (ecg + wave.astype(np.float32))[time_s > 20.5]
    events = events_of(ecg)
    assert Rhythm.VENTRICULAR_FIBRILLATION in found(events)
    first = events[events["symbol"] == Rhythm.VENTRICULAR_FIBRILLATION]["known"][0] / FS
    assert first < 30.5


def test_irregular_intervals_are_atrial_fibrillation_and_ectopy_is_not() -> None:
    rng = np.random.default_rng(3)
    network = load_networks()[-1]
    sinus = 0.8 + 0.02 * np.sin(np.arange(400) / 3) + rng.normal(0, 0.01, 400)
    irregular = np.clip(rng.gamma(16, 0.04, 400), 0.3, 1.6)
    bigeminy = np.tile([0.55, 1.05], 200) + rng.normal(0, 0.01, 400)
    assert np.mean(fibrillation(irregular, network)[70:-70] >= 0.5) > 0.95
    assert np.mean(fibrillation(sinus, network) >= 0.5) < 0.01
    assert np.mean(fibrillation(bigeminy, network) >= 0.5) < 0.05


def test_atrial_fibrillation_on_the_stream_is_dated_back() -> None:
    rng = np.random.default_rng(5)
    intervals = [0.8] * 150 + list(np.clip(rng.gamma(16, 0.04, 250), 0.35, 1.6)) + [0.8] * 200
    times = list(0.5 + np.cumsum(intervals))
    events = events_of(made(times, [False] * len(times), times[-1] + 1))
    assert found(events)[Rhythm.ATRIAL_FIBRILLATION] == pytest.approx(times[150], abs=40)
    ended = found(events, EventKind.RHYTHM_OFF)[Rhythm.ATRIAL_FIBRILLATION]
    assert ended == pytest.approx(times[400], abs=40)
