"""Features of a beat candidate, and the templates learned from each beat.

Everything is relative to the patient's own recent beats, so that gain, lead and rate do not
matter: shapes in units of the usual amplitude, envelopes in units of the usual envelope.
"""

import numpy as np

from teleward_signal.banks.slot_bank import median
from teleward_signal.compiled.cache import inner
from teleward_signal.compiled.records import Floats
from teleward_signal.ecg.state import (
    AT_CONTEXT,
    AT_FINE,
    AT_SCALARS,
    HISTORY,
    N_CONTEXT,
    N_FEATURES,
    N_FINE,
    N_LATER,
    N_MORPHOLOGY,
    N_TEMPLATE,
    RING,
    EcgState,
    EcgTiming,
)

MASK = RING - 1


@inner
def read(ring: Floats, position: float) -> float:
    """Return a ring's value between samples."""
    left = int(np.floor(position))
    share = position - left
    return float((1.0 - share) * ring[left & MASK] + share * ring[(left + 1) & MASK])


@inner
def height(s: EcgState, t: EcgTiming, at: int) -> float:
    """Return the size of the deflection at an R peak in mV."""
    return float(s.shape[(at + t.shape_delay_n) & MASK])


@inner
def sharpness(s: EcgState, t: EcgTiming, at: int) -> float:
    """Return the largest sharp deflection within 40 ms of an R peak in mV."""
    reach = int(0.040 * t.fs)
    centre = at + t.sharp_delay_n
    top = 0.0
    for k in range(centre - reach, min(centre + reach, s.n) + 1):
        top = max(top, abs(s.sharp[k & MASK]))
    return top


@inner
def bustle(s: EcgState, t: EcgTiming, first: int, n: int) -> float:
    """Return the mean sharp deflection of ``n`` samples from ring position ``first`` in mV."""
    total = 0.0
    for k in range(first, first + n):
        total += abs(s.sharp[k & MASK])
    return total / n


@inner
def soft(v: float) -> float:
    """Return ``v`` with large sizes compressed, so that an artefact cannot drown the rest."""
    return v / (1.0 + 0.25 * abs(v))


@inner
def describe(s: EcgState, t: EcgTiming, at: int, envelope: float) -> None:
    """Fill ``s.features`` for the candidate at sample ``at``."""
    f = s.features
    r = at + t.shape_delay_n
    amplitude = max(s.beat_amplitude, 1e-3)
    for k in range(N_MORPHOLOGY):
        f[k] = soft(read(s.shape, r + (k - 24) * 0.010 * t.fs) / amplitude)
    size = max(s.beat_sharp, 1e-3)
    q = at + t.sharp_delay_n
    for k in range(N_FINE):
        f[AT_FINE + k] = soft(read(s.sharp, q + (k - 19) * 0.008 * t.fs) / size)
    describe_context(s, t, at)
    gain = compare(s, f[AT_FINE : AT_FINE + N_FINE])
    k = AT_SCALARS
    level = max(s.beat_envelope, 1e-6)
    since = (at - s.last_at) / t.fs if s.beats > 0 and s.broken == 0 else 3.0
    f[k] = max(-3.0, min(3.0, np.log2(envelope / level)))
    f[k + 1] = max(-6.0, min(1.0, np.log2(max(s.noise_envelope, 1e-9) / level)))
    f[k + 2] = min(3.0, since)
    f[k + 3] = min(3.0, since / s.interval)
    f[k + 4] = min(2.0, s.interval)
    f[k + 5] = s.found_likeness
    f[k + 6] = max(-3.0, min(3.0, np.log2(max(abs(height(s, t, at)), 1e-4) / amplitude)))
    newest = s.intervals[(s.intervals_n - 1) % HISTORY] if s.intervals_n > 0 else s.interval
    f[k + 7] = min(3.0, newest / s.interval)
    f[k + 8] = min(1.0, s.template_n / 8.0)
    f[k + 9] = s.spare_p
    f[k + 10] = 1.0 if s.broken == 1 else 0.0
    f[k + 11] = abs(s.found_shift - 6) / 6.0
    f[k + 12] = max(-3.0, min(3.0, gain))
    f[k + 13] = s.doubt
    f[k + 14] = s.likeness
    f[k + 15] = irregularity(s)
    f[k + 16] = max(-3.0, min(3.0, np.log2(max(sharpness(s, t, at), 1e-4) / size)))
    describe_usual(s, t, at, envelope)


