"""A settings file with every setting, commented, made from the schema.

Lines that begin with ``#`` and a space explain; a line whose ``#`` touches it is a setting, which
holds once the ``#`` is taken away.
"""

import json
import textwrap
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from teleward_gateway.settings.model import Settings
from teleward_gateway.settings.syntax import ROWS

_WIDTH = 96
_HEAD = """\
Settings of a Teleward gateway: every one, with its default or an example.
Take away the # in front of a setting to change it, and the # of the heading [...] above it.
Then: teleward config check FILE
"""
_SECRETS = "TELEWARD_SECRET"
_SAMPLES: dict[str, str] = {
    "lan.names": '["ward.clinic.lan"]',
    "lan.certificate": '"/etc/teleward/lan.pem"',
    "lan.key": '"/etc/teleward/lan.key"',
    "update.reach": '["10.8.0.1:22"]',
    "mqtt.port": "8883",
    "mqtt.alpn": '["x-amzn-mqtt-ca"]',
    "mqtt.profile": '"hivemq"',
    "mqtt.username": '"clinic-3"',
    "mqtt.client_id": '"teleward-clinic-3"',
    "mqtt.publishes_per_s": "10.0",
    "mqtt.waveforms": '["ecg_ii"]',
    "network.budget_mb_per_day": "100",
    "embedded_broker.username": '"reader"',
    "gateway.name": '"clinic-3"',
    "classroom.fleet": '"http://fleet:KEY@127.0.0.1:8090"',
    "alarms.webhooks.name": '"duty-phone"',
    "alarms.webhooks.url": '"https://alarms.clinic.example/hook"',
    "alarms.commands.name": '"corridor-lamp"',
    "alarms.commands.command": '["gpioset", "gpiochip0", "17=1"]',
    "remote_commands.users.name": '"central-station"',
    "remote_commands.users.commands": '["measure-nibp", "identify"]',
    "subjects.id": '"patient-1"',
    "subjects.label": '"Bed 1"',
    "subjects.bed": '"Bed 1"',
    "subjects.sex": '"female"',
    "subjects.detail": '"knee, day 2"',
    "subjects.age": '"64 y"',
    "subjects.limits": "{metrics = {spo2 = {low = 88, very_low = 85}}}",
    "subjects.channel_labels": '{ecg_ii = "MLII"}',
    "devices.id": '"oximeter-1"',
    "devices.driver": '"pulse-oximeter"',
    "devices.address": '"00:1C:05:FF:00:01"',
    "devices.subject": '"patient-1"',
    "devices.label": '"Oximeter 1"',
}
"""Where there is no default, or one that shows nothing."""
_INSTEAD = {"devices.port": '"/dev/serial/by-id/usb-Silicon_Labs_CP2102_0001-if00-port0"'}
"""Keys that stand in place of another one: a device has an address or a port."""


def example() -> str:
    """Return the file."""
    lines = [f"# {line}" for line in _HEAD.splitlines()]
    for name, field in Settings.model_fields.items():
        lines += ["", *_table((name,), field)]
    return "\n".join(lines) + "\n"


def _table(path: tuple[str, ...], field: FieldInfo) -> Iterator[str]:
    """Yield one table with the tables below it."""
    model = _model(field.annotation)
    if model is None:
        return
    yield from _prose(field.description or (model.__doc__ or "").split("\n")[0].strip())
    heading = ".".join(path)
    yield f"#[[{heading}]]" if _is_rows(path, field) else f"#[{heading}]"
    below = []
    for name, inner in model.model_fields.items():
        key = inner.alias or name
        if _model(inner.annotation) is not None:
            below.append((key, inner))
            continue
        yield from _setting((*path, key), inner)
    for key, inner in below:
        yield ""
        yield from _table((*path, key), inner)


def _setting(path: tuple[str, ...], field: FieldInfo) -> Iterator[str]:
    yield from _prose(field.description or "")
    full, key = ".".join(path), path[-1]
    if full in _INSTEAD:
        yield f"# {key} = {_INSTEAD[full]}"
        return
    yield f"#{key} = {_SAMPLES.get(full) or _value(key, field)}"


def _value(key: str, field: FieldInfo) -> str:
    """Return a default as TOML; what an installed sink needs is a server, as its key shows."""
    if _is_secret(field.annotation):
        return f'{{env = "{_SECRETS}"}}'
    if field.is_required():
        return '"https://server.example/path"' if "url" in key else '"server.example"'
    return _toml(field.get_default(call_default_factory=True))


def _toml(value: Any) -> str:
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, Path):
        value = str(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k} = {_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(each) for each in value) + "]"
    if value is None:
        return '""'
    return json.dumps(value, ensure_ascii=False)


def _prose(text: str) -> Iterator[str]:
    for line in textwrap.wrap(text, _WIDTH):
        yield f"# {line}"


def _is_rows(path: tuple[str, ...], field: FieldInfo) -> bool:
    return path[0] in ROWS or get_origin(field.annotation) in (list, tuple)


def _is_secret(annotation: Any) -> bool:
    return annotation is SecretStr or any(_is_secret(each) for each in get_args(annotation))


def _model(annotation: Any) -> type[BaseModel] | None:
    """Return the model of a table, or of the rows of one; None for a single setting."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for each in get_args(annotation):
        if each not in (NoneType, Ellipsis) and (found := _model(each)) is not None:
            return found
    return None
