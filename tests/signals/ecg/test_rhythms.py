"""Rhythm events of the ECG bank on made signals, and fibrillation from intervals."""

import numpy as np
import pytest
from numpy.typing import NDArray

from teleward_gateway.training.af_augment import one_rate, two_rates
from teleward_signal.banks.bank import EventKind
from teleward_signal.ecg.bank import EcgBank
from teleward_signal.ecg.fibrillation import DELAY, EVERY, fibrillation
from teleward_signal.ecg.networks import load_networks
from teleward_signal.ecg.rhythm_codes import Rhythm
from teleward_simulators.physiology.patient import PhysiologyPatient

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
    assert 30 < found(events)[Rhythm.VENTRICULAR_TACHYCARDIA] < 33
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


def test_a_run_is_dated_from_its_first_beat_to_its_last() -> None:
    times = [*steady(0.5, 30, 0.8), 30.2, 30.6, 31.0, 31.4, *steady(32.2, 50, 0.8)]
    wide = [30 < t < 31.5 for t in times]
    events = events_of(made(times, wide, 50))
    assert found(events)[Rhythm.VENTRICULAR_RUN] == pytest.approx(30.2, abs=0.05)
    ended = found(events, EventKind.RHYTHM_OFF)[Rhythm.VENTRICULAR_RUN]
    assert ended == pytest.approx(31.4, abs=0.05)
    assert Rhythm.VENTRICULAR_TACHYCARDIA not in found(events)


def test_slow_ventricular_beats_are_no_run() -> None:
    times = steady(0.5, 30, 0.8) + steady(30.3, 34, 0.75) + steady(35, 50, 0.8)
    wide = [30 < t < 34.5 for t in times]
    assert Rhythm.VENTRICULAR_RUN not in found(events_of(made(times, wide, 50)))


def test_a_wide_tachycardia_stays_wide_and_is_no_fibrillation() -> None:
    """Half a minute of it makes its shape the usual one; its pace is still that of the run."""
    times = steady(0.5, 30, 0.8) + steady(30.4, 60, 0.36) + steady(61, 80, 0.8)
    wide = [30 < t < 60.5 for t in times]
    events = events_of(made(times, wide, 80))
    begun, ended = found(events), found(events, EventKind.RHYTHM_OFF)
    assert begun[Rhythm.WIDE_TACHYCARDIA] == pytest.approx(30.4, abs=2.0)
    assert ended[Rhythm.WIDE_TACHYCARDIA] == pytest.approx(61, abs=4.0)
    assert 30 < begun[Rhythm.VENTRICULAR_TACHYCARDIA] < 33
    assert ended[Rhythm.VENTRICULAR_TACHYCARDIA] == pytest.approx(60, abs=2.0)
    assert Rhythm.TACHYCARDIA not in begun
    assert Rhythm.VENTRICULAR_FIBRILLATION not in begun


def test_a_narrow_tachycardia_is_not_wide() -> None:
    times = steady(0.5, 20, 0.8) + steady(20.5, 40, 0.42)
    begun = found(events_of(made(times, [False] * len(times), 40)))
    assert begun[Rhythm.TACHYCARDIA] == pytest.approx(20.5, abs=1.0)
    assert Rhythm.WIDE_TACHYCARDIA not in begun


def test_one_beat_alone_does_not_end_an_asystole() -> None:
    times = [*steady(0.5, 20, 0.8), 30.0, *steady(40, 50, 0.8)]
    events = events_of(made(times, [False] * len(times), 50))
    changes = events[
        np.isin(events["kind"], (EventKind.RHYTHM_ON, EventKind.RHYTHM_OFF))
        & (events["symbol"] == Rhythm.ASYSTOLE)
    ]
    assert [int(kind) for kind in changes["kind"]] == [EventKind.RHYTHM_ON, EventKind.RHYTHM_OFF]
    assert changes["sample"][1] / FS == pytest.approx(40.0, abs=0.05)
    assert changes["value"][1] == pytest.approx(20.0, abs=1.0)


def test_an_asystole_just_over_the_limit_is_told_when_it_is_over() -> None:
    times = steady(0.5, 20, 0.8) + steady(23.9, 40, 0.8)
    events = events_of(made(times, [False] * len(times), 40))
    assert found(events)[Rhythm.ASYSTOLE] == pytest.approx(19.7, abs=0.05)
    assert found(events, EventKind.RHYTHM_OFF)[Rhythm.ASYSTOLE] == pytest.approx(23.9, abs=0.05)


def test_a_knocked_electrode_is_an_asystole_only_after_eight_seconds() -> None:
    times = steady(0.5, 20, 0.8)
    ecg = made(times, [False] * len(times), 36)
    time_s = np.arange(len(ecg)) / FS
    ecg += np.where(time_s > 20.2, 4.5 * np.exp(-(time_s - 20.2) / 2.0), 0.0).astype(np.float32)
    short = np.concatenate([ecg[: int(26.2 * FS)], ecg[int(0.6 * FS) : int(14 * FS)]])
    assert Rhythm.ASYSTOLE not in found(events_of(short))
    told = events_of(ecg)
    known = told[told["symbol"] == Rhythm.ASYSTOLE]["known"][0] / FS
    assert 28.0 < known < 30.5


