"""Apply the settings file to the registry, without undoing what people changed since.

What the file asks for a device (its subject or bed) is carried out once and remembered; it is
carried out again only when the file itself has changed since. So a device that someone has moved on
the page stays where it was moved to. Each row stands for itself: one that is refused is named, and
all others are carried out.
"""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from teleward_gateway.registry.model import Device, RegistryConflict, RegistryError, Subject
from teleward_gateway.registry.released import release
from teleward_gateway.registry.store import Registry

AUTHOR = "settings"
LABEL, BED = ":label", ":bed"
"""Keys of an entry that are no attributes."""
PORTION = 250
"""Subjects or devices a transaction: a second or so, after which others get their turn."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that could not be carried out; ``row`` is such as ``device strap``."""

    row: str
    text: str


class Refusals(list[Refusal]):
    """The rows that were refused; `of` notes one, and the rows after it go on."""

    def of(self, row: str, work: Callable[[], None]) -> None:
        """Do ``work``; a refusal is noted under ``row``."""
        try:
            work()
        except RegistryError as error:
            self.append(Refusal(row, str(error)))


def ensure(
    registry: Registry,
    subjects: Iterable[Subject] = (),
    devices: Iterable[Device] = (),
    bindings: Mapping[str, str] | None = None,
    progress: Callable[[str], None] = lambda step: None,
    kept: Collection[str] | None = (),
) -> list[Refusal]:
    """Admit ``subjects``, add or update ``devices``, bind each device; return what was refused.

    ``bindings`` maps a device to a subject id, or to ``"bed:NAME"``. Rows that were applied earlier
    and are gone are released, but for those ``kept``, rows such as ``device strap``; None keeps
    all. What is new is written some hundred at a time, so that thousands take seconds;
    ``progress`` gets how far it is.
    """
    subjects, devices, bindings = list(subjects), list(devices), dict(bindings or {})
    refused = Refusals()
    if kept is not None:
        stated = {f"subject {s.id}" for s in subjects} | {f"device {d.id}" for d in devices}
        stated |= {f"binding {device}" for device in bindings}
        for row, text in release(registry, stated, kept, AUTHOR):
            refused.append(Refusal(row, text))
    _move_subjects(registry, subjects)
    _move_devices(registry, devices)
    _add_new(registry, subjects, devices, bindings, progress)
    for subject in subjects:
        refused.of(f"subject {subject.id}", lambda s=subject: _ensure_subject(registry, s))  # type: ignore[misc]
    known = {device.id for device in registry.devices()}
    for device in devices:
        refused.of(f"device {device.id}", lambda d=device: _ensure_device(registry, d, known))  # type: ignore[misc]
    unknown = {each.row for each in refused}
    for name, target in bindings.items():
        if f"device {name}" not in unknown:
            refused.of(f"device {name}", lambda n=name, t=target: _ensure_binding(registry, n, t))  # type: ignore[misc]
    return refused


def _move_subjects(registry: Registry, subjects: Sequence[Subject]) -> None:
    """Carry out all changes of beds together, so that people can change places.

    Whoever would lie in an occupied bed stays out of it, and is refused as a single row later.
    """
    beds = {}
    for subject in subjects:
        applied = registry.applied(f"subject {subject.id}")
        if subject.bed is None or applied is None or not registry.is_admitted(subject.id):
            continue
        changed = _changed(_subject_entry(subject), applied)
        if BED in changed and registry.subject(subject.id).bed != subject.bed:
            beds[subject.id] = subject.bed
    while beds:
        try:
            registry.move_subjects(beds, AUTHOR)
        except RegistryError:
            occupied = {s.bed: s.id for s in registry.subjects() if s.bed is not None}
            wanted = list(beds.values())
            stuck = [
                who
                for who, bed in beds.items()
                if occupied.get(bed, who) not in beds or wanted.count(bed) > 1
            ]
            if not stuck:
                return
            for who in stuck:
                del beds[who]
        else:
            return


def _move_devices(registry: Registry, devices: Sequence[Device]) -> None:
    """Carry out all changes of addresses together, so that devices can change ports."""
    known = {device.id: device for device in registry.devices()}
    changed = [
        device
        for device in devices
        if device.id in known
        and known[device.id].address != device.address
        and registry.applied(f"device {device.id}") not in (None, canonical(_device_entry(device)))
    ]
    if len(changed) > 1:
        with suppress(RegistryConflict):  # each by itself then
            registry.update_devices(changed, AUTHOR)


def _ensure_device(registry: Registry, device: Device, known: Collection[str]) -> None:
    entry, earlier = canonical(_device_entry(device)), _earlier_device(device)
    applied = registry.applied(f"device {device.id}")
    if applied == entry:
        return
    if applied != earlier:
        if device.id in known:
            registry.update_device(device, AUTHOR)
        else:
            registry.add_device(device, AUTHOR)
    registry.note_applied(f"device {device.id}", entry)


def _ensure_binding(registry: Registry, device: str, target: str) -> None:
    if registry.applied(f"binding {device}") == target:
        return
    bed = target.removeprefix("bed:") if target.startswith("bed:") else None
    registry.move_device(device, None if bed else target, bed, AUTHOR)
    registry.note_applied(f"binding {device}", target)


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
        try:
            registry.admit(subject, AUTHOR)
        except RegistryConflict:
            if subject.bed is None:
                raise
            # a bed that is taken costs nobody the monitoring; the bed is tried again later
            registry.admit(replace(subject, bed=None), AUTHOR)
            raise
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
