# mypy: disable-error-code=no-any-return
"""The ECG loop: sample by sample from millivolts to beats.

Told in full in ``signal/README.md``: band-pass and envelope make candidates, the shape around a
candidate and what came before it are judged by a small network, a refused candidate gets a second
chance when a beat is overdue.
"""

import numpy as np

from teleward_signal.bank import EventKind
from teleward_signal.ecg_class import classify
from teleward_signal.ecg_features import (
    MASK,
    describe,
    describe_later,
    height,
    learn_levels,
    logit,
)
from teleward_signal.ecg_quality import assess, watch
from teleward_signal.ecg_rhythm import follow_beat, follow_silence
from teleward_signal.ecg_state import (
    HISTORY,
    N_CLASS,
    N_FEATURES,
    N_LATE,
    N_QUALITY,
    QUEUE,
)
from teleward_signal.kernel_cache import Floats, Ints, Record, Records, inner, kernel
from teleward_signal.network import judge
from teleward_signal.slot_bank import emit, median

EVENT_BEAT, EVENT_RATE = int(EventKind.BEAT), int(EventKind.HEART_RATE)
ACCEPT = 0.5
"""Probability from which a candidate is a beat."""
ACCEPT_OVERDUE = 0.15
"""Probability from which a refused candidate becomes a beat once one is overdue."""
SURELY_NOT = 0.01
SURELY = 0.99
"""Outside these a candidate is decided at once; between them it waits for what follows."""
FAMILIAR = 0.8
"""Likeness to the template below which a candidate waits however sure the first judgement."""
OVERDUE = 1.45
"""Median intervals without a beat after which one is overdue."""


UPRIGHT = 1.3
"""Weight of upward bends: of 1.0 to 2.5, the one with the least jitter on ten of the records."""


@inner
def section(z: Floats, sos: Floats, k: int, v: float) -> float:
    """Advance section ``k`` of a cascade by one sample (direct form II transposed)."""
    w = sos[k, 0] * v + z[k, 0]
    z[k, 0] = sos[k, 1] * v - sos[k, 4] * w + z[k, 1]
    z[k, 1] = sos[k, 2] * v - sos[k, 5] * w
    return w


@inner
def restart(s: Record, x: float, rests: Floats) -> None:
    """Start the filters as if ``x`` had stood for ever; what was learned of the beats stays."""
    for j in range(2):
        for k in range(2):
            s.detect_z[k, j] = rests[0][k, j] * x
            s.shape_z[k, j] = rests[1][k, j] * x
        for k in range(4):
            s.sharp_z[k, j] = rests[2][k, j] * x
    s.previous = 0.0
    s.differences[:] = 0.0
    s.envelope_sum = 0.0
    s.envelope[:] = 0.0
    s.shape[:] = 0.0
    s.sharp[:] = 0.0
    s.peak = 0.0
    s.queue_n = 0
    s.spare_p = 0.0
    s.started = s.n
    s.broken = 1


@inner
def condition(s: Record, t: Record, x: float, filters: Floats) -> float:
    """Filter one sample into the rings and return the envelope."""
    n = s.n
    v = section(s.detect_z, filters[0], 1, section(s.detect_z, filters[0], 0, x))
    w = x
    for k in range(4):
        w = section(s.sharp_z, filters[2], k, w)
    s.sharp[n & MASK] = w
    slope = 0.5 * t.slope_gain * abs(v - s.previous) + 2.0 * abs(w)
    s.previous = v
    at = n % t.smoothing_n
    s.envelope_sum += slope - s.differences[at]
    s.differences[at] = slope
    if at == 0:  # the running sum is made anew so that rounding cannot gather
        total = 0.0
        for k in range(t.smoothing_n):
            total += s.differences[k]
        s.envelope_sum = total
    s.envelope[n & MASK] = s.envelope_sum
    s.shape[n & MASK] = section(s.shape_z, filters[1], 1, section(s.shape_z, filters[1], 0, x))
    return s.envelope_sum


@inner
def r_peak(s: Record, t: Record, envelope_at: int) -> int:
    """Return the sample of the main deflection that made the envelope peak: the sharpest bend."""
    centre = envelope_at - t.delay_n + t.shape_delay_n
    low = max(centre - t.refine_n, s.started + t.bend_n)
    high = min(centre + t.refine_n, s.n - t.bend_n)
    best, at = -1.0, centre
    lag = t.bend_n
    for k in range(low, high + 1):
        bend = 2.0 * s.shape[k & MASK] - s.shape[(k - lag) & MASK] - s.shape[(k + lag) & MASK]
        size = UPRIGHT * bend if bend > 0.0 else -bend
        if size > best:
            best, at = size, k
    return at - t.shape_delay_n


@inner
def find_candidate(s: Record, t: Record, e: float) -> None:
    """Follow the humps of the envelope and queue each as it ends."""
    if e > s.peak:
        s.peak, s.peak_at = e, s.n
        return
    if s.peak <= 0.0 or not (s.n - s.peak_at >= t.hold_n or e < 0.5 * s.peak):
        return
    if s.peak > 0.05 * s.beat_envelope and s.queue_n < QUEUE:
        s.queue_at[s.queue_n] = r_peak(s, t, s.peak_at)
        s.queue_envelope[s.queue_n] = s.peak
        s.queue_p[s.queue_n] = -1.0
        s.queue_n += 1
    s.peak = 0.0


