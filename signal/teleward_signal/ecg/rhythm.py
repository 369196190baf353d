"""Rhythm events of one ECG stream, from its beats and the shape of the signal.

Each rhythm is on or off; a change is one event, dated back to where it began or ended. Beats come
with their class; ventricular fibrillation, which has no beats, is found by the network of
`shockable`, and so is a ventricular tachycardia whose beats are not known to be ventricular.
"""

import numpy as np

from teleward_signal.banks.bank import EventKind, Events
from teleward_signal.banks.slot_bank import emit, median
from teleward_signal.compiled.cache import constant, inner, kernel
from teleward_signal.compiled.records import Floats
from teleward_signal.ecg.classes import VENTRICULAR
from teleward_signal.ecg.features import MASK, sharpness
from teleward_signal.ecg.fibrillation import DELAY, EVERY, LAG, WINDOW, follow, log_odds, settle
from teleward_signal.ecg.rhythm_codes import Rhythm
from teleward_signal.ecg.rhythm_state import AF_RING, CLASSES
from teleward_signal.ecg.shockable import FRAMES_OFF, FRAMES_ON, mean_of
from teleward_signal.ecg.shockable import ON as ON_FROM
from teleward_signal.ecg.state import HISTORY, EcgState, EcgTiming

(
    PAUSE, ASYSTOLE, SLOW, FAST, FAST_WIDE, RUN, TACHYCARDIA, VF, BIGEMINY, TRIGEMINY, AF
) = (constant(code) for code in Rhythm)  # fmt: skip
ON, OFF = constant(EventKind.RHYTHM_ON), constant(EventKind.RHYTHM_OFF)
BEGINS, ENDS = constant(True), constant(False)
PAUSE_S = 2.0
"""Pauses from 2 s are reported (ACC/AHA guideline on bradycardia, 2018: over 3 s matter awake)."""
ASYSTOLE_S = 4.0
"""AAMI EC13 asks for an alarm within 10 s of asystole; monitors use 3 to 6 s."""
ASYSTOLE_RESTLESS_S = 8.0
"""The same while the signal moves as if there were beats or an electrode was knocked."""
JOLT, STIR = 2.0, 0.25
"""Range of a second, over the usual one, that no beat explains: with beats in it, without."""
RUN_PER_MIN = 100.0
"""Ventricular beats slower than this are an escape or accelerated rhythm, not a tachycardia."""
SAME_PACE = 0.15
"""A tachycardia of 6 % spread hardly ever has an interval this far from its mean."""
EVEN_RUN, STEADY = 8, 0.06
"""So many ventricular beats this even are a tachycardia though the quality, judged by the usual
shape of a beat, is poor: a new wide shape is what makes it so."""
HYSTERESIS = 0.06
"""A rate must come back by 6 % before a rate event ends."""
VF_WINDOW_S = 3.5
"""As long as the ring of the shape allows at 1000 Hz."""
SHOCK_BEGAN_S, SHOCK_ENDED_S = 4, 5
"""When a shockable rhythm began and ended, before this was known: what its means take to cross."""
UNEVEN_FRAMES = 12
"""3 s without an even rhythm turn a tachycardia into fibrillation."""
RECENT_FRAMES = 8
"""2 s that must still look shockable for that."""
EVEN = 0.2
"""Waves whose intervals differ by less than this share are a tachycardia, not fibrillation."""
FLUTTER_S = 0.25
"""Even waves closer than this (240/min) are flutter, which has no beats."""
NARROW_MS = 80.0
"""Time that steep deflections of a beat take in beats that begin in the atria: 57 to 73 ms in most
made ones. Of 45 266 quarter seconds of recorded VF and VT that the network knows 89 have even beats
with so little, and every alarm of these recordings begins when it did."""
STEEP = 0.25
"""Share of the usual steepest deflection from which a sample counts as steep."""
NARROW_EVEN, NARROW_BEATS, NARROW_PER_MIN = 0.2, 8, 120.0
"""Such beats come evenly, four of five within this share of the middle one, and fast."""
NARROW_S = 4.0
"""So long they count on: a beat may be missed, and the network looks back further."""
FLOOR = 0.4
"""Quality below which beats begin no rhythm: the engine withholds the heart rate too."""


