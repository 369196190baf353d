r"""Segments and fields of HL7 v2: writing, reading, escaping.

    MSH|^~\&|...      segment, fields by |, components by ^, repetitions by ~, subcomponents by &

A text may hold any of these; it is written with escapes: \F\ | \S\ ^ \R\ ~ \T\ & \E\ \, and
\X0D\ for the end of a segment.
"""

import re
import uuid
from datetime import UTC, datetime
from functools import lru_cache

SEPARATORS = "|^~\\&"
_ESCAPES = {"|": "F", "^": "S", "~": "R", "&": "T", "\\": "E"}
_LETTERS = {letter: character for character, letter in _ESCAPES.items()}
_WRITE = re.compile(r"[|^~&\\\x00-\x1f\x7f]")
_READ = re.compile(r"\\([FSRTE]|X(?:[0-9A-Fa-f]{2})+)\\")


def escape(text: str) -> str:
    """Return a text as it stands inside a component."""
    return _WRITE.sub(lambda found: f"\\{_escaped(found[0])}\\", text)


def _escaped(character: str) -> str:
    return _ESCAPES.get(character) or f"X{ord(character):02X}"


def unescape(text: str) -> str:
    """Undo `escape`; what is no known escape stays as it is."""
    if "\\" not in text:
        return text
    return _READ.sub(lambda found: _unescaped(found[1]), text)


def _unescaped(code: str) -> str:
    if code in _LETTERS:
        return _LETTERS[code]
    return bytes.fromhex(code[1:]).decode("latin-1")


def field(*components: str) -> str:
    """Return a field of components, empty ones at the end left out."""
    return "^".join(map(escape, components)).rstrip("^")


def segment(name: str, fields: dict[int, str]) -> str:
    """Return a segment; ``fields`` are ready texts by their number, as the standard counts."""
    last = max(fields)
    return "|".join([name, *(fields.get(number, "") for number in range(1, last + 1))])


def timestamp(time_ns: int) -> str:
    """Return UTC as HL7 writes it, to the millisecond: 20260301080000.250+0000."""
    seconds, rest = divmod(time_ns, 1_000_000_000)
    return f"{_whole(seconds)}.{rest // 1_000_000:03d}+0000"


@lru_cache(maxsize=256)
def _whole(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y%m%d%H%M%S}"


@lru_cache(maxsize=64)
def oid_of(name: str) -> str:
    """Return an OID that stands for a name, made of a UUID (ITU-T X.667)."""
    return f"2.25.{uuid.uuid5(uuid.NAMESPACE_URL, f'teleward:{name}').int}"
