"""Reading a journal by number, for sinks, and by time, for history; used by one thread."""

import json
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from typing import Any

import numpy as np

from teleward_gateway.clock.corrections import Corrections
from teleward_gateway.journal.checksum import HEADER, DamagedBlob, unpack_blob
from teleward_gateway.journal.database import Database
from teleward_gateway.journal.entries import Filter, kind_mask
from teleward_gateway.journal.ranges import Ranges
from teleward_gateway.journal.row import end_of, records_of
from teleward_gateway.journal.sinks import ENDLESS
from teleward_gateway.journal.spans import Span
from teleward_signal.record import Record, RecordKind
from teleward_signal.vocabulary import METRICS, MetricKind

_TIMES = struct.Struct("<qq")
_TIMES_AT = HEADER.size + 16
ROW_HEAD = _TIMES_AT + _TIMES.size
"""Bytes of a row in which its times stand."""
_CHUNK_ROWS = 64
_COUNT_STEP = 256
"""Rows or spans counted at a time: some 20 ms, which a sink that wants to read may wait."""

Damage = Callable[[str, int, int], None]
"""Called as ``(table, seq, count)`` for a row that fails its checksum."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Records in order; everything wanted up to number ``through`` is among them.

    ``corrections`` of the clock were known when their times were made.
    """

    records: tuple[Record, ...]
    through: int
    corrections: int = 0


