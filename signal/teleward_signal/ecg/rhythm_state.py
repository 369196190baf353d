"""What one ECG stream remembers of its rhythm: fields of `state.ECG_STATE`."""

from typing import Any

import numpy as np

from teleward_signal.ecg.fibrillation import LAG

CLASSES = 16
"""Beats remembered by class: trigeminy needs nine."""
N_RHYTHMS = 12
"""Codes of `ecg_rhythm_codes.Rhythm`, 0 unused."""
AF_RING = 256
"""Beats kept for dating fibrillation back: `af.DELAY` and half a group, as a power of two."""

RHYTHM_FIELDS: tuple[Any, ...] = (
    ("classes", np.uint8, (CLASSES,)),  # symbols of the newest beats
    ("beat_at", np.int64, (CLASSES,)),  # their samples
    ("strung", np.int64),  # intervals since the last gap
    ("ventricular_run", np.int64),
    ("run_at", np.int64),  # first and last beat of the run
    ("run_end", np.int64),
    ("calm_run", np.int64),  # beats in a row that are not ventricular
    ("rhythms", np.uint8, (N_RHYTHMS,)),  # 1: this rhythm is on
    ("pattern_n", np.int64, (2,)),  # beats of bigeminy and trigeminy
    ("pattern_at", np.int64, (2,)),  # newest beat that fitted
    ("pattern_gone", np.int64, (2,)),  # beats since
    ("uneven_frames", np.int64),  # frames in a row of a shockable rhythm without even beats
    ("waves_vt", np.int64),  # 1: tachycardia known from waves, not from classes
    ("company_at", np.int64),  # newest beat that came soon after another
    ("silent_at", np.int64),  # last beat before the asystole under way
    ("waves_rate", np.float64),  # its rate, /min
    ("usual_span", np.float64),  # range of a second with beats, mV
    ("span_before", np.float64),  # range of the second before the last, mV
    ("restless_at", np.int64),  # end of the newest second whose range no beat explains
    ("af_intervals", np.float64, (AF_RING,)),
    ("af_beats", np.int64, (AF_RING,)),
    ("af_n", np.int64),
    ("af_looks", np.float64, (LAG + 1,)),  # log odds of the newest windows
    ("af_looks_n", np.int64),
    ("af_past", np.float64),  # log odds of the newest look that has its verdict
)
