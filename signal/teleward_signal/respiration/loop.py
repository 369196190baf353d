"""The respiration loop: sample by sample from chest impedance to breaths, rate and apnoea.

Told in full in ``signal/README.md``: turns of the band-passed signal that undo a third of the
usual depth are ends of breaths; how well the last 32 s repeat themselves is the quality.
"""

import numpy as np

from teleward_signal.banks.bank import Events
from teleward_signal.banks.biquads import at_rest, filtered
from teleward_signal.banks.holes import ends_hole, is_bridged
from teleward_signal.banks.slot_bank import emit, median
from teleward_signal.compiled.cache import constant, inner, kernel
from teleward_signal.compiled.records import Floats, Ints, Records
from teleward_signal.respiration.state import (
    BREATH_RING,
    HISTORY,
    N_COARSE,
    RespirationState,
    RespirationTiming,
)

TURN = 0.35
"""Share of the usual depth that a turn must undo; 0.3 to 0.4 score alike on BIDMC."""
SHALLOWEST = 0.3
"""Below this share of the depth of the last minutes nothing is a breath: it is the heart."""
USUAL_WEIGHT = 0.02
"""The usual depth follows over some fifty breaths."""
STEP_LIMIT = 6.0
"""A breath this many times the usual is a movement and does not teach the depth."""
LONGEST_S, SHORTEST_S = 10.0, 0.8
"""Breath lengths tried in the self-comparison: 6 to 75 a minute."""
SLOW_PER_MIN, SLOWEST_S = 9.0, 22.0
"""Below that rate lengths to 22 s are tried as well: deep, slow breathing is no movement."""
APART, APART_SHARE = 1.2, 0.15
"""Breaths a minute, and share, by which turns and self-comparison may differ."""

SURE = 0.6
"""Mean of self-likeness and agreement that makes a quality of 0.4: with movement added to BIDMC
96 % of the seconds that it makes wrong by over 4/min lie below, and 6 % of the clean ones."""

NO_SIGNAL, MOTION, SETTLING = 1, 8, 64
BREATH, RESPIRATORY_RATE = constant(32), constant(33)
APNOEA_ON, APNOEA_OFF = constant(34), constant(35)
NO_SYMBOL = constant(0)


@inner
def restart(s: RespirationState, x: float, rest: Floats) -> None:
    """Start the filters as if ``x`` had been constant; the usual depth stays."""
    at_rest(s.z, rest, x)
    s.coarse_n = 0
    s.extreme = s.turn = s.top = 0.0
    s.rising = 1
    s.started = s.n
    if s.apnoea == 0:
        s.apnoea_from = s.n
    s.broken = 1


@inner
def condition(s: RespirationState, t: RespirationTiming, x: float, sos: Floats) -> float:
    """Filter one sample and keep every so many for the self-comparison."""
    v = filtered(s.z, sos, x)
    if (s.n - s.started) % t.coarse_n == 0:
        s.coarse[s.coarse_n % N_COARSE] = v
        s.coarse_n += 1
    return v


@inner
def learn_depth(s: RespirationState, depth: float) -> None:
    """Take the depth of one breath into the usual depths."""
    if s.depths_n >= HISTORY and depth > STEP_LIMIT * s.depth:
        depth = STEP_LIMIT * s.depth
    s.depths[s.depths_n % HISTORY] = depth
    s.depths_n += 1
    recent = median(s.depths, min(s.depths_n, HISTORY))
    if s.usual_depth == 0.0:
        s.usual_depth = recent
    s.usual_depth += USUAL_WEIGHT * (recent - s.usual_depth)
    s.depth = max(recent, SHALLOWEST * s.usual_depth)


