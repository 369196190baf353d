"""The tables of a journal and the statements on them; everything in them is a sealed blob.

    wave    seq | count | data           one row a commit: the waveforms of all subjects
    light   seq | count | kinds | data   one row a commit: everything else
    span    seq | stop | start_ns | end_ns | data    one row a minute: which records there must be
    state   key | data                   identity, sinks, corrections, counters, requests
    aside   id | data                    records that a sink will never take, and why
    trend   key | stop | boot | mono_ns | data    values in buckets, by level and first number

Columns beside ``data`` only repeat what is in it, to choose rows without unpacking them.
"""

import contextlib
import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from teleward_gateway.journal.checksum import Blob, DamagedBlob, pack_blob, unpack_blob
from teleward_gateway.journal.database import Database, prepare_for_writing
from teleward_gateway.journal.row import Row, kinds_in
from teleward_gateway.journal.sinks import MOST_DEAD_LETTERS
from teleward_gateway.journal.spans import Span
from teleward_signal.record import RecordKind

SCHEMA = 2
APPLICATION_ID = 0x54574A31  # "TWJ1", for file(1)
TREND_TABLE = (
    "CREATE TABLE IF NOT EXISTS trend (key INTEGER PRIMARY KEY, stop INTEGER NOT NULL,"
    " boot TEXT NOT NULL, mono_ns INTEGER NOT NULL, data BLOB NOT NULL)"
)
_TABLES = (
    "CREATE TABLE wave (seq INTEGER PRIMARY KEY, count INTEGER NOT NULL, data BLOB NOT NULL)",
    "CREATE TABLE light (seq INTEGER PRIMARY KEY, count INTEGER NOT NULL,"
    " kinds INTEGER NOT NULL, data BLOB NOT NULL)",
    "CREATE TABLE span (seq INTEGER PRIMARY KEY, stop INTEGER NOT NULL,"
    " start_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL, data BLOB NOT NULL)",
    "CREATE TABLE state (key INTEGER PRIMARY KEY, data BLOB NOT NULL)",
    "CREATE TABLE aside (id INTEGER PRIMARY KEY, data BLOB NOT NULL)",
    TREND_TABLE,
)

IDENTITY, COUNTERS, CORRECTIONS, REQUESTS, FIRST_SINK = 1, 2, 3, 4, 100
"""Keys of the state table; sinks have the keys from `FIRST_SINK` on."""


