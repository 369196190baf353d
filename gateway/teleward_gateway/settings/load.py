"""TOML in, typed settings out; every mistake is named by file, line and key.

Each mistake is one line ``FILE:LINE: KEY: what is wrong``, and all are reported at once. `load`
takes a file without a mistake; `read` takes what can be used of any file, for a gateway that must
run.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

from teleward_cloud.secret import OPEN_TO_ALL
from teleward_gateway.settings.check import check
from teleward_gateway.settings.file_text import FileText, decoded, read_text
from teleward_gateway.settings.mistakes import Key, Mistake, SettingsError, dotted
from teleward_gateway.settings.model import Settings
from teleward_gateway.settings.places import line_of, locate
from teleward_gateway.settings.rates import rate_problems
from teleward_gateway.settings.syntax import ROWS, tables

__all__ = ["Mistake", "SettingsError", "SettingsFile", "load", "locate", "parse", "read"]


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """What a settings file holds: ``settings`` is what can be used of it."""

    settings: Settings
    mistakes: tuple[Mistake, ...] = ()
    warnings: tuple[Mistake, ...] = ()
    """What can be used as it stands, but does less than it seems to."""
    notes: tuple[str, ...] = ()
    kept: frozenset[str] = frozenset()
    """Rows such as ``device strap`` that stand in the file with a mistake."""
    is_whole: bool = True
    """Whether what is not there was taken out, rather than not readable."""
    places: tuple[tuple[str, str, int], ...] = ()
    """Row such as ``device strap``, its key and its line."""
    file: str = "settings"

    def mistake(self, row: str, problem: str) -> Mistake:
        """Return a mistake about a row such as ``device strap``."""
        found = next(((key, line) for name, key, line in self.places if name == row), (row, 1))
        return Mistake(self.file, found[1], found[0], problem)


def load(path: Path) -> Settings:
    """Read and check a settings file; raises SettingsError.

    A secret written out in a file that every user of the machine may read is a mistake.
    """
    found = read(path)
    if found.mistakes:
        raise SettingsError(list(found.mistakes))
    return found.settings


def read(path: Path) -> SettingsFile:
    """Read what can be used of a settings file.

    Raises SettingsError where there is none, or where ``[gateway]`` or ``[radio]`` cannot be used.
    """
    file = str(path)
    try:
        content = read_text(path)
        is_open = path.stat().st_mode & OPEN_TO_ALL
    except OSError as error:
        raise SettingsError([Mistake(file, 1, "file", error.strerror or str(error))]) from None
    source = decoded(content, file)
    found = _checked(source, file)
    if not is_open:
        return found
    remedy = f"chmod o= {path}, or give the secret as {{env = ...}} or {{file = ...}}"
    problem = f"a secret in a file that every user of this machine may read: {remedy}"
    lines = locate(source.text)
    written = [
        Mistake(file, line_of(key, lines), dotted(key), problem)
        for key in _written_out(found.settings, tables(source.text).data)
    ]
    if not written:
        return found
    raise SettingsError([*found.mistakes, *written])


def parse(text: str, file: str = "settings") -> Settings:
    """Check settings given as text; raises SettingsError."""
    found = _checked(FileText(text), file)
    if found.mistakes:
        raise SettingsError(list(found.mistakes))
    return found.settings


def _checked(source: FileText, file: str) -> SettingsFile:
    """Return what can be used of a text; raises SettingsError as `read` does."""
    read_tables = tables(source.text)
    lines = locate(source.text)
    unread = frozenset(
        str(slip.section[0]) if slip.section else "gateway"
        for slip in read_tables.slips
        if not slip.section or slip.section[0] not in ROWS
    )
    checked = check(read_tables.data, unread)
    slips = [
        Mistake(file, slip.line, dotted(slip.section) or "TOML", slip.text)
        for slip in read_tables.slips
    ]
    found = [
        Mistake(file, line_of(p.key, lines), dotted(p.key) or "settings", p.text)
        for p in checked.problems
    ]
    mistakes = sorted([*source.mistakes, *slips, *found], key=lambda each: each.line)
    if checked.settings is None:
        raise SettingsError(mistakes)
    warnings = [
        Mistake(file, line_of(key, lines), dotted(key), text)
        for key, text in rate_problems(_by_place(checked.settings, read_tables.data))
    ]
    return SettingsFile(
        checked.settings,
        tuple(mistakes),
        tuple(warnings),
        source.notes,
        frozenset(checked.kept),
        checked.whole and not source.is_cut and not read_tables.slips,
        tuple(_places(read_tables.data, lines)),
        file,
    )


def _by_place(settings: Settings, data: dict[str, Any]) -> list[tuple[int, Any]]:
    """Return the usable devices with their place among the rows of the file."""
    rows = data.get("devices")
    first: dict[Any, int] = {}
    for index, row in enumerate(rows if isinstance(rows, list) else ()):
        if isinstance(row, dict):
            first.setdefault(row.get("id"), index)
    return [(first.get(device.id, 0), device) for device in settings.devices]


def _places(data: dict[str, Any], lines: dict[Key, int]) -> Iterator[tuple[str, str, int]]:
    for section in ROWS:
        rows = data.get(section)
        for index, row in enumerate(rows if isinstance(rows, list) else ()):
            if isinstance(row, dict):
                key = (section, index)
                yield f"{section[:-1]} {row.get('id')}", dotted(key), line_of(key, lines)


def _written_out(value: Any, data: Any, key: Key = ()) -> Iterator[Key]:
    """Yield the keys of secrets that stand in ``data`` as text; ``value`` is what it became."""
    if isinstance(value, SecretStr):
        if isinstance(data, str) and value.get_secret_value():
            yield key
    elif isinstance(value, BaseModel) and isinstance(data, dict):
        for name, field in type(value).model_fields.items():
            written = field.alias or name
            if written in data:
                yield from _written_out(getattr(value, name), data[written], (*key, written))
    elif isinstance(value, list | tuple) and isinstance(data, list):
        for position, pair in enumerate(zip(value, data, strict=False)):
            yield from _written_out(*pair, (*key, position))
    elif isinstance(value, dict) and isinstance(data, dict):
        for name in data:
            yield from _written_out(value.get(name), data[name], (*key, name))
