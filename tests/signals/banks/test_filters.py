"""Filter design and display filters against SciPy, in one shot and cut anywhere."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import signal

from teleward_gateway.bench.signal_speed import synthetic_ecg
from teleward_signal.banks import design
from teleward_signal.banks.filters import Band, EcgFilter, ecg_cascade
from teleward_signal.banks.mains import SECONDS, MainsDetector
from teleward_signal.banks.sos import cascade_many

FREQUENCIES = np.array([0.1, 0.5, 1.0, 3.0, 10.0, 30.0, 45.0])
RNG = np.random.default_rng(0)
NOISE = RNG.standard_normal(2000)


def gains(sos: design.Sos, fs: float) -> list[complex]:
    return [design.gain_at(sos, float(hz), fs) for hz in FREQUENCIES]


@pytest.mark.parametrize("fs", [100.0, 125.0, 360.0, 1000.0])
@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
def test_butterworth_filters_are_those_of_scipy(fs: float, order: int) -> None:
    for mine, kind, edges in (
        (design.butterworth_lowpass(order, 40, fs), "lowpass", 40),
        (design.butterworth_highpass(order, 0.5, fs), "highpass", 0.5),
        (design.butterworth_bandpass(order, 0.5, 40, fs), "bandpass", [0.5, 40]),
    ):
        theirs = signal.butter(order, edges, kind, fs=fs, output="sos")
        _, response = signal.freqz_sos(theirs, FREQUENCIES, fs=fs)
        assert np.allclose(gains(mine, fs), response, atol=1e-9)


def test_the_notch_is_that_of_scipy() -> None:
    b, a = signal.iirnotch(50, 30, fs=360)
    assert np.allclose(design.notch(50, 30, 360)[0], [*b, *a])


def test_a_cut_off_beyond_half_the_rate_is_refused() -> None:
    with pytest.raises(ValueError, match="half of fs"):
        design.butterworth_lowpass(2, 60, 100)


def test_group_delay_is_that_of_scipy() -> None:
    sos = design.butterworth_bandpass(2, 8, 20, 360)
    _, delay = signal.group_delay(signal.sos2tf(sos), w=[12.0], fs=360)
    assert design.group_delay_s(sos, 12.0, 360) * 360 == pytest.approx(delay[0], rel=1e-3)


@pytest.mark.parametrize("band", list(Band))
@pytest.mark.parametrize("fs", [100.0, 250.0, 1000.0])
def test_the_display_filter_is_a_cascade_at_rest_on_the_first_sample(band: Band, fs: float) -> None:
    sos = ecg_cascade(band, fs, 50.0)
    start = signal.sosfilt_zi(sos) * NOISE[0]
    expected, _ = signal.sosfilt(sos, NOISE, zi=start)
    assert np.allclose(EcgFilter(fs, band, 50.0).push(NOISE.astype(float)), expected, atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 2000), max_size=20), st.sets(st.integers(0, 1999), max_size=60))
def test_cuts_and_holes_do_not_change_the_display_filter(cuts: list[int], holes: set[int]) -> None:
    x = NOISE.copy()
    x[list(holes)] = np.nan
    whole = EcgFilter(360.0).push(x)
    joined = EcgFilter(360.0)
    parts = np.concatenate([joined.push(part) for part in np.split(x, sorted(cuts))])
    assert np.array_equal(whole, parts, equal_nan=True)
    assert np.array_equal(np.isnan(whole), np.isnan(x))


def test_channels_side_by_side_are_filtered_as_alone() -> None:
    sos = ecg_cascade(Band.MONITOR, 360.0, 50.0)
    wide = RNG.standard_normal((500, 7))
    state, out = np.zeros((5, 2, 7)), np.empty((500, 7))
    for start in range(0, 500, 33):
        cascade_many(sos, state, wide[start : start + 33], out[start : start + 33])
    assert np.allclose(out, signal.sosfilt(sos, wide, axis=0), atol=1e-9)


def hum(hz: float, mv: float, fs: float, seconds: float = 12.0) -> NDArray[np.float64]:
    """Return an ECG with mains on it."""
    ecg = synthetic_ecg(seconds, fs, 3).astype(float)
    return np.asarray(ecg + mv * np.sin(2 * np.pi * hz * np.arange(len(ecg)) / fs + 1.0))


@pytest.mark.parametrize("fs", [200.0, 250.0, 360.0, 1000.0])
@pytest.mark.parametrize("hz", [49.8, 50.0, 59.8, 60.0])
@pytest.mark.parametrize("start_hz", [50.0, 60.0])
def test_the_mains_frequency_is_found(fs: float, hz: float, start_hz: float) -> None:
    detector = MainsDetector(fs, start_hz)
    x = hum(hz, 0.05, fs)
    while len(x):
        part, x = x[: detector.until_decision], x[detector.until_decision :]
        detector.push(part)
    assert detector.hz == round(hz, -1)


def test_without_mains_the_choice_stays_and_a_moment_of_it_changes_nothing() -> None:
    for start_hz in (50.0, 60.0):
        detector = MainsDetector(250.0, start_hz)
        other = hum(110 - start_hz, 0.2, 250.0)[:250]
        for k, second in enumerate(np.split(hum(50.0, 0.0, 250.0), 12)):
            assert not detector.push(other if k in (3, 4, 7) else second)
        assert detector.hz == start_hz


def test_the_notch_follows_the_mains_however_blocks_are_cut() -> None:
    fs = 250.0
    x = hum(60.0, 0.3, fs)
    x[700:706] = np.nan
    whole = EcgFilter(fs, Band.DIAGNOSTIC, "auto")
    found = whole.push(x)
    assert whole.mains_hz == 60.0
    clean = EcgFilter(fs, Band.DIAGNOSTIC, 60.0).push(hum(60.0, 0.0, fs))
    fixed = EcgFilter(fs, Band.DIAGNOSTIC, 50.0).push(x)
    assert np.abs(found[-250:] - clean[-250:]).max() < 0.02
    assert np.abs(fixed[-250:] - clean[-250:]).max() > 0.2
    joined = EcgFilter(fs, Band.DIAGNOSTIC, "auto")
    cuts = np.sort(RNG.integers(0, len(x), 40))
    parts = np.concatenate([joined.push(part) for part in np.split(x, cuts)])
    assert np.array_equal(found, parts, equal_nan=True)
    assert np.array_equal(found[: SECONDS * 250], fixed[: SECONDS * 250], equal_nan=True)


def test_an_unknown_mains_is_refused() -> None:
    with pytest.raises(ValueError, match="50, 60, 'auto' or None"):
        EcgFilter(250.0, mains=55.0)
