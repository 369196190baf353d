# mypy: disable-error-code=no-any-return
"""The ECG loop: sample by sample from millivolts to beats.

Told in full in ``signal/README.md``: band-pass and envelope make candidates, the shape around a
candidate and what came before it are judged by a small network, a refused candidate gets a second
chance when a beat is overdue.
"""

import numpy as np

from teleward_signal.ecg_state import (
    HISTORY,
    N_CONTEXT,
    N_FEATURES,
    N_MORPHOLOGY,
    QUEUE,
    RING,
)
from teleward_signal.kernel_cache import Floats, Ints, Record, Records, kernel
from teleward_signal.network import judge

MASK = RING - 1
ACCEPT = 0.5
"""Probability from which a candidate is a beat."""
ACCEPT_OVERDUE = 0.15
"""Probability from which a refused candidate becomes a beat once one is overdue."""
OVERDUE = 1.45
"""Median intervals without a beat after which one is overdue."""


@kernel
def section(z: Floats, sos: Floats, k: int, v: float) -> float:
    """Advance section ``k`` of a cascade by one sample (direct form II transposed)."""
    w = sos[k, 0] * v + z[k, 0]
    z[k, 0] = sos[k, 1] * v - sos[k, 4] * w + z[k, 1]
    z[k, 1] = sos[k, 2] * v - sos[k, 5] * w
    return w


@kernel
def median(values: Floats, n: int) -> float:
    """Return the median of the first ``n`` of at most `HISTORY` values."""
    ordered = np.sort(values[:n])
    half = n // 2
    return ordered[half] if n % 2 else 0.5 * (ordered[half - 1] + ordered[half])


@kernel
def restart(s: Record, t: Record, x: float, detect_rest: Floats, shape_rest: Floats) -> None:
    """Start the filters as if ``x`` had stood for ever; what was learned of the beats stays."""
    for k in range(2):
        for j in range(2):
            s.detect_z[k, j] = detect_rest[k, j] * x
            s.shape_z[k, j] = shape_rest[k, j] * x
    s.previous = 0.0
    s.differences[:] = 0.0
    s.envelope_sum = 0.0
    s.envelope[:] = 0.0
    s.shape[:] = 0.0
    s.peak = 0.0
    s.queue_n = 0
    s.spare_p = 0.0
    s.started = s.n
    s.broken = 1


@kernel
def condition(s: Record, t: Record, x: float, detect_sos: Floats, shape_sos: Floats) -> float:
    """Filter one sample into both rings and return the envelope."""
    n = s.n
    v = section(s.detect_z, detect_sos, 1, section(s.detect_z, detect_sos, 0, x))
    slope = abs(v - s.previous)
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
    s.shape[n & MASK] = section(s.shape_z, shape_sos, 1, section(s.shape_z, shape_sos, 0, x))
    return s.envelope_sum


@kernel
def r_peak(s: Record, t: Record, envelope_at: int) -> int:
    """Return the sample of the main deflection that made the envelope peak."""
    centre = envelope_at - t.delay_n
    low = max(centre - t.refine_n, s.started)
    high = min(centre + t.refine_n, s.n)
    level = 0.0
    for k in range(low, high + 1):
        level += s.shape[k & MASK]
    level /= max(1, high - low + 1)
    best, at = -1.0, centre
    for k in range(low, high + 1):
        size = abs(s.shape[k & MASK] - level)
        if size > best:
            best, at = size, k
    return at


@kernel
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
        s.queue_n += 1
    s.peak = 0.0


@kernel
def read(ring: Floats, position: float) -> float:
    """Return a ring's value between samples."""
    left = int(np.floor(position))
    share = position - left
    return (1.0 - share) * ring[left & MASK] + share * ring[(left + 1) & MASK]


