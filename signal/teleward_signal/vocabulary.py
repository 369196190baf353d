"""The metrics Teleward knows: one name each, with its codes, unit and plausible range.

Codes: ISO/IEEE 11073-10101 (MDC, partition x 65536 + term) and LOINC; units: UCUM.
MDC_ECG_ELEC_POTL_II, the leads beside it and the codes of weight and body composition are to be
checked against the RTMMS before a release.
"""

import re
from dataclasses import dataclass
from enum import StrEnum


class MetricKind(StrEnum):
    """How a metric arrives."""

    NUMERIC = "numeric"
    """A value at a time."""
    WAVEFORM = "waveform"
    """Samples at a constant rate."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One observed quantity.

    ``low`` and ``high`` bound what a living person and a working sensor can show, in ``unit``;
    they mark values as implausible and are not alarm limits.
    """

    name: str
    label: str
    kind: MetricKind
    unit: str
    mdc: int
    loinc: str | None
    low: float
    high: float
    decimals: int = 0


_N, _W = MetricKind.NUMERIC, MetricKind.WAVEFORM

_TABLE = (
    Metric("heart_rate", "HR", _N, "/min", 147842, "8867-4", 10, 350),
    Metric("pulse_rate", "PR", _N, "/min", 149530, "8889-8", 10, 350),
    Metric("spo2", "SpO\u2082", _N, "%", 150456, "59408-5", 20, 100),
    Metric("perfusion_index", "PI", _N, "%", 150488, "61006-3", 0, 30, 1),
    Metric("respiratory_rate", "RR", _N, "/min", 151562, "9279-1", 0, 150),
    Metric("body_temperature", "Temp", _N, "Cel", 150364, "8310-5", 20, 46, 1),
    Metric("nibp_systolic", "SYS", _N, "mm[Hg]", 150021, "8480-6", 20, 320),
    Metric("nibp_diastolic", "DIA", _N, "mm[Hg]", 150022, "8462-4", 10, 250),
    Metric("nibp_mean", "MAP", _N, "mm[Hg]", 150023, "8478-0", 10, 280),
    Metric("cuff_pressure", "Cuff", _N, "mm[Hg]", 150020, None, 0, 320),
    Metric("arterial_systolic", "ABP SYS", _N, "mm[Hg]", 150033, "76215-3", 0, 350),
    Metric("arterial_diastolic", "ABP DIA", _N, "mm[Hg]", 150034, "76213-8", 0, 350),
    Metric("arterial_mean", "ABP MAP", _N, "mm[Hg]", 150035, "76214-6", 0, 350),
    Metric("etco2", "EtCO\u2082", _N, "mm[Hg]", 151708, "19891-1", 0, 150),
    Metric("glucose", "Glucose", _N, "mg/dL", 160368, "2339-0", 5, 1500),
    Metric("body_weight", "Weight", _N, "kg", 188736, "29463-7", 0.3, 400, 1),
    Metric("body_height", "Height", _N, "m", 188740, "8302-2", 0.2, 2.6, 2),
    Metric("body_fat", "Fat", _N, "%", 188748, "41982-0", 1, 80, 1),
    Metric("urine_volume", "Urine", _N, "mL", 0, "9187-6", 0, 20000),
    Metric("drain_volume", "Drain", _N, "mL", 0, None, 0, 20000),
    Metric("rr_interval", "R-R", _N, "s", 147240, "8637-1", 0.1, 10, 3),
    Metric("pulse_arrival_time", "PAT", _N, "ms", 0, None, 50, 800),
    Metric("news2", "NEWS2", _N, "{score}", 0, "88349-6", 0, 20),
    Metric("anomaly", "Anomaly", _N, "{score}", 0, None, 0, 100, 1),
    Metric("consciousness", "ACVPU", _N, "{score}", 0, "67775-7", 0, 4),
    Metric("supplemental_oxygen", "O\u2082", _N, "L/min", 0, "3151-8", 0, 60),
    Metric("spo2_scale", "SpO\u2082 scale", _N, "{scale}", 0, None, 1, 2),
    Metric("battery", "Battery", _N, "%", 67996, None, 0, 100),
    Metric("ecg_i", "I", _W, "mV", 131329, None, -20, 20, 3),
    Metric("ecg_ii", "II", _W, "mV", 131330, None, -20, 20, 3),
    Metric("ecg_iii", "III", _W, "mV", 131389, None, -20, 20, 3),
    Metric("ecg_avr", "aVR", _W, "mV", 131390, None, -20, 20, 3),
    Metric("ecg_avl", "aVL", _W, "mV", 131391, None, -20, 20, 3),
    Metric("ecg_avf", "aVF", _W, "mV", 131392, None, -20, 20, 3),
    Metric("ecg_v1", "V1", _W, "mV", 131331, None, -20, 20, 3),
    Metric("ecg_v2", "V2", _W, "mV", 131332, None, -20, 20, 3),
    Metric("ecg_v3", "V3", _W, "mV", 131333, None, -20, 20, 3),
    Metric("ecg_v4", "V4", _W, "mV", 131334, None, -20, 20, 3),
    Metric("ecg_v5", "V5", _W, "mV", 131335, None, -20, 20, 3),
    Metric("ecg_v6", "V6", _W, "mV", 131336, None, -20, 20, 3),
    Metric("pleth", "Pleth", _W, "1", 150452, None, -1e9, 1e9, 3),
    Metric("ppg_red", "Red", _W, "1", 150452, None, -1e9, 1e9, 0),
    Metric("ppg_infrared", "IR", _W, "1", 150452, None, -1e9, 1e9, 0),
    Metric("respiration", "Resp", _W, "Ohm", 151780, None, -1e6, 1e6, 3),
    Metric("arterial_pressure", "ABP", _W, "mm[Hg]", 150032, None, -50, 350, 1),
    Metric("capnogram", "CO\u2082", _W, "mm[Hg]", 151704, None, -5, 150, 1),
    Metric("acceleration_x", "Acc x", _W, "m/s2", 0, None, -400, 400, 2),
    Metric("acceleration_y", "Acc y", _W, "m/s2", 0, None, -400, 400, 2),
    Metric("acceleration_z", "Acc z", _W, "m/s2", 0, None, -400, 400, 2),
)

METRICS: dict[str, Metric] = {metric.name: metric for metric in _TABLE}
"""Every metric by name; a name not in here is refused at the border of the project."""


def is_plausible(name: str, value: float) -> bool:
    """Return whether ``value`` lies in the plausible range of metric ``name``."""
    metric = METRICS[name]
    return metric.low <= value <= metric.high


def unit_text(unit: str) -> str:
    """Return a unit for display: UCUM annotations in braces are dropped."""
    return re.sub(r"\{[^}]*\}", "", unit)
