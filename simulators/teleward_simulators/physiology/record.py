"""The whole continuous state of one patient as one structured record, so that bytes are a snapshot.

`BODY` are constants of the person, `STATE` what the equations integrate, `DRUGS` what was given,
`OUTPUT` what others read. All float64.
"""

import numpy as np

BODY = (
    "weight_kg", "age_y", "volume0_ml", "compliance", "unstressed0_ml", "resistance_venous",
    "flow0_ml_s", "tpr0", "stroke0_ml", "arterial_compliance", "map0", "pp0", "intrinsic_hr",
    "ees0", "edv_span", "diastole0_s", "vo2_0", "vco2_0", "mv0_l", "vt_per_rr", "dead_space_l",
    "rr_cap", "glucose0", "insulin0",
)  # fmt: skip
"""Constants; ``*_0`` are resting values, resistances in mmHg s/mL, ees0 in mmHg/mL."""

STATE = (
    "blood_ml", "haemoglobin_g", "interstitial_ml", "crystalloid_ml", "crystalloid_given_ml",
    "lost_ml", "pra", "map", "symp", "vagal", "map_felt", "pra_felt", "edema",
    "drive_co2", "drive_o2", "rr", "mv", "alveolar_o2", "venous_o2", "pco2", "pco2_tissue",
    "spo2_slow", "lactate", "ketones", "potassium", "temperature", "glucose", "insulin_remote",
    "insulin", "low_s", "kalaemia_s", "hypokalaemia_s", "injury_s", "down_s", "rosc_s",
    "urine_ml", "reserve",
)  # fmt: skip
"""Integrated; pressures in mmHg, contents in mL/dL, ``*_s`` timers in seconds."""

DRUGS = (
    "adrenaline_depot", "adrenaline_c", "adrenaline_e", "adrenaline_rate", "salbutamol_depot",
    "salbutamol_c", "ipratropium_c", "atropine_c", "opioid_c", "opioid_e", "naloxone_c",
    "gtn_depot", "gtn_e", "furosemide_e", "furosemide_depot", "bp_depot", "bp_e", "beta_c",
    "prazosin_depot", "prazosin_e", "magnesium_depot", "magnesium_c", "calcium_c", "sedative_c",
    "noradrenaline_rate", "noradrenaline_e", "paracetamol_depot", "paracetamol_e",
    "insulin_depot", "insulin_rate", "dextrose_depot", "glucagon_depot", "insulin_k_depot",
    "insulin_k_e", "salbutamol_k_e", "potassium_depot", "dialysis_rate", "cooling_rate",
    "fluid_left_ml", "fluid_rate", "blood_left_ml", "blood_rate", "uterotonic_e",
    "uterotonic_depot", "massage_e", "txa_e", "txa_depot", "pressure_on", "neostigmine_e",
    "pralidoxime_e", "legs_up", "upright", "fio2", "bagged", "cpap", "cpr", "cpr_quality",
    "anticonvulsant_e", "antivenom_e", "verapamil_c", "liver_e", "av_block", "calcium_e",
)  # fmt: skip
"""Levels in units of one usual adult dose unless the name gives another unit."""

RHYTHM = ("pulse", "fixed_hr", "conduction", "rhythm_gain", "breath_block", "av_node")
"""Inputs of the rhythm to the heart; ``fixed_hr`` 0 leaves the rate to the nerves, of whose beats
``conduction`` is the share that passes; ``av_node`` 1 where drugs on the node slow the rate."""

OUTPUT = (
    "hr", "sbp", "dbp", "stroke_ml", "flow_ml_s", "tidal_l", "sao2", "pao2", "etco2", "ph", "hco3",
    "hb", "k_eff", "pla", "perfusion", "bronch_eff", "shield", "spo2", "venous_return",
)  # fmt: skip

FIELDS = BODY + STATE + DRUGS + RHYTHM + OUTPUT
PATIENT_DTYPE = np.dtype([(name, "f8") for name in FIELDS])
FIELD_INDEX = {name: index for index, name in enumerate(FIELDS)}
