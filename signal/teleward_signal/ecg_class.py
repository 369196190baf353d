# mypy: disable-error-code=no-any-return
"""Class of an accepted beat: normal, ventricular, supraventricular premature or unknown.

The AAMI classes (ANSI/AAMI EC57): N with bundle branch blocks and escapes, V, S; Q where neither
the networks nor the signal allow a statement. Decided when the beat is accepted, so from the past
only: the pause after a premature beat is not waited for.
"""

import numpy as np

from teleward_signal.ecg_features import ratio
from teleward_signal.ecg_state import AT_SCALARS, N_CLASS, N_FEATURES, N_MORPHOLOGY
from teleward_signal.kernel_cache import Floats, Record, inner
from teleward_signal.network import judge

NORMAL, VENTRICULAR, SUPRAVENTRICULAR, UNKNOWN = ord("N"), ord("V"), ord("S"), ord("Q")
PREMATURE_FROM = 0.8
"""Probability from which a beat is called S: on records not trained on, 0.5 made too many."""
STRANGE_DOUBT = 0.5
"""Doubt about recent candidates from which a beat unlike all others is called unknown."""


@inner
def describe_class(s: Record) -> None:
    """Add to the features of the beat how it differs from the usual one."""
    f = s.features
    usual = s.usual_shape
    error = 0.0
    ab = aa = bb = 1e-6
    for k in range(N_MORPHOLOGY):
        difference = f[k] - usual[k]
        f[N_FEATURES + k] = difference
        error += difference * difference
        ab += f[k] * usual[k]
        aa += f[k] * f[k]
        bb += usual[k] * usual[k]
    k = N_FEATURES + N_MORPHOLOGY
    f[k] = ab / np.sqrt(aa * bb)
    f[k + 1] = np.sqrt(error / bb)
    f[k + 2] = s.strangers / 12.0
    f[k + 3] = s.likeness_now
    f[k + 4] = min(1.0, s.usual_shape_n / 8.0)
    f[k + 5] = ratio(aa, bb)


@inner
def classify(s: Record, networks: Floats) -> int:
    """Return the symbol of the beat whose features have just been filled, and learn from it."""
    describe_class(s)
    v = judge(s.features, N_CLASS, networks[2])
    symbol = NORMAL
    if v >= 0.5:
        symbol = VENTRICULAR
    elif judge(s.features, N_CLASS, networks[3]) >= PREMATURE_FROM:
        symbol = SUPRAVENTRICULAR
    if s.doubt > STRANGE_DOUBT and s.found_likeness < 0.5:
        symbol = UNKNOWN
    s.symbol = symbol
    if s.template_n <= 1:
        s.usual_shape_n = 0
    if s.usual_shape_n < 4 or s.features[AT_SCALARS + 5] > 0.6:
        s.usual_shape_n += 1
        weight = max(1.0 / s.usual_shape_n, 0.05)
        for k in range(N_MORPHOLOGY):
            s.usual_shape[k] += weight * (s.features[k] - s.usual_shape[k])
    return symbol
