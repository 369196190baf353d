"""Codes and units of monitors, and the metrics and units that they become.

Sources: ISO/IEEE 11073-10101 (Rosetta, NIST); ids of Mindray's patient data share protocol (PDS)
from its maker's guide; GE's guide 2062665-001 for B40 (CO2 as an expired concentration).
"""

from collections.abc import Callable

CODES: dict[str, str] = {
    # MDC, ISO/IEEE 11073-10101
    "147842": "heart_rate", "149530": "pulse_rate", "149522": "pulse_rate",
    "149546": "pulse_rate", "150456": "spo2", "150488": "perfusion_index",
    "151562": "respiratory_rate", "151570": "respiratory_rate", "151578": "respiratory_rate",
    "151586": "respiratory_rate", "151594": "respiratory_rate",
    "150021": "nibp_systolic", "150022": "nibp_diastolic", "150023": "nibp_mean",
    "150301": "nibp_systolic", "150302": "nibp_diastolic", "150303": "nibp_mean",
    "150033": "arterial_systolic", "150034": "arterial_diastolic", "150035": "arterial_mean",
    "150037": "arterial_systolic", "150038": "arterial_diastolic", "150039": "arterial_mean",
    "150344": "body_temperature", "150364": "body_temperature", "188496": "body_temperature",
    "150392": "body_temperature", "188420": "body_temperature", "188424": "body_temperature",
    "151708": "etco2", "151712": "etco2",
    "160184": "glucose", "160364": "glucose", "160368": "glucose",
    "188736": "body_weight", "188740": "body_height",
    # names without a number
    "MDC_ECG_HEART_RATE": "heart_rate", "MDC_ECG_CARD_BEAT_RATE": "heart_rate",
    "MDC_PULS_OXIM_PULS_RATE": "pulse_rate", "MDC_PULS_OXIM_SAT_O2": "spo2",
    "MDC_RESP_RATE": "respiratory_rate", "MDC_TTHOR_RESP_RATE": "respiratory_rate",
    "MDC_CO2_RESP_RATE": "respiratory_rate",
    "MDC_PRESS_CUFF_SYS": "nibp_systolic", "MDC_PRESS_CUFF_DIA": "nibp_diastolic",
    "MDC_PRESS_CUFF_MEAN": "nibp_mean",
    "MDC_PRESS_BLD_NONINV_SYS": "nibp_systolic", "MDC_PRESS_BLD_NONINV_DIA": "nibp_diastolic",
    "MDC_PRESS_BLD_NONINV_MEAN": "nibp_mean",
    "MDC_TEMP": "body_temperature", "MDC_TEMP_BODY": "body_temperature",
    "MDC_CONC_AWAY_CO2_ET": "etco2",
    # Mindray PDS 2.3.1, code^name
    "101^HR": "heart_rate", "151^RR": "respiratory_rate", "160^SPO2": "spo2",
    "161^PR": "pulse_rate",
    "170^NIBP_S": "nibp_systolic", "171^NIBP_D": "nibp_diastolic", "172^NIBP_M": "nibp_mean",
    "200^T1": "body_temperature", "500^ART_S": "arterial_systolic",
    "501^ART_D": "arterial_diastolic", "502^ART_M": "arterial_mean",
}  # fmt: skip
"""Metric by code, by name, or by both as ``code^NAME`` where numbers mean nothing alone."""

PDS = {
    "101": "heart_rate", "151": "respiratory_rate", "160": "spo2", "170": "nibp_systolic",
    "171": "nibp_diastolic", "172": "nibp_mean", "200": "body_temperature",
    "500": "arterial_systolic", "501": "arterial_diastolic", "502": "arterial_mean",
}  # fmt: skip
"""Mindray's ids, which hold in version 2.3.1 alone."""

_SAME: Callable[[float], float] = lambda value: value  # noqa: E731
_MMHG: dict[str, Callable[[float], float]] = {
    "266016": _SAME, "MMHG": _SAME, "MM[HG]": _SAME,
    "265987": lambda value: value * 7.50062, "KPA": lambda value: value * 7.50062,
}  # fmt: skip
_RATE = dict.fromkeys(("264864", "264928", "BPM", "/MIN", "1/MIN", "RPM", "BRPM"), _SAME)
_PERCENT = dict.fromkeys(("262688", "%"), _SAME)
UNITS: dict[str, dict[str, Callable[[float], float]]] = {
    "heart_rate": _RATE, "pulse_rate": _RATE, "respiratory_rate": _RATE,
    "spo2": _PERCENT, "perfusion_index": {**_PERCENT, "262656": _SAME},
    **dict.fromkeys(
        ("nibp_systolic", "nibp_diastolic", "nibp_mean", "arterial_systolic",
         "arterial_diastolic", "arterial_mean"), _MMHG,
    ),
    "etco2": {**_MMHG, "262688": lambda value: value * 7.6, "%": lambda value: value * 7.6},
    "body_temperature": {
        "268192": _SAME, "CEL": _SAME, "C": _SAME, "\u00b0C": _SAME,
        "268160": lambda value: (value - 32) / 1.8, "F": lambda value: (value - 32) / 1.8,
        "[DEGF]": lambda value: (value - 32) / 1.8, "\u00b0F": lambda value: (value - 32) / 1.8,
    },
    "glucose": {
        "264274": _SAME, "MG/DL": _SAME,
        "266866": lambda value: value * 18.0156, "MMOL/L": lambda value: value * 18.0156,
    },
    "body_weight": {
        "263875": _SAME, "KG": _SAME, "263872": lambda value: value / 1000,
        "263904": lambda value: value * 0.45359237, "LB": lambda value: value * 0.45359237,
    },
    "body_height": {
        "263441": lambda value: value / 100, "CM": lambda value: value / 100,
        "263424": _SAME, "M": _SAME,
        "263776": lambda value: value * 0.0254, "IN": lambda value: value * 0.0254,
    },
}  # fmt: skip
"""By metric: MDC unit or text in upper case, and the way to the unit of the metric."""

SENTINELS = frozenset({-1.0, -100.0, -999.0, -99.9, 8388607.0})
"""Numbers that stand for "no value" (Mindray, GE, XH80X)."""
