"""What there is at the bedside: stock of a setting, and what each action needs of it.

The worker does not give what is not there. Hands, voice and the referral letter need nothing.
"""

from teleward_simulators.cases.model import Case

BASIC = frozenset(
    {"cuff", "thermometer", "oximeter", "bvm", "paracetamol", "cannula", "rapid_tests"}
)
"""Where a health worker is, these are; rapid tests are strips, kits and a glass tube."""
STOCK: dict[str, frozenset[str]] = {
    "home": frozenset(),
    "subcentre": BASIC | {"glucometer", "ns_500"},
    "wellness_centre": BASIC | {"glucometer"},
    "primary_health_centre": BASIC | {"glucometer", "ns_500", "oxygen", "adrenaline_1mg"},
    "community_health_centre": BASIC
    | {"glucometer", "ns_500", "oxygen", "adrenaline_1mg", "ecg12", "defibrillator", "laboratory"},
    "district_hospital": BASIC
    | {"glucometer", "ns_500", "oxygen", "adrenaline_1mg", "ecg12", "defibrillator", "laboratory",
       "x_ray", "ultrasound", "blood", "cpap"},
}  # fmt: skip
"""Level of a setting -> what it has besides what a case lists."""
MEASURES_WITH: dict[str, str] = {
    "ox": "oximeter", "nibp": "cuff", "temp": "thermometer", "glu": "glucometer",
    "ecg12": "ecg12", "capno": "capnograph", "defib": "defibrillator",
}  # fmt: skip
"""Sensor of a case -> what is therefore there."""

NEEDS: dict[str, frozenset[str]] = {
    action: frozenset(stock)
    for stock, actions in (
        (("oxygen",), ("oxygen", "venturi", "cpap")),
        (("bvm",), ("bag_mask", "positive_pressure")),
        (("cannula", "cannula_14g"), ("needle_decompression",)),
        (("salbutamol",), ("salbutamol", "salbutamol_puffs")),
        (("ipratropium",), ("ipratropium",)),
        (("adrenaline_1mg",), ("adrenaline_im", "adrenaline_iv", "adrenaline_infusion")),
        (("noradrenaline",), ("noradrenaline",)),
        (("ns_500", "rl_500"), ("crystalloid", "crystalloid_hour")),
        (("blood",), ("blood",)),
        (("atropine",), ("atropine",)),
        (("gtn",), ("gtn",)),
        (("furosemide",), ("furosemide",)),
        (("labetalol",), ("labetalol",)),
        (("nifedipine",), ("nifedipine",)),
        (("hydralazine",), ("hydralazine",)),
        (("beta_blocker", "metoprolol"), ("beta_blocker",)),
        (("prazosin",), ("prazosin",)),
        (("aspirin",), ("aspirin",)),
        (("tenecteplase", "streptokinase", "thrombolysis"),
         ("thrombolysis",)),
        (("defibrillator", "aed"), ("shock",)),
        (("defibrillator",), ("sync_shock",)),
        (("pacer", "defibrillator"), ("pacing",)),
        (("adenosine",), ("adenosine",)),
        (("amiodarone",), ("amiodarone",)),
        (("lidocaine",), ("lidocaine",)),
        (("verapamil",), ("verapamil",)),
        (("dextrose",), ("dextrose",)),
        (("glucagon",), ("glucagon",)),
        (("insulin",), ("insulin_bolus", "insulin_infusion")),
        (("calcium_gluconate",), ("calcium_gluconate",)),
        (("potassium",), ("potassium_chloride",)),
        (("bicarbonate",), ("bicarbonate",)),
        (("dialysis",), ("dialysis",)),
        (("magnesium_sulphate", "magnesium"), ("magnesium",)),
        (("paracetamol",), ("paracetamol",)),
        (("naloxone",), ("naloxone",)),
        (("morphine", "opioid"), ("opioid",)),
        (("diazepam", "midazolam"), ("sedative",)),
        (("pralidoxime",), ("pralidoxime",)),
        (("neostigmine",), ("neostigmine",)),
        (("antivenom",), ("antivenom",)),
        (("oxytocin",), ("oxytocin",)),
        (("misoprostol",), ("misoprostol",)),
        (("tranexamic_acid",), ("tranexamic_acid",)),
        (("prednisolone", "hydrocortisone", "steroid"), ("steroid",)),
        (("antibiotic", "amoxicillin", "ceftriaxone", "gentamicin"), ("antibiotic",)),
        (("antihistamine", "pheniramine"), ("antihistamine",)),
        (("ecg12",), ("ecg12",)),
        (("glucometer",), ("glucose_check",)),
        (("cuff",), ("blood_pressure", "remeasure")),
        (("thermometer",), ("temperature_check",)),
        (("ketone_strips", "laboratory", "glucometer"), ("ketone_check",)),
        (("laboratory",), ("lactate_check", "haematocrit", "blood_cultures")),
        (("x_ray",), ("x_ray",)),
        (("ergometrine",), ("ergometrine",)),
        (("suxamethonium",), ("suxamethonium",)),
        (("nsaid", "diclofenac"), ("nsaid",)),
        (("codeine",), ("codeine",)),
    )
    for action in actions
}  # fmt: skip
"""Action -> any one of these does."""

TESTS_NEED: dict[str, frozenset[str]] = {
    **{item: frozenset({"laboratory"}) for item in (
        "blood_gas", "potassium", "sodium", "creatinine", "haemoglobin", "haematocrit",
        "platelets", "white_cells", "liver", "inr", "troponin", "blood_cultures", "blood_group",
        "cholinesterase", "calcium_magnesium", "lactate_check", "dengue_test",
    )},
    **{item: frozenset({"rapid_tests", "laboratory"}) for item in (
        "pregnancy_test", "malaria_test", "urine_test", "clotting_20min",
    )},
    "blood_pressure": frozenset({"cuff"}),
    "temperature": frozenset({"thermometer"}),
    "saturation": frozenset({"oximeter"}),
    "glucose_check": frozenset({"glucometer", "laboratory"}),
    "ketone_check": frozenset({"ketone_strips", "glucometer", "laboratory"}),
    "ecg12": frozenset({"ecg12"}),
    "chest_film": frozenset({"x_ray"}),
    "ultrasound": frozenset({"ultrasound"}),
    "ct_head": frozenset({"ct"}),
    "capnography": frozenset({"capnograph"}),
}  # fmt: skip
"""Item of the catalogue -> any one of these does; the others need eyes, hands or a clock."""


def stock_of(case: Case) -> frozenset[str] | None:
    """Return all there is in the setting of ``case``; None where an older case does not limit it.

    A caller at home has nothing but what the case lists and its sensors.
    """
    if case.schema < 2:
        return None
    listed = case.setting.get("inventory") or ()
    found = frozenset(str(each) for each in listed) if isinstance(listed, list | tuple) else None
    sensors = frozenset(MEASURES_WITH[name] for name in case.devices if name in MEASURES_WITH)
    return (found or frozenset()) | sensors | STOCK.get(str(case.setting.get("level", "")), BASIC)


def missing(stock: frozenset[str] | None, needs: frozenset[str] | None) -> bool:
    """Return whether none of ``needs`` is in ``stock``."""
    return stock is not None and needs is not None and not stock & needs