@inner
def describe_usual(s: EcgState, t: EcgTiming, at: int, envelope: float) -> None:
    """Fill how the candidate and the last second compare with what is usual for the patient."""
    f = s.features
    k = AT_SCALARS + 17
    f[k] = ratio(envelope, s.usual_envelope)
    f[k + 1] = ratio(sharpness(s, t, at), s.usual_sharp)
    f[k + 2] = ratio(abs(height(s, t, at)), s.usual_amplitude)
    f[k + 3] = s.usual_likeness
    n = t.second_n
    first = at + t.after_n - n
    f[k + 4] = ratio(bustle(s, t, first, n), s.usual_sharp)
    total = 0.0
    for j in range(first, first + n):
        total += abs(s.shape[j & MASK])
    f[k + 5] = ratio(total / n, s.usual_amplitude)


@inner
def ratio(a: float, b: float) -> float:
    """Return log2 of a / b, -4 to 4."""
    return float(max(-4.0, min(4.0, np.log2(max(a, 1e-6) / max(b, 1e-4)))))


@inner
def describe_context(s: EcgState, t: EcgTiming, at: int) -> None:
    """Fill the envelope and the mean sharpness of the last 1.4 s, one value each 40 ms."""
    f = s.features
    level = max(s.beat_envelope, 1e-6)
    size = max(s.beat_sharp, 1e-3)
    step = 0.040 * t.fs
    n = int(step)
    for k in range(N_CONTEXT):
        back = (k - (N_CONTEXT - 1)) * step
        where = at + t.delay_n + back
        v = read(s.envelope, where) / level if where > s.started else 0.0
        f[AT_CONTEXT + k] = min(2.0, np.sqrt(v))
        first = int(at + t.sharp_delay_n + 0.12 * t.fs + back) - n
        v = bustle(s, t, first, n) / size if first > s.started else 0.0
        f[AT_CONTEXT + N_CONTEXT + k] = min(2.0, np.sqrt(v))


@inner
def describe_later(s: EcgState, t: EcgTiming, at: int, p: float) -> None:
    """Add what followed the candidate ``at``, already described and judged ``p``."""
    f = s.features
    level = max(s.beat_envelope, 1e-6)
    size = max(s.beat_sharp, 1e-3)
    n = int(0.040 * t.fs)
    for k in range(N_LATER):
        after = (0.20 + 0.040 * k) * t.fs
        v = read(s.envelope, min(at + t.delay_n + after, s.n)) / level
        f[N_FEATURES + k] = min(2.0, np.sqrt(v))
        v = bustle(s, t, at + t.sharp_delay_n + int(after) - n, n) / size
        f[N_FEATURES + N_LATER + k] = min(2.0, np.sqrt(v))
    k = N_FEATURES + 2 * N_LATER
    f[k + 6], f[k + 7] = 0.0, s.own_spread
    f[k] = logit(p)
    f[k + 1] = -6.0
    f[k + 2] = 0.0
    f[k + 3] = -1.0
    f[k + 4] = -6.0
    f[k + 5] = 0.0


@inner
def logit(p: float) -> float:
    """Return the log odds of a probability, -6 to 6."""
    return float(max(-6.0, min(6.0, np.log((p + 1e-9) / (1.0 - p + 1e-9)))))


