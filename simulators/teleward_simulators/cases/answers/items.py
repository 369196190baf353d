"""The fixed catalogue of what can be asked, examined and tested, and which item a text means."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

HISTORY, EXAMINATION, TEST = "history", "examination", "test"
KINDS = {HISTORY: "history.yaml", EXAMINATION: "examination.yaml", TEST: "tests.yaml"}
ASKING_S = 10.0
"""What a question takes."""
_MARKS = re.compile(r"[^\w\u0900-\u097f]+|_")
_FILLING = frozenset((Path(__file__).parent / "filling.txt").read_text(encoding="utf-8").split())
"""Words that name no item by themselves."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that can be found out; labels and default answers in every language."""

    id: str
    kind: str
    label: tuple[tuple[str, str], ...]
    words: tuple[str, ...]
    none: tuple[tuple[str, str], ...]
    """The answer where neither case nor body has one; empty when it is always measured."""
    seconds: float
    """Of the worker, in case time."""
    lab_s: float = 0.0
    """From the sample to the answer."""


@cache
def catalogue() -> dict[str, Item]:
    """Return every item by id."""
    found: dict[str, Item] = {}
    for kind, file in KINDS.items():
        rows = yaml.safe_load((Path(__file__).parent / file).read_text(encoding="utf-8"))
        for row in rows:
            if row["id"] in found:
                raise ValueError(f"{file}: the item {row['id']!r} stands twice")
            none = row["none"]
            found[row["id"]] = Item(
                row["id"], kind, (("en", row["en"]), ("hi", row["hi"])),
                tuple(str(word) for word in row["words"]),
                (("en", none["en"]), ("hi", none["hi"])) if none["en"] else (),
                float(row.get("seconds", ASKING_S)), float(row.get("lab_s", 0.0)),
            )  # fmt: skip
    return found


def plain(text: str) -> str:
    """Return ``text`` in small letters without marks, words parted by single spaces."""
    return " ".join(_MARKS.sub(" ", unicodedata.normalize("NFC", text).casefold()).split())


@cache
def _names() -> tuple[tuple[tuple[str, ...], str, int], ...]:
    """Return (words of a name, item, rank) of every name; ids and labels rank before synonyms."""
    names: dict[tuple[str, ...], tuple[str, int]] = {}
    for rank in range(3):
        for item in catalogue().values():
            texts = ((item.id,), tuple(text for _, text in item.label), item.words)[rank]
            for text in texts:
                names.setdefault(tuple(plain(text).split()), (item.id, rank))
    return tuple((words, item, rank) for words, (item, rank) in names.items() if words)


def understood(text: str) -> str:
    """Return the id of the item that ``text`` means, empty when it is not understood.

    The name that covers most of the text wins; a text with a longer unknown rest is not understood.
    """
    asked = tuple(plain(text).split())
    if not asked:
        return ""
    for words, item, _ in _names():
        if words == asked:
            return item
    kept = tuple(word for word in asked if word not in _FILLING) or asked
    best, best_key = "", (0, 0, 0)
    for words, item, rank in _names():
        needed = tuple(word for word in words if word not in _FILLING) or words
        if len(set(needed)) and set(needed) <= set(kept):
            key = (len(set(needed)), len(set(words) & set(asked)), -rank)
            if key > best_key:
                best, best_key = item, key
    return best if 2 * best_key[0] >= len(set(kept)) else ""


def search(text: str, kinds: Iterable[str] = KINDS) -> list[Item]:
    """Return the items whose id, labels or words contain ``text``, best first."""
    wanted = plain(text)
    exact = understood(text)
    found = [
        item for item in catalogue().values()
        if item.kind in kinds
        and (item.id == exact or any(
            wanted in plain(name)
            for name in (item.id, *(label for _, label in item.label), *item.words)
        ))
    ]  # fmt: skip
    return sorted(found, key=lambda item: item.id != exact)
