"""Heart, vessels, volumes and baroreflex: Guyton's venous return against a Frank-Starling heart.

    blood -> mean systemic pressure -> venous return -> right atrium -> filling -> stroke volume
      ^                                                                                 |
      bleeding, leak, fluids        baroreflex (sympathetic 8 s, vagal 1.5 s)  <-  mean pressure

Pulsation is not modelled: the arterial wave is drawn from systolic and diastolic pressure.
Reflex structure after Ursino and Magosso as used by BioGears; constants make a healthy 70 kg adult
read 72/min and 117/77 mmHg at 5.2 L/min.
"""

import numpy as np

from teleward_signal.compiled.cache import kernel
from teleward_signal.compiled.records import FloatRecord
from teleward_simulators.physiology.drugs import (
    adrenaline_effect,
    bleeding_factor,
    clip,
    hill,
    logistic,
)

RESTING_SYMPATHETIC = 0.2
RESTING_VAGAL = 0.6
SYMPATHETIC_GAIN = 0.9
VAGAL_GAIN = 0.45
DEAD_VOLUME_ML = 10.0
"""Volume of the ventricle at no pressure."""
LUNG_VEIN_ML = 12.0
"""Compliance of the veins of the lung, mL/mmHg at 70 kg."""
DECOMPENSATION = 0.16
"""Share of resistance lost at 30 % less blood."""
GIVEN_UP_MMHG = 8.0
"""By how much less pressure the reflexes defend then."""
RETAINED = 0.27
"""Share of crystalloid that stays in the vessels; the rest leaves with 22 min."""


@kernel
def advance_volumes(p: FloatRecord, k: FloatRecord, dt: float) -> None:
    """Bleed, leak, infuse and refill."""
    p.hb = 100.0 * p.haemoglobin_g / p.blood_ml
    if p.fluid_left_ml > 0.0:
        given = min(p.fluid_rate * dt, p.fluid_left_ml)
        p.fluid_left_ml -= given
        p.blood_ml += given
        p.crystalloid_ml += given
        p.crystalloid_given_ml += given
    if p.blood_left_ml > 0.0:
        given = min(p.blood_rate * dt, p.blood_left_ml)
        p.blood_left_ml -= given
        p.blood_ml += given
        p.haemoglobin_g += given * 0.20  # 60 g in a unit of 300 mL
    lost = k.bleed * bleeding_factor(p) * p.map / 90.0 * dt
    p.blood_ml -= lost
    p.lost_ml += lost
    p.haemoglobin_g -= lost * p.hb / 100.0
    leak = k.leak * (1.0 - 0.7 * adrenaline_effect(p)) * dt
    leaving = max(0.0, p.crystalloid_ml - RETAINED * p.crystalloid_given_ml) / 1320.0 * dt
    refill = max(0.0, p.volume0_ml * 0.97 - p.blood_ml) / 21600.0 * dt
    p.crystalloid_ml -= leaving
    p.blood_ml += refill - leak - leaving
    p.interstitial_ml += leak + leaving - refill
    urine = p.furosemide_e * 0.2 * dt  # mL/s: a litre and more in two hours
    p.urine_ml += urine + filtered(p) * dt
    p.blood_ml = max(p.blood_ml - 0.35 * urine, 0.2 * p.volume0_ml)


@kernel
def filtered(p: FloatRecord) -> float:
    """Return the urine that kidneys make of themselves, mL/s; drinking replaces it.

    1 mL/kg/h in health, none below a mean pressure of 50 mmHg, 20 to 30 mL/h after a loss of
    15 to 30 % (ATLS class II), much with sugar in it.
    """
    pressure = clip((p.map - 50.0) / 25.0, 0.0, 1.0)
    volume = clip((p.blood_ml / p.volume0_ml - 0.68) / 0.25, 0.05, 1.0)
    sugar = 1.0 + 3.0 * clip((p.glucose - 200.0) / 300.0, 0.0, 1.0)
    return float(p.weight_kg / 3600.0 * pressure * volume * sugar)


