"""Room kept back for the day when the disk is full: deleting old records needs some first.

SQLite deletes by writing to its log. A file of the log's size holds that room; it is given up when
the disk refuses a commit and taken again once there is plenty.
"""

import contextlib
import os
from pathlib import Path


class Reserve:
    """The reserve file of one journal."""

    def __init__(self, path: Path, n_bytes: int) -> None:
        self._path, self._bytes = path, n_bytes

    def release(self) -> bool:
        """Give the room up; return whether there was any."""
        try:
            self._path.unlink()
        except OSError:
            return False
        return True

    def restore(self) -> None:
        """Take the room again if the disk has twice as much; a refusal is no error."""
        with contextlib.suppress(OSError):
            if self._path.exists():
                return
            disk = os.statvfs(self._path.parent)
            if disk.f_bavail * disk.f_frsize < 2 * self._bytes:
                return
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o640)
            try:
                os.posix_fallocate(handle, 0, self._bytes)
            finally:
                os.close(handle)
