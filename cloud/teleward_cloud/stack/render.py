"""Files of a stack: the templates beside this module with their placeholders filled in.

    gateway --MQTT--> mosquitto --> teleward collect --> InfluxDB 2 --> Grafana
                         ^ ACLs and passwords by role         ^ two buckets

A template is the file itself: a dashboard is edited in Grafana and put back. A placeholder
is ``@NAME@``; in JSON a number stands in quotes, ``"@COLLECTORS@"``. Everything listens on the
host's loopback by default; every password is random and new.
"""

import json
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.resources import files as resources
from importlib.resources.abc import Traversable

from teleward_cloud.mqtt.access import ROLES, acl_file, user
from teleward_cloud.mqtt.settings import MqttSettings
from teleward_signal.model import Provenance

PLACEHOLDER = re.compile(r"@([A-Z_]+)@")
_NUMBER = re.compile(r'"@([A-Z_]+)@"')
_BUCKETS = {Provenance.FIELD: "teleward", Provenance.SIMULATED: "teleward-sim"}


@dataclass(frozen=True, slots=True)
class StackOptions:
    """Choices of a stack; ``package`` is what pip installs in the collectors.

    It is a wheel beside their settings, never a name that an index could give to somebody else.
    """

    address: str = "127.0.0.1"
    mqtt_port: int = 1883
    influx_port: int = 8086
    grafana_port: int = 3000
    collectors: int = 2
    provenance: Provenance = Provenance.SIMULATED
    package: str = "/teleward/teleward-*.whl"


@dataclass(slots=True)
class Secrets:
    """Random passwords of one stack; ``mqtt`` by user name."""

    influx_token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    influx_password: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    grafana_password: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    mqtt: dict[str, str] = field(
        default_factory=lambda: {
            user(role, provenance): secrets.token_urlsafe(16)
            for role in ROLES
            for provenance in Provenance
        }
    )


def files(
    options: StackOptions, found: Secrets, password_line: Callable[[str, str, bytes], str]
) -> dict[str, str]:
    """Return path and text of every file; those with secrets end in ``.env`` or ``.toml``.

    ``password_line`` turns user name, password and salt into mosquitto's line.
    """
    values = placeholders(options, found)
    written = {name: fill(name, text, values) for name, text in templates()}
    lines = (password_line(n, p, secrets.token_bytes(12)) for n, p in found.mqtt.items())
    written["mosquitto/passwords"] = "".join(lines)
    written["mosquitto/acl"] = acl_file(MqttSettings())
    return written


def placeholders(options: StackOptions, found: Secrets) -> dict[str, str | int]:
    """Return the value of every placeholder."""
    return {
        "ADDRESS": options.address,
        "MQTT_PORT": options.mqtt_port,
        "INFLUX_PORT": options.influx_port,
        "GRAFANA_PORT": options.grafana_port,
        "COLLECTORS": options.collectors,
        "PACKAGE": options.package,
        "MODE": options.provenance.value,
        "BUCKET": _BUCKETS[options.provenance],
        "GATEWAY_PASSWORD": found.mqtt[user("gateway", options.provenance)],
        "COLLECTOR_PASSWORD": found.mqtt[user("collector", options.provenance)],
        "INFLUX_TOKEN": found.influx_token,
        "INFLUX_PASSWORD": found.influx_password,
        "GRAFANA_PASSWORD": found.grafana_password,
    }


def templates() -> Iterator[tuple[str, str]]:
    """Yield path and text of every template, in order of the paths."""
    root = resources("teleward_cloud.stack") / "templates"
    for path, entry in sorted(_walk(root, "")):
        yield path, entry.read_text(encoding="utf-8")


def fill(name: str, text: str, values: Mapping[str, str | int]) -> str:
    """Return a template with its values; raises KeyError for an unknown placeholder."""

    def number(match: re.Match[str]) -> str:
        value = values[match[1]]
        return str(value) if isinstance(value, int) else match[0]

    def word(match: re.Match[str]) -> str:
        value = str(values[match[1]])
        return json.dumps(value, ensure_ascii=False)[1:-1] if name.endswith(".json") else value

    if name.endswith(".json"):
        text = _NUMBER.sub(number, text)
    return PLACEHOLDER.sub(word, text)


def _walk(folder: Traversable, path: str) -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _walk(entry, f"{path}{entry.name}/")
        else:
            yield f"{path}{entry.name}", entry
