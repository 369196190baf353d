"""Doses as people write them: "0.5 mg", "500 MCG", "2 lpm"; without a unit they are refused."""

import re

from teleward_signal.errors import Invalid

_SAME: dict[str, dict[str, float]] = {
    "mass": {"g": 1000.0, "gm": 1000.0, "mg": 1.0, "ug": 0.001, "mcg": 0.001},
    "volume": {"ml": 1.0, "cc": 1.0, "l": 1000.0, "litre": 1000.0, "liter": 1000.0},
    "units": {"u": 1.0, "iu": 1.0, "unit": 1.0, "units": 1.0},
    "energy": {"j": 1.0, "joule": 1.0, "joules": 1.0},
    "flow": {"l/min": 1.0, "lpm": 1.0},
    "rate": {"/min": 1.0, "bpm": 1.0},
    "share": {"%": 1.0},
    "insulin": {"u/kg/h": 1.0},
    "infusion": {"ug/min": 1.0, "mcg/min": 1.0},
    "vials": {"vials": 1.0, "vial": 1.0},
    "amount": {"mmol": 1.0, "meq": 1.0},
    "puffs": {"puffs": 1.0, "puff": 1.0},
    "time": {"h": 1.0, "hour": 1.0, "hours": 1.0, "min": 1.0 / 60.0, "d": 24.0, "day": 24.0,
             "days": 24.0},
    "cooling": {"cel/min": 1.0},
}  # fmt: skip
"""Units in small letters by what they measure, and how many of the smallest one holds."""
_AT_ONCE = ("mass", "volume", "units", "energy", "vials", "amount", "puffs")
"""What is given at once: nothing of it is no dose; a rate of 0 ends an infusion."""
_DOSE = re.compile(
    r"\s*([0-9]{1,7}(?:\.[0-9]{1,7})?|\.[0-9]{1,7})\s*([A-Za-z\u00b5\u03bc%/]+)?\s*$"
)
_MICRO = str.maketrans("\u00b5\u03bc", "uu")
"""Two letters that look alike: the sign of micro and the Greek mu."""


def convert(value: float, unit: str, wanted: str) -> float:
    """Return ``value`` in unit ``wanted``; ValueError when the two measure different things."""
    given, needed = (text.translate(_MICRO).casefold() for text in (unit, wanted))
    for family in _SAME.values():
        if given in family and needed in family:
            return value * family[given] / family[needed]
    raise Invalid(f"{value:g} {unit} cannot be given as {wanted}: they measure different things")


def parse_dose(text: str, wanted: str) -> float:
    """Return the dose that ``text`` states in unit ``wanted``; ValueError lists what is missing."""
    match = _DOSE.match(text)
    if match is None:
        raise Invalid(f"{text!r} is no dose; write a number and a unit, such as '1 {wanted}'")
    number, unit = match.groups()
    if unit is None:
        raise Invalid(f"dose {text!r} has no unit; write '{number} {wanted}'")
    if float(number) == 0.0 and any(wanted.casefold() in _SAME[family] for family in _AT_ONCE):
        raise Invalid(f"dose {text!r} is nothing; write how much, such as '1 {wanted}'")
    return convert(float(number), unit, wanted)
