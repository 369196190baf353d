# mypy: disable-error-code=no-any-return
"""Rhythm events of one ECG stream, from its beats and the shape of the signal.

Each rhythm is on or off; a change is one event, dated back to where it began or ended. Beats come
with their class; ventricular fibrillation, which has no beats, is found by the leakage of a filter
tuned to the signal's own mean period (Kuo & Dillman, Computers in Cardiology 1978), low for a sine.
"""

import numpy as np

from teleward_signal.af import MIDDLE, WINDOW, likelihood
from teleward_signal.bank import EventKind
from teleward_signal.ecg_class import VENTRICULAR
from teleward_signal.ecg_features import MASK
from teleward_signal.ecg_rhythm_codes import Rhythm
from teleward_signal.ecg_rhythm_state import AF_RING, CLASSES
from teleward_signal.ecg_state import HISTORY
from teleward_signal.kernel_cache import Floats, Record, Records, inner
from teleward_signal.slot_bank import emit

(
    PAUSE, ASYSTOLE, SLOW, FAST, FAST_WIDE, RUN, TACHYCARDIA, VF, BIGEMINY, TRIGEMINY, AF
) = (int(code) for code in Rhythm)  # fmt: skip
ON, OFF = int(EventKind.RHYTHM_ON), int(EventKind.RHYTHM_OFF)
PAUSE_S = 2.0
"""Pauses from 2 s are reported (ACC/AHA guideline on bradycardia, 2018: over 3 s matter awake)."""
ASYSTOLE_S = 4.0
"""AAMI EC13 asks for an alarm within 10 s of asystole; monitors use 3 to 6 s."""
RUN_PER_MIN = 100.0
"""Ventricular beats slower than this are an escape or accelerated rhythm, not a tachycardia."""
HYSTERESIS = 0.06
"""A rate must come back by 6 % before a rate event ends."""
LEAKAGE = 0.42
"""Leakage below which a window looks like VF; Kuo & Dillman use 0.41 to 0.63 by amplitude."""
VF_SECONDS = 3
"""Windows in a row that must look like VF."""
AF_EVERY = 8
"""Beats between looks at the fibrillation window, to keep its cost down."""
AF_VOTES = 3
"""Looks in a row that must agree before fibrillation is said to begin or end."""


@inner
def switch(
    s: Record, code: int, on: bool, at: int, value: float, events: Records, n_events: int
) -> int:
    """Turn a rhythm on or off, with an event if that is a change."""
    if (s.rhythms[code] == 1) == on:
        return n_events
    s.rhythms[code] = 1 if on else 0
    return emit(events, n_events, s, at, ON if on else OFF, code, value)


@inner
def follow_beat(
    s: Record, t: Record, interval: float, af: Floats, events: Records, n_events: int
) -> int:
    """Take the newest beat, already counted in ``s``, into every rhythm."""
    s.classes[s.beats % CLASSES] = s.symbol
    if np.isnan(interval):
        s.ventricular_run = 0
        return n_events
    start = s.last_at - int(interval * t.fs)
    for code in (PAUSE, ASYSTOLE):
        n_events = switch(s, code, False, s.last_at, interval, events, n_events)
    if interval >= PAUSE_S:
        n_events = switch(s, PAUSE, True, start, interval, events, n_events)
        n_events = switch(s, PAUSE, False, s.last_at, interval, events, n_events)
    n_events = switch(s, VF, False, s.last_at, 0.0, events, n_events)
    s.fibrillating_s = 0
    n_events = follow_rate(s, t, events, n_events)
    n_events = follow_runs(s, t, interval, events, n_events)
    n_events = follow_pattern(s, BIGEMINY, 2, events, n_events)
    n_events = follow_pattern(s, TRIGEMINY, 3, events, n_events)
    return follow_af(s, interval, af, events, n_events)


@inner
def follow_rate(s: Record, t: Record, events: Records, n_events: int) -> int:
    """Bradycardia and the two tachycardias, from the last eight intervals."""
    n = min(s.intervals_n, HISTORY)
    if n < 4:
        return n_events
    total = 0.0
    for k in range(n):
        total += s.intervals[k]
    rate = 60.0 * n / total
    wide = 0
    for k in range(8):
        wide += s.classes[(s.beats - k) % CLASSES] == VENTRICULAR
    slow = rate < t.slow_per_min * (1.0 + HYSTERESIS * s.rhythms[SLOW])
    n_events = switch(s, SLOW, slow, s.last_at, rate, events, n_events)
    was = max(s.rhythms[FAST], s.rhythms[FAST_WIDE])
    fast = n >= HISTORY and rate > t.fast_per_min * (1.0 - HYSTERESIS * was)
    n_events = switch(s, FAST, fast and wide < 5, s.last_at, rate, events, n_events)
    return switch(s, FAST_WIDE, fast and wide >= 5, s.last_at, rate, events, n_events)


