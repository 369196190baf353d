"""Tables of an export: one for each kind of record, a row a record, alike in CSV and Parquet.

Every row begins with what all records have and ends with the identity of the record. A measurement
without a value always has a reason.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np

from teleward_signal.record import Record, RecordKind
from teleward_signal.vocabulary import METRICS

NO_REASON = "not_stated"
"""Stands where a device gave no value and no reason."""
DTYPES = {"int16": "<i2", "int32": "<i4"}


class Type(Enum):
    """What stands in a column."""

    TIME = "UTC, ns"
    TEXT = "text"
    FREE = "text that a person or a device wrote"
    FLOAT = "number"
    INT = "whole number"
    BOOL = "true or false"
    JSON = "JSON object"
    SAMPLES = "whole numbers"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, type, unit and meaning, for the data dictionary too."""

    name: str
    type: Type
    meaning: str
    unit: str = ""


Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """One table; ``values`` makes the part of a row that is its own."""

    name: str
    kind: RecordKind
    own: tuple[Column, ...]
    values: Callable[[Record], Row]

    @property
    def columns(self) -> tuple[Column, ...]:
        """All columns of the table, in order."""
        return (*_FIRST, *self.own, *_LAST)

    def row(self, record: Record) -> Row:
        """Return a record as values in the order of the columns."""
        identity = record.id
        return (
            record.time_ns, record.subject, record.device, record.metric, *self.values(record),
            record.uncertainty_ns / 1e9, record.provenance.value,
            identity.gateway, identity.journal, identity.seq, identity.part,
        )  # fmt: skip


_FIRST = (
    Column("time", Type.TIME, "moment of the record; of a waveform its first sample", "UTC"),
    Column("subject", Type.TEXT, "id of the person"),
    Column("device", Type.TEXT, "id of the device; empty: made by the gateway or a person"),
    Column("metric", Type.TEXT, "what was measured, by Teleward's name"),
)
_LAST = (
    Column("uncertainty_s", Type.FLOAT, "how far the time may be off", "s"),
    Column("provenance", Type.TEXT, "field: a person; simulated: a simulator"),
    Column("gateway", Type.TEXT, "identity of the record: gateway"),
    Column("journal", Type.TEXT, "identity of the record: journal"),
    Column("seq", Type.INT, "identity of the record: number of the row"),
    Column("part", Type.INT, "identity of the record: place in the row"),
)
_MEASUREMENT_KEYS = frozenset(
    {"value", "reason", "quality", "source", "valid_s", "stored", "group", "author",
     "device_time_ns", "detail"}
)  # fmt: skip


def _measurement(record: Record) -> Row:
    known = record.payload
    value = known.get("value")
    reason = known.get("reason")
    if value is None and not reason:
        reason = NO_REASON
    metric = METRICS.get(record.metric or "")
    rest = {key: item for key, item in known.items() if key not in _MEASUREMENT_KEYS}
    detail = {**(known.get("detail") or {}), **rest}
    return (
        value, metric.unit if metric else "", reason, known.get("quality"), known.get("source"),
        known.get("valid_s"), bool(known.get("stored")), known.get("group"), known.get("author"),
        known.get("device_time_ns"), detail or None,
    )  # fmt: skip


def _waveform(record: Record) -> Row:
    known = record.payload
    metric = METRICS.get(record.metric or "")
    dtype = str(known.get("dtype", "int16"))
    samples = np.frombuffer(record.samples, DTYPES.get(dtype, "u1"))
    return (
        known.get("fs"), metric.unit if metric else "", known.get("scale"), known.get("offset"),
        dtype, known.get("index"), known.get("gap_samples", 0), known.get("device_time_ns"),
        len(samples), samples,
    )  # fmt: skip


def _alarm(record: Record) -> Row:
    known = record.payload
    return tuple(
        known.get(key)
        for key in ("condition", "kind", "priority", "presence", "text", "value", "limit", "author")
    )


