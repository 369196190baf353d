"""Text without what identifies a person or a place, for a report that leaves the house.

Known names are replaced wherever they stand, inside other words too, and so is everything that
looks like an address or a record number, known or not.
"""

import re
from collections.abc import Iterable
from typing import Any

_LONG = 6
"""Shorter names are replaced where no letter touches them: "Devi" would leave "<name>ces"."""
_BEFORE, _AFTER = r"(?<![^\W\d_])", r"(?![^\W\d_])"
_OF_THE_PRODUCT = frozenset(
    {"bed", "ward", "room", "field", "simulated", "gateway", "device", "devices", "subject"}
    | {"patient", "settings", "sensor", "monitor", "oximeter", "thermometer"}
)
"""Words of the product itself: replaced, they would leave nothing to read, and they name nobody."""
_PATTERNS = (
    (re.compile(r"\b(?:[0-9A-Fa-f]{2}[:_-]){5}[0-9A-Fa-f]{2}\b"), "<address>"),
    (re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"), "<mail>"),
    (re.compile(r"\b(?:[a-z][a-z0-9+.-]*)://[^\s\"'<>]+", re.IGNORECASE), "<url>"),
    (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b"), "<ip>"),
    (re.compile(r"(?<![\w:])(?:[0-9a-fA-F]{0,4}:){3,7}[0-9a-fA-F]{0,4}(?![\w:])"), "<ip>"),
    (re.compile(r"/(?:home|Users|root|media|mnt)/[^\s\"']+"), "<path>"),
    (re.compile(r"(?<![\w.])[A-Za-z]{0,4}[-/]?\d{6,}(?![\w.])"), "<number>"),
)
"""A medical record number is mostly digits, with letters before them at some places."""
_OTHER = r"[^\x00-\u02ff\u2000-\u2fff]+"
"""Letters of other scripts: the product's own texts have none, so they are somebody's."""
_FOREIGN = re.compile(rf"\w*[\u00c0-\u02af]\w*|{_OTHER}(?:\s*{_OTHER})*")


class Anonymous:
    """Replaces ``names`` and whatever looks like an address or a record number.

    Each word of a name is replaced too: "Sunita Devi" is not to be read from "Devi" either.
    """

    def __init__(self, names: Iterable[str | None]) -> None:
        wanted = {part for name in names if name for part in _parts(str(name))}
        rules = [
            re.escape(name) if len(name) >= _LONG else rf"{_BEFORE}{re.escape(name)}{_AFTER}"
            for name in sorted(wanted, key=len, reverse=True)
        ]
        self._names = re.compile("|".join(rules), re.IGNORECASE) if rules else None

    def text(self, text: str) -> str:
        """Return ``text`` with marks in the place of names, addresses and numbers."""
        for pattern, mark in _PATTERNS:
            text = pattern.sub(mark, text)
        text = _FOREIGN.sub("<name>", text)
        return text if self._names is None else self._names.sub("<name>", text)

    def value(self, value: Any) -> Any:
        """Return JSON values with every text in them replaced, the keys of tables too."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(str(key)): self.value(each) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(each) for each in value]
        return value


def _parts(name: str) -> Iterable[str]:
    """Yield a name and each word of it that may name somebody."""
    name = name.strip()
    words = [word for word in re.split(r"[\W_]+", name) if len(word) > 2 or not word.isascii()]
    yield from (w for w in (name, *words) if w and w.lower() not in _OF_THE_PRODUCT)
