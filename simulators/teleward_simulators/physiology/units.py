"""Doses as people write them: "0.5 mg", "500 ug"; a dose without its unit is refused."""

import re

from teleward_signal.errors import Invalid

_MASS_MG = {"g": 1000.0, "mg": 1.0, "ug": 0.001, "mcg": 0.001, "µg": 0.001}
_SAME: dict[str, dict[str, float]] = {
    "mass": _MASS_MG,
    "volume": {"mL": 1.0, "ml": 1.0, "L": 1000.0},
    "units": {"U": 1.0, "IU": 1.0},
    "energy": {"J": 1.0},
    "flow": {"L/min": 1.0},
    "rate": {"/min": 1.0},
    "share": {"%": 1.0},
    "insulin": {"U/kg/h": 1.0},
    "infusion": {"ug/min": 1.0, "mcg/min": 1.0, "µg/min": 1.0},
    "vials": {"vials": 1.0, "vial": 1.0},
    "amount": {"mmol": 1.0, "mEq": 1.0},
    "puffs": {"puffs": 1.0},
    "time": {"h": 1.0, "min": 1.0 / 60.0, "d": 24.0},
    "cooling": {"Cel/min": 1.0},
}
_DOSE = re.compile(r"\s*([0-9]{1,7}(?:\.[0-9]{1,7})?|\.[0-9]{1,7})\s*([A-Za-zµ%/]+)?\s*$")


def convert(value: float, unit: str, wanted: str) -> float:
    """Return ``value`` in unit ``wanted``; ValueError when the two measure different things."""
    for family in _SAME.values():
        if unit in family and wanted in family:
            return value * family[unit] / family[wanted]
    raise Invalid(f"{value:g} {unit} cannot be given as {wanted}: they measure different things")


def parse_dose(text: str, wanted: str) -> float:
    """Return the dose that ``text`` states in unit ``wanted``; ValueError lists what is missing."""
    match = _DOSE.match(text)
    if match is None:
        raise Invalid(f"{text!r} is no dose; write a number and a unit, such as '1 {wanted}'")
    number, unit = match.groups()
    if unit is None:
        raise Invalid(f"dose {text!r} has no unit; write '{number} {wanted}'")
    return convert(float(number), unit, wanted)
