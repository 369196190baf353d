"""The report for a technician: health, settings without secrets and rows, log, machine; a zip."""

import io
import json
import platform
import shutil
import time
import zipfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import teleward_gateway
from teleward_gateway.operation.anonymous import Anonymous
from teleward_gateway.registry.store import Registry
from teleward_gateway.settings.model import Settings

_README = """\
Report of a Teleward gateway, for those who help with it.
It has no name, no record number and no address of a person, a device or a server:
those are replaced by <name>, <number>, <address>, <ip>, <url>. No reading is in it.
"""


def bundle(
    settings: Settings,
    health: Mapping[str, Any],
    log: Sequence[str],
    names: Iterable[str | None],
    mistakes: Sequence[str] = (),
    findings: Sequence[Mapping[str, Any]] = (),
) -> bytes:
    """Return the zip. ``names`` are all that must not be in it, of the past too."""
    clean = Anonymous((*names, *settings_names(settings)))
    files = {
        "README.txt": _README,
        "health.json": _json(clean.value(_without_journal(health))),
        "settings.json": _json(clean.value(plain_settings(settings))),
        "settings-mistakes.txt": "\n".join(clean.text(each) for each in mistakes),
        "doctor.json": _json(clean.value(list(findings))),
        "log.txt": "\n".join(clean.text(line) for line in log),
        "machine.json": _json(machine(settings)),
    }
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text + "\n")
    return made.getvalue()


def plain_settings(settings: Settings) -> dict[str, Any]:
    """Return the settings without rows and secrets: of people only how many there are."""
    found: dict[str, Any] = settings.model_dump(mode="json", exclude={"subjects", "devices"})
    found["subjects"] = len(settings.subjects)
    found["devices"] = dict(Counter(device.driver for device in settings.devices))
    if found.get("remote_commands"):
        found["remote_commands"]["users"] = len(settings.remote_commands.users)
    return found


def settings_names(settings: Settings) -> list[str]:
    """Return what of the settings names a person, a place or a server."""
    found = [settings.gateway.name, str(settings.gateway.data_folder)]
    for subject in settings.subjects:
        found += [subject.id, subject.label, subject.detail, subject.bed]
    for device in settings.devices:
        found += [device.id, device.label, device.place]
    if settings.mqtt is not None:
        mqtt = settings.mqtt
        found += [mqtt.host, mqtt.username or "", mqtt.client_id or ""]
    if settings.influx is not None:
        found += [settings.influx.url, settings.influx.organisation]
    found += [user.name for user in settings.remote_commands.users]
    found += [hook.name for hook in (*settings.alarms.webhooks, *settings.alarms.commands)]
    found += [hook.url for hook in settings.alarms.webhooks]
    found += [*settings.lan.names, settings.embedded_broker.username or ""]
    return found


def registry_names(registry: Registry) -> list[str]:
    """Return the names that the registry knows, of people who left and devices removed too."""
    found: list[str] = []
    for subject in registry.subjects(discharged=True):
        found += [subject.id, subject.label, subject.bed or ""]
        found += [str(v) for v in subject.attributes.values() if isinstance(v, str)]
    for stay in registry.stays():
        found.append(stay.bed)
    for device in (*registry.devices(), *registry.former_devices()):
        found += [device.id, device.label, device.address]
    return found


def machine(settings: Settings) -> dict[str, Any]:
    """Return what this machine is: versions, processor, room; not what it is called."""
    folder = settings.gateway.data_folder
    place = next((path for path in (folder, *folder.parents) if path.exists()), None)
    usage = shutil.disk_usage(place) if place else None
    return {
        "made": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "teleward": teleward_gateway.__version__,
        "python": platform.python_version(),
        "system": platform.system(),
        "kernel": platform.release(),
        "processor": platform.machine(),
        "disk_bytes": usage.total if usage else None,
        "disk_free_bytes": usage.free if usage else None,
    }


def _without_journal(health: Mapping[str, Any]) -> dict[str, Any]:
    """Return health without the journal's identity, which its records carry outside."""
    parts = {name: dict(part) for name, part in health.get("parts", {}).items()}
    parts.get("journal", {}).pop("journal", None)
    return {**health, "parts": parts}


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False, default=str)