class Reader:
    """Reads rows; ``cached`` offers rows still in memory, ``on_damage`` is called for bad ones."""

    def __init__(
        self,
        database: Database,
        on_damage: Damage,
        cached: Callable[[int], Sequence[Record] | None] = lambda seq: None,
    ) -> None:
        self._database = database
        self._on_damage = on_damage
        self._cached = cached
        self._last: tuple[tuple[str, int, Filter] | None, Sequence[Record]] = (None, ())

    def close(self) -> None:
        """Close the connection."""
        self._database.close()

    def read(self, after: int, kinds: frozenset[RecordKind], limit: int, stop: int) -> Batch:
        """Return up to ``limit`` records of ``kinds`` numbered above ``after``, below ``stop``."""
        found: list[Record] = []
        wanted = Filter(kinds=kinds)
        for table, seq, count in self._rows_after(after, kinds, stop):
            records = self._records(table, seq, count, wanted)
            if after < seq and seq + count <= stop and len(found) + len(records) <= limit:
                found += records  # nearly always a whole row
                continue
            for record in records:
                number = record.id.seq + record.id.part
                if not after < number < stop:
                    continue
                if len(found) == limit:
                    return Batch(tuple(found), number_of(found[-1]))
                found.append(record)
        return Batch(tuple(found), max(after, stop - 1))

    def _rows_after(
        self, after: int, kinds: frozenset[RecordKind], stop: int
    ) -> Iterator[tuple[str, int, int]]:
        for seq, count, table, _ in self._headers_after(after, kinds, stop):
            yield table, seq, count

    def _headers_after(
        self, after: int, kinds: frozenset[RecordKind], stop: int
    ) -> Iterator[tuple[int, int, str, int]]:
        """Yield ``(seq, count, table, mask of kinds)`` of the rows of both tables, in order."""
        streams: list[Iterable[tuple[int, int, str, int]]] = []
        if RecordKind.WAVEFORM in kinds:
            streams.append(self._headers("wave", after, stop, None))
        mask = kind_mask(kinds - {RecordKind.WAVEFORM})
        if mask:
            streams.append(self._headers("light", after, stop, mask))
        yield from merge(*streams)

    def _headers(
        self, table: str, after: int, stop: int, mask: int | None
    ) -> Iterator[tuple[int, int, str, int]]:
        """Read in short queries, which never hold a checkpoint up."""
        found = self.all(
            f"SELECT seq FROM {table} WHERE seq <= ? ORDER BY seq DESC LIMIT 1", (after,)
        )
        position = found[0][0] if found else after
        held = str(kind_mask({RecordKind.WAVEFORM})) if mask is None else "kinds"
        chosen = "" if mask is None else f" AND kinds & {mask} != 0"
        while True:
            rows = self.all(
                f"SELECT seq, count, {held} FROM {table} WHERE seq >= ? AND seq < ?{chosen}"
                f" ORDER BY seq LIMIT {_CHUNK_ROWS}",
                (position, stop),
            )
            for seq, count, kinds in rows:
                if seq + count - 1 > after:
                    yield seq, count, table, kinds
            if len(rows) < _CHUNK_ROWS:
                return
            position = rows[-1][0] + 1

    def _records(self, table: str, seq: int, count: int, wanted: Filter) -> Sequence[Record]:
        known = self._cached(seq)
        if known is not None:
            return [r for r in known if wanted.kinds is None or r.kind in wanted.kinds]
        wanted_row = (table, seq, wanted)
        if self._last[0] == wanted_row:  # a backlog takes a long row in several batches
            return self._last[1]
        blobs = self.all(f"SELECT data FROM {table} WHERE seq = ?", (seq,))
        if not blobs:
            return ()
        found = self._open(table, seq, count, blobs[0][0], wanted)
        if found:
            self._last = (wanted_row, found)
        return found

    def _open(
        self, table: str, seq: int, count: int, blob: bytes, wanted: Filter
    ) -> Sequence[Record]:
        try:
            records = records_of(blob, wanted)
        except DamagedBlob:
            records = None
        if records is None or any(record.id.seq != seq for record in records[:1]):
            self._on_damage(table, seq, count)
            return ()
        return records

    def count(self, start: int, stop: int, kinds: frozenset[RecordKind]) -> tuple[int, int]:
        """Count records of ``kinds`` from number ``start`` on, for a short while.

        Returns how many there are below the number that comes with it, at most ``stop``.
        """
        total, position = 0, start
        blobs = self.all(
            "SELECT data FROM span WHERE seq >= ? AND stop <= ? ORDER BY seq LIMIT ?",
            (start, stop, _COUNT_STEP),
        )
        for span in [Span.from_blob(blob) for (blob,) in blobs]:
            if span.seq > position:
                break
            total += sum(n for kind, n in span.counts.items() if kind in kinds)
            position = span.stop
        else:
            if position == stop or len(blobs) == _COUNT_STEP:
                return total, position
            span = None
        count, position = self._count_rows(position, span.seq if span else stop, kinds)
        return total + count, position

    def _count_rows(self, start: int, stop: int, kinds: frozenset[RecordKind]) -> tuple[int, int]:
        total = 0
        rows = self._headers_after(start - 1, kinds, stop)
        for n_rows, (seq, count, table, held) in enumerate(rows):
            if n_rows == _COUNT_STEP:
                return total, max(start, seq)
            if held & ~kind_mask(kinds):  # a mixed row; of others the numbers tell
                records = self._records(table, seq, count, Filter(kinds))
                total += sum(start <= number_of(record) < stop for record in records)
            else:
                total += min(stop, seq + count) - max(start, seq)
        return total, stop

    def aside(self, sink: str, limit: int) -> list[dict[str, object]]:
        """Return the newest records that were set aside for a sink, newest first."""
        found: list[dict[str, object]] = []
        for (blob,) in self.all("SELECT data FROM aside ORDER BY id DESC"):
            try:
                document = json.loads(unpack_blob(blob).body)
            except DamagedBlob:
                continue
            if document["sink"] == sink:
                found.append(document)
            if len(found) == limit:
                break
        return found

    def history(
        self,
        wanted: Filter,
        start_ns: int,
        end_ns: int,
        limit: int,
        corrections: Corrections,
        open_from: int,
        after: tuple[int, int] | None = None,
    ) -> list[Record]:
        """Return records that lie in or reach into ``[start_ns, end_ns)``, by corrected time.

        Times are corrected here; rows keep what was stamped. ``open_from`` is the first number
        that no span covers yet. The earliest ``limit`` beyond ``after`` are returned, a time and
        a number.
        """
        if after is not None:
            start_ns = max(start_ns, after[0])
        found: list[Record] = []
        shifts = sorted(corrections.shifts())
        # nothing in a span can be earlier than its first time with the least shift
        for first, stop, from_ns in self.covering(start_ns, end_ns, shifts, open_from):
            if len(found) >= limit and from_ns + shifts[0] > _nth_ns(found, limit):
                break
            for record in self.values(wanted, first, stop, start_ns, end_ns, shifts):
                fixed = corrections.apply(record)
                inside = fixed.time_ns < end_ns and _last_ns(fixed) >= start_ns
                if inside and (after is None or _by_time(fixed) > after):
                    found.append(fixed)
        found.sort(key=_by_time)
        return found[:limit]

    def values(
        self,
        wanted: Filter,
        first: int,
        stop: int,
        start_ns: int,
        end_ns: int,
        shifts: Sequence[int],
    ) -> Iterator[Record]:
        """Yield what is wanted of rows in ``[first, stop)`` that may touch a time, as stamped.

        Rows that hold none of the kinds are not opened: alarms of a day are few among its values.
        """
        for table in _tables(wanted):
            chosen = ""
            if table == "light" and wanted.kinds is not None:
                chosen = f" AND kinds & {kind_mask(wanted.kinds)} != 0"
            for seq, count, blob in self.all(
                f"SELECT seq, count, data FROM {table} WHERE seq >= ? AND seq < ?{chosen}"
                " ORDER BY seq",
                (first, stop),
            ):
                if _touches(blob, start_ns, end_ns, shifts):
                    yield from self._open(table, seq, count, blob, wanted)

    def find(self, seq: int, part: int) -> Record | None:
        """Return one record as stamped, ``None`` when it is not there any more."""
        for table in ("light", "wave"):
            found = self.all(f"SELECT count, data FROM {table} WHERE seq = ?", (seq,))
            for count, blob in found:
                for record in self._open(table, seq, count, blob, Filter()):
                    if record.id.part == part:
                        return record
        return None

    def first_waveform(self) -> Record | None:
        """Return the oldest waveform as stamped, ``None`` when none is kept."""
        for seq, count, blob in self.all("SELECT seq, count, data FROM wave ORDER BY seq LIMIT 1"):
            for record in self._open("wave", seq, count, blob, Filter()):
                return record
        return None

    def covering(
        self, start_ns: int, end_ns: int, shifts: Sequence[int], open_from: int
    ) -> list[tuple[int, int, int]]:
        """Return numbers and first time of the spans that may hold records of that time."""
        spans: set[tuple[int, int, int]] = set()
        for shift in shifts:
            spans.update(
                self.all(
                    "SELECT seq, stop, start_ns FROM span"
                    " WHERE end_ns >= ? AND start_ns < ? AND seq < ?",
                    (start_ns - shift, end_ns - shift, open_from),
                )
            )
        # stored readings make a span begin early, so that spans go by their first time
        ordered = sorted(spans, key=lambda span: span[2])
        return [(open_from, ENDLESS, -ENDLESS), *ordered]

    def runs(self, start_ns: int, end_ns: int, shifts: Sequence[int], open_from: int) -> Ranges:
        """Return the numbers of the spans that may hold records of that time.

        A month has 43 200 spans, mostly one after the other: they become one range here.
        """
        found = Ranges()
        for shift in shifts:
            rows = self.all(
                "SELECT seq, stop FROM span WHERE end_ns >= ? AND start_ns < ? AND seq < ?"
                " ORDER BY seq",
                (start_ns - shift, end_ns - shift, open_from),
            )
            if rows:
                seq, stop = np.array(rows, np.int64).T
                breaks = np.flatnonzero(seq[1:] > stop[:-1])
                first = seq[np.concatenate(([0], breaks + 1))]
                last = stop[np.concatenate((breaks, [-1]))]
                for low, high in zip(first.tolist(), last.tolist(), strict=True):
                    found.add(low, high)
        return found

    def all(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """Run one statement to its end."""
        return list(self._database.execute(sql, values))


def number_of(record: Record) -> int:
    """Return the running number of a record in its journal."""
    return record.id.seq + record.id.part


def _by_time(record: Record) -> tuple[int, int]:
    return record.time_ns, number_of(record)


def _nth_ns(records: list[Record], n: int) -> int:
    """Return the time of the ``n``-th record by time."""
    return sorted(record.time_ns for record in records)[n - 1]


def _last_ns(record: Record) -> int:
    """Return the last moment of a record: of a waveform just before its end."""
    return max(record.time_ns, end_of(record) - (record.kind is RecordKind.WAVEFORM))


def _tables(wanted: Filter) -> list[str]:
    kinds = wanted.kinds
    metric = METRICS.get(wanted.metric or "")
    if kinds is None and metric is not None and metric.kind is not MetricKind.WAVEFORM:
        return ["light"]
    tables = []
    if kinds is None or kinds - {RecordKind.WAVEFORM}:
        tables.append("light")
    if kinds is None or RecordKind.WAVEFORM in kinds:
        tables.append("wave")
    return tables


def row_times(blob: bytes) -> tuple[int, int] | None:
    """Return the first and last time stamped in a row; None when the blob is too short for it.

    The first `ROW_HEAD` bytes of the blob are enough.
    """
    if len(blob) < ROW_HEAD:
        return None
    first_ns, last_ns = _TIMES.unpack_from(blob, _TIMES_AT)
    return first_ns, last_ns


def _touches(blob: bytes, start_ns: int, end_ns: int, shifts: Sequence[int]) -> bool:
    times = row_times(blob)
    if times is None:
        return True  # too short to be whole: opening it counts the damage
    first_ns, last_ns = times
    return any(last_ns + s >= start_ns and first_ns + s < end_ns for s in shifts)
