"""The ECG loop: sample by sample from millivolts to beats.

Theory of operation
===================

    mV --> filters --> envelope --> humps --> queue --> first judgement --> beat
                                                |             | doubtful
                                                |       waits 0.46 s --> second judgement --> beat
                                                |                               | refused
                                                +---- search back when a beat is overdue <---+

1.  Every sample goes through three bands (`bands`). The envelope of the 8 to 20 Hz band has a
    hump for each steep event. Each hump becomes one candidate, placed at its R peak
    (`candidates`). Nothing is decided here: a T wave or an artefact makes a candidate too.
2.  Candidates wait in ``queue_*``, oldest first. `is_ripe` asks for the oldest only: a decision
    depends on the decision before it, so candidates never overtake each other.
3.  The first judgement comes 160 ms after the R peak, once the whole complex is known. The network
    ``beat`` sees the shape, the envelope of the last 1.4 s and how both compare with this
    patient's beats. A probability outside `SURELY_NOT` to `SURELY` decides, but only for a shape
    that is `FAMILIAR`.
4.  All others stay in the queue until 0.46 s have passed, the most that an alarm can wait. The
    network ``doubt`` then sees what followed as well: the candidates after this one, judged by the
    first network, and its share of all possible rhythms (`sequence`).
5.  Two beats lie at least 200 ms apart. A candidate within that time is dropped unjudged, so the
    earlier one of two always wins.
6.  A refused candidate counts as noise, and the best of them since the last beat is kept. When a
    beat is overdue, it becomes a beat after all at a lower bar (`search_back`). With none to fall
    back on, the levels fade each second, so that a sudden loss of amplitude is followed.
7.  What ends a pause must not be far smaller and blunter than the patient's beats (`is_faint`). An
    atrium that goes on while the ventricles stand still would otherwise hide an asystole.
8.  Only accepted beats teach: levels, template, intervals and classes. Beats that were doubtful
    teach a tenth as much, or noise would become what is usual.
9.  A hole up to 40 ms is bridged with the last sample. A longer one restarts the filters, keeps
    what was learned, and leaves the next beat without an interval.
10. Once a second come quality, silence and heart rate (`end_second`). They are events too, so that
    the same samples give the same numerics however blocks were cut.

The loop never looks at a clock and never allocates. All that it remembers is one `state.ECG_STATE`
record. Training runs the same functions from a loop of its own, which copies what was judged.
"""

import numpy as np

from teleward_signal.banks.bank import EventKind, Events
from teleward_signal.banks.network import judge
from teleward_signal.banks.slot_bank import emit, median
from teleward_signal.compiled.cache import constant, inner, kernel
from teleward_signal.compiled.records import Floats, Ints, Records
from teleward_signal.ecg.candidates import condition, find_candidate, restart
from teleward_signal.ecg.certainty import doubts, note_spikes
from teleward_signal.ecg.classes import classify
from teleward_signal.ecg.features import (
    describe,
    describe_later,
    height,
    learn_levels,
    learn_start,
    logit,
    sharpness,
)
from teleward_signal.ecg.networks import Networks
from teleward_signal.ecg.pacing import begin_spikes, is_only_spike, without_spikes
from teleward_signal.ecg.quality import assess, watch
from teleward_signal.ecg.rhythm import FLOOR, follow_beat, follow_shockable, follow_silence
from teleward_signal.ecg.sequence import learn_interval, remember, share
from teleward_signal.ecg.shockable import listen
from teleward_signal.ecg.state import HISTORY, N_FEATURES, N_LATE, EcgState, EcgTiming