@inner
def find_turn(s: RespirationState, v: float) -> bool:
    """Follow the signal up and down; return whether a breath in has just been seen to end."""
    if s.rising == 1:
        if v > s.extreme:
            s.extreme, s.extreme_at = v, s.n
            return False
        if v > s.extreme - TURN * s.depth:
            return False
        learn_depth(s, s.extreme - s.turn)
        s.rising = 0
    else:
        if v < s.extreme:
            s.extreme, s.extreme_at = v, s.n
            return False
        if v < s.extreme + TURN * s.depth:
            return False
        s.rising = 1
    s.turn = s.extreme
    at = s.extreme_at
    s.extreme, s.extreme_at = v, s.n
    if s.rising == 1:
        return False
    s.turn_at = at
    return True


@inner
def breathe(s: RespirationState, t: RespirationTiming, events: Events, n_events: int) -> int:
    """Note a breath whose end of inspiration was at ``s.turn_at``."""
    at = s.turn_at
    interval = np.nan
    if s.breaths_n > 0 and s.broken == 0:
        interval = (at - s.last_at) / t.fs
    s.breaths_at[s.breaths_n % BREATH_RING] = at if s.broken == 0 else -at - 1
    s.breaths_n += 1
    s.last_at, s.broken = at, 0
    if s.apnoea == 1:
        s.apnoea = 0
        length_s = (at - s.apnoea_from) / t.fs
        n_events = emit(events, n_events, s, at, APNOEA_OFF, NO_SYMBOL, length_s)
    s.apnoea_from = at
    return emit(events, n_events, s, at, BREATH, NO_SYMBOL, interval)


@inner
def watch_apnoea(s: RespirationState, t: RespirationTiming, events: Events, n_events: int) -> int:
    """Begin an apnoea when no breath has come for long; ease the depth before that."""
    silent_n = s.n - s.apnoea_from
    if silent_n > 0 and silent_n % (2 * t.second_n) == 0 and silent_n >= 8 * t.second_n:
        s.depth = max(0.8 * s.depth, SHALLOWEST * s.usual_depth)
    if s.apnoea == 0 and silent_n >= t.apnoea_n and s.breaths_n > 0 and s.same <= t.flat_n:
        s.apnoea = 1
        return emit(events, n_events, s, s.apnoea_from, APNOEA_ON, NO_SYMBOL, silent_n / t.fs)
    return n_events


@inner
def repeat(s: RespirationState, t: RespirationTiming, longest_s: float) -> tuple[float, float]:
    """Return the rate (/min) at which the last 32 s repeat themselves, and how well (-1 to 1)."""
    n = min(s.coarse_n, N_COARSE)
    x = np.empty(N_COARSE)
    mean = 0.0
    for k in range(n):
        x[k] = s.coarse[(s.coarse_n - n + k) % N_COARSE]
        mean += x[k]
    mean /= n
    power = 1e-30
    for k in range(n):
        x[k] -= mean
        power += x[k] * x[k]
    first = int(SHORTEST_S * t.coarse_fs)
    last = min(int(longest_s * t.coarse_fs), n - 2)
    likeness = np.zeros(last + 1)
    best = 0.0
    for lag in range(first, last + 1):
        total = 0.0
        for k in range(n - lag):
            total += x[k] * x[k + lag]
        likeness[lag] = total / power * n / (n - lag)
    for lag in range(first + 1, last):
        if likeness[lag] >= likeness[lag - 1] and likeness[lag] >= likeness[lag + 1]:
            best = max(best, likeness[lag])
    for lag in range(first + 1, last):
        a, b, c = likeness[lag - 1], likeness[lag], likeness[lag + 1]
        if b >= a and b >= c and b > 0.0 and b >= 0.8 * best:  # the shortest good one, no multiple
            shift = 0.5 * (a - c) / (a - 2.0 * b + c - 1e-30)
            return 60.0 * t.coarse_fs / (lag + shift), b
    return np.nan, 0.0


