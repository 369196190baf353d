"""What a sink has of the journal: acknowledged ranges of record numbers, and what was set aside."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from teleward_gateway.journal.entries import kind_mask
from teleward_gateway.journal.ranges import Ranges
from teleward_gateway.journal.row import kinds_of
from teleward_signal.record import RecordKind

ENDLESS = 2**62  # above every record number


@dataclass(slots=True)
class SinkState:
    """One sink's place in the journal.

    ``done`` holds the numbers that the server has, will never take, or does not want by kind.
    ``frozen`` holds those that were ``sent`` with an unconfirmed time, by how many corrections of
    the clock were known then: sent again they must be the same point. ``pending`` counts what is
    still owed once it is ``counted``; ``active`` says that the sink is configured now.
    """

    name: str
    key: int
    kinds: frozenset[RecordKind]
    done: Ranges = field(default_factory=Ranges)
    frozen: dict[int, Ranges] = field(default_factory=dict)
    sent: Ranges = field(default_factory=Ranges)
    acknowledged: int = 0
    set_aside: int = 0
    pending: int = 0
    active: bool = False
    counted: bool = False
    edition: int = 0

    def acknowledge(self, number: int) -> bool:
        """Take an acknowledgement; return whether it was news."""
        if number in self.done:
            return False
        self.done.add(number, number + 1)
        self.pending -= 1
        return True

    def known_at(self, number: int) -> int | None:
        """Return how many corrections a record's time has for this sink, ``None`` for all."""
        return next((n for n in sorted(self.frozen) if number in self.frozen[n]), None)

    def freeze(self, numbers: Iterable[int], known: int, ahead: int) -> bool:
        """Let records keep the time they are sent with; return whether that was news."""
        news = False
        for number in numbers:
            self.sent.add(number, number + 1)
            if self.known_at(number) is None:
                self.frozen.setdefault(known, Ranges()).add(number, number + ahead)
                news = True
        return news

    def thaw(self) -> None:
        """After a correction: what was not sent yet goes out with the corrected time."""
        for ranges in self.frozen.values():
            ranges.keep(self.sent)

    @property
    def low(self) -> int:
        """Return the lowest number that is not done: the low-water mark."""
        return self.done.first_missing(1)

    def to_document(self) -> dict[str, Any]:
        """Return the state as plain JSON values, a new edition of it."""
        self.edition += 1
        return {
            "edition": self.edition,
            "name": self.name,
            "kinds": kind_mask(self.kinds),
            "done": list(self.done),
            "frozen": [[known, list(ranges)] for known, ranges in self.frozen.items()],
            "acknowledged": self.acknowledged,
            "set_aside": self.set_aside,
        }

    @classmethod
    def from_document(cls, key: int, document: dict[str, Any], next_number: int) -> "SinkState":
        """Return the state that `to_document` described; what is frozen counts as sent."""
        frozen = {known: Ranges(map(tuple, ranges)) for known, ranges in document["frozen"]}
        for ranges in frozen.values():
            ranges.remove(next_number, ENDLESS)
        return cls(
            document["name"],
            key,
            kinds_of(document["kinds"]),
            Ranges(map(tuple, document["done"])),
            frozen,
            Ranges(pair for ranges in frozen.values() for pair in ranges),
            document["acknowledged"],
            document["set_aside"],
            edition=document["edition"],
        )