EVENT_BEAT, EVENT_RATE = constant(EventKind.BEAT), constant(EventKind.HEART_RATE)
NO_SYMBOL, DOUBTFUL = constant(0), constant(False)
LEAST, LEAST_S = 4, 4.0
"""Intervals of a rate: hearts are uneven by some 5 %, so the mean of four is within 10 %. Of slow
hearts two must do: the third beat is seconds away."""
FAST_S, GAP = 0.3, 1.6
"""Over 200/min a gap of 1.6 intervals is a missed beat rather than a pause: it would count 10 %."""
ACCEPT = 0.58
"""Probability from which a candidate is a beat."""
ACCEPT_OVERDUE = 0.25
"""Probability from which a refused candidate becomes a beat once one is overdue. Of 0.50 and 0.58,
0.15 and 0.30: what gains F1 in noise at 6 dB and costs less than 0.01 without."""
SURELY_NOT = 0.01
SURELY = 0.99
"""Outside these a candidate is decided at once; between them it waits for what follows."""
FAMILIAR = 0.8
"""Likeness to the template below which a candidate waits however sure the first judgement."""
OVERDUE = 1.45
"""Median intervals without a beat after which one is overdue."""
PAUSE_S = 1.8
PACING_S, LEAST_PACED_MV = 3.0, 0.1
"""A monitor does not count QRS below 0.15 mV (AAMI EC13): 1 to 30 Hz leave two thirds of it."""
HURRIED_FROM_S, HURRIED_INTERVAL_S = 0.12, 0.45
"""A second hump of one complex lies nearer; and slower hearts have T waves there."""
FAINT = 0.3
"""Share of the beats' size, which fades while none comes: a P wave in a pause is no beat for the
eight seconds in which an asystole must be reported."""


@inner
def accept(
    s: EcgState,
    t: EcgTiming,
    at: int,
    envelope: float,
    sure: bool,
    networks: Networks,
    events: Events,
    n_events: int,
) -> int:
    """Make a candidate, described last, a beat; ``sure``: there was no doubt about it."""
    interval = np.nan
    if s.beats > 0 and s.broken == 0:
        interval = (at - s.last_at) / t.fs
    since = s.interval if np.isnan(interval) else min(interval, 3.0)
    symbol = classify(s, t, at, since, networks)
    if interval < 3.0:
        s.intervals[s.intervals_n % HISTORY] = interval
        s.intervals_n += 1
        s.trusted += 1
        s.interval = median(s.intervals, min(s.intervals_n, HISTORY))
        learn_interval(s, interval, sure and s.sure_run > 0)
    note_spikes(s, t, at)
    s.sure_run = s.sure_run + 1 if sure else 0
    learn_levels(s, t, at, envelope, 1.0 if sure else 0.1)
    s.beats += 1
    s.last_at = at
    s.broken = 0
    s.spare_p = 0.0
    s.relaxed_at = s.n
    s.likeness_now += 0.35 * (s.found_likeness - s.likeness_now)
    s.crowd += 0.1 * (s.refused - s.crowd)
    s.hurried *= 0.9
    s.refused = 0
    n_events = emit(events, n_events, s, at, EVENT_BEAT, symbol, interval)
    return follow_beat(s, t, interval, networks.fibrillation, events, n_events)


@inner
def is_ripe(s: EcgState, t: EcgTiming) -> bool:
    """Return whether the oldest candidate can be judged, for the first or the second time."""
    if s.queue_n == 0 or s.n - s.queue_at[0] < t.after_n:
        return False
    if s.queue_p[0] < 0.0 or s.n - s.queue_at[0] >= t.late_n:
        return True
    return is_refractory(s, t, s.queue_at[0])


@inner
def is_refractory(s: EcgState, t: EcgTiming, at: int) -> bool:
    """Return whether sample ``at`` is too soon after the last beat for another."""
    return s.beats > 0 and at - s.last_at <= t.refractory_n


@inner
def is_overdue(s: EcgState, t: EcgTiming) -> bool:
    """Return whether a beat should have come by now."""
    if s.spare_p > ACCEPT_OVERDUE and s.n - s.last_at > OVERDUE * s.interval * t.fs:
        return True
    return s.n - s.relaxed_at > 2 * t.second_n


@inner
def is_faint(s: EcgState, t: EcgTiming, at: int) -> bool:
    """Return whether what ends a pause is far smaller and blunter than this patient's beats.

    An atrium that goes on while the ventricles stand still makes such waves.
    """
    if s.beats == 0 or at - s.last_at <= PAUSE_S * t.fs:
        return False
    blunt = sharpness(s, t, at) < FAINT * s.beat_sharp
    return blunt and abs(height(s, t, at)) < FAINT * s.beat_amplitude


