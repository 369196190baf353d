"""Who the patient is: a few facts a case states, turned into the constants of the equations."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from teleward_signal.errors import Invalid
from teleward_simulators.physiology.circulation import (
    RESTING_SYMPATHETIC,
    RESTING_VAGAL,
    SYMPATHETIC_GAIN,
    VAGAL_GAIN,
)
from teleward_simulators.physiology.knobs import KNOB_DTYPE, KNOBS
from teleward_simulators.physiology.record import PATIENT_DTYPE

VOLUME_ML_PER_KG = 70.0
REFERENCE_KG = 70.0


@dataclass(frozen=True, slots=True)
class Person:
    """A synthetic person at rest; pressures in mmHg, haemoglobin in g/dL, glucose in mg/dL.

    ``pulse_pressure`` is that of this person at rest; ``volume_ml_per_kg`` is 70 in adults, about
    80 in infants and up to 100 near term.
    """

    age: float = 40.0
    sex: str = "F"
    wt_kg: float = 70.0
    hb: float = 14.0
    hr0: float = 72.0
    map0: float = 90.0
    rr0: float = 14.0
    temperature: float = 37.0
    glucose: float = 90.0
    potassium: float = 4.2
    ketones: float = 0.1
    pulse_pressure: float = 40.0
    volume_ml_per_kg: float = VOLUME_ML_PER_KG
    blood_loss_ml: float = 0.0
    """Volume missing at the start, blood and plasma in proportion."""
    plasma_loss_ml: float = 0.0
    """Plasma missing at the start."""

    def __post_init__(self) -> None:
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise Invalid(f"patient {name}: {value:g} is outside {low:g} to {high:g}")
        if self.sex not in ("F", "M"):
            raise Invalid(f"patient sex: {self.sex!r} is not F or M")


RANGES: dict[str, tuple[float, float]] = {
    "age": (0, 100), "wt_kg": (2, 180), "hb": (4, 20), "hr0": (40, 180), "map0": (40, 160),
    "rr0": (8, 60), "temperature": (28, 42), "glucose": (20, 900), "potassium": (2, 9),
    "ketones": (0, 30), "pulse_pressure": (20, 100), "volume_ml_per_kg": (60, 110),
    "blood_loss_ml": (0, 3000), "plasma_loss_ml": (0, 3000),
}  # fmt: skip
"""Lowest and highest value of each number of a person."""


def rate_cap(age: float) -> float:
    """Return the fastest breathing that lasts at this age, per minute."""
    return 80.0 if age < 1 else 65.0 if age < 5 else 55.0 if age < 12 else 45.0


def make_records(person: Person) -> tuple[NDArray[np.void], NDArray[np.void]]:
    """Return the patient and knob records of ``person`` at rest, each of shape (1,)."""
    patients = np.zeros(1, PATIENT_DTYPE)
    knobs = np.zeros(1, KNOB_DTYPE)
    for name, knob in KNOBS.items():
        knobs[0][name] = knob.rest
    p = patients[0]
    _size(p, person)
    _heart(p, person)
    _rest(p, person)
    return patients, knobs


def _size(p: np.void, person: Person) -> None:
    weight = person.wt_kg
    p["weight_kg"], p["age_y"] = weight, person.age
    # metabolism per kilogram falls with weight to the power of 1/4 (Kleiber): children need more
    metabolic = max(1.0, (50.0 / weight) ** 0.25) if weight < 50.0 else 1.0
    p["volume0_ml"] = person.volume_ml_per_kg * weight
    p["compliance"] = p["volume0_ml"] / 25.0
    p["unstressed0_ml"] = p["volume0_ml"] - 7.0 * p["compliance"]
    p["flow0_ml_s"] = 5200.0 * weight / REFERENCE_KG / 60.0 * metabolic
    p["resistance_venous"] = 5.0 / p["flow0_ml_s"]
    p["arterial_compliance"] = 1.5 * weight / REFERENCE_KG
    p["vo2_0"], p["vco2_0"] = 3.5 * weight * metabolic, 2.9 * weight * metabolic
    p["mv0_l"] = 0.1 * weight * metabolic
    p["dead_space_l"] = 0.15 * weight / REFERENCE_KG
    p["vt_per_rr"] = p["mv0_l"] / person.rr0**2
    p["rr_cap"] = rate_cap(person.age)


def _heart(p: np.void, person: Person) -> None:
    rate = person.hr0
    p["map0"], p["pp0"] = person.map0, person.pulse_pressure
    p["tpr0"] = (person.map0 - 2.0) / p["flow0_ml_s"]
    p["stroke0_ml"] = p["flow0_ml_s"] / (rate / 60.0)
    p["intrinsic_hr"] = rate / (
        (1.0 + SYMPATHETIC_GAIN * RESTING_SYMPATHETIC) * (1.0 - VAGAL_GAIN * RESTING_VAGAL)
    )
    # an elastance of 2.2 mmHg/mL is an adult's; smaller hearts are stiffer in proportion
    p["ees0"] = 2.2 * (person.map0 / 90.0) * (85.0 / p["flow0_ml_s"]) * (rate / 72.0)
    load = p["tpr0"] * rate / 60.0
    ejected = p["ees0"] / (p["ees0"] + load)
    p["edv_span"] = p["stroke0_ml"] / ejected / (1.0 - math.exp(-1.0))
    systole = max(0.3 * math.sqrt(72.0 / rate), 0.16)
    p["diastole0_s"] = max(60.0 / rate - systole, 0.05)


def _rest(p: np.void, person: Person) -> None:
    volume = p["volume0_ml"]
    haemoglobin = person.hb * volume / 100.0
    p["blood_ml"] = volume - person.blood_loss_ml - person.plasma_loss_ml
    p["haemoglobin_g"] = haemoglobin * (1.0 - person.blood_loss_ml / volume)
    p["lost_ml"] = person.blood_loss_ml
    p["pra"] = p["pra_felt"] = 2.0
    p["map"] = p["map_felt"] = person.map0
    p["symp"], p["vagal"] = RESTING_SYMPATHETIC, RESTING_VAGAL
    p["rr"], p["mv"] = person.rr0, p["mv0_l"]
    p["tidal_l"] = p["mv0_l"] / person.rr0
    p["alveolar_o2"], p["venous_o2"] = 0.14, 15.0 * person.hb / 14.0
    p["pco2"], p["pco2_tissue"] = 40.0, 46.0
    p["spo2_slow"] = p["spo2"] = 97.0
    p["sao2"], p["pao2"], p["ph"], p["hco3"] = 0.97, 95.0, 7.4, 24.0
    p["lactate"], p["ketones"], p["potassium"] = 1.0, person.ketones, person.potassium
    p["temperature"] = person.temperature
    p["glucose"] = person.glucose
    p["glucose0"], p["insulin"], p["insulin0"] = 90.0, 7.0, 7.0
    p["fio2"], p["pulse"], p["rhythm_gain"], p["reserve"] = 0.21, 1.0, 1.0, 4.0
    p["cpr_quality"] = p["conduction"] = 1.0
    p["hb"] = person.hb
