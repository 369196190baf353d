"""The trees that class beats: the kernel against NumPy, and what a fit learns."""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from teleward_gateway.training.tree_fit import Boosting, fit_trees, tree_odds
from teleward_signal.banks.trees import vote

RNG = np.random.default_rng(2)
INPUTS = RNG.normal(0, 1, (6000, 4)).astype(np.float32)
APART = (INPUTS[:, 0] > 0) != (INPUTS[:, 2] > 0.5)
"""True on one side of each of two bounds only: no single question tells it."""
EVEN = np.ones(len(INPUTS), np.float32)


def _votes(inputs: NDArray[np.float32], trees: NDArray[np.float32]) -> NDArray[np.float64]:
    out = np.zeros(inputs.shape[0])
    for i in range(inputs.shape[0]):
        out[i] = vote(inputs[i], trees)
    return out


votes: Any = njit(_votes)


def test_a_fit_learns_what_takes_two_questions() -> None:
    trees = fit_trees(INPUTS, APART, EVEN)
    fresh = np.random.default_rng(3).normal(0, 1, (2000, 4)).astype(np.float32)
    truth = (fresh[:, 0] > 0) != (fresh[:, 2] > 0.5)
    assert np.mean((tree_odds(trees, fresh) > 0) == truth) > 0.97


def test_the_kernel_counts_votes_as_numpy_does() -> None:
    trees = fit_trees(INPUTS, APART, EVEN, Boosting(n_trees=20))
    assert np.allclose(votes(INPUTS[:200], trees), tree_odds(trees, INPUTS[:200]), atol=1e-4)


def test_a_fit_is_repeatable() -> None:
    how = Boosting(n_trees=5)
    assert np.array_equal(fit_trees(INPUTS, APART, EVEN, how), fit_trees(INPUTS, APART, EVEN, how))


def test_heavy_examples_outweigh_light_ones() -> None:
    weight = np.where(APART, 50.0, 1.0).astype(np.float32)
    inputs = np.zeros_like(INPUTS)
    trees = fit_trees(inputs, APART, weight, Boosting(n_trees=3))
    assert tree_odds(trees, inputs[:1])[0] > 0