@kernel
def describe(s: Record, t: Record, at: int, envelope: float) -> None:
    """Fill ``s.features`` for the candidate at sample ``at``."""
    f = s.features
    amplitude = max(s.beat_amplitude, 1e-3)
    for k in range(N_MORPHOLOGY):
        v = read(s.shape, at + (k - 24) * 0.010 * t.fs) / amplitude
        f[k] = v / (1.0 + 0.25 * abs(v))
    level = max(s.beat_envelope, 1e-6)
    for k in range(N_CONTEXT):
        where = at + t.delay_n + (k - (N_CONTEXT - 1)) * 0.040 * t.fs
        v = read(s.envelope, where) / level if where > s.started else 0.0
        f[N_MORPHOLOGY + k] = min(2.0, np.sqrt(v))
    k = N_MORPHOLOGY + N_CONTEXT
    since = (at - s.last_at) / t.fs if s.beats > 0 and s.broken == 0 else 3.0
    f[k] = max(-3.0, min(3.0, np.log2(envelope / level)))
    f[k + 1] = max(-6.0, min(1.0, np.log2(max(s.noise_envelope, 1e-9) / level)))
    f[k + 2] = min(3.0, since)
    f[k + 3] = min(3.0, since / s.interval)
    f[k + 4] = min(2.0, s.interval)
    f[k + 5] = likeness(s.template, f)
    f[k + 6] = max(-3.0, min(3.0, np.log2(max(abs(read(s.shape, at)), 1e-4) / amplitude)))
    newest = s.intervals[(s.intervals_n - 1) % HISTORY] if s.intervals_n > 0 else s.interval
    f[k + 7] = min(3.0, newest / s.interval)
    f[k + 8] = min(1.0, s.template_n / 8.0)
    f[k + 9] = s.spare_p
    f[k + 10] = 1.0 if s.broken == 1 else 0.0


@kernel
def likeness(template: Floats, f: Floats) -> float:
    """Return the correlation of a candidate's shape with the template, -1 to 1."""
    mean_a = mean_b = 0.0
    for k in range(N_MORPHOLOGY):
        mean_a += template[k]
        mean_b += f[k]
    mean_a /= N_MORPHOLOGY
    mean_b /= N_MORPHOLOGY
    ab = aa = bb = 1e-12
    for k in range(N_MORPHOLOGY):
        a, b = template[k] - mean_a, f[k] - mean_b
        ab += a * b
        aa += a * a
        bb += b * b
    return ab / np.sqrt(aa * bb)


@kernel
def learn_levels(s: Record, t: Record, at: int, envelope: float) -> None:
    """Take the sizes and the shape of an accepted beat into the running levels."""
    slot = s.levels_n % HISTORY
    s.envelopes[slot] = envelope
    s.amplitudes[slot] = abs(read(s.shape, at))
    s.levels_n += 1
    n = min(s.levels_n, HISTORY)
    s.beat_envelope = median(s.envelopes, n)
    s.beat_amplitude = median(s.amplitudes, n)
    s.template_n += 1
    weight = max(1.0 / s.template_n, 0.06)
    if s.template_n <= 3 or s.features[N_MORPHOLOGY + N_CONTEXT + 5] > 0.5:
        for k in range(N_MORPHOLOGY):
            s.template[k] += weight * (s.features[k] - s.template[k])


@kernel
def accept(s: Record, t: Record, at: int, envelope: float, events: Records, n_events: int) -> int:
    """Make a candidate a beat."""
    interval = np.nan
    if s.beats > 0 and s.broken == 0:
        interval = (at - s.last_at) / t.fs
        if interval < 3.0:
            s.intervals[s.intervals_n % HISTORY] = interval
            s.intervals_n += 1
            s.interval = median(s.intervals, min(s.intervals_n, HISTORY))
    learn_levels(s, t, at, envelope)
    s.beats += 1
    s.last_at = at
    s.broken = 0
    s.spare_p = 0.0
    s.relaxed_at = s.n
    return emit(events, n_events, at, s.n, 1, 78, interval)


@kernel
def emit(
    events: Records, n_events: int, at: int, known: int, kind: int, symbol: int, value: float
) -> int:
    """Append one event and return the new number of events."""
    if n_events < events.shape[0]:
        event = events[n_events]
        event.sample = at
        event.known = known
        event.kind = kind
        event.symbol = symbol
        event.value = value
        event.sqi = 1.0
        event.reasons = 0
        n_events += 1
    return n_events


