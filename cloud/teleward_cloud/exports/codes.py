"""Codes of every metric in FHIR and HL7 messages, each with where it comes from.

Sources, by the letters of the table:

    R   ISO/IEEE 11073-10101 nomenclature as published in the Rosetta Terminology (RTMMS, NIST)
    P   HL7 Personal Health Device guide (hl7.org/fhir/uv/phd), for glucose and body measurements
    V   FHIR R4 vital signs profiles (hl7.org/fhir/R4/observation-vitalsigns.html)
    L   LOINC (loinc.org)
    S   SNOMED CT (IPS free set), for the levels of consciousness
    -   no published code fits: the metric goes out with its own name

MDC codes are partition x 65536 + term; units beside UCUM are those of the partition "dimensions".
"""

from dataclasses import dataclass

from teleward_signal.vocabulary import METRICS

UCUM = "http://unitsofmeasure.org"
LOINC = "http://loinc.org"
MDC = "urn:iso:std:iso:11073:10101"
SNOMED = "http://snomed.info/sct"


@dataclass(frozen=True, slots=True)
class Code:
    """A code of one system and its published name."""

    code: str
    display: str


@dataclass(frozen=True, slots=True)
class MetricCodes:
    """How one metric is called outside.

    ``loinc`` holds the most specific code first. ``unit`` is UCUM; a value in the unit of the
    metric is multiplied by ``factor``. ``mdc_unit`` is the unit in ISO/IEEE 11073.
    """

    name: str
    mdc: Code | None
    loinc: tuple[Code, ...]
    category: str
    unit: str
    mdc_unit: Code | None
    source: str
    factor: float = 1.0

    @property
    def label(self) -> str:
        """The name for people."""
        return self.loinc[0].display if self.loinc else METRICS[self.name].label


_UNITS = {
    "%": Code("262688", "MDC_DIM_PERCENT"),
    "bpm": Code("264864", "MDC_DIM_BEAT_PER_MIN"),
    "breaths": Code("264928", "MDC_DIM_RESP_PER_MIN"),
    "mm[Hg]": Code("266016", "MDC_DIM_MMHG"),
    "Cel": Code("268192", "MDC_DIM_DEGC"),
    "mg/dL": Code("264274", "MDC_DIM_MILLI_G_PER_DL"),
    "kg": Code("263875", "MDC_DIM_KILO_G"),
    "cm": Code("263441", "MDC_DIM_CENTI_M"),
    "mL": Code("263762", "MDC_DIM_MILLI_L"),
    "L/min": Code("265216", "MDC_DIM_X_L_PER_MIN"),
    "s": Code("264320", "MDC_DIM_SEC"),
    "ms": Code("264338", "MDC_DIM_MILLI_SEC"),
    "mV": Code("266418", "MDC_DIM_MILLI_VOLT"),
    "Ohm": Code("266432", "MDC_DIM_X_OHM"),
    "1": Code("262656", "MDC_DIM_DIMLESS"),
}
"""ISO/IEEE 11073-10101 units, partition 4, by UCUM; rates have a unit each."""
_UCUM = {"bpm": "/min", "breaths": "/min"}

_VITAL, _LAB, _SURVEY, _EXAM, _PROCEDURE = (
    "vital-signs", "laboratory", "survey", "exam", "procedure",
)  # fmt: skip

