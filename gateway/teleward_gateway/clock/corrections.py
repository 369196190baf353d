"""Corrections of the gateway's clock: how times stamped earlier map to what is known now.

    boot b1   |----- records, clock an hour late -----| M: step by +1 h |---- records ----|
    history   |----- the same records, +1 h ----------|                 |---- records ----|

A correction is a record of its own: "records of boot ``boot`` taken in from ``since_ns`` up to
``until_ns`` (monotonic) were stamped ``shift_ns`` too early". Rows are never rewritten. Steps of
one boot add up. Readings from a device's memory keep the time that the device gave them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from teleward_signal.record import Record, RecordKind


@dataclass(frozen=True, slots=True)
class Correction:
    """One step of the clock; all in nanoseconds, ``since_ns`` and ``until_ns`` monotonic."""

    boot: str
    since_ns: int
    until_ns: int
    shift_ns: int
    uncertainty_ns: int = 0

    def payload(self) -> dict[str, Any]:
        """Return the payload of the record of a correction."""
        return {
            "event": "correction",
            "corrected_boot": self.boot,
            "since_ns": self.since_ns,
            "until_ns": self.until_ns,
            "shift_ns": self.shift_ns,
            "corrected_uncertainty_ns": self.uncertainty_ns,
        }

    @classmethod
    def from_payload(cls, payload: dict[str, Any]) -> "Correction | None":
        """Return the correction in a clock record, ``None`` for other clock records."""
        if payload.get("event") != "correction":
            return None
        return cls(
            str(payload["corrected_boot"]),
            int(payload["since_ns"]),
            int(payload["until_ns"]),
            int(payload["shift_ns"]),
            int(payload["corrected_uncertainty_ns"]),
        )


class Corrections:
    """All corrections of a journal, in the order in which they were made."""

    def __init__(self, corrections: Iterable[Correction] = ()) -> None:
        self._all: list[Correction] = []
        self._boots: set[str] = set()
        for correction in corrections:
            self.add(correction)

    def add(self, correction: Correction) -> None:
        """Take one more correction; one that is known already changes nothing."""
        if correction not in self._all:
            self._all.append(correction)
            self._boots.add(correction.boot)

    def shift_ns(self, boot: str, monotonic_ns: int, known: int | None = None) -> int:
        """Return what to add to a time stamped at that moment of that boot.

        ``known``: only the first so many corrections, as things stood when they were all.
        """
        return sum(c.shift_ns for c in self._of(boot, monotonic_ns, known))

    def since_ns(self, boot: str, monotonic_ns: int) -> int:
        """Return the sum of the steps of ``boot`` that came after a monotonic time."""
        return sum(c.shift_ns for c in self._all if c.boot == boot and c.until_ns > monotonic_ns)

    def concern(self, boot: str) -> bool:
        """Return whether any correction is about times stamped in ``boot``."""
        return boot in self._boots

    def _of(self, boot: str, monotonic_ns: int, known: int | None) -> list[Correction]:
        return [
            c
            for c in self._all[:known]
            if c.boot == boot and c.since_ns <= monotonic_ns < c.until_ns
        ]

    def apply(self, record: Record, known: int | None = None) -> Record:
        """Return the record with its time and uncertainty as known now, or as known then."""
        if record.boot not in self._boots or not follows_gateway_clock(record):
            return record
        made = self._of(record.boot, record.monotonic_ns, known)
        if not made:
            return record
        return replace(
            record,
            time_ns=record.time_ns + sum(correction.shift_ns for correction in made),
            uncertainty_ns=made[-1].uncertainty_ns,
        )

    def shifts(self) -> set[int]:
        """Return every shift that a record may have, zero included."""
        found = {0}
        for edge in self._all:
            found.add(self.shift_ns(edge.boot, edge.since_ns))
            found.add(self.shift_ns(edge.boot, edge.until_ns - 1))
        return found

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Correction]:
        return iter(list(self._all))


PERSON = "person"
"""The ``time_base`` of a time that a person typed: it is right whatever the clock was."""


def follows_gateway_clock(record: Record) -> bool:
    """Return whether a record's time came from the gateway's clock, so that it moves with it."""
    if record.kind is RecordKind.CLOCK:
        return False
    detail = record.payload.get("detail") or {}
    if detail.get("time_base") == PERSON:
        return False
    return not record.payload.get("stored") or detail.get("time_base") == "gateway"
