"""Where an export is written: a folder or a zip, beside its place and renamed when it is whole.

    OUT.partial/    files while they are written, locked by the process that writes them
    OUT             there at once, complete, or not at all

What a killed export left beside is removed by the next one to the same place.
"""

import contextlib
import fcntl
import os
import shutil
import zipfile
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from teleward_cloud.exports.writer import Part
from teleward_signal.errors import Conflict

_OLDEST = (1980, 1, 1, 0, 0, 0)
"""Every member of a zip is of this time, so that the same export is the same file."""
_COPY = 2**20
MOST_OPEN = 64
"""Files kept open: a day with many holes has thousands."""


class Target:
    """The place of one export; a context manager, `commit` makes it appear.

    Raises Conflict when there is something already, or another export writes there.
    """

    def __init__(self, out: Path) -> None:
        self._out = out
        self._folder = out.with_name(f".{out.name}.partial")
        self._files: dict[str, BinaryIO] = {}
        self._names: set[str] = set()
        self._lock: int | None = None
        self.n_bytes = 0

    def __enter__(self) -> Self:
        check_free(self._out)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self._folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            self._lock = None
            raise Conflict(f"another export is writing {self._out}: wait for it") from None
        _empty(self._folder)
        return self

    def write(self, parts: Iterable[Part]) -> None:
        """Write parts of files; raises OSError when the disk is full."""
        for name, data, at in parts:
            file = self._file(name)
            if at is None:
                file.seek(0, os.SEEK_END)
                self.n_bytes += len(data)
            else:
                file.seek(at)
            file.write(data)

    def commit(self) -> None:
        """Bring everything to disk and put it in its place."""
        for file in self._files.values():
            _finish(file)
        self._files.clear()
        if self._out.suffix == ".zip":
            packed = self._out.with_name(f".{self._out.name}.zip.partial")
            try:
                _pack(self._folder, sorted(self._names), packed)
                check_free(self._out)
                packed.rename(self._out)
            finally:
                packed.unlink(missing_ok=True)
        else:
            check_free(self._out)
            self._folder.rename(self._out)
        _sync_folder(self._out.parent)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for file in self._files.values():
            with contextlib.suppress(OSError):  # a full disk refuses the rest once more
                file.close()
        if self._lock is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            os.close(self._lock)

    def _file(self, name: str) -> BinaryIO:
        """Return an open file; only the newest `MOST_OPEN` stay open."""
        file = self._files.pop(name, None)
        if file is None:
            path = self._folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if len(self._files) >= MOST_OPEN:
                _finish(self._files.pop(next(iter(self._files))))
            file = path.open("r+b" if name in self._names else "w+b")
            self._names.add(name)
        self._files[name] = file
        return file


def check_free(out: Path) -> None:
    """Raise Conflict when there is something at ``out`` already."""
    if out.exists() or out.is_symlink():
        raise Conflict(f"{out} exists: choose another --out, or remove it")


def _finish(file: BinaryIO) -> None:
    with file:
        file.flush()
        os.fsync(file.fileno())


def _empty(folder: Path) -> None:
    """Remove what an export left that was killed."""
    for left in folder.iterdir():
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left)
        else:
            left.unlink()


def _pack(folder: Path, names: Iterable[str], packed: Path) -> None:
    """Write files into a zip that is the same whenever it is made."""
    with packed.open("wb") as raw:
        with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
            for name in names:
                info = zipfile.ZipInfo(name, _OLDEST)
                info.compress_type = zipfile.ZIP_DEFLATED
                info.external_attr = 0o644 << 16
                with (
                    (folder / name).open("rb") as source,
                    archive.open(info, "w", force_zip64=True) as member,
                ):
                    shutil.copyfileobj(source, member, _COPY)
        raw.flush()
        os.fsync(raw.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
