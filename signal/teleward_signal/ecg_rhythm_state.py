"""What one ECG stream remembers of its rhythm: fields of `ecg_state.ECG_STATE`."""

from typing import Any

import numpy as np

CLASSES = 16
"""Beats remembered by class: trigeminy needs nine."""
N_RHYTHMS = 12
"""Codes of `ecg_rhythm_codes.Rhythm`, 0 unused."""
AF_RING = 128
"""Intervals for the fibrillation window of 127."""

RHYTHM_FIELDS: tuple[Any, ...] = (
    ("classes", np.uint8, (CLASSES,)),  # symbols of the newest beats
    ("ventricular_run", np.int64),
    ("calm_run", np.int64),  # beats in a row that are not ventricular
    ("rhythms", np.uint8, (N_RHYTHMS,)),  # 1: this rhythm is on
    ("fibrillating_s", np.int64),  # seconds in a row that look like VF
    ("af_intervals", np.float64, (AF_RING,)),
    ("af_beats", np.int64, (AF_RING,)),
    ("af_n", np.int64),
    ("af_votes", np.int64),
)
