"""Telling a damaged file from a disk that only refuses for now."""

import sqlite3

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
_SHORT_READ = 522  # SQLITE_IOERR_SHORT_READ: the file ends before a page that must be there


class Damaged(Exception):
    """The file does not hold what it must; mending it is the only way on."""


def is_damage(error: Exception) -> bool:
    """Say whether ``error`` means that the file is damaged rather than the disk unwilling."""
    if isinstance(error, Damaged):
        return True
    if not isinstance(error, sqlite3.Error):
        return isinstance(error, ValueError | KeyError | TypeError)
    code = getattr(error, "sqlite_errorcode", None)
    if code is None or code == _SHORT_READ:
        return True
    return code & 0xFF not in _REFUSING
