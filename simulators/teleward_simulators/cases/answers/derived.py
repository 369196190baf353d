"""What the body shows to those who look: signs that follow from the true state at that moment.

Each function returns the sign in English and Hindi, or None where the body shows nothing of it; so
an authored "clear" never outlives a lung that fills, and a default never denies a sign that is
there. The thresholds are a design for teaching.
"""

from collections.abc import Callable

from teleward_simulators.physiology.body import Body
from teleward_simulators.physiology.drugs import opioid_effect

Text = tuple[str, str]
Sign = Callable[[Body], Text | None]


def pulseless(body: Body) -> bool:
    """Return whether no pulse can be felt."""
    return body.engine.get("pulse") < 0.5


def awareness(body: Body) -> int:
    """Return 0 alert, 1 confused, 2 answers to voice, 3 to pain, 4 not at all."""
    get = body.engine.get
    if pulseless(body) or get("sao2") < 0.45 or get("map") < 34 or get("glucose") < 22:
        return 4
    drugged = opioid_effect(body.engine.patients[0]) + 0.25 * get("sedative_c")
    gas = get("pco2") - get("pco2_shift")
    if get("sao2") < 0.62 or get("map") < 42 or get("glucose") < 30 or gas > 95 or drugged > 0.9:
        return 3
    cold = get("temperature") < 31 or get("temperature") > 41.2
    if get("sao2") < 0.74 or get("map") < 50 or get("glucose") < 42 or gas > 72 or cold:
        return 2
    if drugged > 0.7 or get("resp_dep") > 0.5 or get("ph") < 7.0:
        return 2
    hazy = get("sao2") < 0.82 or get("map") < 57 or get("glucose") < 55 or gas > 62
    return 1 if hazy or get("temperature") > 40.3 or get("temperature") < 33 else 0


_AWARE: tuple[Text, ...] = (
    ("Awake.", "होश में हैं।"),
    ("Awake but muddled.", "होश में हैं पर बहके हुए।"),
    ("Answers only when spoken to.", "बुलाने पर ही जवाब देते हैं।"),
    ("Answers to pain only.", "दर्द देने पर ही हिलते हैं।"),
    ("No answer, even to pain.", "दर्द पर भी जवाब नहीं।"),
)


def _consciousness(body: Body) -> Text | None:
    level = awareness(body)
    return _AWARE[level] if level else None


def _gcs(body: Body) -> Text | None:
    level = awareness(body)
    score = (15, 14, 12, 8, 3)[level]
    return (f"{score} of 15.", f"15 में {score}।") if level else None


def _orientation(body: Body) -> Text | None:
    level = awareness(body)
    if level == 0:
        return None
    return ("Does not know the place or the day.", "जगह और दिन नहीं पता।")


def _pupils(body: Body) -> Text | None:
    get = body.engine.get
    if pulseless(body):
        return ("Wide, do not react.", "फैली हुई, रोशनी पर नहीं सिकुड़तीं।")
    if get("atropine_c") > 1.5 or get("symp_x") > 2.0:
        return ("Wide.", "फैली हुई।")
    if opioid_effect(body.engine.patients[0]) > 0.4 or get("vag_x") > 0.6:
        return ("Pinpoint.", "सुई की नोक जैसी।")
    return None


def _eyes(body: Body) -> Text | None:
    strength = body.engine.get("nm")
    if strength < 0.3:
        return ("Lids closed, eyes hardly move.", "पलकें बंद, आँखें मुश्किल से हिलती हैं।")
    if strength < 0.65:
        return ("Lids hang low.", "पलकें झुकी हुई।")
    return ("Lids a little heavy.", "पलकें थोड़ी भारी।") if strength < 0.88 else None


def _pallor(body: Body) -> Text | None:
    get = body.engine.get
    lost = get("lost_ml") > 0.2 * get("volume0_ml")
    return ("Pale.", "फीके।") if get("hb") < 8.5 or lost else None


def _perfused(body: Body) -> float:
    return 0.0 if pulseless(body) else body.engine.get("perfusion")


def _refill(body: Body) -> Text | None:
    seconds = round(min(8.0, 2.0 + 3.0 * max(0.0, 1.5 - _perfused(body))))
    return (f"{seconds} seconds.", f"{seconds} सेकंड।") if seconds > 2 else None


