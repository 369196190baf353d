"""The line of every table and key of a settings file, and the key that was probably meant."""

import re
from difflib import get_close_matches
from typing import Any

from teleward_gateway.settings.mistakes import Key
from teleward_gateway.settings.model import Settings

_TABLE = re.compile(r"^\s*\[\s*([^\[\]]+?)\s*\]")
_ARRAY = re.compile(r"^\s*\[\[\s*([^\[\]]+?)\s*\]\]")
_PAIR = re.compile(r"^\s*((?:[\w-]+|\"[^\"]*\")(?:\s*\.\s*(?:[\w-]+|\"[^\"]*\"))*)\s*=")


def locate(text: str) -> dict[Key, int]:
    """Return the line of every table and key, by path; arrays of tables count from 0."""
    lines: dict[Key, int] = {}
    counts: dict[Key, int] = {}
    prefix: Key = ()
    for number, line in enumerate(text.split("\n"), 1):
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


def line_of(location: Key, lines: dict[Key, int]) -> int:
    """Return the line of a key, of the first thing in it, or of the nearest table around it."""
    for length in range(len(location), 0, -1):
        if (exact := lines.get(location[:length])) is not None:
            return exact
        inside = [line for key, line in lines.items() if key[:length] == location[:length]]
        if inside:
            return min(inside)
    return 1


def unknown_key(location: Key) -> str:
    """Return the sentence for a key that there is not, with the one that was probably meant."""
    known = _keys_at(location[:-1])
    if near := get_close_matches(str(location[-1]), known, n=1):
        return f"no such key; did you mean {near[0]!r}?"
    if len(location) == 1:
        schema = Settings.model_json_schema()
        for section in schema["properties"]:
            if location[0] in _keys_at((section,)):
                return f"no such section; is it a key of [{section}]?"
        return f"no such section; sections are {', '.join(schema['properties'])}"
    return f"no such key; keys are {', '.join(known)}" if known else "no such key"


def near_section(name: str) -> str | None:
    """Return the section whose name is close to ``name``."""
    return next(iter(get_close_matches(name, Settings.model_fields, n=1)), None)


def _keys_at(location: Key) -> list[str]:
    """Return the keys that the schema knows in a table."""
    schema = Settings.model_json_schema()
    node: Any = schema
    for part in location:
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
    return list(node.get("properties", {}))
