"""A disk that forgets: after a power cut it has what was synced, and any part of the rest.

    writes since the last sync    [a][b][c][d] ...   in sectors of 512 bytes
    after the cut                 each sector new, old or (seldom) torn, in no order

A VFS for apsw's SQLite records what the journal writes; `Disk.after_cut` says what a machine could
find afterwards. Locks and shared memory are not modelled: one connection, exclusive locking.
"""

import random
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw

SECTOR = 512


@dataclass(slots=True)
class _File:
    """Bytes that are safe, and what was written since."""

    safe: bytearray = field(default_factory=bytearray)
    seen: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, bytes] | int] = field(default_factory=list)
    born: bool = False


class Disk:
    """Files by name."""

    def __init__(self) -> None:
        self.files: dict[str, _File] = {}

    def load(self, name: str, data: bytes) -> None:
        """Put a file on the disk, safely."""
        self.files[name] = _File(bytearray(data), bytearray(data), [], born=True)

    def write(self, name: str, offset: int, data: bytes) -> None:
        """Write without a promise."""
        file = self.files.setdefault(name, _File())
        _put(file.seen, offset, data)
        file.pending.append((offset, data))

    def truncate(self, name: str, size: int) -> None:
        """Shorten a file without a promise."""
        file = self.files.setdefault(name, _File())
        del file.seen[size:]
        file.pending.append(size)

    def sync(self, name: str) -> None:
        """Make everything written to a file so far safe."""
        file = self.files.setdefault(name, _File())
        file.safe, file.pending, file.born = bytearray(file.seen), [], True

    def delete(self, name: str) -> None:
        """Remove a file."""
        self.files.pop(name, None)

    def after_cut(self, rng: random.Random) -> dict[str, bytes]:
        """Return what the files hold after a power cut at this moment."""
        mood = rng.choice(["nothing", "everything", "some", "some", "some"])
        share = {"nothing": 0.0, "everything": 1.0}.get(mood, rng.random())
        torn = 0.02 if rng.random() < 0.2 else 0.0
        found = {}
        for name, file in self.files.items():
            if not file.born and rng.random() > share:
                continue
            data = bytearray(file.safe)
            for sector in _sectors(file.pending):
                if isinstance(sector, int):
                    if rng.random() < share:
                        del data[sector:]
                    continue
                offset, piece = sector
                if rng.random() < torn:
                    piece = rng.randbytes(len(piece))
                if rng.random() < share:
                    _put(data, offset, piece)
            found[name] = bytes(data)
        return found


def _put(data: bytearray, offset: int, piece: bytes) -> None:
    if len(data) < offset:
        data.extend(bytes(offset - len(data)))
    data[offset : offset + len(piece)] = piece


def _sectors(pending: list[tuple[int, bytes] | int]) -> Iterator[tuple[int, bytes] | int]:
    for item in pending:
        if isinstance(item, int):
            yield item
            continue
        offset, data = item
        position = 0
        while position < len(data):
            size = min(SECTOR - (offset + position) % SECTOR, len(data) - position)
            yield offset + position, data[position : position + size]
            position += size


class _ModelFile:
    """A file of the model, as SQLite sees it."""

    def __init__(self, disk: Disk, name: str) -> None:
        self._disk, self._name = disk, name
        disk.files.setdefault(name, _File())

    def xRead(self, amount: int, offset: int) -> bytes:
        return bytes(self._disk.files[self._name].seen[offset : offset + amount])

    def xWrite(self, data: bytes, offset: int) -> None:
        self._disk.write(self._name, offset, bytes(data))

    def xTruncate(self, size: int) -> None:
        self._disk.truncate(self._name, size)

    def xSync(self, flags: int) -> None:
        self._disk.sync(self._name)

    def xFileSize(self) -> int:
        return len(self._disk.files[self._name].seen)

    def xSectorSize(self) -> int:
        return SECTOR

    def xDeviceCharacteristics(self) -> int:
        return 0

    def xLock(self, level: int) -> None:
        pass

    def xUnlock(self, level: int) -> None:
        pass

    def xCheckReservedLock(self) -> bool:
        return False

    def xFileControl(self, operation: int, pointer: int) -> bool:
        return False

    def xClose(self) -> None:
        pass


class ModelVFS(apsw.VFS):
    """Registers a `Disk` with apsw under ``name``."""

    def __init__(self, name: str, disk: Disk) -> None:
        self.disk = disk
        super().__init__(name, base="")

    def xOpen(self, name: Any, flags: list[int]) -> Any:
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        flags[1] = flags[0]
        return _ModelFile(self.disk, Path(path or "temporary").name)

    def xAccess(self, pathname: str, flags: int) -> bool:
        return Path(pathname).name in self.disk.files

    def xDelete(self, filename: str, syncdir: bool) -> None:
        self.disk.delete(Path(filename).name)

    def xFullPathname(self, name: str) -> str:
        return name


class ModelDatabase:
    """The journal's `Database` on the model."""

    def __init__(self, path: Path, vfs: str) -> None:
        self._connection = apsw.Connection(str(path), vfs=vfs)
        self._connection.execute("PRAGMA locking_mode = EXCLUSIVE")

    def execute(self, sql: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        try:
            return iter(self._connection.execute(sql, values).fetchall())
        except apsw.Error as error:
            raise sqlite3.OperationalError(str(error)) from error

    def executemany(self, sql: str, values: Iterable[Sequence[Any]]) -> object:
        return self._connection.executemany(sql, values)

    def close(self) -> None:
        self._connection.close()
