"""The small networks: the kernel against NumPy, the fit, and the variants it is fed with."""

import numpy as np

from teleward_gateway.bench.signal_speed import synthetic_ecg
from teleward_gateway.training.ecg_augment import Beats, _pauses, vary
from teleward_gateway.training.network_fit import fit, log_odds
from teleward_signal.banks.network import judge, n_weights

RNG = np.random.default_rng(1)


def test_the_kernel_computes_what_numpy_does() -> None:
    weights = RNG.normal(0, 0.3, n_weights(10)).astype(np.float32)
    inputs = RNG.normal(0, 1, (20, 10)).astype(np.float32)
    expected = 1 / (1 + np.exp(-log_odds(weights, inputs).astype(float)))
    assert np.allclose([judge(row, weights) for row in inputs], expected, atol=1e-5)


def test_a_fitted_network_tells_a_ring_from_its_inside() -> None:
    inputs = RNG.normal(0, 1, (6000, 3)).astype(np.float32)
    truth = inputs[:, 0] ** 2 + inputs[:, 1] ** 2 > 1.5
    used = np.array([True, True, False])
    weights = fit(inputs, truth, np.ones(6000, np.float32), epochs=60, used=used)
    assert np.mean((log_odds(weights, inputs) > 0) == truth) > 0.93
    moved = inputs.copy()
    moved[:, 2] += 5
    assert np.allclose(log_odds(weights, moved), log_odds(weights, inputs), atol=1e-3)


def made() -> Beats:
    ecg = synthetic_ecg(60.0, 360.0, 2).astype(float)
    high = np.flatnonzero((ecg[1:-1] > 0.8) & (ecg[1:-1] >= ecg[:-2]) & (ecg[1:-1] > ecg[2:])) + 1
    samples = high[np.append(True, np.diff(high) > 100)]
    return Beats(ecg, 360.0, samples, np.full(len(samples), "N"))


def test_pauses_move_the_beats_and_leave_them_as_they_are() -> None:
    source = made()
    paused = _pauses(np.random.default_rng(0), source, 10)
    assert len(paused.ecg) > len(source.ecg)
    assert np.allclose(paused.ecg[paused.samples], source.ecg[source.samples])


def test_a_variant_keeps_every_beat_within_the_signal() -> None:
    noises = {name: RNG.normal(0, 1, (20000, 2)) for name in ("em", "ma", "bw")}
    for seed in range(5):
        source = made()
        varied = vary(np.random.default_rng(seed), source, noises)
        assert len(varied.samples) == len(source.samples)
        assert varied.samples.max() < len(varied.ecg)
        assert np.isfinite(varied.ecg).all()
