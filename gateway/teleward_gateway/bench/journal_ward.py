"""The load of the journal's benchmark: a ward whose records are the same for every store.

Every patient has one ECG channel (500 Hz, int16, 5 uV a count, 7.5 uV rms of noise) and six values
a second.
"""

from typing import Any

import numpy as np

from teleward_gateway.journal.entries import Entry
from teleward_signal.record import RecordKind

FS = 500
VALUES = ("heart_rate", "pulse_rate", "spo2", "respiratory_rate", "perfusion_index", "news2")
NS = 1_000_000_000
START_NS = 1_772_000_000 * NS


class Ward:
    """The load: the same numbers for both stores."""

    def __init__(self, patients: int) -> None:
        self._rng = np.random.default_rng(1)
        self.patients = patients
        self._waves = [self._ecg(60 + p % 50) for p in range(patients)]

    def _ecg(self, rate_per_min: float) -> np.ndarray[Any, np.dtype[np.int16]]:
        """Return a minute of ECG in counts of 5 uV, int16, shape (60 * FS,)."""
        beat = np.arange(60 * FS) / FS * rate_per_min / 60 % 1.0
        shape = ((0.18, 0.025, 0.12), (0.36, 0.008, -0.12), (0.38, 0.01, 1.1),
                 (0.405, 0.009, -0.25), (0.62, 0.045, 0.3))  # fmt: skip
        mv = sum(a * np.exp(-((beat - c) ** 2) / (2 * w * w)) for c, w, a in shape)
        noise = self._rng.normal(0, 1.5, 60 * FS)
        return np.round(mv * 200 + noise).astype("<i2")

    def samples(self, patient: int, second: int) -> bytes:
        """Return one second of a patient's ECG."""
        first = second % 60 * FS
        return self._waves[patient][first : first + FS].tobytes()

    def entries(self, second: int, jitter: bool = True) -> list[Entry]:
        """Return one second of records, values first."""
        time_ns = START_NS + second * NS
        found = []
        for p in range(self.patients):
            subject = f"bed-{p + 1}"
            for k, metric in enumerate(VALUES):
                value = round(60 + p % 30 + k + float(self._rng.normal(0, 1)) * jitter, 1)
                payload = {"value": value, "source": "device", "valid_s": 5.0, "quality": 0.98}
                found.append(
                    Entry(RecordKind.MEASUREMENT, subject, f"monitor-{p + 1}", metric,
                          time_ns + 3_141_592 * k, 12_000_000, second * NS, payload)
                )  # fmt: skip
        for p in range(self.patients):
            payload = {"fs": float(FS), "scale": 0.005, "offset": 0.0, "index": second * FS,
                       "dtype": "int16"}  # fmt: skip
            found.append(
                Entry(RecordKind.WAVEFORM, f"bed-{p + 1}", f"patch-{p + 1}", "ecg_ii",
                      time_ns + 271_828 * p, 12_000_000, second * NS, payload,
                      self.samples(p, second))
            )  # fmt: skip
        return found
