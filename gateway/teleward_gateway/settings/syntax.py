"""TOML that cannot be read: a sentence for each usual slip, and the tables that can be read.

A slip costs its own table only: the text is cut at its headings, and each table is read by itself.
"""

import re
import tomllib
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from teleward_gateway.settings.mistakes import Key

_AT = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$")
_HEADING = re.compile(r"^\s*\[+\s*[\"'“‘]?([A-Za-z_][\w-]*)")
_CURLY = "“”„‟‘’‚«»"
_KEY = r"[\w.-]+"
_VALUE = r"(?:^|[=,\[{])\s*"
ROWS = ("subjects", "devices")
"""Sections whose tables are rows, each of which stands for itself."""


@dataclass(frozen=True, slots=True)
class Slip:
    """A place where the text is no TOML, and the section (with row) that it costs."""

    line: int
    section: Key
    text: str


@dataclass(slots=True)
class Tables:
    """What could be read; a row that could not is None in its place."""

    data: dict[str, Any] = field(default_factory=dict)
    slips: list[Slip] = field(default_factory=list)


def tables(text: str) -> Tables:
    """Return the tables of a settings file, with every slip named."""
    try:
        return Tables(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, RecursionError):
        found = Tables()
    counts: dict[str, int] = {}
    for first, section, is_row, part in _parts(text):
        key: Key = (section,) if section else ()
        if is_row:
            counts[section] = counts.get(section, -1) + 1
            key = (section, counts[section])
        _read_part(found, key, "\n" * (first - 1) + part)
    return found


def _read_part(found: Tables, key: Key, text: str) -> None:
    """Add one table, with those below it."""
    line = len(text) - len(text.lstrip("\n")) + 1
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found.slips.append(_slip(text, key, str(error)))
        data = {}
    except RecursionError:
        found.slips.append(Slip(line, key, "brackets are nested too deep"))
        data = {}
    if len(key) == 2:
        rows = data.get(str(key[0]))
        row = rows[0] if isinstance(rows, list) and rows else None
        found.data.setdefault(str(key[0]), []).append(row)
        return
    for name, value in data.items():
        if name in ROWS and not isinstance(value, list):
            text = f"write [[{name}]] above each {name[:-1]}, with two brackets"
            found.slips.append(Slip(line, (name,), text))
        elif name in found.data:
            found.slips.append(Slip(line, key, f"{name} stands twice in the file"))
        else:
            found.data[name] = value


def _parts(text: str) -> Iterator[tuple[int, str, bool, str]]:
    """Yield first line, section, whether it is a row, and text of each part of the file.

    Tables of one section belong together; ``[devices.options]`` belongs to the row before it.
    """
    parts: list[tuple[int, str, bool, list[str]]] = [(1, "", False, [])]
    for number, line in enumerate(text.split("\n"), 1):
        heading = None if "," in line.split("#")[0] else _HEADING.match(line)
        if heading is not None:
            section = heading[1]
            is_row = section in ROWS and line.lstrip().startswith("[[") and not _is_below(line)
            same = section == parts[-1][1]
            if is_row or not same:
                parts.append((number, section, is_row, []))
        parts[-1][3].append(line)
    for first, section, is_row, lines in parts:
        if any(line.strip() for line in lines):
            yield first, section, is_row, "\n".join(lines)


def _is_below(heading: str) -> bool:
    """Return whether a heading names a table inside a row: ``[[devices.columns]]``."""
    return "." in heading.split("]")[0]


def _slip(text: str, section: Key, message: str) -> Slip:
    at = _AT.search(message)
    lines = text.split("\n")
    line = int(at[1]) if at and at[1] else len(lines)
    column = int(at[2]) if at and at[2] else 1
    line = min(line, len(lines))
    if not lines[line - 1].strip() and line > 1:  # an end of file: the last line with text
        line = next((n for n in range(line, 0, -1) if lines[n - 1].strip()), line)
        column = len(lines[line - 1])
    what = _AT.sub("", message)
    return Slip(line, section, sentence(lines[line - 1], column, what))


def sentence(line: str, column: int, message: str) -> str:
    """Return what is wrong in ``line`` and how it is written; ``message`` is the parser's."""
    for rule in (_letters, _values, _structure):
        if found := rule(line, column, message):
            return found
    return message[:1].lower() + message[1:]


