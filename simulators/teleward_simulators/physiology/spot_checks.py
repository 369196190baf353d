"""Spot checks: single figures of the body beside published ones, of people and of other engines.

Figures of engines are those that their makers publish for validation: Pulse Physiology Engine 4.3,
"Hemorrhage, class 3" (pulse.kitware.com), BioGears 8 validation of haemorrhage. Where an engine
publishes no such figure its column is empty. Figures of people are from the sources named.
"""

from collections.abc import Callable
from dataclasses import dataclass

from teleward_simulators.physiology.body import Body
from teleward_simulators.physiology.person import Person


@dataclass(frozen=True, slots=True)
class Spot:
    """One check: what is done, what is read, and what others found."""

    name: str
    variable: str
    low: float
    high: float
    source: str
    biogears: str
    pulse: str
    value: float

    @property
    def holds(self) -> bool:
        """Return whether the value lies within the published range."""
        return self.low <= self.value <= self.high


def _bled(share: float, seconds: int) -> tuple[dict[str, float], Body]:
    """Return the figures at rest, and a body that lost ``share`` of its blood in ``seconds``."""
    body = Body()
    rest = _figures(body)
    volume, haemoglobin = body.engine.get("blood_ml"), body.engine.get("haemoglobin_g")
    for step in range(seconds * 10):
        left = 1.0 - share * (step + 1) / (seconds * 10)
        body.engine.put("blood_ml", volume * left)
        body.engine.put("haemoglobin_g", haemoglobin * left)
        body.advance(1)
    return rest, body


def _figures(body: Body) -> dict[str, float]:
    names = ("hr", "map", "sbp", "rr", "flow_ml_s", "stroke_ml", "pco2", "sao2", "lactate", "ph")
    return {name: body.engine.get(name) for name in names}


def _haemorrhage() -> list[Spot]:
    rest, body = _bled(0.30, 400)
    now = _figures(body)
    share = {name: 100.0 * now[name] / rest[name] for name in ("flow_ml_s", "map", "stroke_ml")}
    what = "30 % of the blood lost in 400 s"
    source = "literature cited by Pulse; ATLS class III"
    rest10, body10 = _bled(0.10, 30)
    now10 = _figures(body10)
    flow10 = 100.0 * (now10["flow_ml_s"] / rest10["flow_ml_s"] - 1.0)
    return [
        Spot(what, "heart rate /min", 110, 140, source, "", "119", now["hr"]),
        Spot(what, "mean pressure % of rest", 55, 80, source, "", "77", share["map"]),
        Spot(what, "cardiac output % of rest", 40, 65, source, "", "60", share["flow_ml_s"]),
        Spot(what, "stroke volume % of rest", 25, 50, source, "", "36", share["stroke_ml"]),
        Spot(what, "breaths /min", 20, 40, source, "", "12.7", now["rr"]),
        Spot("10 % of the blood lost in 30 s", "cardiac output change %", -22, -10,
             "BioGears validation", "-15 to -20", "", flow10),
        Spot("10 % of the blood lost in 30 s", "heart rate change %", 5, 35,
             "BioGears validation", "+30", "", 100.0 * (now10["hr"] / rest10["hr"] - 1.0)),
    ]  # fmt: skip


def _apnoea(preoxygenated: bool) -> float:
    """Return the seconds of apnoea until the saturation is 90 %."""
    body = Body()
    if preoxygenated:
        body.act("oxygen", "15 L/min")
        body.advance(3000)
    body.turn("resp_dep", 1.0)
    seconds = 0.0
    while body.engine.get("sao2") > 0.90 and seconds < 1200:
        body.advance(10)
        seconds += 1.0
    return seconds


def _cold(temperature: float) -> Body:
    body = Body()
    body.turn("thermo", 0.0)
    body.engine.put("temperature", temperature)
    body.advance(6000)
    return body


def _after(minutes: float, *actions: tuple[str, str], person: Person | None = None) -> Body:
    body = Body(person or Person())
    for action, dose in actions:
        body.act(action, dose)
    body.advance(int(minutes * 600))
    return body


def _nadir() -> float:
    body = Body()
    body.act("insulin_bolus", "10 U")
    body.act("dextrose", "25 g")
    values = []
    for _ in range(12):
        body.advance(6000)
        values.append(body.engine.get("glucose"))
    return min(values)


