"""Signals drawn at random for the sweep: pacemakers, signals without a beat, and hearts.

The map of the sweep is a grid, and what holds on a grid may fail between its places. Each draw
takes all that a front end may give within its limits at once. A pacing pulse lasts 0.1 to 2 ms
(AAMI EC13) and comes through a low-pass of 40 to 150 Hz, drawn at 8 kHz and sampled then.
"""

from collections.abc import Iterator

import numpy as np
from scipy import signal

from teleward_gateway.bench.accuracy.sweep_signals import (
    ECG_SHAPES,
    Cell,
    Samples,
    beat_times,
    ecg,
)

RATES_HZ = (125.0, 128.0, 200.0, 250.0, 257.0, 360.0, 500.0, 1000.0)
FINE_HZ = 8000.0
SECONDS = 45.0
PACED = ("no capture", "capture", "escape")
QUIET = ("P waves", "baseline", "muscle")


def pacing_draws(count: int, seed: int) -> Iterator[Cell]:
    """Yield pacemakers that capture nothing, capture all, or stand beside an escape rhythm."""
    for k in range(count):
        random = np.random.default_rng((seed, 1, k))
        fs = float(random.choice(RATES_HZ))
        kind = PACED[k % len(PACED)]
        rate = float(random.uniform(50.0, 120.0))
        times = beat_times(rate, SECONDS, 0.0, k)
        x = _spikes(random, times, fs)
        truth = 0.0
        if kind == "capture":
            truth = rate
            x += random.uniform(0.5, 2.0) * ecg("wide", times + 0.06, fs, SECONDS)
        elif kind == "escape":
            truth = float(random.uniform(22.0, 45.0))
            escape = beat_times(truth, SECONDS, 0.02, k)
            x += random.uniform(0.7, 1.5) * ecg("wide", escape, fs, SECONDS)
        yield _cell(kind, k, fs, truth, x + _rest(random, len(x), fs))


def quiet_draws(count: int, seed: int) -> Iterator[Cell]:
    """Yield signals without a QRS complex: atria alone, a baseline, muscle."""
    for k in range(count):
        random = np.random.default_rng((seed, 2, k))
        fs = float(random.choice(RATES_HZ))
        kind = QUIET[k % len(QUIET)]
        x = np.zeros(int(SECONDS * fs))
        if kind == "P waves":
            at_s = np.arange(len(x)) / fs
            width, size = random.uniform(0.018, 0.035), random.uniform(0.05, 0.3)
            for at in beat_times(float(random.uniform(40.0, 150.0)), SECONDS, 0.03, k):
                x += size * np.exp(-(((at_s - at) / width) ** 2) / 2)
        elif kind == "muscle":
            bursts = np.repeat(random.random(int(SECONDS) + 1) < 0.4, int(fs))[: len(x)]
            x += random.uniform(0.05, 0.4) * bursts * random.standard_normal(len(x))
        yield _cell(kind, k, fs, 0.0, x + _rest(random, len(x), fs))


def heart_draws(count: int, seed: int) -> Iterator[Cell]:
    """Yield hearts of every shape, size, rate and disturbance."""
    shapes = tuple(ECG_SHAPES)
    for k in range(count):
        random = np.random.default_rng((seed, 3, k))
        fs = float(random.choice(RATES_HZ))
        shape, rate = shapes[k % len(shapes)], float(random.uniform(20.0, 350.0))
        beats = beat_times(rate, SECONDS, float(random.uniform(0.0, 0.06)), k)
        x = random.uniform(0.4, 2.0) * ecg(shape, beats, fs, SECONDS)
        yield _cell(shape, k, fs, rate, x + _rest(random, len(x), fs))


def _spikes(random: np.random.Generator, times: Samples, fs: float) -> Samples:
    """Return pacing pulses behind a low-pass, and the discharge of the electrode after each."""
    size_mv = float(np.exp(random.uniform(0.0, np.log(40.0))))
    fine = np.zeros(int(SECONDS * FINE_HZ))
    long = max(1, round(random.uniform(0.1, 2.0) * FINE_HZ / 1000.0))
    tail_mv, tail_s = random.uniform(0.0, 0.4), random.uniform(0.004, 0.1)
    fade = tail_mv * np.exp(-np.arange(int(5 * tail_s * FINE_HZ)) / (tail_s * FINE_HZ))
    for at in times:
        first = int(at * FINE_HZ)
        after = first + long
        if after >= len(fine):
            break
        fine[first:after] += size_mv
        fine[after : after + len(fade)] -= fade[: len(fine) - after]
    sos = signal.butter(2, random.uniform(40.0, min(150.0, 0.45 * fs)), fs=FINE_HZ, output="sos")
    behind = signal.sosfilt(sos, fine)
    at = np.arange(int(SECONDS * fs)) / fs
    return np.asarray(np.interp(at, np.arange(len(behind)) / FINE_HZ, behind))


def _rest(random: np.random.Generator, count: int, fs: float) -> Samples:
    """Return wander to 1 mV, mains to 0.1 mV and noise to 60 uV."""
    at = np.arange(count) / fs
    wander = random.uniform(0.0, 1.0) * np.sin(
        2 * np.pi * random.uniform(0.1, 0.5) * at + random.uniform(0.0, 6.0)
    )
    hz = random.choice((50.0, 60.0)) + random.uniform(-0.3, 0.3)
    mains = random.uniform(0.0, 0.1) * np.sin(2 * np.pi * hz * at)
    noise = random.uniform(0.005, 0.06) * random.standard_normal(count)
    return np.asarray(wander + mains + noise)


def _cell(row: str, k: int, fs: float, truth: float, x: Samples) -> Cell:
    return Cell(row, str(k), "ecg_ii", fs, truth, x.astype(np.float32))
