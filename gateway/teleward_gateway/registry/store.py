"""The registry: subjects, devices and the history of who was bound to whom.

Rules kept here and, where SQL can, in the tables:
- a device feeds one subject at a time; a bed holds one subject, a subject lies in one bed;
- a simulated device never feeds a field subject, nor the reverse, and a gateway takes only
  devices and subjects of its own mode;
- only registered, bound devices are ever used.

Every method may be called from any thread. Questions are answered from memory; a change is on
disk (fsync) when the method returns, and the listeners are called after it, in the same thread.
"""

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from teleward_gateway.registry.answers import Answers
from teleward_gateway.registry.database import clamp_future, explain, open_database
from teleward_gateway.registry.history import History
from teleward_gateway.registry.model import (
    Binding,
    Change,
    Device,
    RegistryConflict,
    RegistryError,
    Subject,
    check_name,
)
from teleward_signal.model import Provenance

Listener = Callable[[Change], None]


class Registry(Answers):
    """Persistent; `close` it at the end. ``damaged`` names a broken file that was set aside."""

    def __init__(
        self, path: Path | str, mode: Provenance, now_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self.mode = mode
        self._lock = threading.RLock()
        self._listeners: list[Listener] = []
        self._connection, self.damaged = open_database(path, mode)
        clamp_future(self._connection, now_ns())
        super().__init__(History.load(self._connection), now_ns)

    def clock_corrected(self) -> None:
        """Correct intervals that a fast clock had put into the future; call after a step."""
        with self._change():
            pass

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def health(self) -> dict[str, Any]:
        """Return how many subjects and devices there are, and a file that was set aside."""
        error = f"damaged, set aside: {self.damaged}" if self.damaged else None
        return {
            "ok": error is None,
            "error": error,
            "subjects": len(self.subjects()),
            "devices": len(self.devices()),
        }

    def on_change(self, listener: Listener) -> None:
        """Have ``listener`` called after each change, in the thread that made it."""
        self._listeners.append(listener)

    # Subjects

    def admit(self, subject: Subject, author: str | None = None) -> Subject:
        """Admit a new subject, or one who was discharged before; into ``subject.bed`` if given."""
        with self._change() as (db, now_ns):
            self._check_mode("subject", subject.id, subject.provenance)
            old = self._history.subjects.get(subject.id)
            if old is not None and old.discharged_ns is None:
                raise RegistryConflict(f"subject {subject.id} is admitted already")
            if old is not None and old.provenance is not subject.provenance:
                raise RegistryConflict(f"subject {subject.id} was {old.provenance}: use another id")
            admitted = replace(subject, admitted_ns=now_ns, discharged_ns=None)
            db.execute(
                "INSERT INTO subjects VALUES (?, ?, ?, ?, ?, NULL) ON CONFLICT (id) DO UPDATE SET "
                "label = excluded.label, attributes = excluded.attributes, "
                "admitted_ns = excluded.admitted_ns, discharged_ns = NULL",
                (
                    subject.id,
                    subject.label,
                    subject.provenance,
                    json.dumps(subject.attributes),
                    now_ns,
                ),
            )
            if subject.bed is not None:
                self._lie_down(db, subject.id, subject.bed, now_ns)
        self._publish(
            Change("admitted", now_ns, subject=subject.id, bed=subject.bed, author=author)
        )
        return admitted

    def update_subject(
        self,
        subject: str,
        label: str | None = None,
        attributes: Mapping[str, Any] | None = None,
        author: str | None = None,
    ) -> Subject:
        """Change the label or the attributes of an admitted subject."""
        with self._change() as (db, now_ns):
            old = self._admitted(subject)
            new = replace(
                old,
                label=old.label if label is None else label,
                attributes=old.attributes if attributes is None else dict(attributes),
            )
            db.execute(
                "UPDATE subjects SET label = ?, attributes = ? WHERE id = ?",
                (new.label, json.dumps(new.attributes), subject),
            )
        self._publish(Change("subject_changed", now_ns, subject=subject, author=author))
        return new

    def move_subject(self, subject: str, bed: str | None, author: str | None = None) -> None:
        """Lay a subject into another bed, or into none; worn devices come along."""
        with self._change() as (db, now_ns):
            self._admitted(subject)
            db.execute(
                "UPDATE stays SET until_ns = ? WHERE subject = ? AND until_ns IS NULL",
                (now_ns, subject),
            )
            if bed is not None:
                self._lie_down(db, subject, bed, now_ns)
        self._publish(Change("subject_moved", now_ns, subject=subject, bed=bed, author=author))

    def discharge(self, subject: str, author: str | None = None) -> None:
        """Discharge a subject: the bed is free and the worn devices feed nobody."""
        with self._change() as (db, now_ns):
            bed = self._admitted(subject).bed
            for table in ("stays", "bindings"):
                db.execute(
                    f"UPDATE {table} SET until_ns = ? WHERE subject = ? AND until_ns IS NULL",
                    (now_ns, subject),
                )
            db.execute("UPDATE subjects SET discharged_ns = ? WHERE id = ?", (now_ns, subject))
        self._publish(Change("discharged", now_ns, subject=subject, bed=bed, author=author))

    # Devices

    def add_device(
        self,
        device: Device,
        author: str | None = None,
        subject: str | None = None,
        bed: str | None = None,
    ) -> Device:
        """Commission a device, bound at once when a subject or a bed is given.

        Raises RegistryError when its id or its address is taken.
        """
        with self._change() as (db, now_ns):
            self._check_mode("device", device.id, device.provenance)
            if device.id in self._history.devices:
                raise RegistryConflict(f"device {device.id} exists already")
            former = self._history.former.get(device.id)
            if former is not None and former.provenance is not device.provenance:
                raise RegistryConflict(
                    f"device {device.id} was {former.provenance}: use another id"
                )
            self._put_device(db, device)
            if subject is not None or bed is not None:
                self._bind(db, device, subject, bed, now_ns)
        self._publish(
            Change(
                "device_added", now_ns, device=device.id, subject=subject, bed=bed, author=author
            )
        )
        return device

    def update_device(self, device: Device, author: str | None = None) -> Device:
        """Change driver, address, label or options; the history of bindings stays."""
        with self._change() as (db, now_ns):
            old = self._known(device.id)
            if old.provenance is not device.provenance:
                raise RegistryConflict(f"device {device.id} is {old.provenance} and stays so")
            self._put_device(db, device)
        self._publish(Change("device_changed", now_ns, device=device.id, author=author))
        return device

    def remove_device(self, device: str, author: str | None = None) -> None:
        """Decommission a device; whose readings it made stays known."""
        with self._change() as (db, now_ns):
            self._known(device)
            self._unbind(db, device, now_ns)
            db.execute("UPDATE devices SET removed_ns = ? WHERE id = ?", (now_ns, device))
        self._publish(Change("device_removed", now_ns, device=device, author=author))

    # Bindings

    def bind(
        self,
        device: str,
        subject: str | None = None,
        bed: str | None = None,
        author: str | None = None,
    ) -> Binding:
        """Have ``device`` feed ``subject``, or the subject in ``bed``, from now on.

        A device that feeds another subject is refused: unbind or `move_device` it, knowingly.
        """
        with self._change() as (db, now_ns):
            if (old := self._history.open_binding(device)) is not None:
                raise RegistryConflict(
                    f"device {device} feeds {old.subject or 'bed ' + str(old.bed)}: a device "
                    "cannot feed two; move it instead"
                )
            made = self._bind(db, self._known(device), subject, bed, now_ns)
        self._publish(
            Change("bound", now_ns, device=device, subject=subject, bed=bed, author=author)
        )
        return made

    def move_device(
        self,
        device: str,
        subject: str | None = None,
        bed: str | None = None,
        author: str | None = None,
    ) -> Binding:
        """End the device's binding and bind it again in the same instant."""
        with self._change() as (db, now_ns):
            self._unbind(db, device, now_ns)
            made = self._bind(db, self._known(device), subject, bed, now_ns)
        self._publish(
            Change("moved", now_ns, device=device, subject=subject, bed=bed, author=author)
        )
        return made

    def unbind(self, device: str, author: str | None = None) -> None:
        """End the binding; a device without one feeds nobody."""
        with self._change() as (db, now_ns):
            self._known(device)
            self._unbind(db, device, now_ns)
        self._publish(Change("unbound", now_ns, device=device, author=author))

    def swap(self, old: str, new: str, author: str | None = None) -> Binding:
        """Have ``new`` feed what ``old`` fed, in the same instant, in the middle of a stay."""
        with self._change() as (db, now_ns):
            self._known(old)
            binding = self._history.open_binding(old)
            if binding is None:
                raise RegistryConflict(f"device {old} feeds nobody: bind {new} instead")
            if self._history.open_binding(new) is not None:
                raise RegistryConflict(f"device {new} feeds someone already: unbind it first")
            self._unbind(db, old, now_ns)
            made = self._bind(db, self._known(new), binding.subject, binding.bed, now_ns)
        self._publish(
            Change(
                "swapped",
                now_ns,
                device=new,
                subject=made.subject,
                bed=made.bed,
                author=author,
            )
        )
        return made

    # What the settings file asked for last time (see `ensure`)

    def applied(self, what: str) -> str | None:
        """Return the settings file's entry about ``what`` that was applied last."""
        with self._lock:
            row = self._connection.execute(
                "SELECT value FROM meta WHERE key = ?", (f"wish {what}",)
            ).fetchone()
        return None if row is None else str(row[0])

    def note_applied(self, what: str, entry: str) -> None:
        """Record that an entry of the settings file has been applied."""
        with self._lock:
            self._connection.execute(
                "INSERT OR REPLACE INTO meta VALUES (?, ?)", (f"wish {what}", entry)
            )

    # Helpers

    @contextmanager
    def _change(self) -> Iterator[tuple[sqlite3.Connection, int]]:
        """Run one transaction; memory follows the disk, or both stay as they were."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                now_ns = self._now_ns()
                clamp_future(self._connection, now_ns)
                yield self._connection, now_ns
                self._connection.execute("COMMIT")
            except sqlite3.IntegrityError as error:
                self._connection.execute("ROLLBACK")
                raise RegistryConflict(explain(error)) from error
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._history = History.load(self._connection)

    def _publish(self, change: Change) -> None:
        for listener in self._listeners:
            listener(change)

    def _check_mode(self, kind: str, name: str, provenance: Provenance) -> None:
        if provenance is not self.mode:
            raise RegistryConflict(
                f"{kind} {name} is {provenance} and this gateway is {self.mode}: real and "
                "simulated patients never share a gateway's data"
            )

    def _lie_down(self, db: sqlite3.Connection, subject: str, bed: str, now_ns: int) -> None:
        check_name("bed", bed)
        if (other := self._history.occupant(bed, now_ns)) not in (None, subject):
            raise RegistryConflict(f"bed {bed} holds subject {other}: discharge or move first")
        db.execute("INSERT INTO stays VALUES (?, ?, ?, NULL)", (subject, bed, now_ns))

    def _put_device(self, db: sqlite3.Connection, device: Device) -> None:
        db.execute(
            "INSERT INTO devices VALUES (?, ?, ?, ?, ?, ?, NULL) ON CONFLICT (id) DO UPDATE SET "
            "driver = excluded.driver, address = excluded.address, label = excluded.label, "
            "options = excluded.options, removed_ns = NULL",
            (
                device.id,
                device.driver,
                device.address,
                device.label,
                device.provenance,
                json.dumps(device.options),
            ),
        )

    def _bind(
        self,
        db: sqlite3.Connection,
        device: Device,
        subject: str | None,
        bed: str | None,
        now_ns: int,
    ) -> Binding:
        if (subject is None) == (bed is None):
            raise RegistryError(f"bind device {device.id} to a subject or to a bed")
        if subject is not None:
            target = self._admitted(subject).provenance
            if target is not device.provenance:
                raise RegistryConflict(
                    f"device {device.id} is {device.provenance} and subject {subject} is {target}: "
                    "they never mix"
                )
        else:
            check_name("bed", str(bed))
        made = Binding(device.id, device.provenance, now_ns, None, subject, bed)
        db.execute(
            "INSERT INTO bindings VALUES (?, ?, ?, ?, ?, NULL)",
            (device.id, subject, bed, made.provenance, now_ns),
        )
        return made

    def _unbind(self, db: sqlite3.Connection, device: str, now_ns: int) -> None:
        db.execute(
            "UPDATE bindings SET until_ns = ? WHERE device = ? AND until_ns IS NULL",
            (now_ns, device),
        )
