"""The PPG loop: sample by sample from light absorbed (upward = more blood) to pulses.

Told in full in ``signal/README.md``: each rise of the band-passed signal is a candidate; it is a
pulse when it is tall enough for the time since the pulse before; the tallest one refused gets a
second chance when a pulse is overdue. The fiducial point is the steepest rise.
"""

import numpy as np

from teleward_signal.banks.bank import Events
from teleward_signal.banks.biquads import at_rest, filtered
from teleward_signal.banks.holes import ends_hole, is_bridged
from teleward_signal.banks.slot_bank import emit, median, ranked
from teleward_signal.compiled.cache import constant, inner, kernel
from teleward_signal.compiled.records import Floats, Ints, Records
from teleward_signal.ppg.numerics import perfusion_index, pulse_rate
from teleward_signal.ppg.state import BEAT_RING, HISTORY, N_SHAPE, QUEUE, RING, PpgState, PpgTiming

MASK = RING - 1
EARLY = 0.65
"""Share of the usual rise that a pulse needs right after another: dicrotic waves have less."""
EASE = 0.5
"""How much that share falls by the time the next pulse is due."""
DICROTIC_S = 0.35
"""Until then after the steepest rise only a tall one counts."""
FAINT = 0.15
"""It never falls below this share: a premature pulse is often this weak."""
HURRIED, FAST_FROM = 0.15, 0.5
"""Share of pulses with another too soon after it: the rate may be half, and pulses are fast."""
OVERDUE = 1.5
"""Usual intervals without a pulse after which one is overdue."""
UPSTROKE_S = 0.30
"""An upstroke would be over in this time at its steepest; slower rises are refilling or drift."""
FAINT_OVERDUE = 0.12
"""Share of the usual rise that an overdue pulse needs."""
HUGE = 4.0
"""A rise this many times the usual is movement, unless three follow each other."""

ALIKE_NOISE, ALIKE, ALIKE_CLEAN = 0.70, 0.90, 0.98
"""Mean correlation of eight pulses with the usual shape at which quality is 0, 0.4 and 1. Of clean
BIDMC seconds 94 % lie above 0.90, of seconds whose rate movement made wrong 5 %."""

NO_SIGNAL, CLIPPED, MOTION, LOW_PERFUSION, SETTLING, TOO_FAST = 1, 4, 8, 16, 64, 128
PULSE, PULSE_RATE, PERFUSION_INDEX = constant(16), constant(17), constant(18)
NO_SYMBOL, SURE, DOUBTFUL = constant(0), constant(True), constant(False)
BEAT_SYMBOL = constant(78)


@inner
def restart(s: PpgState, x: float, rest: Floats) -> None:
    """Start the filters as if ``x`` had been constant; what was learned of the pulse stays."""
    at_rest(s.z, rest, x)
    s.previous = 0.0
    s.wave[:] = 0.0
    s.rising = 0
    s.trough = 0.0
    s.spare_rise = 0.0
    s.waiting_at = 0
    s.started = s.n
    s.broken = 1
    s.sure_at = -1
    s.mean = x if s.n == 0 or s.beats_n == 0 else s.mean


@inner
def condition(s: PpgState, t: PpgTiming, x: float, sos: Floats) -> float:
    """Filter one sample into the ring and return it."""
    s.mean += t.mean_weight * (x - s.mean)
    v = filtered(s.z, sos, x)
    s.wave[s.n & MASK] = v
    return v


@inner
def follow(s: PpgState, t: PpgTiming, v: float) -> float:
    """Follow the rises of the signal; return the height of one that has just ended, else 0."""
    step = v - s.previous
    s.previous = v
    if s.rising == 0:
        if v <= s.trough:
            s.trough = v
        elif step > 0.0 and v - s.trough > 0.05 * s.level:
            s.rising = 1
            s.peak, s.peak_at = v, s.n
            s.slope, s.slope_at = step, s.n
            s.flat_top = 0
        return 0.0
    if v > s.peak:
        s.peak, s.peak_at = v, s.n
    if step > s.slope:
        s.slope, s.slope_at = step, s.n
    s.flat_top = max(s.flat_top, s.same)
    rise = s.peak - s.trough
    if s.n - s.peak_at <= t.hold_n and v >= s.peak - 0.3 * rise:
        return 0.0
    s.rising = 0
    s.trough = v
    return rise if s.slope * t.fs * UPSTROKE_S > rise else 0.0


