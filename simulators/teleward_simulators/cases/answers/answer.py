"""The answer to one item: measured, else found out during the case, else written, else seen.

numbers of devices        always measured, at the moment of sampling
what a guard changed      "silent chest" instead of what the file began with
what the file says        while its condition holds
what the body shows       signs that follow from the true state
the catalogue's default   only where none of these has anything
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from teleward_simulators.cases.answers.derived import SIGNS, pulseless
from teleward_simulators.cases.answers.items import HISTORY, catalogue
from teleward_simulators.cases.answers.measured import GROUPS, take
from teleward_simulators.cases.expression import Expression
from teleward_simulators.physiology.body import Body

Texts = tuple[tuple[str, str], ...]
"""(language, text) pairs."""
SILENT = (
    ("en", "No answer, and I cannot feel a pulse!"),
    ("hi", "कोई जवाब नहीं, और नाड़ी नहीं मिल रही!"),
)
NO_PULSE = (("en", "I cannot feel a pulse."), ("hi", "नाड़ी नहीं मिल रही।"))
NO_READING = (
    ("en", "No reading: the device finds no pulse."),
    ("hi", "रीडिंग नहीं: मशीन को नाड़ी नहीं मिलती।"),
)
COLD_HAND = (
    ("en", "No reading: the hand is too cold."),
    ("hi", "रीडिंग नहीं: हाथ बहुत ठंडा है।"),
)
NOT_DONE = (
    ("en", "There is no result, doctor."),
    ("hi", "कोई नतीजा नहीं है, डॉक्टर।"),
)
NOT_UNDERSTOOD = (
    ("en", "Sorry doctor, I did not understand. What should I look at?"),
    ("hi", "माफ़ कीजिए डॉक्टर, समझ नहीं आया। क्या देखूँ?"),
)
LEAST_PERFUSION = 0.25
"""Perfusion index in percent below which an oximeter on a finger reads nothing."""


@dataclass(frozen=True, slots=True)
class Written:
    """One answer of a case file, given while ``condition`` holds."""

    text: Texts
    condition: Expression | None = None
    reveals: str = ""
    """diagnostic, red_flag or noise."""

    @property
    def firm(self) -> bool:
        """Return whether it stands against what the body shows: a finding, not a "clear"."""
        return self.condition is not None or self.reveals in ("diagnostic", "red_flag")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the worker reports, and every number in it as (name, value, unit)."""

    text: Texts
    values: tuple[tuple[str, float, str], ...] = ()


Holds = Callable[[Expression], bool]


def answer(
    item: str,
    body: Body,
    number: int,
    written: Mapping[str, tuple[Written, ...]],
    changed: Mapping[str, Texts],
    holds: Holds,
) -> Answer:
    """Return the answer to ``item`` now; ``number`` is that of the task, for the device's error."""
    known = catalogue().get(item)
    if known is not None and known.kind == HISTORY and pulseless(body):
        return Answer(SILENT)
    if item in GROUPS:
        return _measured(item, body, number)
    if item == "ecg12":
        return _recorded(body)
    if item in changed:
        return Answer(changed[item])
    stated = next(
        (w for w in written.get(item, ()) if w.condition is None or holds(w.condition)), None
    )
    sign = SIGNS.get(item)
    shown = sign(body) if sign is not None else None
    firm = stated is not None and (stated.firm or (known is not None and known.kind == HISTORY))
    if shown is not None and not firm:
        return Answer((("en", shown[0]), ("hi", shown[1])))
    if stated is not None:
        return Answer(stated.text)
    if known is None:
        return Answer(NOT_UNDERSTOOD)
    return Answer(known.none or NOT_DONE)


def same_in_all(text: str) -> Texts:
    """Return a text that was written once, for every language."""
    return (("en", text), ("hi", text))


def _measured(item: str, body: Body, number: int) -> Answer:
    if pulseless(body):
        if item in ("pulse", "shock_index"):
            return Answer(NO_PULSE)
        if item in ("blood_pressure", "saturation"):
            return Answer(NO_READING)
    if item == "saturation" and body.engine.get("perfusion") < LEAST_PERFUSION:
        return Answer(COLD_HAND)
    readings = take(item, body, number)
    if item == "blood_pressure":
        upper, lower = (reading.shown for reading in readings)
        names = ("systolic", "diastolic")
        values = tuple(
            (name, reading.value, "mmHg") for name, reading in zip(names, readings, strict=True)
        )
        return Answer(same_in_all(f"{upper}/{lower} mmHg"), values)
    shown = ", ".join(str(reading) for reading in readings)
    label = dict(catalogue()[item].label)["hi"]
    alone = len(readings) == 1
    hindi = f"{label}: {readings[0].shown} {readings[0].measure.unit}".rstrip() if alone else shown
    return Answer(
        (("en", shown[0].upper() + shown[1:] if alone else shown), ("hi", hindi)),
        tuple((r.measure.name, r.value, r.measure.unit) for r in readings),
    )


def _recorded(body: Body) -> Answer:
    """Return what a 12-lead machine prints beside the strip; reading it is left to the learner."""
    if pulseless(body):
        text = ("Recorded. The machine gives no rate.", "रिकॉर्ड हो गया। मशीन ने गति नहीं दी।")
        return Answer((("en", text[0]), ("hi", text[1])))
    rate = round(body.engine.get("hr"))
    return Answer(
        (("en", f"Recorded, {rate}/min. Read the strip."),
         ("hi", f"रिकॉर्ड हो गया, {rate}/मिनट। पट्टी देखिए।")),
        (("rate", float(rate), "/min"),),
    )  # fmt: skip
