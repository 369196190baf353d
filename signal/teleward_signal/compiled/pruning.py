"""Removal of compiled kernels that nothing runs any more.

    cache folder / PACKAGE-16 hex digits     the kernels of a package, as its sources were

Of each package the newest folders stay, as several versions may be in use on one machine, and those
that a process holds: it holds the folder it runs from until it ends. Nothing else is touched.
"""

import fcntl
import logging
import os
import re
import shutil
from contextlib import suppress
from pathlib import Path

KEPT = 8
"""Folders kept of a package: each takes some 2 MB."""
UNUSED_S = 30 * 86_400.0
"""A month: an older version started after that long compiles once more."""
IN_USE = "in_use"
"""The file in a folder that its users hold."""

_log = logging.getLogger(__name__)


def hold(folder: Path) -> None:
    """Keep ``folder`` from being removed until this process ends, and set its age to zero."""
    try:
        os.utime(folder)
        held = os.open(folder / IN_USE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:  # a full disk or one without locks: its age protects it
        _log.debug("cannot hold %s: %s", folder, error)


def prune(cache: Path, package: str, now_s: float) -> list[Path]:
    """Remove folders of ``package`` beyond the newest, or unused for a month; return them."""
    ours = re.compile(re.escape(package) + "-[0-9a-f]{16}")
    aged = []
    for folder in cache.glob(f"{package}-*"):
        if ours.fullmatch(folder.name) and folder.is_dir() and not folder.is_symlink():
            with suppress(FileNotFoundError):  # another process was quicker
                aged.append((folder.stat().st_mtime, folder))
    aged.sort(reverse=True)
    old = [folder for at, (used_s, folder) in enumerate(aged)
           if at >= KEPT or now_s - used_s >= UNUSED_S]  # fmt: skip
    return [folder for folder in sorted(old) if _remove_unless_held(folder)]


def _remove_unless_held(folder: Path) -> bool:
    """Remove a folder unless a process runs from it; return whether it is gone."""
    try:
        with (folder / IN_USE).open("a") as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder)
    except BlockingIOError:
        return False
    except OSError as error:
        _log.warning("cannot remove the unused kernels %s: %s", folder, error)
        return False
    _log.info("removed the unused kernels %s", folder)
    return True
