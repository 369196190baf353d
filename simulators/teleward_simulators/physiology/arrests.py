"""Arrests and the way back: every way into a pulseless rhythm, resuscitated with and without cure.

Resuscitation is that of public guidance (Resuscitation Council UK, adult advanced life support
2021): compressions and ventilation, a shock every two minutes where the rhythm is shockable,
adrenaline every four. The shares that come back are a design for teaching, not outcome statistics.
"""

from collections.abc import Callable
from dataclasses import dataclass

from teleward_simulators.physiology.body import Body
from teleward_simulators.physiology.layers import Layer
from teleward_simulators.rhythms.table import RHYTHMS

SHOCKABLE = ("vf", "pulseless_vt", "torsades")
LONGEST_S = 3600
CYCLE_S = 120
RESUSCITATED_S = 1200
"""Twenty minutes of good compressions."""
LEAST, MOST = 60.0, 85.0
"""Percent that come back once the cause is gone."""


@dataclass(frozen=True, slots=True)
class Way:
    """A way into an arrest: what brings it about, and what takes the cause away again."""

    name: str
    begin: Callable[[Body], None]
    cure: Callable[[Body], None]
    spoil: Callable[[Body], None] | None = None
    """What keeps the heart from starting again where the way in has no cause that lasts."""


@dataclass(frozen=True, slots=True)
class Returned:
    """How many of those who arrested came back."""

    way: str
    cured: bool
    arrested: int
    back: int

    @property
    def percent(self) -> float:
        """Return the share that came back, in percent."""
        return 100.0 * self.back / max(self.arrested, 1)

    @property
    def holds(self) -> bool:
        """Return whether the share is as designed."""
        return LEAST <= self.percent <= MOST if self.cured else self.back == 0


def _knobs(**values: float) -> Callable[[Body], None]:
    def turn(body: Body) -> None:
        for name, value in values.items():
            body.turn(name, value)

    return turn


def _fields(**values: float) -> Callable[[Body], None]:
    def put(body: Body) -> None:
        for name, value in values.items():
            body.engine.put(name, value)

    return put


def _rhythm(name: str) -> Callable[[Body], None]:
    return lambda body: body.set_rhythm(name)


def _shock_on_t(body: Body) -> None:
    body.overrides["sinus/shock/vf"] = 1.0
    body.act("shock", "200 J")


def _obstruct(body: Body) -> None:
    body.engine.lay(Layer("vr_obst", "shift", 12.0))


def _release(body: Body) -> None:
    body.engine.lay(Layer("vr_obst", "scale", 0.0))


def _nothing(body: Body) -> None:
    """Leave a body whose arrest has no cause that lasts."""


WAYS = (
    Way("pressure", _knobs(vr_obst=12.0, vasodil=0.3, venodil=0.3),
        _knobs(vr_obst=0.0, vasodil=1.0, venodil=0.0)),
    Way("oxygen", _knobs(upper=1.0, resp_dep=1.0), _knobs(upper=0.0, resp_dep=0.0)),
    Way("potassium", _fields(potassium=9.2), _fields(potassium=4.2)),
    Way("shock", _shock_on_t, _nothing, _obstruct),
    Way("order: PEA", _rhythm("pea"), _nothing, _obstruct),
    Way("order: asystole", _rhythm("asystole"), _nothing, _obstruct),
    Way("order: VF", _rhythm("vf"), _nothing, _obstruct),
)  # fmt: skip


def arrested(way: Way, seed: int) -> Body | None:
    """Return a body that arrested by ``way``, None when it did not within an hour."""
    body = Body(seed=seed)
    way.begin(body)
    for _ in range(LONGEST_S):
        if not RHYTHMS[body.rhythm].pulse:
            return body
        body.advance(10)
    return None


def resuscitated(body: Body, seconds: int = RESUSCITATED_S, shocks: bool = True) -> bool:
    """Resuscitate; return whether a pulse came back and is still there."""
    body.act("cpr")
    body.act("bag_mask")
    for cycle in range(seconds // CYCLE_S):
        if shocks and body.rhythm in SHOCKABLE:
            body.act("shock", "200 J")
        if cycle % 2 == 1 and not RHYTHMS[body.rhythm].pulse:
            body.act("adrenaline_iv", "1 mg")
        body.advance(CYCLE_S * 10)
    return RHYTHMS[body.rhythm].pulse


def way_back(way: Way, cured: bool, seeds: int = 60) -> Returned:
    """Return how many of ``seeds`` bodies come back from ``way``."""
    count = back = 0
    for seed in range(seeds):
        body = arrested(way, seed)
        if body is None:
            continue
        count += 1
        body.act("cpr")
        if cured:
            way.cure(body)
        elif way.spoil is not None:
            way.spoil(body)
        back += resuscitated(body)
    return Returned(way.name, cured, count, back)


def decay_s(way: Way, seed: int = 1) -> tuple[str, float]:
    """Return the first rhythm of the arrest and the seconds until asystole with nothing done."""
    body = arrested(way, seed)
    if body is None:
        return ("none", 0.0)
    first, seconds = body.rhythm, 0.0
    while body.rhythm != "asystole" and seconds < LONGEST_S:
        body.advance(10)
        seconds += 1.0
    return first, seconds