def _peak(variable: str, seconds: int, *actions: tuple[str, str]) -> float:
    body = Body()
    for action, dose in actions:
        body.act(action, dose)
    best = 0.0
    for _ in range(seconds):
        body.advance(10)
        best = max(best, body.engine.get(variable))
    return best


def _compressed() -> Body:
    body = Body()
    body.set_rhythm("vf")
    body.advance(300)
    body.act("cpr")
    body.act("bag_mask")
    body.advance(600)
    return body


def _rise(variable: str, minutes: float, action: tuple[str, str]) -> float:
    body = Body()
    before = body.engine.get(variable)
    body.act(*action)
    body.advance(int(minutes * 600))
    return body.engine.get(variable) - before


def _shocked(share: float, minutes: float) -> Body:
    body = _bled(share, 60)[1]
    body.advance(int(minutes * 600))
    return body


def _septic() -> Body:
    body = Body()
    for knob, value in (("vasodil", 0.35), ("venodil", 0.15), ("leak", 0.5)):
        body.turn(knob, value)
    body.advance(20 * 600)
    return body


def _figure(make: Callable[[], Body], variable: str) -> float:
    return make().engine.get(variable)


def spot_checks() -> list[Spot]:
    """Return every check with what the body shows."""
    anaesthesia = "Benumof, Anesthesiology 87:979, 1997"
    cold = "Danzl and Pozos, N Engl J Med 331:1756, 1994"
    potassium = "Blumberg et al., Am J Med 85:507, 1988"
    return [
        *_haemorrhage(),
        Spot("apnoea on air", "seconds to SaO2 90 %", 35, 75, anaesthesia, "", "", _apnoea(False)),
        Spot("apnoea after oxygen", "seconds to SaO2 90 %", 400, 560, anaesthesia, "", "",
             _apnoea(True)),
        Spot("28 Cel", "heart rate /min", 30, 46, cold, "", "", _figure(lambda: _cold(28.0), "hr")),
        Spot("30 Cel", "PaCO2 mmHg", 36, 60, cold, "", "", _figure(lambda: _cold(30.0), "pco2")),
        Spot("adrenaline 0.5 mg intramuscular", "heart rate rise /min", 8, 25,
             "Simons et al., J Allergy Clin Immunol 108:871, 2001", "", "",
             _rise("hr", 8, ("adrenaline_im", "0.5 mg"))),
        Spot("adrenaline 1 mg intravenous, with a pulse", "greatest systolic mmHg", 190, 300,
             "case reports of accidental boluses", "", "",
             _peak("sbp", 60, ("adrenaline_iv", "1 mg"))),
        Spot("insulin 10 U with dextrose 25 g", "least glucose mg/dL", 55, 80, potassium, "", "",
             _nadir()),
        Spot("the same at 7 mmol/L", "potassium at 60 min", 5.9, 6.4, potassium, "", "",
             _figure(lambda: _after(60, ("insulin_bolus", "10 U"), ("dextrose", "25 g"),
                                    person=Person(potassium=7.0)), "k_eff")),
        Spot("compressions", "mean pressure mmHg", 35, 60, "Paradis et al., JAMA 263:1106, 1990",
             "", "", _figure(_compressed, "map")),
        Spot("compressions", "end-tidal CO2 mmHg", 10, 22, "ALS guidance 2021", "", "",
             _figure(_compressed, "etco2")),
        Spot("distributive shock, 20 min", "lactate mmol/L", 2, 6,
             "Surviving Sepsis Campaign 2021: above 2 in septic shock", "", "",
             _figure(_septic, "lactate")),
        Spot("40 % of the blood lost, 30 min", "lactate mmol/L", 4, 12, "ATLS class IV", "", "",
             _figure(lambda: _shocked(0.40, 30), "lactate")),
        Spot("40 % of the blood lost, 30 min", "pH", 7.1, 7.36, "ATLS class IV", "", "",
             _figure(lambda: _shocked(0.40, 30), "ph")),
        Spot("40 mg of morphine", "breaths /min", 3, 8, "Leino et al., Anesthesiology 1999", "",
             "", _figure(lambda: _after(20, ("opioid", "20 mg"), ("opioid", "20 mg")), "rr")),
    ]  # fmt: skip
