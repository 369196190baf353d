"""A recorded 12-lead ECG: ten seconds that were sampled once and never change."""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from teleward_simulators.physiology.patient import PhysiologyPatient
from teleward_simulators.waveforms.leads import LEAD_NAMES, MATRIX

FS = 500
SECONDS = 10


@dataclass(frozen=True, slots=True)
class Strip:
    """Twelve leads in uV, int16, shape (12, 5000); ``sha256`` is of its little-endian bytes."""

    start_s: float
    """Device time of the first sample."""
    microvolts: NDArray[np.int16]
    sha256: str

    def rows(self) -> dict[str, list[int]]:
        """Return the samples by lead."""
        names = [name.removeprefix("ecg_") for name in LEAD_NAMES]
        return {name: row.tolist() for name, row in zip(names, self.microvolts, strict=True)}


def record(patient: PhysiologyPatient, sampled_s: float) -> Strip | None:
    """Return the ten seconds before ``sampled_s`` of device time.

    None while the patient has not lived long enough: a recording never looks ahead.
    """
    start_s = max(0.0, sampled_s - SECONDS)
    if patient.time_s < start_s + SECONDS:
        return None
    leads = patient.leads(MATRIX, float(FS), round(start_s * FS), SECONDS * FS)
    microvolts = np.clip(np.round(1000.0 * leads), -32768, 32767).astype("<i2")
    return Strip(start_s, microvolts, hashlib.sha256(microvolts.tobytes()).hexdigest())
