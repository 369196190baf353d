"""The memory of one ECG stream, and the lengths that its rate turns seconds into.

One record of `ECG_STATE` is all that a stream remembers, so saving it is copying its bytes. Rings
are addressed by sample number modulo their length, a power of two.
"""

import numpy as np
from numpy.typing import NDArray

from teleward_signal import design

RING = 4096
"""Samples kept of each filtered signal: four seconds at 1000 Hz, the highest rate allowed."""
QUEUE = 16
"""Candidates waiting for the signal after them; a second and a half of start-up needs ten."""
SMOOTHING_MAX = 128
"""Longest moving window in samples: 100 ms at 1000 Hz, rounded up to a power of two."""
HISTORY = 8
"""Beats over which levels and the interval are taken: Hamilton & Tompkins 1986 use eight."""
N_MORPHOLOGY = 41
"""Points of the shape around a candidate, 10 ms apart: -240 to +160 ms about the R peak."""
N_CONTEXT = 35
"""Points of the envelope up to a candidate, 40 ms apart: -1200 to +160 ms."""
N_SCALARS = 11
N_FEATURES = N_MORPHOLOGY + N_CONTEXT + N_SCALARS

ECG_STATE = np.dtype(
    [
        ("n", np.int64),  # samples seen
        ("started", np.int64),  # sample of the (re)start after a reset or a gap
        ("missing", np.int64),  # lost samples in a row, now
        ("held", np.float64),  # last good sample, mV
        ("detect_z", np.float64, (2, 2)),
        ("shape_z", np.float64, (2, 2)),
        ("previous", np.float64),  # band-passed sample before this one
        ("differences", np.float64, (SMOOTHING_MAX,)),
        ("envelope_sum", np.float64),
        ("envelope", np.float32, (RING,)),
        ("shape", np.float32, (RING,)),  # 1 to 30 Hz, mV
        ("peak", np.float64),  # highest envelope of the hump under way
        ("peak_at", np.int64),
        ("queue_at", np.int64, (QUEUE,)),
        ("queue_envelope", np.float64, (QUEUE,)),
        ("queue_n", np.int64),
        ("learned", np.int64),  # 1 once the levels are known
        ("beats", np.int64),
        ("last_at", np.int64),
        ("broken", np.int64),  # 1: a gap lies since the last beat, so the next has no interval
        ("intervals", np.float64, (HISTORY,)),  # s
        ("intervals_n", np.int64),
        ("interval", np.float64),  # median of the intervals, s
        ("envelopes", np.float64, (HISTORY,)),
        ("amplitudes", np.float64, (HISTORY,)),
        ("levels_n", np.int64),
        ("beat_envelope", np.float64),
        ("beat_amplitude", np.float64),  # mV
        ("noise_envelope", np.float64),
        ("template", np.float32, (N_MORPHOLOGY,)),
        ("template_n", np.int64),
        ("spare_at", np.int64),  # best candidate refused since the last beat
        ("spare_envelope", np.float64),
        ("spare_p", np.float64),
        ("relaxed_at", np.int64),
        ("features", np.float32, (N_FEATURES,)),
    ],
    align=True,
)

ECG_TIMING = np.dtype(
    [
        ("fs", np.float64),
        ("second_n", np.int64),
        ("smoothing_n", np.int64),
        ("hold_n", np.int64),
        ("look_n", np.int64),
        ("after_n", np.int64),
        ("refractory_n", np.int64),
        ("delay_n", np.int64),
        ("refine_n", np.int64),
        ("learning_n", np.int64),
        ("bridge_n", np.int64),
    ],
    align=True,
)


def timing(fs: float) -> NDArray[np.void]:
    """Return one `ECG_TIMING` record, shape (1,), for a rate in Hz from 100 to 1000."""
    if not 100 <= fs <= 1000:
        raise ValueError(f"fs {fs} Hz is outside 100 to 1000 Hz; resample the ECG first")
    out = np.zeros(1, ECG_TIMING)
    out["fs"] = fs
    out["second_n"] = round(fs)
    # 100 ms: the width of a QRS complex (Pan & Tompkins 1985 use 150 ms, which blurs fast beats)
    out["smoothing_n"] = round(0.10 * fs)
    # a hump ends when it has halved, or after 150 ms for one that stays high
    out["hold_n"] = round(0.15 * fs)
    # 120 ms of signal after the R peak show whether it is a complex or a spike
    out["after_n"] = round(0.16 * fs)
    # two ventricular activations lie at least 200 ms apart
    out["refractory_n"] = round(0.20 * fs)
    delay_s = design.group_delay_s(detection_band(fs), 12.0, fs) + 0.5 * 0.10
    out["delay_n"] = round(delay_s * fs)
    out["refine_n"] = round(0.07 * fs)
    out["learning_n"] = round(1.5 * fs)
    # a hole shorter than the thinnest QRS is held; a longer one restarts the filters
    out["bridge_n"] = round(0.04 * fs)
    return out


def detection_band(fs: float) -> design.Sos:
    """Return the band in which QRS complexes stand out most, 8 to 20 Hz."""
    return design.butterworth_bandpass(2, 8.0, 20.0, fs)


def shape_band(fs: float) -> design.Sos:
    """Return 1 to 30 Hz: no baseline wander, no mains, the shape of the beat kept."""
    return np.vstack(
        [design.butterworth_highpass(2, 1.0, fs), design.butterworth_lowpass(2, 30.0, fs)]
    )
