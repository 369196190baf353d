"""What others do to a journal's file while it is open: use it too, delete, replace, overwrite it.

Only a checkpoint of the writer changes the main file, so an older journal in it, or fewer records
than were there, come from a copy that was written over it (``cp backup/* data/``). SQLite notices
none of this: it goes on with its own log beside pages of another time.
"""

import contextlib
import fcntl
import json
import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from teleward_gateway.journal.checksum import DamagedBlob, unpack_blob
from teleward_gateway.journal.store import IDENTITY


@dataclass(frozen=True, slots=True)
class _Content:
    """What the main file holds without its log."""

    journal: str
    last_number: int


class FileWatch:
    """Watches the file at ``path``; used by the writer's thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._claimed: int | None = None
        self._opened_as: tuple[int, int] | None = None
        self._changed_ns = 0
        self._content: _Content | None = None

    def claim(self) -> bool:
        """Lock the file itself; return False when another gateway has it under another name.

        A second name of one file, by a hard link or a link to its folder, has a lock file of its
        own. The handle is kept: closing one would end the locks that SQLite has on the file.
        """
        try:
            found = os.stat(self._path)
        except OSError:
            return True  # not made yet
        if self._claimed is not None:
            if os.path.samestat(found, os.fstat(self._claimed)):
                return True
            self.release()
        handle = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        except OSError:
            pass  # a file system without locks
        self._claimed = handle
        return True

    def release(self) -> None:
        """Unlock the file."""
        handle, self._claimed = self._claimed, None
        if handle is not None:
            os.close(handle)

    def begin(self) -> None:
        """Remember the file that was just opened and what is in it."""
        found = os.stat(self._path)
        self._opened_as = (found.st_dev, found.st_ino)
        self._content = None
        self.checkpointed()

    def checkpointed(self) -> None:
        """Remember what the file holds now that the writer has moved its log into it.

        What lies between two looks would not be missed otherwise.
        """
        with contextlib.suppress(OSError, sqlite3.Error, DamagedBlob):
            self._changed_ns = os.stat(self._path).st_mtime_ns
            self._content = self._read()

    def is_replaced(self) -> bool:
        """Return whether the file that was opened is no longer the one at its path."""
        try:
            found = os.stat(self._path)
        except FileNotFoundError:
            return self._opened_as is not None
        except OSError:
            return False  # a disk that refuses for now
        return self._opened_as not in (None, (found.st_dev, found.st_ino))

    def is_overwritten(self) -> bool:
        """Return whether the file holds less than it did, or another journal."""
        try:
            changed_ns = os.stat(self._path).st_mtime_ns
        except OSError:
            return False
        before = self._content
        if before is None or changed_ns == self._changed_ns:
            return False
        self._changed_ns = changed_ns
        try:
            found = self._read()
        except sqlite3.Error as error:
            # a checkpoint that a full disk cut off leaves pages of two times, which is no damage
            return getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_NOTADB
        except DamagedBlob:
            return True
        self._content = found
        return found.journal != before.journal or found.last_number < before.last_number

    def _read(self) -> _Content:
        """Read the main file as it is, without the log; raises sqlite3.Error or DamagedBlob."""
        address = f"file:{quote(str(self._path))}?immutable=1"
        with closing(sqlite3.connect(address, uri=True)) as database:
            (blob,) = database.execute(
                "SELECT data FROM state WHERE key = ?", (IDENTITY,)
            ).fetchone() or (b"",)
            journal = str(json.loads(unpack_blob(blob).body).get("journal", ""))
            last = max(
                database.execute(f"SELECT coalesce(max(seq), 0) FROM {table}").fetchone()[0]
                for table in ("wave", "light", "span")
            )
        return _Content(journal, int(last))
