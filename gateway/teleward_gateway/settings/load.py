"""TOML in, typed settings out; every mistake is named by file, line and key.

Each mistake is one line ``FILE:LINE: KEY: what is wrong``, and all are reported at once.
"""

import os
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr, ValidationError

from teleward_cloud.secret import OPEN_TO_ALL
from teleward_gateway.settings.model import Settings
from teleward_signal.errors import Invalid

Key = tuple[str | int, ...]

_TABLE = re.compile(r"^\s*\[\s*([^\[\]]+?)\s*\]")
_ARRAY = re.compile(r"^\s*\[\[\s*([^\[\]]+?)\s*\]\]")
_PAIR = re.compile(r"^\s*((?:[\w-]+|\"[^\"]*\")(?:\s*\.\s*(?:[\w-]+|\"[^\"]*\"))*)\s*=")


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing wrong in a settings file; ``line`` counts from 1."""

    file: str
    line: int
    key: str
    problem: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.key}: {self.problem}"


class SettingsError(Invalid):
    """A settings file that cannot be used; ``mistakes`` holds every reason."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        super().__init__("\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = mistakes


def load(path: Path) -> Settings:
    """Read and check a settings file; raises SettingsError.

    A secret written out in a file that every user of the machine may read is a mistake.
    """
    try:
        with path.open(encoding="utf-8") as file:
            is_open = os.fstat(file.fileno()).st_mode & OPEN_TO_ALL
            text = file.read()
    except OSError as error:
        raise SettingsError([Mistake(str(path), 1, "file", error.strerror or str(error))]) from None
    except UnicodeDecodeError:
        raise SettingsError([Mistake(str(path), 1, "file", "is not UTF-8 text")]) from None
    settings = parse(text, str(path))
    if is_open:
        lines = locate(text)
        remedy = f"chmod o= {path}, or give the secret as {{env = ...}} or {{file = ...}}"
        problem = f"a secret in a file that every user of this machine may read: {remedy}"
        found = [
            Mistake(str(path), _line_of(key, lines), _dotted(key), problem)
            for key in _written_out(settings, tomllib.loads(text))
        ]
        if found:
            raise SettingsError(found)
    return settings


def parse(text: str, file: str = "settings") -> Settings:
    """Check settings given as text; raises SettingsError."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        line = int(found.group(1)) if found else text.count("\n") + 1
        problem = re.sub(r"\s*\(at .*\)$", "", str(error))
        raise SettingsError([Mistake(file, line, "TOML", problem)]) from None
    try:
        return Settings.model_validate(data)
    except ValidationError as error:
        lines = locate(text)
        raise SettingsError([_mistake(file, lines, detail) for detail in error.errors()]) from None


def locate(text: str) -> dict[Key, int]:
    """Return the line of every table and key, by path; arrays of tables count from 0."""
    lines: dict[Key, int] = {}
    counts: dict[Key, int] = {}
    prefix: Key = ()
    for number, line in enumerate(text.splitlines(), 1):
        if array := _ARRAY.match(line):
            name = _split(array.group(1), counts)
            counts[name] = counts.get(name, -1) + 1
            lines.setdefault(name, number)
            prefix = (*name, counts[name])
            lines[prefix] = number
        elif table := _TABLE.match(line):
            prefix = _split(table.group(1), counts)
            lines[prefix] = number
        elif pair := _PAIR.match(line):
            lines[prefix + _split(pair.group(1), {})] = number
    return lines


def _split(name: str, counts: dict[Key, int]) -> Key:
    """Return the path of a dotted name; a parent that is an array means its newest entry."""
    path: Key = ()
    parts = [part.strip().strip('"') for part in name.split(".")]
    for position, part in enumerate(parts):
        path = (*path, part)
        if position < len(parts) - 1 and path in counts:
            path = (*path, counts[path])
    return path


def _mistake(file: str, lines: dict[Key, int], detail: Any) -> Mistake:
    location = tuple(part for part in detail["loc"] if not str(part).startswith("function-"))
    line = _line_of(location, lines)
    key = _dotted(location)
    problem = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "extra_forbidden":
        problem = "no such key" + _suggestion(location)
    return Mistake(file, line, key or "settings", problem)


def _dotted(key: Key) -> str:
    return "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in key).lstrip(".")


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


def _line_of(location: Key, lines: dict[Key, int]) -> int:
    """Return the line of a key, of the first thing in it, or of the nearest table around it."""
    for length in range(len(location), 0, -1):
        inside = [line for key, line in lines.items() if key[:length] == location[:length]]
        if inside:
            return min(inside)
    return 1


def _suggestion(location: Key) -> str:
    """Return the known key that was probably meant."""
    schema = Settings.model_json_schema()
    node: Any = schema
    for part in location[:-1]:
        node = (
            node.get("items", {})
            if isinstance(part, int)
            else node.get("properties", {}).get(part, {})
        )
        reference = node.get("$ref") or next(
            (option["$ref"] for option in node.get("anyOf", []) if "$ref" in option), None
        )
        if reference:
            node = schema["$defs"][reference.rsplit("/", 1)[1]]
    near = get_close_matches(str(location[-1]), node.get("properties", {}), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
