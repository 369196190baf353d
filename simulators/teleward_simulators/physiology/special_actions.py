"""What actions do that a table of amounts cannot express: rates of infusions, pacing, CPR."""

from collections.abc import Callable
from typing import Protocol

from teleward_simulators.physiology.actions import oxygen_share
from teleward_simulators.physiology.engine import STEPS_PER_S, Engine
from teleward_simulators.physiology.layers import Layer
from teleward_simulators.physiology.person import Person
from teleward_simulators.physiology.vital import Vital
from teleward_simulators.rhythms.table import RHYTHMS, Atria

SURGE_STEPS = 45 * STEPS_PER_S
"""From a bolus of adrenaline in a beating heart to what it does to the rhythm."""


class Treated(Protocol):
    """The body that an action acts on."""

    person: Person
    engine: Engine
    vital: Vital

    @property
    def rhythm(self) -> str:
        """The rhythm now."""
        ...

    def set_rhythm(self, name: str, rate: float = 0.0, pause_s: float = 0.0) -> None:
        """Change the rhythm now."""
        ...

    def set_rate(self, rate: float) -> None:
        """Set the ventricular rate of a rhythm that has one of its own."""
        ...


def _oxygen(body: Treated, litres: float) -> None:
    body.engine.put("fio2", oxygen_share(litres))


def _venturi(body: Treated, percent: float) -> None:
    body.engine.put("fio2", percent / 100.0)


def _crystalloid(body: Treated, millilitres: float) -> None:
    _infuse(body, millilitres, 900.0)


def _crystalloid_hour(body: Treated, millilitres: float) -> None:
    _infuse(body, millilitres, 3600.0)


def _infuse(body: Treated, millilitres: float, seconds: float) -> None:
    engine = body.engine
    left = engine.get("fluid_left_ml") + millilitres
    engine.put("fluid_left_ml", left)
    engine.put("fluid_rate", max(engine.get("fluid_rate"), left / seconds)
               if left > millilitres else left / seconds)  # fmt: skip
    if engine.get("rv_f") < 0.6:  # an overstretched right ventricle fails
        engine.lay(Layer("rv_f", "shift", -0.05 * millilitres / 500.0, seconds, 3600.0, 3600.0))


def _blood(body: Treated, millilitres: float) -> None:
    left = body.engine.get("blood_left_ml") + millilitres
    body.engine.put("blood_left_ml", left)
    body.engine.put("blood_rate", left / 900.0)


def _adrenaline_iv(body: Treated, _: float) -> None:
    now = body.engine.steps
    body.vital.adrenaline_step = now
    if RHYTHMS[body.rhythm].pulse:  # the pressure rises first, then the rhythm goes
        body.vital.due = (*body.vital.due, (now + SURGE_STEPS, "adrenaline_surge"))


def _adrenaline_infusion(body: Treated, micrograms: float) -> None:
    body.engine.put("adrenaline_rate", micrograms / 5.0 * 0.12 / 150.0)
    if body.rhythm == "complete_block":
        body.set_rate(min(body.vital.rate + 15.0, 50.0))


def _atropine(body: Treated, _: float) -> None:
    if body.rhythm == "complete_block" and body.vital.rate < 38.0:
        body.set_rate(body.vital.rate + 4.0)


def _adenosine(body: Treated, milligrams: float) -> None:
    body.engine.put("av_block", min(1.0, milligrams / 9.0))
    body.engine.restart_beats()


def _amiodarone(body: Treated, _: float) -> None:
    body.vital.amiodarone = True


def _pacing(body: Treated, rate: float) -> None:
    if RHYTHMS[body.rhythm].pulse or RHYTHMS[body.rhythm].atria is Atria.DISSOCIATED:
        body.set_rhythm("paced", rate)


def _cpr(body: Treated, _: float) -> None:
    if body.vital.cpr_step < 0:
        body.vital.cpr_step = body.engine.steps


def _cpr_stop(body: Treated, _: float) -> None:
    body.vital.cpr_step = -1


def _insulin_infusion(body: Treated, units: float) -> None:
    body.engine.put("insulin_rate", units * body.person.wt_kg * 1000.0 / 60.0)


SPECIAL: dict[str, Callable[[Treated, float], None]] = {
    "oxygen": _oxygen,
    "venturi": _venturi,
    "crystalloid": _crystalloid,
    "crystalloid_hour": _crystalloid_hour,
    "blood": _blood,
    "adrenaline_iv": _adrenaline_iv,
    "adrenaline_infusion": _adrenaline_infusion,
    "atropine": _atropine,
    "adenosine": _adenosine,
    "amiodarone": _amiodarone,
    "pacing": _pacing,
    "cpr": _cpr,
    "cpr_stop": _cpr_stop,
    "insulin_infusion": _insulin_infusion,
}
"""What a table of amounts cannot express."""
