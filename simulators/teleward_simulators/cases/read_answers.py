"""Read what a case answers: history, examination and tests by items of the fixed catalogue."""

from teleward_simulators.cases.answers.answer import Written
from teleward_simulators.cases.answers.items import (
    EXAMINATION,
    HISTORY,
    TEST,
    catalogue,
)
from teleward_simulators.cases.answers.understanding import understood
from teleward_simulators.cases.fields import choice, known, languages, mapping, rows
from teleward_simulators.cases.lined_yaml import Table
from teleward_simulators.cases.model import LANGUAGES
from teleward_simulators.cases.read_effects import condition

SECTIONS = {"history": HISTORY, "examination": EXAMINATION, "tests": TEST}
REVEALS = ("", "diagnostic", "red_flag", "noise")
KEYS = {*LANGUAGES, "while", "reveals"}
Answers = dict[str, tuple[Written, ...]]


def answers_of(table: Table) -> Answers:
    """Return every written answer by item; those of schema 1 under what their names mean."""
    found: Answers = {}
    for name, text in mapping(table, "findings").items():
        _add(found, understood(name) or name, Written(_both(str(text))))
    for row in rows(table, "questions", {"id", "ask", "answer"}):
        name = str(row.get("id", ""))
        meant = understood(name) or understood(str(row.get("ask", ""))) or name
        _add(found, meant, Written(_both(str(row.get("answer", "")))))
    for section, kind in SECTIONS.items():
        part = mapping(table, section)
        for name in part:
            item = catalogue().get(name)
            if item is None or item.kind != kind:
                there = ", ".join(i.id for i in catalogue().values() if i.kind == kind)
                raise part.fail(f"{section}: no item {name!r}; there are {there}", name)
            found[name] = _written(part, name)
    for name in ("medication", "allergies"):
        if name in table:
            found[name] = (Written(tuple(languages(table, name).items())),)
    return found


def _written(part: Table, name: str) -> tuple[Written, ...]:
    """Return the answers to one item: one text, or several that hold in turn."""
    if isinstance(part[name], Table):
        return (_one(mapping(part, name)),)
    return tuple(_one(row) for row in rows(part, name, KEYS))


def _one(row: Table) -> Written:
    known(row, KEYS)
    texts = []
    for language in LANGUAGES:
        text = str(row.get(language, "")).strip()
        if not text:
            raise row.fail(f"an answer is missing in {language!r}")
        texts.append((language, text))
    held = condition(row, "while") if "while" in row else None
    return Written(tuple(texts), held, choice(row, "reveals", REVEALS, ""))


def _add(found: Answers, item: str, written: Written) -> None:
    found[item] = (*found.get(item, ()), written)


def _both(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((language, text) for language in LANGUAGES)
