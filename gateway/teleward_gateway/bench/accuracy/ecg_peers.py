"""QRS detectors of other libraries, when installed: they get the whole recording at once."""

import warnings
from collections.abc import Callable
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from teleward_simulators.recordings.wfdb_files import Recording

Detector = Callable[[Recording], NDArray[np.int64]]
NEUROKIT_METHODS = ("neurokit", "pantompkins1985", "kalidas2017")
"""The fastest of NeuroKit2 with their own cleaning, as measured on the MIT-BIH records."""


def peers() -> dict[str, Detector]:
    """Return the detectors that are installed, by name."""
    found: dict[str, Detector] = {}
    with suppress(ImportError):
        found["wfdb.gqrs"] = _gqrs()
    with suppress(ImportError):
        for method in NEUROKIT_METHODS[:2]:
            found[f"nk.{method}"] = neurokit(method)
    return found


def _gqrs() -> Detector:
    from wfdb import processing

    def detect(record: Recording) -> NDArray[np.int64]:
        counts = np.round(record.signals[:, 0] * record.adc_gain + record.adc_zero)
        found = processing.gqrs_detect(
            d_sig=counts.astype(np.int64),
            fs=record.fs,
            adc_gain=record.adc_gain,
            adc_zero=record.adc_zero,
        )
        return np.asarray(found, np.int64)

    return detect


def neurokit(method: str) -> Detector:
    """Return NeuroKit2's cleaning and detection by ``method``."""
    import neurokit2

    def detect(record: Recording) -> NDArray[np.int64]:
        fs = round(record.fs)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            clean = neurokit2.ecg_clean(record.signals[:, 0], sampling_rate=fs, method=method)
            found = neurokit2.ecg_findpeaks(clean, sampling_rate=fs, method=method)
        return np.asarray(found["ECG_R_Peaks"], np.int64)

    return detect
