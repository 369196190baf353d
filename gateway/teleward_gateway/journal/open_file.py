"""Open a journal's file: lock it, create or repair it, and find where to go on.

DIR/field.sqlite3       the tables          DIR/field.mark      how far it had come
DIR/field.sqlite3-wal   the log             DIR/field.lock      one gateway at a time
DIR/field.damaged/      the last damaged file
DIR/field.reserve       room for the day when the disk is full
"""

import fcntl
import logging
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from teleward_gateway.journal.checksum import Blob, unpack_blob
from teleward_gateway.journal.commit import Opened, Ready
from teleward_gateway.journal.config import JournalConfig
from teleward_gateway.journal.damage import Damaged, check_versions, is_damage
from teleward_gateway.journal.database import Connect
from teleward_gateway.journal.file_watch import FileWatch
from teleward_gateway.journal.mark import Mark
from teleward_gateway.journal.migrations import JournalTooNew, migrate
from teleward_gateway.journal.repair import finish_repair, repair_file
from teleward_gateway.journal.reserve import Reserve
from teleward_gateway.journal.row import Origin, inspect_row
from teleward_gateway.journal.salvage import find_blobs
from teleward_gateway.journal.spans import Span
from teleward_gateway.journal.store import COUNTERS, IDENTITY, SCHEMA, Store, Transaction
from teleward_gateway.journal.verify import Findings, check_rows, summarise, verify
from teleward_signal.errors import Unavailable

log = logging.getLogger(__name__)

MOST_LOG_BYTES = 256 * 2**20  # a log that large was never checkpointed: salvage leaves it to SQLite


class JournalInUse(Unavailable):
    """Another gateway has the journal open."""


