"""Training examples of the shockable-rhythm network: stretches of 16 s, disturbed as in the field.

Classes and people are balanced. A label allows one or several outputs: "not VF" allows all others,
and under heavy noise the answer "noise" is right too (partial-label likelihood, Jin & Ghahramani
2002). Seconds around a change of rhythm are not judged.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import sosfilt

from teleward_gateway.training.shockable_recordings import (
    ASYSTOLE,
    NOISE,
    NOT_VF,
    ORGANISED,
    VF,
    VT,
    Labels,
    Lead,
    Samples,
)
from teleward_signal.compiled.cache import kernel
from teleward_signal.compiled.records import Floats
from teleward_signal.ecg.shockable_net import FINEST_MV, SIZE_S, waves_band
from teleward_signal.ecg.shockable_state import FRAME, N_OUT, RATE

LENGTH = 2000
"""Samples of an example: 16 s."""
SETTLE_S = 6.0
"""The first seconds fill the summaries and are not judged."""
BATCH = 96
FRAMES = len(range(FRAME - 1, LENGTH, FRAME))
MADE = 6
"""A class beside the labels: standstill, noise or pacing spikes without a recording."""
SHARES = {
    ORGANISED: 0.30, VF: 0.26, VT: 0.14, ASYSTOLE: 0.05, NOISE: 0.08, NOT_VF: 0.11, MADE: 0.06
}  # fmt: skip
_BAND = waves_band()


@dataclass(slots=True)
class Example:
    """One stretch: samples in mV, labels, and which outputs each label allows, shape (6, 5)."""

    samples: Samples
    labels: Labels
    allowed: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Batch:
    """Input, shape (n, 2, samples); allowed outputs, (n, frames, 5); weights, (n, frames)."""

    channels: Samples
    allowed: Samples
    weights: Samples


@kernel
def scaled(x: Floats, sizes: Floats, out: Floats) -> None:
    """Write the two channels of the network for each row of band-passed samples."""
    for b in range(x.shape[0]):
        size = sizes[b]
        for i in range(x.shape[1]):
            v = x[b, i]
            size += (min(abs(v), 4.0 * size + 0.05) - size) / (SIZE_S * RATE)
            out[b, 0, i] = np.arcsinh(v / max(size, FINEST_MV))
            out[b, 1, i] = np.arcsinh(10.0 * v)


class Examples:
    """Draws batches from leads; all chance comes from ``rng``."""

    def __init__(
        self, leads: list[Lead], noises: dict[str, Samples], rng: np.random.Generator
    ) -> None:
        self._leads = [lead for lead in leads if lead.database != "nstdb"]
        # the second half of electrode motion is kept for tests
        self._noises = {k: v[:, : v.shape[1] // 2] if k == "em" else v for k, v in noises.items()}
        self._rng = rng
        self._places: dict[int, dict[str, list[tuple[int, NDArray[np.int64]]]]] = {}
        for k, lead in enumerate(self._leads):
            for label in range(6):
                ends = np.flatnonzero(lead.labels == label)
                ends = ends[ends > LENGTH]
                if len(ends) > RATE:
                    people = self._places.setdefault(label, {})
                    people.setdefault(lead.person, []).append((k, ends))

    def batch(self) -> Batch:
        """Return the next batch."""
        rng = self._rng
        examples = [self._example() for _ in range(BATCH)]
        filtered = sosfilt(
            _BAND, np.stack([e.samples - e.samples[0] for e in examples]), axis=-1
        ).astype(np.float32)
        sizes = np.abs(filtered).mean(1) * np.exp(rng.normal(0, 0.7, BATCH))
        channels = np.empty((BATCH, 2, LENGTH), np.float32)
        scaled(filtered, sizes.astype(np.float32), channels)
        at = np.arange(FRAME - 1, LENGTH, FRAME)
        allowed = np.stack([e.allowed[e.labels[at]] for e in examples]).astype(np.float32)
        return Batch(channels, allowed, np.stack([_weights(e.labels, at) for e in examples]))

    def _example(self) -> Example:
        rng = self._rng
        allowed = np.eye(6, N_OUT, dtype=bool)
        allowed[NOT_VF] = [True, False, True, True, True]
        kind = int(rng.choice(list(SHARES), p=list(SHARES.values())))
        if kind == MADE or kind not in self._places:
            example = self._made(allowed)
        else:
            example = Example(*self._recorded(kind), allowed)
        self._speed(example)
        ripple = example.samples - np.convolve(example.samples, np.ones(63) / 63, "same")
        size = float(np.std(ripple)) + 1e-3
        self._noise(example, size)
        self._compressions(example, size)
        self._electrode(example)
        gain = (
            rng.uniform(np.log(0.2), np.log(5)) if rng.random() < 0.5 else rng.uniform(-0.25, 0.25)
        )
        example.samples *= np.float32(rng.choice([-1, 1]) * np.exp(gain))
        return example

    def _recorded(self, label: int) -> tuple[Samples, Labels]:
        """Return a stretch that ends near a sample of ``label``."""
        rng = self._rng
        people = self._places[label]
        names = list(people)
        length = np.array([sum(len(ends) for _, ends in people[name]) for name in names], float)
        share = length ** (0.5 if label == ORGANISED else 0.35)
        places = people[names[int(rng.choice(len(names), p=share / share.sum()))]]
        k, ends = places[int(rng.integers(len(places)))]
        lead = self._leads[k]
        end = int(ends[int(rng.integers(len(ends)))]) + int(rng.integers(0, LENGTH // 2))
        end = min(max(end, LENGTH), len(lead.samples))
        return lead.samples[end - LENGTH : end].copy(), lead.labels[end - LENGTH : end].copy()

    def _made(self, allowed: NDArray[np.bool_]) -> Example:
        """Return standstill with wander, noise alone, or either under pacing spikes."""
        rng = self._rng
        x = rng.normal(0, 0.01 * rng.random(), LENGTH).astype(np.float32)
        labels = np.full(LENGTH, ASYSTOLE, np.int8)
        draw = rng.random()
        if draw < 0.4:
            x += np.float32(0.05 * rng.random()) * self._piece("bw")
        elif draw < 0.8:
            name = ("em", "ma", "bw")[int(rng.integers(3))]
            x += np.float32(rng.uniform(0.1, 1)) * self._piece(name)
            labels[:] = NOISE
            allowed[NOISE, ASYSTOLE] = True
        if rng.random() < 0.3:
            self._spikes(x)
            allowed[ASYSTOLE, NOISE] = True
        return Example(x, labels, allowed)

    def _piece(self, name: str) -> Samples:
        """Return a stretch of recorded noise of unit size."""
        lead = self._noises[name][int(self._rng.integers(2))]
        at = int(self._rng.integers(0, len(lead) - LENGTH))
        piece = lead[at : at + LENGTH]
        unit: Samples = ((piece - piece.mean()) / (piece.std() + 1e-6)).astype(np.float32)
        return unit

    def _speed(self, example: Example) -> None:
        if self._rng.random() >= 0.3:
            return
        back = (LENGTH - 1 - np.arange(LENGTH)) * self._rng.uniform(0.87, 1.15)
        at = np.clip(LENGTH - 1 - back, 0, LENGTH - 1)
        example.samples = np.interp(at, np.arange(LENGTH), example.samples).astype(np.float32)
        example.labels = example.labels[at.astype(int)]

    def _noise(self, example: Example, size: float) -> None:
        rng = self._rng
        if rng.random() >= 0.45:
            return
        name = ("em", "ma", "bw")[int(rng.integers(3))]
        level = 10 ** rng.uniform(-1.2, 0.6)
        noise = level * size * self._piece(name)
        if rng.random() < 0.5:
            noise[: int(rng.integers(0, LENGTH))] = 0
        example.samples = (example.samples + noise).astype(np.float32)
        if level > 0.7 and name != "bw":
            example.allowed[:, NOISE] = True

    def _compressions(self, example: Example, size: float) -> None:
        """Add chest compressions of 100 to 120/min, for what they look like on an ECG."""
        rng = self._rng
        if rng.random() >= 0.13:
            return
        t = np.arange(LENGTH) / RATE
        phase = 2 * np.pi * (rng.uniform(100, 120) / 60 * t + rng.random())
        phase += 0.3 * np.cumsum(rng.normal(0, 0.05, LENGTH))
        level = size * 10 ** rng.uniform(-0.5, 0.5)
        second, third = rng.uniform(0, 0.6), rng.uniform(0, 0.3)
        wave = np.sin(phase) + second * np.sin(2 * phase + rng.uniform(0, 6))
        wave += third * np.sin(3 * phase + rng.uniform(0, 6))
        first = int(rng.integers(0, LENGTH)) if rng.random() < 0.3 else 0
        wave[:first] = 0
        example.samples = (example.samples + level * wave).astype(np.float32)
        example.allowed[[ORGANISED, ASYSTOLE, NOISE], NOISE] = True
        example.allowed[ASYSTOLE, ORGANISED] = False
        if level > 1.2 * size:
            example.allowed[:, NOISE] = True

    def _spikes(self, samples: Samples) -> None:
        period = int(RATE * self._rng.uniform(0.45, 1.2))
        height = self._rng.choice([-1, 1]) * self._rng.uniform(0.2, 4)
        samples[int(self._rng.integers(period)) :: period] += np.float32(height)

    def _electrode(self, example: Example) -> None:
        """Pacing spikes, steps and drop-outs."""
        rng, x = self._rng, example.samples
        if rng.random() < 0.05:
            self._spikes(x)
        for _ in range(rng.poisson(0.15)):
            x[int(rng.integers(LENGTH)) :] += rng.choice([-1, 1]) * rng.uniform(0.2, 5)
        for _ in range(rng.poisson(0.25)):
            at = int(rng.integers(1, LENGTH - 70))
            held = x[at - 1] if rng.random() < 0.5 else rng.choice([0, x.max(), x.min()])
            x[at : at + int(rng.integers(6, 63))] = held


def _weights(labels: Labels, at: NDArray[np.int64]) -> Samples:
    """Return the weight of each frame: 0 while settling and about a change of label."""
    weights = np.ones(len(at), np.float32)
    weights[: int(SETTLE_S * RATE / FRAME)] = 0
    before = 300 if NOT_VF in labels else 60  # its labels are whole five seconds
    for change in np.flatnonzero(np.diff(labels)):
        weights[(at > change - before) & (at < change + 340)] = 0
    return weights
