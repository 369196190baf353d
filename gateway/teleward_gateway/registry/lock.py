"""Lock of the registry's file: one process changes it, the gateway or a command beside it.

A gateway keeps the registry in memory: what another program writes meanwhile would hold on disk
and nowhere else. The lock ends with its process, however that ends.
"""

import fcntl
import os
import time
from pathlib import Path

AGAIN_S = 0.05


class RegistryLock:
    """The lock beside a registry; `release` it at the end."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "registry.lock"
        self._handle: int | None = None

    def take(self, wait_s: float = 0.0) -> bool:
        """Return whether the lock is ours, within ``wait_s``; True on a disk that takes no file."""
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError:
            return True
        until_s = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                if time.monotonic() >= until_s:
                    os.close(handle)
                    return False
                time.sleep(AGAIN_S)
            else:
                self._handle = handle
                return True

    def release(self) -> None:
        """Give the lock up; idempotent."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