@inner
def accept(
    s: Record,
    t: Record,
    at: int,
    envelope: float,
    networks: Floats,
    trace: Floats,
    events: Records,
    n_events: int,
) -> int:
    """Make a candidate, described last, a beat."""
    interval = np.nan
    if s.beats > 0 and s.broken == 0:
        interval = (at - s.last_at) / t.fs
        if interval < 3.0:
            s.intervals[s.intervals_n % HISTORY] = interval
            s.intervals_n += 1
            s.interval = median(s.intervals, min(s.intervals_n, HISTORY))
    symbol = classify(s, networks)
    note(trace[2], s, at, 1.0, N_CLASS)
    learn_levels(s, t, at, envelope)
    s.beats += 1
    s.last_at = at
    s.broken = 0
    s.spare_p = 0.0
    s.relaxed_at = s.n
    s.likeness_now += 0.35 * (s.found_likeness - s.likeness_now)
    s.crowd += 0.1 * (s.refused - s.crowd)
    s.refused = 0
    n_events = emit(events, n_events, s, at, EVENT_BEAT, symbol, interval)
    return follow_beat(s, t, interval, networks[5], events, n_events)


@inner
def is_ripe(s: Record, t: Record) -> bool:
    """Return whether the oldest candidate can be judged, for the first or the second time."""
    if s.queue_n == 0 or s.n - s.queue_at[0] < t.after_n:
        return False
    if s.queue_p[0] < 0.0 or s.n - s.queue_at[0] >= t.late_n:
        return True
    return s.beats > 0 and s.queue_at[0] - s.last_at <= t.refractory_n


@inner
def is_overdue(s: Record, t: Record) -> bool:
    """Return whether a beat should have come by now."""
    if s.spare_p > ACCEPT_OVERDUE and s.n - s.last_at > OVERDUE * s.interval * t.fs:
        return True
    return s.n - s.relaxed_at > 2 * t.second_n


@inner
def decide(
    s: Record, t: Record, networks: Floats, trace: Floats, events: Records, n_events: int
) -> int:
    """Judge the candidates in the queue, oldest first, as far as they are ripe."""
    while s.queue_n > 0 and s.n - s.queue_at[0] >= t.after_n:
        at, envelope, p = s.queue_at[0], s.queue_envelope[0], s.queue_p[0]
        if s.beats > 0 and at - s.last_at <= t.refractory_n:
            drop(s)
            continue
        if p < 0.0:
            describe(s, t, at, envelope)
            p = judge(s.features, N_FEATURES, networks[0])
            note(trace[0], s, at, p, N_FEATURES)
            s.queue_p[0] = p
            if p > SURELY_NOT and (p < SURELY or s.found_likeness < FAMILIAR):
                continue
        elif s.n - at < t.late_n:
            break
        else:
            p = judge_late(s, t, at, envelope, p, networks)
            note(trace[1], s, at, p, N_LATE)
        drop(s)
        s.doubt += 0.1 * (4.0 * p * (1.0 - p) - s.doubt)
        s.doubt_now += 0.35 * (4.0 * p * (1.0 - p) - s.doubt_now)
        if p >= ACCEPT:
            n_events = accept(s, t, at, envelope, networks, trace, events, n_events)
        else:
            refuse(s, t, at, envelope, p)
    return n_events


@inner
def judge_late(s: Record, t: Record, at: int, envelope: float, p: float, networks: Floats) -> float:
    """Return the probability of a doubtful candidate, knowing what followed it."""
    best_p, best_after, best_likeness = 0.0, 0.0, -1.0
    near_p, near_after = 0.0, 0.0
    for k in range(1, s.queue_n):
        other = s.queue_at[k]
        if s.n - other < t.after_n:
            break
        describe(s, t, other, s.queue_envelope[k])
        q = judge(s.features, N_FEATURES, networks[0])
        if q > best_p and other - at > t.refractory_n:
            best_p, best_after, best_likeness = q, (other - at) / t.fs, s.found_likeness
        if q > near_p and other - at <= t.refractory_n:
            near_p, near_after = q, (other - at) / t.fs
    describe(s, t, at, envelope)
    describe_later(s, t, at, p)
    k = N_LATE - 6
    s.features[k + 1] = logit(best_p)
    s.features[k + 2] = best_after
    s.features[k + 3] = best_likeness
    s.features[k + 4] = logit(near_p)
    s.features[k + 5] = near_after
    return judge(s.features, N_LATE, networks[1])


@inner
def drop(s: Record) -> None:
    """Take the oldest candidate off the queue."""
    s.queue_n -= 1
    for k in range(s.queue_n):
        s.queue_at[k] = s.queue_at[k + 1]
        s.queue_envelope[k] = s.queue_envelope[k + 1]
        s.queue_p[k] = s.queue_p[k + 1]


