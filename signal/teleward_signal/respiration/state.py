"""The memory of one respiration stream, and the lengths that its rate turns seconds into."""

import numpy as np
from numpy.typing import NDArray

from teleward_signal.banks import design

HISTORY = 8
"""Breaths over which the usual depth is taken."""
BREATH_RING = 64
"""Breaths remembered for the rate: 32 s at 120/min."""
N_COARSE = 160
"""Samples kept for the self-comparison: 32 s at 5 Hz."""
COARSE_HZ = 5.0
"""The band ends at 1 Hz: 5 Hz hold all of it."""

RESPIRATION_STATE = np.dtype(
    [
        ("n", np.int64),  # samples seen
        ("started", np.int64),  # sample of the (re)start after a reset or a gap
        ("missing", np.int64),  # lost samples in a row, now
        ("same", np.int64),  # equal samples in a row, now
        ("held", np.float64),  # last good sample
        ("z", np.float64, (2, 2)),
        ("coarse", np.float64, (N_COARSE,)),  # 0.1 to 1 Hz, decimated
        ("coarse_n", np.int64),
        ("top", np.float64),  # largest excursion while the depth is learned
        ("learned", np.int64),
        ("rising", np.int64),
        ("extreme", np.float64),  # highest or lowest value since the last turn
        ("extreme_at", np.int64),
        ("turn", np.float64),  # value of the last turn
        ("turn_at", np.int64),
        ("depths", np.float64, (HISTORY,)),
        ("depths_n", np.int64),
        ("depth", np.float64),  # median depth of a breath
        ("usual_depth", np.float64),  # slow mean of the depth, floor of what counts as a breath
        ("breaths_at", np.int64, (BREATH_RING,)),  # negative minus one: a gap lies before it
        ("breaths_n", np.int64),
        ("last_at", np.int64),
        ("broken", np.int64),
        ("apnoea_from", np.int64),  # sample since which there is no breath
        ("apnoea", np.int64),  # 1 while an apnoea lasts
        ("sqi", np.float32),
        ("reasons", np.uint32),
    ],
    align=True,
)

RESPIRATION_TIMING = np.dtype(
    [
        ("fs", np.float64),
        ("second_n", np.int64),
        ("settle_n", np.int64),
        ("bridge_n", np.int64),
        ("flat_n", np.int64),
        ("coarse_n", np.int64),
        ("coarse_fs", np.float64),
        ("window_n", np.int64),
        ("apnoea_n", np.int64),
    ],
    align=True,
)


def timing(fs: float, apnoea_s: float) -> NDArray[np.void]:
    """Return one `RESPIRATION_TIMING` record, shape (1,), for a rate in Hz from 10 to 1000."""
    if not 10 <= fs <= 1000:
        raise ValueError(f"fs {fs} Hz is outside 10 to 1000 Hz; resample the respiration first")
    if not 10 <= apnoea_s <= 60:
        raise ValueError(f"apnoea_s {apnoea_s} is outside 10 to 60 s")
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
