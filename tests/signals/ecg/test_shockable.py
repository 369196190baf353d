"""Shockable rhythms: the network by its definition, and the alarm on recorded and made signals."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from teleward_gateway.bench.accuracy.sweep import ecg_cells, measure
from teleward_signal.banks.bank import EventKind
from teleward_signal.ecg.bank import EcgBank
from teleward_signal.ecg.networks import load_networks
from teleward_signal.ecg.rhythm_codes import Rhythm
from teleward_signal.ecg.shockable_net import N_WEIGHTS, SHAPES, finish_frame
from teleward_signal.ecg.shockable_state import FRAME, LONG, SHORT, TAPS
from teleward_signal.ecg.state import ECG_STATE

FOLDER = Path(__file__).parent / "data"
SHOCKABLE = (Rhythm.VENTRICULAR_FIBRILLATION, Rhythm.VENTRICULAR_TACHYCARDIA)
Signal = NDArray[np.float64]


def excerpt(name: str) -> tuple[Signal, float, float]:
    """Return mV, rate and the second in which the rhythm begins."""
    with np.load(FOLDER / f"{name}.npz") as file:
        signal = (file["counts"] - float(file["baseline"])) / float(file["gain"])
        return signal, float(file["fs"]), float(file["onset_s"])


def resampled(signal: Signal, fs: float, rate: float) -> Signal:
    at = np.arange(0, len(signal) - 1, fs / rate)
    resampled: Signal = np.interp(at, np.arange(len(signal)), signal)
    return resampled


def alarms(signal: Signal, fs: float) -> list[tuple[float, bool]]:
    """Return when shockable rhythms were known to begin (True) and end, in s."""
    bank = EcgBank(fs, 1)
    bank.process(signal[None].astype(np.float32), np.array([len(signal)], np.int32))
    return [
        (float(event["known"]) / fs, bool(event["kind"] == EventKind.RHYTHM_ON))
        for event in bank.drain()
        if event["kind"] in (EventKind.RHYTHM_ON, EventKind.RHYTHM_OFF)
        and int(event["symbol"]) in SHOCKABLE
    ]


def began(signal: Signal, fs: float) -> float | None:
    return next((at for at, on in alarms(signal, fs) if on), None)


def by_definition(channels: Signal, weights: NDArray[np.float32]) -> Signal:
    """Return the probabilities of the network, shape (frames, 5), without any streaming."""
    parts = []
    at = 0
    for shape in SHAPES:
        size = int(np.prod(shape))
        parts.append(weights[at : at + size].reshape(shape).astype(np.float64))
        at += size
    assert at == N_WEIGHTS == len(weights)
    x = _relu(_every_second(channels, TAPS[0]) @ parts[0].reshape(-1, parts[0].shape[2]) + parts[1])
    for k in range(1, 5):
        deep, point, bias = parts[3 * k - 1 : 3 * k + 2]
        windows = _every_second(x, TAPS[k]).reshape(-1, TAPS[k], x.shape[1])
        x = _relu((windows * deep).sum(1) @ point + bias)
    first, first_bias, second, second_bias = parts[-4:]
    padded = np.vstack([np.zeros((LONG - 1, x.shape[1])), x])
    rows = [padded[k : k + LONG] for k in range(len(x))]
    found = np.array([np.r_[r.mean(0), r[-SHORT:].mean(0), r.max(0)] for r in rows])
    odds = _relu(found @ first + first_bias) @ second + second_bias
    share = np.exp(odds - odds.max(1, keepdims=True))
    return np.asarray(share / share.sum(1, keepdims=True))


def _relu(x: Signal) -> Signal:
    return np.maximum(x, 0)


def _every_second(x: Signal, taps: int) -> Signal:
    """Return the windows of ``taps`` rows that end at every second row, each flattened."""
    padded = np.vstack([np.zeros((taps - 2, x.shape[1])), x])
    return np.array([padded[2 * j : 2 * j + taps].ravel() for j in range(len(x) // 2)])


def test_a_streamed_frame_is_the_network_by_its_definition() -> None:
    rng = np.random.default_rng(3)
    weights = rng.normal(0, 0.2, N_WEIGHTS).astype(np.float32)
    channels = rng.normal(0, 1, (40 * FRAME, 2)).astype(np.float32)
    state = np.zeros(1, ECG_STATE)
    streamed = []
    for at in range(0, len(channels), FRAME):
        state["net_rows1"][0][TAPS[0] - 2 :] = channels[at : at + FRAME]
        finish_frame(state[0], weights)
        streamed.append(state["net_out"][0].copy())
    expected = by_definition(channels.astype(np.float64), weights)
    assert np.abs(np.array(streamed) - expected).max() < 1e-5


@pytest.mark.parametrize("name", ["vfdb_420", "vfdb_426", "cudb_cu01"])
def test_recorded_tachycardia_and_fibrillation_alarm_within_ten_seconds(name: str) -> None:
    signal, fs, onset_s = excerpt(name)
    at = began(signal, fs)
    assert at is not None
    assert -1.0 <= at - onset_s <= 10.0
    assert alarms(signal, fs)[-1][1], "the alarm ended while the rhythm went on"


@pytest.mark.parametrize("rate", [125.0, 200.0, 360.0, 500.0, 1000.0])
def test_the_sampling_rate_does_not_matter(rate: float) -> None:
    signal, fs, onset_s = excerpt("vfdb_426")
    at = began(resampled(signal, fs, rate), rate)
    assert at is not None
    assert -1.0 <= at - onset_s <= 10.0


@pytest.mark.parametrize("change", ["upside down", "half", "double", "offset"])
def test_polarity_gain_and_offset_do_not_matter(change: str) -> None:
    signal, fs, onset_s = excerpt("cudb_cu01")
    how = {"upside down": -signal, "half": signal / 2, "double": 2 * signal, "offset": signal + 200}
    at = began(how[change], fs)
    assert at is not None
    assert -1.0 <= at - onset_s <= 10.0


def test_short_drop_outs_do_not_hide_fibrillation() -> None:
    signal, fs, onset_s = excerpt("vfdb_426")
    holes = signal.copy()
    for start_s in np.arange(onset_s + 0.5, len(signal) / fs - 0.2, 1.7):
        holes[int(start_s * fs) : int((start_s + 0.12) * fs)] = np.nan
    at = began(holes, fs)
    assert at is not None
    assert at - onset_s <= 10.0


def test_a_lead_that_goes_silent_keeps_the_alarm() -> None:
    signal, fs, _ = excerpt("cudb_cu01")
    silent = np.concatenate([signal, np.full(int(60 * fs), np.nan)])
    assert alarms(silent, fs)[-1][1]


@pytest.mark.parametrize("name", ["mitdb_208", "mitdb_202", "nstdb_118e06"])
def test_beats_and_electrode_motion_are_no_shockable_rhythm(name: str) -> None:
    with np.load(FOLDER / f"{name}.npz") as file:
        signal = (file["counts"] - float(file["baseline"])) / float(file["gain"])
        fs = float(file["fs"])
    assert alarms(signal, fs) == []


@pytest.mark.parametrize("noise_mv", [0.0, 0.01, 0.03])
def test_a_flat_line_is_no_shockable_rhythm(noise_mv: float) -> None:
    flat = np.random.default_rng(5).normal(0, noise_mv, 60 * 250)
    assert alarms(flat, 250.0) == []


@pytest.mark.parametrize("shape", ["narrow", "tall T", "inverted", "wide"])
def test_a_fast_heart_of_narrow_beats_is_no_shockable_rhythm(shape: str) -> None:
    """The network learned from adults: 180 to 260/min from the atria were VF or VT to it."""
    cells = [cell for rate in (190, 230, 240, 250) for cell in ecg_cells(250.0, [shape], [rate])]
    for cell, (_, rhythms) in zip(cells, measure(cells), strict=True):
        named = {name for name in rhythms if name.startswith(("ventricular", "wide"))}
        assert bool(named) is (shape == "wide"), (cell.row, cell.column, rhythms)


def test_the_shipped_weights_fit() -> None:
    assert load_networks().shockable.shape == (N_WEIGHTS,)
