"""The memory of one ECG stream, and what follows from its rate: lengths and filters.

One record of `ECG_STATE` is all that a stream remembers, so saving it is copying its bytes. Rings
are addressed by sample number modulo their length, a power of two.
"""

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from teleward_signal.banks import design
from teleward_signal.compiled.records import Float, FloatArray, Int, IntArray, SingleArray, layout
from teleward_signal.ecg.bands import detection_band, shape_band, sharp_band
from teleward_signal.ecg.rhythm_state import RhythmState
from teleward_signal.ecg.shockable_net import anti_alias, waves_band
from teleward_signal.ecg.shockable_state import RATE, ShockableState
from teleward_signal.errors import Invalid

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
N_FINE = 35
"""Points of the sharp signal around a candidate, 8 ms apart: -152 to +120 ms."""
N_TEMPLATE = 23
"""Points of the learned sharp signal, -104 to +72 ms; it is tried at 13 places, 8 ms apart."""
N_SCALARS = 23
N_QUALITY = 14
"""Features of a second for the quality network."""
N_FEATURES = N_MORPHOLOGY + N_FINE + 2 * N_CONTEXT + N_SCALARS
N_LATER = 7
"""Points of the envelope after a doubtful candidate, 40 ms apart: +200 to +440 ms."""
N_LATE = N_FEATURES + 2 * N_LATER + 8
"""Features of a doubtful candidate once the signal after it is known."""
N_CLASS = 42
"""Features of a beat to be classed."""
RAW = 64
"""Raw samples kept: 56 ms at 1000 Hz about a pacing spike."""
CLEAN = 1024
"""Samples kept without spikes, unfiltered: a second at 1000 Hz, as a doubtful beat waits 0.46 s."""
FAMILIES = 3
"""Shapes of beats kept: the usual one and two kinds of ectopic beats."""
PATHS = 12
"""Candidates remembered as possible beats: three to four seconds of noise."""
AT_FINE = N_MORPHOLOGY
AT_CONTEXT = AT_FINE + N_FINE
AT_SCALARS = AT_CONTEXT + 2 * N_CONTEXT
"""Where each group of features begins."""


