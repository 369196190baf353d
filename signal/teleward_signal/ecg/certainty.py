"""Whether what was counted as beats may be pacing spikes or atria: then no rate is shown.

A pacemaker goes on over a heart that stands still, and so may its atria. Where the signal does not
tell them from beats, the rate is withheld with its reason; rhythms are followed as before.
"""

from teleward_signal.banks.bank import Reason
from teleward_signal.compiled.cache import inner
from teleward_signal.ecg.pacing import EVOKED_MV, EVOKED_SHARE, evoked_mv, stirred_mv
from teleward_signal.ecg.state import HISTORY, EcgState, EcgTiming

PACING, TOO_SMALL = int(Reason.PACING), int(Reason.TOO_SMALL)
CERTAIN_AFTER = 4
"""Certain beats in a row from which on the rate is shown again: those of a rate."""
BY_SPIKE_FROM_S, BY_SPIKE_TO_S = -0.05, 0.12
"""A beat so near a spike may be the spike; what an atrial spike brings comes later."""
ACTS_S = 12.0
"""So long after its last spike a pacemaker is thought to act: mains and noise hide spikes."""
STEADY, NEXT = 0.5, 1.3
"""Share of spikes that come as evenly as a pacemaker gives them, when none is missed; and how many
of their intervals after the last one may pass until the next has been missed."""
CLEAR_MV, STIRRED_MV = 0.5, 0.6
"""Beyond these one look at a spike shows a ventricle: wander of 1 mV moves 0.45 mV in 150 ms, mains
of 0.1 mV 0.2 mV."""
LEAST_MV = 0.1
"""A monitor does not count QRS below 0.15 mV (AAMI EC13): 1 to 30 Hz leave two thirds of it."""
ATRIUM_MV, BLUNT = 0.3, 0.45
"""A P wave has up to 0.25 mV; of its height the band from 15 to 45 Hz leaves less than this, of a
narrow QRS complex of its size more. Wide complexes are larger."""
EVEN_BLUNT, EVEN_N, EVEN_SHARE = 0.75, 3, 0.025
"""Small beats, not sharp, as even as this (samples, or share of the interval) may be what an
electrode discharges after spikes that the front end hides."""


@inner
def note_spikes(s: EcgState, t: EcgTiming, at: int) -> None:
    """Count the newest beat, at sample ``at``, as certain or not beside the pacemaker."""
    if may_be_spike(s, t, at):
        s.uncertain = CERTAIN_AFTER
    elif s.uncertain > 0:
        s.uncertain -= 1


@inner
def may_be_spike(s: EcgState, t: EcgTiming, at: int) -> bool:
    """Return whether the beat at ``at`` may be a pacing spike, seen or missed, without capture."""
    since = (at - s.spike_at) / t.fs
    if s.spike_at <= 0 or since > ACTS_S:
        return False
    if is_by(t, at, s.spike_at):
        return not is_ventricle(s, t, s.spike_at)
    if is_by(t, at, s.spike_last_at):
        return not is_ventricle(s, t, s.spike_last_at)
    captures = s.evoked >= EVOKED_SHARE
    return not captures and (s.steady < STEADY or since > NEXT * s.spike_interval)


@inner
def is_ventricle(s: EcgState, t: EcgTiming, spike_at: int) -> bool:
    """Return whether the signal by a spike does what neither it nor its discharge can do.

    Wander alone may look a little like it once, but not after four of five spikes.
    """
    evoked = evoked_mv(s, t, spike_at)
    usual = evoked > EVOKED_MV and s.evoked >= EVOKED_SHARE
    return bool(usual or evoked > CLEAR_MV or stirred_mv(s, t, spike_at) > STIRRED_MV)


@inner
def is_by(t: EcgTiming, at: int, spike_at: int) -> bool:
    """Return whether sample ``at`` lies so near a spike that it may be the spike itself."""
    since = (at - spike_at) / t.fs
    return bool(since > BY_SPIKE_FROM_S and since < BY_SPIKE_TO_S)


@inner
def doubts(s: EcgState, t: EcgTiming) -> int:
    """Return the reasons for which the beats may be none; 0 when they are certain."""
    height = s.beat_amplitude
    if height < LEAST_MV or (height < ATRIUM_MV and s.beat_sharp < BLUNT * height):
        return TOO_SMALL
    hidden = height < ATRIUM_MV and s.beat_sharp < EVEN_BLUNT * height and is_even(s, t)
    return PACING if hidden or s.uncertain > 0 else 0


@inner
def is_even(s: EcgState, t: EcgTiming) -> bool:
    """Return whether the last beats came as evenly as a pacemaker makes them."""
    if s.intervals_n < HISTORY:
        return False
    shortest = longest = s.intervals[0]
    for k in range(1, HISTORY):
        shortest = min(shortest, s.intervals[k])
        longest = max(longest, s.intervals[k])
    return bool(longest - shortest <= max(EVEN_N / t.fs, EVEN_SHARE * longest))