@inner
def switch(
    s: EcgState, code: int, on: bool, at: int, value: float, events: Events, n_events: int
) -> int:
    """Turn a rhythm on or off, with an event if that is a change."""
    if (s.rhythms[code] == 1) == on:
        return n_events
    s.rhythms[code] = 1 if on else 0
    return emit(events, n_events, s, at, ON if on else OFF, code, value)


@kernel
def follow_beat(
    s: EcgState,
    t: EcgTiming,
    interval: float,
    networks: Floats,
    events: Events,
    n_events: int,
) -> int:
    """Take the newest beat, already counted in ``s``, into every rhythm."""
    s.classes[s.beats % CLASSES] = s.symbol
    s.beat_at[s.beats % CLASSES] = s.last_at
    if np.isnan(interval):
        s.ventricular_run = 0
        s.strung = 0
        s.company_at = s.last_at
        return n_events
    start = s.last_at - int(interval * t.fs + 0.5)
    restless = s.restless_at > start or s.sqi < FLOOR
    if interval < ASYSTOLE_S:  # one beat alone does not end it: it may be noise, or the last
        silence = (start - s.silent_at) / t.fs
        n_events = switch(s, ASYSTOLE, ENDS, start, silence, events, n_events)
        s.company_at = s.last_at
    elif not restless and s.rhythms[ASYSTOLE] == 0:  # too short to be seen while it lasted
        s.silent_at = start
        n_events = switch(s, ASYSTOLE, BEGINS, start, interval, events, n_events)
    if interval >= PAUSE_S and not restless:
        n_events = switch(s, PAUSE, BEGINS, start, interval, events, n_events)
    n_events = switch(s, PAUSE, ENDS, s.last_at, interval, events, n_events)
    s.strung = 0 if restless and interval >= PAUSE_S else s.strung + 1
    n_events = follow_rate(s, t, events, n_events)
    n_events = follow_runs(s, t, events, n_events)
    n_events = follow_pattern(s, BIGEMINY, 2, events, n_events)
    n_events = follow_pattern(s, TRIGEMINY, 3, events, n_events)
    return follow_af(s, interval, networks, events, n_events)


@inner
def switch_trusted(
    s: EcgState, code: int, on: bool, at: int, value: float, events: Events, n_events: int
) -> int:
    """As `switch`, but nothing begins on a signal of poor quality."""
    if on and s.sqi < FLOOR:
        return n_events
    return switch(s, code, on, at, value, events, n_events)


@inner
def back(s: EcgState, n: int) -> int:
    """Return the sample of the beat ``n`` beats ago, fewer than `CLASSES`."""
    return int(s.beat_at[(s.beats - n) % CLASSES])


@inner
def is_wide(s: EcgState, n: int) -> bool:
    """Return whether the beat ``n`` beats ago was ventricular."""
    return bool(s.classes[(s.beats - n) % CLASSES] == VENTRICULAR)


