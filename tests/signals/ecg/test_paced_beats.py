"""Pacing spikes on made signals: paced beats are Q where the rate shows them, never a run of V."""

import numpy as np
import pytest
from numpy.typing import NDArray

from teleward_signal.banks.bank import EventKind
from teleward_signal.ecg.bank import EcgBank
from teleward_signal.ecg.rhythm_codes import Rhythm

WIDE = ((0.05, 0.035, -1.2), (0.13, 0.04, 0.5), (0.33, 0.07, 0.4))
NARROW = ((-0.16, 0.025, 0.12), (0.0, 0.012, 1.1), (0.03, 0.011, -0.2), (0.27, 0.05, 0.28))
"""Shift and width in s, height in mV of the Gaussians of a beat."""


def made(
    fs: float, spikes: bool, shape: tuple[tuple[float, float, float], ...] = WIDE
) -> NDArray[np.float32]:
    """Return a minute of beats at 75/min, each after a pacing pulse of 1 ms and 2 mV or none."""
    time_s = np.arange(round(60 * fs)) / fs
    ecg = np.random.default_rng(0).normal(0, 0.01, len(time_s))
    for at in np.arange(0.5, 59, 0.8):
        for shift, width, height in shape:
            ecg += height * np.exp(-(((time_s - at - shift) / width) ** 2) / 2)
        if spikes:
            ecg[round(at * fs)] += 2.0 * min(1.0, 0.001 * fs)
    return ecg.astype(np.float32)


def events_of(ecg: NDArray[np.float32], fs: float) -> NDArray[np.void]:
    bank = EcgBank(fs, 1)
    bank.process(ecg[None], np.array([len(ecg)], np.int32))
    return bank.drain()


def symbols(events: NDArray[np.void]) -> list[str]:
    """Return the classes of the beats once the bank has settled."""
    beats = events[events["kind"] == EventKind.BEAT]
    return [chr(code) for code in beats["symbol"][5:]]


@pytest.mark.parametrize("fs", [500.0, 1000.0])
def test_wide_beats_after_spikes_are_paced_or_unknown(fs: float) -> None:
    found = symbols(events_of(made(fs, True), fs))
    assert len(found) >= 65
    assert found.count("Q") >= 0.95 * len(found)


@pytest.mark.parametrize("fs", [250.0, 500.0, 1000.0])
def test_paced_rhythm_is_no_ventricular_run_at_any_rate(fs: float) -> None:
    events = events_of(made(fs, True), fs)
    rhythms = events[events["kind"] == EventKind.RHYTHM_ON]["symbol"]
    assert "V" not in symbols(events)
    assert Rhythm.VENTRICULAR_RUN not in rhythms


def test_without_spikes_nothing_is_called_paced() -> None:
    assert "Q" not in symbols(events_of(made(500.0, False), 500.0))


def test_narrow_beats_after_atrial_spikes_keep_their_class() -> None:
    found = symbols(events_of(made(500.0, True, NARROW), 500.0))
    assert found.count("N") >= 0.95 * len(found)
