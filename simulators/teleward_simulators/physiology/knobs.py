"""The knobs of the patient model: what a case, an instructor or an illness turns.

A knob is a disturbance, not a vital sign: the vital signs follow. Every knob has a range; a value
outside of it is refused, because the equations were only ever checked inside.
"""

from dataclasses import dataclass

import numpy as np

from teleward_signal.errors import Invalid


@dataclass(frozen=True, slots=True)
class Knob:
    """One knob: its resting value, its range, its unit ("1" for a share or factor) and meaning."""

    name: str
    rest: float
    low: float
    high: float
    unit: str
    meaning: str


_TABLE = (
    Knob("bleed", 0, 0, 20, "mL/s", "blood lost at a mean pressure of 90 mmHg"),
    Knob("leak", 0, 0, 4, "mL/s", "plasma lost from the vessels: capillary leak, stool, burns"),
    Knob("vasodil", 1, 0.3, 1.6, "1", "factor on arterial resistance: below 1 dilated"),
    Knob("venodil", 0, -0.2, 0.3, "1", "share by which the veins hold more"),
    Knob("contr", 1, 0.2, 1.5, "1", "contractility of the left ventricle"),
    Knob("rv_f", 1, 0.2, 1, "1", "output of the right ventricle"),
    Knob("lv_stiff", 0, 0, 25, "mm[Hg]", "added filling pressure of the left ventricle"),
    Knob("vr_obst", 0, 0, 12, "1", "obstruction of venous return: tension pneumothorax, tamponade"),
    Knob("baro", 1, 0, 1.5, "1", "gain of the baroreflex"),
    Knob("map_shift", 0, -40, 80, "mm[Hg]", "shift of the pressure the reflexes hold"),
    Knob("pp_shift", 0, -20, 60, "mm[Hg]", "added pulse pressure: stiff arteries"),
    Knob("sirs", 0, 0, 0.5, "1", "share added to the heart rate by inflammation"),
    Knob("symp_x", 0, -1, 6, "1", "sympathetic drive from outside the reflexes"),
    Knob("vag_x", 0, 0, 1, "1", "vagal drive from outside the reflexes"),
    Knob("distress", 0, 0, 1, "1", "pain, fear or effort"),
    Knob("bronch", 0, 0, 1, "1", "narrowing of the small airways"),
    Knob("upper", 0, 0, 1, "1", "obstruction of the upper airway"),
    Knob("shunt", 0, 0, 0.6, "1", "share of blood that passes airless lung"),
    Knob("aad", 0, 0, 80, "mm[Hg]", "added alveolar-arterial oxygen difference"),
    Knob("vd_extra", 0, 0, 0.6, "1", "share of each breath lost to dead space"),
    Knob("o2vq", 0, 0, 1, "1", "dead space that oxygen opens in chronic lung disease"),
    Knob("sens_hyp", 1, 0, 1.5, "1", "drive to breathe for carbon dioxide"),
    Knob("pco2_shift", 0, 0, 30, "mm[Hg]", "carbon dioxide that the patient is used to, above 40"),
    Knob("hco3_shift", 0, -10, 15, "mmol/L", "bicarbonate of long compensation, above 24"),
    Knob("drive_extra", 0, -0.5, 3, "1", "drive to breathe from the lung itself"),
    Knob("resp_dep", 0, 0, 1, "1", "depression of the drive to breathe"),
    Knob("fatigue", 0, 0, 1, "1", "share of ventilatory strength lost to fatigue"),
    Knob("nm", 1, 0, 1, "1", "neuromuscular strength"),
    Knob("thermo", 1, 0, 1, "1", "regulation of temperature; 0 in heat stroke"),
    Knob("t_set", 37, 30, 41, "Cel", "temperature that regulation aims at"),
    Knob("heat", 0, -0.3, 0.3, "Cel/min", "heat gained (lost when negative) from outside"),
    Knob("k_gain", 0, -0.1, 0.5, "mmol/L/min", "potassium gained by the extracellular fluid"),
    Knob("ketosis", 0, 0, 1, "1", "no insulin of one's own: type 1 diabetes"),
    Knob("insulin_x", 0, 0, 200, "mU/L", "insulin secreted for no reason: sulfonylurea"),
    Knob("st_anterior", 0, -0.5, 0.8, "mV", "ST elevation in V1 to V4"),
    Knob("st_inferior", 0, -0.5, 0.8, "mV", "ST elevation in II, III and aVF"),
    Knob("st_lateral", 0, -0.5, 0.8, "mV", "ST elevation in I, aVL, V5 and V6"),
    Knob("qt", 1, 0.8, 1.8, "1", "factor on the QT interval: drugs, inherited"),
    Knob("deficit", 0, 0, 42, "{score}", "neurological deficit as a NIHSS score"),
)  # fmt: skip

KNOBS: dict[str, Knob] = {knob.name: knob for knob in _TABLE}
"""Every knob by name."""

KNOB_DTYPE = np.dtype([(name, "f8") for name in KNOBS])
KNOB_INDEX = {name: index for index, name in enumerate(KNOBS)}


def checked(name: str, value: float) -> float:
    """Return ``value`` when knob ``name`` can be turned there; ValueError lists the range."""
    knob = KNOBS.get(name)
    if knob is None:
        raise Invalid(f"no knob {name!r}; there are {', '.join(KNOBS)}")
    if not knob.low <= value <= knob.high:
        raise Invalid(
            f"knob {name}: {value:g} {knob.unit} is outside {knob.low:g} to {knob.high:g}"
        )
    return float(value)