_TABLE: tuple[tuple[str, str, str, str, str, str], ...] = (
    # metric, MDC, LOINC (specific first, "code name" separated by |), category, unit, source
    ("heart_rate", "147842 MDC_ECG_HEART_RATE", "8867-4 Heart rate", _VITAL, "bpm", "R V"),
    ("pulse_rate", "149530 MDC_PULS_OXIM_PULS_RATE",
     "8889-8 Heart rate by Pulse oximetry|8867-4 Heart rate", _VITAL, "bpm", "R V L"),
    ("spo2", "150456 MDC_PULS_OXIM_SAT_O2",
     "59408-5 Oxygen saturation in Arterial blood by Pulse oximetry"
     "|2708-6 Oxygen saturation in Arterial blood", _VITAL, "%", "R V"),
    ("perfusion_index", "150488 MDC_BLD_PERF_INDEX",
     "61006-3 Perfusion index Tissue by Pulse oximetry", _EXAM, "%", "R L"),
    ("respiratory_rate", "151562 MDC_RESP_RATE", "9279-1 Respiratory rate", _VITAL,
     "breaths", "R V"),
    ("body_temperature", "150364 MDC_TEMP_BODY", "8310-5 Body temperature", _VITAL, "Cel", "R V"),
    ("nibp_systolic", "150021 MDC_PRESS_BLD_NONINV_SYS", "8480-6 Systolic blood pressure",
     _VITAL, "mm[Hg]", "R V"),
    ("nibp_diastolic", "150022 MDC_PRESS_BLD_NONINV_DIA", "8462-4 Diastolic blood pressure",
     _VITAL, "mm[Hg]", "R V"),
    ("nibp_mean", "150023 MDC_PRESS_BLD_NONINV_MEAN", "8478-0 Mean blood pressure",
     _VITAL, "mm[Hg]", "R V"),
    ("cuff_pressure", "150020 MDC_PRESS_BLD_NONINV", "", _PROCEDURE, "mm[Hg]", "R"),
    ("arterial_systolic", "150033 MDC_PRESS_BLD_ART_SYS",
     "76215-3 Invasive Systolic blood pressure|8480-6 Systolic blood pressure",
     _VITAL, "mm[Hg]", "R L"),
    ("arterial_diastolic", "150034 MDC_PRESS_BLD_ART_DIA",
     "76213-8 Invasive Diastolic blood pressure|8462-4 Diastolic blood pressure",
     _VITAL, "mm[Hg]", "R L"),
    ("arterial_mean", "150035 MDC_PRESS_BLD_ART_MEAN",
     "76214-6 Invasive Mean blood pressure|8478-0 Mean blood pressure", _VITAL, "mm[Hg]", "R L"),
    ("etco2", "151708 MDC_CONC_AWAY_CO2_ET",
     "19891-1 Carbon dioxide [Partial pressure] in Exhaled gas --at end expiration",
     _EXAM, "mm[Hg]", "R L"),
    # blood with blood: 160368, of plasma, does not go with 2339-0
    ("glucose", "160364 MDC_CONC_GLU_UNDETERMINED_WHOLEBLOOD",
     "2339-0 Glucose [Mass/volume] in Blood", _LAB, "mg/dL", "P L"),
    ("body_weight", "188736 MDC_MASS_BODY_ACTUAL", "29463-7 Body weight", _VITAL, "kg", "P V"),
    ("body_height", "188740 MDC_LEN_BODY_ACTUAL", "8302-2 Body height", _VITAL, "cm", "P V"),
    ("body_fat", "188748 MDC_BODY_FAT", "41982-0 Percentage of body fat Measured",
     _EXAM, "%", "P L"),
    ("urine_volume", "", "9187-6 Urine output", _EXAM, "mL", "L"),
    ("drain_volume", "", "", _EXAM, "mL", "-"),
    ("rr_interval", "147240 MDC_ECG_TIME_PD_RR_GL", "8637-1 R-R interval by EKG", _PROCEDURE,
     "s", "R L"),
    ("pulse_arrival_time", "", "", _PROCEDURE, "ms", "-"),
    ("news2", "", "", _SURVEY, "{score}", "-"),
    ("anomaly", "", "", _SURVEY, "{score}", "-"),
    ("consciousness", "", "67775-7 Level of responsiveness", _SURVEY, "{score}", "L S"),
    ("supplemental_oxygen", "", "3151-8 Inhaled oxygen flow rate", _EXAM, "L/min", "L"),
    ("spo2_scale", "", "", _SURVEY, "{scale}", "-"),
    ("battery", "67996 MDC_ATTR_VAL_BATT_CHARGE", "", _PROCEDURE, "%", "R"),
    ("ecg_i", "131329 MDC_ECG_ELEC_POTL_I", "", _PROCEDURE, "mV", "R"),
    ("ecg_ii", "131330 MDC_ECG_ELEC_POTL_II", "", _PROCEDURE, "mV", "R"),
    ("ecg_iii", "131389 MDC_ECG_ELEC_POTL_III", "", _PROCEDURE, "mV", "R"),
    ("ecg_avr", "131390 MDC_ECG_ELEC_POTL_AVR", "", _PROCEDURE, "mV", "R"),
    ("ecg_avl", "131391 MDC_ECG_ELEC_POTL_AVL", "", _PROCEDURE, "mV", "R"),
    ("ecg_avf", "131392 MDC_ECG_ELEC_POTL_AVF", "", _PROCEDURE, "mV", "R"),
    ("ecg_v1", "131331 MDC_ECG_ELEC_POTL_V1", "", _PROCEDURE, "mV", "R"),
    ("ecg_v2", "131332 MDC_ECG_ELEC_POTL_V2", "", _PROCEDURE, "mV", "R"),
    ("ecg_v3", "131333 MDC_ECG_ELEC_POTL_V3", "", _PROCEDURE, "mV", "R"),
    ("ecg_v4", "131334 MDC_ECG_ELEC_POTL_V4", "", _PROCEDURE, "mV", "R"),
    ("ecg_v5", "131335 MDC_ECG_ELEC_POTL_V5", "", _PROCEDURE, "mV", "R"),
    ("ecg_v6", "131336 MDC_ECG_ELEC_POTL_V6", "", _PROCEDURE, "mV", "R"),
    ("pleth", "150452 MDC_PULS_OXIM_PLETH", "", _PROCEDURE, "1", "R"),
    # raw light of one colour is no plethysmogram
    ("ppg_red", "", "", _PROCEDURE, "1", "-"),
    ("ppg_infrared", "", "", _PROCEDURE, "1", "-"),
    ("respiration", "151780 MDC_IMPED_TTHOR", "", _PROCEDURE, "Ohm", "R"),
    ("arterial_pressure", "150032 MDC_PRESS_BLD_ART", "", _PROCEDURE, "mm[Hg]", "R"),
    ("capnogram", "151704 MDC_CONC_AWAY_CO2", "", _PROCEDURE, "mm[Hg]", "R"),
    ("acceleration_x", "", "", _PROCEDURE, "m/s2", "-"),
    ("acceleration_y", "", "", _PROCEDURE, "m/s2", "-"),
    ("acceleration_z", "", "", _PROCEDURE, "m/s2", "-"),
)  # fmt: skip

