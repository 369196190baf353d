"""Lines of the thoughts: the diagnosis and where the patient goes.

A learner writes a diagnosis in words, so words are compared, not meanings: one that is not
recognised is shown beside that of the case and earns nothing by itself.
"""

import re
import unicodedata
from functools import cache
from pathlib import Path

from teleward_gateway.classroom.events import Event, kinds
from teleward_gateway.classroom.scoring.encounter import Encounter
from teleward_gateway.classroom.scoring.line import Line, Reason
from teleward_simulators.cases.dispositions import HERE, HOME, HOSPITAL, PLANS, SENIOR, matches
from teleward_simulators.cases.lined_yaml import read
from teleward_simulators.cases.model import Case

WORDS = Path(__file__).parent / "diagnoses.yaml"
SHADES = frozenset({"acute", "severe", "uncontrolled", "complete"})
"""Words of a key that a learner may leave out."""
NEAR = {"diagnosis": 0.4, "disposition": 0.5}
"""What a near miss is worth."""
LABELS = {
    "diagnosis": {"en": "Diagnosis", "hi": "निदान"},
    "disposition": {"en": "Where the patient goes", "hi": "मरीज़ कहाँ जाए"},
}
PLACES = {HOME: "discharge", HERE: "observe", HOSPITAL: "transfer", SENIOR: "escalate"}
"""Destination of a plan, and what a learner chooses for it."""
SECOND = 0.5
"""What the right diagnosis is worth in the second or third place."""


def diagnosis_line(case: Case, encounter: Encounter) -> Line:
    """Return the line of the diagnosis: the best of the first, or half of a later one."""
    event = encounter.diagnosis
    ranked = event.body.ranked if event and isinstance(event.body, kinds.ThinkDiagnosis) else []
    best: tuple[float, Reason] = (0.0, "other" if ranked else "nothing")
    for place, (wrote, _) in enumerate(ranked):
        found: tuple[float, Reason] = (0.0, "other")
        if any(names(wrote, key) for key in case.diagnosis["hit"]):
            found = (1.0, "hit")
        elif any(names(wrote, key) for key in case.diagnosis["near"]):
            found = (NEAR["diagnosis"], "near")
        best = max(best, (found[0] * (SECOND if place else 1.0), found[1]))
    wrote = ", ".join(name for name, _ in ranked)
    right = ", ".join(name.replace("_", " ") for name in case.diagnosis["hit"])
    return _line("diagnosis", event, best, right, wrote)


def disposition_line(case: Case, encounter: Encounter) -> Line:
    """Return the line of the disposition."""
    event = encounter.disposition
    body = event.body if event else None
    chosen = body.disposition if isinstance(body, kinds.ThinkDisposition) else ""
    result: tuple[float, Reason] = (0.0, "other" if chosen else "nothing")
    if any(_goes(word, chosen) for word in case.disposition["hit"]):
        result = (1.0, "hit")
    elif any(_goes(word, chosen) for word in case.disposition["near"]):
        result = (NEAR["disposition"], "near")
    plan = PLANS.get(case.disposition["hit"][0])
    return _line("disposition", event, result, PLACES[plan.destination] if plan else "", chosen)


def _goes(word: str, chosen: str) -> bool:
    """Return whether a place is what a key asks for; fixtures and scripts name the plan itself."""
    if chosen == word:
        return True
    return word in PLANS and matches(word, chosen, None)


def _line(
    part: str, event: Event | None, result: tuple[float, Reason], right: str, wrote: str
) -> Line:
    points, reason = result
    return Line(
        part, part, reason, points, 1.0, LABELS[part],
        at_ms=event.at_case_ms if event else None, events=(event.seq,) if event else (),
        wrote=wrote, right=right,
    )  # fmt: skip


def names(wrote: str, key: str) -> bool:
    """Return whether what a learner wrote names the diagnosis ``key``, such as ``severe_asthma``.

    Every word of the key has to be there, or another word for it; "not asthma" and "asthma?" are
    told apart: a diagnosis that is denied is none.
    """
    text = plain(wrote)
    if re.search(r"\b(no|not|without)\b", text) or "नहीं" in text.split():
        return False
    if _has(text, key):
        return True
    parts = [part for part in key.split("_") if part not in SHADES]
    return bool(parts) and all(_has(text, part) for part in _grouped(parts))


def _grouped(parts: list[str]) -> list[str]:
    """Return the parts of a key, those that other words stand for together kept together."""
    found: list[str] = []
    rest = list(parts)
    while rest:
        size = next((n for n in range(len(rest), 1, -1) if "_".join(rest[:n]) in other_words()), 1)
        found.append("_".join(rest[:size]))
        del rest[:size]
    return found


def _has(text: str, part: str) -> bool:
    ways = (part.replace("_", " "), *other_words().get(part, ()))
    return any(re.search(rf"(?<!\w){re.escape(plain(way))}(?!\w)", text) for way in ways)


@cache
def other_words() -> dict[str, tuple[str, ...]]:
    """Return the other words of a diagnosis or a part of its name."""
    return {name: tuple(map(str, words)) for name, words in read(WORDS).items()}


def plain(text: str) -> str:
    """Return a text in small letters, with single spaces, in one form of writing."""
    folded = unicodedata.normalize("NFC", text).casefold()
    return re.sub(r"[\s_,.;:/()\-]+", " ", folded).strip()
