"""Drive to breathe, the mechanics that limit it, and gas exchange.

Rate and depth follow from minute ventilation by a ratio (an idea of explain-python): stiff or weak
lungs breathe rapid and shallow, opioids slow and deep. Oxygen has a store in the lung, so that
pre-oxygenation works by itself. Dissociation curve: Severinghaus, J Appl Physiol 46:599, 1979.
"""

import numpy as np

from teleward_signal.compiled.cache import kernel
from teleward_signal.compiled.records import FloatRecord
from teleward_simulators.physiology.drugs import (
    adrenaline_effect,
    clip,
    hill,
    logistic,
    opioid_effect,
)

LUNG_ML_PER_KG = 40.0
"""Functional residual capacity: 2.8 L at 70 kg."""
LEAST_PCO2 = 19.0
"""mmHg to which nobody breathes down without acidosis; the brake begins 10 mmHg above."""
DRY_MMHG = 713.0
"""Barometric pressure less water vapour."""


@kernel
def advance_breathing(p: FloatRecord, k: FloatRecord, dt: float) -> None:
    """Ask for ventilation, and get what airways and muscles allow."""
    opioid = opioid_effect(p)
    relief = (1.0 - 0.75 * hill(p.salbutamol_c, 1.0, 1.0)) * (1.0 - 0.7 * adrenaline_effect(p))
    relief *= 1.0 - 0.15 * min(1.0, p.ipratropium_c) * (1.0 if k.vag_x < 0.2 else 3.0)
    relief *= 1.0 - 0.15 * hill(p.magnesium_c, 1.0, 2.0)
    if k.vag_x > 0.2:  # secretions and spasm of a cholinergic crisis dry up with atropine
        relief *= 1.0 - 0.9 * hill(p.atropine_c, 1.5, 1.5)
    p.bronch_eff = k.bronch * relief
    # sedatives and opioids depress more together than each alone
    sedated = p.sedative_c * (1.0 + 1.6 * opioid)
    blunt = k.sens_hyp * (1.0 - 0.7 * opioid) * (1.0 - 0.5 * hill(sedated, 1.5, 2.0))
    acid = 12.0 * max(0.0, 7.38 - p.ph)
    p.drive_co2 += dt * (0.10 * (p.pco2 - 40.0 - k.pco2_shift) * blunt + acid - p.drive_co2) / 60.0
    p.drive_o2 += dt * (1.6 * logistic((45.0 - p.pao2) / 12.0) - p.drive_o2) / 8.0
    stressed = 4.2 * max(0.0, p.symp - 0.25) if k.symp_x < 1.0 else 0.0
    drive = 1.0 + p.drive_co2 + p.drive_o2 + 0.26 * max(0.0, p.temperature - 37.0)
    drive += k.drive_extra + 0.75 * k.distress + stressed + 0.10 * max(0.0, p.lactate - 2.0)
    drive += 1.4 * p.edema + 1.5 * p.bronch_eff
    drive += 0.09 * clip(p.pla - 18.0, 0.0, 15.0)  # juxtacapillary receptors of a congested lung
    if p.pulse > 0.5:  # carotid bodies feel stagnant blood as hypoxia
        fed = p.flow_ml_s / p.flow0_ml_s * p.map / p.map0
        drive += 3.0 * clip(0.55 - fed, 0.0, 0.6)
    # washed-out carbon dioxide brakes whatever drives, unless the blood is acid
    least = LEAST_PCO2 - 60.0 * max(0.0, 7.35 - p.ph)
    drive *= clip((p.pco2 - least) / 10.0, 0.2, 1.0)
    depressed = clip(k.resp_dep + 0.62 * hill(sedated, 1.5, 2.0), 0.0, 1.0)
    toxic = 0.95 * hill(p.magnesium_c * (1.0 - 0.9 * min(1.0, p.calcium_c)), 3.2, 6.0)
    drive = max(0.0, drive) * (1.0 - depressed) * (1.0 - 0.95 * opioid) * (1.0 - toxic)
    drive *= (1.0 - 0.94 * k.upper) * (1.0 - p.breath_block)
    if p.temperature < 37.0:  # the cold brain asks for less than the cold body makes
        drive *= max(0.15, 1.0 + 0.085 * (p.temperature - 37.0))
    strength = clip(k.nm + 0.15 * p.neostigmine_e + 0.1 * p.pralidoxime_e, 0.0, 1.0)
    strength *= clip((p.k_eff - 0.9) / 1.2, 0.15, 1.0) if p.k_eff > 0.0 else 1.0
    most = p.mv0_l * 14.0 * (1.0 - 0.93 * p.bronch_eff) * (1.0 - k.fatigue) * strength**2.3
    wanted = p.mv0_l * drive
    # a soft lesser of the two: strength that is nearly spent already shows
    volume = wanted * most / (wanted**4 + most**4 + 1e-12) ** 0.25
    _rate_and_depth(p, k, volume, opioid, strength, acid, dt)


