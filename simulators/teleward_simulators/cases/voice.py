"""The worker's voice: calm, busy or worried by the true state, and never silent about danger.

Reads back each drug with its dose, asks when it is ten times the usual, refuses what is not there,
and volunteers what a nurse would see when it changes for the worse.
"""

from enum import StrEnum

from teleward_simulators.cases.answers.derived import SIGNS, awareness, pulseless
from teleward_simulators.physiology.actions import Action
from teleward_simulators.physiology.body import Body

UNUSUAL = 10.0
"""Times the usual dose above which the worker asks before giving it."""
LOOK_STEPS = 100
"""The worker looks at the patient every ten seconds."""
VOLUNTEERED = ("look", "consciousness", "cyanosis", "sweat", "chest_movement", "speech")
"""Findings that are volunteered, in this order, one at a time."""


class Mood(StrEnum):
    """How the worker is."""

    CALM = "calm"
    BUSY = "busy"
    WORRIED = "worried"


def mood(body: Body, busy: bool) -> Mood:
    """Return the mood: danger worries whatever else there is to do."""
    get = body.engine.get
    danger = pulseless(body) or awareness(body) >= 2
    danger = danger or get("sao2") < 0.86 or get("sbp") < 80 or get("rr") > 34 or get("rr") < 7
    if danger or get("hr") > 150 or get("hr") < 38:
        return Mood.WORRIED
    return Mood.BUSY if busy else Mood.CALM


def read_back(action: Action, amount: float, how: Mood) -> str:
    """Return the sentence about a drug that is given."""
    dose = f"{action.label}, {amount:g} {action.unit}"
    return {
        Mood.CALM: f"{dose}: giving it now, doctor.",
        Mood.BUSY: f"{dose}. As soon as I have a free moment... done.",
        Mood.WORRIED: f"{dose}, yes! Giving it. Please stay on the line.",
    }[how]


def question(action: Action, amount: float) -> str:
    """Return what is asked about an unusual dose."""
    times = amount / action.usual
    return (
        f"{action.label}, {amount:g} {action.unit}? That is {times:.0f} times the usual. "
        "Is that right, doctor? Order it again if so."
    )


def refusal(label: str) -> str:
    """Return the sentence about what is not there."""
    return f"We have no {label[0].lower() + label[1:]} here, doctor. What else can I do?"


def seen(body: Body) -> tuple[tuple[str, str], ...]:
    """Return what can be seen now without being asked, as (item, text)."""
    if pulseless(body):
        return (("look", "No movement, and I cannot feel a pulse!"),)
    found = []
    for item in VOLUNTEERED:
        sign = SIGNS[item](body)
        if sign is not None:
            found.append((item, _SPOKEN.get(item, "{}").format(sign[0])))
    return tuple(found)


_SPOKEN = {
    "consciousness": "Doctor, look: {}",
    "cyanosis": "Lips and tongue: {}",
    "chest_movement": "The chest: {}",
    "speech": "Speech: {}",
}
