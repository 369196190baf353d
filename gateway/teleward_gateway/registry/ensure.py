"""Apply the settings file to the registry, without undoing what people changed since.

The file's wish for a device (its subject or bed) is carried out once and remembered; it is carried
out again only when the file itself has changed since. So a device that someone has moved on the
page stays where it was moved to.
"""

from collections.abc import Iterable, Mapping

from teleward_gateway.registry.model import Device, Subject
from teleward_gateway.registry.store import Registry

AUTHOR = "settings"


def ensure(
    registry: Registry,
    subjects: Iterable[Subject] = (),
    devices: Iterable[Device] = (),
    bindings: Mapping[str, str] | None = None,
) -> None:
    """Admit ``subjects``, add or update ``devices``, and bind each device to a subject or bed.

    ``bindings`` maps a device to a subject id, or to ``"bed:NAME"``. Raises RegistryError.
    """
    for subject in subjects:
        _ensure_subject(registry, subject)
    known = {device.id: device for device in registry.devices()}
    for device in devices:
        if registry.applied(f"device {device.id}") == repr(device):
            continue
        if device.id in known:
            registry.update_device(device, AUTHOR)
        else:
            registry.add_device(device, AUTHOR)
        registry.note_applied(f"device {device.id}", repr(device))
    for device_id, target in (bindings or {}).items():
        if registry.applied(f"binding {device_id}") == target:
            continue
        bed = target.removeprefix("bed:") if target.startswith("bed:") else None
        registry.move_device(device_id, None if bed else target, bed, AUTHOR)
        registry.note_applied(f"binding {device_id}", target)


def _ensure_subject(registry: Registry, subject: Subject) -> None:
    entry = repr((subject.label, subject.bed, sorted(subject.attributes.items())))
    if registry.applied(f"subject {subject.id}") == entry:
        return
    admitted = {s.id: s for s in registry.subjects()}
    if subject.id not in admitted:
        registry.admit(subject, AUTHOR)
    else:
        registry.update_subject(subject.id, subject.label, subject.attributes, AUTHOR)
        if admitted[subject.id].bed != subject.bed:
            registry.move_subject(subject.id, subject.bed, AUTHOR)
    registry.note_applied(f"subject {subject.id}", entry)
