"""Cascades of second-order sections on a stream, direct form II transposed, float64.

The state lives in the caller's arrays, so blocks of any length join without a seam. A cascade is
always five sections: one pass with everything in registers beats any loop over sections, and
`design.passthrough` fills up shorter ones. A NaN enters the state; callers keep it out.

    w = b0 v + p        p <- b1 v - a1 w + q        q <- b2 v - a2 w
"""

from teleward_signal.compiled.cache import fused_kernel
from teleward_signal.compiled.records import Floats

SECTIONS = 5
"""Fourth-order band-pass (four sections) and a notch: the monitor's ECG filter."""


@fused_kernel
def cascade(sos: Floats, z: Floats, x: Floats, y: Floats) -> None:
    """Filter one channel: ``sos`` (5, 6), state ``z`` (5, 2), ``x``, ``y`` shape (n_samples,)."""
    b00, b01, b02, a01, a02 = sos[0, 0], sos[0, 1], sos[0, 2], sos[0, 4], sos[0, 5]
    b10, b11, b12, a11, a12 = sos[1, 0], sos[1, 1], sos[1, 2], sos[1, 4], sos[1, 5]
    b20, b21, b22, a21, a22 = sos[2, 0], sos[2, 1], sos[2, 2], sos[2, 4], sos[2, 5]
    b30, b31, b32, a31, a32 = sos[3, 0], sos[3, 1], sos[3, 2], sos[3, 4], sos[3, 5]
    b40, b41, b42, a41, a42 = sos[4, 0], sos[4, 1], sos[4, 2], sos[4, 4], sos[4, 5]
    p0, p1, p2, p3, p4 = z[0, 0], z[1, 0], z[2, 0], z[3, 0], z[4, 0]
    q0, q1, q2, q3, q4 = z[0, 1], z[1, 1], z[2, 1], z[3, 1], z[4, 1]
    for i in range(x.shape[0]):
        v = x[i]
        w = b00 * v + p0
        p0, q0 = b01 * v - a01 * w + q0, b02 * v - a02 * w
        v = b10 * w + p1
        p1, q1 = b11 * w - a11 * v + q1, b12 * w - a12 * v
        w = b20 * v + p2
        p2, q2 = b21 * v - a21 * w + q2, b22 * v - a22 * w
        v = b30 * w + p3
        p3, q3 = b31 * w - a31 * v + q3, b32 * w - a32 * v
        w = b40 * v + p4
        p4, q4 = b41 * v - a41 * w + q4, b42 * v - a42 * w
        y[i] = w
    z[0, 0], z[1, 0], z[2, 0], z[3, 0], z[4, 0] = p0, p1, p2, p3, p4
    z[0, 1], z[1, 1], z[2, 1], z[3, 1], z[4, 1] = q0, q1, q2, q3, q4


@fused_kernel
def cascade_many(sos: Floats, z: Floats, x: Floats, y: Floats) -> None:
    """Filter channels side by side, vectorised across them.

    ``z`` has shape (5, 2, n_channels), ``x`` and ``y`` (n_samples, n_channels).
    """
    b00, b01, b02, a01, a02 = sos[0, 0], sos[0, 1], sos[0, 2], sos[0, 4], sos[0, 5]
    b10, b11, b12, a11, a12 = sos[1, 0], sos[1, 1], sos[1, 2], sos[1, 4], sos[1, 5]
    b20, b21, b22, a21, a22 = sos[2, 0], sos[2, 1], sos[2, 2], sos[2, 4], sos[2, 5]
    b30, b31, b32, a31, a32 = sos[3, 0], sos[3, 1], sos[3, 2], sos[3, 4], sos[3, 5]
    b40, b41, b42, a41, a42 = sos[4, 0], sos[4, 1], sos[4, 2], sos[4, 4], sos[4, 5]
    for i in range(x.shape[0]):
        for c in range(x.shape[1]):
            v = x[i, c]
            w = b00 * v + z[0, 0, c]
            z[0, 0, c] = b01 * v - a01 * w + z[0, 1, c]
            z[0, 1, c] = b02 * v - a02 * w
            v = b10 * w + z[1, 0, c]
            z[1, 0, c] = b11 * w - a11 * v + z[1, 1, c]
            z[1, 1, c] = b12 * w - a12 * v
            w = b20 * v + z[2, 0, c]
            z[2, 0, c] = b21 * v - a21 * w + z[2, 1, c]
            z[2, 1, c] = b22 * v - a22 * w
            v = b30 * w + z[3, 0, c]
            z[3, 0, c] = b31 * w - a31 * v + z[3, 1, c]
            z[3, 1, c] = b32 * w - a32 * v
            w = b40 * v + z[4, 0, c]
            z[4, 0, c] = b41 * v - a41 * w + z[4, 1, c]
            z[4, 1, c] = b42 * v - a42 * w
            y[i, c] = w
