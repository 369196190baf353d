"""What was given, on its way through the body: depot -> level -> effect site, first order each.

Shape of every effect after BioGears: E = Emax C^n / (EC50^n + C^n), antagonists raise EC50.
Time constants are those of public guidelines and of general pharmacology, for teaching only.
"""

import numpy as np

from teleward_signal.compiled.cache import kernel
from teleward_signal.compiled.records import FloatRecord


@kernel
def advance_drugs(p: FloatRecord, dt: float) -> None:
    """Move every drug on by ``dt`` s."""
    _advance_airways(p, dt)
    _advance_heart_drugs(p, dt)
    _advance_nerve_drugs(p, dt)
    _advance_birth_drugs(p, dt)


@kernel
def _advance_airways(p: FloatRecord, dt: float) -> None:
    """Adrenaline by its routes, bronchodilators."""
    absorbed = p.adrenaline_depot / 300.0  # intramuscular: peak after about eight minutes
    p.adrenaline_depot -= dt * absorbed
    p.adrenaline_c += dt * (absorbed + p.adrenaline_rate - p.adrenaline_c / 150.0)
    p.adrenaline_e += dt * (p.adrenaline_c - p.adrenaline_e) / 30.0
    absorbed = p.salbutamol_depot / 300.0
    p.salbutamol_depot -= dt * absorbed
    p.salbutamol_c += dt * (absorbed - p.salbutamol_c / 9000.0)
    p.salbutamol_k_e += dt * (p.salbutamol_c - p.salbutamol_k_e) / 1500.0
    p.ipratropium_c -= dt * p.ipratropium_c / 14400.0


@kernel
def _advance_heart_drugs(p: FloatRecord, dt: float) -> None:
    """What acts on rate, rhythm, vessels and salts."""
    p.atropine_c -= dt * p.atropine_c / 9000.0
    p.gtn_depot -= dt * p.gtn_depot / 60.0
    p.gtn_e += dt * (p.gtn_depot / 60.0 - p.gtn_e / 600.0)
    p.furosemide_depot -= dt * p.furosemide_depot / 900.0
    p.furosemide_e += dt * (p.furosemide_depot / 900.0 - p.furosemide_e / 5400.0)
    p.bp_depot -= dt * p.bp_depot / 420.0
    p.bp_e += dt * (p.bp_depot / 420.0 - p.bp_e / 14400.0)
    p.beta_c -= dt * p.beta_c / 14400.0
    p.prazosin_depot -= dt * p.prazosin_depot / 2400.0
    p.prazosin_e += dt * (p.prazosin_depot / 2400.0 - p.prazosin_e / 14400.0)
    absorbed = p.magnesium_depot / 600.0
    p.magnesium_depot -= dt * absorbed
    p.magnesium_c += dt * (absorbed - p.magnesium_c / 14400.0)
    p.calcium_e += dt * (p.calcium_c - p.calcium_e) / 60.0
    p.calcium_c -= dt * p.calcium_c / 2100.0
    p.verapamil_c -= dt * p.verapamil_c / 14400.0
    p.av_block -= dt * p.av_block / 15.0  # adenosine: gone within half a minute
    p.noradrenaline_e += dt * (p.noradrenaline_rate - p.noradrenaline_e) / 60.0


@kernel
def _advance_nerve_drugs(p: FloatRecord, dt: float) -> None:
    """Opioids, sedation, fever, antidotes."""
    p.opioid_e += dt * (p.opioid_c - p.opioid_e) / 300.0
    p.opioid_c -= dt * p.opioid_c / 10800.0
    p.naloxone_c -= dt * p.naloxone_c / 3000.0
    p.sedative_c -= dt * p.sedative_c / 5400.0
    p.anticonvulsant_e -= dt * p.anticonvulsant_e / 14400.0
    p.paracetamol_depot -= dt * p.paracetamol_depot / 1800.0
    p.paracetamol_e += dt * (p.paracetamol_depot / 1800.0 - p.paracetamol_e / 14400.0)
    p.neostigmine_e -= dt * p.neostigmine_e / 1800.0
    p.pralidoxime_e -= dt * p.pralidoxime_e / 7200.0


@kernel
def _advance_birth_drugs(p: FloatRecord, dt: float) -> None:
    """What makes the womb contract and stops bleeding."""
    p.uterotonic_depot -= dt * p.uterotonic_depot / 150.0
    p.uterotonic_e += dt * (p.uterotonic_depot / 150.0 - p.uterotonic_e / 10800.0)
    p.txa_depot -= dt * p.txa_depot / 400.0
    p.txa_e += dt * (p.txa_depot / 400.0 - p.txa_e / 10800.0)
    p.massage_e -= dt * p.massage_e / 3600.0


@kernel
def hill(level: float, half: float, power: float) -> float:
    """Return the share of the greatest effect at ``level``, 0 to 1."""
    if level <= 0.0:
        return 0.0
    x = level**power
    return float(x / (x + half**power))


@kernel
def adrenaline_effect(p: FloatRecord) -> float:
    """Return 0 to 1; half at 0.12 of an intramuscular half milligram's level."""
    return hill(p.adrenaline_e, 0.12, 1.5)


@kernel
def opioid_effect(p: FloatRecord) -> float:
    """Return 0 to 1; naloxone competes."""
    return hill(p.opioid_e, 1.0 + p.naloxone_c / 0.25, 1.0)


@kernel
def bleeding_factor(p: FloatRecord) -> float:
    """Return the share of the bleeding that what was done for it leaves, at least 0.1."""
    left = (
        (1.0 - 0.6 * min(1.0, p.uterotonic_e))
        * (1.0 - 0.3 * min(1.0, p.massage_e))
        * (1.0 - 0.3 * min(1.0, p.txa_e))
        * (1.0 - 0.85 * min(1.0, p.pressure_on))
    )
    return float(max(0.1, left))


@kernel
def clip(value: float, low: float, high: float) -> float:
    """Return ``value`` held between ``low`` and ``high``."""
    return min(max(value, low), high)


@kernel
def logistic(x: float) -> float:
    """Return 1/(1+e^-x)."""
    return float(1.0 / (1.0 + np.exp(-x)))
