"""Opening a journal's file: lock it, make or mend it, and find out where to go on.

DIR/field.sqlite3       the tables          DIR/field.mark    how far it had come
DIR/field.sqlite3-wal   the log             DIR/field.lock    one gateway at a time
"""

import fcntl
import logging
import os
import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from teleward_gateway.journal.database import Connect
from teleward_gateway.journal.mark import Mark
from teleward_gateway.journal.row import Origin, inspect_row, records_of
from teleward_gateway.journal.seal import DamagedBlob
from teleward_gateway.journal.spans import Span, count_row
from teleward_gateway.journal.store import IDENTITY, SCHEMA, Store, Transaction
from teleward_gateway.journal.writer import Ready
from teleward_signal.model import Provenance

log = logging.getLogger(__name__)


class JournalInUse(RuntimeError):
    """Another gateway has the journal open."""


class JournalTooNew(RuntimeError):
    """The file was written by a newer Teleward; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What was found in the file."""

    states: dict[int, dict[str, Any]]
    next_number: int
    span: Span | None
    journal: str
    spans: list[Span] = field(default_factory=list)


class Opening:
    """Opens one journal, again and again if need be; used by the writer's thread."""

    def __init__(
        self,
        folder: Path,
        gateway: str,
        provenance: Provenance,
        boot: str,
        connect: Connect,
        opened: Callable[[Opened], None],
    ) -> None:
        self.path = folder / f"{provenance.value}.sqlite3"
        self._gateway, self._provenance, self._boot = gateway, provenance, boot
        self._connect, self._opened = connect, opened
        self._lock: int | None = None

    def lock(self) -> None:
        """Claim the journal for this process; raises `JournalInUse`."""
        if self._lock is not None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(
            self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640
        )
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            raise JournalInUse(
                f"{self.path} is in use by another gateway; stop it, or choose another folder"
            ) from None
        self._lock = handle

    def unlock(self) -> None:
        """Give the journal up."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def open(self) -> Ready:
        """Open the file for writing, mended if it was damaged; raises sqlite3.Error or OSError."""
        store = Store(self._connect(self.path))
        try:
            store.prepare()
            return self._resume(store)
        except BaseException:
            store.database.close()
            raise

    def _resume(self, store: Store) -> Ready:
        states = store.read_states()
        journal = self._identity(store, states)
        mark = Mark(self.path.with_suffix(".mark"))
        spans = list(store.spans())
        covered = spans[-1].stop if spans else 1
        span = _tail(store, covered)
        next_number = max(store.last_number() + 1, covered)
        self._opened(Opened(states, next_number, span, journal, spans))
        origin = Origin(self._gateway, journal, self._boot, self._provenance)
        return Ready(store, origin, next_number, span, mark)

    def _identity(self, store: Store, states: dict[int, dict[str, Any]]) -> str:
        """Return the journal's id: a new one when this may be a copy of another card's file."""
        inode = os.stat(self.path).st_ino if self.path.exists() else 0
        known = states.get(IDENTITY, {})
        if known.get("boot") == self._boot and known.get("inode") == inode:
            return str(known["journal"])
        journal = secrets.token_hex(8)
        document = {"schema": SCHEMA, "journal": journal, "boot": self._boot, "inode": inode}
        with Transaction(store.database):
            store.write_state(IDENTITY, document)
        return journal


def _tail(store: Store, covered: int) -> Span | None:
    """Return the span of the rows that no written span covers yet."""
    span = None
    for table in ("light", "wave"):
        for (blob,) in store.run(f"SELECT data FROM {table} WHERE seq >= ?", (covered,)):
            try:
                row = inspect_row(blob)
                counts = Counter(record.kind for record in records_of(blob))
            except DamagedBlob:
                continue
            span = count_row(span, row, counts)
    return span