@kernel
def advance_reflexes(p: FloatRecord, k: FloatRecord, dt: float) -> None:
    """Baroreflex: answer pressure, filling, hypoxia and what the case adds."""
    p.map_felt += dt * (p.map - p.map_felt) / 2.0
    p.pra_felt += dt * (p.pra - p.pra_felt) / 3.0
    hypoxia = max(0.0, (60.0 - p.pao2) / 30.0)
    hypercapnia = max(0.0, (p.pco2 - 45.0 - k.pco2_shift) / 20.0)
    extra = sympathetic_extra(p, k)
    aim = p.map0 + k.map_shift - 22.0 * min(1.2, p.bp_e) + 12.0 * k.distress
    # relief of a congested heart takes from a raised pressure what reflexes do not give back
    relief = 22.0 * hill(p.gtn_e, 0.5, 1.5) + 11.0 * p.cpap + 8.0 * min(1.0, p.furosemide_e)
    aim -= GIVEN_UP_MMHG * decompensation(p)
    aim -= relief * clip(k.map_shift / 40.0, 0.0, 1.0)
    # stretch of the left atrium: blood that a failing right ventricle holds back is not felt there
    error = k.baro * ((aim - p.map_felt) / 11.0 + (2.0 - p.pra_felt * k.rv_f) / 3.2)
    urge = error + 1.2 * hypoxia + 0.8 * hypercapnia + extra
    symp = logistic(np.log(RESTING_SYMPATHETIC / (1.0 - RESTING_SYMPATHETIC)) + urge)
    vagal = logistic(
        np.log(RESTING_VAGAL / (1.0 - RESTING_VAGAL)) - (urge - 0.3 * extra) + 0.3 * hypoxia
    )
    atropine = hill(p.atropine_c, 0.6, 1.0)
    p.symp += dt * (symp - p.symp) / 8.0
    p.vagal += dt * (min(1.0, vagal + k.vag_x) * (1.0 - atropine) - p.vagal) / 1.5


@kernel
def sympathetic_extra(p: FloatRecord, k: FloatRecord) -> float:
    """Return the drive from outside the reflexes: venom, fear, low sugar."""
    storm = k.symp_x * (1.0 - 0.85 * min(1.0, p.prazosin_e))
    low_sugar = clip((65.0 - p.glucose) / 30.0, 0.0, 1.0)
    return float(storm + low_sugar)


@kernel
def catecholamines(p: FloatRecord, k: FloatRecord) -> float:
    """Return 0 to 1: what circulates and acts on heart and vessels, past what nerves withdraw."""
    return hill(k.symp_x * (1.0 - 0.85 * min(1.0, p.prazosin_e)), 2.0, 1.0)


@kernel
def warmth_of_heart(temperature: float) -> float:
    """Return the share by which the node is quicker (slower: negative) than at 37 Cel.

    A heart of 28 Cel beats at half the rate (Danzl and Pozos, N Engl J Med 331:1756, 1994).
    """
    if temperature >= 37.0:
        return 0.11 * (temperature - 37.0)
    return max(0.055 * (temperature - 37.0), -0.8)


@kernel
def heart_rate(p: FloatRecord, k: FloatRecord) -> float:
    """Return the rate the sinus node makes, per minute."""
    atropine = hill(p.atropine_c, 0.6, 1.0)
    adrenaline = adrenaline_effect(p)
    salbutamol = hill(p.salbutamol_c, 1.0, 1.0)
    rate = (
        p.intrinsic_hr
        * (1.0 + SYMPATHETIC_GAIN * p.symp)
        * (1.0 - (VAGAL_GAIN + 0.35 * k.vag_x * (1.0 - atropine)) * p.vagal)
        * (1.0 + warmth_of_heart(p.temperature) + k.sirs)
    )
    rate += 44.0 * k.distress + 16.0 * adrenaline + 16.0 * salbutamol
    rate += 70.0 * hill(p.adrenaline_e, 1.3, 3.0)  # a bolus into a vein
    rate += 40.0 * catecholamines(p, k) + 12.0 * k.upper
    rate += 14.0 * clip((62.0 - p.pao2) / 20.0, 0.0, 1.0)
    rate += 18.0 * clip((65.0 - p.glucose) / 30.0, 0.0, 1.0)
    if p.rosc_s > 0.0:  # catecholamines of the resuscitation
        rate += 28.0 * np.exp(-p.rosc_s / 1200.0)
    rate -= 28.0 * hill(p.beta_c, 1.0, 1.0) + 9.0 * hill(p.verapamil_c, 1.0, 1.0)
    rate -= 15.0 * hill(p.magnesium_c, 3.0, 4.0)
    top = 220.0 - p.age_y
    knee = 0.72 * top
    if rate > knee:
        rate = knee + 0.45 * (rate - knee)
    rate = clip(rate, 20.0, top)
    rate *= 1.0 - 0.5 * clip((p.k_eff - 7.6) / 1.0, 0.0, 1.0)  # too much potassium
    terminal = clip((0.55 - p.sao2) / 0.25, 0.0, 1.0)  # the hypoxic heart slows at last
    return rate * (1.0 - 0.75 * terminal)


