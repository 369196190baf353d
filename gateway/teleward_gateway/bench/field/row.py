"""One row of the table: an input from a field report, and what it gives now."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """``sent`` is the input, ``right`` what it should give, ``got`` what it gives.

    ``holds`` is whether the two agree, ``None`` when the row could not be run here.
    """

    number: int
    sent: str
    right: str
    got: str
    holds: bool | None