def _hands(body: Body) -> Text | None:
    return ("Cold.", "ठंडे।") if _perfused(body) < 1.2 else None


def _skin(body: Body) -> Text | None:
    get = body.engine.get
    if pulseless(body):
        return ("Grey, mottled.", "धूसर, चितकबरी।")
    if _perfused(body) < 1.0:
        return ("Cold and pale.", "ठंडी और फीकी।")
    if get("temperature") > 38.3:
        return ("Hot.", "तपती हुई।")
    if get("vasodil") < 0.75:
        return ("Warm, flushed.", "गरम, लाल।")
    return ("Cold.", "ठंडी।") if get("temperature") < 34.5 else None


def _sweat(body: Body) -> Text | None:
    get = body.engine.get
    wet = get("symp") > 0.5 or get("glucose") < 55 or get("vag_x") > 0.6 or get("distress") > 0.6
    return ("Wet with sweat.", "पसीने से भीगे।") if wet and not pulseless(body) else None


def _cyanosis(body: Body) -> Text | None:
    blue = body.engine.get("sao2") < 0.85 or pulseless(body)
    return ("Blue.", "नीले।") if blue else None


def _speech(body: Body) -> Text | None:
    get = body.engine.get
    if awareness(body) >= 3:
        return ("Does not speak.", "बोलते नहीं।")
    if get("bronch_eff") > 0.4 or get("rr") > 38 or get("nm") < 0.35:
        return ("Single words.", "एक-एक शब्द।")
    if get("bronch_eff") > 0.2 or get("rr") > 29:
        return ("Short phrases.", "छोटे-छोटे टुकड़े।")
    return ("Muddled.", "उलझी हुई।") if awareness(body) else None


def _airway(body: Body) -> Text | None:
    blocked = body.engine.get("upper")
    if blocked > 0.85:
        return ("Closed: no air moves.", "बंद: हवा नहीं जाती।")
    if blocked > 0.15:
        return ("Noisy, partly closed.", "आवाज़ के साथ, थोड़ा बंद।")
    return ("Snoring, the tongue falls back.", "खर्राटे, जीभ पीछे।") if awareness(body) > 2 else None


def _breath(body: Body) -> Text | None:
    get = body.engine.get
    if get("ketones") > 4.0:
        return ("Smells of fruit, deep.", "फल जैसी गंध, गहरी।")
    if get("ph") < 7.2 and get("rr") > 22:
        return ("Deep and fast.", "गहरी और तेज़।")
    return ("Slow and weak.", "धीमी और कमज़ोर।") if get("rr") < 8 else None


def _mouth(body: Body) -> Text | None:
    get = body.engine.get
    dry = get("blood_ml") < 0.88 * get("volume0_ml") and get("lost_ml") < 300
    dry = dry or get("atropine_c") > 1.0 or get("glucose") > 350
    return ("Dry.", "सूखी।") if dry else None


def _neck(body: Body) -> Text | None:
    get = body.engine.get
    if get("vr_obst") > 3.0:
        return ("Veins full, windpipe pushed to one side.", "नसें भरी, श्वासनली एक ओर।")
    full = get("pra") > 7.0 or get("vr_obst") > 1.0
    return ("Veins full.", "नसें भरी।") if full else None


def _neck_stiffness(body: Body) -> Text | None:
    weak = body.engine.get("nm") < 0.5
    return ("Cannot lift the head.", "सिर नहीं उठा पाते।") if weak else None


def _chest_movement(body: Body) -> Text | None:
    get = body.engine.get
    if get("vr_obst") > 1.5:
        return ("One side hardly moves.", "एक ओर मुश्किल से हिलती है।")
    if get("rr") < 1.0:
        return ("Does not move.", "नहीं हिलती।")
    if get("nm") < 0.45:
        return ("Moves little, shallow.", "कम हिलती है, उथली।")
    work = get("bronch_eff") > 0.25 or get("upper") > 0.3 or get("shunt") > 0.14
    return ("Draws in between the ribs.", "पसलियों के बीच धँसती है।") if work else None


