"""Repair a damaged journal: a new file from every whole blob of the old, and a count of the rest.

    field.sqlite3 (damaged) --salvage--> field.repair --rename--> field.sqlite3
           \\--rename--> field.damaged/   set aside, until the next damage

The count is exact: spans say how many records there must be, numbers have no holes where no span
is, and the mark says how far the journal had come.
"""

import json
import logging
import mmap
import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from teleward_gateway.journal.checksum import Blob, unpack_blob
from teleward_gateway.journal.database import PAGE_BYTES, Connect
from teleward_gateway.journal.migrations import refuse_newer
from teleward_gateway.journal.row import inspect_row
from teleward_gateway.journal.salvage import find_blobs
from teleward_gateway.journal.spans import Span
from teleward_gateway.journal.store import COUNTERS, IDENTITY, Store, Transaction
from teleward_gateway.journal.verify import summarise

log = logging.getLogger(__name__)


class Salvage:
    """Collects whole blobs: rows go into the new file at once, the rest is small."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.spans: dict[int, Span] = {}
        self.states: dict[int, dict[str, Any]] = {}
        self.aside: dict[str, dict[str, Any]] = {}

    def take(self, blob: bytes) -> None:
        """Keep a blob, the newest edition of it."""
        sealed = unpack_blob(blob)
        if sealed.type is Blob.SPAN:
            span = Span.from_blob(blob)
            known = self.spans.get(span.seq)
            if known is None or known.edition <= span.edition:
                self.spans[span.seq] = span
        elif sealed.type is Blob.STATE and sealed.number:
            document = json.loads(sealed.body)
            before = self.states.get(sealed.number, {})
            if before.get("edition", 0) <= document.get("edition", 0):
                self.states[sealed.number] = document
        elif sealed.type is Blob.STATE:
            self.aside[sealed.body.decode()] = json.loads(sealed.body)
        elif sealed.type is not Blob.TREND:  # trends are made anew from the rows
            self.store.restore([inspect_row(blob)])

    def check_version(self) -> None:
        """Raise `JournalTooNew` for what this version would not know how to save."""
        refuse_newer(int(self.states.get(IDENTITY, {}).get("schema", 0)))

    def drop_deleted(self) -> None:
        """Forget what the disk budget had deleted and whose pages still held it."""
        floor = self._floor()
        self.spans = {seq: span for seq, span in self.spans.items() if seq >= floor}
        for table in ("wave", "light"):
            self.store.delete(table, 0, floor)
        for span in self.spans.values():
            for table, count in (("wave", span.waves), ("light", span.events)):
                if not count:
                    self.store.delete(table, span.seq, span.stop)

    def lost(self, mark: int) -> int:
        """Return how many records must have been there and are not."""
        spans = sorted(self.spans.values(), key=lambda span: span.seq)
        expected, position = 0, self._floor()
        for span in spans:
            expected += max(0, span.seq - position) + span.waves + span.events
            position = max(position, span.stop)
        expected += max(0, self._stop(mark) - position)
        return max(0, expected - self.store.count_records())

    def _floor(self) -> int:
        """Return the number below which the disk budget had deleted everything."""
        return int(self.states.get(COUNTERS, {}).get("floor", 1))

    def _stop(self, mark: int) -> int:
        """Return the number after the last record that there was."""
        stops = [span.stop for span in self.spans.values()]
        return max(mark, self.store.last_number() + 1, *stops, self._floor())

    def _cover(self, start: int, stop: int) -> None:
        """Make a span for numbers that have none, so that what is missing is counted once."""
        if start < stop:
            self.store.write_span(summarise(self.store, start, stop))

    def write(self, lost: int, mark: int) -> None:
        """Write what goes with the rows; spans are updated to what is left of their records."""
        counters = self.states.get(COUNTERS, {})
        counters["damaged"] = counters.get("damaged", 0) + lost
        counters["healed"] = counters.get("healed", 0) + 1
        counters["edition"] = counters.get("edition", 0) + 1
        self.states[COUNTERS] = counters
        position = self._floor()
        for span in sorted(self.spans.values(), key=lambda span: span.seq):
            self._cover(position, span.seq)
            self.store.write_span(self.store.recount(span))
            position = span.stop
        self._cover(position, self._stop(mark))
        for key, document in self.states.items():
            self.store.write_state(key, document)
        for document in self.aside.values():
            self.store.dead_letter(document)


def repair_file(path: Path, log_bytes: bytes, mark: int, connect: Connect, reason: str) -> int:
    """Replace the damaged file at ``path`` by what can be saved; return the records lost."""
    repair = path.with_suffix(".repair")
    remove(repair)
    lost = _build(repair, path, log_bytes, mark, connect)
    aside = path.with_suffix(".damaged")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    for part in (path, path.with_name(path.name + "-wal")):
        if part.exists():
            part.rename(aside / part.name)
    path.with_name(path.name + "-shm").unlink(missing_ok=True)
    repair.rename(path)
    sync(path.parent)
    log.error("journal: %s was damaged (%s): %d records lost", path.name, reason, lost)
    return lost


def _build(repair: Path, path: Path, log_bytes: bytes, mark: int, connect: Connect) -> int:
    """Write the new file; unlogged and unsynced until it is complete, for it is not in use."""
    store = Store(connect(repair))
    try:
        store.run(f"PRAGMA page_size = {PAGE_BYTES}")
        store.run("PRAGMA journal_mode = OFF")
        store.run("PRAGMA synchronous = OFF")
        store.create_tables()
        salvage = Salvage(store)
        with Transaction(store.database):
            for blob in _blobs(path, log_bytes):
                salvage.take(blob)
            salvage.check_version()
            salvage.drop_deleted()
            lost = salvage.lost(mark)
            salvage.write(lost, mark)
    finally:
        store.database.close()
    sync(repair)
    return lost


def _blobs(path: Path, log_bytes: bytes) -> Iterator[bytes]:
    if not path.exists() or not path.stat().st_size:
        yield from find_blobs(b"", log_bytes)
        return
    with (
        path.open("rb") as file,
        closing(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)) as data,
    ):
        yield from find_blobs(data, log_bytes)


def finish_repair(path: Path) -> None:
    """Complete a repair that was cut off after the damaged file had been set aside."""
    repair = path.with_suffix(".repair")
    if repair.exists() and not path.exists():
        repair.rename(path)
    else:
        remove(repair)


def remove(path: Path) -> None:
    """Remove a database with its companions."""
    for name in (path.name, path.name + "-wal", path.name + "-shm"):
        path.with_name(name).unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Have the kernel write a file or folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
