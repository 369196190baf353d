"""What one ECG stream remembers of shockable rhythms: fields of `state.ECG_STATE`."""

from typing import Annotated

from teleward_signal.compiled.records import Float, FloatArray, Int, Single, SingleArray

RATE = 125.0
"""Hz at which the network works."""
FRAME = 32
"""Samples of a frame: one output of the last convolution."""
WIDTHS = (8, 16, 24, 40, 56)
TAPS = (9, 7, 7, 5, 5)
SHORT, LONG = 8, 24
"""Frames over which the last layer is summarised: 2.0 and 6.1 s."""
HIDDEN = 24
N_OUT = 5
ORGANISED, FIBRILLATION, TACHYCARDIA, STANDSTILL, NOISE = range(N_OUT)
"""Outputs: beats with rest between them, VF or flutter, VT, no beats, nothing to be seen."""
FRAMES_KEPT = 32
"""Frames whose probabilities are remembered: 8.2 s."""


class NetState:
    """Work space of the network of one ECG stream."""

    net_fill: Int  # samples of the frame under way
    net_size: Single  # mean size, mV
    net_low: Single  # extremes of the frame under way, mV
    net_high: Single
    net_frame: Int  # frames so far
    net_rows1: Annotated[SingleArray, TAPS[0] - 2 + FRAME, 2]
    net_rows2: Annotated[SingleArray, TAPS[1] - 2 + FRAME // 2, WIDTHS[0]]
    net_rows3: Annotated[SingleArray, TAPS[2] - 2 + FRAME // 4, WIDTHS[1]]
    net_rows4: Annotated[SingleArray, TAPS[3] - 2 + FRAME // 8, WIDTHS[2]]
    net_rows5: Annotated[SingleArray, TAPS[4] - 2 + FRAME // 16, WIDTHS[3]]
    net_last: Annotated[SingleArray, LONG, WIDTHS[4]]
    net_seen: Annotated[SingleArray, WIDTHS[3]]  # work space of a frame
    net_found: Annotated[SingleArray, 3 * WIDTHS[4]]
    net_hidden: Annotated[SingleArray, HIDDEN]
    net_out: Annotated[SingleArray, N_OUT]


class ShockableState(NetState):
    """What one ECG stream remembers of shockable rhythms."""

    alias_z: Annotated[FloatArray, 2, 2]  # low-pass before the change of rate
    alias_last: Float  # its newest output, mV
    alias_phase: Float  # samples at 125 Hz still to come before the newest, 0 to 1
    band_z: Annotated[FloatArray, 3, 2]
    net_first: Float  # first sample: the filters start there
    shock_p: Annotated[SingleArray, FRAMES_KEPT]  # p(VF) + p(VT) of the newest frames
    shock_vt: Annotated[SingleArray, FRAMES_KEPT]  # p(VT) of them
    shock_size: Annotated[SingleArray, FRAMES_KEPT]  # range of them, mV
    shock_on: Int
    shock_frames: Int  # frames since it began