def _auscultate(body: Body) -> Text | None:
    get = body.engine.get
    if get("vr_obst") > 1.5:
        return ("No breath sounds on one side.", "एक ओर साँस की आवाज़ नहीं।")
    if get("bronch_eff") > 0.7:
        return ("Silent: hardly any air moves.", "शांत: हवा मुश्किल से जाती है।")
    if get("edema") > 0.25:
        return ("Crackles on both sides.", "दोनों ओर चरचराहट।")
    if get("bronch_eff") > 0.1:
        return ("Wheeze on both sides.", "दोनों ओर घरघराहट।")
    return ("Crackles at one base.", "एक ओर नीचे चरचराहट।") if get("shunt") > 0.07 else None


def _percussion(body: Body) -> Text | None:
    if body.engine.get("vr_obst") > 1.5:
        return ("One side sounds hollow.", "एक ओर खोखली आवाज़।")
    return ("Dull at one base.", "एक ओर नीचे भारी।") if body.engine.get("shunt") > 0.14 else None


def _heart_sounds(body: Body) -> Text | None:
    if pulseless(body):
        return ("None.", "नहीं हैं।")
    if body.rhythm in ("af", "wenckebach", "mobitz2", "bigeminy", "pvc", "couplets"):
        return ("Irregular.", "अनियमित।")
    rate = body.engine.get("hr")
    if rate > 120:
        return ("Very fast.", "बहुत तेज़।")
    return ("Very slow.", "बहुत धीमी।") if rate < 45 else None


def _power(body: Body) -> Text | None:
    get = body.engine.get
    if get("deficit") > 3:
        return ("One side is weak.", "एक ओर कमज़ोर।")
    weak = get("nm") < 0.7 or get("k_eff") > 7.0 or get("k_eff") < 2.6
    return ("Weak in all limbs.", "चारों अंग कमज़ोर।") if weak else None


def _face(body: Body) -> Text | None:
    return ("One side droops.", "एक ओर लटका।") if body.engine.get("deficit") > 3 else None


def _reflexes(body: Body) -> Text | None:
    gone = body.engine.get("magnesium_c") > 2.5 or body.engine.get("nm") < 0.3
    return ("Absent.", "नहीं हैं।") if gone else None


def _tone(body: Body) -> Text | None:
    limp = awareness(body) > 2 or body.engine.get("nm") < 0.35
    return ("Limp.", "ढीला।") if limp else None


def _look(body: Body) -> Text | None:
    get = body.engine.get
    if pulseless(body):
        return ("Grey, does not move, does not breathe.", "धूसर, न हिलते हैं, न साँस।")
    if awareness(body) > 2:
        return ("Grey and still.", "धूसर और शांत।")
    if get("rr") > 28 or get("bronch_eff") > 0.35:
        return ("Working hard to breathe.", "साँस के लिए ज़ोर लगा रहे हैं।")
    if get("map") < 60 or get("sao2") < 0.85:
        return ("Looks very ill.", "बहुत बीमार लगते हैं।")
    return ("Restless.", "बेचैन।") if get("distress") > 0.35 else None


def _fever(body: Body) -> Text | None:
    hot = body.engine.get("temperature") >= 38.0
    return ("Yes, burning hot.", "हाँ, तप रहे हैं।") if hot else None


def _breathless(body: Body) -> Text | None:
    get = body.engine.get
    short = get("rr") > 23 or get("sao2") < 0.9 or get("bronch_eff") > 0.2
    return ("Yes, breathless now.", "हाँ, साँस फूल रही है।") if short else None


def _palpitations(body: Body) -> Text | None:
    return ("Yes, racing.", "हाँ, तेज़।") if body.engine.get("hr") > 125 else None


def _urine(body: Body) -> Text | None:
    get = body.engine.get
    if get("glucose") > 250:
        return ("Again and again, very much.", "बार-बार, बहुत ज़्यादा।")
    dry = get("map") < 60 or get("blood_ml") < 0.8 * get("volume0_ml")
    return ("Hardly any since it began.", "तब से बहुत कम।") if dry else None


def _bled(body: Body) -> Text | None:
    lost = body.engine.get("lost_ml") > 0.05 * body.engine.get("volume0_ml")
    return ("Yes, and much.", "हाँ, और बहुत।") if lost else None


def _weak(body: Body) -> Text | None:
    if body.engine.get("deficit") > 3:
        return ("Yes, one side, and the speech.", "हाँ, एक ओर, और बोली।")
    return ("Yes, all over.", "हाँ, पूरे शरीर में।") if _power(body) else None


