"""The memory of one ECG stream, and what follows from its rate: lengths and filters.

One record of `ECG_STATE` is all that a stream remembers, so saving it is copying its bytes. Rings
are addressed by sample number modulo their length, a power of two.
"""

import numpy as np
from numpy.typing import NDArray

from teleward_signal.banks import design
from teleward_signal.ecg.bands import detection_band, shape_band, sharp_band
from teleward_signal.ecg.rhythm_state import RHYTHM_FIELDS
from teleward_signal.ecg.shockable_net import anti_alias, waves_band
from teleward_signal.ecg.shockable_state import RATE, SHOCKABLE_FIELDS

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
CLEAN = 512
"""Samples kept without spikes, unfiltered: half a second at 1000 Hz."""
FAMILIES = 3
"""Shapes of beats kept: the usual one and two kinds of ectopic beats."""
PATHS = 12
"""Candidates remembered as possible beats: three to four seconds of noise."""
AT_FINE = N_MORPHOLOGY
AT_CONTEXT = AT_FINE + N_FINE
AT_SCALARS = AT_CONTEXT + 2 * N_CONTEXT
"""Where each group of features begins."""

ECG_STATE = np.dtype(
    [
        ("n", np.int64),  # samples seen
        ("started", np.int64),  # sample of the (re)start after a reset or a gap
        ("missing", np.int64),  # lost samples in a row, now
        ("held", np.float64),  # last good sample, mV
        ("detect_z", np.float64, (2, 2)),
        ("shape_z", np.float64, (2, 2)),
        ("sharp_z", np.float64, (4, 2)),
        ("previous", np.float64),  # band-passed sample before this one
        ("differences", np.float64, (SMOOTHING_MAX,)),
        ("envelope_sum", np.float64),
        ("envelope", np.float32, (RING,)),
        ("shape", np.float32, (RING,)),  # 1 to 30 Hz, mV
        ("sharp", np.float32, (RING,)),  # 15 to 45 Hz without mains, mV
        ("peak", np.float64),  # highest envelope of the hump under way
        ("peak_at", np.int64),
        ("queue_at", np.int64, (QUEUE,)),
        ("queue_envelope", np.float64, (QUEUE,)),
        ("queue_p", np.float64, (QUEUE,)),  # first judgement, -1 before
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
        ("template", np.float32, (N_TEMPLATE,)),
        ("template_n", np.int64),
        ("strangers", np.int64),  # beats in a row unlike the template
        ("sharps", np.float64, (HISTORY,)),
        ("beat_sharp", np.float64),  # largest sharp deflection, mV
        ("window", np.float32, (N_MORPHOLOGY,)),  # shape about the beat to be classed, mV
        ("steep", np.float32, (N_FINE,)),  # its steep part, mV
        ("family_shape", np.float32, (FAMILIES, N_MORPHOLOGY)),
        ("family_steep", np.float32, (FAMILIES, N_FINE)),
        ("family_n", np.int64, (FAMILIES,)),
        ("family_score", np.float64, (FAMILIES,)),
        ("usual_family", np.int64),
        ("class_features", np.float32, (N_CLASS,)),
        ("own_interval", np.float64),  # between sure beats, s
        ("own_spread", np.float64),  # standard deviation of its logarithm
        ("own_intervals_n", np.int64),
        ("hurried", np.float64),  # running share of beats with another one too soon after it
        ("sure_run", np.int64),  # beats in a row accepted at once
        ("raw", np.float64, (RAW,)),
        ("spike_level", np.float64),  # what stands out on average, mV
        ("spike_at", np.int64),  # sample of the newest pacing spike, 0 before
        ("spike_last_at", np.int64),  # and of the one before it
        ("idle", np.int64),  # spikes in a row that captured nothing
        ("seen", np.float64, (RAW,)),  # mV, as they came
        ("clean", np.float32, (CLEAN,)),  # mV, pacing spikes taken out
        ("path_at", np.int64, (PATHS,)),
        ("path_weight", np.float64, (PATHS,)),
        ("path_n", np.int64),
        ("later_at", np.int64, (QUEUE,)),
        ("later_p", np.float64, (QUEUE,)),
        ("symbol", np.int64),  # class of the newest beat
        ("sqi", np.float64),
        ("reasons", np.int64),
        ("low", np.float64),  # extremes and counts of the second under way
        ("high", np.float64),
        ("lost", np.int64),
        ("same", np.int64),  # equal samples in a row
        ("stuck", np.int64),  # runs of equal samples at an extreme
        ("top", np.float64),  # slowly forgetting extremes
        ("bottom", np.float64),
        ("mains_z", np.float64, (2, 2)),  # Goertzel at 50 and 60 Hz
        ("moments", np.float64, (2,)),  # of the samples: sum, sum of squares
        ("doubt_now", np.float64),  # as doubt and likeness, over three candidates
        ("likeness_now", np.float64),
        ("crowd", np.float64),  # running mean of candidates refused for each beat
        ("refused", np.int64),
        ("quality", np.float32, (N_QUALITY,)),
        ("span", np.float64),  # range of the last whole second, mV
        ("flat", np.int64),  # 1: the last second was flat or off
        *RHYTHM_FIELDS,
        *SHOCKABLE_FIELDS,
        ("usual_envelope", np.float64),  # slow means, for what is usual with this patient
        ("usual_amplitude", np.float64),
        ("usual_sharp", np.float64),
        ("usual_likeness", np.float64),
        ("doubt", np.float64),  # running mean of 4 p (1 - p) of the candidates
        ("likeness", np.float64),  # running mean of the likeness of the beats
        ("found_likeness", np.float64),  # of the candidate described last
        ("found_shift", np.int64),
        ("spare_at", np.int64),  # best candidate refused since the last beat
        ("spare_envelope", np.float64),
        ("spare_p", np.float64),
        ("relaxed_at", np.int64),
        ("features", np.float32, (N_LATE,)),
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
        ("late_n", np.int64),
        ("refractory_n", np.int64),
        ("delay_n", np.int64),
        ("shape_delay_n", np.int64),
        ("refine_n", np.int64),
        ("bend_n", np.int64),
        ("sharp_delay_n", np.int64),
        ("slope_gain", np.float64),
        ("clip_n", np.int64),
        ("mains_turn", np.float64, (2,)),
        ("slow_per_min", np.float64),
        ("spike_edge_n", np.int64),
        ("spike_before_n", np.int64),
        ("spike_after_n", np.int64),
        ("spike_delay_n", np.int64),
        ("spike_width_n", np.float64),
        ("fast_per_min", np.float64),
        ("learning_n", np.int64),
        ("bridge_n", np.int64),
        ("net_step", np.float64),  # samples at `shockable_state.RATE` for each of the stream
        ("detect", np.float64, (2, 6)),  # filter sections of each band, see `bands`
        ("shape", np.float64, (2, 6)),
        ("sharp", np.float64, (4, 6)),
        ("alias", np.float64, (2, 6)),  # before the change of rate to `shockable_net.RATE`
        ("waves", np.float64, (3, 6)),  # at that rate
        ("detect_rest", np.float64, (2, 2)),  # what the sections hold once 1 mV has stood long
        ("shape_rest", np.float64, (2, 2)),
        ("sharp_rest", np.float64, (4, 2)),
    ],
    align=True,
)


