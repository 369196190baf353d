# mypy: disable-error-code=no-any-return
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
from teleward_signal.compiled.cache import Floats, Record, fused_kernel, inner
from teleward_signal.ecg.shockable_state import (
    FRAME,
    HIDDEN,
    LONG,
    N_OUT,
    RATE,
    SHORT,
    TAPS,
    WIDTHS,
)

SIZE_S = 4.0
"""Time constant of the mean size that the first channel is divided by."""
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
def first_layer(rows: Floats, w: Floats, out: Floats, offset: int) -> int:
    """Advance the first convolution by a frame; return where its weights end."""
    bias = TAPS[0] * 2 * WIDTHS[0]
    for j in range(FRAME // 2):
        mixed = out[offset + j]
        mixed[:] = w[bias : bias + WIDTHS[0]]
        for k in range(TAPS[0] * 2):
            v = rows[2 * j + k // 2, k % 2]
            each = w[k * WIDTHS[0] : (k + 1) * WIDTHS[0]]
            for d in range(WIDTHS[0]):
                mixed[d] += v * each[d]
        for d in range(WIDTHS[0]):
            mixed[d] = max(mixed[d], np.float32(0.0))
    for k in range(TAPS[0] - 2):
        rows[k, 0] = rows[FRAME + k, 0]
        rows[k, 1] = rows[FRAME + k, 1]
    return bias + WIDTHS[0]


@fused_kernel
def separable(rows: Floats, n: int, taps: int, w: Floats, at: int, out: Floats, offset: int) -> int:
    """Advance a depthwise separable layer by ``n`` rows; return where its weights end.

    ``out`` gets ``n / 2`` rows from ``offset`` on; ``rows`` keeps its last ``taps - 2``.
    """
    n_in, n_out = rows.shape[1], out.shape[1]
    point = at + taps * n_in
    bias = point + n_in * n_out
    seen = np.empty(n_in, np.float32)
    for j in range(n // 2):
        seen[:] = np.float32(0.0)
        for k in range(taps):  # over channels within, which the compiler makes one instruction
            row = rows[2 * j + k]
            each = w[at + k * n_in : at + (k + 1) * n_in]
            for c in range(n_in):
                seen[c] += each[c] * row[c]
        mixed = out[offset + j]
        mixed[:] = w[bias : bias + n_out]
        for c in range(n_in):
            v = seen[c]
            each = w[point + c * n_out : point + (c + 1) * n_out]
            for d in range(n_out):
                mixed[d] += v * each[d]
        for d in range(n_out):
            mixed[d] = max(mixed[d], np.float32(0.0))
    for k in range(taps - 2):
        for c in range(n_in):
            rows[k, c] = rows[n + k, c]
    return bias + n_out


@fused_kernel
def summarise(last: Floats, newest: int, found: Floats) -> None:
    """Write mean of all rows, mean of the newest `SHORT` and largest of all into ``found``."""
    width = last.shape[1]
    found[:] = np.float32(0.0)
    for k in range(LONG):
        row = last[(newest - k) % LONG]
        for c in range(width):
            found[c] += row[c]
        for c in range(width):
            found[2 * width + c] = max(found[2 * width + c], row[c])
        if k < SHORT:
            for c in range(width):
                found[width + c] += row[c]
    for c in range(width):
        found[c] /= np.float32(LONG)
        found[width + c] /= np.float32(SHORT)


@fused_kernel
def answer(found: Floats, w: Floats, at: int, out: Floats) -> None:
    """Write the probabilities that the two dense layers give to the summary."""
    n = found.shape[0]
    hidden = np.empty(HIDDEN, np.float32)
    bias = at + n * HIDDEN
    for d in range(HIDDEN):
        hidden[d] = w[bias + d]
    for c in range(n):
        v = found[c]
        each = w[at + c * HIDDEN : at + (c + 1) * HIDDEN]
        for d in range(HIDDEN):
            hidden[d] += v * each[d]
    at = bias + HIDDEN
    largest = np.float32(-1e9)
    for k in range(N_OUT):
        v = w[at + HIDDEN * N_OUT + k]
        for d in range(HIDDEN):
            v += max(hidden[d], np.float32(0.0)) * w[at + d * N_OUT + k]
        out[k] = v
        largest = max(largest, v)
    total = np.float32(0.0)
    for k in range(N_OUT):
        out[k] = np.exp(out[k] - largest)
        total += out[k]
    for k in range(N_OUT):
        out[k] /= total


@fused_kernel
def finish_frame(s: Record, w: Floats) -> None:
    """Advance every layer by the frame that is full."""
    at = first_layer(s.net_rows1, w, s.net_rows2, TAPS[1] - 2)
    at = separable(s.net_rows2, FRAME // 2, TAPS[1], w, at, s.net_rows3, TAPS[2] - 2)
    at = separable(s.net_rows3, FRAME // 4, TAPS[2], w, at, s.net_rows4, TAPS[3] - 2)
    at = separable(s.net_rows4, FRAME // 8, TAPS[3], w, at, s.net_rows5, TAPS[4] - 2)
    newest = s.net_frame % LONG
    at = separable(s.net_rows5, FRAME // 16, TAPS[4], w, at, s.net_last, newest)
    found = np.empty(3 * WIDTHS[4], np.float32)
    summarise(s.net_last, newest, found)
    answer(found, w, at, s.net_out)
    s.net_frame += 1


@inner
def take_sample(s: Record, v: float, w: Floats) -> bool:
    """Take one band-passed sample at 125 Hz in mV; return whether a frame is complete."""
    if s.net_frame == 0 and s.net_fill == 0:
        s.net_size = np.float32(0.1)
    if s.net_fill == 0:
        s.net_low, s.net_high = np.float32(v), np.float32(v)
    s.net_low = min(s.net_low, np.float32(v))
    s.net_high = max(s.net_high, np.float32(v))
    clipped = min(abs(v), 4.0 * s.net_size + 0.05)
    s.net_size += np.float32((clipped - s.net_size) / (SIZE_S * RATE))
    row = TAPS[0] - 2 + s.net_fill
    s.net_rows1[row, 0] = np.arcsinh(v / max(float(s.net_size), FINEST_MV))
    s.net_rows1[row, 1] = np.arcsinh(10.0 * v)
    s.net_fill += 1
    if s.net_fill < FRAME:
        return False
    s.net_fill = 0
    finish_frame(s, w)
    return True
