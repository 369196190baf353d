"""The fixed catalogue of what can be asked, examined and tested."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

HISTORY, EXAMINATION, TEST = "history", "examination", "test"
KINDS = {HISTORY: "history.yaml", EXAMINATION: "examination.yaml", TEST: "tests.yaml"}
ASKING_S = 10.0
"""What a question takes."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that can be found out; labels and default answers in every language."""

    id: str
    kind: str
    label: tuple[tuple[str, str], ...]
    words: tuple[str, ...]
    """Further names."""
    also: tuple[str, ...]
    """Words that may stand beside a name and mean the same item: "left", "cold" of hands."""
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
                tuple(str(word) for word in row.get("also", ())),
                (("en", none["en"]), ("hi", none["hi"])) if none["en"] else (),
                float(row.get("seconds", ASKING_S)), float(row.get("lab_s", 0.0)),
            )  # fmt: skip
    return found
