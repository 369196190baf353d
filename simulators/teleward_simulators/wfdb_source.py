"""A person's own WFDB recording (PhysioNet) as a patient: the samples as they are, at their rate.

Beats come from the ``.atr`` beside the header. After its end the recording starts again, with a
pause that no detector joins. The recordings that come with Teleward are `recordings.excerpt`.
"""

from pathlib import Path

import numpy as np

from teleward_signal.errors import Invalid
from teleward_signal.vocabulary import METRICS
from teleward_simulators.recorded_source import RecordedSource, Wave
from teleward_simulators.recordings.wfdb_files import read_annotations, read_record

UNITS = {
    "mV": {"mv": 1.0, "uv": 1e-3, "v": 1e3, "nv": 1e-6},
    "mm[Hg]": {"mmhg": 1.0, "mm[hg]": 1.0, "kpa": 7.500617, "cmh2o": 0.735559, "mv": 1.0},
}
"""Unit of a metric -> unit of a recording, lower case -> factor. Pressures without a unit of their
own (older headers leave it out, which reads as millivolt) are taken as they are."""

_METRICS = {
    "i": "ecg_i", "ii": "ecg_ii", "iii": "ecg_iii", "mlii": "ecg_ii", "mli": "ecg_i",
    "avr": "ecg_avr", "avl": "ecg_avl", "avf": "ecg_avf", "v1": "ecg_v1", "v2": "ecg_v2",
    "v3": "ecg_v3", "v4": "ecg_v4", "v5": "ecg_v5", "v6": "ecg_v6", "v": "ecg_v1",
    "ecg": "ecg_ii", "ekg": "ecg_ii",
    "ecg1": "ecg_i", "ecg2": "ecg_ii", "pleth": "pleth", "ppg": "pleth", "resp": "respiration",
    "abp": "arterial_pressure", "art": "arterial_pressure", "co2": "capnogram",
}  # fmt: skip


class WfdbRecording(RecordedSource):
    """One record as a `VitalSource`; raises ValueError with what is wrong with the files."""

    def __init__(self, header: Path) -> None:
        record = read_record(header)
        waves: dict[str, Wave] = {}
        for number, (channel, unit) in enumerate(zip(record.channels, record.units, strict=True)):
            metric = metric_of(channel, number)
            if metric and metric not in waves:
                factor = unit_factor(header, metric, unit)
                samples = (record.signals[:, number] * factor).astype(np.float32)
                waves[metric] = Wave(record.fs, samples)
        if not waves:
            raise Invalid(f"{header}: none of its signals is a wave that a device could measure")
        annotations, beats_s = header.with_suffix(".atr"), np.empty(0)
        if annotations.exists():
            marks = read_annotations(annotations)
            beats_s = marks.beats()[0] / (marks.rate or record.fs)
        super().__init__(waves, beats_s)


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
