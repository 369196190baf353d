"""Class of an accepted beat: normal, ventricular, supraventricular premature or unknown.

The AAMI classes (ANSI/AAMI EC57): N with bundle branch blocks and escapes, V, S; Q, paced or
unknown, after a pacing spike and where the signal does not allow a statement. Decided when the beat
is accepted, so from the past only: the pause after a premature beat is not waited for. What is
judged are 42 comparisons with this patient's usual beat and intervals (`ecg_family`), never the
shape itself, so that it holds for new people.
"""

from teleward_signal.banks.trees import vote
from teleward_signal.compiled.cache import inner
from teleward_signal.ecg.features import read
from teleward_signal.ecg.networks import Networks
from teleward_signal.ecg.pacing import is_paced
from teleward_signal.ecg.state import N_FINE, N_MORPHOLOGY, EcgState, EcgTiming
from teleward_signal.ecg.templates import (
    AT_WIDTH,
    compare_intervals,
    compare_others,
    compare_usual,
    learn_family,
)

NORMAL, VENTRICULAR, SUPRAVENTRICULAR, UNKNOWN = ord("N"), ord("V"), ord("S"), ord("Q")
VENTRICULAR_FROM = 0.7
"""Log odds from which a beat is called V, a probability of two thirds: on records left out, at even
odds, false ones were one in nineteen and missed ones one in ninety."""
PREMATURE_FROM = 1.4
"""Log odds from which a beat is called S, a probability of 0.8: on records left out 0 made two
false ones for each right one."""
STRANGE_DOUBT = 0.5
"""Doubt about recent candidates from which a beat unlike all others is called unknown."""


@inner
def take_window(s: EcgState, t: EcgTiming, at: int) -> None:
    """Fill the shape and the steep part around the R peak ``at``, in mV."""
    for k in range(N_MORPHOLOGY):
        s.window[k] = read(s.shape, at + t.shape_delay_n + (k - 24) * 0.010 * t.fs)
    for k in range(N_FINE):
        s.steep[k] = read(s.sharp, at + t.sharp_delay_n + (k - 19) * 0.008 * t.fs)


@inner
def classify(s: EcgState, t: EcgTiming, at: int, interval: float, networks: Networks) -> int:
    """Return the symbol of the beat at ``at``, described last, and learn from it.

    ``interval`` is the time since the beat before in s, not yet among ``s.intervals``.
    """
    take_window(s, t, at)
    symbol = NORMAL
    if s.family_n[s.usual_family] > 0:
        compare_usual(s)
        compare_others(s)
        compare_intervals(s, interval)
        if vote(s.class_features, networks.ventricular) >= VENTRICULAR_FROM:
            symbol = VENTRICULAR
        elif vote(s.class_features, networks.supraventricular) >= PREMATURE_FROM:
            symbol = SUPRAVENTRICULAR
        strange = s.doubt > STRANGE_DOUBT and s.found_likeness < 0.5
        if strange or is_paced(s, t, at, s.class_features[AT_WIDTH]):
            symbol = UNKNOWN
    learn_family(s, interval, symbol == VENTRICULAR)
    s.symbol = symbol
    return symbol
