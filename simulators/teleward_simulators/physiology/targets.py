"""Illnesses with stated numbers: what the body shows beside what it should, as a table.

Targets are those of the teaching notes (public guidelines and case series, for teaching only); they
test the equations and no case. What misses is listed by ``teleward bench physiology``.
"""

from collections.abc import Callable
from dataclasses import dataclass

from teleward_simulators.physiology.body import Body
from teleward_simulators.physiology.person import Person

Ramp = tuple[str, float, float]
"""Knob, where to, minutes."""


@dataclass(frozen=True, slots=True)
class Target:
    """What ``variable`` should be at ``minute`` of an illness."""

    illness: str
    minute: float
    variable: str
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Found:
    """A target and what the body showed."""

    target: Target
    value: float

    @property
    def holds(self) -> bool:
        """Return whether the value lies between the bounds, as displayed."""
        return self.target.low <= round(self.value) <= self.target.high


def _bled() -> Body:
    """Return a body that lost 30 % of its blood at 100 mL/min."""
    body = Body()
    wanted = 0.7 * body.engine.get("blood_ml")
    body.turn("bleed", 100.0 / 60.0)
    while body.engine.get("blood_ml") > wanted:
        body.advance(10)
    body.turn("bleed", 0.0)
    return body


def _ill(person: Person, *ramps: Ramp) -> Callable[[], Body]:
    def make() -> Body:
        body = Body(person)
        for knob, to, minutes in ramps:
            body.turn(knob, to, 60.0 * minutes)
        return body

    return make


def _cardiogenic() -> Body:
    body = _ill(
        Person(age=52, sex="M", hr0=78, map0=95),
        ("contr", 0.72, 8), ("distress", 0.5, 4), ("symp_x", 0.6, 8),
    )()  # fmt: skip
    body.advance(15 * 600)
    body.turn("contr", 0.38, 25 * 60.0)
    body.turn("lv_stiff", 6.0, 25 * 60.0)
    return body


def _returned() -> Body:
    """Return a body after two minutes of VF, two of compressions and a shock that worked."""
    body = Body(Person(age=55, sex="M"), seed=1)
    body.set_rhythm("vf")
    body.advance(1200)
    body.act("cpr")
    body.act("bag_mask")
    body.advance(1200)
    body.set_rhythm("sinus")
    return body


ILLNESSES: dict[str, Callable[[], Body]] = {
    "30 % blood loss": _bled,
    "hypertensive heart failure": _ill(
        Person(age=66, sex="M", hr0=84, map0=145, pulse_pressure=60),
        ("contr", 0.62, 10), ("symp_x", 1.6, 10), ("lv_stiff", 9.0, 15),
    ),
    "pulmonary embolism": _ill(
        Person(age=48), ("rv_f", 0.52, 5), ("vd_extra", 0.30, 5), ("aad", 38.0, 5),
        ("drive_extra", 0.9, 3), ("distress", 0.4, 3), ("sirs", 0.1, 3),
    ),
    "scorpion sting, child": _ill(
        Person(age=9, sex="M", wt_kg=28, hr0=95, map0=75, rr0=20), ("symp_x", 4.2, 20),
        ("contr", 0.80, 60), ("lv_stiff", 12.0, 60), ("distress", 0.6, 5),
    ),
    "cardiogenic shock": _cardiogenic,
    "tension pneumothorax": _ill(
        Person(age=28, sex="M"), ("vr_obst", 8.0, 18), ("shunt", 0.16, 15), ("aad", 30.0, 15),
        ("drive_extra", 0.8, 10), ("distress", 0.5, 5),
    ),
    "circulation returned": _returned,
    "diabetic ketoacidosis": _ill(
        Person(age=19, hr0=80, map0=85, glucose=460, ketones=17, plasma_loss_ml=850),
        ("ketosis", 1.0, 0), ("distress", 0.3, 0),
    ),
    "sympathetic drive": _ill(Person(), ("symp_x", 2.0, 0.5)),
    "half the drive": _ill(Person(), ("resp_dep", 0.6, 0.5)),
}  # fmt: skip

TARGETS = (
    Target("30 % blood loss", 3, "rr", 22, 26),
    Target("30 % blood loss", 3, "hr", 105, 130),
    Target("30 % blood loss", 3, "sbp", 80, 100),
    Target("hypertensive heart failure", 40, "sbp", 190, 210),
    Target("hypertensive heart failure", 40, "rr", 28, 36),
    Target("hypertensive heart failure", 40, "spo2", 85, 92),
    Target("pulmonary embolism", 15, "hr", 118, 125),
    Target("pulmonary embolism", 15, "sbp", 85, 100),
    Target("pulmonary embolism", 15, "spo2", 90, 96),
    Target("scorpion sting, child", 20, "sbp", 140, 160),
    Target("scorpion sting, child", 60, "spo2", 86, 93),
    Target("cardiogenic shock", 45, "map", 52, 66),
    Target("tension pneumothorax", 18, "sbp", 60, 75),
    Target("circulation returned", 7, "hr", 102, 118),
    Target("circulation returned", 7, "sbp", 97, 113),
    Target("circulation returned", 7, "dbp", 57, 73),
    Target("diabetic ketoacidosis", 30, "rr", 24, 28),
    Target("diabetic ketoacidosis", 30, "hr", 113, 129),
    Target("diabetic ketoacidosis", 30, "pco2", 13, 21),
    Target("sympathetic drive", 6, "hr", 82, 110),
    Target("sympathetic drive", 6, "sbp", 130, 170),
    Target("half the drive", 6, "rr", 6, 11),
)


def compare() -> list[Found]:
    """Return every target with what the body shows; minutes count from when the illness begins."""
    found = []
    for name, make in ILLNESSES.items():
        body, lived = make(), 0
        begun = body.engine.steps if name == "30 % blood loss" else 0
        wanted = sorted((t for t in TARGETS if t.illness == name), key=lambda t: t.minute)
        for target in wanted:
            lived = begun + int(target.minute * 600)
            body.advance(max(0, lived - body.engine.steps))
            found.append(Found(target, body.engine.get(target.variable)))
    return found
