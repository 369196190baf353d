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
        """Return the payload of the record that tells of the correction."""
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
        """Return the correction that a clock record tells of, ``None`` for other clock records."""
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
        self._by_boot: dict[str, list[Correction]] = {}
        for correction in corrections:
            self.add(correction)

    def add(self, correction: Correction) -> None:
        """Take one more correction; one that is known already changes nothing."""
        known = self._by_boot.setdefault(correction.boot, [])
        if correction not in known:
            known.append(correction)

    def shift_ns(self, boot: str, monotonic_ns: int) -> int:
        """Return what to add to a time stamped at that moment of that boot."""
        return sum(
            correction.shift_ns
            for correction in self._by_boot.get(boot, ())
            if correction.since_ns <= monotonic_ns < correction.until_ns
        )

    def apply(self, record: Record) -> Record:
        """Return the record with its time and uncertainty as known now."""
        if record.boot not in self._by_boot or not follows_gateway_clock(record):
            return record
        shift_ns = self.shift_ns(record.boot, record.monotonic_ns)
        if not shift_ns:
            return record
        uncertainty_ns = max(
            correction.uncertainty_ns
            for correction in self._by_boot[record.boot]
            if correction.since_ns <= record.monotonic_ns < correction.until_ns
        )
        return replace(record, time_ns=record.time_ns + shift_ns, uncertainty_ns=uncertainty_ns)

    def shifts(self) -> set[int]:
        """Return every shift that a record may have, zero included."""
        found = {0}
        for boot, corrections in self._by_boot.items():
            for edge in corrections:
                found.add(self.shift_ns(boot, edge.since_ns))
                found.add(self.shift_ns(boot, edge.until_ns - 1))
        return found

    def __len__(self) -> int:
        return sum(len(corrections) for corrections in self._by_boot.values())

    def __iter__(self) -> Iterator[Correction]:
        return (c for corrections in self._by_boot.values() for c in corrections)


def follows_gateway_clock(record: Record) -> bool:
    """Say whether a record's time came from the gateway's clock and moves with its corrections."""
    if record.kind is RecordKind.CLOCK:
        return False
    detail = record.payload.get("detail") or {}
    return not record.payload.get("stored") or detail.get("time_base") == "gateway"