@kernel
def _rate_and_depth(
    p: FloatRecord,
    k: FloatRecord,
    volume: float,
    opioid: float,
    strength: float,
    acid: float,
    dt: float,
) -> None:
    shallow = p.bronch_eff + 1.2 * k.shunt + 0.6 * p.edema + 0.5 * clip(k.drive_extra, 0.0, 1.0)
    shallow += 0.03 * clip(p.pla - 18.0, 0.0, 15.0)
    shallow += 0.8 * (1.0 - strength) + 1.5 * max(0.0, p.symp - 0.28) + 0.15 * clip(acid, 0.0, 2.0)
    ratio = p.vt_per_rr * (1.0 - 0.66 * min(1.0, shallow)) * (1.0 + 2.2 * opioid + 1.2 * k.resp_dep)
    rate = np.sqrt(volume / ratio) if volume > 0.05 * p.mv0_l / 7.0 else 0.0
    rate = min(rate, p.rr_cap)
    if p.bagged > 0.5:
        # a bag moves no air past a closed airway, and little past narrow ones
        squeezed = 1.15 * p.mv0_l * (1.0 - k.upper) * (1.0 - 0.7 * p.bronch_eff)
        volume, rate = max(volume, squeezed), max(rate, 12.0)
    elif p.pulse < 0.5 and p.cpr > 0.5:
        volume, rate = 0.2 * p.mv0_l, 6.0  # chest compressions move a little air
    p.mv += dt * (volume - p.mv) / 5.0
    p.rr += dt * (rate - p.rr) / 5.0
    p.tidal_l = p.mv / p.rr if p.rr > 1.0 else 0.0


@kernel
def saturation(po2: float, ph: float, temperature: float) -> float:
    """Return the saturation of haemoglobin, 0 to 1, at ``po2`` mmHg."""
    shifted = max(0.01, po2 * 10.0 ** (0.48 * (ph - 7.4) - 0.024 * (temperature - 37.0)))
    return float(1.0 / (23400.0 / (shifted**3 + 150.0 * shifted) + 1.0))


@kernel
def content(po2: float, hb: float, ph: float, temperature: float) -> float:
    """Return the oxygen content of blood in mL/dL."""
    return 1.34 * hb * saturation(po2, ph, temperature) + 0.003 * po2


@kernel
def tension(target: float, hb: float, ph: float, temperature: float) -> float:
    """Return the oxygen tension in mmHg at which blood holds ``target`` mL/dL."""
    low, high = 1.0, 760.0
    for _ in range(30):
        middle = 0.5 * (low + high)
        if content(middle, hb, ph, temperature) < target:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


@kernel
def advance_gases(p: FloatRecord, k: FloatRecord, dt: float) -> None:
    """Move oxygen and carbon dioxide between air, lung, blood and tissue."""
    dry = hill(p.atropine_c, 1.5, 1.5) if k.vag_x > 0.2 else 0.0
    lost = clip(
        k.vd_extra + 0.22 * p.bronch_eff + k.o2vq * max(0.0, p.sao2 - 0.90) * 10.0, 0.0, 0.75
    )
    # lung that little blood passes is dead space: shock keeps its carbon dioxide
    lost = min(0.8, lost + 0.55 * clip(0.78 - p.flow_ml_s / p.flow0_ml_s, 0.0, 0.6) * p.pulse)
    alveolar = max(0.0, (p.tidal_l * (1.0 - lost) - p.dead_space_l) * p.rr) * 1000.0
    colder = p.temperature - 37.0
    warmth = 1.0 + 0.11 * colder if colder >= 0.0 else np.exp(0.075 * colder)
    living = 1.0 if p.pulse > 0.5 else 0.5
    vo2, vco2 = p.vo2_0 * warmth * living, p.vco2_0 * warmth * living
    shunt = 0.03 + k.shunt + 0.10 * p.bronch_eff + 0.18 * p.edema * (1.0 - 0.5 * p.cpap)
    # dilated vessels of the lung no longer turn away from airless parts
    shunt += 0.05 * max(0.0, 1.0 - k.vasodil) + 0.015 * hill(p.gtn_e, 0.5, 1.5)
    shunt = min(0.7, shunt)
    fall = 5.0 + k.aad * (1.0 - 0.85 * dry) + 58.0 * p.bronch_eff + 34.0 * p.edema
    capillary = content(max(5.0, p.alveolar_o2 * DRY_MMHG - fall), p.hb, p.ph, p.temperature)
    arterial = (1.0 - shunt) * capillary + shunt * p.venous_o2
    flow_dl = max(p.flow_ml_s * 60.0, 1.0) / 100.0
    uptake = flow_dl * (arterial - p.venous_o2)
    p.venous_o2 += dt / 60.0 * (uptake - vo2) / (0.65 * p.volume0_ml / 100.0)
    p.venous_o2 = max(p.venous_o2, 0.3)
    store = LUNG_ML_PER_KG * p.weight_kg
    p.alveolar_o2 += dt / 60.0 * (alveolar * (p.fio2 - p.alveolar_o2) - uptake) / store
    p.alveolar_o2 = clip(p.alveolar_o2, 0.005, 0.95)
    p.pao2 = tension(arterial, p.hb, p.ph, p.temperature)
    p.sao2 = saturation(p.pao2, p.ph, p.temperature)
    size = p.vco2_0 / 203.0  # stores and their exchange scale with metabolism, 203 mL/min at 70 kg
    exchange = 18.0 * size * (p.pco2_tissue - 6.0 - p.pco2)
    p.pco2 += dt / 60.0 * (exchange - alveolar * p.pco2 / 863.0) / (20.0 * size)
    p.pco2_tissue += dt / 60.0 * (vco2 - exchange) / (45.0 * size)
    p.pco2 = max(p.pco2, 8.0)
    perfused = min(1.0, p.flow_ml_s / p.flow0_ml_s)
    p.etco2 = p.pco2 * max(0.15, 0.92 - 0.6 * k.vd_extra) * np.sqrt(max(0.0, perfused))
    p.spo2_slow += dt * (100.0 * p.sao2 - p.spo2_slow) / 12.0
    p.spo2 = p.spo2_slow
    p.reserve = flow_dl * arterial / vo2
