"""The registry in memory: whose reading was this, for any second, without touching the disk.

A history is never changed after it is loaded; a change of the registry loads a new one, so that a
reader on another thread always sees one consistent state.
"""

import json
import sqlite3
from dataclasses import dataclass, field

from teleward_gateway.clock.corrections import Corrections
from teleward_gateway.registry.attributes import Row, attributes_of
from teleward_gateway.registry.database import corrections_of
from teleward_gateway.registry.model import Binding, Device, Mark, Stay, Subject
from teleward_signal.model import Provenance

PRIVATE = "."
"""Rows that begin so are no attributes: the version of the label, the audio pause."""


@dataclass(slots=True)
class History:
    """All subjects, devices, bindings and stays; intervals in order of time."""

    subjects: dict[str, Subject] = field(default_factory=dict)
    devices: dict[str, Device] = field(default_factory=dict)
    former: dict[str, Device] = field(default_factory=dict)
    rows: dict[str, dict[str, Row]] = field(default_factory=dict)
    _bindings: dict[str, list[Binding]] = field(default_factory=dict)
    _stays: dict[str, list[Stay]] = field(default_factory=dict)

    @classmethod
    def load(cls, db: sqlite3.Connection) -> "History":
        """Read everything: a ward has tens of devices and a year of it some thousand rows."""
        history, known = cls(), corrections_of(db)
        for row in db.execute("SELECT * FROM stays ORDER BY rowid"):
            stay = Stay(row["subject"], row["bed"], *_edges(row, known))
            history._stays.setdefault(stay.bed, []).append(stay)
        stays = (stay for of_bed in history._stays.values() for stay in of_bed)
        beds = {stay.subject: stay.bed for stay in stays if stay.until_ns is None}
        for row in db.execute("SELECT * FROM attributes"):
            kept = Row(json.loads(row["value"]), row["version"], row["author"])
            history.rows.setdefault(row["subject"], {})[row["key"]] = kept
        for row in db.execute("SELECT * FROM subjects ORDER BY admitted_ns, id"):
            rows = history.rows.get(row["id"], {})
            history.subjects[row["id"]] = _subject(row, rows, beds.get(row["id"]), known)
        for row in db.execute("SELECT * FROM devices ORDER BY id"):
            device = _device(row)
            (history.devices if row["removed_ns"] is None else history.former)[device.id] = device
        for row in db.execute("SELECT * FROM bindings ORDER BY rowid"):
            binding = _binding(row, known)
            history._bindings.setdefault(binding.device, []).append(binding)
        return history

    def binding_of(self, device: str, time_ns: int) -> Binding | None:
        """Return the binding in force at ``time_ns``; the latest is looked at first."""
        for binding in reversed(self._bindings.get(device, ())):
            if binding.covers(time_ns):
                return binding
        return None

    def open_binding(self, device: str) -> Binding | None:
        """Return the binding that lasts."""
        bindings = self._bindings.get(device)
        return bindings[-1] if bindings and bindings[-1].until_ns is None else None

    def subject_at(self, device: str, mark: Mark) -> str | None:
        """Return whom a device feeds at a moment of the present boot, whatever UTC is."""
        for binding in reversed(self._bindings.get(device, ())):
            if binding.holds_at(mark):
                if binding.bed is None:
                    return binding.subject
                stays = reversed(self._stays.get(binding.bed, ()))
                return next((stay.subject for stay in stays if stay.holds_at(mark)), None)
        return None

    def subject_now(self, device: str) -> str | None:
        """Return whom a device feeds by the binding and the stay that last."""
        binding = self.open_binding(device)
        if binding is None or binding.bed is None:
            return binding.subject if binding else None
        return self.lies_in(binding.bed)

    def lies_in(self, bed: str) -> str | None:
        """Return who lies in ``bed`` now."""
        stays = self._stays.get(bed)
        return stays[-1].subject if stays and stays[-1].until_ns is None else None

    def occupant(self, bed: str, time_ns: int) -> str | None:
        """Return who lay in ``bed`` at ``time_ns``."""
        for stay in reversed(self._stays.get(bed, ())):
            if stay.covers(time_ns):
                return stay.subject
        return None

    def subject_of(self, device: str, time_ns: int) -> str | None:
        """Return whose reading a value of ``device`` at ``time_ns`` is."""
        binding = self.binding_of(device, time_ns)
        if binding is None:
            return None
        if binding.bed is not None:
            return self.occupant(binding.bed, time_ns)
        return binding.subject

    def bindings(self, device: str | None, subject: str | None) -> list[Binding]:
        """Return the bindings of a device and, or, of a subject and the beds it lay in."""
        kept = (
            binding
            for of_device in self._bindings.values()
            for binding in of_device
            if device in (None, binding.device) and self._concerns(binding, subject)
        )
        return sorted(kept, key=lambda binding: binding.from_ns)

    def stays(self, subject: str | None, bed: str | None) -> list[Stay]:
        """Return the stays of a subject and, or, of a bed."""
        kept = (
            stay
            for of_bed in self._stays.values()
            for stay in of_bed
            if subject in (None, stay.subject) and bed in (None, stay.bed)
        )
        return sorted(kept, key=lambda stay: stay.from_ns)

    def _concerns(self, binding: Binding, subject: str | None) -> bool:
        if subject is None or binding.subject == subject:
            return True
        return any(
            stay.subject == subject and _overlap(stay, binding)
            for stay in self._stays.get(binding.bed or "", ())
        )


def _subject(
    row: sqlite3.Row, rows: dict[str, Row], bed: str | None, corrections: Corrections
) -> Subject:
    shown = {key: kept for key, kept in rows.items() if not key.startswith(PRIVATE)}
    return Subject(
        row["id"],
        row["label"],
        Provenance(row["provenance"]),
        bed,
        attributes_of(shown),
        _edge(row, "admitted", corrections)[0] or 0,
        row["discharged_ns"],
        max((kept.version for kept in rows.values()), default=0),
    )


def _device(row: sqlite3.Row) -> Device:
    return Device(
        row["id"],
        row["driver"],
        row["address"],
        row["label"],
        Provenance(row["provenance"]),
        json.loads(row["options"]),
    )


def _binding(row: sqlite3.Row, corrections: Corrections) -> Binding:
    from_ns, until_ns, begun, ended = _edges(row, corrections)
    return Binding(
        row["device"],
        Provenance(row["provenance"]),
        from_ns,
        until_ns,
        row["subject"],
        row["bed"],
        begun,
        ended,
    )


def _overlap(stay: Stay, binding: Binding) -> bool:
    stay_ends_first = stay.until_ns is not None and stay.until_ns <= binding.from_ns
    binding_ends_first = binding.until_ns is not None and binding.until_ns <= stay.from_ns
    return not (stay_ends_first or binding_ends_first)


def _edges(
    row: sqlite3.Row, corrections: Corrections
) -> tuple[int, int | None, Mark | None, Mark | None]:
    """Return both edges of an interval in UTC as known now, and in monotonic time."""
    from_ns, begun = _edge(row, "from", corrections)
    until_ns, ended = _edge(row, "until", corrections)
    return from_ns or 0, until_ns, begun, ended


def _edge(row: sqlite3.Row, name: str, corrections: Corrections) -> tuple[int | None, Mark | None]:
    time_ns, boot, monotonic_ns = (row[f"{name}_{part}"] for part in ("ns", "boot", "monotonic_ns"))
    if time_ns is None or boot is None:
        return time_ns, None
    return time_ns + corrections.shift_ns(boot, monotonic_ns), Mark(boot, monotonic_ns)