@inner
def refuse(s: Record, t: Record, at: int, envelope: float, p: float) -> None:
    """Count a refused candidate as noise and keep the best for the search back."""
    s.refused += 1
    s.noise_envelope += 0.125 * (envelope - s.noise_envelope)
    if p > s.spare_p and at - s.last_at > 0.36 * t.fs:
        s.spare_at, s.spare_envelope, s.spare_p = at, envelope, p


@inner
def note(trace: Floats, s: Record, at: int, p: float, n: int) -> None:
    """Keep the features of a judged candidate for training; row 0 counts the rows."""
    row = int(trace[0, 0]) + 1
    if row < trace.shape[0]:
        for k in range(n):
            trace[row, k] = s.features[k]
        trace[row, N_CLASS] = at
        trace[row, N_CLASS + 1] = p
        trace[0, 0] = row


@inner
def note_second(trace: Floats, s: Record) -> None:
    """Keep the quality features of a second for training."""
    row = int(trace[0, 0]) + 1
    if row < trace.shape[0]:
        for k in range(N_QUALITY):
            trace[row, k] = s.quality[k]
        trace[row, N_CLASS] = s.n
        trace[0, 0] = row


@inner
def learn_start(s: Record, t: Record) -> None:
    """Set the first levels from the candidates of the first second and a half."""
    top = 0.0
    size = 0.0
    for k in range(s.queue_n):
        if s.queue_envelope[k] > top:
            top = s.queue_envelope[k]
            size = abs(height(s, t, s.queue_at[k]))
    s.learned = 1
    s.relaxed_at = s.n
    s.interval = 0.8
    s.beat_envelope = 0.8 * top
    s.beat_amplitude = max(size, 0.05)
    s.noise_envelope = 0.1 * top
    s.beat_sharp = 0.5 * s.beat_amplitude
    s.usual_envelope = s.beat_envelope
    s.usual_amplitude = s.beat_amplitude
    s.usual_sharp = s.beat_sharp


@inner
def search_back(
    s: Record, t: Record, networks: Floats, trace: Floats, events: Records, n_events: int
) -> int:
    """Give the best refused candidate a second chance when a beat is overdue."""
    if s.spare_p > ACCEPT_OVERDUE and s.n - s.last_at > OVERDUE * s.interval * t.fs:
        at, envelope = s.spare_at, s.spare_envelope
        describe(s, t, at, envelope)
        return accept(s, t, at, envelope, networks, trace, events, n_events)
    if s.n - s.relaxed_at > 2 * t.second_n:  # no beat for long: the levels were too high
        s.relaxed_at += t.second_n
        s.beat_envelope *= 0.85
        s.beat_amplitude *= 0.85
        s.beat_sharp *= 0.85
    return n_events


@inner
def heart_rate(s: Record, t: Record) -> float:
    """Return the rate over the last intervals in /min, NaN when there was no beat lately."""
    n = min(s.intervals_n, HISTORY)
    if n < 2 or s.n - s.last_at > max(3.0, 2.5 * s.interval) * t.fs:
        return np.nan
    total = 0.0
    for k in range(n):
        total += s.intervals[k]
    return 60.0 * n / total


@inner
def advance(
    s: Record,
    t: Record,
    samples: Floats,
    filters: Floats,
    rests: Floats,
    networks: Floats,
    trace: Floats,
    events: Records,
    n_events: int,
) -> int:
    """Take one block of one stream; return the number of events so far."""
    for i in range(samples.shape[0]):
        x = float(samples[i])
        if np.isnan(x):
            s.missing += 1
            s.lost += 1
            x = s.held
        else:
            watch(s, t, x)
            if s.n == 0 or s.missing > t.bridge_n or s.missing == s.n:
                restart(s, x, rests)
            s.missing = 0
            s.held = x
        if s.missing <= t.bridge_n:
            find_candidate(s, t, condition(s, t, x, filters))
            if s.learned == 0:
                if s.n - s.started >= t.learning_n:
                    learn_start(s, t)
            else:
                # asked here and not there: handing arrays to a function costs more than the answer
                if is_ripe(s, t):
                    n_events = decide(s, t, networks, trace, events, n_events)
                if is_overdue(s, t):
                    n_events = search_back(s, t, networks, trace, events, n_events)
        s.n += 1
        if s.n % t.second_n == 0:
            assess(s, t, networks[4])
            note_second(trace[3], s)
            n_events = follow_silence(s, t, events, n_events)
            n_events = emit(events, n_events, s, s.n - 1, EVENT_RATE, 0, heart_rate(s, t))
    return n_events


@kernel
def advance_all(
    states: Records,
    timing: Records,
    samples: Floats,
    counts: Ints,
    filters: Floats,
    rests: Floats,
    networks: Floats,
    trace: Floats,
    events: Records,
    used: Ints,
) -> None:
    """Take one block of every stream; ``used`` counts the events of each slot."""
    for slot in range(states.shape[0]):
        n = counts[slot]
        if n > 0:
            used[slot] = advance(
                states[slot],
                timing[0],
                samples[slot, :n],
                filters,
                rests,
                networks,
                trace,
                events[slot],
                used[slot],
            )
