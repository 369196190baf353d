"""Breathing read from PPG and ECG: right on known modulation, honest when there is none."""

import numpy as np
import pytest
from numpy.typing import NDArray

from teleward_signal.respiration.fusion import QUALITY_FLOOR, fuse
from teleward_signal.respiration.modulation_bank import RATES, Carrier, ModulationBank

FS = 125.0
Samples = NDArray[np.float32]


def recorded(rate: float, depth: float, seconds: float = 40) -> tuple[Samples, Samples]:
    """A PPG whose baseline and an ECG whose R height follow a breath of ``rate`` a minute."""
    t = np.arange(round(seconds * FS)) / FS
    breath = np.sin(2 * np.pi * rate / 60 * t)
    beat = (t * 1.2) % 1.0
    noise = np.random.default_rng(5)
    ppg = np.exp(-(((beat - 0.3) / 0.1) ** 2)) + depth * breath + noise.normal(0, 0.01, len(t))
    ecg = (1 + depth * breath) * np.exp(-(((beat - 0.3) / 0.012) ** 2))
    ecg += noise.normal(0, 0.02, len(t))
    return ppg.astype(np.float32), ecg.astype(np.float32)


def spectra_of(signals: tuple[Samples, Samples], block: int) -> list[NDArray[np.float64]]:
    found = []
    for signal, carrier in zip(signals, Carrier, strict=True):
        bank = ModulationBank(FS, 1, carrier)
        for at in range(0, len(signal), block):
            piece = signal[None, at : at + block]
            bank.process(piece, np.array([piece.shape[1]], np.int32))
        assert bank.known[0]
        found.append(bank.spectra[0].copy())
    return found


@pytest.mark.parametrize("rate", [8, 15, 24, 36])
def test_rate_of_the_modulation(rate: int) -> None:
    derived = fuse(spectra_of(recorded(rate, 0.15), 25))
    assert derived.rate == pytest.approx(rate, abs=0.7)
    assert derived.quality > 0.8


def test_no_modulation_has_no_quality() -> None:
    rng = np.random.default_rng(7)
    noise = rng.normal(size=(2, 40, round(40 * FS))).astype(np.float32)
    spectra = []
    for signals, carrier in zip(noise, Carrier, strict=True):
        bank = ModulationBank(FS, 40, carrier)
        bank.process(signals, np.full(40, signals.shape[1], np.int32))
        spectra.append(bank.spectra)
    qualities = [fuse(pair).quality for pair in zip(*spectra, strict=True)]
    assert np.median(qualities) < QUALITY_FLOOR


def test_carriers_that_disagree_or_stand_alone_are_trusted_less() -> None:
    def spectrum(rate: float) -> NDArray[np.float64]:
        power = 0.15 + np.exp(-(((RATES - rate) / 2) ** 2))
        return np.asarray(power / power.sum())

    agreed = fuse([spectrum(15), spectrum(15)])
    alone = fuse([spectrum(15)])
    apart = fuse([spectrum(15), spectrum(25)])
    assert agreed.rate == pytest.approx(15, abs=0.1)
    assert agreed.quality > alone.quality > apart.quality


def test_spectra_do_not_depend_on_blocks_or_neighbours_and_survive_a_restart() -> None:
    ppg, ecg = recorded(15, 0.15)
    whole = spectra_of((ppg, ecg), len(ppg))
    for cut in (1, 7, 333):
        np.testing.assert_array_equal(spectra_of((ppg, ecg), cut), whole)
    first, second = (ModulationBank(FS, n, Carrier.PPG) for n in (1, 3))
    first.process(ppg[None, :2000], np.array([2000], np.int32))
    second.restore(1, first.snapshot(0))
    rest = np.tile(ppg[2000:], (3, 1))
    second.process(rest, np.array([0, rest.shape[1], rest.shape[1]], np.int32))
    np.testing.assert_array_equal(second.spectra[1], whole[0])
    assert second.known.tolist() == [False, True, False]


def test_a_gap_empties_the_window() -> None:
    ppg, _ = recorded(15, 0.15)
    bank = ModulationBank(FS, 1, Carrier.PPG)
    bank.process(ppg[None], np.array([len(ppg)], np.int32))
    hole = np.full((1, 250), np.nan, np.float32)
    bank.process(hole, np.array([250], np.int32))
    assert not bank.known[0]
    bank.process(ppg[None, : 34 * 125], np.array([34 * 125], np.int32))
    assert not bank.known[0]
    bank.process(ppg[None], np.array([len(ppg)], np.int32))
    assert bank.known[0]


def test_nothing_to_fuse_is_an_error() -> None:
    assert RATES[0] == pytest.approx(4.8)
    with pytest.raises(ValueError, match="no spectrum"):
        fuse([])
