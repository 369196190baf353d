# mypy: disable-error-code=no-any-return
"""Pacing spikes, where the sampling rate shows them, and the wide beats that they make.

A pacing pulse lasts 0.1 to 2 ms (AAMI EC13: 2 to 700 mV at the skin). From 500 Hz on what is left
of it is one or two samples that stand out from those 2 ms before and after, to the same side; no
part of a heartbeat does so by 0.2 mV. At lower rates the recorder's filter has removed it.
"""

from teleward_signal.compiled.cache import Record, inner
from teleward_signal.ecg.state import RAW

SPIKE_MV = 0.2
SPIKE_RATIO = 8.0
"""A spike is this many times what stands out on average: muscle and mains do so all the time."""
CAPTURE_S = 0.15
"""A captured ventricle has its R peak within 150 ms; from the atrium conduction takes longer."""
WIDE_MS = 42.0
"""Spread of the steps of a wide complex: paced ones have 45 to 60, narrow ones 30 to 42."""


@inner
def follow_spikes(s: Record, t: Record, x: float) -> None:
    """Take one raw sample in mV, at a rate that shows spikes."""
    n, lag = s.n, t.spike_n
    s.raw[n & (RAW - 1)] = x
    middle = s.raw[(n - lag) & (RAW - 1)]
    rise, fall = middle - s.raw[(n - 2 * lag) & (RAW - 1)], middle - x
    out = min(abs(rise), abs(fall)) if rise * fall > 0.0 else 0.0
    if out > SPIKE_MV and out > SPIKE_RATIO * s.spike_level and n - s.started > t.second_n:
        s.spike_at = n - lag
    else:
        s.spike_level += (out - s.spike_level) / t.second_n


@inner
def is_paced(s: Record, t: Record, at: int, width_ms: float) -> bool:
    """Return whether a spike made the beat at ``at``."""
    since = (at - s.spike_at) / t.fs
    return s.spike_at > 0 and -0.02 < since < CAPTURE_S and width_ms > WIDE_MS
