"""From samples to candidates: filters, the envelope, its humps, and the R peak that made each."""

from teleward_signal.compiled.cache import inner
from teleward_signal.compiled.records import Floats
from teleward_signal.ecg.features import MASK
from teleward_signal.ecg.state import QUEUE, EcgState, EcgTiming

UPRIGHT = 1.3
"""Weight of upward bends: of 1.0 to 2.5, the one with the least jitter on ten of the records."""


@inner
def section(z: Floats, sos: Floats, k: int, v: float) -> float:
    """Advance section ``k`` of a cascade by one sample (direct form II transposed).

    `kernels.biquads` does whole cascades; here its loop made the chain a third slower.
    """
    w = sos[k, 0] * v + z[k, 0]
    z[k, 0] = sos[k, 1] * v - sos[k, 4] * w + z[k, 1]
    z[k, 1] = sos[k, 2] * v - sos[k, 5] * w
    return float(w)


@inner
def restart(s: EcgState, t: EcgTiming, x: float) -> None:
    """Start the filters as if ``x`` had been constant; what was learned of the beats stays."""
    for j in range(2):
        for k in range(2):
            s.detect_z[k, j] = t.detect_rest[k, j] * x
            s.shape_z[k, j] = t.shape_rest[k, j] * x
        for k in range(4):
            s.sharp_z[k, j] = t.sharp_rest[k, j] * x
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
def condition(s: EcgState, t: EcgTiming, x: float) -> float:
    """Filter one sample into the rings and return the envelope."""
    n = s.n
    v = section(s.detect_z, t.detect, 1, section(s.detect_z, t.detect, 0, x))
    w = x
    for k in range(4):
        w = section(s.sharp_z, t.sharp, k, w)
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
    s.shape[n & MASK] = section(s.shape_z, t.shape, 1, section(s.shape_z, t.shape, 0, x))
    return s.envelope_sum


@inner
def r_peak(s: EcgState, t: EcgTiming, envelope_at: int) -> int:
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
def find_candidate(s: EcgState, t: EcgTiming, e: float) -> None:
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