@inner
def irregularity(s: EcgState) -> float:
    """Return the spread of the recent intervals over their mean, at most 1."""
    n = min(s.intervals_n, HISTORY)
    if n < 2:
        return 0.2
    mean = 0.0
    for k in range(n):
        mean += s.intervals[k]
    mean /= n
    spread = 0.0
    for k in range(n):
        spread += (s.intervals[k] - mean) ** 2
    return float(min(1.0, np.sqrt(spread / n) / mean))


@inner
def compare(s: EcgState, fine: Floats) -> float:
    """Find where the template fits best: sets likeness and shift, returns log2 of the gain."""
    s.found_likeness, s.found_shift = -1.0, 6
    template = s.template
    tt = 1e-9
    for k in range(N_TEMPLATE):
        tt += template[k] * template[k]
    gain = 0.0
    for shift in range(N_FINE - N_TEMPLATE + 1):
        tf = 0.0
        ff = 1e-9
        for k in range(N_TEMPLATE):
            v = fine[shift + k]
            tf += template[k] * v
            ff += v * v
        like = tf / np.sqrt(tt * ff)
        if like > s.found_likeness:
            s.found_likeness, s.found_shift = like, shift
            gain = tf / tt
    return float(np.log2(max(gain, 1e-3)))


@inner
def learn_start(s: EcgState, t: EcgTiming) -> None:
    """Set the first levels from the candidates of the first second and a half."""
    top = 0.0
    size = 0.0
    for k in range(s.queue_n):
        if s.queue_envelope[k] > top:
            top = s.queue_envelope[k]
            size = abs(height(s, t, s.queue_at[k]))
    s.learned = 1
    s.relaxed_at = s.n
    s.interval = s.own_interval = 0.8
    s.own_spread = 0.2
    s.own_intervals_n = 1
    s.beat_envelope = 0.8 * top
    s.beat_amplitude = max(size, 0.05)
    s.noise_envelope = 0.1 * top
    s.beat_sharp = 0.5 * s.beat_amplitude
    s.usual_envelope = s.beat_envelope
    s.usual_amplitude = s.beat_amplitude
    s.usual_sharp = s.beat_sharp


@inner
def learn_levels(s: EcgState, t: EcgTiming, at: int, envelope: float, trust: float) -> None:
    """Take the sizes and the shape of an accepted beat into the running levels.

    ``trust``, 0 to 1, slows what is to last: noise must not become what is usual.
    """
    slot = s.levels_n % HISTORY
    s.envelopes[slot] = envelope
    s.amplitudes[slot] = abs(height(s, t, at))
    s.sharps[slot] = sharpness(s, t, at)
    s.levels_n += 1
    n = min(s.levels_n, HISTORY)
    s.beat_envelope = median(s.envelopes, n)
    s.beat_amplitude = median(s.amplitudes, n)
    s.beat_sharp = median(s.sharps, n)
    trust = trust if s.levels_n > HISTORY else 1.0
    weight = max(1.0 / s.levels_n, 0.015 * trust)
    s.usual_envelope += weight * (s.beat_envelope - s.usual_envelope)
    s.usual_amplitude += weight * (s.beat_amplitude - s.usual_amplitude)
    s.usual_sharp += weight * (s.beat_sharp - s.usual_sharp)
    s.usual_likeness += weight * (s.found_likeness - s.usual_likeness)
    s.likeness += 0.1 * (s.found_likeness - s.likeness)
    learn_template(s, trust)


@inner
def learn_template(s: EcgState, trust: float) -> None:
    """Update the template from beats that are like it; reset it when none has been for long."""
    known = s.template_n > 3
    if known and s.found_likeness < 0.6:
        s.strangers += 1
        if s.strangers < 12:
            return
        s.template_n = 0
        known = False
    s.strangers = 0
    s.template_n += 1
    weight = max(1.0 / s.template_n, 0.06 * trust)
    first = AT_FINE + (s.found_shift if known else 6)
    for k in range(N_TEMPLATE):
        s.template[k] += weight * (s.features[first + k] - s.template[k])
