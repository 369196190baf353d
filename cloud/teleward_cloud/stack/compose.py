"""The files of a stack: compose file, configurations, secrets, dashboards, a gateway's settings.

    gateway --MQTT--> mosquitto --> teleward collect --> InfluxDB 2 --> Grafana
                         ^ ACLs and passwords a role          ^ two buckets

Everything listens on the host's loopback unless told otherwise; every password is random and new.
"""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from teleward_cloud.mqtt.access import ROLES, acl_file, user
from teleward_cloud.mqtt.settings import MqttSettings
from teleward_cloud.stack.grafana import dashboards
from teleward_signal.model import Provenance

IMAGES = {
    "mosquitto": "eclipse-mosquitto:2.0",
    "influxdb": "influxdb:2.7",
    "grafana": "grafana/grafana-oss:11.2.0",
    "python": "python:3.11-slim",
}
"""Major versions that the queries and settings were written for."""


@dataclass(frozen=True, slots=True)
class StackOptions:
    """What can be chosen; ``wheel`` is the file name of a Teleward wheel put beside the files."""

    address: str = "127.0.0.1"
    mqtt_port: int = 1883
    influx_port: int = 8086
    grafana_port: int = 3000
    collectors: int = 2
    provenance: Provenance = Provenance.SIMULATED
    package: str = "teleward"


@dataclass(slots=True)
class Secrets:
    """Random passwords; ``hash_line`` turns name and password into mosquitto's line."""

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
    """Return path and text of every file; those with secrets end in ``.env`` or ``.toml``."""
    lines = (password_line(n, p, secrets.token_bytes(12)) for n, p in found.mqtt.items())
    written = {
        "compose.json": _json(compose(options)),
        "secrets.env": _environment(found),
        "mosquitto/mosquitto.conf": _MOSQUITTO,
        "mosquitto/passwords": "".join(lines),
        "mosquitto/acl": acl_file(MqttSettings()),
        "influxdb/buckets.sh": _BUCKETS,
        "grafana/datasources/teleward.json": _json(_data_source(options)),
        "grafana/providers/teleward.json": _json(_provider()),
        "collector/collect.toml": _settings(options, found, "collector", "mosquitto", 1883),
        "gateway.toml": _settings(options, found, "gateway", options.address, options.mqtt_port),
    }
    for name, model in dashboards().items():
        written[f"grafana/dashboards/{name}"] = _json(model)
    return written


def compose(options: StackOptions) -> dict[str, Any]:
    """Return the compose model (JSON is YAML, so Docker reads it)."""
    return {
        "name": "teleward",
        "services": {
            "mosquitto": {
                "image": IMAGES["mosquitto"],
                "restart": "unless-stopped",
                "ports": [f"{options.address}:{options.mqtt_port}:1883"],
                "volumes": ["./mosquitto:/mosquitto/config:ro", "broker:/mosquitto/data"],
            },
            "influxdb": _influxdb(options),
            "collector": {
                "image": IMAGES["python"],
                "restart": "unless-stopped",
                "depends_on": {
                    "influxdb": {"condition": "service_healthy"},
                    "mosquitto": {"condition": "service_started"},
                },
                "deploy": {"replicas": options.collectors},
                "volumes": ["./collector:/teleward:ro"],
                "command": [
                    *("sh", "-c"),
                    f"pip install --quiet {options.package} && "
                    "exec teleward collect --config /teleward/collect.toml",
                ],
            },
            "grafana": {
                "image": IMAGES["grafana"],
                "restart": "unless-stopped",
                "env_file": ["secrets.env"],
                "ports": [f"{options.address}:{options.grafana_port}:3000"],
                "volumes": [
                    "./grafana/datasources:/etc/grafana/provisioning/datasources:ro",
                    "./grafana/providers:/etc/grafana/provisioning/dashboards:ro",
                    "./grafana/dashboards:/etc/teleward/dashboards:ro",
                    "grafana:/var/lib/grafana",
                ],
            },
        },
        "volumes": {"broker": {}, "influx": {}, "grafana": {}},
    }


def _influxdb(options: StackOptions) -> dict[str, Any]:
    return {
        "image": IMAGES["influxdb"],
        "restart": "unless-stopped",
        "env_file": ["secrets.env"],
        "environment": {
            "DOCKER_INFLUXDB_INIT_MODE": "setup",
            "DOCKER_INFLUXDB_INIT_USERNAME": "teleward",
            "DOCKER_INFLUXDB_INIT_ORG": "teleward",
            "DOCKER_INFLUXDB_INIT_BUCKET": "teleward",
        },
        "ports": [f"{options.address}:{options.influx_port}:8086"],
        "volumes": [
            "influx:/var/lib/influxdb2",
            "./influxdb/buckets.sh:/docker-entrypoint-initdb.d/buckets.sh:ro",
        ],
        "healthcheck": {
            "test": ["CMD", "influx", "ping"],
            "interval": "5s",
            "timeout": "5s",
            "retries": 24,
        },
    }


def _environment(found: Secrets) -> str:
    return "\n".join(
        [
            f"DOCKER_INFLUXDB_INIT_PASSWORD={found.influx_password}",
            f"DOCKER_INFLUXDB_INIT_ADMIN_TOKEN={found.influx_token}",
            f"INFLUX_TOKEN={found.influx_token}",
            f"GF_SECURITY_ADMIN_PASSWORD={found.grafana_password}",
            "",
        ]
    )


def _settings(options: StackOptions, found: Secrets, role: str, broker: str, port: int) -> str:
    """Return a settings file: of the collectors inside the stack, or for a gateway outside."""
    name = user(role, options.provenance)
    lines = [
        "[gateway]",
        f'name = "{role}"',
        f'mode = "{options.provenance.value}"',
        "",
        "[mqtt]",
        f'host = "{broker}"',
        f"port = {port}",
        f'username = "{name}"',
        f'password = "{found.mqtt[name]}"',
        'confirm = "storage"',
    ]
    if role == "collector":
        lines += ["", "[influx]", 'url = "http://influxdb:8086"', f'token = "{found.influx_token}"']
    return "\n".join(lines) + "\n"


def _data_source(options: StackOptions) -> dict[str, Any]:
    return {
        "apiVersion": 1,
        "datasources": [
            {
                "name": "Teleward",
                "uid": "teleward",
                "type": "influxdb",
                "access": "proxy",
                "url": "http://influxdb:8086",
                "isDefault": True,
                "jsonData": {
                    "version": "Flux",
                    "organization": "teleward",
                    "defaultBucket": "teleward-sim"
                    if options.provenance is Provenance.SIMULATED
                    else "teleward",
                },
                "secureJsonData": {"token": "$INFLUX_TOKEN"},
            }
        ],
    }


def _provider() -> dict[str, Any]:
    path = {"path": "/etc/teleward/dashboards"}
    provider = {"name": "Teleward", "type": "file", "allowUiUpdates": True, "options": path}
    return {"apiVersion": 1, "providers": [provider]}


def _json(model: dict[str, Any]) -> str:
    return json.dumps(model, indent=2, ensure_ascii=False) + "\n"


_MOSQUITTO = """\
listener 1883
allow_anonymous false
password_file /mosquitto/config/passwords
acl_file /mosquitto/config/acl
persistence true
persistence_location /mosquitto/data/
autosave_interval 10
max_inflight_messages 100
"""
_BUCKETS = """\
#!/bin/sh
set -e
influx bucket create --name teleward-sim --org teleward
"""
