"""Ids that the program makes, so that people give free text only."""

import re
import unicodedata
from collections.abc import Callable

_LONGEST = 40


def made_id(label: str, usual: str, is_taken: Callable[[str], bool]) -> str:
    """Return an id like ``label`` that is not taken; ``usual`` where the label has no letter a-z.

    ``Sister Lata's clip`` is ``sister-lata-s-clip``, a second one ``sister-lata-s-clip-2``.
    """
    plain = unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode().lower()
    wanted = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_LONGEST].strip("-") or usual
    number, made = 1, wanted
    while is_taken(made):
        number += 1
        made = f"{wanted}-{number}"
    return made
