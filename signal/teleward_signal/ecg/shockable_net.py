r"""Convolutional network that separates shockable rhythms from others, streamed over one ECG lead.

    mV at fs -> 40 Hz low-pass -> 125 Hz -> 0.7 to 30 Hz -> two channels -> five convolutions
                                                                                  |
        probabilities <- 24 <- mean of 6.1 s, mean of 2 s, largest of 6.1 s  <- 56 channels

1. The two channels are the signal over its own mean size of the last 4 s, so that gain does not
   matter, and the signal over 0.1 mV, so that size is not forgotten; both through asinh, so that a
   jolt cannot drown what follows.
2. Each convolution halves the rate and sees only the past; all but the first are depthwise
   separable (Howard et al., MobileNets, arXiv 1704.04861, 2017). A frame is 32 samples, 0.256 s: it
   advances every layer once, and a layer keeps only the rows that its next frame needs. Nothing is
   computed twice, and how blocks were cut cannot matter.
3. The weights are one float32 vector, in the order of `SHAPES`; batch normalisation is folded into
   them by the training.

A patient-second costs 57 000 multiplications.
"""

import math

import numpy as np

from teleward_signal.banks import design
from teleward_signal.compiled.cache import constant, fused_kernel, inner
from teleward_signal.compiled.records import Floats
from teleward_signal.ecg.shockable_state import (
    FRAME,
    HIDDEN,
    LONG,
    N_OUT,
    RATE,
    SHORT,
    TAPS,
    WIDTHS,
    NetState,
)

SIZE_S = 4.0
"""Time constant of the mean size that the first channel is divided by."""
FIRST = constant(0)
_, WIDER, _, WIDE, _ = (constant(taps) for taps in TAPS)
FINEST_MV = 0.01
"""Size below which a signal is not amplified further."""

SHAPES: tuple[tuple[int, ...], ...] = (
    (TAPS[0], 2, WIDTHS[0]),
    (WIDTHS[0],),
    *(
        shape
        for k in range(1, 5)
        for shape in ((TAPS[k], WIDTHS[k - 1]), (WIDTHS[k - 1], WIDTHS[k]), (WIDTHS[k],))
    ),
    (3 * WIDTHS[4], HIDDEN),
    (HIDDEN,),
    (HIDDEN, N_OUT),
    (N_OUT,),
)
"""Weights in order: first convolution and bias; depthwise, pointwise and bias of the next four;
the two dense layers with their biases."""
N_WEIGHTS = sum(math.prod(shape) for shape in SHAPES)


def waves_band(fs: float = RATE) -> design.Sos:
    """Return 0.7 to 30 Hz at 125 Hz: no baseline wander, shape of wide and fine waves kept."""
    return np.vstack(
        [design.butterworth_highpass(2, 0.7, fs), design.butterworth_lowpass(4, 30.0, fs)]
    )


def anti_alias(fs: float) -> design.Sos:
    """Return the low-pass before the change of rate to 125 Hz; two sections."""
    return design.butterworth_lowpass(4, min(40.0, 0.42 * fs), fs)


@fused_kernel
def sums(values: Floats, first: int, n: int, m: Floats, out: Floats) -> None:
    """Write ``values[first : first + n] @ m[:n] + m[n]`` into ``out``; ``n`` is even.

    Eight rows of the matrix at once: beginning a vector loop costs more than such a short one.
    """
    for d in range(out.shape[0]):
        out[d] = m[n, d]
    for c in range(0, n - 7, 8):
        k = first + c
        v0, v1, v2, v3 = values[k], values[k + 1], values[k + 2], values[k + 3]
        v4, v5, v6, v7 = values[k + 4], values[k + 5], values[k + 6], values[k + 7]
        for d in range(out.shape[0]):
            v = out[d] + v0 * m[c, d] + v1 * m[c + 1, d] + v2 * m[c + 2, d] + v3 * m[c + 3, d]
            v = v + v4 * m[c + 4, d] + v5 * m[c + 5, d] + v6 * m[c + 6, d] + v7 * m[c + 7, d]
            out[d] = v
    for c in range(n - n % 8, n, 2):
        v0, v1 = values[first + c], values[first + c + 1]
        for d in range(out.shape[0]):
            out[d] = out[d] + v0 * m[c, d] + v1 * m[c + 1, d]


@fused_kernel
def each_channel(rows: Floats, first: int, taps: int, m: Floats, seen: Floats) -> None:
    """Write the sum over ``taps`` rows, 5 or 7, of each channel times its weight into ``seen``."""
    k = first
    for c in range(rows.shape[1]):
        v = rows[k, c] * m[0, c] + rows[k + 1, c] * m[1, c] + rows[k + 2, c] * m[2, c]
        seen[c] = v + rows[k + 3, c] * m[3, c] + rows[k + 4, c] * m[4, c]
    if taps == 7:
        for c in range(rows.shape[1]):
            seen[c] = seen[c] + rows[k + 5, c] * m[5, c] + rows[k + 6, c] * m[6, c]


@fused_kernel
def rectify(rows: Floats) -> None:
    """Set what is negative to zero."""
    flat = rows.reshape(rows.size)
    for d in range(flat.shape[0]):
        flat[d] = max(flat[d], np.float32(0.0))