def timing(fs: float, slow_per_min: float = 50.0, fast_per_min: float = 120.0) -> NDArray[np.void]:
    """Return one `ECG_TIMING` record, shape (1,), for a rate in Hz from 100 to 1000.

    ``slow_per_min`` and ``fast_per_min`` bound what is neither bradycardia nor tachycardia.
    """
    if not 100 <= fs <= 1000:
        raise ValueError(f"fs {fs} Hz is outside 100 to 1000 Hz; resample the ECG first")
    out = np.zeros(1, ECG_TIMING)
    out["fs"] = fs
    out["second_n"] = round(fs)
    out["slow_per_min"], out["fast_per_min"] = slow_per_min, fast_per_min
    # a converter at its rail repeats itself; a clean signal rarely does for 20 ms
    out["clip_n"] = max(3, round(0.020 * fs))
    out["mains_turn"] = [2 * np.cos(2 * np.pi * hz / fs) if hz < fs / 2 else 0 for hz in (50, 60)]
    # 100 ms: the width of a QRS complex (Pan & Tompkins 1985 use 150 ms, which blurs fast beats)
    out["smoothing_n"] = round(0.10 * fs)
    # a hump ends when it has halved, or after 150 ms for one that stays high
    out["hold_n"] = round(0.15 * fs)
    # a pacing spike is looked at with 24 ms on either side; all that follows is later by 32 ms
    edge_n, before_n = max(3, round(0.024 * fs)), max(2, round(0.008 * fs))
    out["spike_edge_n"], out["spike_before_n"] = edge_n, before_n
    out["spike_after_n"] = max(2, round(0.014 * fs))
    out["spike_width_n"] = fs * max(0.010, min(0.0168, 2.1 / fs))
    lag_n = edge_n + before_n - 1
    out["spike_delay_n"] = lag_n
    # a doubtful candidate waits until it is seen what follows; the latency goal is 500 ms
    out["late_n"] = round(0.46 * fs) + lag_n
    # two ventricular activations lie at least 200 ms apart
    out["refractory_n"] = round(0.20 * fs)
    delay_s = design.group_delay_s(detection_band(fs), 12.0, fs) + 0.5 * 0.10
    out["delay_n"] = round(delay_s * fs) + lag_n
    out["shape_delay_n"] = round(design.group_delay_s(shape_band(fs), 25.0, fs) * fs) + lag_n
    # 160 ms of shape after the R peak show whether it is a complex or a spike
    out["after_n"] = round(0.16 * fs) + out["shape_delay_n"]
    out["refine_n"] = round(0.06 * fs)
    # curvature over +-42 ms answers to a QRS complex and not to the notches within it
    out["bend_n"] = round(0.042 * fs)
    out["sharp_delay_n"] = round(design.group_delay_s(sharp_band(fs), 26.0, fs) * fs) + lag_n
    # a difference between samples of 12 Hz becomes an amplitude, whatever the rate
    out["slope_gain"] = fs / (2 * np.pi * 12.0)
    out["learning_n"] = round(1.5 * fs)
    # a hole shorter than the thinnest QRS is held; a longer one restarts the filters
    out["bridge_n"] = round(0.04 * fs)
    # in this record and not as arrays: handing arrays on costs more than a sample's filtering
    bands = {"detect": detection_band(fs), "shape": shape_band(fs), "sharp": sharp_band(fs)}
    for name, sos in bands.items():
        out[name], out[f"{name}_rest"] = sos, design.steady_state(sos)
    out["net_step"] = RATE / fs
    out["alias"], out["waves"] = anti_alias(fs), waves_band()
    return out