class EcgState(RhythmState, ShockableState):
    """All that one ECG stream remembers."""

    n: Int  # samples seen
    started: Int  # sample of the (re)start after a reset or a gap
    missing: Int  # lost samples in a row, now
    held: Float  # last good sample, mV
    detect_z: Annotated[FloatArray, 2, 2]
    shape_z: Annotated[FloatArray, 2, 2]
    sharp_z: Annotated[FloatArray, 4, 2]
    previous: Float  # band-passed sample before this one
    differences: Annotated[FloatArray, SMOOTHING_MAX]
    envelope_sum: Float
    envelope: Annotated[SingleArray, RING]
    shape: Annotated[SingleArray, RING]  # 1 to 30 Hz, mV
    sharp: Annotated[SingleArray, RING]  # 15 to 45 Hz without mains, mV
    peak: Float  # highest envelope of the hump under way
    peak_at: Int
    queue_at: Annotated[IntArray, QUEUE]
    queue_envelope: Annotated[FloatArray, QUEUE]
    queue_p: Annotated[FloatArray, QUEUE]  # first judgement, -1 before
    queue_n: Int
    learned: Int  # 1 once the levels are known
    beats: Int
    last_at: Int
    broken: Int  # 1: a gap lies since the last beat, so the next has no interval
    intervals: Annotated[FloatArray, HISTORY]  # s
    intervals_n: Int
    trusted: Int  # intervals since the last second of poor quality; -1: the one under way is not
    interval: Float  # median of the intervals, s
    envelopes: Annotated[FloatArray, HISTORY]
    amplitudes: Annotated[FloatArray, HISTORY]
    levels_n: Int
    beat_envelope: Float
    beat_amplitude: Float  # mV
    noise_envelope: Float
    template: Annotated[SingleArray, N_TEMPLATE]
    template_n: Int
    strangers: Int  # beats in a row unlike the template
    sharps: Annotated[FloatArray, HISTORY]
    beat_sharp: Float  # largest sharp deflection, mV
    window: Annotated[SingleArray, N_MORPHOLOGY]  # shape about the beat to be classed, mV
    steep: Annotated[SingleArray, N_FINE]  # its steep part, mV
    family_shape: Annotated[SingleArray, FAMILIES, N_MORPHOLOGY]
    family_steep: Annotated[SingleArray, FAMILIES, N_FINE]
    family_n: Annotated[IntArray, FAMILIES]
    family_score: Annotated[FloatArray, FAMILIES]
    usual_family: Int
    class_features: Annotated[SingleArray, N_CLASS]
    own_interval: Float  # between sure beats, s
    own_spread: Float  # standard deviation of its logarithm
    own_intervals_n: Int
    hurried: Float  # running share of beats with another one too soon after it
    sure_run: Int  # beats in a row accepted at once
    raw: Annotated[FloatArray, RAW]
    spike_level: Float  # what stands out on average, mV
    spike_at: Int  # sample of the newest pacing spike, 0 before
    spike_last_at: Int  # and of the one before it
    idle: Int  # spikes in a row that captured nothing
    evoked: Float  # running share of spikes that a complex follows
    steady: Float  # and of those that come as evenly as a pacemaker gives them
    spike_interval: Float  # s, the newest
    uncertain: Int  # certain beats to come until the rate is shown, see `certainty`
    seen: Annotated[FloatArray, RAW]  # mV, as they came
    clean: Annotated[SingleArray, CLEAN]  # mV, pacing spikes taken out
    path_at: Annotated[IntArray, PATHS]
    path_weight: Annotated[FloatArray, PATHS]
    path_n: Int
    later_at: Annotated[IntArray, QUEUE]
    later_p: Annotated[FloatArray, QUEUE]
    symbol: Int  # class of the newest beat
    sqi: Float
    reasons: Int
    low: Float  # extremes and counts of the second under way
    high: Float
    lost: Int
    same: Int  # equal samples in a row
    stuck: Int  # runs of equal samples at an extreme
    top: Float  # slowly forgetting extremes
    bottom: Float
    mains_z: Annotated[FloatArray, 2, 2]  # Goertzel at 50 and 60 Hz
    moments: Annotated[FloatArray, 2]  # of the samples: sum, sum of squares
    doubt_now: Float  # as doubt and likeness, over three candidates
    likeness_now: Float
    crowd: Float  # running mean of candidates refused for each beat
    refused: Int
    quality: Annotated[SingleArray, N_QUALITY]
    span: Float  # range of the last whole second, mV
    flat: Int  # 1: the last second was flat or off
    usual_envelope: Float  # slow means, for what is usual with this patient
    usual_amplitude: Float
    usual_sharp: Float
    usual_likeness: Float
    doubt: Float  # running mean of 4 p (1 - p) of the candidates
    likeness: Float  # running mean of the likeness of the beats
    found_likeness: Float  # of the candidate described last
    found_shift: Int
    spare_at: Int  # best candidate refused since the last beat
    spare_envelope: Float
    spare_p: Float
    relaxed_at: Int
    features: Annotated[SingleArray, N_LATE]


ECG_STATE = layout(EcgState)


class EcgTiming:
    """Lengths in samples and filters that follow from the rate."""

    fs: Float
    second_n: Int
    smoothing_n: Int
    hold_n: Int
    look_n: Int
    after_n: Int
    late_n: Int
    refractory_n: Int
    delay_n: Int
    shape_delay_n: Int
    refine_n: Int
    bend_n: Int
    sharp_delay_n: Int
    slope_gain: Float
    clip_n: Int
    mains_turn: Annotated[FloatArray, 2]
    slow_per_min: Float
    spike_edge_n: Int
    spike_before_n: Int
    spike_after_n: Int
    spike_delay_n: Int
    spike_width_n: Float
    fast_per_min: Float
    learning_n: Int
    bridge_n: Int
    net_step: Float  # samples at `shockable_state.RATE` for each of the stream
    detect: Annotated[FloatArray, 2, 6]  # filter sections of each band, see `bands`
    shape: Annotated[FloatArray, 2, 6]
    sharp: Annotated[FloatArray, 4, 6]
    alias: Annotated[FloatArray, 2, 6]  # before the change of rate to `shockable_net.RATE`
    waves: Annotated[FloatArray, 3, 6]  # at that rate
    detect_rest: Annotated[FloatArray, 2, 2]  # what the sections hold once 1 mV has stood long
    shape_rest: Annotated[FloatArray, 2, 2]
    sharp_rest: Annotated[FloatArray, 4, 2]


