"""The PPG and respiration banks: right on known rates, and true to the bank convention."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from teleward_signal.banks.bank import Bank, EventKind, Reason
from teleward_signal.ppg.bank import PpgBank
from teleward_signal.respiration.bank import RespirationBank

Samples = NDArray[np.float32]
FS = 125.0


def plethysmogram(seconds: float, rate: float, fs: float = FS, noise: float = 0.01) -> Samples:
    """A pulse of two Gaussian humps, the second dicrotic, riding on a breath of 15/min."""
    t = np.arange(round(seconds * fs)) / fs
    phase = (t * rate / 60) % 1.0
    wave = np.exp(-(((phase - 0.25) / 0.09) ** 2))
    wave += 0.35 * np.exp(-(((phase - 0.60) / 0.10) ** 2))
    wave += 0.15 * np.sin(2 * np.pi * 0.25 * t)
    wave += np.random.default_rng(1).normal(0, noise, len(t))
    return wave.astype(np.float32)


def breathing(seconds: float, rate: float, fs: float = FS) -> Samples:
    """Chest impedance of even breaths with the heart in it."""
    t = np.arange(round(seconds * fs)) / fs
    wave = np.sin(2 * np.pi * rate / 60 * t) + 0.06 * np.sin(2 * np.pi * 1.2 * t)
    wave += np.random.default_rng(2).normal(0, 0.02, len(t))
    return wave.astype(np.float32)


def run(bank: Bank, rows: list[Samples], cuts: list[int] | None = None) -> NDArray[np.void]:
    """Push ``rows`` in blocks of the lengths ``cuts``, over and over; return all events."""
    parts, at, k = [], 0, 0
    longest = max(len(row) for row in rows)
    while at < longest:
        length = cuts[k % len(cuts)] if cuts else longest
        block = np.full((len(rows), length), np.nan, np.float32)
        counts = np.zeros(len(rows), np.int32)
        for slot, row in enumerate(rows):
            piece = row[at : at + length]
            block[slot, : len(piece)] = piece
            counts[slot] = len(piece)
        bank.process(block, counts)
        parts.append(bank.drain())
        at, k = at + length, k + 1
    events = np.concatenate(parts)
    order = np.argsort(events["slot"], kind="stable")
    return np.asarray(events[order])


def assert_same(found: NDArray[np.void], expected: NDArray[np.void]) -> None:
    """Compare field by field: NaN equals NaN."""
    for name in expected.dtype.names or ():
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)


def numerics(events: NDArray[np.void], kind: EventKind, slot: int = 0) -> NDArray[np.float64]:
    return np.asarray(events[(events["kind"] == kind) & (events["slot"] == slot)]["value"])


CASES: list[tuple[Callable[[float, int], Bank], Samples]] = [
    (PpgBank, np.concatenate([plethysmogram(15, 75), plethysmogram(15, 130)])),
    (RespirationBank, np.concatenate([breathing(35, 16), breathing(30, 26)])),
]


@pytest.mark.parametrize("fs", [60.0, 125.0, 500.0])
@pytest.mark.parametrize("rate", [45, 72, 120, 170])
def test_pulse_rate_at_any_sampling_rate(fs: float, rate: int) -> None:
    events = run(PpgBank(fs, 1), [plethysmogram(25, rate, fs)])
    rates = numerics(events, EventKind.PULSE_RATE)
    assert np.isnan(rates[0])
    assert np.nanmax(np.abs(rates[10:] - rate)) <= 1.0
    pulses = events[events["kind"] == EventKind.PULSE]
    assert len(pulses) == pytest.approx(25 * rate / 60, abs=2.5)
    assert (pulses["known"] - pulses["sample"] < 0.35 * fs)[10:].all()


@pytest.mark.parametrize("fs", [25.0, 125.0, 250.0])
@pytest.mark.parametrize("rate", [8, 16, 30, 50])
def test_respiratory_rate_at_any_sampling_rate(fs: float, rate: int) -> None:
    events = run(RespirationBank(fs, 1), [breathing(70, rate, fs)])
    rates = numerics(events, EventKind.RESPIRATORY_RATE)
    assert np.nanmax(np.abs(rates[40:] - rate)) <= 1.0
    assert (events["sqi"][-3:] > 0.8).all()


@pytest.mark.parametrize("make, signal", CASES)
def test_results_do_not_depend_on_the_blocks(
    make: Callable[[float, int], Bank], signal: Samples
) -> None:
    whole = run(make(FS, 1), [signal])

    @settings(max_examples=12, deadline=None)
    @given(st.lists(st.integers(1, 700), min_size=1, max_size=6))
    def check(cuts: list[int]) -> None:
        assert_same(run(make(FS, 1), [signal], cuts), whole)

    check()


@pytest.mark.parametrize("make, signal", CASES)
def test_results_do_not_depend_on_the_neighbours(
    make: Callable[[float, int], Bank], signal: Samples
) -> None:
    neighbour = np.full_like(signal, np.nan)
    neighbour[: len(signal) // 2] = signal[len(signal) // 2 :][: len(signal) // 2]
    together = run(make(FS, 3), [neighbour, signal, neighbour[::-1].copy()], [97])
    alone = run(make(FS, 1), [signal])
    mine = together[together["slot"] == 1]
    mine["slot"] = 0
    assert_same(mine, alone)


@pytest.mark.parametrize("make, signal", CASES)
def test_a_restored_stream_goes_on_bit_exactly(
    make: Callable[[float, int], Bank], signal: Samples
) -> None:
    whole = run(make(FS, 1), [signal])
    cut = len(signal) // 3
    first = make(FS, 1)
    before = run(first, [signal[:cut]])
    second = make(FS, 1)
    second.grow(4)
    second.restore(2, first.snapshot(0))
    empty = np.zeros(0, np.float32)
    after = run(second, [empty, empty, signal[cut:], empty])
    after["slot"] = 0
    assert_same(np.concatenate([before, after]), whole)
    assert len(first.snapshot(0)) == len(make(FS, 1).snapshot(0))
    with pytest.raises(ValueError, match="restart the stream"):
        first.restore(0, b"old")


@pytest.mark.parametrize("make, signal", CASES)
def test_reset_forgets_everything(make: Callable[[float, int], Bank], signal: Samples) -> None:
    bank = make(FS, 1)
    first = run(bank, [signal])
    bank.reset(0)
    assert_same(run(bank, [signal]), first)


def test_a_gap_makes_no_interval_and_withholds_the_rate() -> None:
    signal = plethysmogram(40, 75)
    signal[round(15 * FS) : round(22 * FS)] = np.nan
    events = run(PpgBank(FS, 1), [signal])
    pulses = events[events["kind"] == EventKind.PULSE]
    assert np.nanmax(pulses["value"]) < 1.0
    assert np.isnan(pulses["value"]).sum() == 2  # the first one, and the first after the gap
    rates = numerics(events, EventKind.PULSE_RATE)
    assert np.isnan(rates[16:22]).all()
    assert np.abs(rates[30:] - 75).max() <= 1.0


def test_a_short_hole_costs_no_beat() -> None:
    signal = plethysmogram(30, 75)
    whole = (run(PpgBank(FS, 1), [signal])["kind"] == EventKind.PULSE).sum()
    signal[1000:1008] = np.nan
    assert (run(PpgBank(FS, 1), [signal])["kind"] == EventKind.PULSE).sum() == whole


def test_flat_line_and_movement_are_named_and_withheld() -> None:
    signal = plethysmogram(60, 75)
    signal[round(20 * FS) : round(30 * FS)] = 0.3
    rng = np.random.default_rng(3)
    shake = slice(round(40 * FS), round(55 * FS))
    steps = np.cumsum(rng.normal(0, 0.25, shake.stop - shake.start))
    signal[shake] += steps - np.convolve(steps, np.ones(125) / 125, mode="same")
    bank = PpgBank(FS, 1)
    events = run(bank, [signal])
    rates = events[events["kind"] == EventKind.PULSE_RATE]
    assert Reason(int(rates["reasons"][25])) is Reason.NO_SIGNAL
    assert np.isnan(rates["value"][25])
    shaken = rates[44:54]
    assert Reason.MOTION in Reason(int(shaken["reasons"][5]))
    wrong = np.abs(shaken["value"] - 75) > 5
    assert not (wrong & (shaken["sqi"] > 0.5)).any()
    assert rates["sqi"][15] > 0.9


def test_perfusion_index_of_raw_light_and_none_for_a_scaled_plethysmogram() -> None:
    raw = 50_000 - 400 * plethysmogram(25, 75)  # intensity falls as blood comes
    bank = PpgBank(FS, 1, inverted=True)
    events = run(bank, [raw.astype(np.float32)])
    index = numerics(events, EventKind.PERFUSION_INDEX)[-1]
    assert index == pytest.approx(100 * 400 / 50_000, rel=0.35)
    scaled = numerics(run(PpgBank(FS, 1), [plethysmogram(25, 75)]), EventKind.PERFUSION_INDEX)
    assert np.isnan(scaled).all()


def test_apnoea_begins_after_20_s_and_ends_with_a_breath() -> None:
    silence = np.random.default_rng(4).normal(0, 0.01, round(40 * FS))
    t = np.arange(len(silence)) / FS
    silence += 0.05 * np.sin(2 * np.pi * 1.2 * t)  # the heart goes on
    signal = np.concatenate([breathing(60, 15), silence.astype(np.float32), breathing(60, 15)])
    events = run(RespirationBank(FS, 1), [signal])
    (on,) = events[events["kind"] == EventKind.APNOEA_ON]
    (off,) = events[events["kind"] == EventKind.APNOEA_OFF]
    assert on["value"] == pytest.approx(20.0, abs=0.1)
    assert on["known"] / FS == pytest.approx(80, abs=3)
    assert off["value"] == pytest.approx(40, abs=5)
    rates = numerics(events, EventKind.RESPIRATORY_RATE)
    assert rates[85] == 0.0
    assert rates[72] < 13  # it falls before the apnoea is called


def test_no_apnoea_without_an_electrode_or_without_samples() -> None:
    for nothing in (0.0, np.nan):
        gone = np.full(round(40 * FS), nothing, np.float32)
        signal = np.concatenate([breathing(60, 15), gone])
        bank = RespirationBank(FS, 1)
        events = run(bank, [signal])
        assert EventKind.APNOEA_ON not in set(events["kind"])
        assert np.isnan(numerics(events, EventKind.RESPIRATORY_RATE)[-10:]).all()
        assert Reason(int(bank.reasons[0])) is Reason.NO_SIGNAL


@pytest.mark.parametrize("bank, fs", [(PpgBank, 10.0), (PpgBank, 2000.0), (RespirationBank, 5.0)])
def test_a_rate_out_of_range_is_refused(bank: Callable[[float, int], Bank], fs: float) -> None:
    with pytest.raises(ValueError, match=r"outside .* resample"):
        bank(fs, 1)


def test_a_block_that_does_not_fit_the_bank_is_refused() -> None:
    bank = PpgBank(FS, 2)
    with pytest.raises(ValueError, match="do not fit a bank of 2 slots"):
        bank.process(np.zeros((1, 10), np.float32), np.zeros(1, np.int32))
    with pytest.raises(ValueError, match="counts reach 11"):
        bank.process(np.zeros((2, 10), np.float32), np.full(2, 11, np.int32))


def test_movement_in_the_band_of_the_pulse_is_withheld() -> None:
    signal = plethysmogram(90, 75)
    rng = np.random.default_rng(12)
    width = round(20 * FS)
    noise = np.fft.rfft(rng.normal(size=width))
    hz = np.fft.rfftfreq(width, 1 / FS)
    noise[(hz < 0.5) | (hz > 4.0)] = 0
    burst = np.fft.irfft(noise, width)
    signal[5000 : 5000 + width] += (burst / burst.std() * 0.8).astype(np.float32)
    events = run(PpgBank(FS, 1), [signal])
    rates = events[events["kind"] == EventKind.PULSE_RATE]
    wrong = np.abs(rates["value"] - 75) > 5
    spoiled = wrong | (np.isnan(rates["value"]) & (np.arange(len(rates)) > 38))
    assert spoiled.sum() > 5
    assert (wrong & (rates["sqi"] >= 0.4)).sum() <= 0.1 * spoiled.sum()
    assert (rates["sqi"][10:38] > 0.9).all()
