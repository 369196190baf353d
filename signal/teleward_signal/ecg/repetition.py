"""Whether the signal repeats itself within one interval, so that the rate is a half or a third.

Very fast hearts with tall T waves lose every second beat, or two of three, and what is left comes
evenly. Then the signal of two intervals looks like itself half or a third of an interval earlier.
A beat followed by rest does not: on 23 MIT-BIH records (both leads, ten minutes each, constants
chosen there) the likeness stays under 0.55 in 99 of 100 shown seconds of each; made hearts of 310
to 350/min that read a third reach 0.74 to 0.94.
"""

import numpy as np

from teleward_signal.compiled.cache import inner
from teleward_signal.ecg.features import MASK
from teleward_signal.ecg.state import RING, EcgState, EcgTiming

REPEATED = 0.6
"""Likeness from which the interval is held for two or three."""
SHORTEST_S = 0.16
"""Beats closer than this are none (375/min)."""
POINTS_HZ = 80.0
"""Points a second that are compared: the shape ends at 30 Hz."""
SPREAD = 0.04
"""Lags are tried up to four times this share beside a half and a third: intervals vary."""


@inner
def repeats(s: EcgState, t: EcgTiming) -> bool:
    """Return whether a half or a third of the interval is likely to be the true one."""
    for parts in range(2, 4):
        lag = s.interval * t.fs / parts
        if lag >= SHORTEST_S * t.fs:
            for k in range(-4, 5):
                if likeness_at(s, t, int(lag * (1.0 + SPREAD * k))) > REPEATED:
                    return True
    return False


@inner
def likeness_at(s: EcgState, t: EcgTiming, lag: int) -> float:
    """Return how like the last two intervals are to what lies ``lag`` samples earlier, -1 to 1."""
    n = min(int(2.0 * s.interval * t.fs), RING - 1 - lag)
    step = max(1, int(t.fs / POINTS_HZ))
    xx = yy = 1e-9
    xy = 0.0
    for k in range(s.n - n, s.n, step):
        x, y = s.shape[k & MASK], s.shape[(k - lag) & MASK]
        xx += x * x
        yy += y * y
        xy += x * y
    return float(xy / np.sqrt(xx * yy))