ECG_TIMING = layout(EcgTiming)


def timing(fs: float, slow_per_min: float = 50.0, fast_per_min: float = 120.0) -> NDArray[np.void]:
    """Return one `ECG_TIMING` record, shape (1,), for a rate in Hz from 100 to 1000.

    ``slow_per_min`` and ``fast_per_min`` bound what is neither bradycardia nor tachycardia.
    """
    if not 100 <= fs <= 1000:
        raise Invalid(f"fs {fs} Hz is outside 100 to 1000 Hz; resample the ECG first")
    out = np.zeros(1, ECG_TIMING)
    out["fs"] = fs
    out["second_n"] = round(fs)
    out["slow_per_min"], out["fast_per_min"] = slow_per_min, fast_per_min
    lag_n = _fill_pacing(out, fs)
    _fill_waits(out, fs, lag_n)
    _fill_bands(out, fs, lag_n)
    return out


def _fill_pacing(out: NDArray[np.void], fs: float) -> int:
    """Fill what concerns pacing spikes; return by how many samples all that follows is later."""
    # a pacing spike is looked at with 24 ms on either side; all that follows is later by 32 ms
    edge_n, before_n = max(3, round(0.024 * fs)), max(2, round(0.008 * fs))
    out["spike_edge_n"], out["spike_before_n"] = edge_n, before_n
    out["spike_after_n"] = max(2, round(0.014 * fs))
    out["spike_width_n"] = fs * max(0.010, min(0.0168, 2.6 / fs))
    lag_n = edge_n + before_n - 1
    out["spike_delay_n"] = lag_n
    return lag_n


def _fill_waits(out: NDArray[np.void], fs: float, lag_n: int) -> None:
    """Fill widths and waits of candidates and beats."""
    # a converter at its rail repeats itself; a clean signal rarely does for 20 ms
    out["clip_n"] = max(3, round(0.020 * fs))
    out["mains_turn"] = [2 * np.cos(2 * np.pi * hz / fs) if hz < fs / 2 else 0 for hz in (50, 60)]
    # 100 ms: the width of a QRS complex (Pan & Tompkins 1985 use 150 ms, which blurs fast beats)
    out["smoothing_n"] = round(0.10 * fs)
    # a hump ends when it has halved, or after 150 ms for one that stays high
    out["hold_n"] = round(0.15 * fs)
    # a doubtful candidate waits until it is seen what follows; the latency goal is 500 ms
    out["late_n"] = round(0.46 * fs) + lag_n
    # two ventricular activations lie at least 200 ms apart
    out["refractory_n"] = round(0.20 * fs)
    out["refine_n"] = round(0.06 * fs)
    # curvature over +-42 ms answers to a QRS complex and not to the notches within it
    out["bend_n"] = round(0.042 * fs)
    # a difference between samples of 12 Hz becomes an amplitude, whatever the rate
    out["slope_gain"] = fs / (2 * np.pi * 12.0)
    out["learning_n"] = round(1.5 * fs)
    # a hole shorter than the thinnest QRS is held; a longer one restarts the filters
    out["bridge_n"] = round(0.04 * fs)


def _fill_bands(out: NDArray[np.void], fs: float, lag_n: int) -> None:
    """Fill filters, and by how many samples each is late."""
    delay_s = design.group_delay_s(detection_band(fs), 12.0, fs) + 0.5 * 0.10
    out["delay_n"] = round(delay_s * fs) + lag_n
    out["shape_delay_n"] = round(design.group_delay_s(shape_band(fs), 25.0, fs) * fs) + lag_n
    # 160 ms of shape after the R peak show whether it is a complex or a spike
    out["after_n"] = round(0.16 * fs) + out["shape_delay_n"]
    out["sharp_delay_n"] = round(design.group_delay_s(sharp_band(fs), 26.0, fs) * fs) + lag_n
    # in this record and not as arrays: handing arrays on costs more than a sample's filtering
    bands = {"detect": detection_band(fs), "shape": shape_band(fs), "sharp": sharp_band(fs)}
    for name, sos in bands.items():
        out[name], out[f"{name}_rest"] = sos, design.steady_state(sos)
    out["net_step"] = RATE / fs
    out["alias"], out["waves"] = anti_alias(fs), waves_band()
