"""The memory of one PPG stream, and the lengths that its rate turns seconds into.

One record of `PPG_STATE` is all that a stream remembers, so saving it is copying its bytes.
"""

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from teleward_signal.banks import design
from teleward_signal.compiled.records import (
    Bits,
    Float,
    FloatArray,
    Int,
    IntArray,
    Single,
    SingleArray,
    layout,
)
from teleward_signal.errors import Invalid

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


class PpgState:
    """All that one PPG stream remembers."""

    n: Int  # samples seen
    started: Int  # sample of the (re)start after a reset or a gap
    missing: Int  # lost samples in a row, now
    same: Int  # equal samples in a row, now
    held: Float  # last good sample
    z: Annotated[FloatArray, 2, 2]
    previous: Float  # band-passed sample before this one
    wave: Annotated[SingleArray, RING]  # 0.5 to 8 Hz
    mean: Float  # slow level of the raw signal (DC)
    rising: Int
    trough: Float
    peak: Float
    peak_at: Int
    slope: Float
    slope_at: Int
    flat_top: Int  # longest run of equal samples in the upstroke under way
    queue_at: Annotated[IntArray, QUEUE]
    queue_rise: Annotated[FloatArray, QUEUE]
    queue_n: Int
    learned: Int  # 1 once the level is known
    level: Float  # median rise of a pulse
    rises: Annotated[FloatArray, HISTORY]
    rises_n: Int
    interval: Float  # median interval, s
    intervals: Annotated[FloatArray, HISTORY]
    intervals_n: Int
    beats_at: Annotated[IntArray, BEAT_RING]
    beats_n: Int
    last_at: Int
    sure_at: Int  # last pulse that was not searched back, -1 if none
    broken: Int  # 1: a gap lies since the last pulse, so the next has no interval
    relaxed_at: Int
    spare_rise: Float  # largest upstroke refused since the last pulse
    spare_at: Int
    hurried: Float  # running share of pulses with another one too soon after it
    fast: Int  # 1: pulses come so fast that none of these waves is dicrotic
    huge: Int  # upstrokes in a row that are far too large
    waiting_at: Int  # pulse whose shape is still to come, 0 if none
    template: Annotated[FloatArray, N_SHAPE]
    template_n: Int
    quality: Annotated[FloatArray, HISTORY]
    quality_n: Int
    clipped: Float  # share of recent pulses with a flat top
    sqi: Single
    reasons: Bits


PPG_STATE = layout(PpgState)


class PpgTiming:
    """Lengths in samples that follow from the rate."""

    fs: Float
    second_n: Int
    hold_n: Int
    refractory_s: Float
    fast_refractory_s: Float
    settle_n: Int
    learning_n: Int
    bridge_n: Int
    flat_n: Int
    after_n: Int
    mean_weight: Float
    delay_n: Int


PPG_TIMING = layout(PpgTiming)


def timing(fs: float) -> NDArray[np.void]:
    """Return one `PPG_TIMING` record, shape (1,), for a rate in Hz from 25 to 1000."""
    if not 25 <= fs <= 1000:
        raise Invalid(f"fs {fs} Hz is outside 25 to 1000 Hz; resample the PPG first")
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
