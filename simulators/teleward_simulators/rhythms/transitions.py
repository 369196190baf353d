"""What turns one rhythm into another: shocks, drugs, manoeuvres and time, as one table.

    {(rhythm, trigger): ((probability, next rhythm), ...)}        what is left over stays

Each trigger draws once, by its number in the patient's own stream. In exam mode nothing is drawn:
probabilities of the same pair add up, and at one half the likeliest outcome happens: all students
meet the same patient. Structure after the Resuscitation Council's ALS guidance; the figures are a
design for teaching and are not outcome statistics.
"""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

Outcome = tuple[float, str]


@dataclass(frozen=True, slots=True)
class Scene:
    """What a probability may depend on: minutes pulseless, CPR quality 0 to 1.2, what was given."""

    down_min: float = 0.0
    cpr_quality: float = 0.0
    adrenaline: bool = False
    amiodarone: bool = False
    magnesium: bool = False
    cause_fixed: bool = True
    dose: float = 0.0
    rate: float = 0.0


Rule = tuple[Outcome, ...] | Callable[[Scene], tuple[Outcome, ...]]


def _bonus(scene: Scene) -> float:
    return 0.10 * scene.adrenaline + 0.15 * scene.amiodarone


def _shock_vf(scene: Scene) -> tuple[Outcome, ...]:
    """Success falls with a time constant of six minutes, by 40 % without good compressions.

    A shock that ends the fibrillation without a pulse leaves PEA or asystole: that is all it can
    do while what caused the arrest goes on.
    """
    quality = 1.0 if scene.cpr_quality >= 0.8 else 0.6
    success = 0.3 * math.exp(-scene.down_min / 6.0) * quality + _bonus(scene)
    success = min(0.95, success) if scene.cause_fixed else 0.0
    left = 1.0 - success
    return ((success, "sinus"), (left * 0.20, "pea"), (left * 0.15, "asystole"))


def _shock_pulseless_vt(scene: Scene) -> tuple[Outcome, ...]:
    success = min(0.95, 0.75 * math.exp(-scene.down_min / 6.0) + _bonus(scene))
    success = success if scene.cause_fixed else 0.0
    return ((success, "sinus"), ((1.0 - success) * 0.25, "pea"))


def _shock_torsades(scene: Scene) -> tuple[Outcome, ...]:
    return ((0.8 if scene.cause_fixed else 0.0, "sinus"),)


def _adenosine(scene: Scene) -> tuple[Outcome, ...]:
    """6 mg converts 60 %, 12 mg 90 %, 18 mg 93 %; less than 6 mg falls off to nothing."""
    points = ((0.0, 0.0), (6.0, 0.60), (12.0, 0.90), (18.0, 0.93))
    for (low, p_low), (high, p_high) in itertools.pairwise(points):
        if scene.dose <= high:
            share = (scene.dose - low) / (high - low)
            return ((p_low + share * (p_high - p_low), "sinus"),)
    return ((0.93, "sinus"),)


def _if_fixed(probability: float) -> Callable[[Scene], tuple[Outcome, ...]]:
    def rule(scene: Scene) -> tuple[Outcome, ...]:
        return ((probability if scene.cause_fixed else 0.0, "sinus"),)

    return rule


def _standstill(scene: Scene) -> tuple[Outcome, ...]:
    return ((0.05 if scene.rate < 30.0 else 0.0, "asystole"),)


