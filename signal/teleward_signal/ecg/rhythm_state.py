"""What one ECG stream remembers of its rhythm: fields of `state.ECG_STATE`."""

from typing import Annotated

from teleward_signal.compiled.records import ByteArray, Float, FloatArray, Int, IntArray
from teleward_signal.ecg.fibrillation import LAG

CLASSES = 16
"""Beats remembered by class: trigeminy needs nine."""
N_RHYTHMS = 12
"""Codes of `ecg_rhythm_codes.Rhythm`, 0 unused."""
AF_RING = 256
"""Beats kept for dating fibrillation back: `af.DELAY` and half a group, as a power of two."""


class RhythmState:
    """What one ECG stream remembers of its rhythm."""

    classes: Annotated[ByteArray, CLASSES]  # symbols of the newest beats
    beat_at: Annotated[IntArray, CLASSES]  # their samples
    strung: Int  # intervals since the last gap
    ventricular_run: Int
    run_at: Int  # first and last beat of the run
    run_end: Int
    slow_per_min: Float  # bounds of its own, 0: those of the bank
    fast_per_min: Float
    calm_run: Int  # beats in a row that are not ventricular
    rhythms: Annotated[ByteArray, N_RHYTHMS]  # 1: this rhythm is on
    pattern_n: Annotated[IntArray, 2]  # beats of bigeminy and trigeminy
    pattern_at: Annotated[IntArray, 2]  # newest beat that fitted
    pattern_gone: Annotated[IntArray, 2]  # beats since
    uneven_frames: Int  # frames in a row of a shockable rhythm without even beats
    narrow_at: Int  # newest sample at which fast, even, narrow beats were seen, 0 before
    waves_vt: Int  # 1: tachycardia known from waves, not from classes
    company_at: Int  # newest beat that came soon after another
    silent_at: Int  # last beat before the asystole under way
    waves_rate: Float  # its rate, /min
    usual_span: Float  # range of a second with beats, mV
    span_before: Float  # range of the second before the last, mV
    restless_at: Int  # end of the newest second whose range no beat explains
    af_intervals: Annotated[FloatArray, AF_RING]
    af_beats: Annotated[IntArray, AF_RING]
    af_n: Int
    af_looks: Annotated[FloatArray, LAG + 1]  # log odds of the newest windows
    af_looks_n: Int
    af_past: Float  # log odds of the newest look that has its verdict