@inner
def rate(s: RespirationState, t: RespirationTiming) -> float:
    """Return breaths a minute over the last 32 s; 0 in apnoea; NaN when too few are known."""
    if s.apnoea == 1:
        return 0.0
    n = 0
    first = s.last_at
    for k in range(min(s.breaths_n, BREATH_RING)):
        stored = s.breaths_at[(s.breaths_n - 1 - k) % BREATH_RING]
        at = stored if stored >= 0 else -stored - 1
        if s.n - at > t.window_n:
            break
        first = at
        n += 1
        if stored < 0:
            break
    if n < 3:
        return np.nan
    length_s = (s.last_at - first) / t.fs / (n - 1)
    silent_s = (s.n - s.last_at) / t.fs
    if silent_s > 2.0 * length_s:  # slower than before: what has not come yet counts too
        return 60.0 * n / ((s.n - first) / t.fs)
    return 60.0 / length_s


@inner
def assess(s: RespirationState, t: RespirationTiming, value: float) -> None:
    """Set quality and reasons as of this sample for the rate ``value``."""
    s.reasons = 0
    s.sqi = 0.0
    if s.missing > t.bridge_n or s.same > t.flat_n or s.n == 0:
        s.reasons = NO_SIGNAL
        return
    if s.apnoea == 1:
        s.sqi = 0.8
        return
    if s.n - s.started < 10 * t.second_n or np.isnan(value):
        s.reasons = SETTLING
        return
    longest_s = SLOWEST_S if value < SLOW_PER_MIN else LONGEST_S
    repeated, likeness = repeat(s, t, longest_s)
    apart = abs(value - repeated) if not np.isnan(repeated) else 9.0
    agreement = max(0.0, 1.0 - apart / 5.0)
    sure = 0.5 * min(1.0, likeness / 0.5) + 0.5 * agreement
    if apart > max(APART, APART_SHARE * value):
        sure = min(sure, 0.9 * SURE)
    if sure < SURE:
        s.sqi = 0.4 * max(0.0, sure) / SURE
    else:
        s.sqi = 0.4 + 0.6 * (sure - SURE) / (1.0 - SURE)
    if s.sqi < 0.5:
        s.reasons = MOTION


@inner
def take_sample(
    s: RespirationState,
    t: RespirationTiming,
    x: float,
    sos: Floats,
    events: Events,
    n_events: int,
) -> int:
    """Advance by one sample that is there, or held over a short hole."""
    v = condition(s, t, x, sos)
    if s.n - s.started < t.settle_n:
        s.top = max(s.top, abs(v))
        s.extreme, s.extreme_at, s.turn = v, s.n, v
        return n_events
    if s.learned == 0:
        if s.top > 0.0:
            s.depth = 2.0 * s.top
            s.learned = 1
        s.top = abs(v)
        return n_events
    if find_turn(s, v):
        n_events = breathe(s, t, events, n_events)
    return watch_apnoea(s, t, events, n_events)


@inner
def advance(
    s: RespirationState,
    t: RespirationTiming,
    samples: Floats,
    sos: Floats,
    rest: Floats,
    events: Events,
    n_events: int,
) -> int:
    """Take one block of one stream; return the number of events so far."""
    for i in range(samples.shape[0]):
        if ends_hole(s, t.bridge_n, float(samples[i])):
            restart(s, s.held, rest)
        if is_bridged(s, t.bridge_n):
            n_events = take_sample(s, t, s.held, sos, events, n_events)
        s.n += 1
        if s.n % t.second_n == 0:
            value = rate(s, t)
            assess(s, t, value)
            value = value if s.sqi > 0.0 else np.nan
            n_events = emit(events, n_events, s, s.n - 1, RESPIRATORY_RATE, NO_SYMBOL, value)
    return n_events


@kernel
def advance_all(
    states: Records[RespirationState],
    timing: Records[RespirationTiming],
    samples: Floats,
    counts: Ints,
    sos: Floats,
    rest: Floats,
    events: Records[Events],
    used: Ints,
) -> None:
    """Take one block of every stream; ``used`` counts the events of each slot."""
    for slot in range(states.shape[0]):
        n = counts[slot]
        if n > 0:
            used[slot] = advance(
                states[slot], timing[0], samples[slot, :n], sos, rest, events[slot], used[slot]
            )