TRANSITIONS: dict[tuple[str, str], Rule] = {
    ("vf", "shock"): _shock_vf,
    ("vf", "sync_shock"): _shock_vf,
    ("pulseless_vt", "shock"): _shock_pulseless_vt,
    ("pulseless_vt", "sync_shock"): _shock_pulseless_vt,
    ("vt", "shock"): ((0.7, "sinus"), (0.1, "vf")),
    ("vt", "sync_shock"): ((0.95, "sinus"),),
    ("vt", "adrenaline_iv"): ((0.05, "vf"),),
    ("vt", "amiodarone"): ((0.5, "sinus"),),
    ("asystole", "adrenaline_iv"): _if_fixed(0.05),
    ("pea", "adrenaline_iv"): _if_fixed(0.05),
    ("asystole", "cpr_cycle"): _if_fixed(0.11),
    ("pea", "cpr_cycle"): _if_fixed(0.11),
    ("svt", "shock"): ((0.9, "sinus"), (0.03, "vf")),
    ("svt", "sync_shock"): ((0.98, "sinus"),),
    ("svt", "amiodarone"): ((0.4, "sinus"),),
    ("svt", "adenosine"): _adenosine,
    # verapamil ends 60 to 90 % of AV nodal tachycardias (Lim et al., Resuscitation 80:523, 2009)
    ("svt", "verapamil"): ((0.75, "sinus"),),
    ("svt", "beta_blocker"): ((0.20, "sinus"),),
    ("flutter", "verapamil"): ((0.6, "flutter_4to1"),),
    ("flutter", "beta_blocker"): ((0.4, "flutter_4to1"),),
    ("flutter", "shock"): ((0.8, "sinus"),),
    ("flutter", "sync_shock"): ((0.9, "sinus"),),
    ("flutter", "amiodarone"): ((0.3, "sinus"),),
    ("af", "amiodarone"): ((0.35, "sinus"),),
    ("svt", "valsalva"): ((0.25, "sinus"),),
    ("svt", "valsalva_modified"): ((0.43, "sinus"),),
    ("svt", "minutes_10"): ((0.10, "sinus"),),
    ("af", "shock"): ((0.6, "sinus"),),
    ("af", "sync_shock"): ((0.75, "sinus"),),
    ("complete_block", "shock"): ((0.05, "vf"),),
    ("complete_block", "sync_shock"): ((0.05, "vf"),),
    ("complete_block", "minute"): _standstill,
    ("complete_block", "lidocaine"): ((0.8, "asystole"),),
    ("torsades", "shock"): _shock_torsades,
    ("torsades", "sync_shock"): _shock_torsades,
    ("torsades", "magnesium"): _if_fixed(0.9),
    ("torsades", "adrenaline_iv"): ((0.2, "vf"),),
    ("torsades", "amiodarone"): ((0.2, "vf"),),
    ("sinus", "adrenaline_surge"): ((0.5, "vt"),),
    ("sinus", "hypokalaemia"): ((0.5, "pvc"),),
    ("sinus", "hypokalaemia_runs"): ((0.12, "pulseless_vt"), (0.04, "vf")),
    ("sinus", "shock"): ((0.10, "vf"),),
    ("sinus", "hyperkalaemia"): ((0.5, "vf"), (0.5, "asystole")),
}
"""Pairs not listed have no effect: shocking asystole does nothing."""

TIME_LIMITS: dict[str, tuple[float, str]] = {
    "vf": (600.0, "asystole"),
    "pulseless_vt": (240.0, "vf"),
    "torsades": (240.0, "vf"),
    "pea": (300.0, "asystole"),
    "agonal": (300.0, "asystole"),
}
"""Rhythm -> (seconds untreated, what it decays to); compressions slow the decay to a quarter."""


def outcomes(rhythm: str, trigger: str, scene: Scene) -> tuple[Outcome, ...]:
    """Return what may happen, with probabilities."""
    rule = TRANSITIONS.get((rhythm, trigger), ())
    return rule(scene) if callable(rule) else rule


def choose(possible: tuple[Outcome, ...], draw: float) -> str | None:
    """Return the outcome that ``draw`` in [0, 1) meets, or None."""
    for probability, rhythm in possible:
        if draw < probability:
            return rhythm
        draw -= probability
    return None


def choose_fairly(possible: tuple[Outcome, ...], pressure: float) -> tuple[str | None, float]:
    """Return the outcome in exam mode and the pressure left: probabilities add up to one half."""
    if not possible:
        return None, pressure
    best, rhythm = max(possible, key=lambda outcome: outcome[0])
    pressure += best
    # a little less than one half, so that sums of decimal fractions reach it
    return (rhythm, 0.0) if pressure >= 0.5 - 1e-9 and best > 0.0 else (None, pressure)
