"""Fit the symmetric trees of `teleward_signal.banks.trees`: gradient boosting on the cross-entropy.

Friedman, Annals of Statistics 29:1189, 2001, with the second-order gain of XGBoost (Chen & Guestrin
2016). Features are cut into 48 bins of equal size; every choice is made over all branches of a
level. Nothing is drawn at random, so a fit is repeatable.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from teleward_signal.banks.trees import ANSWERS, DEPTH, TREE
from teleward_signal.compiled.cache import kernel
from teleward_signal.compiled.records import Floats, Ints

Array = NDArray[np.float32]
BINS = 48


@dataclass(frozen=True, slots=True)
class Boosting:
    """How an ensemble grows; chosen on records left out."""

    n_trees: int = 120
    rate: float = 0.1
    ridge: float = 8.0
    """Added to the curvature in each answer, so that few beats cannot shout."""
    least: float = 20.0
    """Sum of weights that each side of a cut must hold in some branch."""


@kernel
def _histogram(
    codes: Ints, branch: Ints, slope: Floats, curve: Floats, weight: Floats, out: Floats
) -> None:
    """Sum slopes, curvatures and weights into ``out`` (branch, feature, bin, 3)."""
    out[:] = 0.0
    for i in range(codes.shape[0]):
        g, h, w, b = slope[i], curve[i], weight[i], branch[i]
        for j in range(codes.shape[1]):
            cell = out[b, j, codes[i, j]]
            cell[0] += g
            cell[1] += h
            cell[2] += w


def fit_trees(
    features: Array, truth: NDArray[np.bool_], weight: Array, how: Boosting | None = None
) -> Array:
    """Return the ensemble for ``features`` (n, n_in), ``truth`` (n,), ``weight`` (n,)."""
    how = how or Boosting()
    weight = weight / weight.mean()
    bounds = [
        np.unique(np.quantile(column, np.linspace(0, 1, BINS + 1)[1:-1])).astype(np.float32)
        for column in features.T
    ]
    codes = np.stack(
        [np.searchsorted(b, column, "left") for b, column in zip(bounds, features.T, strict=True)],
        axis=1,
    ).astype(np.uint8)
    share = float(np.clip(np.average(truth, weights=weight), 1e-4, 1 - 1e-4))
    bias = np.log(share / (1 - share))
    odds = np.full(len(truth), bias)
    parts = [np.array([bias])]
    for _ in range(how.n_trees):
        output = 1 / (1 + np.exp(-odds))
        slope, curve = weight * (truth - output), weight * output * (1 - output)
        tree, branch = _grow(codes, bounds, slope, curve, weight, how)
        odds += tree[2 * DEPTH :][branch]
        parts.append(tree)
    return np.concatenate(parts).astype(np.float32)


def tree_odds(trees: Array, features: Array) -> Array:
    """Return the log odds of an ensemble, shape (n,)."""
    odds = np.full(len(features), trees[0])
    for tree in trees[1:].reshape(-1, TREE):
        branch = np.zeros(len(features), int)
        for k in range(DEPTH):
            branch |= (features[:, int(tree[2 * k])] > tree[2 * k + 1]).astype(int) << k
        odds += tree[2 * DEPTH :][branch]
    return odds


def _grow(
    codes: NDArray[np.uint8],
    bounds: list[Array],
    slope: NDArray[np.float64],
    curve: NDArray[np.float64],
    weight: Array,
    how: Boosting,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return one tree and the branch that each row ends in."""
    branch = np.zeros(len(codes), np.int64)
    tree = np.zeros(TREE)
    for level in range(DEPTH):
        sums = np.zeros((1 << level, codes.shape[1], BINS, 3))
        _histogram(codes, branch, slope, curve, weight, sums)
        below = sums.cumsum(2)
        above = below[:, :, -1:] - below
        whole = below[:, :, -1:]
        gain = np.zeros(below.shape[:3])
        for side, sign in ((below, 1), (above, 1), (whole, -1)):
            gain += sign * side[..., 0] ** 2 / (side[..., 1] + how.ridge)
        enough = np.minimum(below[..., 2], above[..., 2]) > how.least
        better = np.where(enough, gain, 0.0).sum(0)
        feature, at = divmod(int(better.argmax()), BINS)
        at = min(at, len(bounds[feature]) - 1)
        tree[2 * level], tree[2 * level + 1] = feature, bounds[feature][at]
        branch |= (codes[:, feature] > at).astype(np.int64) << level
    slopes = np.bincount(branch, slope, ANSWERS)
    curves = np.bincount(branch, curve, ANSWERS)
    tree[2 * DEPTH :] = how.rate * slopes / (curves + how.ridge)
    return tree, branch
