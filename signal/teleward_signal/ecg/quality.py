"""How far an ECG stream can be trusted, second by second.

Hard findings (flat, at a rail, clipped, mains) come from the raw samples of the second. The rest is
one number: a network of two layers estimates from the state of the detector (its doubts, how alike
the beats are, how busy the signal is between them) the probability that a beat was missed or made
up around this second; the quality is one minus that.
"""

import numpy as np

from teleward_signal.banks.bank import Reason
from teleward_signal.banks.network import judge
from teleward_signal.compiled.cache import inner
from teleward_signal.compiled.records import Floats
from teleward_signal.ecg.features import MASK, bustle, irregularity, ratio
from teleward_signal.ecg.repetition import repeats
from teleward_signal.ecg.state import HISTORY, EcgState, EcgTiming

NO_SIGNAL, LEAD_OFF, CLIPPED = int(Reason.NO_SIGNAL), int(Reason.LEAD_OFF), int(Reason.CLIPPED)
MOTION, MAINS, SETTLING = int(Reason.MOTION), int(Reason.MAINS), int(Reason.SETTLING)
TOO_FAST = int(Reason.TOO_FAST)
FLAT_MV = 0.008
"""A second within 8 uV is no living signal: amplifier noise alone is 10 to 30 uV."""
RAIL_MV = 2.0
"""A flat line this far from zero is an input at its rail: the electrode is off."""
BEYOND_MV = 15.0
"""No ECG swings 15 mV about its mean (AAMI EC11 asks for +-5 mV); a loose lead picks up more."""
OFFSET_MV = 320.0
"""Electrodes may stand 300 mV off (IEC 60601-2-27); what lies beyond is no electrode on skin."""
HURRIED = 0.25
"""Share of beats with another too soon after it, from which the rate may be half the true one."""
MOTION_BELOW = 0.5
"""Quality below which the stream counts as disturbed by motion or muscle."""


@inner
def watch(s: EcgState, t: EcgTiming, x: float) -> None:
    """Take one raw sample into the counts of the second."""
    s.low = min(s.low, x)
    s.high = max(s.high, x)
    s.moments[0] += x
    s.moments[1] += x * x
    for k in range(2):
        v = x + t.mains_turn[k] * s.mains_z[k, 0] - s.mains_z[k, 1]
        s.mains_z[k, 1] = s.mains_z[k, 0]
        s.mains_z[k, 0] = v
    if x == s.held:
        s.same += 1
        at_edge = x >= s.top or x <= s.bottom
        if s.same == t.clip_n and at_edge and s.top - s.bottom > 0.3:
            s.stuck += 1
    else:
        s.same = 1
    s.top = max(s.top, x)
    s.bottom = min(s.bottom, x)


@inner
def assess(s: EcgState, t: EcgTiming, network: Floats) -> None:
    """End a second: set quality and reasons, begin the next."""
    reasons = 0
    span = s.high - s.low
    if s.lost * 2 > t.second_n:
        reasons = NO_SIGNAL
    elif span < FLAT_MV:
        reasons = LEAD_OFF if abs(s.held) > RAIL_MV else NO_SIGNAL
    elif span > 2 * BEYOND_MV or max(abs(s.high), abs(s.low)) > OFFSET_MV:
        reasons = LEAD_OFF
    if s.stuck >= 1:
        reasons |= CLIPPED
    hum = mains(s, t)
    if hum > 0.35 * max(s.usual_amplitude, 0.05) and hum > 0.05:
        reasons |= MAINS
    if s.learned == 0 or s.intervals_n < 2:
        reasons |= SETTLING
    describe_second(s, t, hum)
    sqi = 1.0 - judge(s.quality[:], network)
    if reasons & (NO_SIGNAL | LEAD_OFF):
        sqi = 0.0
    elif reasons & SETTLING:
        sqi = min(sqi, 0.3)
    if reasons & CLIPPED:
        sqi = min(sqi, 0.5)
    if s.hurried > HURRIED or (s.learned == 1 and repeats(s, t)):
        reasons |= TOO_FAST
        sqi = min(sqi, 0.3)
    if sqi < MOTION_BELOW and reasons == 0:
        reasons = MOTION
    s.sqi = sqi
    s.reasons = reasons
    s.span = span
    s.flat = 1 if reasons & (NO_SIGNAL | LEAD_OFF) else 0
    s.low, s.high = 1e9, -1e9
    s.top -= 0.05 * (s.top - s.bottom)
    s.bottom += 0.05 * (s.top - s.bottom)
    s.lost = s.stuck = 0
    s.moments[:] = 0.0
    s.mains_z[:] = 0.0


@inner
def mains(s: EcgState, t: EcgTiming) -> float:
    """Return the amplitude in mV of the stronger of 50 and 60 Hz over the second."""
    top = 0.0
    for k in range(2):
        if t.mains_turn[k] != 0.0:
            a, b = s.mains_z[k, 0], s.mains_z[k, 1]
            top = max(top, a * a + b * b - t.mains_turn[k] * a * b)
    return float(2.0 * np.sqrt(top) / t.second_n)


@inner
def describe_second(s: EcgState, t: EcgTiming, hum: float) -> None:
    """Fill the features of the quality network."""
    q = s.quality
    n = 2 * t.second_n
    total = 0.0
    for k in range(s.n - n, s.n):
        total += abs(s.shape[k & MASK])
    q[0] = s.doubt
    q[1] = s.doubt_now
    q[2] = s.likeness
    q[3] = s.likeness_now
    q[4] = ratio(total / n, s.usual_amplitude)
    q[5] = ratio(bustle(s, t, s.n - n, n), s.usual_sharp)
    q[6] = ratio(s.high - s.low, s.usual_amplitude)
    q[7] = irregularity(s)
    q[8] = min(4.0, (s.n - s.last_at) / t.fs / max(s.interval, 0.2))
    q[9] = ratio(s.noise_envelope, s.beat_envelope)
    q[10] = ratio(s.beat_amplitude, s.usual_amplitude)
    q[11] = ratio(s.beat_sharp, s.usual_sharp)
    q[12] = min(6.0, s.crowd)
    q[13] = min(1.0, s.intervals_n / HISTORY)
