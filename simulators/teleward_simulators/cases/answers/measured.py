"""Measurements: what a device or a laboratory makes of the body, with the device's own error.

The reading is drawn within ``error`` of the truth at the moment of sampling, always: errors are of
a normal distribution cut at two standard deviations. Figures of accuracy are those that makers and
standards state (glucose meters: ISO 15197:2013, 15 mg/dL or 15 %; cuffs: ISO 81060-2, 5 mmHg;
peak flow: ISO 23747, 10 %); for the laboratory, usual limits of allowable error.
"""

from collections.abc import Callable
from dataclasses import dataclass

from teleward_simulators.draws import Stream, normal
from teleward_simulators.physiology.body import Body


@dataclass(frozen=True, slots=True)
class Measure:
    """One number of a device: how it reads the body, and how wrong it may be.

    ``absolute`` (in ``unit``) and ``relative`` add up; outside ``low`` to ``high`` the device
    shows LO or HI.
    """

    name: str
    unit: str
    truth: Callable[[Body], float]
    absolute: float
    relative: float = 0.0
    decimals: int = 0
    low: float = float("-inf")
    high: float = float("inf")

    def error(self, truth: float) -> float:
        """Return by how much a reading may differ from ``truth``, rounding included."""
        return self.absolute + self.relative * abs(truth) + 0.5 * 10.0**-self.decimals

    def read(self, body: Body, draw: float) -> "Reading":
        """Return the reading; ``draw`` is a number of a standard normal distribution."""
        truth = self.truth(body)
        spread = self.absolute + self.relative * abs(truth)
        value = round(truth + spread * min(max(draw / 2.0, -1.0), 1.0), self.decimals)
        return Reading(self, value)


@dataclass(frozen=True, slots=True)
class Reading:
    """A number as the device shows it."""

    measure: Measure
    value: float

    @property
    def shown(self) -> str:
        """Return the number, or HI or LO outside the range of the device."""
        if self.value > self.measure.high:
            return f"HI (over {self.measure.high:g})"
        if self.value < self.measure.low:
            return f"LO (under {self.measure.low:g})"
        return f"{self.value:.{self.measure.decimals}f}"

    def __str__(self) -> str:
        return " ".join(part for part in (self.measure.name, self.shown, self.measure.unit) if part)


def _field(name: str) -> Callable[[Body], float]:
    return lambda body: body.engine.get(name)


def plasma_potassium(body: Body) -> float:
    """Return potassium as a laboratory finds it, mmol/L: calcium shields the heart, not the K."""
    engine = body.engine
    return engine.get("k_eff") + 1.8 * engine.get("shield")


def _sodium(body: Body) -> float:
    # water follows sugar: 1.6 mmol/L a 100 mg/dL (Katz, N Engl J Med 289:843, 1973)
    return 140.0 - 0.016 * max(0.0, body.engine.get("glucose") - 100.0)


def predicted_peak_flow(body: Body) -> float:
    """Return the best peak flow of such a person in L/min, roughly after Nunn and Gregg 1989."""
    person = body.person
    if person.age < 15:
        return max(60.0, 100.0 + 25.0 * (person.age - 4.0))
    best = 600.0 if person.sex == "M" else 430.0
    return best - 2.5 * max(0.0, person.age - 35.0)


def _peak_flow(body: Body) -> float:
    engine = body.engine
    strength: float = engine.get("nm") ** 2 * (1.0 - 0.4 * engine.get("fatigue"))
    return predicted_peak_flow(body) * max(0.08, 1.0 - 0.92 * engine.get("bronch_eff")) * strength


def _shock_index(body: Body) -> float:
    return body.engine.get("hr") / max(body.engine.get("sbp"), 20.0)


def counted_in_a_breath(body: Body) -> float:
    """Return how far the patient counts in one breath: 30 in health, under 10 before it fails."""
    engine = body.engine
    strength: float = engine.get("nm") ** 1.3 * (1.0 - 0.7 * engine.get("bronch_eff"))
    hurry = min(1.0, 20.0 / max(engine.get("rr"), 8.0))
    return 32.0 * strength * (0.4 + 0.6 * hurry)


GROUPS: dict[str, tuple[Measure, ...]] = {
    "pulse": (Measure("pulse", "/min", _field("hr"), 3.0),),
    "blood_pressure": (
        Measure("", "", _field("sbp"), 5.0), Measure("", "mmHg", _field("dbp"), 5.0),
    ),
    "breaths": (Measure("breaths", "/min", _field("rr"), 2.0),),
    "temperature": (Measure("temperature", "°C", _field("temperature"), 0.2, decimals=1,
                            low=25.0, high=43.0),),
    "saturation": (Measure("SpO2", "%", _field("spo2"), 2.0, low=50.0, high=100.0),),
    "count_in_breath": (Measure("counts to", "", counted_in_a_breath, 2.0),),
    "weight": (Measure("weight", "kg", _field("weight_kg"), 0.5, decimals=1),),
    "glucose_check": (Measure("glucose", "mg/dL", _field("glucose"), 3.0, 0.10, low=20.0,
                              high=600.0),),
    "ketone_check": (Measure("ketones", "mmol/L", _field("ketones"), 0.1, 0.10, 1, 0.1, 8.0),),
    "lactate_check": (Measure("lactate", "mmol/L", _field("lactate"), 0.2, 0.05, 1, 0.3, 20.0),),
    "blood_gas": (
        Measure("pH", "", _field("ph"), 0.01, decimals=2),
        Measure("PaCO2", "mmHg", _field("pco2"), 1.5, 0.02),
        Measure("PaO2", "mmHg", _field("pao2"), 2.0, 0.03),
        Measure("HCO3", "mmol/L", _field("hco3"), 0.6, decimals=1),
        Measure("lactate", "mmol/L", _field("lactate"), 0.2, 0.05, 1),
        Measure("K", "mmol/L", plasma_potassium, 0.1, decimals=1),
    ),
    "potassium": (Measure("potassium", "mmol/L", plasma_potassium, 0.2, decimals=1),),
    "sodium": (Measure("sodium", "mmol/L", _sodium, 2.0),),
    "haemoglobin": (Measure("haemoglobin", "g/dL", _field("hb"), 0.2, 0.03, 1),),
    "haematocrit": (Measure("haematocrit", "%", lambda b: 3.0 * b.engine.get("hb"), 1.0, 0.02),),
    "peak_flow": (Measure("peak flow", "L/min", _peak_flow, 5.0, 0.08),),
    "urine_output": (Measure("urine so far", "mL", _field("urine_ml"), 5.0, 0.05),),
    "blood_loss": (Measure("blood lost so far, about", "mL", _field("lost_ml"), 50.0, 0.25),),
    "capnography": (Measure("EtCO2", "mmHg", _field("etco2"), 2.0, 0.05),),
    "shock_index": (Measure("shock index", "", _shock_index, 0.05, decimals=2),),
}  # fmt: skip
"""Catalogue item -> its numbers."""


def take(item: str, body: Body, number: int) -> tuple[Reading, ...]:
    """Return the readings of ``item`` now; ``number`` is that of the sample."""
    return tuple(
        measure.read(body, normal(body.seed, Stream.RESULT, 16 * number + place))
        for place, measure in enumerate(GROUPS[item])
    )
