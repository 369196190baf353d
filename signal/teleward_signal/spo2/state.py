"""The memory of one pair of light intensities, and what follows from its rate."""

from typing import Annotated

from teleward_signal.compiled.records import Bits, Float, FloatArray, Int, Single, layout


class OximetryState:
    """All that one pair of light intensities remembers."""

    n: Int
    started: Int
    missing: Int
    z_red: Annotated[FloatArray, 2, 2]
    z_infrared: Annotated[FloatArray, 2, 2]
    mean_red: Float
    mean_infrared: Float
    both: Float  # mean product of the pulsatile parts
    red_power: Float
    infrared_power: Float
    sqi: Single
    reasons: Bits


OXIMETRY_STATE = layout(OximetryState)


class OximetryTiming:
    """Lengths in samples that follow from the rate."""

    second_n: Int
    settle_n: Int
    bridge_n: Int
    mean_weight: Float
    weight: Float


OXIMETRY_TIMING = layout(OximetryTiming)
