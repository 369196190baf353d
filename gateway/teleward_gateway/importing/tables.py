"""CSV tables of an export as drafts of records: the way back of `exports.csv_tables`."""

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from teleward_cloud.exports.tables import DTYPES, NO_REASON, TABLES, Table, Type
from teleward_cloud.exports.times import parse_ns
from teleward_signal.errors import Invalid
from teleward_signal.record import Draft, RecordKind

csv.field_size_limit(2**26)
_NS = 1_000_000_000


def read_table(path: Path, table: Table, subject: str) -> Iterator[tuple[int, Draft]]:
    """Yield the rows of one table as drafts of ``subject``, with the number that each had.

    `Invalid` names file and line.
    """
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        wanted = [column.name for column in table.columns]
        missing = [name for name in ("time", *wanted) if name not in (rows.fieldnames or ())]
        if missing:
            raise Invalid(f"{path} has no column {missing[0]}: it is no table of an export")
        for row in rows:
            try:
                yield int(row["seq"]) + int(row["part"]), _draft(table, row, subject)
            except (ValueError, KeyError, TypeError, json.JSONDecodeError) as error:
                raise Invalid(f"{path}, line {rows.line_num}: {error}") from error


def _draft(table: Table, row: dict[str, str], subject: str) -> Draft:
    own = {
        column.name: _CELLS[column.type](row[column.name])
        for column in table.own
        if row[column.name] != ""
    }
    samples = b""
    if table.kind is RecordKind.WAVEFORM:
        counts = own.pop("samples", [])
        samples = np.array(counts, DTYPES[own["dtype"]]).tobytes()
    payload = _PAYLOADS[table.kind](own)
    return Draft(
        table.kind,
        subject,
        row["device"] or None,
        row["metric"] or None,
        parse_ns(row["time"]),
        round(float(row["uncertainty_s"] or 0.0) * _NS),
        payload,
        samples,
    )


def _measurement(own: dict[str, Any]) -> dict[str, Any]:
    own.pop("unit", None)
    own.setdefault("value", None)
    if own.get("reason") == NO_REASON:
        del own["reason"]
    if not own.get("stored"):
        own.pop("stored", None)
    return own


def _waveform(own: dict[str, Any]) -> dict[str, Any]:
    for key in ("unit", "n_samples"):
        own.pop(key, None)
    if not own.get("gap_samples"):
        own.pop("gap_samples", None)
    return own


def _annotation(own: dict[str, Any]) -> dict[str, Any]:
    if "until" in own:
        own["until_ns"] = own.pop("until")
    return own


def _device(own: dict[str, Any]) -> dict[str, Any]:
    if "faults" in own:
        own["faults"] = own["faults"].split()
    return own


_PAYLOADS: dict[RecordKind, Callable[[dict[str, Any]], dict[str, Any]]] = {
    RecordKind.MEASUREMENT: _measurement,
    RecordKind.WAVEFORM: _waveform,
    RecordKind.ALARM: lambda own: own,
    RecordKind.ANNOTATION: _annotation,
    RecordKind.DEVICE: _device,
}


def _number(text: str) -> float | int:
    return int(text) if text.lstrip("-").isdigit() else float(text)


_CELLS: dict[Type, Callable[[str], Any]] = {
    Type.TIME: parse_ns,
    Type.TEXT: str,
    Type.FREE: lambda text: text.removeprefix("'"),
    Type.FLOAT: _number,
    Type.INT: int,
    Type.BOOL: lambda text: text == "true",
    Type.JSON: json.loads,
    Type.SAMPLES: lambda text: [int(word) for word in text.split()],
}

TABLE_FILES = {f"{table.name}.csv": table for table in TABLES.values()}
"""The table of each file of an export."""