def test_noise_begins_no_rhythm() -> None:
    rng = np.random.default_rng(2)
    times = steady(0.5, 120, 0.8)
    ecg = made(times, [False] * len(times), 120)
    time_s = np.arange(len(ecg)) / FS
    walk = np.convolve(rng.normal(0, 1, len(ecg)), np.hanning(25), "same")
    ecg += np.where((time_s > 40) & (time_s < 100), 0.8 * walk / walk.std(), 0).astype(np.float32)
    grave = {Rhythm.ASYSTOLE, Rhythm.WIDE_TACHYCARDIA, Rhythm.VENTRICULAR_TACHYCARDIA}
    assert not grave & set(found(events_of(ecg)))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("vt", {Rhythm.VENTRICULAR_TACHYCARDIA}),
        ("torsades", {Rhythm.VENTRICULAR_TACHYCARDIA, Rhythm.VENTRICULAR_FIBRILLATION}),
        ("asystole", {Rhythm.ASYSTOLE}),
        ("p_wave_asystole", {Rhythm.ASYSTOLE}),
        ("svt", {Rhythm.TACHYCARDIA}),
        ("bigeminy", {Rhythm.BIGEMINY}),
    ],
)
def test_the_simulators_rhythms_are_named_within_ten_seconds(
    name: str, expected: set[Rhythm]
) -> None:
    before = PhysiologyPatient(seed=11).waveform("ecg_ii", FS, 0, round(30 * FS))
    during = PhysiologyPatient(seed=11, rhythm=name).waveform("ecg_ii", FS, 0, round(30 * FS))
    events = events_of(np.concatenate([before, during]).astype(np.float32))
    right = np.isin(events["symbol"], sorted(expected))
    told = events[(events["kind"] == EventKind.RHYTHM_ON) & right]
    assert 30.0 < told["known"][0] / FS < 40.0


@pytest.mark.parametrize("name", ["sinus", "lbbb", "rbbb", "paced", "av1", "preexcitation"])
def test_the_simulators_calm_rhythms_are_left_alone(name: str) -> None:
    ecg = PhysiologyPatient(seed=11, rhythm=name).waveform("ecg_ii", FS, 0, round(60 * FS))
    assert found(events_of(ecg.astype(np.float32))) == {}


def test_irregular_intervals_are_atrial_fibrillation_and_ectopy_is_not() -> None:
    rng = np.random.default_rng(3)
    networks = load_networks().fibrillation
    sinus = 0.8 + 0.02 * np.sin(np.arange(400) / 3) + rng.normal(0, 0.01, 400)
    bigeminy = np.tile([0.55, 1.05], 200) + rng.normal(0, 0.01, 400)
    breathing = 0.9 + 0.12 * np.sin(np.arange(400) / 1.6) + rng.normal(0, 0.015, 400)
    assert np.mean(fibrillation(one_rate(rng, 400), networks) >= 0.5) > 0.95
    assert np.mean(fibrillation(two_rates(rng, 400), networks) >= 0.5) > 0.95
    assert not (fibrillation(sinus, networks) >= 0.5).any()
    assert not (fibrillation(bigeminy, networks) >= 0.5).any()
    assert not (fibrillation(breathing, networks) >= 0.5).any()


def test_an_episode_of_fibrillation_is_found_where_it_is() -> None:
    rng = np.random.default_rng(4)
    calm = [0.8 + rng.normal(0, 0.02, 300) for _ in range(2)]
    said = fibrillation(
        np.concatenate([calm[0], one_rate(rng, 200), calm[1]]), load_networks().fibrillation
    )
    inside = np.flatnonzero(said >= 0.5)
    assert inside[0] == pytest.approx(300, abs=40)
    assert inside[-1] == pytest.approx(500, abs=40)
    assert len(inside) == inside[-1] - inside[0] + 1


def test_a_series_of_any_length_has_a_probability_for_each_interval() -> None:
    for n in (0, 1, 7, 63, 200):
        said = fibrillation(np.full(n, 0.8), load_networks().fibrillation)
        assert said.shape == (n,)
        assert (said < 0.5).all()


def test_atrial_fibrillation_on_the_stream_is_dated_back() -> None:
    rng = np.random.default_rng(5)
    intervals = [0.8] * 150 + list(np.clip(rng.gamma(16, 0.04, 250), 0.35, 1.6)) + [0.8] * 200
    times = list(0.5 + np.cumsum(intervals))
    events = events_of(made(times, [False] * len(times), times[-1] + 1))
    assert found(events)[Rhythm.ATRIAL_FIBRILLATION] == pytest.approx(times[150], abs=25)
    ended = found(events, EventKind.RHYTHM_OFF)[Rhythm.ATRIAL_FIBRILLATION]
    assert ended == pytest.approx(times[400], abs=25)
    begun = events[events["symbol"] == Rhythm.ATRIAL_FIBRILLATION][0]
    beats = events[events["kind"] == EventKind.BEAT]["sample"]
    late = ((beats > begun["sample"]) & (beats < begun["known"])).sum()
    assert late == pytest.approx(DELAY, abs=2 * EVERY)


def test_fibrillation_from_the_start_is_dated_to_the_start() -> None:
    rng = np.random.default_rng(6)
    times = list(0.5 + np.cumsum(np.clip(rng.gamma(16, 0.04, 220), 0.35, 1.6)))
    events = events_of(made(times, [False] * len(times), times[-1] + 1))
    assert found(events)[Rhythm.ATRIAL_FIBRILLATION] < 8.0
