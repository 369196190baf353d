"""Read the key of a case: diagnosis, disposition, and how every action counts and harms."""

from functools import cache
from pathlib import Path

import yaml

from teleward_simulators.cases.dispositions import PLANS
from teleward_simulators.cases.fields import choice, languages, mapping, number, rows, texts
from teleward_simulators.cases.lined_yaml import Table
from teleward_simulators.cases.model import GRADES, LANGUAGES, Effect, Mark
from teleward_simulators.cases.read_effects import condition, effects_of
from teleward_simulators.physiology.actions import ACTIONS

WEIGHTS = {"critical": 3, "recommended": 1, "neutral": 0, "harmful": -2}
KEYS = {"id", "grade", "w", "from", "full", "zero", "dose", "effect", "why_no_effect", "competency",
        "comment", "source"}  # fmt: skip


def hits_of(key: Table, name: str, schema: int) -> dict[str, tuple[str, ...]]:
    """Return what hits and what is near; a disposition of schema 2 is one of `PLANS`."""
    row = mapping(key, name, {"hit", "near"})
    if not row.get("hit"):
        raise key.fail(f"key: {name} names at least one hit", name)
    found = {"hit": texts(row, "hit"), "near": texts(row, "near")}
    if name == "disposition" and schema > 1:
        for word in (*found["hit"], *found["near"]):
            if word not in PLANS:
                raise row.fail(f"disposition {word!r}: there are {', '.join(PLANS)}", "hit")
    return found


def marks_of(table: Table, schema: int, source: str) -> tuple[Mark, ...]:
    """Return the marks, at least one critical and one harmful; ``source`` is that of the case."""
    key = mapping(table, "key", {"dx", "disposition", "actions"})
    out = [_mark(row, schema, source) for row in rows(key, "actions", KEYS)]
    grades = {mark.grade for mark in out}
    for needed in ("critical", "harmful"):
        if needed not in grades:
            raise key.fail(f"a case has at least one {needed} action", "actions")
    return tuple(out)


def _mark(row: Table, schema: int, source: str) -> Mark:
    action = choice(row, "id", ACTIONS, "")
    grade = choice(row, "grade", GRADES, "")
    weight = number(row, "w", WEIGHTS[grade], -5, 5)
    if (grade == "harmful") != (weight < 0):
        raise row.fail(f"{action}: harmful actions, and only they, weigh less than 0", "w")
    comment, competency = _written_once(action)
    return Mark(
        action, grade, weight, condition(row, "from") if "from" in row else None,
        number(row, "full", 300, 1, 1e6), number(row, "zero", 750, 1, 1e6),
        tuple(mapping(row, "dose", {"per_kg", "max", "route", "tol", "unit"}).items()),
        effects=_harm(row, action, grade, schema),
        why_no_effect=str(row.get("why_no_effect", "")),
        competency=str(row.get("competency", competency)),
        comment=languages(row, "comment") if "comment" in row else comment,
        source=str(row.get("source", source)),
    )  # fmt: skip


@cache
def _comments() -> dict[str, dict[str, str]]:
    text = (Path(__file__).parent / "comments.yaml").read_text(encoding="utf-8")
    rows: dict[str, dict[str, str]] = yaml.safe_load(text)
    return rows


def _written_once(action: str) -> tuple[dict[str, str], str]:
    """Return the teaching comment on an action, and the competency that it trains."""
    row = _comments().get(action, {})
    return {language: row[language] for language in LANGUAGES if language in row}, row.get(
        "competency", ""
    )


def _harm(row: Table, action: str, grade: str, schema: int) -> tuple[Effect, ...]:
    """Return what a harmful action does to this patient, or refuse silence about it."""
    if "effect" in row:
        return effects_of(row, "effect", layered=True)
    if grade == "harmful" and schema > 1 and not str(row.get("why_no_effect", "")).strip():
        raise row.fail(
            f"{action} is harmful: write effect: with what it does to this patient, or "
            "why_no_effect: with the reason why it does nothing here", "id",
        )  # fmt: skip
    return ()
