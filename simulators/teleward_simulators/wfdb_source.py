"""A person's own WFDB recording (PhysioNet) as a patient: the samples as they are, at their rate.

Beats come from the ``.atr`` beside the header. After its end the recording starts again, with a
pause that no detector joins. The recordings that come with Teleward are `recordings.excerpt`.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from teleward_signal.errors import Invalid
from teleward_signal.vocabulary import METRICS
from teleward_simulators.recordings.wfdb_files import read_annotations, read_record

UNITS = {
    "mV": {"mv": 1.0, "uv": 1e-3, "v": 1e3, "nv": 1e-6},
    "mm[Hg]": {"mmhg": 1.0, "mm[hg]": 1.0, "kpa": 7.500617, "cmh2o": 0.735559, "mv": 1.0},
}
"""Unit of a metric -> unit of a recording, lower case -> factor. Pressures without a unit of their
own (older headers leave it out, which reads as millivolt) are taken as they are."""
SEAM_S = 2.0
"""Silence between two rounds: longer than a normal RR."""

_METRICS = {
    "i": "ecg_i", "ii": "ecg_ii", "iii": "ecg_iii", "mlii": "ecg_ii", "mli": "ecg_i",
    "avr": "ecg_avr", "avl": "ecg_avl", "avf": "ecg_avf", "v1": "ecg_v1", "v2": "ecg_v2",
    "v3": "ecg_v3", "v4": "ecg_v4", "v5": "ecg_v5", "v6": "ecg_v6", "v": "ecg_v1",
    "ecg": "ecg_ii", "ekg": "ecg_ii",
    "ecg1": "ecg_i", "ecg2": "ecg_ii", "pleth": "pleth", "ppg": "pleth", "resp": "respiration",
    "abp": "arterial_pressure", "art": "arterial_pressure", "co2": "capnogram",
}  # fmt: skip


class WfdbRecording:
    """One record as a `VitalSource`; raises ValueError with what is wrong with the files."""

    def __init__(self, header: Path) -> None:
        record = read_record(header)
        self.fs = record.fs
        self._waves: dict[str, NDArray[np.float32]] = {}
        for number, (channel, unit) in enumerate(zip(record.channels, record.units, strict=True)):
            metric = metric_of(channel, number)
            if metric and metric not in self._waves:
                factor = unit_factor(header, metric, unit)
                self._waves[metric] = (record.signals[:, number] * factor).astype(np.float32)
        if not self._waves:
            raise Invalid(f"{header}: none of its signals is a wave that a device could measure")
        self.duration_s = len(record.signals) / self.fs
        annotations = header.with_suffix(".atr")
        self._beats = np.empty(0)
        if annotations.exists():
            marks = read_annotations(annotations)
            self._beats = marks.beats()[0] / (marks.rate or self.fs)

    def metrics(self) -> frozenset[str]:
        """Return the recorded waves, and the heart rate when there are beats."""
        return frozenset(self._waves) | ({"heart_rate"} if len(self._beats) else set())

    def sampling_rate(self, metric: str) -> float:
        """Return the recorded rate of a wave in Hz."""
        return self.fs

    def numeric(self, metric: str, time_s: float) -> float | None:
        """Return the heart rate of the newest ten seconds of beats; nothing else is recorded."""
        if metric not in ("heart_rate", "pulse_rate"):
            return None
        beats = self.beats(max(0.0, time_s - 10.0), time_s)
        return 60.0 * (len(beats) - 1) / (beats[-1] - beats[0]) if len(beats) > 1 else None

    def waveform(self, metric: str, fs: float, first: int, count: int) -> NDArray[np.float32]:
        """Return recorded samples; ``fs`` must be the recorded rate."""
        if fs != self.fs:
            raise Invalid(f"{metric} was recorded at {self.fs} Hz, not at {fs} Hz")
        wave = self._waves[metric]
        at = (first + np.arange(count)) % (len(wave) + round(SEAM_S * fs))
        out = np.full(count, np.nan, np.float32)
        inside = at < len(wave)
        out[inside] = wave[at[inside]]
        return out

    def beats(self, start_s: float, end_s: float) -> list[float]:
        """Return the annotated beats in [start_s, end_s)."""
        period_s = self.duration_s + SEAM_S
        rounds = range(int(start_s // period_s), int(end_s // period_s) + 1)
        times = np.concatenate([self._beats + number * period_s for number in rounds])
        chosen: list[float] = times[(times >= start_s) & (times < end_s)].tolist()
        return chosen


def metric_of(channel: str, number: int) -> str:
    """Return the metric of a channel by its name, lead II for a first one that is not known."""
    known = channel.lower().strip(" ,").removeprefix("ecg ").removeprefix("ekg ")
    if known in _METRICS:
        return _METRICS[known]
    return known if known in METRICS else "ecg_ii" if number == 0 else ""


def unit_factor(header: Path, metric: str, unit: str) -> float:
    """Return what a value in ``unit`` is multiplied by to be in the unit of ``metric``."""
    wanted = METRICS[metric].unit
    if wanted not in UNITS:
        return 1.0  # pleth and respiration have no unit that recordings agree on
    factor = UNITS[wanted].get(unit.lower().replace("\u00b5", "u"))
    if factor is None:
        known = ", ".join(sorted(UNITS[wanted]))
        raise Invalid(f"{header}: {metric} in {unit} cannot be converted; these can: {known}")
    return factor
