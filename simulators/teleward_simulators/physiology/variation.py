"""Differences between people of one case: the same illness in another body, by seed."""

from dataclasses import replace

from teleward_simulators.draws import Stream, uniform
from teleward_simulators.physiology.person import RANGES, Person

MOST = 0.10
"""Greatest share by which a constant of a person differs from the case's."""
VARIED = ("hr0", "map0", "rr0", "hb", "pulse_pressure", "volume_ml_per_kg")
"""Constants of the body. Age, sex and weight are in the case's text, glucose, potassium,
temperature and losses are its illness: they stay."""
_FIRST_INDEX = 100


def varied(person: Person, seed: int) -> Person:
    """Return ``person`` with each constant of `VARIED` within `MOST` of its own; seed 0: as is.

    One draw a constant, uniform and held within the range of a `Person`, so the same seed is the
    same body.
    """
    if seed == 0:
        return person
    changes = {}
    for number, name in enumerate(VARIED):
        share = 2.0 * uniform(seed, Stream.PERSON, _FIRST_INDEX + number) - 1.0
        low, high = RANGES[name]
        changes[name] = min(high, max(low, getattr(person, name) * (1.0 + MOST * share)))
    return replace(person, **changes)
