"""Random numbers by address: (seed, stream, index) -> always the same number.

SplitMix64 (Steele, Lea and Flood, OOPSLA 2014) as a hash. No generator keeps a state, so a seek
or a snapshot needs none, and streams never disturb each other.
"""

import math
from enum import IntEnum

_MASK = (1 << 64) - 1


class Stream(IntEnum):
    """What a number is drawn for."""

    BEAT = 1
    ECTOPIC = 2
    BREATH = 3
    TRANSITION = 4
    SENSOR = 5
    CUFF = 6
    P_WAVE = 7
    SWAY = 8
    PULSE = 9
    RESULT = 10
    PERSON = 11


def _mix(value: int) -> int:
    value = (value + 0x9E3779B97F4A7C15) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)


def uniform(seed: int, stream: int, index: int) -> float:
    """Return a number in [0, 1)."""
    return (_mix(_mix(_mix(seed & _MASK) ^ stream) ^ (index & _MASK)) >> 11) / (1 << 53)


def normal(seed: int, stream: int, index: int) -> float:
    """Return a number of a standard normal distribution (Box and Muller)."""
    radius = math.sqrt(-2.0 * math.log(1.0 - uniform(seed, stream, 2 * index)))
    return radius * math.cos(2.0 * math.pi * uniform(seed, stream, 2 * index + 1))