@inner
def is_idle_pacing(s: EcgState, t: EcgTiming, at: int) -> bool:
    """Return whether a candidate beside a pacemaker that acts is too small for a ventricle."""
    acts = s.idle > 0 and s.n - s.spike_at < PACING_S * t.fs
    return acts and abs(height(s, t, at)) < LEAST_PACED_MV


@inner
def decide(s: EcgState, t: EcgTiming, networks: Networks, events: Events, n_events: int) -> int:
    """Take the oldest candidate, which `is_ripe`, one step further: judge it, or drop it."""
    at, envelope, p = s.queue_at[0], s.queue_envelope[0], s.queue_p[0]
    if is_refractory(s, t, at):
        note_hurry(s, t, at, envelope)
        drop(s)
        return n_events
    if is_only_spike(s, t, at) or is_idle_pacing(s, t, at):
        drop(s)
        return n_events
    sure = p < 0.0
    if sure:
        describe(s, t, at, envelope)
        first = p = judge(s.features[:N_FEATURES], networks.beat)
        s.queue_p[0] = p
        if p > SURELY_NOT and (p < SURELY or s.found_likeness < FAMILIAR):
            return n_events
    else:
        first = p
        p = judge_late(s, t, at, envelope, p, networks)
    drop(s)
    remember(s, t, at, first)
    s.doubt += 0.1 * (4.0 * p * (1.0 - p) - s.doubt)
    s.doubt_now += 0.35 * (4.0 * p * (1.0 - p) - s.doubt_now)
    if p >= ACCEPT and not is_faint(s, t, at):
        return accept(s, t, at, envelope, sure, networks, events, n_events)
    refuse(s, t, at, envelope, p)
    return n_events


@inner
def note_hurry(s: EcgState, t: EcgTiming, at: int, envelope: float) -> None:
    """Count a candidate that would be a beat, were it not so soon after the last one."""
    late = at - s.last_at > HURRIED_FROM_S * t.fs and s.interval < HURRIED_INTERVAL_S
    if late and envelope > 0.5 * s.beat_envelope:
        s.hurried += 0.3 * (1.0 - s.hurried)


@inner
def judge_late(
    s: EcgState, t: EcgTiming, at: int, envelope: float, p: float, networks: Networks
) -> float:
    """Return the probability of a doubtful candidate, knowing what followed it."""
    best_p, best_after, best_likeness = 0.0, 0.0, -1.0
    near_p, near_after = 0.0, 0.0
    s.later_at[0], s.later_p[0] = at, p
    n_later = 0
    for k in range(1, s.queue_n):
        other = s.queue_at[k]
        if s.n - other < t.after_n:
            break
        describe(s, t, other, s.queue_envelope[k])
        q = judge(s.features[:N_FEATURES], networks.beat)
        n_later += 1
        s.later_at[n_later], s.later_p[n_later] = other, q
        if q > best_p and other - at > t.refractory_n:
            best_p, best_after, best_likeness = q, (other - at) / t.fs, s.found_likeness
        if q > near_p and other - at <= t.refractory_n:
            near_p, near_after = q, (other - at) / t.fs
    describe(s, t, at, envelope)
    describe_later(s, t, at, p)
    k = N_LATE - 8
    s.features[k + 1] = logit(best_p)
    s.features[k + 2] = best_after
    s.features[k + 3] = best_likeness
    s.features[k + 4] = logit(near_p)
    s.features[k + 5] = near_after
    s.features[k + 6] = logit(share(s, t, n_later))
    return judge(s.features[:], networks.doubt)


@inner
def drop(s: EcgState) -> None:
    """Take the oldest candidate off the queue."""
    s.queue_n -= 1
    for k in range(s.queue_n):
        s.queue_at[k] = s.queue_at[k + 1]
        s.queue_envelope[k] = s.queue_envelope[k + 1]
        s.queue_p[k] = s.queue_p[k + 1]


@inner
def refuse(s: EcgState, t: EcgTiming, at: int, envelope: float, p: float) -> None:
    """Count a refused candidate as noise and keep the best for the search back."""
    s.refused += 1
    s.noise_envelope += 0.125 * (envelope - s.noise_envelope)
    if p > s.spare_p and at - s.last_at > 0.36 * t.fs:
        s.spare_at, s.spare_envelope, s.spare_p = at, envelope, p