def _annotation(record: Record) -> Row:
    known = record.payload
    return (
        known.get("symbol"), known.get("label"), known.get("until_ns"), known.get("author"),
        known.get("evidence") or None,
    )  # fmt: skip


def _device(record: Record) -> Row:
    known = record.payload
    faults = " ".join(known.get("faults", ()))
    return (known.get("state"), known.get("battery_percent"), faults, known.get("identity") or None)


MEASUREMENTS = Table(
    "measurements", RecordKind.MEASUREMENT,
    (
        Column("value", Type.FLOAT, "the value; empty only where a reason stands", "column unit"),
        Column("unit", Type.TEXT, "UCUM unit of the value"),
        Column("reason", Type.TEXT, "why there is no value, or what limits it"),
        Column("quality", Type.FLOAT, "0 useless to 1 clean; empty: not known", "1"),
        Column("source", Type.TEXT, "device, derived or manual"),
        Column("valid_s", Type.FLOAT, "how long the value holds", "s"),
        Column("stored", Type.BOOL, "from the memory of a device"),
        Column("group", Type.TEXT, "values of one reading share it"),
        Column("author", Type.FREE, "who entered it"),
        Column("device_time_ns", Type.INT, "clock of the device", "ns"),
        Column("detail", Type.JSON, "what else is known"),
    ),
    _measurement,
)  # fmt: skip
WAVEFORMS = Table(
    "waveforms", RecordKind.WAVEFORM,
    (
        Column("fs", Type.FLOAT, "samples a second", "Hz"),
        Column("unit", Type.TEXT, "UCUM unit of sample * scale + offset"),
        Column("scale", Type.FLOAT, "unit for each count", "column unit"),
        Column("offset", Type.FLOAT, "value of count 0", "column unit"),
        Column("dtype", Type.TEXT, "int16 or int32"),
        Column("index", Type.INT, "number of the first sample, as the device counts"),
        Column("gap_samples", Type.INT, "samples lost just before"),
        Column("device_time_ns", Type.INT, "clock of the device", "ns"),
        Column("n_samples", Type.INT, "how many samples follow"),
        Column("samples", Type.SAMPLES, "counts as the device sent them"),
    ),
    _waveform,
)  # fmt: skip
ALARMS = Table(
    "alarms", RecordKind.ALARM,
    (
        Column("condition", Type.TEXT, "what is watched"),
        Column("kind", Type.TEXT, "physiological or technical"),
        Column("priority", Type.TEXT, "high, medium, low or info"),
        Column("presence", Type.TEXT, "on, latched, ack or off"),
        Column("text", Type.FREE, "as the ward reads it"),
        Column("value", Type.FLOAT, "the value that crossed the limit", "unit of the metric"),
        Column("limit", Type.FLOAT, "the limit", "unit of the metric"),
        Column("author", Type.FREE, "who acknowledged it"),
    ),
    _alarm,
)  # fmt: skip
ANNOTATIONS = Table(
    "annotations", RecordKind.ANNOTATION,
    (
        Column("symbol", Type.TEXT, "WFDB: N V S Q beats, + rhythm, ~ quality, \" note"),
        Column("label", Type.FREE, "rhythm, or text of the note"),
        Column("until", Type.TIME, "end of an interval", "UTC"),
        Column("author", Type.FREE, "who wrote the note"),
        Column("evidence", Type.JSON, "what it was decided by"),
    ),
    _annotation,
)  # fmt: skip
DEVICES = Table(
    "devices", RecordKind.DEVICE,
    (
        Column("state", Type.TEXT, "state of the connection"),
        Column("battery_percent", Type.FLOAT, "charge", "%"),
        Column("faults", Type.TEXT, "faults that the device reports"),
        Column("identity", Type.JSON, "maker, model, serial number and versions"),
    ),
    _device,
)  # fmt: skip
TABLES: dict[RecordKind, Table] = {
    table.kind: table for table in (MEASUREMENTS, WAVEFORMS, ALARMS, ANNOTATIONS, DEVICES)
}
"""The table of each kind of record."""
