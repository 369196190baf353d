"""The registry: subjects, devices and the history of who was bound to whom.

Rules kept here and, where SQL can, in the tables:
- a device feeds one subject at a time; a bed holds one subject, a subject lies in one bed;
- a simulated device never feeds a field subject, nor the reverse, and a gateway takes only
  devices and subjects of its own mode;
- only registered, bound devices are ever used.

Every method may be called from any thread. Questions are answered from memory; a change is on
disk (fsync) when the method returns, and the listeners are called after it, in the same thread.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from teleward_gateway.registry.attributes import packed, rows_of
from teleward_gateway.registry.history import PRIVATE, History
from teleward_gateway.registry.model import (
    Binding,
    Change,
    Device,
    RegistryConflict,
    Subject,
)
from teleward_gateway.registry.rows import LABEL, RegistryRows

AUDIO_PAUSE = f"{PRIVATE}audio_pause"
"""The row of the newest pause of the alarm sound."""


class Registry(RegistryRows):
    """Subjects, devices and bindings, and the changes that people make to them."""

    # Subjects

    def admit(self, subject: Subject, author: str | None = None) -> Subject:
        """Admit a new subject, or one who was discharged before; into ``subject.bed`` if given."""
        with self._change() as (db, stamp):
            self._admit(db, stamp, subject, author)
        self._publish(
            Change("admitted", stamp.time_ns, subject=subject.id, bed=subject.bed, author=author)
        )
        return self._history.subjects[subject.id]

    def add_all(
        self,
        subjects: Sequence[Subject],
        devices: Sequence[Device],
        noted: Mapping[str, str],
        author: str | None = None,
    ) -> None:
        """Admit new subjects and add new devices, all or none, in one transaction.

        ``noted`` is what the settings file stated of them, see `note_applied`.
        """
        with self._change() as (db, stamp):
            for subject in subjects:
                self._admit(db, stamp, subject, author)
            for device in devices:
                self._add(db, device)
            self._note(db, noted)
        for subject in subjects:
            what = Change("admitted", stamp.time_ns, subject=subject.id, bed=subject.bed,
                          author=author)  # fmt: skip
            self._publish(what)
        for device in devices:
            self._publish(Change("device_added", stamp.time_ns, device=device.id, author=author))

    def bind_all(
        self,
        targets: Mapping[str, tuple[str | None, str | None]],
        noted: Mapping[str, str],
        author: str | None = None,
    ) -> None:
        """Bind devices that feed nobody to a subject or a bed each, all or none."""
        with self._change() as (db, stamp):
            for device, (subject, bed) in targets.items():
                self._close(db, "bindings", "device", device, stamp)
                self._bind(db, self._known(device), subject, bed, stamp)
            self._note(db, noted)
        for device, (subject, bed) in targets.items():
            self._publish(
                Change("moved", stamp.time_ns, device=device, subject=subject, bed=bed,
                       author=author)
            )  # fmt: skip

    def update_subject(
        self,
        subject: str,
        label: str | None = None,
        attributes: Mapping[str, Any] | None = None,
        author: str | None = None,
        seen: int | None = None,
        check: Callable[[Subject], None] = lambda changed: None,
    ) -> Subject:
        """Change the label and the attributes that are named; the others stay as they are.

        ``seen`` is the version that the author knew: RegistryConflict, if somebody has changed one
        of the same keys since. ``check`` may refuse the result; then nothing is changed.
        """
        rows = {} if label is None else {LABEL: label}
        return self._put(subject, rows | rows_of(attributes or {}), author, seen, check)

    def prescribe(
        self,
        subject: str,
        rows: Mapping[str, Any],
        author: str | None = None,
        seen: int | None = None,
        check: Callable[[Subject], None] = lambda changed: None,
    ) -> Subject:
        """Change single rows such as ``limits/metrics/spo2/low``; as `update_subject` besides."""
        return self._put(subject, rows, author, seen, check)

    def _put(
        self,
        subject: str,
        rows: Mapping[str, Any],
        author: str | None,
        seen: int | None,
        check: Callable[[Subject], None],
    ) -> Subject:
        with self._change() as (db, stamp):
            old = self._admitted(subject)
            known = self._history.rows.get(subject, {})
            changes = {
                key: value
                for key, value in rows.items()
                if key not in known or packed(known[key].value) != packed(value)
            }
            for key in changes if seen is not None else ():
                if key in known and seen is not None and known[key].version > seen:
                    raise RegistryConflict(
                        f"{key.lstrip(PRIVATE)} of subject {subject} was changed by "
                        f"{known[key].author or 'somebody'} to {known[key].value!r} meanwhile: "
                        "look at it and decide again"
                    )
            self._put_rows(db, subject, changes, old.version + 1, author, stamp.time_ns)
            if LABEL in changes:
                db.execute("UPDATE subjects SET label = ? WHERE id = ?", (changes[LABEL], subject))
            changed = History.load(db).subjects[subject]
            check(changed)
        if changes.keys() - {AUDIO_PAUSE}:
            self._publish(Change("subject_changed", stamp.time_ns, subject=subject, author=author))
        return changed

    def move_subject(self, subject: str, bed: str | None, author: str | None = None) -> None:
        """Lay a subject into another bed, or into none; worn devices come along."""
        with self._change() as (db, stamp):
            self._admitted(subject)
            self._close(db, "stays", "subject", subject, stamp)
            if bed is not None:
                self._lie_down(db, subject, bed, stamp)
        self._publish(
            Change("subject_moved", stamp.time_ns, subject=subject, bed=bed, author=author)
        )

    def swap_beds(self, subject: str, bed: str, author: str | None = None) -> None:
        """Lay a subject into another bed and who lies there into the subject's, at one instant."""
        own, other = self._admitted(subject).bed, self._history.lies_in(bed)
        beds: dict[str, str | None] = {subject: bed}
        if other is not None:
            beds.setdefault(other, own)
        self.move_subjects(beds, author)

    def move_subjects(self, beds: Mapping[str, str | None], author: str | None = None) -> None:
        """Lay several subjects into other beds at once, all or none: two may change places."""
        with self._change() as (db, stamp):
            for each in beds:
                self._admitted(each)
                self._close(db, "stays", "subject", each, stamp)
            for each, wanted in beds.items():
                if wanted is not None:
                    self._lie_down(db, each, wanted, stamp, beds)
        for each, wanted in beds.items():
            self._publish(
                Change("subject_moved", stamp.time_ns, subject=each, bed=wanted, author=author)
            )

    def discharge(self, subject: str, author: str | None = None) -> None:
        """Discharge a subject: the bed is free and the worn devices feed nobody."""
        with self._change() as (db, stamp):
            bed = self._admitted(subject).bed
            for table in ("stays", "bindings"):
                self._close(db, table, "subject", subject, stamp)
            db.execute(
                "UPDATE subjects SET discharged_ns = ? WHERE id = ?", (stamp.time_ns, subject)
            )
        self._publish(Change("discharged", stamp.time_ns, subject=subject, bed=bed, author=author))

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
        with self._change() as (db, stamp):
            self._add(db, device)
            if subject is not None or bed is not None:
                self._bind(db, device, subject, bed, stamp)
        self._publish(
            Change(
                "device_added",
                stamp.time_ns,
                device=device.id,
                subject=subject,
                bed=bed,
                author=author,
            )
        )
        return device

    def update_device(self, device: Device, author: str | None = None) -> Device:
        """Change driver, address, label or options; the history of bindings stays."""
        with self._change() as (db, stamp):
            old = self._known(device.id)
            if old.provenance is not device.provenance:
                raise RegistryConflict(f"device {device.id} is {old.provenance} and stays so")
            self._put_device(db, device)
        self._publish(Change("device_changed", stamp.time_ns, device=device.id, author=author))
        return device

    def update_devices(self, devices: Sequence[Device], author: str | None = None) -> None:
        """Change several devices at once, all or none: two may change their addresses."""
        with self._change() as (db, stamp):
            for device in devices:
                if self._known(device.id).provenance is not device.provenance:
                    raise RegistryConflict(f"device {device.id} changes its kind of data")
                db.execute(
                    "UPDATE devices SET address = ? WHERE id = ?",
                    (f"moving:{device.id}", device.id),
                )
            for device in devices:
                self._put_device(db, device)
        for device in devices:
            self._publish(Change("device_changed", stamp.time_ns, device=device.id, author=author))

    def change_device(
        self,
        device: str,
        fields: Mapping[str, Any],
        author: str | None = None,
        check: Callable[[Device], Device] = lambda changed: changed,
    ) -> Device:
        """Change the fields that are named; ``check`` may refuse the result, or correct it."""
        with self._change() as (db, stamp):
            changed: Device = check(replace(self._known(device), **fields))
            self._put_device(db, changed)
        self._publish(Change("device_changed", stamp.time_ns, device=device, author=author))
        return changed

    def remove_device(self, device: str, author: str | None = None) -> None:
        """Decommission a device; whose readings it made stays known."""
        with self._change() as (db, stamp):
            self._known(device)
            self._close(db, "bindings", "device", device, stamp)
            db.execute("UPDATE devices SET removed_ns = ? WHERE id = ?", (stamp.time_ns, device))
        self._publish(Change("device_removed", stamp.time_ns, device=device, author=author))

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
        with self._change() as (db, stamp):
            if (old := self._history.open_binding(device)) is not None:
                raise RegistryConflict(
                    f"device {device} feeds {old.subject or 'bed ' + str(old.bed)}: a device "
                    "cannot feed two; move it instead"
                )
            made = self._bind(db, self._known(device), subject, bed, stamp)
        self._publish(
            Change("bound", stamp.time_ns, device=device, subject=subject, bed=bed, author=author)
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
        with self._change() as (db, stamp):
            self._close(db, "bindings", "device", device, stamp)
            made = self._bind(db, self._known(device), subject, bed, stamp)
        self._publish(
            Change("moved", stamp.time_ns, device=device, subject=subject, bed=bed, author=author)
        )
        return made

    def unbind(self, device: str, author: str | None = None) -> None:
        """End the binding; a device without one feeds nobody."""
        with self._change() as (db, stamp):
            self._known(device)
            self._close(db, "bindings", "device", device, stamp)
        self._publish(Change("unbound", stamp.time_ns, device=device, author=author))

    def swap(self, old: str, new: str, author: str | None = None) -> Binding:
        """Have ``new`` feed what ``old`` fed, in the same instant, in the middle of a stay."""
        with self._change() as (db, stamp):
            self._known(old)
            binding = self._history.open_binding(old)
            if binding is None:
                raise RegistryConflict(f"device {old} feeds nobody: bind {new} instead")
            if self._history.open_binding(new) is not None:
                raise RegistryConflict(f"device {new} feeds someone already: unbind it first")
            self._close(db, "bindings", "device", old, stamp)
            made = self._bind(db, self._known(new), binding.subject, binding.bed, stamp)
        self._publish(
            Change(
                "swapped",
                stamp.time_ns,
                device=new,
                subject=made.subject,
                bed=made.bed,
                author=author,
            )
        )
        return made