@inner
def learn(s: PpgState, t: PpgTiming) -> None:
    """Set the first level from the rises of the first seconds: four in five are no taller."""
    if s.queue_n > 0:
        s.level = ranked(s.queue_rise, s.queue_n, int(0.8 * s.queue_n))
        s.learned = 1
    s.interval = 0.8
    s.relaxed_at = s.n


@inner
def learn_interval(s: PpgState, t: PpgTiming, at: int) -> None:
    """Take the time since the last sure pulse into the usual interval."""
    if s.sure_at >= 0:
        s.intervals[s.intervals_n % HISTORY] = min((at - s.sure_at) / t.fs, 2.0)
        s.intervals_n += 1
        usual = median(s.intervals, min(s.intervals_n, HISTORY))
        s.interval = min(1.8, max(0.15, usual))
    s.sure_at = at


@inner
def accept(
    s: PpgState,
    t: PpgTiming,
    at: int,
    rise: float,
    sure: bool,
    events: Events,
    n_events: int,
) -> int:
    """Make a rise a pulse; one that is not ``sure`` teaches no interval."""
    interval = np.nan
    if s.beats_n > 0 and s.broken == 0:
        interval = (at - s.last_at) / t.fs
    if sure:
        learn_interval(s, t, at)
    s.rises[s.rises_n % HISTORY] = min(rise, 2.0 * s.level)
    s.rises_n += 1
    n = min(s.rises_n, HISTORY)
    s.level = ranked(s.rises, n, (3 * n) // 4)
    s.beats_at[s.beats_n % BEAT_RING] = at if s.broken == 0 else -at - 1
    s.beats_n += 1
    s.clipped += 0.125 * ((1.0 if s.flat_top > 0.1 * t.fs else 0.0) - s.clipped)
    s.last_at, s.broken, s.spare_rise, s.huge = at, 0, 0.0, 0
    s.relaxed_at = s.n
    s.hurried *= 0.85
    if s.waiting_at == 0:  # a fast pulse comes before the shape of the last is complete
        s.waiting_at = at
    return emit(events, n_events, s, at - t.delay_n, PULSE, BEAT_SYMBOL, interval)


@inner
def grade(s: PpgState, quality: float) -> None:
    """Add the quality of one pulse, or of one that was no pulse."""
    s.quality[s.quality_n % HISTORY] = quality
    s.quality_n += 1


@inner
def hurry(s: PpgState) -> None:
    """Count a wave that would be a pulse, were it not so soon; many of them are pulses."""
    s.hurried += 0.3 * (1.0 - s.hurried)
    if s.hurried > FAST_FROM and s.fast == 0:
        s.fast = 1
        s.beats_n = s.intervals_n = 0  # the intervals so far were those of two pulses
        s.sure_at = -1


@inner
def judge(s: PpgState, t: PpgTiming, rise: float, events: Events, n_events: int) -> int:
    """Decide on a rise that has just ended."""
    since = (s.slope_at - s.last_at) / t.fs if s.beats_n > 0 else 9.0
    if since <= (t.fast_refractory_s if s.fast == 1 else t.refractory_s):
        if rise > EARLY * s.level:
            hurry(s)
        return n_events
    if rise > HUGE * s.level:
        s.huge += 1
        grade(s, 0.0)
        if s.huge < 4:
            return n_events
        s.level, s.rises_n = rise, 0
    share = max(FAINT, EARLY - EASE * max(0.0, since - DICROTIC_S) / s.interval)
    if rise > share * s.level:
        return accept(s, t, s.slope_at, rise, SURE, events, n_events)
    if rise > s.spare_rise and since > 0.55 * s.interval:
        s.spare_rise, s.spare_at = rise, s.slope_at
    return n_events


@inner
def search_back(s: PpgState, t: PpgTiming, events: Events, n_events: int) -> int:
    """Take the tallest refused rise when a pulse is overdue; lower the level after two seconds."""
    since = (s.n - s.last_at) / t.fs
    if (
        s.intervals_n >= 4
        and s.broken == 0
        and since > OVERDUE * s.interval
        and s.spare_rise > FAINT_OVERDUE * s.level
    ):
        return accept(s, t, s.spare_at, s.spare_rise, DOUBTFUL, events, n_events)
    if s.n - s.relaxed_at > 3 * t.second_n:
        s.relaxed_at = s.n - 2 * t.second_n
        s.level *= 0.5
        s.spare_rise = 0.0
        grade(s, 0.0)
    return n_events


@inner
def compare_shape(s: PpgState, t: PpgTiming) -> None:
    """Grade the newest pulse by its likeness to the usual shape; learn the shape."""
    shape = np.empty(N_SHAPE)
    mean_a = mean_b = 0.0
    for k in range(N_SHAPE):
        position = s.waiting_at + (k - 6) * 0.020 * t.fs
        left = int(np.floor(position))
        share = position - left
        shape[k] = (1.0 - share) * s.wave[left & MASK] + share * s.wave[(left + 1) & MASK]
        mean_a += shape[k] / N_SHAPE
        mean_b += s.template[k] / N_SHAPE
    ab = aa = bb = 1e-30
    for k in range(N_SHAPE):
        ab += (shape[k] - mean_a) * (s.template[k] - mean_b)
        aa += (shape[k] - mean_a) ** 2
        bb += (s.template[k] - mean_b) ** 2
    likeness = ab / np.sqrt(aa * bb) if s.template_n >= 3 else ALIKE_CLEAN
    grade(s, max(0.0, likeness))
    if s.template_n < 3 or likeness > ALIKE:
        s.template_n += 1
        weight = max(1.0 / s.template_n, 0.1)
        scale = 1.0 / max(s.level, 1e-12)
        for k in range(N_SHAPE):
            s.template[k] += weight * ((shape[k] - mean_a) * scale - s.template[k])
    s.waiting_at = 0


@inner
def assess(s: PpgState, t: PpgTiming) -> None:
    """Set quality and reasons as of this sample."""
    s.reasons = 0
    s.sqi = 0.0
    if s.missing > t.bridge_n or s.same > t.flat_n or s.n == 0:
        s.reasons = NO_SIGNAL
        return
    n = min(s.quality_n, HISTORY)
    if s.learned == 0 or s.n - s.started < t.learning_n or n < 3:
        s.reasons = SETTLING
        return
    total = 0.0
    for k in range(n):
        total += s.quality[k]
    since = (s.n - s.last_at) / t.fs
    late = min(1.0, max(0.0, (5.0 * s.interval - since) / (2.5 * s.interval)))
    alike = total / n
    if alike < ALIKE:
        quality = 0.4 * max(0.0, alike - ALIKE_NOISE) / (ALIKE - ALIKE_NOISE)
    else:
        quality = 0.4 + 0.6 * min(1.0, (alike - ALIKE) / (ALIKE_CLEAN - ALIKE))
    s.sqi = quality * late * (1.0 - 0.5 * s.clipped)
    if s.hurried > HURRIED:
        s.reasons |= TOO_FAST
        s.sqi = min(s.sqi, 0.3)
    if s.clipped > 0.5:
        s.reasons |= CLIPPED
    faint = s.mean > 0.0 and s.level < 0.001 * s.mean
    if faint:
        s.reasons |= LOW_PERFUSION
    if s.sqi < 0.5 and not faint:
        s.reasons |= MOTION


@inner
def take_sample(
    s: PpgState, t: PpgTiming, x: float, sos: Floats, events: Events, n_events: int
) -> int:
    """Advance by one sample that is there, or held over a short hole."""
    rise = follow(s, t, condition(s, t, x, sos))
    if s.n - s.started < t.settle_n:
        return n_events
    if s.learned == 0:
        if rise > 0.0 and s.queue_n < QUEUE:
            s.queue_at[s.queue_n], s.queue_rise[s.queue_n] = s.slope_at, rise
            s.queue_n += 1
        if s.n - s.started >= t.learning_n:
            learn(s, t)
            for k in range(s.queue_n):
                apart = s.beats_n == 0 or s.queue_at[k] - s.last_at > t.refractory_s * t.fs
                if apart and s.queue_rise[k] > 0.5 * s.level:
                    rise, at = s.queue_rise[k], s.queue_at[k]
                    n_events = accept(s, t, at, rise, SURE, events, n_events)
            s.queue_n = 0
        return n_events
    if rise > 0.0:
        n_events = judge(s, t, rise, events, n_events)
    if s.waiting_at > 0 and s.n - s.waiting_at >= t.after_n:
        compare_shape(s, t)
    return search_back(s, t, events, n_events)


@inner
def advance(
    s: PpgState,
    t: PpgTiming,
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
            assess(s, t)
            rate = pulse_rate(s, t) if s.sqi > 0.0 else np.nan
            index = perfusion_index(s) if s.sqi > 0.0 else np.nan
            n_events = emit(events, n_events, s, s.n - 1, PULSE_RATE, NO_SYMBOL, rate)
            n_events = emit(events, n_events, s, s.n - 1, PERFUSION_INDEX, NO_SYMBOL, index)
    return n_events


@kernel
def advance_all(
    states: Records[PpgState],
    timing: Records[PpgTiming],
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
