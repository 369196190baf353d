"""Acid and base, lactate, ketones, potassium, glucose with insulin, and temperature.

Glucose and insulin: Bergman's minimal model (Pacini and Bergman, Comput Methods Programs Biomed
23:113, 1986). Bicarbonate falls one for one with ketones and by 1.5 with lactate; buffering is not
modelled.
"""

import numpy as np

from teleward_signal.compiled.cache import kernel
from teleward_signal.compiled.records import FloatRecord
from teleward_simulators.physiology.drugs import adrenaline_effect, clip, hill


@kernel
def advance_acids(p: FloatRecord, k: FloatRecord, dt: float) -> None:
    """Make and clear lactate and ketones, and set the pH."""
    short = max(0.0, 1.0 - p.reserve / 2.2)
    minutes = dt / 60.0
    # too little pressure to perfuse, and vessels that shunt past their tissue: shock with much flow
    starved = clip((0.68 * p.map0 - p.map) / 28.0, 0.0, 1.0)
    bypassed = clip((0.70 - k.vasodil) / 0.30, 0.0, 1.0)
    formed = 0.12 * starved + 0.06 * bypassed + 0.55 * short
    p.lactate += minutes * (formed - 0.016 * (p.lactate - 1.0) * (1.0 - short))
    p.lactate = clip(p.lactate, 0.5, 18.0)
    if k.ketosis > 0.0:
        made = 0.045 * max(0.0, 1.0 - p.insulin / 40.0) * k.ketosis
        cleared = (0.0024 if p.insulin >= 5.0 else 0.0) + 0.0006
        p.ketones = max(0.1, p.ketones + minutes * (made - cleared * p.ketones))
    # acids that nobody measures come with lactate: the deficit of base is half as much again
    acids = 1.5 * (p.lactate - 1.0) + (p.ketones - 0.1)
    p.hco3 = max(3.0, 24.0 + k.hco3_shift - acids)
    p.ph = clip(6.1 + np.log10(p.hco3 / (0.0307 * max(p.pco2, 8.0))), 6.7, 7.75)


@kernel
def advance_potassium(p: FloatRecord, k: FloatRecord, dt: float) -> None:
    """Gain potassium, shift it into cells, dialyse it, and shield the heart with calcium."""
    minutes = dt / 60.0
    p.insulin_k_e += dt * p.insulin_k_depot / 900.0
    p.insulin_k_depot -= dt * p.insulin_k_depot / 900.0
    drip = 0.0004 * max(0.0, p.insulin - 20.0) if k.ketosis > 0.0 else 0.0
    p.potassium += minutes * (k.k_gain - p.dialysis_rate / 60.0 - min(drip, 0.02))
    given = p.potassium_depot / 1800.0 * dt
    p.potassium_depot -= given
    p.potassium = clip(p.potassium + given, 1.5, 10.0)
    acid = 0.6 * clip((7.4 - p.ph) / 0.1, 0.0, 3.0) * (0.15 if k.ketosis > 0.0 else 0.3)
    shifted = p.potassium + acid - 0.9 * min(1.2, p.insulin_k_e) - 0.6 * min(1.5, p.salbutamol_k_e)
    p.shield = min(1.0, p.calcium_e)
    p.k_eff = shifted - 1.8 * p.shield
    p.kalaemia_s = p.kalaemia_s + dt if p.k_eff >= 8.2 else 0.0
    p.hypokalaemia_s = p.hypokalaemia_s + dt if p.k_eff < 2.5 else 0.0


@kernel
def advance_glucose(p: FloatRecord, k: FloatRecord, dt: float) -> None:
    """Bergman's model, per minute; without own insulin when ``ketosis`` is set."""
    minutes = dt / 60.0
    diabetic = k.ketosis > 0.0
    p1, p3 = (0.004, 1.3e-5 * 0.16) if diabetic else (0.028, 1.3e-5)
    p.insulin_remote += minutes * (-0.025 * p.insulin_remote + p3 * (p.insulin - p.insulin0))
    p.insulin_remote = min(p.insulin_remote, 0.045)  # uptake saturates; the model's is linear
    made = 2.94 if diabetic else p1 * p.glucose0
    made += (0.3 * adrenaline_effect(p) + 0.1 * hill(p.salbutamol_c, 1.0, 1.0)) * p1 * p.glucose0
    # glucagon and adrenaline answer low sugar from what the liver has stored; hardly where
    # insulin flows for no reason
    p.liver_e += minutes * (max(0.0, p.glucose - 100.0) / 60.0 - p.liver_e) / 60.0
    answer = (1.0 + 8.0 * min(1.0, p.liver_e)) * clip((78.0 - p.glucose) / 40.0, 0.0, 1.0)
    made += answer / (1.0 + 0.5 * k.insulin_x)
    given = p.dextrose_depot / 120.0 * dt  # mg
    p.dextrose_depot -= given
    released = p.glucagon_depot / 600.0 * dt  # mg/dL from the liver
    p.glucagon_depot -= released
    p.glucose += minutes * (-(p1 + p.insulin_remote) * p.glucose + made)
    p.glucose = clip(p.glucose + given / (1.6 * p.weight_kg) + released, 10.0, 1400.0)
    secreted = 0.0 if diabetic else 0.02 * max(0.0, p.glucose - p.glucose0)
    rest = 0.0 if diabetic else p.insulin0
    bolus = p.insulin_depot / 1200.0 * dt  # units
    p.insulin_depot -= bolus
    p.insulin += minutes * (
        -0.09 * (p.insulin - rest - k.insulin_x) + secreted + p.insulin_rate / 12.0
    )
    p.insulin = max(0.0, p.insulin + bolus * 1000.0 / 12.0)
    loss = 0.0042 * max(0.0, p.glucose - 180.0) * minutes  # sugar takes water with it
    p.blood_ml = max(p.blood_ml - loss, 0.2 * p.volume0_ml)


@kernel
def advance_temperature(p: FloatRecord, k: FloatRecord, dt: float) -> None:
    """Regulate, unless regulation is lost; gain and lose heat."""
    aim = k.t_set - 0.8 * min(1.2, p.paracetamol_e)
    p.temperature += dt * k.thermo * (aim - p.temperature) / 2400.0
    p.temperature += dt / 60.0 * (k.heat - p.cooling_rate)
    p.temperature = clip(p.temperature, 24.0, 43.5)