class Store:
    """Writes a journal's tables; used by one thread."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def prepare(self) -> None:
        """Set the file up for durable writing and make the tables if the file is new."""
        prepare_for_writing(self.database)
        if not self.run("SELECT name FROM sqlite_master LIMIT 1"):
            self.create_tables()

    def create_tables(self) -> None:
        """Make the tables of a new file."""
        with Transaction(self.database):
            for statement in _TABLES:
                self.run(statement)
            self.run(f"PRAGMA application_id = {APPLICATION_ID}")
            self.write_state(IDENTITY, {"schema": SCHEMA, "edition": 0})

    def run(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement to its end."""
        return list(self.database.execute(sql, values))

    def insert(self, rows: Sequence[Row]) -> None:
        """Write new rows; raises sqlite3.IntegrityError where another program wrote that number."""
        self._insert("INSERT", rows)

    def restore(self, rows: Sequence[Row]) -> None:
        """Write rows that were saved; one that is already there is left as it is."""
        self._insert("INSERT OR IGNORE", rows)

    def _insert(self, how: str, rows: Sequence[Row]) -> None:
        for row in rows:
            if row.wave:
                self.run(f"{how} INTO wave VALUES (?,?,?)", (row.seq, row.count, row.blob))
            else:
                self.run(
                    f"{how} INTO light VALUES (?,?,?,?)",
                    (row.seq, row.count, row.kinds, row.blob),
                )

    def write_span(self, span: Span) -> None:
        """Write or replace the summary of a span."""
        self.run(
            "INSERT OR REPLACE INTO span VALUES (?,?,?,?,?)",
            (span.seq, span.stop, span.start_ns, span.end_ns, span.to_blob()),
        )

    def write_state(self, key: int, document: dict[str, Any]) -> None:
        """Replace a state document."""
        body = json.dumps(document, separators=(",", ":")).encode()
        self.run(
            "INSERT OR REPLACE INTO state VALUES (?,?)", (key, pack_blob(Blob.STATE, key, body))
        )

    def read_states(self) -> dict[int, dict[str, Any]]:
        """Return the state documents that are whole."""
        found = {}
        for key, blob in self.run("SELECT key, data FROM state"):
            try:
                sealed = unpack_blob(blob)
            except DamagedBlob:
                continue
            if sealed.number == key:
                found[key] = json.loads(sealed.body)
        return found

    def dead_letter(self, document: dict[str, Any]) -> None:
        """Remember a record that a sink will never take."""
        body = json.dumps(document, separators=(",", ":")).encode()
        self.run("INSERT INTO aside (data) VALUES (?)", (pack_blob(Blob.STATE, 0, body),))
        self.run(
            "DELETE FROM aside WHERE id <= (SELECT max(id) FROM aside) - ?", (MOST_DEAD_LETTERS,)
        )

    def forget_dead_letters(self, reopened: set[tuple[str, int]]) -> None:
        """Delete the dead letters of these sinks and record numbers: they are pending again."""
        for identity, blob in self.run("SELECT id, data FROM aside"):
            try:
                letter = json.loads(unpack_blob(blob).body)
            except DamagedBlob:
                continue
            if (letter["sink"], letter["seq"] + letter["part"]) in reopened:
                self.run("DELETE FROM aside WHERE id = ?", (identity,))

    def spans(self) -> Iterator[Span]:
        """Yield the spans that are whole, oldest first."""
        for seq, blob in self.run("SELECT seq, data FROM span ORDER BY seq"):
            try:
                span = Span.from_blob(blob)
            except DamagedBlob:
                continue
            if span.seq == seq:
                yield span

    def span(self, seq: int) -> Span | None:
        """Return the span that begins with ``seq`` if it is whole."""
        for (blob,) in self.run("SELECT data FROM span WHERE seq = ?", (seq,)):
            with contextlib.suppress(DamagedBlob):
                return Span.from_blob(blob)
        return None

    def rows(self, table: str, start: int, stop: int) -> list[tuple[Any, ...]]:
        """Return ``(seq, count, blob)`` of the rows that begin in ``[start, stop)``."""
        return self.run(
            f"SELECT seq, count, data FROM {table} WHERE seq >= ? AND seq < ? ORDER BY seq",
            (start, stop),
        )

    def last_number(self) -> int:
        """Return the highest record number in the tables, 0 when there are none."""
        highest = 0
        for table in ("wave", "light"):
            found = self.run(f"SELECT seq, count FROM {table} ORDER BY seq DESC LIMIT 1")
            if found:
                highest = max(highest, found[0][0] + found[0][1] - 1)
        found = self.run("SELECT stop FROM span ORDER BY seq DESC LIMIT 1")
        return max(highest, found[0][0] - 1) if found else highest

    def count_records(self, start: int = 0, stop: int = 2**62) -> int:
        """Return how many records the rows that begin in ``[start, stop)`` hold."""
        return sum(self._held(table, start, stop)[0] for table in ("wave", "light"))

    def _held(self, table: str, start: int, stop: int) -> tuple[int, int]:
        """Return the records and bytes of a table's rows in a range."""
        found = self.run(
            f"SELECT sum(count), sum(length(data)) FROM {table} WHERE seq >= ? AND seq < ?",
            (start, stop),
        )
        return found[0][0] or 0, found[0][1] or 0

    def recount(self, span: Span) -> Span:
        """Return the span with what the tables hold of it now."""
        waves, wave_bytes = self._held("wave", span.seq, span.stop)
        events, event_bytes = self._held("light", span.seq, span.stop)
        if (waves, events) == (span.waves, span.events):
            return span
        counts: Counter[RecordKind] = Counter({RecordKind.WAVEFORM: waves} if waves else {})
        for (blob,) in self.run(
            "SELECT data FROM light WHERE seq >= ? AND seq < ?", (span.seq, span.stop)
        ):
            counts.update(kinds_in(blob))
        return replace(
            span, waves=waves, events=events, wave_bytes=wave_bytes, event_bytes=event_bytes,
            counts=dict(counts), edition=span.edition + 1,
        )  # fmt: skip

    def delete(self, table: str, start: int, stop: int) -> None:
        """Delete the rows of ``table`` that begin in ``[start, stop)``."""
        self.run(f"DELETE FROM {table} WHERE seq >= ? AND seq < ?", (start, stop))

    def used_bytes(self) -> int:
        """Return the bytes of pages in use, without those free for reuse."""
        names = ("page_count", "freelist_count", "page_size")
        pages, free, size = (self.run(f"PRAGMA {name}")[0][0] for name in names)
        return int(pages - free) * int(size)

    def free_pages(self) -> int:
        """Return how many pages of the file wait to be used again."""
        return int(self.run("PRAGMA freelist_count")[0][0])

    def checkpoint(self) -> int:
        """Move the log into the file as far as no reader is in the way; return its frames left."""
        _, frames, moved = self.run("PRAGMA wal_checkpoint(PASSIVE)")[0]
        return int(frames) - int(moved)


class Transaction:
    """One transaction: committed at the end of the block, rolled back on any error."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __enter__(self) -> None:
        list(self._database.execute("BEGIN IMMEDIATE"))

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is None:
            try:
                list(self._database.execute("COMMIT"))
                return
            except BaseException:
                self._roll_back()
                raise
        self._roll_back()

    def _roll_back(self) -> None:
        # SQLite rolls back by itself after some errors and then has nothing to roll back
        with contextlib.suppress(sqlite3.Error):
            list(self._database.execute("ROLLBACK"))
