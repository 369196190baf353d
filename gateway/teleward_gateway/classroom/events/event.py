"""Event: one thing that happened in a class, with its time, place and person.

    {"v": 1, "seq": 812, "class_id": "c-7f3k2p", "room": "r-1", "seat": "s-4", "at_case_ms": 252000,
     "at_wall_ms": 1790000000000, "branch": 0, "kind": "act.done", "body": {...}}

``seq`` is the order of a gateway's whole log. ``room`` and ``seat`` are null where the event
belongs to the class, or to nobody who sits there. ``branch`` counts the rewinds of a room: what
was done in an abandoned branch stays, and `timeline.lineage` returns what counts.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ConfigDict, JsonValue, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from teleward_gateway.classroom.events.kinds import KINDS, Body, Unknown
from teleward_signal.errors import Invalid

SCHEMA = 1
"""Version of the schema; readers refuse later ones."""


def _add_kinds(schema: dict[str, Any]) -> None:
    schema["oneOf"] = _of_each_kind()


@with_config(ConfigDict(json_schema_extra=_add_kinds))
class EventJson(TypedDict):
    """An event as JSON values; ``kind`` decides what its body has."""

    v: int
    seq: int
    class_id: str
    room: str | None
    seat: str | None
    at_case_ms: int | None
    at_wall_ms: int
    branch: int
    kind: str
    body: dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Draft:
    """An event that the log has not numbered yet."""

    class_id: str
    body: Body | Unknown
    room: str | None = None
    seat: str | None = None
    at_case_ms: int | None = None
    at_wall_ms: int = 0
    branch: int = 0
    unknown_kind: str = ""

    @property
    def kind(self) -> str:
        """Name of the kind."""
        return self.unknown_kind or self.body.kind


@dataclass(frozen=True, slots=True)
class Event(Draft):
    """An event of the log."""

    seq: int = 0

    @classmethod
    def of(cls, draft: Draft, seq: int) -> "Event":
        """Return ``draft`` with its number."""
        return cls(
            draft.class_id, draft.body, draft.room, draft.seat, draft.at_case_ms,
            draft.at_wall_ms, draft.branch, draft.unknown_kind, seq,
        )  # fmt: skip

    def at(self, **changes: Any) -> "Event":
        """Return the event with other fields: for tests and exports."""
        return replace(self, **changes)

    def to_json(self) -> EventJson:
        """Return the event as JSON values."""
        return {
            "v": SCHEMA,
            "seq": self.seq,
            "class_id": self.class_id,
            "room": self.room,
            "seat": self.seat,
            "at_case_ms": self.at_case_ms,
            "at_wall_ms": self.at_wall_ms,
            "branch": self.branch,
            "kind": self.kind,
            "body": self.body.model_dump(mode="json"),
        }

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "Event":
        """Return the event of JSON values; raises Invalid naming what is wrong.

        A kind that this version does not know is kept with its body as it is.
        """
        try:
            version, kind = int(row["v"]), str(row["kind"])
            if version > SCHEMA:
                raise Invalid(f"event schema {version} is newer than {SCHEMA}: upgrade Teleward")
            body, unknown = body_of(kind, row["body"])
            return cls(
                str(row["class_id"]), body, row["room"], row["seat"], row["at_case_ms"],
                int(row["at_wall_ms"]), int(row["branch"]), unknown, int(row["seq"]),
            )  # fmt: skip
        except (KeyError, TypeError, ValidationError) as error:
            raise Invalid(f"event {row.get('seq')}: {error}") from error


def body_of(kind: str, fields: dict[str, Any]) -> tuple[Body | Unknown, str]:
    """Return the body of a kind, and the name of the kind when it is unknown."""
    model = KINDS.get(kind)
    if model is None:
        return Unknown.model_validate(fields), kind
    return model.model_validate(fields), ""


def write_lines(events: list[Event]) -> str:
    """Return events as JSON lines."""
    return "".join(json.dumps(event.to_json(), ensure_ascii=False) + "\n" for event in events)


def read_lines(text: str) -> list[Event]:
    """Return the events of JSON lines; raises Invalid naming the line."""
    events = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            events.append(Event.from_json(json.loads(line)))
        except ValueError as error:
            raise Invalid(f"line {number}: {error}") from error
    return events


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of an event, with every kind."""
    envelope = {
        "v": {"const": SCHEMA},
        "seq": {"type": "integer", "minimum": 0},
        "class_id": {"type": "string"},
        "room": {"type": ["string", "null"]},
        "seat": {"type": ["string", "null"]},
        "at_case_ms": {"type": ["integer", "null"], "description": "time of the illness"},
        "at_wall_ms": {"type": "integer", "description": "UTC, Unix time"},
        "branch": {"type": "integer", "minimum": 0},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Event of a class, schema {SCHEMA}",
        "type": "object",
        "required": [*envelope, "kind", "body"],
        "properties": envelope,
        "oneOf": _of_each_kind(),
    }


def _of_each_kind() -> list[dict[str, Any]]:
    return [
        {
            "title": kind,
            "properties": {"kind": {"const": kind}, "body": TypeAdapter(model).json_schema()},
        }
        for kind, model in sorted(KINDS.items())
    ]