class Opening:
    """Opens one journal, again and again if need be; used by the writer's thread."""

    def __init__(
        self,
        folder: Path,
        origin: Origin,
        config: JournalConfig,
        connect: Connect,
        opened: Callable[[Opened], None],
    ) -> None:
        self.path = folder / f"{origin.provenance.value}.sqlite3"
        self.suspect: str | None = None
        self._origin, self._config = origin, config
        self._connect, self._opened = connect, opened
        self._lock: int | None = None
        self._watch = FileWatch(self.path)

    def lock(self) -> None:
        """Claim the journal for this process; raises `JournalInUse`, or OSError if it cannot."""
        if self._lock is not None:
            return
        # only now: a folder that vanishes later is a disk that was pulled, not a new journal
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(
            self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640
        )
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            raise self._in_use() from None
        self._lock = handle

    def _in_use(self) -> JournalInUse:
        return JournalInUse(
            f"{self.path} is in use by another gateway; stop it, or choose another folder"
        )

    def unlock(self) -> None:
        """Give the journal up."""
        self._watch.release()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def open(self) -> Ready:
        """Open the file for writing, repaired if damaged; raises sqlite3.Error or OSError."""
        self.lock()
        finish_repair(self.path)
        if not self._watch.claim():
            raise self._in_use()
        log_bytes = self._read_log()
        mark = Mark(self.path.with_suffix(".mark"))
        suspect, self.suspect = self.suspect, None
        try:
            if suspect is not None:
                raise Damaged(suspect)
            return self._open(log_bytes, mark)
        except JournalTooNew:
            raise
        except Exception as error:
            if not is_damage(error):
                raise
            repair_file(self.path, log_bytes, mark.read(), self._connect, str(error))
        return self._open(b"", mark)

    def _read_log(self) -> bytes:
        """Read the log that an unclean end left, before SQLite takes it over."""
        path = self.path.with_name(self.path.name + "-wal")
        if not path.exists() or path.stat().st_size > MOST_LOG_BYTES:
            return b""
        return path.read_bytes()

    def _open(self, log_bytes: bytes, mark: Mark) -> Ready:
        check_versions(self.path)
        store = Store(self._connect(self.path))
        try:
            if not self._watch.claim():
                raise self._in_use()
            store.prepare()
            migrate(store)
            return self._resume(store, log_bytes, mark)
        except BaseException:
            store.database.close()
            raise

    def _resume(self, store: Store, log_bytes: bytes, mark: Mark) -> Ready:
        states = store.read_states()
        if len(states) != store.run("SELECT count(*) FROM state")[0][0]:
            raise Damaged("a state document is damaged")
        spans = list(store.spans())
        found = self._examine(store, spans)
        due = mark.read()
        if found.next_number < due:
            found = self._restore_tail(store, states, spans, found, log_bytes, due)
        next_number = max(found.next_number, due)
        journal = self._identity(store, states)
        store.checkpoint()
        self._watch.begin()
        self._opened(Opened(states, next_number, journal, spans, found.tail))
        origin = Origin(self._origin.gateway, journal, self._origin.boot, self._origin.provenance)
        reserve = Reserve(self.path.with_suffix(".reserve"), self._config.log_bytes)
        return Ready(store, origin, next_number, found.tail, mark, reserve)

    def _examine(self, store: Store, spans: list[Span]) -> Findings:
        """Check the whole of a small journal, the open span of a large one."""
        if store.used_bytes() <= self._config.verify_bytes:
            found = verify(store, spans)
        else:
            found = check_rows(store, spans, spans[-1].stop if spans else 1)
        if found.bad:
            raise Damaged(f"{len(found.bad)} rows fail their checksum")
        return found

    def _restore_tail(
        self,
        store: Store,
        states: dict[int, dict[str, Any]],
        spans: list[Span],
        found: Findings,
        log_bytes: bytes,
        due: int,
    ) -> Findings:
        """Bring back records that SQLite dropped with a damaged log; count those that are gone."""
        rows = [
            inspect_row(blob)
            for blob in find_blobs(b"", log_bytes)
            if unpack_blob(blob).type in (Blob.WAVE, Blob.EVENT)
            and unpack_blob(blob).number >= found.next_number
        ]
        counters = states.setdefault(COUNTERS, {})
        with Transaction(store.database):
            store.restore(rows)
            kept = store.count_records(found.next_number)
            stop = max(due, store.last_number() + 1)
            lost = max(0, stop - found.next_number - kept)
            counters["damaged"] = counters.get("damaged", 0) + lost
            counters["healed"] = counters.get("healed", 0) + 1
            counters["edition"] = counters.get("edition", 0) + 1
            store.write_state(COUNTERS, counters)
            covered = spans[-1].stop if spans else 1
            span = summarise(store, covered, stop)
            store.write_span(span)
        spans.append(span)
        log.error("journal: the log was damaged: %d records saved, %d lost", kept, lost)
        return Findings(next_number=stop)

    def is_replaced(self) -> bool:
        """Return whether the file that was opened is no longer the one at its path."""
        return self._watch.is_replaced()

    def is_overwritten(self) -> bool:
        """Return whether another program wrote an older file into the one that is open."""
        return self._watch.is_overwritten()

    def checkpointed(self) -> None:
        """Note that the log was moved into the file."""
        self._watch.checkpointed()

    def leave_mark(self, next_number: int) -> None:
        """Note how far the file had come that is gone or overwritten; lock a new one."""
        if self._watch.is_replaced():
            self.unlock()
            self.lock()
        mark = Mark(self.path.with_suffix(".mark"))
        mark.write(next_number)
        mark.close()

    def _identity(self, store: Store, states: dict[int, dict[str, Any]]) -> str:
        """Return a new id for the journal, at every opening.

        A file that was restored, copied or cloned cannot be told from the one it was made of, not
        even by boot and inode, and both would go on with the same numbers.
        """
        known = states.get(IDENTITY, {})
        journal = secrets.token_hex(8)
        document = {
            "edition": int(known.get("edition", 0)) + 1,
            "schema": known.get("schema", SCHEMA),
            "journal": journal,
            "boot": self._origin.boot,
        }
        with Transaction(store.database):
            store.write_state(IDENTITY, document)
        return journal
