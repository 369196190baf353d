"""Patients of this layer by name, as devices measure them: ``physiology:normal``, ``case:ID``."""

from teleward_simulators.physiology.people import make_patient
from teleward_simulators.source import VitalSource


def make(spec: str, seed: int) -> VitalSource:
    """Return the source that ``spec`` names; ValueError says what there is."""
    kind, _, name = spec.partition(":")
    if kind == "physiology":
        return make_patient(name, seed)
    raise ValueError(f"source {spec!r}: no such case")
