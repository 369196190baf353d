"""Noise with an address: (seed, channel, sample number) -> the same value, in any block."""

import numpy as np
from numpy.typing import NDArray

from teleward_signal.compiled.cache import kernel


@kernel
def mix(value: np.uint64) -> np.uint64:
    """SplitMix64's finaliser."""
    value = value + np.uint64(0x9E3779B97F4A7C15)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@kernel
def add_noise(
    out: NDArray[np.float32], seed: np.uint64, channel: np.uint64, first: int, sd: float
) -> None:
    """Add bell-shaped noise of standard deviation ``sd`` to ``out``, shape (n_samples,).

    The sum of four uniform numbers (Irwin and Hall): never beyond 3.46 SD.
    """
    key = mix(mix(seed) ^ channel)
    part = np.uint64(0xFFFF)
    # the sum of four has mean 2 and variance 1/3
    for i in range(len(out)):
        bits = mix(key ^ np.uint64(first + i))
        total = (bits & part) + ((bits >> np.uint64(16)) & part)
        total += ((bits >> np.uint64(32)) & part) + ((bits >> np.uint64(48)) & part)
        out[i] += (np.float64(total) / 65536.0 - 2.0) * 1.7320508 * sd
