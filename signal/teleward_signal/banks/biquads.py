"""A cascade of second-order sections inside a larger kernel: one sample in, one out.

Direct form II transposed; the state ``z``, shape (n_sections, 2), is a field of the stream's
record. Whole blocks of one signal are faster with `kernels.sos`.
"""

from teleward_signal.compiled.cache import inner
from teleward_signal.compiled.records import Floats


@inner
def filtered(z: Floats, sos: Floats, x: float) -> float:
    """Advance a cascade, ``sos`` of shape (n_sections, 6), by one sample."""
    v = x
    for k in range(sos.shape[0]):
        w = sos[k, 0] * v + z[k, 0]
        z[k, 0] = sos[k, 1] * v - sos[k, 4] * w + z[k, 1]
        z[k, 1] = sos[k, 2] * v - sos[k, 5] * w
        v = w
    return v


@inner
def at_rest(z: Floats, rest: Floats, x: float) -> None:
    """Set a cascade as if ``x`` had been constant; ``rest`` is its state for a steady 1."""
    for k in range(rest.shape[0]):
        for j in range(2):
            z[k, j] = rest[k, j] * x
