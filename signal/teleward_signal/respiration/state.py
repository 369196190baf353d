"""The memory of one respiration stream, and the lengths that its rate turns seconds into."""

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from teleward_signal.banks import design
from teleward_signal.compiled.records import Bits, Float, FloatArray, Int, IntArray, Single, layout
from teleward_signal.errors import Invalid

HISTORY = 8
"""Breaths over which the usual depth is taken."""
BREATH_RING = 64
"""Breaths remembered for the rate: 32 s at 120/min."""
N_COARSE = 160
"""Samples kept for the self-comparison: 32 s at 5 Hz."""
COARSE_HZ = 5.0
"""The band ends at 1 Hz: 5 Hz hold all of it."""


class RespirationState:
    """All that one respiration stream remembers."""

    n: Int  # samples seen
    started: Int  # sample of the (re)start after a reset or a gap
    missing: Int  # lost samples in a row, now
    same: Int  # equal samples in a row, now
    held: Float  # last good sample
    z: Annotated[FloatArray, 2, 2]
    coarse: Annotated[FloatArray, N_COARSE]  # 0.1 to 1 Hz, decimated
    coarse_n: Int
    top: Float  # largest excursion while the depth is learned
    learned: Int
    rising: Int
    extreme: Float  # highest or lowest value since the last turn
    extreme_at: Int
    turn: Float  # value of the last turn
    turn_at: Int
    depths: Annotated[FloatArray, HISTORY]
    depths_n: Int
    depth: Float  # median depth of a breath
    usual_depth: Float  # slow mean of the depth, floor of what counts as a breath
    breaths_at: Annotated[IntArray, BREATH_RING]  # negative minus one: a gap lies before it
    breaths_n: Int
    last_at: Int
    broken: Int
    apnoea_from: Int  # sample since which there is no breath
    apnoea: Int  # 1 while an apnoea lasts
    sqi: Single
    reasons: Bits


RESPIRATION_STATE = layout(RespirationState)


class RespirationTiming:
    """Lengths in samples that follow from the rate."""

    fs: Float
    second_n: Int
    settle_n: Int
    bridge_n: Int
    flat_n: Int
    coarse_n: Int
    coarse_fs: Float
    window_n: Int
    apnoea_n: Int


RESPIRATION_TIMING = layout(RespirationTiming)


def timing(fs: float, apnoea_s: float) -> NDArray[np.void]:
    """Return one `RESPIRATION_TIMING` record, shape (1,), for a rate in Hz from 10 to 1000."""
    if not 10 <= fs <= 1000:
        raise Invalid(f"fs {fs} Hz is outside 10 to 1000 Hz; resample the respiration first")
    if not 10 <= apnoea_s <= 60:
        raise Invalid(f"apnoea_s {apnoea_s} is outside 10 to 60 s")
    out = np.zeros(1, RESPIRATION_TIMING)
    out["fs"] = fs
    out["second_n"] = round(fs)
    # three seconds hold one breath at 20/min: the first depth is learned from them
    out["settle_n"] = round(3.0 * fs)
    # half a second is a quarter of a fast breath: shorter holes are held
    out["bridge_n"] = round(0.5 * fs)
    # impedance always carries noise and the heart: three equal seconds mean no electrode
    out["flat_n"] = round(3.0 * fs)
    out["coarse_n"] = max(1, round(fs / COARSE_HZ))
    out["coarse_fs"] = fs / out["coarse_n"]
    # 32 s, the window of the BIDMC reference (Pimentel 2017)
    out["window_n"] = round(32.0 * fs)
    out["apnoea_n"] = round(apnoea_s * fs)
    return out


def breath_band(fs: float) -> design.Sos:
    """Return 0.1 to 1 Hz: 6 to 60 breaths a minute, without drift and most of the heart."""
    return design.butterworth_bandpass(2, 0.1, 1.0, fs)