@inner
def follow_rate(s: EcgState, t: EcgTiming, events: Events, n_events: int) -> int:
    """Bradycardia and the two tachycardias, from the last eight intervals."""
    n = min(s.strung, HISTORY)
    if n < HISTORY // 2:
        return n_events
    rate = 60.0 * t.fs * n / (s.last_at - back(s, n))
    known = s.waves_vt == 1 or s.rhythms[TACHYCARDIA] == 1 or s.rhythms[FAST_WIDE] == 1
    wide = n if known else 0  # the classes may learn the wide shape as the usual one
    for k in range(n):
        wide += is_wide(s, k)
    slow_per_min = s.slow_per_min if s.slow_per_min > 0.0 else t.slow_per_min
    fast_per_min = s.fast_per_min if s.fast_per_min > 0.0 else t.fast_per_min
    slow = rate < slow_per_min * (1.0 + HYSTERESIS * s.rhythms[SLOW])
    was = max(s.rhythms[FAST], s.rhythms[FAST_WIDE])
    fast = n >= HISTORY and rate > fast_per_min * (1.0 - HYSTERESIS * was)
    since = s.last_at
    if slow or fast:
        limit = 60.0 * t.fs / (slow_per_min if slow else fast_per_min)
        k = 0
        while k < n and (back(s, k) - back(s, k + 1) > limit) == slow:
            k += 1
        since = back(s, k)
    n_events = switch_trusted(s, SLOW, slow, since, rate, events, n_events)
    n_events = switch_trusted(s, FAST, fast and 2 * wide <= n, since, rate, events, n_events)
    return switch_trusted(s, FAST_WIDE, fast and 2 * wide > n, since, rate, events, n_events)


@inner
def is_steady(s: EcgState) -> bool:
    """Return whether the last `EVEN_RUN` intervals are as even as noise never makes them."""
    mean = (s.last_at - back(s, EVEN_RUN)) / EVEN_RUN
    most = 0.0
    for k in range(EVEN_RUN):
        most = max(most, abs(back(s, k) - back(s, k + 1) - mean))
    return most <= STEADY * mean


@inner
def follow_runs(s: EcgState, t: EcgTiming, events: Events, n_events: int) -> int:
    """Runs of ventricular beats, at their mean rate."""
    if s.symbol == VENTRICULAR:
        s.calm_run = 0
        run = s.ventricular_run
        rate = 60.0 * t.fs * run / (s.last_at - s.run_at) if run > 0 else 0.0
        if rate < RUN_PER_MIN:
            s.run_at = s.last_at
            run = 0
        run += 1
        s.ventricular_run = run
        s.run_end = s.last_at
        if run >= 3:
            n_events = switch_trusted(s, RUN, BEGINS, s.run_at, float(run), events, n_events)
        if run > EVEN_RUN and is_steady(s):
            n_events = switch(s, TACHYCARDIA, BEGINS, s.run_at, rate, events, n_events)
        elif run >= 6:
            n_events = switch_trusted(s, TACHYCARDIA, BEGINS, s.run_at, rate, events, n_events)
        return n_events
    gap, usual = s.last_at - s.run_end, (s.run_end - s.run_at) / max(1, s.ventricular_run - 1)
    if s.rhythms[TACHYCARDIA] == 1 and abs(gap - usual) < SAME_PACE * usual:
        s.ventricular_run += 1  # at the same pace it goes on, whatever its beats are called by now
        s.run_end = s.last_at
        return n_events
    s.calm_run += 1
    if s.calm_run >= 2 or s.rhythms[TACHYCARDIA] == 0:  # one other beat ends no tachycardia
        if s.waves_vt == 0:
            n_events = end_run(s, t, s.run_end, events, n_events)
        s.ventricular_run = 0
    return n_events


@inner
def end_run(s: EcgState, t: EcgTiming, at: int, events: Events, n_events: int) -> int:
    """End run and tachycardia, with the beats of the one and the rate of the other."""
    run = s.ventricular_run
    rate = 60.0 * t.fs * (run - 1) / (s.run_end - s.run_at) if run > 1 else s.waves_rate
    n_events = switch(s, RUN, ENDS, at, float(run), events, n_events)
    return switch(s, TACHYCARDIA, ENDS, at, rate, events, n_events)


