"""A ward plan as a gateway settings file, so that the demo's gateway starts as any other does."""

import json
from pathlib import Path
from typing import Any

from teleward_simulators.ward import WardPlan


def settings_text(
    plan: WardPlan,
    *,
    radio: str,
    ports: Path,
    data_folder: Path,
    port: int,
    extra: dict[str, dict[str, Any]] | None = None,
) -> str:
    """Return TOML for ``plan``.

    ``radio`` is the virtual radio, ``ports`` the folder of the simulated serial ports, ``port``
    that of the dashboard, ``extra`` further tables by name (mqtt, influx, journal ...).
    """
    sections: list[str] = [
        "# Written by `teleward demo`: a ward of simulated patients, not for clinical use.",
        _table("gateway", {"name": "demo", "mode": "simulated", "data_folder": str(data_folder)}),
        _table("radio", {"adapter": radio}),
        _table("api", {"host": "127.0.0.1", "port": port}),
    ]
    sections += [_table(name, values) for name, values in (extra or {}).items()]
    for subject in plan.subjects:
        values = {
            "id": subject.id, "bed": subject.bed, "label": subject.label, "detail": subject.detail,
            "channel_labels": subject.leads,
        }  # fmt: skip
        sections.append(_table("subjects", values, array=True))
    for device in plan.devices:
        place = str(ports / device.place) if device.is_serial else device.place
        values = {
            "id": device.id,
            "driver": device.driver,
            "port" if device.is_serial else "address": place,
            "subject": device.subject,
        }
        sections.append(_table("devices", values, array=True))
    return "\n\n".join(sections) + "\n"


def _table(name: str, values: dict[str, Any], array: bool = False) -> str:
    head = f"[[{name}]]" if array else f"[{name}]"
    return "\n".join([head, *(f"{key} = {_value(value)}" for key, value in values.items())])


def _value(value: Any) -> str:
    if isinstance(value, dict):
        inner = ", ".join(f"{key} = {_value(inside)}" for key, inside in value.items())
        return f"{{{inner}}}"
    # JSON strings, numbers, booleans and lists of them are TOML too
    return json.dumps(value, ensure_ascii=False)