_FACTORS = {"body_height": 100.0}
"""From the unit of the metric to the one here: FHIR's profile of heights knows no metres."""


def _code(text: str) -> Code:
    code, _, display = text.partition(" ")
    return Code(code, display)


CODES: dict[str, MetricCodes] = {
    name: MetricCodes(
        name,
        _code(mdc) if mdc else None,
        tuple(_code(part) for part in loinc.split("|")) if loinc else (),
        category,
        _UCUM.get(unit, unit),
        _UNITS.get(unit),
        source,
        _FACTORS.get(name, 1.0),
    )
    for name, mdc, loinc, category, unit, source in _TABLE
}
"""The codes of every metric by its name."""

BLOOD_PRESSURE = Code("85354-9", "Blood pressure panel with all children optional")
"""LOINC, of a panel (V)."""
PANELS = {
    "nibp": Code("150020", "MDC_PRESS_BLD_NONINV"),
    "arterial": Code("150032", "MDC_PRESS_BLD_ART"),
}
"""MDC codes of the pressures whose three values make one panel, by the first part of their name."""

CONSCIOUSNESS = {
    0: Code("248234008", "Mentally alert"),
    1: Code("130987000", "Acute confusion"),
    2: Code("300202002", "Response to voice"),
    3: Code("450847001", "Response to pain"),
    4: Code("422107003", "Unresponsive"),
}
"""SNOMED CT, by the value of the metric ``consciousness``."""

ABSENT = {
    "": "unknown",
    "missing": "unknown",
    "searching": "temp-unknown",
    "learning": "temp-unknown",
    "no_data": "temp-unknown",
    "stale": "temp-unknown",
    "removed": "not-performed",
    "control_solution": "not-applicable",
}
"""Codes of FHIR's data-absent-reason by the reason of a withheld value; of others, "error"."""


def absent_code(reason: str | None) -> str:
    """Return the code for why there is no value."""
    return ABSENT.get((reason or "").replace(" ", "_"), "error")
