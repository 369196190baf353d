"""The high-water mark: a small file beside the journal with the last number written.

SQLite drops a damaged end of its log without a word. The mark, written after every commit and left
to the kernel to sync, tells how many records there should be. After a power cut it may be old,
never ahead.
"""

import os
from pathlib import Path

from teleward_gateway.journal.checksum import Blob, DamagedBlob, pack_blob, unpack_blob


class Mark:
    """The mark file of one journal."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def read(self) -> int:
        """Return the next record number at the time of the mark, 0 when there is no whole mark."""
        try:
            return unpack_blob(self._path.read_bytes()).number
        except (OSError, DamagedBlob):
            return 0

    def write(self, next_number: int) -> None:
        """Set the mark; a disk that refuses it costs only the count of a later damage."""
        try:
            if self._file is None:
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
            os.pwrite(self._file, pack_blob(Blob.STATE, next_number, b""), 0)
        except OSError:
            self.close()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
