"""Attributes of a subject as versioned rows: limits, SpO2 scale, labels, whatever steers the ward.

    {"spo2_scale": 2, "limits": {"metrics": {"spo2": {"low": 88}}}}
    spo2_scale                 2
    limits/metrics/spo2/low    88           one row a key, each with its version and author

Writers change the rows that they name, in one transaction, and nothing else; two who change the
same row from the same version are in conflict. Zero and null are values.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

NESTED = "limits"
"""The one attribute whose keys are rows of their own."""


@dataclass(frozen=True, slots=True)
class Row:
    """One attribute: its value, and who wrote which version of it."""

    value: Any
    version: int
    author: str | None


def rows_of(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes as values by the key of their row."""
    rows: dict[str, Any] = {}
    for key, value in attributes.items():
        if key == NESTED and isinstance(value, Mapping):
            rows |= dict(_flat(key, value))
        else:
            rows[key] = value
    return rows


def attributes_of(rows: Mapping[str, Row]) -> dict[str, Any]:
    """Return rows as the attributes that they make."""
    found: dict[str, Any] = {}
    for key, row in sorted(rows.items()):
        *path, last = key.split("/")
        place = found
        for part in path:
            if not isinstance(place.get(part), dict):
                place[part] = {}
            place = place[part]
        place[last] = row.value
    return found


def packed(value: Any) -> str:
    """Return a value as it stands in the table."""
    return json.dumps(value, sort_keys=True)


def _flat(prefix: str, values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        path = f"{prefix}/{key}"
        if isinstance(value, Mapping):
            yield from _flat(path, value)
        else:
            yield path, value