@inner
def follow_pattern(s: EcgState, code: int, period: int, events: Events, n_events: int) -> int:
    """Bigeminy (period 2) and trigeminy (3): three repeats begin it, two without it end it."""
    if s.strung < 3 * period:
        return n_events
    count = 0
    first = 0
    repeats = True
    for k in range(3 * period):
        repeats = repeats and is_wide(s, k) == is_wide(s, k % period)
        if is_wide(s, k):
            count += 1
            first = k
    place = code - BIGEMINY
    if repeats and count == 3:
        s.pattern_n[place] += 1 if s.pattern_n[place] > 0 else 3 * period
        s.pattern_at[place] = s.last_at
        s.pattern_gone[place] = 0
        since = back(s, first)
        return switch_trusted(s, code, BEGINS, since, float(s.pattern_n[place]), events, n_events)
    s.pattern_gone[place] += 1
    if s.pattern_gone[place] < 2 * period:
        return n_events
    beats = float(s.pattern_n[place])
    s.pattern_n[place] = 0
    return switch_trusted(s, code, ENDS, s.pattern_at[place], beats, events, n_events)


@inner
def follow_af(s: EcgState, interval: float, networks: Floats, events: Events, n_events: int) -> int:
    """Atrial fibrillation: intervals beside a ventricular beat or in noise are left out."""
    if is_wide(s, 0) or is_wide(s, 1) or s.sqi < FLOOR:
        return n_events
    at = s.af_n % AF_RING
    s.af_intervals[at] = max(0.2, min(2.5, interval))
    s.af_beats[at] = s.last_at
    s.af_n += 1
    if s.af_n < WINDOW or (s.af_n - WINDOW) % EVERY != 0:
        return n_events
    window = np.empty(WINDOW)
    for k in range(WINDOW):
        window[k] = s.af_intervals[(s.af_n - WINDOW + k) % AF_RING]
    s.af_looks[s.af_looks_n % (LAG + 1)] = log_odds(window, networks)
    first = s.af_looks_n - LAG
    s.af_looks_n += 1
    if first < 0:
        return n_events
    odds = settle(s.af_past, s.af_looks, first, LAG)
    s.af_past = follow(s.af_past, s.af_looks[first % (LAG + 1)])
    since = s.af_beats[(s.af_n - DELAY - EVERY // 2) % AF_RING]
    if first == 0 and odds > 0.0:  # did it begin before the stream?
        for k in range(WINDOW):
            window[k] = s.af_intervals[abs(k - (WINDOW - EVERY) // 2)]
        since = s.af_beats[0] if log_odds(window, networks) > 0.0 else since
    p = 1.0 / (1.0 + np.exp(-odds))
    return switch(s, AF, p >= 0.5, since, p, events, n_events)


@inner
def follow_silence(s: EcgState, t: EcgTiming, events: Events, n_events: int) -> int:
    """Once a second: pause and asystole while no beat comes."""
    if s.learned == 0:
        return n_events
    watch_range(s, t)
    if s.beats == 0 and s.spike_at == 0:  # a pacemaker that acts is on a patient
        return n_events
    if (s.broken == 1 and s.beats > 0) or s.shock_on == 1 or s.flat == 1:
        return n_events
    silence = (s.n - t.late_n - s.last_at) / t.fs
    restless = s.restless_at > s.company_at or s.sqi < FLOOR
    if silence >= PAUSE_S and not restless:
        n_events = switch(s, PAUSE, BEGINS, s.last_at, silence, events, n_events)
    limit = ASYSTOLE_RESTLESS_S if restless else ASYSTOLE_S
    alone = (s.n - t.late_n - s.company_at) / t.fs  # noise may make a beat in a long silence
    if max(silence, alone) >= limit and s.rhythms[ASYSTOLE] == 0:
        s.silent_at = s.company_at
        n_events = switch(s, ASYSTOLE, BEGINS, s.company_at, alone, events, n_events)
    return n_events


@inner
def watch_range(s: EcgState, t: EcgTiming) -> None:
    """Compare the ranges of the last two seconds with the usual one.

    Stirring is looked for in the second before the last: a beat in the last may not be known yet.
    """
    silence_n = s.n - s.last_at
    stirred = silence_n >= 3 * t.second_n and s.span_before > STIR * s.usual_span
    if (stirred or s.span > JOLT * s.usual_span) and s.usual_span > 0.0:
        s.restless_at = s.n
    if silence_n < t.second_n + t.late_n and s.flat == 0:
        share = 0.03 if s.usual_span > 0.0 else 1.0
        s.usual_span += share * (s.span - s.usual_span)
    s.span_before = s.span


@inner
def follow_shockable(s: EcgState, t: EcgTiming, events: Events, n_events: int) -> int:
    """Turn the network's state into tachycardia when beats come evenly, else fibrillation."""
    if is_narrow(s, t):
        s.narrow_at = s.n
    if s.shock_on == 0:
        ended = s.n - SHOCK_ENDED_S * t.second_n
        leakage = mean_of(s.shock_p, s.net_frame, FRAMES_OFF)
        n_events = switch(s, VF, ENDS, ended, leakage, events, n_events)
        if s.waves_vt == 1 and s.ventricular_run == 0:
            n_events = end_run(s, t, ended, events, n_events)
        s.waves_vt = 0
        return n_events
    if s.rhythms[VF] == 1:
        return n_events
    narrow = s.narrow_at > 0 and s.n - s.narrow_at < NARROW_S * t.fs
    if narrow and s.waves_vt == 0 and s.rhythms[TACHYCARDIA] == 0:
        s.shock_on = s.uneven_frames = 0
        return n_events
    rate = even_rate(s, t)
    began = s.n - SHOCK_BEGAN_S * t.second_n
    if rate > 0.0:
        s.uneven_frames = 0
        s.waves_vt = 1
        s.waves_rate = rate
        return switch(s, TACHYCARDIA, BEGINS, began, rate, events, n_events)
    s.uneven_frames += 1
    over = mean_of(s.shock_p, s.net_frame, RECENT_FRAMES) < ON_FROM
    if s.waves_vt == 1 and (over or s.uneven_frames < UNEVEN_FRAMES):
        return n_events  # beats are uneven, too, where a tachycardia begins or ends
    p = mean_of(s.shock_p, s.net_frame, FRAMES_ON)
    return switch(s, VF, BEGINS, began, p, events, n_events)


@inner
def even_rate(s: EcgState, t: EcgTiming) -> float:
    """Return the rate of the last seconds when beats came evenly in them, else 0."""
    first = s.n - int(VF_WINDOW_S * t.fs)
    n = 0
    least, most = 1e9, 0.0
    while n < min(s.strung, CLASSES - 1) and back(s, n + 1) > first:
        interval = float(back(s, n) - back(s, n + 1))
        least, most = min(least, interval), max(most, interval)
        n += 1
    recent = s.n - s.last_at < t.late_n + most
    if n < 3 or not recent or most - least > EVEN * most or least < FLUTTER_S * t.fs:
        return 0.0
    return 60.0 * t.fs * n / (s.last_at - back(s, n))


@inner
def is_narrow(s: EcgState, t: EcgTiming) -> bool:
    """Return whether the last seconds are an even, fast rhythm of narrow beats.

    The network has learned from adults, whose ventricles alone are that fast: a child's heart
    that beats 250/min from the atria looks like fibrillation to it, but is steep for a short part
    of each beat only.
    """
    first = s.n - int(VF_WINDOW_S * t.fs)
    n = 0
    intervals = np.empty(CLASSES)
    while n < min(s.strung, CLASSES - 1) and back(s, n + 1) > first:
        intervals[n] = float(back(s, n) - back(s, n + 1))
        n += 1
    middle = median(intervals, n) if n >= NARROW_BEATS else np.inf
    if s.sqi < FLOOR or middle > 60.0 * t.fs / NARROW_PER_MIN:
        return False
    even = 0
    steepest = 0.0
    for k in range(n):
        even += abs(intervals[k] - middle) < NARROW_EVEN * middle
        steepest += sharpness(s, t, back(s, k))
    if 5 * even < 4 * n:
        return False
    level = STEEP * steepest / n
    steep = 0
    for k in range(back(s, n) + t.sharp_delay_n, s.last_at + t.sharp_delay_n):
        steep += abs(s.sharp[k & MASK]) > level
    return 1000.0 * steep < NARROW_MS * t.fs * n
