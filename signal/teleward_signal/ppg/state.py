"""The memory of one PPG stream, and the lengths that its rate turns seconds into.

One record of `PPG_STATE` is all that a stream remembers, so saving it is copying its bytes.
"""

import numpy as np
from numpy.typing import NDArray

from teleward_signal.banks import design

RING = 1024
"""Samples kept of the filtered signal: one second at 1000 Hz, the highest rate allowed."""
QUEUE = 32
"""Upstrokes remembered while the level is learned; three seconds of a fast pulse have twelve."""
HISTORY = 8
"""Beats over which level, interval and quality are taken, as in the ECG bank."""
BEAT_RING = 64
"""Pulses remembered for the rate: ten seconds at 300/min have fifty."""
N_SHAPE = 21
"""Points of the shape around a pulse, 20 ms apart: -120 to +280 ms about the steepest rise."""

PPG_STATE = np.dtype(
    [
        ("n", np.int64),  # samples seen
        ("started", np.int64),  # sample of the (re)start after a reset or a gap
        ("missing", np.int64),  # lost samples in a row, now
        ("same", np.int64),  # equal samples in a row, now
        ("held", np.float64),  # last good sample
        ("z", np.float64, (2, 2)),
        ("previous", np.float64),  # band-passed sample before this one
        ("wave", np.float32, (RING,)),  # 0.5 to 8 Hz
        ("mean", np.float64),  # slow level of the raw signal (DC)
        ("rising", np.int64),
        ("trough", np.float64),
        ("peak", np.float64),
        ("peak_at", np.int64),
        ("slope", np.float64),
        ("slope_at", np.int64),
        ("flat_top", np.int64),  # longest run of equal samples in the upstroke under way
        ("queue_at", np.int64, (QUEUE,)),
        ("queue_rise", np.float64, (QUEUE,)),
        ("queue_n", np.int64),
        ("learned", np.int64),  # 1 once the level is known
        ("level", np.float64),  # median rise of a pulse
        ("rises", np.float64, (HISTORY,)),
        ("rises_n", np.int64),
        ("interval", np.float64),  # median interval, s
        ("intervals", np.float64, (HISTORY,)),
        ("intervals_n", np.int64),
        ("beats_at", np.int64, (BEAT_RING,)),
        ("beats_n", np.int64),
        ("last_at", np.int64),
        ("sure_at", np.int64),  # last pulse that was not searched back, -1 if none
        ("broken", np.int64),  # 1: a gap lies since the last pulse, so the next has no interval
        ("relaxed_at", np.int64),
        ("spare_rise", np.float64),  # largest upstroke refused since the last pulse
        ("spare_at", np.int64),
        ("hurried", np.float64),  # running share of pulses with another one too soon after it
        ("fast", np.int64),  # 1: pulses come so fast that none of these waves is dicrotic
        ("huge", np.int64),  # upstrokes in a row that are far too large
        ("waiting_at", np.int64),  # pulse whose shape is still to come, 0 if none
        ("template", np.float64, (N_SHAPE,)),
        ("template_n", np.int64),
        ("quality", np.float64, (HISTORY,)),
        ("quality_n", np.int64),
        ("clipped", np.float64),  # share of recent pulses with a flat top
        ("sqi", np.float32),
        ("reasons", np.uint32),
    ],
    align=True,
)

PPG_TIMING = np.dtype(
    [
        ("fs", np.float64),
        ("second_n", np.int64),
        ("hold_n", np.int64),
        ("refractory_s", np.float64),
        ("fast_refractory_s", np.float64),
        ("settle_n", np.int64),
        ("learning_n", np.int64),
        ("bridge_n", np.int64),
        ("flat_n", np.int64),
        ("after_n", np.int64),
        ("mean_weight", np.float64),
        ("delay_n", np.int64),
    ],
    align=True,
)


def timing(fs: float) -> NDArray[np.void]:
    """Return one `PPG_TIMING` record, shape (1,), for a rate in Hz from 25 to 1000."""
    if not 25 <= fs <= 1000:
        raise ValueError(f"fs {fs} Hz is outside 25 to 1000 Hz; resample the PPG first")
    out = np.zeros(1, PPG_TIMING)
    out["fs"] = fs
    out["second_n"] = round(fs)
    # an upstroke is over 80 ms after its highest sample: shorter rests lie within one
    out["hold_n"] = round(0.08 * fs)
    # 0.33 s = 180/min: the dicrotic wave comes sooner. Where waves as tall as pulses come sooner,
    # they are pulses: 350/min = 0.17 s
    out["refractory_s"], out["fast_refractory_s"] = 0.33, 0.12
    # the band-pass has forgotten its start after half a second
    out["settle_n"] = round(0.5 * fs)
    out["learning_n"] = round(3.0 * fs)
    # a hole shorter than an upstroke is held; a longer one restarts the filters
    out["bridge_n"] = round(0.1 * fs)
    # one second of equal samples: no pulse is that flat
    out["flat_n"] = round(1.0 * fs)
    out["after_n"] = round(0.28 * fs) + 1
    # the band-pass shows the steepest rise of an upstroke of 90 to 200 ms 30 to 16 ms late
    out["delay_n"] = round(0.025 * fs)
    out["mean_weight"] = 1.0 / (4.0 * fs)  # slow against breathing
    return out


def pulse_band(fs: float) -> design.Sos:
    """Return 0.5 to 8 Hz: the pulse with its first harmonics, without breathing and mains."""
    return design.butterworth_bandpass(2, 0.5, min(8.0, 0.4 * fs), fs)
