"""What can be done to a patient: drugs and interventions, units, doses and effects as a table.

``usual`` is one adult dose; effects are stated for it and scale with the dose given. More than
``most`` is carried out and flagged, in a wrong unit it is refused. Doses are those of public
guidelines (see docs of the cases) for a teaching simulator; nothing here is medical advice.
"""

from dataclasses import dataclass

from teleward_signal.errors import Invalid
from teleward_simulators.physiology.layers import Layer


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that can be done.

    ``adds``: (field, amount of one usual dose); ``sets``: (field, value), at once; ``layers``:
    what one usual dose does to knobs, on top of their course. ``trigger`` asks the table of
    rhythms; ``by_weight`` makes the same dose do more in a person below 50 kg. ``counted`` is what
    another order amounts to in a case: nobody orders it by that name, so no menu has it.
    """

    name: str
    label: str
    unit: str = ""
    usual: float = 1.0
    most: float = 0.0
    adds: tuple[tuple[str, float], ...] = ()
    sets: tuple[tuple[str, float], ...] = ()
    layers: tuple[Layer, ...] = ()
    trigger: str = ""
    by_weight: bool = False
    counted: bool = False


_TABLE = (
    # breathing
    Action("oxygen", "Oxygen", "L/min", 10, 15),
    Action("venturi", "Venturi mask", "%", 28, 60),
    Action("oxygen_off", "Take oxygen away", sets=(("fio2", 0.21),)),
    Action("bag_mask", "Bag and mask", sets=(("bagged", 1.0), ("fio2", 0.8))),
    Action("bag_mask_off", "Stop bagging", sets=(("bagged", 0.0),)),
    Action("cpap", "CPAP", sets=(("cpap", 1.0), ("fio2", 0.5))),
    Action("open_airway", "Open the airway", layers=(Layer("upper", "scale", 0.0, 5.0),)),
    Action("needle_decompression", "Needle decompression",
           layers=(Layer("vr_obst", "scale", 0.02, 20.0), Layer("shunt", "scale", 0.4, 240.0),
                   Layer("aad", "scale", 0.3, 240.0), Layer("distress", "scale", 0.4, 240.0),
                   Layer("drive_extra", "scale", 0.25, 360.0))),
    Action("positive_pressure", "Positive pressure ventilation",
           layers=(Layer("vr_obst", "scale", 1.6, 20.0),), sets=(("bagged", 1.0),)),
    # inhaled
    Action("salbutamol", "Salbutamol nebulised", "mg", 5, 20, adds=(("salbutamol_depot", 1.0),)),
    Action("salbutamol_puffs", "Salbutamol by spacer", "puffs", 8, 20,
           adds=(("salbutamol_depot", 0.8),)),
    Action("ipratropium", "Ipratropium nebulised", "mg", 0.5, 2, adds=(("ipratropium_c", 1.0),)),
    # circulation
    Action("adrenaline_im", "Adrenaline intramuscular", "mg", 0.5, 1.0,
           adds=(("adrenaline_depot", 1.0),), by_weight=True),
    Action("adrenaline_iv", "Adrenaline intravenous bolus", "mg", 1.0, 1.0,
           adds=(("adrenaline_c", 4.0), ("adrenaline_e", 2.0)), trigger="adrenaline_iv",
           by_weight=True),
    Action("adrenaline_infusion", "Adrenaline infusion", "ug/min", 5, 20),
    Action("noradrenaline", "Noradrenaline infusion", "ug/min", 10, 40,
           adds=(("noradrenaline_rate", 0.5),)),
    Action("crystalloid", "Crystalloid, quickly", "mL", 500, 6000),
    Action("crystalloid_hour", "Crystalloid over an hour", "mL", 500, 3000),
    Action("blood", "Blood", "mL", 300, 3000),
    Action("atropine", "Atropine", "mg", 0.6, 40, adds=(("atropine_c", 0.2),)),
    Action("gtn", "Glyceryl trinitrate spray", "mg", 0.4, 1.6, adds=(("gtn_depot", 0.9),)),
    Action("furosemide", "Furosemide", "mg", 40, 120, adds=(("furosemide_depot", 0.8),)),
    Action("labetalol", "Labetalol", "mg", 20, 80, adds=(("bp_depot", 0.8), ("beta_c", 0.5))),
    Action("nifedipine", "Nifedipine oral", "mg", 10, 20, adds=(("bp_depot", 0.9),)),
    Action("hydralazine", "Hydralazine", "mg", 5, 10, adds=(("bp_depot", 0.9),)),
    Action("beta_blocker", "Beta blocker", "mg", 5, 15, adds=(("beta_c", 1.0),),
           trigger="beta_blocker",
           layers=(Layer("bronch", "scale", 1.3, 300.0, 7200.0, 14400.0),)),
    Action("prazosin", "Prazosin oral", "mg", 0.5, 1.0, adds=(("prazosin_depot", 1.2),),
           by_weight=True),
    Action("lay_flat", "Lay flat, legs up", sets=(("legs_up", 1.0), ("upright", 0.0))),
    Action("sit_up", "Sit upright", sets=(("legs_up", 0.0), ("upright", 1.0))),
    Action("aspirin", "Aspirin chewed", "mg", 300, 500),
    Action("thrombolysis", "Thrombolysis", "mg", 40, 50),
    # rhythm
    Action("shock", "Defibrillation", "J", 150, 360, trigger="shock"),
    Action("sync_shock", "Synchronised cardioversion", "J", 100, 360, trigger="sync_shock"),
    Action("cpr", "Chest compressions", sets=(("cpr", 1.0),)),
    Action("cpr_stop", "Stop compressions", sets=(("cpr", 0.0),)),
    Action("pacing", "Transcutaneous pacing", "/min", 70, 110),
    Action("adenosine", "Adenosine, rapid flush", "mg", 6, 18, trigger="adenosine"),
    Action("valsalva", "Valsalva", trigger="valsalva"),
    Action("valsalva_modified", "Modified Valsalva", trigger="valsalva_modified"),
    Action("amiodarone", "Amiodarone", "mg", 300, 450, trigger="amiodarone"),
    Action("lidocaine", "Lidocaine", "mg", 100, 200, trigger="lidocaine"),
    Action("verapamil", "Verapamil", "mg", 5, 10, trigger="verapamil",
           adds=(("verapamil_c", 1.0), ("bp_depot", 0.4))),
    # metabolism, electrolytes
    Action("dextrose", "Dextrose intravenous", "g", 25, 50, adds=(("dextrose_depot", 25000.0),)),
    Action("oral_glucose", "Glucose by mouth", "g", 20, 60, adds=(("dextrose_depot", 9000.0),)),
    Action("glucagon", "Glucagon", "mg", 1, 2, adds=(("glucagon_depot", 70.0),)),
    Action("insulin_bolus", "Insulin bolus", "U", 10, 20,
           adds=(("insulin_depot", 10.0), ("insulin_k_depot", 1.0))),
    Action("insulin_infusion", "Insulin infusion", "U/kg/h", 0.1, 0.2),
    Action("calcium_gluconate", "Calcium gluconate 10 %", "mL", 30, 60,
           adds=(("calcium_c", 1.0),)),
    Action("potassium_chloride", "Potassium chloride", "mmol", 20, 40,
           adds=(("potassium_depot", 1.2),)),
    Action("bicarbonate", "Sodium bicarbonate", "mmol", 50, 150,
           layers=(Layer("hco3_shift", "shift", 2.0, 300.0, 3600.0, 7200.0),)),
    Action("dialysis", "Dialysis", sets=(("dialysis_rate", 1.0),)),
    Action("magnesium", "Magnesium sulphate", "g", 4, 14, adds=(("magnesium_depot", 1.1),),
           trigger="magnesium"),
    Action("paracetamol", "Paracetamol", "mg", 1000, 1000, adds=(("paracetamol_depot", 1.0),),
           by_weight=True),
    Action("cooling", "Active cooling", "Cel/min", 0.15, 0.2, adds=(("cooling_rate", 0.15),)),
    Action("cooling_stop", "Stop cooling", sets=(("cooling_rate", 0.0),)),
    # antidotes, sedatives
    Action("naloxone", "Naloxone", "mg", 0.4, 2, adds=(("naloxone_c", 1.6),)),
    Action("opioid", "Morphine", "mg", 10, 20, adds=(("opioid_c", 1.5),)),
    Action("sedative", "Diazepam or midazolam", "mg", 10, 20, adds=(("sedative_c", 1.0),)),
    Action("pralidoxime", "Pralidoxime", "g", 1, 2, adds=(("pralidoxime_e", 1.0),)),
    Action("neostigmine", "Neostigmine with atropine", "mg", 0.5, 2.5,
           adds=(("neostigmine_e", 1.0),)),
    Action("antivenom", "Antivenom", "vials", 10, 30, adds=(("antivenom_e", 1.0),)),
    # bleeding
    Action("direct_pressure", "Direct pressure or tourniquet", sets=(("pressure_on", 1.0),)),
    Action("oxytocin", "Oxytocin", "IU", 10, 40, adds=(("uterotonic_depot", 1.0),)),
    Action("misoprostol", "Misoprostol", "ug", 800, 1000, adds=(("uterotonic_depot", 0.5),)),
    Action("uterine_massage", "Uterine massage", sets=(("massage_e", 1.0),)),
    Action("tranexamic_acid", "Tranexamic acid", "g", 1, 2, adds=(("txa_depot", 1.0),)),
    # muscles, womb, pain
    Action("suxamethonium", "Suxamethonium", "mg", 100, 150, adds=(("potassium", 0.5),),
           layers=(Layer("nm", "factor", 0.02, 40.0, 300.0, 180.0),)),
    Action("ergometrine", "Ergometrine", "ug", 200, 1000, adds=(("uterotonic_depot", 0.8),),
           layers=(Layer("map_shift", "shift", 18.0, 180.0, 7200.0, 3600.0),)),
    Action("antipyretic_only", "Antipyretic and nothing else", counted=True),
    Action("diuretic_only", "Diuretic", counted=True),
    Action("lysis_for_t_waves", "Thrombolysis without an infarct", counted=True),
    Action("nsaid", "NSAID"),
    # dispositions; a time is that within which, after which or for how long
    Action("transfer", "Arrange transfer", "h", 1, 72),
    Action("refer_emergency", "Send to emergency care", "h", 1, 72),
    Action("discharge", "Send home", "h", 24, 4400,  # on foot
           layers=(Layer("distress", "shift", 0.15, 120.0, 1800.0, 600.0),)),
    Action("observe", "Observe", "h", 6, 72),
    Action("escalate", "Escalate", "h", 1, 24),
    Action("handover", "Hand over by ISBAR", "h", 1, 24),
    # orders that the body does not answer within an encounter
    *(Action(name, label) for name, label in (
        ("steroid", "Steroid"), ("antibiotic", "Antibiotic"), ("antihistamine", "Antihistamine"),
        ("ecg12", "12-lead ECG"), ("glucose_check", "Measure glucose"),
        ("ketone_check", "Measure ketones"), ("temperature_check", "Measure temperature"),
        ("blood_pressure", "Measure blood pressure"), ("auscultate", "Listen to the chest"),
        ("count_breaths", "Count breaths for a minute"), ("examine", "Examine"),
        ("remeasure", "Measure again"), ("reposition_sensor", "Put the sensor right"),
        ("warm_hand", "Warm the hand"), ("compare_pulse", "Compare ECG and pulse"),
        ("call_help", "Call for help"), ("blood_cultures", "Blood cultures"),
        ("lactate_check", "Measure lactate"), ("x_ray", "Chest X-ray"),
        ("decontaminate", "Decontaminate"), ("first_aid", "Splint and keep still"),
        ("tourniquet_bite", "Tourniquet, incision or suction"), ("left_lateral", "Left lateral"),
        ("review_drugs", "Review drugs"), ("consent", "Obtain consent"),
        ("identify", "Confirm identity"), ("safety_net", "Give safety-net advice"),
        ("prescribe_list_b", "Prescribe a medicine of List B"),
        ("prescribe_psychotropic", "Prescribe a psychotropic medicine"),
        ("name_trend", "Compare with earlier values"), ("reassure", "Reassure"),
        ("reflexes_check", "Check reflexes, breathing and urine"),
        ("gastric_lavage", "Gastric lavage"), ("codeine", "Codeine linctus"),
        ("haematocrit", "Measure haematocrit"),
    )),
)  # fmt: skip

ACTIONS: dict[str, Action] = {action.name: action for action in _TABLE}
"""Every action by name."""


def action_named(name: str) -> Action:
    """Return an action; ValueError names those there are."""
    if name not in ACTIONS:
        raise Invalid(f"no action {name!r}; there are {', '.join(ACTIONS)}")
    return ACTIONS[name]


def oxygen_share(litres: float) -> float:
    """Return the share of oxygen breathed in: nasal below 5 L/min, mask, reservoir from 10."""
    if litres <= 0.0:
        return 0.21
    if litres < 5.0:
        return 0.21 + 0.0375 * litres
    return 0.45 if litres < 10.0 else min(0.85, 0.60 + 0.04 * (litres - 10.0))
