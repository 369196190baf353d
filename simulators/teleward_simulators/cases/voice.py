"""The worker's voice: calm, busy or worried by the true state, and never silent about danger.

Reads back each drug with its dose, asks when it is ten times the usual, refuses what is not there,
and volunteers what a nurse would see when it changes for the worse.
"""

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path

from teleward_simulators.cases.action_words import action_label
from teleward_simulators.cases.answers.answer import Texts
from teleward_simulators.cases.answers.derived import SIGNS, awareness, pulseless
from teleward_simulators.cases.lined_yaml import read
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


def sentence(name: str, **parts: Mapping[str, str] | str) -> Texts:
    """Return a sentence of ``voice.yaml`` in every language.

    ``parts`` are put into its places: by language, or one that is the same in all.
    """
    return tuple(
        (language, text.format(**{
            place: part if isinstance(part, str) else part[language]
            for place, part in parts.items()
        }))
        for language, text in _sentences()[name].items()
    )  # fmt: skip


def read_back(action: Action, amount: float, how: Mood) -> Texts:
    """Return the sentence about a drug that is given."""
    return sentence(how.value, dose=_dose(action, amount))


def question(action: Action, amount: float) -> Texts:
    """Return what is asked about an unusual dose."""
    return sentence("unusual", dose=_dose(action, amount), times=f"{amount / action.usual:.0f}")


def refusal(label: Texts) -> Texts:
    """Return the sentence about what is not there."""
    small = {language: text[0].lower() + text[1:] for language, text in label}
    return sentence("not_here", what=small)


def not_done(label: Texts) -> Texts:
    """Return the sentence about a test that nobody does here."""
    return sentence("not_done_here", what=dict(label))


def seen(body: Body) -> tuple[tuple[str, Texts], ...]:
    """Return what can be seen now without being asked, as (item, texts)."""
    if pulseless(body):
        return (("look", sentence("no_pulse")),)
    found = []
    for item in VOLUNTEERED:
        sign = SIGNS[item](body)
        if sign is not None:
            found.append((item, sentence(item, seen={"en": sign[0], "hi": sign[1]})))
    return tuple(found)


def _dose(action: Action, amount: float) -> dict[str, str]:
    return {
        language: f"{label}, {amount:g} {action.unit}"
        for language, label in action_label(action.name)
    }


@cache
def _sentences() -> dict[str, dict[str, str]]:
    rows = read(Path(__file__).with_name("voice.yaml"))
    return {name: {str(k): str(v) for k, v in row.items()} for name, row in rows.items()}