def _thirsty(body: Body) -> Text | None:
    return ("Very thirsty.", "बहुत प्यास।") if body.engine.get("glucose") > 250 else None


def _hurts(body: Body) -> Text | None:
    hurts = body.engine.get("distress") > 0.3
    return ("In distress, cannot show where.", "तकलीफ़ में, जगह नहीं बता पाते।") if hurts else None


def _urine_test(body: Body) -> Text | None:
    get = body.engine.get
    found = [(en, hi) for there, en, hi in (
        (get("glucose") > 180, "sugar 3+", "शुगर 3+"),
        (get("ketones") > 1.5, "ketones 3+", "कीटोन 3+"),
    ) if there]  # fmt: skip
    if not found:
        return None
    en, hi = (", ".join(parts) for parts in zip(*found, strict=True))
    return (f"{en}.", f"{hi}।")


def _troponin(body: Body) -> Text | None:
    injured = any(abs(body.engine.get(f"st_{t}")) >= 0.08 for t in _TERRITORIES)
    return ("Positive.", "पॉज़िटिव।") if injured else None


_TERRITORIES = ("anterior", "inferior", "lateral")


def _white_cells(body: Body) -> Text | None:
    get = body.engine.get
    inflamed = get("sirs") > 0.03 or get("t_set") > 38.0
    if not inflamed:
        return None
    hindi = "श्वेत कोशिकाएँ 17,400 /uL, सीआरपी 160 mg/L।"
    return ("White cells 17 400 /uL, CRP 160 mg/L.", hindi)


def _chest_film(body: Body) -> Text | None:
    get = body.engine.get
    if get("vr_obst") > 1.5:
        return (
            "One lung has collapsed, the middle is pushed over.",
            "एक फेफड़ा सिकुड़ा, बीच का भाग खिसका।",
        )
    if get("edema") > 0.2:
        return ("White shadows around both hila.", "दोनों ओर बीच में सफ़ेद छाया।")
    if get("shunt") > 0.05:
        return ("A white patch in one lung.", "एक फेफड़े में सफ़ेद धब्बा।")
    return ("Black, stretched lungs.", "काले, फैले फेफड़े।") if get("bronch_eff") > 0.3 else None


def _ultrasound(body: Body) -> Text | None:
    get = body.engine.get
    if pulseless(body):
        return ("The heart does not move as a pump.", "दिल पंप की तरह नहीं चल रहा।")
    if get("vr_obst") > 1.5:
        return ("No lung sliding on one side.", "एक ओर फेफड़ा नहीं सरकता।")
    if get("rv_f") < 0.75:
        return ("Right heart wide.", "दिल का दायाँ भाग फैला।")
    if get("contr") < 0.6:
        return ("Left heart squeezes weakly.", "दिल का बायाँ भाग कमज़ोर।")
    empty = get("blood_ml") < 0.8 * get("volume0_ml")
    return ("Great vein flat.", "बड़ी नस पिचकी।") if empty else None


SIGNS: dict[str, Sign] = {
    "consciousness": _consciousness, "gcs": _gcs, "orientation": _orientation,
    "pupils": _pupils, "eyes": _eyes, "pallor": _pallor, "capillary_refill": _refill,
    "hands": _hands, "skin": _skin, "sweat": _sweat, "cyanosis": _cyanosis, "speech": _speech,
    "airway": _airway, "breath": _breath, "mouth": _mouth, "neck_veins": _neck,
    "neck_stiffness": _neck_stiffness, "chest_movement": _chest_movement,
    "auscultate": _auscultate, "percussion": _percussion, "heart_sounds": _heart_sounds,
    "power": _power, "face": _face, "reflexes": _reflexes, "tone": _tone, "look": _look,
    "fever": _fever, "breathlessness": _breathless, "palpitations": _palpitations,
    "urine": _urine, "bleeding": _bled, "weakness": _weak, "thirst": _thirsty, "pain": _hurts,
    "urine_test": _urine_test, "troponin": _troponin, "white_cells": _white_cells,
    "chest_film": _chest_film, "ultrasound": _ultrasound,
}  # fmt: skip
"""Catalogue item -> the sign."""
