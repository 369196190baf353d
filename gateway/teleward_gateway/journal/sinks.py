"""What a sink has of the journal: acknowledged ranges of record numbers, and what was set aside."""

from dataclasses import dataclass, field
from typing import Any

from teleward_gateway.journal.entries import kind_mask
from teleward_gateway.journal.ranges import Ranges
from teleward_gateway.journal.row import kinds_of
from teleward_signal.record import RecordKind


@dataclass(slots=True)
class SinkState:
    """One sink's place in the journal.

    ``done`` holds the numbers that the server has, will never take, or does not want by kind.
    ``frozen`` holds those that were sent with an unconfirmed time, which stays theirs for this
    sink: sent again they must be the same point. ``pending`` counts what is still owed;
    ``active`` says that the sink is configured now and ``sent`` is the highest number handed to it.
    """

    name: str
    key: int
    kinds: frozenset[RecordKind]
    done: Ranges = field(default_factory=Ranges)
    frozen: Ranges = field(default_factory=Ranges)
    acknowledged: int = 0
    set_aside: int = 0
    pending: int = 0
    active: bool = False
    sent: int = 0
    edition: int = 0

    def acknowledge(self, number: int) -> bool:
        """Take an acknowledgement; return whether it was news."""
        if number in self.done:
            return False
        self.done.add(number, number + 1)
        self.pending -= 1
        return True

    def thaw(self) -> None:
        """After a correction: what was not sent yet goes out with the corrected time."""
        self.frozen.remove(self.sent + 1, 2**62)

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
            "frozen": list(self.frozen),
            "acknowledged": self.acknowledged,
            "set_aside": self.set_aside,
        }

    @classmethod
    def from_document(cls, key: int, document: dict[str, Any]) -> "SinkState":
        """Return the state that `to_document` described."""
        return cls(
            document["name"],
            key,
            kinds_of(document["kinds"]),
            Ranges((start, stop) for start, stop in document["done"]),
            Ranges((start, stop) for start, stop in document["frozen"]),
            document["acknowledged"],
            document["set_aside"],
            edition=document["edition"],
        )
