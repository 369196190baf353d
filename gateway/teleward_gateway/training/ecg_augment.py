"""Variants of annotated ECG recordings to train on: pauses, other rates, gains and real noise."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
RATES = (125.0, 200.0, 250.0, 360.0, 360.0, 500.0)
SNR_DB = (-4.0, 18.0)
"""From noise that hides the beats to noise that the eye forgives."""


@dataclass(frozen=True, slots=True)
class Beats:
    """An ECG in mV, its rate in Hz, and its annotated beats by sample, with their symbols."""

    ecg: Floats
    fs: float
    samples: NDArray[np.int64]
    symbols: NDArray[np.str_]


def vary(rng: np.random.Generator, source: Beats, noises: dict[str, Floats]) -> Beats:
    """Return a variant; ``noises`` are recordings at 360 Hz, shape (n, 2), by name.

    Of electrode motion (``em``) only the second channel is used: the first one is in the
    noise-stress records that the result is measured on.
    """
    if rng.random() < 0.5:
        source = _pauses(rng, source, min(len(source.samples) // 20, int(rng.integers(5, 60))))
    height = _qrs_rms(source)
    varied = _resample(rng, source)
    n = len(varied.ecg)
    swell = np.interp(np.arange(n), np.linspace(0, n, 12), rng.normal(0, 0.25, 12))
    gain = np.exp(swell + rng.normal(0, 0.7)) * rng.choice([1, 1, 1, -1])
    ecg = varied.ecg * gain
    height *= abs(float(np.median(gain)))
    ecg += height * _noise(rng, n, varied.fs, noises)
    if rng.random() < 0.3:
        hum = np.sin(2 * np.pi * rng.choice([50, 60]) * np.arange(n) / varied.fs)
        ecg += height * rng.uniform(0, 0.15) * hum
    return Beats(ecg, varied.fs, varied.samples, varied.symbols)


def _qrs_rms(source: Beats) -> float:
    """Return the RMS of a sine as high as the usual QRS: the noise-stress test's signal power."""
    near = round(0.05 * source.fs)
    inner = source.samples[(source.samples > near) & (source.samples < len(source.ecg) - near)]
    spans = [np.ptp(source.ecg[at - near : at + near]) for at in inner[::7]]
    return float(np.median(spans) / np.sqrt(8))


def _pauses(rng: np.random.Generator, source: Beats, count: int) -> Beats:
    """Insert pauses made of mirrored pieces of the stretch between T and P."""
    fs, ecg, samples = source.fs, source.ecg, source.samples
    pieces, moved, last = [], samples.copy(), 0
    for k in np.sort(rng.choice(len(samples) - 2, count, replace=False)):
        interval = samples[k + 1] - samples[k]
        first = samples[k] + int(0.5 * min(interval, fs))
        end = samples[k + 1] - int(0.22 * fs)
        if end - first < 0.1 * fs:
            continue
        quiet = ecg[first:end] - np.linspace(ecg[first], ecg[end - 1], end - first)
        n = int(rng.uniform(0.8, 6) * fs)
        rest = np.resize(np.concatenate([quiet, quiet[::-1]]), n)
        rest *= np.interp(np.arange(n), np.linspace(0, n, 8), rng.uniform(0.1, 1.2, 8))
        rest += np.std(np.diff(ecg)) * rng.uniform(0, 1) * rng.standard_normal(n)
        middle = (first + end) // 2
        pieces += [ecg[last:middle], ecg[middle] + rest]
        moved[k + 1 :] += n
        last = middle
    return Beats(np.concatenate([*pieces, ecg[last:]]), fs, moved, source.symbols)


def _resample(rng: np.random.Generator, source: Beats) -> Beats:
    """Return the recording at another rate, played slower or faster."""
    fs, stretch = float(rng.choice(RATES)), rng.uniform(0.75, 1.3)
    factor = fs / source.fs * stretch
    ecg = source.ecg
    if fs < 300:
        width = max(1, round(source.fs / fs))
        ecg = np.convolve(ecg, np.ones(width) / width, "same")
    at = np.arange(int(len(ecg) * factor)) / factor
    samples = np.round(source.samples * factor).astype(np.int64)
    return Beats(np.interp(at, np.arange(len(ecg)), ecg), fs, samples, source.symbols)


def _noise(rng: np.random.Generator, n: int, fs: float, noises: dict[str, Floats]) -> Floats:
    """Return stretches of recorded noise, some 40 s each, RMS relative to the signal's."""
    out = np.zeros(n)
    at = 0
    while at < n:
        length = int(rng.exponential(40) * fs) + 1
        if rng.random() < 0.65:
            name = str(rng.choice(["em", "em", "em", "em", "ma", "bw"]))
            source = noises[name][:, 1 if name == "em" else rng.integers(2)]
            speed = rng.uniform(0.75, 1.3) * 360 / fs
            start = rng.integers(0, len(source) - 1000)
            piece = source[start : start + int(length * speed) + 2]
            m = min(length, int(len(piece) / speed), n - at)
            piece = np.interp(np.arange(m) * speed, np.arange(len(piece)), piece)
            size = 10 ** (-rng.uniform(*SNR_DB) / 20) * rng.choice([1, -1])
            out[at : at + m] = size * (piece - piece.mean()) / (piece.std() + 1e-9)
        at += length
    return out
