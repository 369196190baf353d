"""Rows that were in the settings file and are gone from it: released, with their history kept.

What a person has changed since is that person's, and stays: a device that was moved to somebody
else on the page, a subject who wears a device that was bound on the page.
"""

from collections.abc import Collection, Iterator

from teleward_gateway.registry.model import RegistryError
from teleward_gateway.registry.store import Registry


def release(
    registry: Registry, stated: Collection[str], kept: Collection[str], author: str
) -> Iterator[tuple[str, str]]:
    """Release the rows that are neither ``stated`` nor ``kept``; yield row and reason of the rest.

    Rows are such as ``device strap``.
    """
    applied = registry.all_applied()
    gone = {row for row in applied if row not in stated and row not in kept}
    devices = {row.removeprefix("device ") for row in gone if row.startswith("device ")}
    for device in sorted(devices):
        yield from _release_device(registry, device, applied, author)
    for row in sorted(gone):
        kind, _, name = row.partition(" ")
        if kind == "binding" and name not in devices and f"device {name}" not in kept:
            _unbind(registry, name, applied[row], author)
            registry.forget_applied(row)
    for row in sorted(gone):
        kind, _, name = row.partition(" ")
        if kind == "subject":
            yield from _release_subject(registry, name, author)


def _release_device(
    registry: Registry, device: str, applied: dict[str, str], author: str
) -> Iterator[tuple[str, str]]:
    row, binding = f"device {device}", f"binding {device}"
    if any(each.id == device for each in registry.devices()):
        if not _is_as_stated(registry, device, applied.get(binding)):
            problem = "is not in the settings file any more, but was bound on a page: remove it"
            yield row, f"{device} {problem} there"
            return
        try:
            registry.remove_device(device, author)
        except RegistryError as error:
            yield row, str(error)
            return
    registry.forget_applied(row, binding)


def _unbind(registry: Registry, device: str, target: str, author: str) -> None:
    """End a binding that the file asked for, unless a person has moved the device since."""
    known = any(each.id == device for each in registry.devices())
    if known and registry.binding(device) and _is_as_stated(registry, device, target):
        registry.unbind(device, author)


def _release_subject(registry: Registry, subject: str, author: str) -> Iterator[tuple[str, str]]:
    row = f"subject {subject}"
    if registry.is_admitted(subject):
        worn = [d.id for d in registry.devices() if registry.subject_now(d.id) == subject]
        if worn:
            problem = f"is not in the settings file any more, but wears {', '.join(worn)}"
            yield row, f"{subject} {problem}: discharge on the page of devices"
            return
        registry.discharge(subject, author)
    registry.forget_applied(row)


def _is_as_stated(registry: Registry, device: str, target: str | None) -> bool:
    """Return whether a device feeds whom the file asked for, or nobody."""
    binding = registry.binding(device)
    if binding is None:
        return True
    return target == (f"bed:{binding.bed}" if binding.bed else binding.subject)