@fused_kernel
def first_layer(rows: Floats, w: Floats, out: Floats) -> int:
    """Advance the first convolution by a frame; return where its weights end."""
    n = TAPS[0] * 2
    end = (n + 1) * WIDTHS[0]
    m = w[:end].reshape(n + 1, WIDTHS[0])
    flat = rows.reshape(rows.size)  # a window of rows is one stretch of it
    before = TAPS[1] - 2
    for j in range(FRAME // 2):
        sums(flat, 4 * j, n, m, out[before + j])
    rectify(out[before : before + FRAME // 2])
    for k in range(2 * (TAPS[0] - 2)):
        flat[k] = flat[2 * FRAME + k]
    return end


@fused_kernel
def separable(
    rows: Floats, n: int, taps: int, w: Floats, at: int, seen: Floats, out: Floats, offset: int
) -> int:
    """Advance a depthwise separable layer by ``n`` rows; return where its weights end.

    ``out`` gets ``n / 2`` rows from ``offset`` on; ``rows`` keeps its last ``taps - 2``.
    """
    n_in, n_out = rows.shape[1], out.shape[1]
    point = at + taps * n_in
    end = point + (n_in + 1) * n_out
    deep = w[at:point].reshape(taps, n_in)
    m = w[point:end].reshape(n_in + 1, n_out)
    for j in range(n // 2):
        each_channel(rows, 2 * j, taps, deep, seen)
        sums(seen, FIRST, n_in, m, out[offset + j])
    rectify(out[offset : offset + n // 2])
    for k in range(taps - 2):
        for c in range(n_in):
            rows[k, c] = rows[n + k, c]
    return int(end)


@fused_kernel
def summarise(last: Floats, newest: int, found: Floats) -> None:
    """Write mean of all rows, mean of the newest `SHORT` and largest of all into ``found``."""
    width = last.shape[1]
    mean, recent, largest = found[:width], found[width : 2 * width], found[2 * width :]
    found[:] = np.float32(0.0)
    for k in range(0, LONG, 4):
        a, b = last[(newest - k) % LONG], last[(newest - k - 1) % LONG]
        c, d = last[(newest - k - 2) % LONG], last[(newest - k - 3) % LONG]
        for i in range(width):
            mean[i] = mean[i] + a[i] + b[i] + c[i] + d[i]
            largest[i] = max(max(max(max(largest[i], a[i]), b[i]), c[i]), d[i])
        if k == SHORT - 4:
            recent[:] = mean
    for i in range(width):
        mean[i] /= np.float32(LONG)
        recent[i] /= np.float32(SHORT)


@fused_kernel
def answer(found: Floats, w: Floats, at: int, hidden: Floats, out: Floats) -> None:
    """Write the probabilities that the two dense layers give to the summary."""
    n = found.shape[0]
    end = at + (n + 1) * HIDDEN
    sums(found, FIRST, n, w[at:end].reshape(n + 1, HIDDEN), hidden)
    rectify(hidden.reshape(1, HIDDEN))
    at = end
    m = w[at:].reshape(HIDDEN + 1, N_OUT)
    sums(hidden, FIRST, hidden.shape[0], m, out)
    largest = np.max(out)
    total = np.float32(0.0)
    for k in range(N_OUT):
        out[k] = np.exp(out[k] - largest)
        total += out[k]
    for k in range(N_OUT):
        out[k] /= total


@fused_kernel
def finish_frame(s: NetState, w: Floats) -> None:
    """Advance every layer by the frame that is full."""
    # each [:] forgets a length: the layers are one compiled function for all of them
    rows2, rows3, rows4, rows5 = s.net_rows2[:], s.net_rows3[:], s.net_rows4[:], s.net_rows5[:]
    seen, last, found, newest = s.net_seen[:], s.net_last[:], s.net_found[:], s.net_frame % LONG
    at = first_layer(s.net_rows1[:], w, rows2)
    at = separable(rows2, FRAME // 2, WIDER, w, at, seen, rows3, TAPS[2] - 2)
    at = separable(rows3, FRAME // 4, WIDER, w, at, seen, rows4, TAPS[3] - 2)
    at = separable(rows4, FRAME // 8, WIDE, w, at, seen, rows5, TAPS[4] - 2)
    at = separable(rows5, FRAME // 16, WIDE, w, at, seen, last, newest)
    summarise(last, newest, found)
    answer(found, w, at, s.net_hidden[:], s.net_out[:])
    s.net_frame += 1


@inner
def arsinh(v: float) -> float:
    """Return the inverse hyperbolic sine, to 1e-15; `numpy.arcsinh` takes twice the time."""
    size = abs(v)
    return math.copysign(math.log(size + math.sqrt(size * size + 1.0)), v)


@inner
def take_sample(s: NetState, v: float, w: Floats) -> bool:
    """Take one band-passed sample at 125 Hz in mV; return whether a frame is complete."""
    if s.net_frame == 0 and s.net_fill == 0:
        s.net_size = 0.1
    if s.net_fill == 0:
        s.net_low, s.net_high = v, v
    s.net_low = min(s.net_low, v)
    s.net_high = max(s.net_high, v)
    clipped = min(abs(v), 4.0 * s.net_size + 0.05)
    # single precision, as the network was trained with
    s.net_size += np.float32((clipped - s.net_size) / (SIZE_S * RATE))  # type: ignore[assignment]
    row = TAPS[0] - 2 + s.net_fill
    s.net_rows1[row, 0] = arsinh(v / max(float(s.net_size), FINEST_MV))
    s.net_rows1[row, 1] = arsinh(10.0 * v)
    s.net_fill += 1
    if s.net_fill < FRAME:
        return False
    s.net_fill = 0
    finish_frame(s, w)
    return True
