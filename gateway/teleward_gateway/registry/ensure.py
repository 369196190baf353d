"""Apply the settings file to the registry, without undoing what people changed since.

The file's wish for a device (its subject or bed) is carried out once and remembered; it is carried
out again only when the file itself has changed since. So a device that someone has moved on the
page stays where it was moved to.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from teleward_gateway.registry.model import Device, RegistryConflict, RegistryError, Subject
from teleward_gateway.registry.store import Registry

AUTHOR = "settings"
LABEL, BED = ":label", ":bed"
"""Keys of an entry that are no attributes."""
PORTION = 250
"""Subjects or devices a transaction: a second or so, after which others get their turn."""
T = TypeVar("T")


def ensure(
    registry: Registry,
    subjects: Iterable[Subject] = (),
    devices: Iterable[Device] = (),
    bindings: Mapping[str, str] | None = None,
    progress: Callable[[str], None] = lambda step: None,
) -> None:
    """Admit ``subjects``, add or update ``devices``, and bind each device to a subject or bed.

    ``bindings`` maps a device to a subject id, or to ``"bed:NAME"``. What is new is written some
    hundred at a time, so that thousands take seconds; ``progress`` gets how far it is. Raises
    RegistryError.
    """
    subjects, devices = list(subjects), list(devices)
    _add_new(registry, subjects, devices, bindings or {}, progress)
    for subject in subjects:
        _ensure_subject(registry, subject)
    known = {device.id: device for device in registry.devices()}
    for device in devices:
        entry, earlier = canonical(_device_entry(device)), _earlier_device(device)
        applied = registry.applied(f"device {device.id}")
        if applied == entry:
            continue
        if applied != earlier:
            if device.id in known:
                registry.update_device(device, AUTHOR)
            else:
                registry.add_device(device, AUTHOR)
        registry.note_applied(f"device {device.id}", entry)
    for device_id, target in (bindings or {}).items():
        if registry.applied(f"binding {device_id}") == target:
            continue
        bed = target.removeprefix("bed:") if target.startswith("bed:") else None
        registry.move_device(device_id, None if bed else target, bed, AUTHOR)
        registry.note_applied(f"binding {device_id}", target)


def _add_new(
    registry: Registry,
    subjects: Sequence[Subject],
    devices: Sequence[Device],
    bindings: Mapping[str, str],
    progress: Callable[[str], None],
) -> None:
    """Write what the registry has never known; a portion with a conflict is left to single steps.

    A single step reads the whole registry again and syncs: 900 of them took 42 s.
    """
    known = {subject.id for subject in registry.subjects()}
    new_subjects = [
        s for s in subjects if s.id not in known and registry.applied(f"subject {s.id}") is None
    ]
    for portion, done in _portions(new_subjects):
        noted = {f"subject {s.id}": canonical(_subject_entry(s)) for s in portion}
        with suppress(RegistryConflict):
            registry.add_all(portion, (), noted, AUTHOR)
        progress(f"{done} of {len(new_subjects)} subjects imported")
    known = {device.id for device in registry.devices()}
    new_devices = [
        d for d in devices if d.id not in known and registry.applied(f"device {d.id}") is None
    ]
    for added, done in _portions(new_devices):
        noted = {f"device {d.id}": canonical(_device_entry(d)) for d in added}
        with suppress(RegistryConflict):
            registry.add_all((), added, noted, AUTHOR)
        progress(f"{done} of {len(new_devices)} devices imported")
    new_ids = {device.id for device in new_devices}
    wanted = [(device, target) for device, target in bindings.items() if device in new_ids]
    _bind_new(registry, wanted, progress)


def _bind_new(
    registry: Registry, wanted: Sequence[tuple[str, str]], progress: Callable[[str], None]
) -> None:
    for bound, done in _portions(wanted):
        targets = {
            device: (None, target.removeprefix("bed:"))
            if target.startswith("bed:")
            else (target, None)
            for device, target in bound
        }
        with suppress(RegistryError):
            registry.bind_all(targets, {f"binding {d}": t for d, t in bound}, AUTHOR)
        progress(f"{done} of {len(wanted)} bindings imported")


def _portions(things: Sequence[T]) -> Iterator[tuple[Sequence[T], int]]:
    """Yield portions and how many there were with each; a single one is left to a single step."""
    if len(things) < 2:
        return
    for first in range(0, len(things), PORTION):
        portion = things[first : first + PORTION]
        yield portion, first + len(portion)


def canonical(entry: Mapping[str, Any]) -> str:
    """Return an entry of the settings file as JSON with one form only.

    Empty values are left out at the top, so that a field which a later version adds does not make
    every entry look changed.
    """
    stated = {key: value for key, value in entry.items() if value not in (None, "", {}, [])}
    return json.dumps(stated, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _ensure_subject(registry: Registry, subject: Subject) -> None:
    entry, applied = canonical(_subject_entry(subject)), registry.applied(f"subject {subject.id}")
    if applied == entry:
        return
    if applied != _earlier_subject(subject):
        _apply_subject(registry, subject, _changed(json.loads(entry), applied))
    registry.note_applied(f"subject {subject.id}", entry)


def _changed(entry: Mapping[str, Any], applied: str | None) -> dict[str, Any]:
    """Return the keys that the file states otherwise than when it was applied last."""
    try:
        before = json.loads(applied or "{}")
    except ValueError:
        before = {}
    return {key: value for key, value in entry.items() if before.get(key) != value}


def _apply_subject(registry: Registry, subject: Subject, changed: dict[str, Any]) -> None:
    """Carry out what is new in the file; what people changed besides stays."""
    if not registry.is_admitted(subject.id):
        registry.admit(subject, AUTHOR)
        return
    label, bed = changed.pop(LABEL, None), changed.pop(BED, None)
    registry.update_subject(subject.id, label, changed, AUTHOR)
    if bed is not None and registry.subject(subject.id).bed != bed:
        registry.move_subject(subject.id, bed, AUTHOR)


def _subject_entry(subject: Subject) -> dict[str, Any]:
    return {**subject.attributes, LABEL: subject.label, BED: subject.bed}


def _device_entry(device: Device) -> dict[str, Any]:
    return {
        "id": device.id,
        "driver": device.driver,
        "address": device.address,
        "label": device.label,
        "provenance": device.provenance.value,
        "options": device.options,
    }


def _earlier_device(device: Device) -> str:
    """Return the entry as version 0.1.0 kept it, so that it is taken over and not applied again."""
    shown = ", ".join(
        f"{name}={getattr(device, name)!r}"
        for name in ("id", "driver", "address", "label", "provenance", "options")
    )
    return f"Device({shown})"


def _earlier_subject(subject: Subject) -> str:
    return repr((subject.label, subject.bed, sorted(subject.attributes.items())))
