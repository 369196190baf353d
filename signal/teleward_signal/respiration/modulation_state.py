"""The memory of one stream with breathing in it, and what follows from its rate."""

from typing import Annotated

from teleward_signal.compiled.records import Float, FloatArray, Int, layout

N_RING = 128
"""32 s at 4 Hz, the window of the BIDMC reference."""
N_BINS = 129
HISTORY = 8


class ModulationState:
    """All that one stream with breathing in it remembers."""

    n: Int  # samples seen
    started: Int
    missing: Int  # lost samples in a row, now
    held: Float  # last good sample
    z: Annotated[FloatArray, 2, 2]
    ring: Annotated[FloatArray, N_RING]  # the modulation, 4 Hz
    ring_n: Int
    known: Int  # 1: the spectrum is that of a full window up to this second
    inside: Int  # 1 while a complex passes
    last_at: Int
    level: Float
    top: Float
    bottom: Float
    heights: Annotated[FloatArray, HISTORY]
    heights_n: Int
    held_height: Float


MODULATION_STATE = layout(ModulationState)


class ModulationTiming:
    """Lengths in samples that follow from the rate."""

    second_n: Int
    coarse_n: Int
    settle_n: Int
    bridge_n: Int
    refractory_n: Int
    complex_n: Int
    decay: Float
    is_ecg: Int


MODULATION_TIMING = layout(ModulationTiming)
