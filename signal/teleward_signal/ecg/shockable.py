"""Shockable rhythms of one ECG stream: ventricular fibrillation, flutter and tachycardia.

The network of `shockable_net` gives five probabilities each 0.256 s; here they become a state:

1. Shockable is p(VF) + p(VT). It begins when its mean over 5 s exceeds `ON`, and ends when its mean
   over 7 s falls below `OFF`, below `OFF_LATE` once it has lasted for ten seconds.
2. A line whose half-seconds hardly move is no fibrillation: while their median over 5 s is under
   `FLAT_MV` nothing begins.
3. The quality of the signal has no say: the rhythm itself destroys it.
4. Which of the two it is the network does not tell reliably (28 % of VF seconds named VT), so the
   pages show "VF/VT"; the code is VT when beats came evenly, else VF.
5. Samples that are missing are held for a second; then the network waits, and so does its state.
"""

from teleward_signal.compiled.cache import inner
from teleward_signal.compiled.records import Floats
from teleward_signal.ecg.candidates import section
from teleward_signal.ecg.shockable_net import take_sample
from teleward_signal.ecg.shockable_state import FIBRILLATION, FRAMES_KEPT, TACHYCARDIA
from teleward_signal.ecg.state import EcgState, EcgTiming

FRAMES_ON = 20
"""5.1 s."""
FRAMES_OFF = 28
"""7.2 s."""
ON = 0.65
OFF = 0.40
OFF_LATE = 0.20
LATE_FRAMES = 40
"""10 s after which a shockable rhythm ends at `OFF_LATE`."""
FLAT_MV = 0.12
HOLD_S = 1.0


@inner
def listen(s: EcgState, t: EcgTiming, w: Floats) -> bool:
    """Take the newest sample, or the one held; return whether the state was looked at."""
    if s.missing > HOLD_S * t.fs:
        return False
    if s.n == 0:
        s.net_first = s.held
    v = section(s.alias_z, t.alias, 0, s.held - s.net_first)
    v = section(s.alias_z, t.alias, 1, v)
    looked = False
    s.alias_phase += t.net_step
    while s.alias_phase >= 1.0:  # one lies between the newest two samples
        s.alias_phase -= 1.0
        back = s.alias_phase / t.net_step
        u = v - back * (v - s.alias_last)
        for k in range(3):
            u = section(s.band_z, t.waves, k, u)
        if take_sample(s, u, w):
            look(s)
            looked = True
    s.alias_last = v
    return looked


@inner
def look(s: EcgState) -> None:
    """Turn the newest probabilities into the state."""
    at = s.net_frame % FRAMES_KEPT
    s.shock_p[at] = s.net_out[FIBRILLATION] + s.net_out[TACHYCARDIA]
    s.shock_vt[at] = s.net_out[TACHYCARDIA]
    s.shock_size[at] = s.net_high - s.net_low
    if s.net_frame < FRAMES_ON:
        return
    if s.shock_on == 0:
        if mean_of(s.shock_p, s.net_frame, FRAMES_ON) > ON and not is_flat(s):
            s.shock_on, s.shock_frames = 1, 0
        return
    s.shock_frames += 1
    least = OFF_LATE if s.shock_frames > LATE_FRAMES else OFF
    if mean_of(s.shock_p, s.net_frame, FRAMES_OFF) < least:
        s.shock_on = 0


@inner
def mean_of(ring: Floats, newest: int, n: int) -> float:
    """Return the mean of the newest ``n`` values of a ring."""
    total = 0.0
    for k in range(n):
        total += ring[(newest - k) % FRAMES_KEPT]
    return total / n


@inner
def is_flat(s: EcgState) -> bool:
    """Return whether most half-seconds of the last 5 s move by less than `FLAT_MV`."""
    small = 0
    for k in range(0, FRAMES_ON, 2):
        first = s.shock_size[(s.net_frame - k) % FRAMES_KEPT]
        second = s.shock_size[(s.net_frame - k - 1) % FRAMES_KEPT]
        small += max(first, second) < FLAT_MV
    return 4 * small > FRAMES_ON
