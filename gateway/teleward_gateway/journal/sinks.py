"""What a sink has of the journal: acknowledged ranges of record numbers, and what was set aside."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from teleward_gateway.journal.entries import kind_mask
from teleward_gateway.journal.ranges import Ranges
from teleward_gateway.journal.row import kinds_of
from teleward_signal.record import RecordKind

ENDLESS = 2**62  # above every record number
MOST_DEAD_LETTERS = 10_000  # named records; sinks count all of them


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One refused record; ``time_ns`` is when, UTC."""

    journal: str
    seq: int
    part: int
    reason: str
    time_ns: int

    @property
    def number(self) -> int:
        """Its number in the journal."""
        return self.seq + self.part


@dataclass(slots=True)
class SinkState:
    """One sink's place in the journal.

    ``done`` holds the numbers that the server has, will never take, or does not want by kind.
    ``frozen`` holds those that were ``sent`` with an unconfirmed time, by how many corrections of
    the clock were known then: sent again they must be the same point. ``pending`` counts what is
    still owed, of the numbers up to ``count_stop`` only those below ``counted_to``: a long backlog
    is counted bit by bit. ``active`` says that the sink is configured now.
    """

    name: str
    key: int
    kinds: frozenset[RecordKind]
    done: Ranges = field(default_factory=Ranges)
    frozen: dict[int, Ranges] = field(default_factory=dict)
    sent: Ranges = field(default_factory=Ranges)
    acknowledged: int = 0
    dead_letter: int = 0
    pending: int = 0
    active: bool = False
    counted_to: int = 1
    count_stop: int = 1
    meanwhile: list[int] = field(default_factory=list)
    edition: int = 0

    def acknowledge(self, number: int) -> bool:
        """Take an acknowledgement; return whether it changed anything."""
        if number in self.done:
            return False
        self.done.add(number, number + 1)
        if self.counted_to <= number < self.count_stop:
            self.meanwhile.append(number)
        else:
            self.pending -= 1
        return True

    def reopen(self, number: int) -> bool:
        """Make a record pending again that was a dead letter; return whether it was done."""
        if number not in self.done:
            return False
        self.done.remove(number, number + 1)
        self.dead_letter = max(0, self.dead_letter - 1)
        if not self.counted_to <= number < self.count_stop:  # else the count will find it
            self.pending += 1
        return True

    def begin_count(self, next_number: int) -> None:
        """Begin to count the backlog below ``next_number``; what is committed later counts too."""
        self.pending, self.counted_to, self.count_stop = 0, 1, next_number

    def uncounted(self) -> tuple[int, int] | None:
        """Return the next range to count, ``None`` when all is counted."""
        self.meanwhile.clear()
        found = next(self.done.gaps(self.counted_to, self.count_stop), None)
        self.counted_to = found[0] if found else self.count_stop
        return found

    def add_count(self, count: int, through: int) -> None:
        """Take in how many records the range of `uncounted` had below ``through`` at that time."""
        self.pending += count - sum(number < through for number in self.meanwhile)
        self.counted_to = through

    @property
    def counted(self) -> bool:
        """Return whether ``pending`` is the whole backlog."""
        return self.counted_to >= self.count_stop

    def known_at(self, number: int) -> int | None:
        """Return how many corrections a record's time has for this sink, ``None`` for all."""
        return next((n for n in sorted(self.frozen) if number in self.frozen[n]), None)

    def freeze(self, numbers: Iterable[int], known: int, ahead: int) -> bool:
        """Pin the time that records are sent with; return whether that changed anything."""
        changed = False
        for number in numbers:
            self.sent.add(number, number + 1)
            if self.known_at(number) is None:
                self.frozen.setdefault(known, Ranges()).add(number, number + ahead)
                changed = True
        return changed

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
            "set_aside": self.dead_letter,
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
