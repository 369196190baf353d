"""Filter design and display filters against SciPy, in one shot and cut anywhere."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from teleward_signal import design
from teleward_signal.filters import Band, EcgFilter, ecg_cascade
from teleward_signal.kernels.sos import cascade_many

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
