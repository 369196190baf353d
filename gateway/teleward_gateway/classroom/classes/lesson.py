"""Lesson: a class hour as a file: cases, mode, goals, questions. Mistakes name file and line."""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, cast, get_args

from teleward_gateway.classroom.events.kinds import ClassFrozen, Mode
from teleward_signal.errors import NotFound
from teleward_simulators.cases.catalogue import case_named
from teleward_simulators.cases.fields import (
    choice,
    known,
    languages,
    mapping,
    number,
    rows,
    texts,
    whole,
)
from teleward_simulators.cases.lined_yaml import CaseError, Table, read

SHIPPED = Path(__file__).parent.parent / "lessons"
MODES: tuple[str, ...] = get_args(Mode)
RUNGS = ("full", "lean", "numbers")
_KEYS = frozenset(
    {"id", "title", "mode", "cases", "minutes", "study_level", "goals", "questions", "link",
     "relay_s", "competencies"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Lesson:
    """One lesson; ``link`` is the rung of the hub's line, ``relay_s`` when a relay hands over."""

    id: str
    title: dict[str, str]
    mode: Mode
    cases: tuple[str, ...]
    minutes: int = 16
    study_level: int = 1
    competencies: tuple[str, ...] = ()
    goals: dict[str, list[str]] = field(default_factory=dict)
    questions: tuple[ClassFrozen, ...] = ()
    link: str = "full"
    relay_s: float = 480.0


def load(path: Path) -> Lesson:
    """Return the lesson of a file; raises CaseError ``file:line: reason``.

    A file is read again when it has changed: with its cases that takes a tenth of a second.
    """
    found = path.stat()
    return _load(path, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=256)
def _load(path: Path, _changed_ns: int, _size: int) -> Lesson:
    table = read(path)
    known(table, _KEYS)
    for key in ("id", "title", "mode", "cases"):
        if key not in table:
            raise table.fail(f"the key {key!r} is missing")
    cases = texts(table, "cases")
    if not cases:
        raise table.fail("a lesson names at least one case", "cases")
    for name in cases:
        _known_case(table, name)
    return Lesson(
        id=str(table["id"]),
        title=languages(table, "title"),
        mode=cast(Mode, choice(table, "mode", MODES, "parallel")),
        cases=cases,
        minutes=whole(table, "minutes", 1, 240) if "minutes" in table else 16,
        study_level=whole(table, "study_level", 1, 3) if "study_level" in table else 1,
        competencies=texts(table, "competencies"),
        goals=_goals(table),
        questions=tuple(_question(row) for row in rows(table, "questions", _QUESTION)),
        link=choice(table, "link", RUNGS, "full"),
        relay_s=number(table, "relay_s", 480.0, 30.0, 7200.0),
    )


_QUESTION = {"id", "text", "options", "answer", "unit", "why", "seconds"}


def _known_case(table: Table, name: str) -> None:
    try:
        case_named(name)
    except ValueError as error:
        raise table.fail(str(error).splitlines()[0], "cases") from None


def _goals(table: Table) -> dict[str, list[str]]:
    goals = mapping(table, "goals", {"en", "hi"})
    found: dict[str, list[str]] = {language: list(texts(goals, language)) for language in goals}
    if len({len(each) for each in found.values()}) > 1:
        raise table.fail("goals: as many in Hindi as in English", "goals")
    return found


def _question(row: Table) -> ClassFrozen:
    options: Any = row.get("options") or []
    if not isinstance(options, list) or not all(isinstance(each, Table) for each in options):
        raise row.fail("options is a list of texts by language", "options")
    answer = str(row.get("answer", ""))
    if options and answer not in {str(index) for index in range(len(options))}:
        raise row.fail(f"answer {answer!r}: give the place of the right option, 0 first", "answer")
    return ClassFrozen(
        question=str(row.get("id", "")) or f"line-{row.line}",
        text=languages(row, "text"),
        options=[{k: str(v) for k, v in each.items()} for each in options],
        unit=str(row.get("unit", "")),
        answer=answer,
        why=languages(row, "why") if "why" in row else {},
        seconds=number(row, "seconds", 20.0, 5.0, 300.0),
    )


def all_lessons(extra: Path | None = None) -> tuple[dict[str, Lesson], list[CaseError]]:
    """Return the lessons by id, those of ``extra`` over those shipped, and files with mistakes."""
    found: dict[str, Lesson] = {}
    errors: list[CaseError] = []
    for folder in (SHIPPED, *([extra] if extra else ())):
        for path in sorted(folder.glob("*.yaml")):
            try:
                lesson = load(path)
            except CaseError as error:
                errors.append(error)
                continue
            found[lesson.id] = lesson
    return found, errors


def lesson_named(name: str, extra: Path | None = None) -> Lesson:
    """Return a lesson; NotFound names those there are and the files with mistakes."""
    if re.fullmatch(r"[a-z0-9-]{1,80}", name):  # of its own file without reading all others
        for folder in (*([extra] if extra else ()), SHIPPED):
            path = folder / f"{name}.yaml"
            if path.is_file() and (lesson := load(path)).id == name:
                return lesson
    found, errors = all_lessons(extra)
    if name not in found:
        broken = "".join(f"\n{error}" for error in errors)
        raise NotFound(f"no lesson {name!r}; there are {', '.join(sorted(found))}{broken}")
    return found[name]
