"""Which fields of a body are remembered every second, and how numbers are read from them."""

from collections.abc import Callable

KEPT = (
    "spo2", "perfusion", "temperature", "sbp", "dbp", "map", "glucose", "pulse", "cpr", "stroke_ml",
    "urine_ml", "lost_ml",
)  # fmt: skip
"""Fields of the patient record."""


def _pulsing(known: dict[str, float]) -> bool:
    return known["pulse"] > 0.5 and known["stroke_ml"] > 5.0


def _pressure(name: str) -> Callable[[dict[str, float]], float | None]:
    return lambda known: known[name] if known["pulse"] > 0.5 or known["cpr"] > 0.5 else None


READ: dict[str, Callable[[dict[str, float]], float | None]] = {
    "spo2": lambda known: known["spo2"] if _pulsing(known) else None,
    "perfusion_index": lambda known: known["perfusion"] if known["pulse"] > 0.5 else 0.0,
    "body_temperature": lambda known: known["temperature"],
    "glucose": lambda known: known["glucose"],
    "arterial_systolic": lambda known: known["sbp"],
    "arterial_diastolic": lambda known: known["dbp"],
    "arterial_mean": lambda known: known["map"],
    "urine_volume": lambda known: known["urine_ml"],
    "drain_volume": lambda known: known["lost_ml"],
    "nibp_systolic": _pressure("sbp"),
    "nibp_diastolic": _pressure("dbp"),
    "nibp_mean": _pressure("map"),
}
"""Metric -> its value from the remembered fields; None where there is nothing to read."""

SHORT = {
    "HR": "hr", "SBP": "sbp", "DBP": "dbp", "MAP": "map", "RR": "rr", "SPO2": "spo2",
    "T": "temperature", "PACO2": "pco2", "ETCO2": "etco2", "G": "glucose", "K": "potassium",
    "PH": "ph", "LACTATE": "lactate", "VT": "tidal_l", "PAO2": "pao2", "t_pulseless": "down_s",
}  # fmt: skip
"""Names that cases use for what the engine calls otherwise."""
