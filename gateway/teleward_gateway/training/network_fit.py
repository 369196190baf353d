"""Fit two-layer networks (`teleward_signal.banks.network`): Adam on the cross-entropy, NumPy."""

import numpy as np
from numpy.typing import NDArray

from teleward_signal.banks.network import H1, H2

Array = NDArray[np.float32]
BATCH = 512
RATE = 2e-3
KEEP_MEAN, KEEP_SQUARE = 0.9, 0.999
"""Kingma & Ba 2015; the rate falls as a half cosine to nothing."""


def fit(
    features: Array,
    truth: NDArray[np.bool_],
    weight: Array,
    *,
    epochs: int = 8,
    decay: float = 1e-5,
    noise: float = 0.0,
    used: NDArray[np.bool_] | None = None,
    seed: int = 0,
) -> Array:
    """Return the weight vector for ``features`` (n, n_in), ``truth`` (n,), ``weight`` (n,).

    ``noise`` (in standard deviations) on the inputs and ``decay`` keep the network from learning
    people by heart; inputs not ``used`` get no weight.
    """
    rng = np.random.default_rng(seed)
    mean, scale = features.mean(0), features.std(0) + 1e-3
    inputs = ((features - mean) / scale).astype(np.float32)
    if used is not None:
        inputs[:, ~used] = 0
    parts = _start(rng, features.shape[1])
    adam = _Adam(parts, len(inputs) // BATCH * epochs, decay)
    weight = weight / weight.mean()
    for _ in range(epochs):
        order = rng.permutation(len(inputs))
        for at in range(0, len(order) - BATCH + 1, BATCH):
            pick = order[at : at + BATCH]
            x = inputs[pick]
            if noise:
                x = x + noise * rng.standard_normal(x.shape, dtype=np.float32)
            adam.step(
                _slopes(parts, x, truth[pick][:, None].astype(np.float32), weight[pick][:, None])
            )
    if used is not None:
        parts[0][~used] = 0
    parts[0] = parts[0] / scale[:, None]
    parts[1] = parts[1] - mean @ parts[0]
    return np.concatenate([part.ravel() for part in parts]).astype(np.float32)


class _Adam:
    """Moves ``parts`` against their slopes, in ``steps`` steps altogether."""

    def __init__(self, parts: list[Array], steps: int, decay: float) -> None:
        self.parts, self.steps, self.decay = parts, steps, decay
        self.first = [np.zeros_like(part) for part in parts]
        self.second = [np.zeros_like(part) for part in parts]
        self.taken = 0

    def step(self, slopes: list[Array]) -> None:
        """Take one step; weights decay, biases do not."""
        self.taken += 1
        rate = RATE * 0.5 * (1 + np.cos(np.pi * self.taken / self.steps)) + 1e-5
        for k, slope in enumerate(slopes):
            self.first[k] += (1 - KEEP_MEAN) * (slope - self.first[k])
            self.second[k] += (1 - KEEP_SQUARE) * (slope**2 - self.second[k])
            move = self.first[k] / (1 - KEEP_MEAN**self.taken)
            move = move / (np.sqrt(self.second[k] / (1 - KEEP_SQUARE**self.taken)) + 1e-8)
            decayed = self.decay * self.parts[k] if k % 2 == 0 else 0
            self.parts[k] -= rate * (move + decayed)


def log_odds(weights: Array, features: Array) -> Array:
    """Return the output of a network before the sigmoid, shape (n,)."""
    n_in = features.shape[1]
    w1, b1, w2, b2, w3, b3 = np.split(weights, np.cumsum([n_in * H1, H1, H1 * H2, H2, H2]))
    hidden = np.maximum(features @ w1.reshape(n_in, H1) + b1, 0)
    out: Array = np.maximum(hidden @ w2.reshape(H1, H2) + b2, 0) @ w3 + b3
    return out


def _start(rng: np.random.Generator, n_in: int) -> list[Array]:
    parts = [
        rng.normal(0, np.sqrt(2 / n_in), (n_in, H1)),
        np.zeros(H1),
        rng.normal(0, np.sqrt(2 / H1), (H1, H2)),
        np.zeros(H2),
        rng.normal(0, np.sqrt(1 / H2), (H2, 1)),
        np.zeros(1),
    ]
    return [part.astype(np.float32) for part in parts]


def _slopes(parts: list[Array], x: Array, truth: Array, weight: Array) -> list[Array]:
    """Return the gradient of the weighted cross-entropy for each part."""
    w1, b1, w2, b2, w3, b3 = parts
    z1 = x @ w1 + b1
    h1 = np.maximum(z1, 0)
    z2 = h1 @ w2 + b2
    h2 = np.maximum(z2, 0)
    output = 1 / (1 + np.exp(-np.clip(h2 @ w3 + b3, -30, 30)))
    d3 = (output - truth) * weight / len(x)
    d2 = (d3 @ w3.T) * (z2 > 0)
    d1 = (d2 @ w2.T) * (z1 > 0)
    return [x.T @ d1, d1.sum(0), h1.T @ d2, d2.sum(0), h2.T @ d3, d3.sum(0)]
