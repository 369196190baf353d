"""What one ECG stream remembers of shockable rhythms: fields of `state.ECG_STATE`."""

from typing import Any

import numpy as np

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

NET_FIELDS: tuple[Any, ...] = (
    ("net_fill", np.int64),  # samples of the frame under way
    ("net_size", np.float32),  # mean size, mV
    ("net_low", np.float32),  # extremes of the frame under way, mV
    ("net_high", np.float32),
    ("net_frame", np.int64),  # frames so far
    ("net_rows1", np.float32, (TAPS[0] - 2 + FRAME, 2)),
    ("net_rows2", np.float32, (TAPS[1] - 2 + FRAME // 2, WIDTHS[0])),
    ("net_rows3", np.float32, (TAPS[2] - 2 + FRAME // 4, WIDTHS[1])),
    ("net_rows4", np.float32, (TAPS[3] - 2 + FRAME // 8, WIDTHS[2])),
    ("net_rows5", np.float32, (TAPS[4] - 2 + FRAME // 16, WIDTHS[3])),
    ("net_last", np.float32, (LONG, WIDTHS[4])),
    ("net_seen", np.float32, (WIDTHS[3],)),  # work space of a frame
    ("net_found", np.float32, (3 * WIDTHS[4],)),
    ("net_hidden", np.float32, (HIDDEN,)),
    ("net_out", np.float32, (N_OUT,)),
)

SHOCKABLE_FIELDS: tuple[Any, ...] = (
    ("alias_z", np.float64, (2, 2)),  # low-pass before the change of rate
    ("alias_last", np.float64),  # its newest output, mV
    ("alias_phase", np.float64),  # samples at 125 Hz still to come before the newest, 0 to 1
    ("band_z", np.float64, (3, 2)),
    ("net_first", np.float64),  # first sample: the filters start there
    *NET_FIELDS,
    ("shock_p", np.float32, (FRAMES_KEPT,)),  # p(VF) + p(VT) of the newest frames
    ("shock_vt", np.float32, (FRAMES_KEPT,)),  # p(VT) of them
    ("shock_size", np.float32, (FRAMES_KEPT,)),  # range of them, mV
    ("shock_on", np.int64),
    ("shock_frames", np.int64),  # frames since it began
)