def _letters(line: str, column: int, message: str) -> str | None:
    """Name a letter that looks like another one."""
    outside = _outside_strings(line)
    if curly := next((c for c in outside if c in _CURLY), None):
        return f'typographic quotes ({curly}): write straight ones, "..."'
    for position, letter in enumerate(outside, 1):
        if ord(letter) > 126 or (ord(letter) < 32 and letter != "\t"):
            name = unicodedata.name(letter, f"U+{ord(letter):04X}").lower()
            kind = unicodedata.category(letter)
            if kind in ("Zs", "Cf"):
                return f"an invisible letter ({name}) at column {position}: write a plain space"
            if kind in ("Cc", "Cn", "Co"):
                return f"a control character (U+{ord(letter):04X}) at column {position}: remove it"
            if "=" in outside and position < outside.index("="):
                return f"the key has a letter that keys cannot have ({letter})"
            break
    return None


def _values(line: str, column: int, message: str) -> str | None:
    """Name a value that is not written as TOML writes it."""
    key, _, value = line.partition("=")
    value = value.split("#")[0].strip()
    if "nvalid value" in message or "xpected newline" in message or "Invalid" in message:
        if not value and "=" in line:
            return f"{key.strip()} has no value"
        inside = _outside_strings(line).partition("=")[2]
        if word := re.search(
            r"(?:^|[=,\[{])\s*(True|False|TRUE|FALSE|yes|no|on|off|Yes|No)\b", inside
        ):
            return f"write true or false in small letters, not {word[1]}"
        if re.search(rf"{_VALUE}((?i:none|null|nil)\b|~)", inside):
            return "leave the line out where there is no value"
        if re.fullmatch(r"[+-]?0\d+(\.\d+)?", value):
            return f"a number begins with no 0: write {value.lstrip('+-0') or '0'}"
        if re.fullmatch(r"[+-]?\d+,\d+", value):
            return f"a number has a decimal point: write {value.replace(',', '.')}"
        if re.fullmatch(r"\.\d+|\d+\.", value):
            return "a decimal point has a digit before and after it: write 0.5"
        if re.fullmatch(r"[^\"'\[{\d+-][^\"']*", value):
            return f'text stands in quotes: {key.strip()} = "{value}"'
    if "Unescaped" in message or "escape" in message.lower():
        return "a backslash in \"...\" has a meaning: use '...' for this text"
    return None


def _structure(line: str, column: int, message: str) -> str | None:
    """Name a fault of headings, keys, brackets and quotes."""
    stripped = line.strip()
    key = stripped.partition("=")[0].strip()
    if "overwrite" in message or "uplicate" in message:
        return f"{key if '=' in stripped else 'a key'} is given twice in this table"
    if "twice" in message or "mutate" in message:
        return f"{stripped} stands twice in the file, or was given in another way above"
    if stripped.startswith("["):
        shape = "[[NAME]]" if stripped.startswith("[[") else "[NAME]"
        return f"a heading is written {shape}"
    if stripped.startswith(("//", ";", "--")):
        return "a comment begins with #"
    if re.search(r",\s*\}", line) or ("inline" in message and line.rstrip().endswith(",")):
        return "no comma before the } and no new line inside { }"
    if "Unterminated" in message or "Illegal character '\\n'" in message:
        return "a quote is not closed in this line"
    if "Unclosed" in message or "Expected ']'" in message:
        return "a bracket [ or { is not closed"
    if re.match(rf"{_KEY}\s*:", stripped):
        return f"write = after the key: {stripped.split(':')[0].strip()} = ..."
    bare = re.fullmatch(rf"{_KEY}(\s.*)?", stripped) and "=" not in line
    if bare or "Expected '='" in message:
        return "write KEY = VALUE"
    if "xpected newline" in message:
        return "one key a line: something stands behind the value"
    return None


def _outside_strings(line: str) -> str:
    """Return a line with the inside of its strings and its comment made blanks."""
    blanked = re.sub(
        r"\"(?:[^\"\\]|\\.)*\"|'[^']*'", lambda m: '"' + " " * (len(m[0]) - 2) + '"', line
    )
    head, mark, rest = blanked.partition("#")
    return head + mark + " " * len(rest)
