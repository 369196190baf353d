"""Classify database errors: a damaged file, or a disk that refuses for now."""

import contextlib
import sqlite3
from pathlib import Path

from teleward_signal.errors import TelewardError

_REFUSING = {
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_AUTH,
}
VERSIONS_AT = 18  # write and read version in SQLite's file header, 1 or 2
_SHORT_READ = 522  # SQLITE_IOERR_SHORT_READ: the file ends before a page that must be there


class Damaged(TelewardError):
    """The file does not hold what it must; repair it is the only way on."""


def is_damage(error: Exception) -> bool:
    """Return whether ``error`` means that the file is damaged rather than the disk unwilling."""
    if isinstance(error, Damaged):
        return True
    if not isinstance(error, sqlite3.Error):
        return isinstance(error, ValueError | KeyError | TypeError)
    code = getattr(error, "sqlite_errorcode", None)
    if code is None or code == _SHORT_READ:
        return True
    return code & 0xFF not in _REFUSING


def check_versions(path: Path) -> None:
    """Raise `Damaged` for versions that would pass for those of a future or read-only SQLite file.

    SQLite answers them with "readonly database", as a disk that is read-only for now would.
    """
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        file.seek(VERSIONS_AT)
        versions = file.read(2)
        if any(version not in (1, 2) for version in versions):
            raise Damaged(f"the file's header names versions {versions.hex()}")