@inner
def search_back(
    s: EcgState, t: EcgTiming, networks: Networks, events: Events, n_events: int
) -> int:
    """Give the best refused candidate a second chance when a beat is overdue."""
    if s.spare_p > ACCEPT_OVERDUE and s.n - s.last_at > OVERDUE * s.interval * t.fs:
        at, envelope = s.spare_at, s.spare_envelope
        if is_faint(s, t, at):
            s.spare_p = 0.0
            return n_events
        describe(s, t, at, envelope)
        return accept(s, t, at, envelope, DOUBTFUL, networks, events, n_events)
    if s.n - s.relaxed_at > 2 * t.second_n:  # no beat for long: the levels were too high
        s.relaxed_at += t.second_n
        s.beat_envelope *= 0.85
        s.beat_amplitude *= 0.85
        s.beat_sharp *= 0.85
    return n_events


@inner
def heart_rate(s: EcgState, t: EcgTiming) -> float:
    """Return the rate over the last intervals in /min, NaN when it is not known.

    That is when there was no beat lately, and when one may have been missed among fast ones.
    Intervals in which the quality was poor do not count: a beat missed or made up in them would
    stay in the rate for eight beats, with slow hearts half a minute after the signal is good again.
    """
    n = min(s.intervals_n, s.trusted, HISTORY)
    if n < 2 or s.n - s.last_at > max(3.0, 2.5 * s.interval) * t.fs:
        return np.nan
    total = longest = 0.0
    for k in range(n):
        interval = s.intervals[(s.intervals_n - 1 - k) % HISTORY]
        total += interval
        longest = max(longest, interval)
    if n < LEAST and total < LEAST_S:
        return np.nan
    if s.interval < FAST_S and longest > GAP * s.interval:
        return np.nan
    return 60.0 * n / total


@inner
def take(s: EcgState, t: EcgTiming, x: float) -> bool:
    """Take one sample in mV, NaN = lost; return whether candidates can be judged at it."""
    if np.isnan(x):
        s.missing += 1
        s.lost += 1
        x = s.held
    else:
        watch(s, t, x)
        if s.n == 0 or s.missing > t.bridge_n or s.missing == s.n:
            restart(s, t, x)
            begin_spikes(s, x)
        s.missing = 0
        s.held = x
    if s.missing > t.bridge_n:
        return False
    find_candidate(s, t, condition(s, t, without_spikes(s, t, x)))
    if s.learned == 0:
        if s.n - s.started >= t.learning_n:
            learn_start(s, t)
        return False
    return True


@inner
def end_second(s: EcgState, t: EcgTiming, networks: Networks, events: Events, n_events: int) -> int:
    """Give what is known once a second: quality, silence and the heart rate."""
    assess(s, t, networks.quality)
    if s.sqi < FLOOR:
        s.trusted = -1
    n_events = follow_silence(s, t, events, n_events)
    rate, why = heart_rate(s, t), doubts(s, t)
    if why != 0 and not np.isnan(rate):
        s.reasons |= why
        rate = np.nan
    return emit(events, n_events, s, s.n - 1, EVENT_RATE, NO_SYMBOL, rate)


@inner
def advance(
    s: EcgState,
    t: EcgTiming,
    samples: Floats,
    networks: Networks,
    events: Events,
    n_events: int,
) -> int:
    """Take one block of one stream; return the number of events so far."""
    for i in range(samples.shape[0]):
        if take(s, t, float(samples[i])):
            # asked here and not there: handing arrays to a function costs more than the answer
            while is_ripe(s, t):
                n_events = decide(s, t, networks, events, n_events)
            if is_overdue(s, t):
                n_events = search_back(s, t, networks, events, n_events)
        if listen(s, t, networks.shockable):
            n_events = follow_shockable(s, t, events, n_events)
        s.n += 1
        if s.n % t.second_n == 0:
            n_events = end_second(s, t, networks, events, n_events)
    return n_events


@kernel
def advance_all(
    states: Records[EcgState],
    timing: Records[EcgTiming],
    samples: Floats,
    counts: Ints,
    networks: Networks,
    events: Records[Events],
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
                networks,
                events[slot],
                used[slot],
            )
