"""CSV: a table for each kind of record, RFC 4180, UTF-8, times in UTC to the nanosecond.

Zero is written as zero; a cell is empty only where there is nothing, and a measurement without a
value has its reason. A waveform is a row a block, its samples in one cell with spaces between them:
a day of one lead is 90 MB so, and 1.2 GB as a row a sample. Texts that a spreadsheet would carry
out as a formula begin with an apostrophe.
"""

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from teleward_cloud.exports.tables import TABLES, Table, Type
from teleward_cloud.exports.times import iso_ns
from teleward_cloud.exports.writer import Part, Scope
from teleward_signal.record import Record, RecordKind

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""First letters by which a spreadsheet takes a text for a formula and carries it out."""


def plain(text: str) -> str:
    """Return a text that a spreadsheet shows and does not carry out."""
    return f"'{text}" if text.startswith((*FORMULA, "'")) else text


def json_text(value: Any) -> str:
    """Return a JSON object as text, the same for the same object."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


_CELLS: dict[Type, Callable[[Any], str]] = {
    Type.TIME: iso_ns,
    Type.TEXT: str,
    Type.FREE: lambda value: plain(str(value)),
    Type.FLOAT: repr,
    Type.INT: str,
    Type.BOOL: lambda value: "true" if value else "false",
    Type.JSON: json_text,
    Type.SAMPLES: lambda value: " ".join(map(str, value.tolist())),
}


class CsvWriter:
    """Writes NAME.csv for each kind of record that there is."""

    def __init__(self, scope: Scope) -> None:
        self.left_out: Counter[str] = Counter()
        self._begun: set[RecordKind] = set()
        self._waves = scope.waves

    def begin(self) -> Iterable[Part]:
        """Return the head of the table of measurements, which is always there."""
        yield self._head(RecordKind.MEASUREMENT)

    def write(self, records: Sequence[Record]) -> Iterable[Part]:
        """Return the rows of some records, table by table."""
        kinds = dict.fromkeys(record.kind for record in records)
        for kind in kinds:
            if kind not in TABLES:
                self.left_out[f"{kind.value} records have no table"] += 1
                continue
            if kind not in self._begun:
                yield self._head(kind)
            table = TABLES[kind]
            rows = [table.row(record) for record in records if record.kind is kind]
            yield Part(f"{table.name}.csv", _rows(table, rows))

    def finish(self) -> Iterable[Part]:
        """Return nothing: a table has no end."""
        return ()

    def _head(self, kind: RecordKind) -> Part:
        self._begun.add(kind)
        table = TABLES[kind]
        return Part(f"{table.name}.csv", csv_line([c.name for c in table.columns]))


def csv_line(cells: Sequence[str]) -> bytes:
    """Return one line of a table."""
    written = io.StringIO()
    csv.writer(written).writerow(cells)
    return written.getvalue().encode()


def _rows(table: Table, rows: Iterable[tuple[Any, ...]]) -> bytes:
    written = io.StringIO()
    writer = csv.writer(written)
    cells = [_CELLS[column.type] for column in table.columns]
    for row in rows:
        writer.writerow(
            ["" if value is None else cell(value) for cell, value in zip(cells, row, strict=True)]
        )
    return written.getvalue().encode()


def make_writer(scope: Scope) -> CsvWriter:
    """Return the writer of CSV tables."""
    return CsvWriter(scope)