@kernel
def decide(
    s: Record, t: Record, network: Floats, trace: Floats, events: Records, n_events: int
) -> int:
    """Judge the oldest candidate in the queue."""
    at, envelope = s.queue_at[0], s.queue_envelope[0]
    s.queue_n -= 1
    for k in range(s.queue_n):
        s.queue_at[k] = s.queue_at[k + 1]
        s.queue_envelope[k] = s.queue_envelope[k + 1]
    if s.beats > 0 and at - s.last_at <= t.refractory_n:
        return n_events
    describe(s, t, at, envelope)
    p = judge(s.features, network)
    if trace.shape[0] > 1:
        note(trace, s, at, p)
    if p >= ACCEPT:
        return accept(s, t, at, envelope, events, n_events)
    s.noise_envelope += 0.125 * (envelope - s.noise_envelope)
    if p > s.spare_p and at - s.last_at > 0.36 * t.fs:
        s.spare_at, s.spare_envelope, s.spare_p = at, envelope, p
    return n_events


@kernel
def note(trace: Floats, s: Record, at: int, p: float) -> None:
    """Keep the features of a judged candidate for training; row 0 counts the rows."""
    row = int(trace[0, 0]) + 1
    if row < trace.shape[0]:
        for k in range(N_FEATURES):
            trace[row, k] = s.features[k]
        trace[row, N_FEATURES] = at
        trace[row, N_FEATURES + 1] = p
        trace[0, 0] = row


@kernel
def learn_start(s: Record, t: Record) -> None:
    """Set the first levels from the candidates of the first second and a half."""
    top = 0.0
    size = 0.0
    for k in range(s.queue_n):
        if s.queue_envelope[k] > top:
            top = s.queue_envelope[k]
            size = abs(read(s.shape, s.queue_at[k]))
    s.learned = 1
    s.relaxed_at = s.n
    s.interval = 0.8
    s.beat_envelope = 0.8 * top
    s.beat_amplitude = max(size, 0.05)
    s.noise_envelope = 0.1 * top


@kernel
def search_back(s: Record, t: Record, network: Floats, events: Records, n_events: int) -> int:
    """Give the best refused candidate a second chance when a beat is overdue."""
    if s.spare_p > ACCEPT_OVERDUE and s.n - s.last_at > OVERDUE * s.interval * t.fs:
        at, envelope = s.spare_at, s.spare_envelope
        describe(s, t, at, envelope)
        return accept(s, t, at, envelope, events, n_events)
    if s.n - s.relaxed_at > 2 * t.second_n:  # no beat for long: the levels were too high
        s.relaxed_at += t.second_n
        s.beat_envelope *= 0.85
        s.beat_amplitude *= 0.85
    return n_events


@kernel
def heart_rate(s: Record, t: Record) -> float:
    """Return the rate over the last intervals in /min, NaN when there was no beat lately."""
    n = min(s.intervals_n, HISTORY)
    if n < 2 or s.n - s.last_at > max(3.0, 2.5 * s.interval) * t.fs:
        return np.nan
    total = 0.0
    for k in range(n):
        total += s.intervals[k]
    return 60.0 * n / total


@kernel
def advance(
    s: Record,
    t: Record,
    samples: Floats,
    filters: Floats,
    rests: Floats,
    network: Floats,
    trace: Floats,
    events: Records,
    n_events: int,
) -> int:
    """Take one block of one stream; return the number of events so far."""
    for i in range(samples.shape[0]):
        x = float(samples[i])
        if np.isnan(x):
            s.missing += 1
            x = s.held
        else:
            if s.n == 0 or s.missing > t.bridge_n or s.missing == s.n:
                restart(s, t, x, rests[0], rests[1])
            s.missing = 0
            s.held = x
        if s.missing <= t.bridge_n:
            find_candidate(s, t, condition(s, t, x, filters[0], filters[1]))
            if s.learned == 0:
                if s.n - s.started >= t.learning_n:
                    learn_start(s, t)
            else:
                while s.queue_n > 0 and s.n - s.queue_at[0] >= t.after_n:
                    n_events = decide(s, t, network, trace, events, n_events)
                n_events = search_back(s, t, network, events, n_events)
        s.n += 1
        if s.n % t.second_n == 0:
            n_events = emit(events, n_events, s.n - 1, s.n - 1, 4, 0, heart_rate(s, t))
    return n_events


@kernel
def advance_all(
    states: Records,
    timing: Records,
    samples: Floats,
    counts: Ints,
    filters: Floats,
    rests: Floats,
    network: Floats,
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
                network,
                trace,
                events[slot],
                used[slot],
            )
