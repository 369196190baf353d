"""A database in memory in place of a file on a disk that takes no writes, and back to the file.

SQLite opens no file in WAL mode where it cannot write beside it. What such a disk holds is read
from a copy in memory, its log included, so that nothing that was committed is missing.
"""

import shutil
import sqlite3
import tempfile
from pathlib import Path
from urllib.parse import quote

MEMORY = Path("/dev/shm")


def read_file(path: Path, memory: sqlite3.Connection) -> bool:
    """Fill ``memory`` from a file; return whether all of it could be read.

    A file that is not there is read whole. Without room for a copy the log is left out.
    """
    try:
        if not path.exists():
            return True
        with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as name:
            for suffix in ("", "-wal"):
                source = path.with_name(path.name + suffix)
                if source.is_file():
                    shutil.copyfile(source, Path(name) / source.name)
            _copy(sqlite3.connect(Path(name) / path.name), memory)
        return True
    except (OSError, sqlite3.Error):
        pass
    try:
        address = f"file:{quote(str(path))}?mode=ro&immutable=1"
        _copy(sqlite3.connect(address, uri=True), memory)
    except sqlite3.Error:
        pass
    return False


def write_file(memory: sqlite3.Connection, file: sqlite3.Connection) -> None:
    """Write a database in memory over an open file, all or nothing; raises sqlite3.Error."""
    memory.backup(file)


def _copy(source: sqlite3.Connection, memory: sqlite3.Connection) -> None:
    try:
        source.backup(memory)
    finally:
        source.close()
