"""Parquet (zstd): the tables of an export with types, one file for each kind of record.

Needs the extra ``parquet``. Samples are lists of whole numbers; times are UTC to the nanosecond.
"""

import io
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from teleward_cloud.exports.csv_tables import json_text
from teleward_cloud.exports.tables import TABLES, Table, Type
from teleward_cloud.exports.writer import Part, Scope
from teleward_signal.record import Record, RecordKind

GROUP_ROWS = 20_000
"""Rows of values in a group: readers skip groups by their lowest and highest time."""
GROUP_BLOCKS = 600
"""Rows of waveforms in a group: ten minutes of one signal."""
_NAMES = pa.dictionary(pa.int32(), pa.string())
_TYPES: dict[Type, Any] = {
    Type.TIME: pa.timestamp("ns", "UTC"),
    Type.TEXT: _NAMES,
    Type.FREE: pa.string(),
    Type.FLOAT: pa.float64(),
    Type.INT: pa.int64(),
    Type.BOOL: pa.bool_(),
    Type.JSON: pa.string(),
    Type.SAMPLES: pa.list_(pa.int32()),
}


class _Output(io.RawIOBase):
    """What pyarrow writes to: its bytes wait until they are taken."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        """Return that it can be written."""
        return True

    def write(self, data: Any) -> int:
        """Take bytes."""
        self._pieces.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        """Return what was written since the last call."""
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


class _File:
    """One table while it is written."""

    def __init__(self, table: Table, scope: Scope) -> None:
        self._table = table
        self.name = f"{table.name}.parquet"
        self._output = _Output()
        about = {
            "teleward_export": "1",
            "provenance": scope.provenance.value,
            "subject": scope.subject.id,
        }
        self._schema = pa.schema(
            [pa.field(column.name, _TYPES[column.type]) for column in table.columns], about
        )
        self._writer = pq.ParquetWriter(self._output, self._schema, compression="zstd")
        self._rows: list[tuple[Any, ...]] = []
        is_wave = table.kind is RecordKind.WAVEFORM
        self._most = GROUP_BLOCKS if is_wave else GROUP_ROWS

    def add(self, rows: Iterable[tuple[Any, ...]]) -> Iterable[Part]:
        """Take rows; return a group of them when it is full."""
        self._rows += rows
        if len(self._rows) >= self._most:
            self._flush()
            yield Part(self.name, self._output.taken())

    def end(self) -> Part:
        """Return the rest and the footer."""
        if self._rows:
            self._flush()
        self._writer.close()
        return Part(self.name, self._output.taken())

    def _flush(self) -> None:
        columns = []
        for column, values in zip(self._table.columns, zip(*self._rows, strict=True), strict=True):
            if column.type is Type.JSON:
                values = tuple(None if value is None else json_text(value) for value in values)
            elif column.type is Type.FLOAT:
                values = tuple(None if value is None else float(value) for value in values)
            columns.append(pa.array(values, _TYPES[column.type]))
        self._rows.clear()
        self._writer.write_table(pa.table(columns, schema=self._schema))


class ParquetWriter:
    """Writes NAME.parquet for each kind of record that there is."""

    def __init__(self, scope: Scope) -> None:
        self.left_out: Counter[str] = Counter()
        self._scope = scope
        self._files: dict[RecordKind, _File] = {}

    def begin(self) -> Iterable[Part]:
        """Open the table of measurements, which is always there."""
        self._file(RecordKind.MEASUREMENT)
        return ()

    def write(self, records: Sequence[Record]) -> Iterable[Part]:
        """Take records; return the groups of rows that are full."""
        for kind in dict.fromkeys(record.kind for record in records):
            if kind not in TABLES:
                self.left_out[f"{kind.value} records have no table"] += 1
                continue
            row = TABLES[kind].row
            yield from self._file(kind).add(row(each) for each in records if each.kind is kind)

    def finish(self) -> Iterable[Part]:
        """Return the rest of every table."""
        for file in self._files.values():
            yield file.end()

    def _file(self, kind: RecordKind) -> _File:
        if kind not in self._files:
            self._files[kind] = _File(TABLES[kind], self._scope)
        return self._files[kind]


def make_writer(scope: Scope) -> ParquetWriter:
    """Return the writer of Parquet tables."""
    return ParquetWriter(scope)