@kernel
def beats_per_minute(p: FloatRecord, k: FloatRecord) -> float:
    """Return the rate of the ventricles: the rhythm's own, or what passes of the sinus node's."""
    if p.fixed_hr <= 0.0:
        return float(heart_rate(p, k) * p.conduction)
    if p.av_node < 0.5:
        return float(p.fixed_hr)
    slowed = 0.34 * hill(p.beta_c, 1.0, 1.0) + 0.42 * hill(p.verapamil_c, 1.0, 1.2)
    return float(p.fixed_hr * max(0.45, 1.0 - slowed) * (1.0 - 0.85 * min(1.0, p.av_block)))


@kernel
def decompensation(p: FloatRecord) -> float:
    """Return how far the second phase of haemorrhage has come, 0 to 1.

    Constriction is withdrawn at a loss of 20 to 30 % (Schadt and Ludbrook, Am J Physiol 260:H305,
    1991).
    """
    return float(clip((0.80 - p.blood_ml / p.volume0_ml) / 0.10, 0.0, 1.0))


@kernel
def coronary_share(p: FloatRecord, k: FloatRecord) -> float:
    """Return what too little pressure over the coronaries leaves of contractility, 0.5 to 1.

    A healthy heart regulates down to 30 mmHg, one that lost muscle has used up that reserve.
    """
    least = 30.0 + 50.0 * (1.0 - min(1.0, k.contr))
    short = clip((least - (p.dbp - p.pla)) / 30.0, 0.0, 1.0)
    return 1.0 - 0.4 * short


@kernel
def elastance(p: FloatRecord, k: FloatRecord, adrenaline: float, circulating: float) -> float:
    """Return the end-systolic elastance: how strongly the heart contracts."""
    acid = clip((7.2 - p.ph) / 0.3, 0.0, 1.0)
    hypoxic = clip((0.6 - p.sao2) / 0.3, 0.0, 1.0)
    # dead muscle answers no nerve: reserve falls with what is left of contractility
    driven = 0.8 * (p.symp - RESTING_SYMPATHETIC) * (1.0 - 0.7 * hill(p.beta_c, 1.0, 1.0))
    ees = p.ees0 * k.contr * (1.0 + driven * min(1.0, k.contr))
    ees *= (
        (1.0 + 0.5 * adrenaline)
        * (1.0 + 0.45 * circulating)
        * (1.0 - 0.5 * acid)
        * (1.0 - 0.6 * hypoxic)
    )
    ees *= 1.0 - 0.48 * hill(p.beta_c, 1.0, 1.0) - 0.2 * hill(p.verapamil_c, 1.0, 1.0)
    ees *= coronary_share(p, k)
    if p.rosc_s > 0.0:  # stunned after an arrest
        ees *= 1.0 - 0.35 * np.exp(-p.rosc_s / 2400.0)
    return float(ees)


@kernel
def resistance(
    p: FloatRecord, k: FloatRecord, vasodil: float, gtn: float, circulating: float
) -> float:
    """Return the resistance of all vessels of the body."""
    tone = 1.0 + 2.2 * (p.symp - RESTING_SYMPATHETIC) * np.sqrt(min(1.0, vasodil))
    tpr = p.tpr0 * tone * vasodil * (1.0 - 0.35 * gtn)
    tpr *= 1.0 - DECOMPENSATION * decompensation(p)
    tpr *= (1.0 - 0.03 * max(0.0, p.temperature - 37.0)) * (1.0 + 0.7 * circulating)
    if p.rosc_s > 0.0:  # vessels dilate after an arrest
        tpr *= 1.0 - 0.35 * np.exp(-p.rosc_s / 3600.0)
    # a large infarct inflames and dilates (Hochman, Circulation 107:2998, 2003)
    tpr *= 1.0 - 2.2 * clip(0.65 - k.contr, 0.0, 0.35)
    if k.vasodil >= 1.0:
        tpr *= 1.0 - 0.12 * hill(p.adrenaline_depot + p.adrenaline_e, 0.3, 2.0) * (
            1.0 if p.adrenaline_e < 1.5 else 0.0
        )
    tpr *= 1.0 + 2.1 * hill(p.adrenaline_e, 1.3, 3.0)  # a vein full of adrenaline
    return float(tpr)


@kernel
def stroke_of(p: FloatRecord, k: FloatRecord, ees: float, tpr: float, rate: float) -> float:
    """Return the stroke volume in mL: what diastole leaves time to fill, against the vessels."""
    diastole = max(60.0 / rate - max(0.3 * np.sqrt(72.0 / rate), 0.16), 0.05)
    fill = (1.0 - np.exp(-diastole / 0.16)) / (1.0 - np.exp(-p.diastole0_s / 0.16))
    span = p.edv_span * (1.0 - np.exp(-max(p.pra + 3.0, 0.0) / 5.0)) * fill
    return float(span * ees / (ees + tpr * rate / 60.0) * k.rv_f * p.rhythm_gain)


