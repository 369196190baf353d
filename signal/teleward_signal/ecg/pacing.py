"""Pacing spikes: those that capture nothing are no beats, those that do make wide ones.

A pacing pulse lasts 0.1 to 2 ms (AAMI EC13: 2 to 700 mV at the skin). Behind a front end of 40 to
150 Hz it is an extreme whose area, over its height, is at most two samples or 10 ms wide. The R
wave of an adult has 25 ms, that of a newborn 19 ms. A candidate at a spike about which the signal
rests is dropped. While spikes go on without capture they are drawn over by a straight line before
any filter, so that an escape rhythm is seen, and levels and shapes are its own.
"""

import numpy as np

from teleward_signal.compiled.cache import inner
from teleward_signal.ecg.state import CLEAN, RAW, EcgState, EcgTiming

SPIKE_MV = 0.15
SPIKE_RATIO = 8.0
"""A spike is this many times what stands out on average: muscle and mains do so all the time."""
CAPTURE_S = 0.15
"""A captured ventricle has its R peak within 150 ms; from the atrium conduction takes longer."""
WIDE_MS = 42.0
"""Spread of the steps of a wide complex: paced ones have 45 to 60, narrow ones 30 to 42."""
BARE_FROM_S, BARE_TO_S = 0.016, 0.12
"""Where a captured ventricle shows. After a pulse the electrode discharges over 4 to 100 ms (AAMI
EC13): a decay from its first moment on, where a beat rises first."""
DECAY_REST, BARE_MV = 0.25, 0.06
"""What may move before the pulse and to the other side of a decay: share of its height, and mV."""
IDLE = 2
"""Bare spikes in a row from which on spikes are taken out before the filters."""
EVOKED_MV, EVOKED_SHARE = 0.25, 0.8
"""What a captured ventricle adds beyond any decay of the electrode, and how many of the last eight
spikes or so must show it before beats beside spikes count."""
EVEN = 0.04
"""A pacemaker's intervals are equal but for the sampling."""
LOOK_S, LOOKS = 0.02, 5
"""Means over 20 ms leave nothing of mains at 50 Hz, and a sixth of 60 Hz."""
BEFORE_S = 0.05
MASK = RAW - 1


@inner
def begin_spikes(s: EcgState, x: float) -> None:
    """Start as if ``x`` had been constant."""
    s.raw[:] = x
    s.seen[:] = x
    s.clean[:] = x


@inner
def without_spikes(s: EcgState, t: EcgTiming, x: float) -> float:
    """Take one sample in mV; return the one ``t.spike_delay_n`` before it.

    While the pacemaker captures nothing, its spikes are taken out.
    """
    s.raw[s.n & MASK] = s.seen[s.n & MASK] = x
    at = s.n - t.spike_edge_n
    middle = s.raw[at & MASK]
    rise, fall = middle - s.raw[(at - t.spike_edge_n) & MASK], middle - x
    out = min(abs(rise), abs(fall)) if rise * fall > 0.0 else 0.0
    if out > SPIKE_MV and out > SPIKE_RATIO * s.spike_level and is_spike(s, t, at):
        s.spike_last_at, s.spike_at = s.spike_at, at
        draw_over(s, t, at)
    else:
        near = 0.5 * (s.raw[(at - 1) & MASK] + s.raw[(at + 1) & MASK])
        s.spike_level += (abs(middle - near) - s.spike_level) / t.second_n
    then = s.n - t.spike_delay_n
    s.clean[then & (CLEAN - 1)] = s.raw[then & MASK]
    if s.spike_at > 0 and then - s.spike_at == int(BARE_TO_S * t.fs) + 1:
        count_bare(s, t)
    if s.idle >= IDLE:
        return float(s.raw[then & MASK])
    return float(s.seen[then & MASK])


@inner
def count_bare(s: EcgState, t: EcgTiming) -> None:
    """Count spikes in a row that nothing follows; the first levels may be those of spikes."""
    learn_spike(s, t)
    if not is_bare(s, t, s.spike_at):
        s.idle = 0
        return
    s.idle += 1
    if s.idle == IDLE and s.beats == 0:
        s.learned = s.queue_n = 0
        s.started = s.n


@inner
def learn_spike(s: EcgState, t: EcgTiming) -> None:
    """Take the newest spike into the shares of those that capture and of those that come evenly."""
    interval = (s.spike_at - s.spike_last_at) / t.fs
    alike = abs(interval - s.spike_interval) < EVEN * interval
    s.evoked += 0.15 * ((1.0 if evoked_mv(s, t, s.spike_at) > EVOKED_MV else 0.0) - s.evoked)
    s.steady += 0.2 * ((1.0 if alike else 0.0) - s.steady)
    s.spike_interval = interval


