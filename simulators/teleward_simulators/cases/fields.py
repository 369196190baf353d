"""Read single fields of a case file; every mistake is an error with file and line."""

from typing import Any

from teleward_simulators.cases.lined_yaml import Table
from teleward_simulators.cases.model import LANGUAGES


def known(table: Table, keys: frozenset[str] | set[str]) -> None:
    """Refuse keys that are not among ``keys``."""
    for key in table:
        if key not in keys:
            raise table.fail(f"unknown key {key!r}; there are {', '.join(sorted(keys))}", key)


def mapping(table: Table, name: str, keys: set[str] | None = None) -> Table:
    """Return the mapping under ``name``, empty when there is none."""
    value = table.get(name)
    if value is None:
        empty = Table()
        empty.file, empty.line, empty.lines = table.file, table.line, {}
        return empty
    if not isinstance(value, Table):
        raise table.fail(f"{name} is a mapping of keys to values", name)
    if keys is not None:
        known(value, keys)
    return value


def rows(table: Table, name: str, keys: set[str]) -> list[Table]:
    """Return the list of mappings under ``name``."""
    rows = table.get(name) or []
    if not isinstance(rows, list) or not all(isinstance(row, Table) for row in rows):
        raise table.fail(f"{name} is a list of mappings", name)
    for row in rows:
        known(row, keys)
    return rows


def texts(table: Table, name: str) -> tuple[str, ...]:
    """Return the list of texts under ``name``."""
    value = table.get(name) or []
    if not isinstance(value, list):
        raise table.fail(f"{name} is a list", name)
    return tuple(str(text) for text in value)


def languages(table: Table, name: str) -> dict[str, str]:
    """Return a text in every language of `LANGUAGES`."""
    value = mapping(table, name)
    for language in LANGUAGES:
        if not str(value.get(language, "")).strip():
            raise table.fail(f"{name} is missing in {language!r}", name)
    return {language: str(text) for language, text in value.items()}


def number(table: Table, name: str, rest: float, low: float, high: float) -> float:
    """Return the number under ``name``, ``rest`` when there is none."""
    value = table.get(name, rest)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise table.fail(f"{name}: {value!r} is no number from {low:g} to {high:g}", name)
    return float(value)


def numbers(row: Table, low: float, high: float) -> dict[str, float]:
    """Return a mapping of numbers."""
    return {name: number(row, name, low, low, high) for name in row}


def whole(table: Table, name: str, low: int, high: int) -> int:
    """Return a whole number."""
    return int(number(table, name, low, low, high))


def choice(table: Table, name: str, known: Any, rest: str) -> str:
    """Return one of the ``known`` words."""
    value = str(table.get(name, rest))
    if value not in known:
        raise table.fail(f"{name} {value!r}: there are {', '.join(known)}", name)
    return value