@inner
def follow_runs(s: Record, t: Record, interval: float, events: Records, n_events: int) -> int:
    """Runs of ventricular beats."""
    rate = 60.0 / interval
    if s.symbol == VENTRICULAR:
        s.calm_run = 0
        joined = s.ventricular_run == 0 or rate >= RUN_PER_MIN
        s.ventricular_run = s.ventricular_run + 1 if joined else 1
        run = s.ventricular_run
        if run >= 3:
            n_events = switch(s, RUN, True, s.last_at, run, events, n_events)
        if run >= 6:
            n_events = switch(s, TACHYCARDIA, True, s.last_at, rate, events, n_events)
        return n_events
    s.calm_run += 1
    if s.calm_run >= 2:  # one beat of another class does not end a tachycardia
        run = s.ventricular_run
        s.ventricular_run = 0
        n_events = switch(s, RUN, False, s.last_at, run, events, n_events)
        n_events = switch(s, TACHYCARDIA, False, s.last_at, run, events, n_events)
    elif s.rhythms[TACHYCARDIA] == 0:
        n_events = switch(s, RUN, False, s.last_at, s.ventricular_run, events, n_events)
        s.ventricular_run = 0
    return n_events


@inner
def follow_pattern(s: Record, code: int, period: int, events: Records, n_events: int) -> int:
    """Bigeminy (period 2) and trigeminy (3): three repeats begin it, a break of one ends it."""
    if s.beats < 3 * period:
        return n_events
    repeats = True
    for back in range(3 * period):
        is_v = s.classes[(s.beats - back) % CLASSES] == VENTRICULAR
        ahead = s.classes[(s.beats - back % period) % CLASSES] == VENTRICULAR
        repeats = repeats and is_v == ahead
    count = 0
    for back in range(period):
        count += s.classes[(s.beats - back) % CLASSES] == VENTRICULAR
    on = repeats and count == 1
    return switch(s, code, on, s.last_at, 3.0 * period, events, n_events)


@inner
def follow_af(s: Record, interval: float, network: Floats, events: Records, n_events: int) -> int:
    """Atrial fibrillation: intervals beside a ventricular beat are left out."""
    newest = s.classes[s.beats % CLASSES]
    before = s.classes[(s.beats - 1) % CLASSES]
    if newest == VENTRICULAR or before == VENTRICULAR:
        return n_events
    at = s.af_n % AF_RING
    s.af_intervals[at] = max(0.15, min(3.0, interval))
    s.af_beats[at] = s.last_at
    s.af_n += 1
    if s.af_n < WINDOW or s.af_n % AF_EVERY != 0:
        return n_events
    window = np.empty(WINDOW)
    for k in range(WINDOW):
        window[k] = s.af_intervals[(s.af_n - WINDOW + k) % AF_RING]
    p = likelihood(window, network)
    is_on = s.rhythms[AF] == 1
    s.af_votes = s.af_votes + 1 if (p >= 0.5) != is_on else 0
    if s.af_votes < AF_VOTES:
        return n_events
    s.af_votes = 0
    back = min(AF_RING, WINDOW - MIDDLE + AF_EVERY * (AF_VOTES - 1))
    since = s.af_beats[(s.af_n - back) % AF_RING]
    return switch(s, AF, not is_on, since, p, events, n_events)


@inner
def follow_silence(s: Record, t: Record, events: Records, n_events: int) -> int:
    """Once a second: pause and asystole while no beat comes, and ventricular fibrillation."""
    if s.learned == 0:
        return n_events
    leakage = filter_leakage(s, t)
    looks = leakage < LEAKAGE and s.span > 0.2
    s.fibrillating_s = s.fibrillating_s + 1 if looks else 0
    if s.fibrillating_s >= VF_SECONDS:
        start = s.n - (VF_SECONDS + 2) * t.second_n
        n_events = switch(s, VF, True, start, leakage, events, n_events)
    elif s.fibrillating_s == 0:
        n_events = switch(s, VF, False, s.n, leakage, events, n_events)
    silence = (s.n - t.late_n - s.last_at) / t.fs
    if s.beats == 0 or s.broken == 1 or s.rhythms[VF] == 1 or s.flat == 1:
        return n_events
    if silence >= PAUSE_S:
        n_events = switch(s, PAUSE, True, s.last_at, silence, events, n_events)
    if silence >= ASYSTOLE_S:
        n_events = switch(s, ASYSTOLE, True, s.last_at, silence, events, n_events)
    return n_events


@inner
def filter_leakage(s: Record, t: Record) -> float:
    """Return what a filter at the mean period of the last 3 s lets through, 0 to 1."""
    n = 3 * t.second_n
    if s.n - s.started < n + t.second_n:
        return 1.0
    size = step = 1e-9
    for k in range(s.n - n, s.n):
        v = s.shape[k & MASK]
        size += abs(v)
        step += abs(v - s.shape[(k - 1) & MASK])
    half = int(np.pi * size / step + 0.5)
    if half < 0.05 * t.fs or half > 0.3 * t.fs:  # 1.7 to 10 Hz: the rates of VF and flutter
        return 1.0
    through = 0.0
    both = 1e-9
    for k in range(s.n - n, s.n):
        a, b = s.shape[k & MASK], s.shape[(k - half) & MASK]
        through += abs(a + b)
        both += abs(a) + abs(b)
    return through / both
