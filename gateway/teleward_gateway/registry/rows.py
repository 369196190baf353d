"""Rows of the registry: each statement that writes one, behind the rules that it must keep.

All run inside a transaction of `RegistryDatabase`; `Registry` composes them to changes.
"""

import json
import sqlite3
from collections.abc import Collection, Mapping
from typing import Any

from teleward_gateway.clock import Stamp
from teleward_gateway.registry.attributes import packed, rows_of
from teleward_gateway.registry.history import PRIVATE
from teleward_gateway.registry.model import (
    Binding,
    Device,
    RegistryConflict,
    RegistryError,
    Subject,
    check_name,
)
from teleward_gateway.registry.transactions import RegistryDatabase
from teleward_signal.model import Provenance

LABEL = f"{PRIVATE}label"
"""The row of who changed the label and when; the label itself stands in ``subjects``."""


class RegistryRows(RegistryDatabase):
    """Admission, attributes, stays, devices and bindings, row by row."""

    def _admit(
        self, db: sqlite3.Connection, stamp: Stamp, subject: Subject, author: str | None
    ) -> None:
        self._check_mode("subject", subject.id, subject.provenance)
        old = self._history.subjects.get(subject.id)
        if old is not None and old.discharged_ns is None:
            raise RegistryConflict(f"subject {subject.id} is admitted already")
        if old is not None and old.provenance is not subject.provenance:
            raise RegistryConflict(f"subject {subject.id} was {old.provenance}: use another id")
        db.execute(
            "INSERT INTO subjects VALUES (?, ?, ?, ?, ?, ?, NULL) ON CONFLICT (id) DO UPDATE "
            "SET label = excluded.label, admitted_ns = excluded.admitted_ns, "
            "admitted_boot = excluded.admitted_boot, "
            "admitted_monotonic_ns = excluded.admitted_monotonic_ns, discharged_ns = NULL",
            (subject.id, subject.label, subject.provenance, *self._edge(stamp)),
        )
        version = old.version + 1 if old else 1
        db.execute("DELETE FROM attributes WHERE subject = ?", (subject.id,))
        rows = {LABEL: subject.label, **rows_of(subject.attributes)}
        self._put_rows(db, subject.id, rows, version, author, stamp.time_ns)
        if subject.bed is not None:
            self._lie_down(db, subject.id, subject.bed, stamp)

    def _add(self, db: sqlite3.Connection, device: Device) -> None:
        self._check_mode("device", device.id, device.provenance)
        if device.id in self._history.devices:
            raise RegistryConflict(f"device {device.id} exists already")
        former = self._history.former.get(device.id)
        if former is not None and former.provenance is not device.provenance:
            raise RegistryConflict(f"device {device.id} was {former.provenance}: use another id")
        self._put_device(db, device)

    @staticmethod
    def _put_rows(
        db: sqlite3.Connection,
        subject: str,
        rows: Mapping[str, Any],
        version: int,
        author: str | None,
        time_ns: int,
    ) -> None:
        for key, value in rows.items():
            db.execute(
                "INSERT OR REPLACE INTO attributes VALUES (?, ?, ?, ?, ?, ?)",
                (subject, key, packed(value), version, author, time_ns),
            )

    def _check_mode(self, kind: str, name: str, provenance: Provenance) -> None:
        if provenance is not self.mode:
            raise RegistryConflict(
                f"{kind} {name} is {provenance} and this gateway is {self.mode}: real and "
                "simulated patients never share a gateway's data"
            )

    def _lie_down(
        self,
        db: sqlite3.Connection,
        subject: str,
        bed: str,
        stamp: Stamp,
        leaving: Collection[str] = (),
    ) -> None:
        """Begin a stay; those who are ``leaving`` keep no bed taken."""
        check_name("bed", bed)
        if (other := self._history.lies_in(bed)) not in (None, subject, *leaving):
            raise RegistryConflict(f"bed {bed} holds subject {other}: discharge or move first")
        db.execute(
            "INSERT INTO stays VALUES (?, ?, ?, ?, ?, NULL, NULL, NULL)",
            (subject, bed, *self._edge(stamp)),
        )

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
        stamp: Stamp,
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
        made = Binding(device.id, device.provenance, stamp.time_ns, None, subject, bed)
        db.execute(
            "INSERT INTO bindings VALUES (?, ?, ?, ?, ?, ?, ?, NULL, NULL, NULL)",
            (device.id, subject, bed, made.provenance, *self._edge(stamp)),
        )
        return made