@kernel
def unstressed_ml(p: FloatRecord, k: FloatRecord, gtn: float) -> float:
    """Return the blood in mL that fills veins without stretching them."""
    # a right ventricle that has failed lives on its filling, which nitrates take away
    veins = k.venodil + (0.14 + 0.45 * clip((0.92 - k.rv_f) / 0.22, 0.0, 1.0)) * gtn
    veins += 0.09 * p.upright - 0.04 * p.legs_up - 0.05 * p.noradrenaline_e
    return float(p.unstressed0_ml * (1.0 - 0.20 * (p.symp - RESTING_SYMPATHETIC) + veins))


@kernel
def advance_heart(p: FloatRecord, k: FloatRecord, dt: float) -> None:
    """Beat for one step: stroke volume, flow, pressures."""
    p.hr = beats_per_minute(p, k)
    adrenaline = adrenaline_effect(p)
    pressor = adrenaline if k.vasodil < 1.0 else 0.0
    vasodil = k.vasodil + max(0.0, 1.0 - k.vasodil) * 0.75 * pressor
    vasodil = (vasodil - 0.2 * min(1.0, p.prazosin_e)) * (1.0 + 0.9 * p.noradrenaline_e)
    gtn = hill(p.gtn_e, 0.5, 1.5)
    circulating = catecholamines(p, k)
    tpr = resistance(p, k, vasodil, gtn, circulating)
    rate = max(p.hr, 1.0)
    stroke = stroke_of(p, k, elastance(p, k, adrenaline, circulating), tpr, rate)
    flow = stroke * rate / 60.0 * p.pulse
    if p.pulse < 0.5 and p.cpr > 0.5:
        flow = 0.22 * p.flow0_ml_s * p.cpr_quality
    # a left heart that cannot keep up holds blood back in the lungs
    held_back = LUNG_VEIN_ML * (p.weight_kg / 70.0) * clip(p.pla - 12.0, 0.0, 25.0)
    filling = (p.blood_ml - held_back - unstressed_ml(p, k, gtn)) / p.compliance
    p.venous_return = (filling - p.pra) / (p.resistance_venous * (1.0 + k.vr_obst))
    p.pra = clip(p.pra + dt * (p.venous_return - flow) / 30.0, -3.0, 30.0)
    p.map += dt * (flow - (p.map - max(p.pra, 0.0)) / tpr) / p.arterial_compliance
    p.map = max(p.map, 4.0)
    injured = max(abs(k.st_anterior), abs(k.st_inferior), abs(k.st_lateral)) > 0.05
    p.injury_s = p.injury_s + dt if injured else 0.0
    p.flow_ml_s, p.stroke_ml = flow, stroke * p.pulse
    _pressures(p, k, dt)


@kernel
def _pressures(p: FloatRecord, k: FloatRecord, dt: float) -> None:
    """Systolic and diastolic from the mean, lung water from the left atrium."""
    aim = p.map0 + k.map_shift
    share = max(p.stroke_ml / p.stroke0_ml, 0.0)
    pulse = (p.pp0 + k.pp_shift) * share**0.75 * max(0.1, 1.0 + 0.006 * (p.map - aim))
    if p.pulse < 0.5 and p.cpr > 0.5:
        pulse = 35.0 * p.cpr_quality
    pulse = min(pulse, 1.4 * p.map)
    p.sbp = p.map + pulse * 2.0 / 3.0
    p.dbp = p.map - pulse / 3.0
    pla = 8.0 * (1.0 + 0.5 * (p.pra * k.rv_f - 2.0)) / k.contr**0.9 + k.lv_stiff
    pla += max(0.0, p.map - 110.0) * 0.15 - 5.0 * min(1.0, p.furosemide_e)
    pla -= 6.0 * hill(p.gtn_e, 0.5, 1.5) + 4.0 * p.cpap
    p.pla = clip(pla * (1.0 - 0.12 * p.upright), 1.0, 40.0)
    dry = 0.03 * p.edema * (1.0 + 2.0 * p.cpap) if p.pla < 20.0 else 0.0
    if p.pulse > 0.5:  # no flow, no filtration
        wet = 0.012 * max(0.0, p.pla - 20.0)
        p.edema = clip(p.edema + dt / 60.0 * (wet - dry * p.edema), 0.0, 1.0)
    warm = clip(1.0 - 1.6 * (p.symp - 0.25), 0.2, 1.1) + 0.5 * max(0.0, 1.0 - k.vasodil)
    warm *= clip((p.temperature - 28.0) / 8.0, 0.15, 1.1)
    p.perfusion = 3.0 * warm * share**0.8 * clip(p.map / 75.0, 0.0, 1.2)