@inner
def is_spike(s: EcgState, t: EcgTiming, at: int) -> bool:
    """Return whether the sample ``at`` is the top of an extreme too narrow for a heart."""
    edge = t.spike_edge_n
    first, last = s.raw[(at - edge) & MASK], s.raw[(at + edge) & MASK]
    top = abs(s.raw[at & MASK] - 0.5 * (first + last))
    area = 0.0
    for k in range(-edge + 1, edge):
        line = 0.5 * (first + last) + 0.5 * (last - first) * k / edge
        size = abs(s.raw[(at + k) & MASK] - line)
        if size > top:
            return False
        area += size
    return bool(area < t.spike_width_n * top)


@inner
def draw_over(s: EcgState, t: EcgTiming, at: int) -> None:
    """Draw a straight line over the spike at ``at``."""
    before, after = at - t.spike_before_n, at + t.spike_after_n
    first, last = s.raw[before & MASK], s.raw[after & MASK]
    for k in range(before + 1, after):
        s.raw[k & MASK] = first + (last - first) * (k - before) / (after - before)


@inner
def is_only_spike(s: EcgState, t: EcgTiming, at: int) -> bool:
    """Return whether the candidate at ``at`` is a pacing spike that captured nothing."""
    return belongs(s, t, at, s.spike_at) or belongs(s, t, at, s.spike_last_at)


@inner
def belongs(s: EcgState, t: EcgTiming, at: int, spike_at: int) -> bool:
    """Return whether ``at`` lies by a spike after which nothing but a decay follows."""
    since = (at - spike_at) / t.fs
    near = spike_at > 0 and since > -0.05 and since < 0.08
    return near and s.n - t.spike_delay_n - spike_at > 0.08 * t.fs and is_bare(s, t, spike_at)


@inner
def is_bare(s: EcgState, t: EcgTiming, spike_at: int) -> bool:
    """Return whether the signal about a spike rests, or decays from the spike on."""
    known = s.n - t.spike_delay_n - spike_at
    first, last = int(BARE_FROM_S * t.fs) + 1, min(known, int(BARE_TO_S * t.fs))
    base = 0.0
    for k in range(2, 6):
        base += 0.25 * s.clean[(spike_at - k * t.spike_before_n) & (CLEAN - 1)]
    top = s.clean[(spike_at + first) & (CLEAN - 1)] - base
    rest = DECAY_REST * abs(top) + BARE_MV
    for k in range(2, 6):
        if abs(s.clean[(spike_at - k * t.spike_before_n) & (CLEAN - 1)] - base) > rest:
            return False
    for k in range(first, last):
        share = (s.clean[(spike_at + k) & (CLEAN - 1)] - base) * np.sign(top)
        if share < -rest or share > abs(top) + rest:
            return False
    return bool(abs(s.clean[(spike_at + last) & (CLEAN - 1)] - base) < 0.6 * abs(top) + BARE_MV)


@inner
def evoked_mv(s: EcgState, t: EcgTiming, spike_at: int) -> float:
    """Return by how much (mV) the signal after a spike does what no decay does: rise, or turn.

    The discharge of the electrode falls from its first moment on towards where the signal stood.
    """
    edge = t.spike_before_n
    base = mean_clean(s, spike_at - int(BEFORE_S * t.fs), spike_at - edge)
    first = spike_at + int(BARE_FROM_S * t.fs) + 1
    long = int(LOOK_S * t.fs)
    top = mean_clean(s, first, first + max(1, long // 2)) - base
    most = 0.0
    for k in range(1, LOOKS):
        last = min(first + (k + 1) * long, spike_at + int(BARE_TO_S * t.fs) + 1)
        value = mean_clean(s, first + k * long, last) - base
        if top < 0.0:
            value = -value
        most = max(most, value - abs(top), -value)
    return most


@inner
def stirred_mv(s: EcgState, t: EcgTiming, spike_at: int) -> float:
    """Return by how much (mV) the signal moved in the 150 ms before a spike."""
    long = max(1, int(0.01 * t.fs))
    last = spike_at - t.spike_before_n
    low = high = mean_clean(s, last - long, last)
    for k in range(1, 14):
        value = mean_clean(s, last - (k + 1) * long, last - k * long)
        low, high = min(low, value), max(high, value)
    return high - low


@inner
def mean_clean(s: EcgState, first: int, last: int) -> float:
    """Return the mean of the signal without spikes from ``first`` to before ``last``, mV."""
    total = 0.0
    for k in range(first, last):
        total += s.clean[k & (CLEAN - 1)]
    return total / (last - first)


@inner
def is_paced(s: EcgState, t: EcgTiming, at: int, width_ms: float) -> bool:
    """Return whether a spike made the beat at ``at``."""
    since = (at - s.spike_at) / t.fs
    return s.spike_at > 0 and -0.02 < since < CAPTURE_S and width_ms > WIDE_MS
