"""Remove compiled kernels that nobody has run for a month: of older sources, of packages gone.

    cache folder / PACKAGE-16 hex digits     the kernels of a package, as its sources were
                 / FOLDER_40 hex digits      Numba's own, from before packages had folders

Only such folders go, only directly below the cache folder, and only when no process holds them: a
process holds the folder it runs from until it ends. What cannot be removed is logged and stays.
"""

import fcntl
import logging
import os
import re
import shutil
from pathlib import Path

UNUSED_S = 30 * 86_400.0
"""A month: who goes back to an older version after that long waits for its first start again."""
IN_USE = "in_use"
"""The file in a folder that its users hold."""

_OURS = re.compile(r"[A-Za-z_][\w.]*-[0-9a-f]{16}")
_NUMBAS = re.compile(r"[\w.-]+_[0-9a-f]{40}")
_log = logging.getLogger(__name__)


def hold(folder: Path) -> None:
    """Keep ``folder`` from being removed until this process ends, and set its age to zero."""
    try:
        os.utime(folder)
        held = os.open(folder / IN_USE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:  # a full disk or one without locks: its age protects it
        _log.debug("cannot hold %s: %s", folder, error)


def remove_unused(cache: Path, now_s: float, alone: bool) -> list[Path]:
    """Remove the folders below ``cache`` unused since 30 days before ``now_s``; return them.

    ``alone`` says that only Teleward keeps kernels there, so that Numba's own folders go as well.
    """
    removed = []
    try:
        folders = [Path(entry) for entry in os.scandir(cache) if _is_kernels(entry, alone)]
    except OSError as error:
        _log.warning("cannot look for unused kernels in %s: %s", cache, error)
        return []
    for folder in sorted(folders):
        try:
            if _remove_if_unused(folder, now_s):
                _log.info("removed %s: not used for %.0f days", folder, UNUSED_S / 86_400)
                removed.append(folder)
        except FileNotFoundError:
            continue  # another process was quicker
        except OSError as error:
            _log.warning("cannot remove the unused kernels %s: %s", folder, error)
    return removed


def _is_kernels(entry: "os.DirEntry[str]", alone: bool) -> bool:
    named = _OURS.fullmatch(entry.name) or (alone and _NUMBAS.fullmatch(entry.name))
    return bool(named) and entry.is_dir(follow_symlinks=False)


def _remove_if_unused(folder: Path, now_s: float) -> bool:
    return now_s - folder.stat().st_mtime >= UNUSED_S and remove_unless_held(folder)


def remove_unless_held(folder: Path) -> bool:
    """Remove a folder of kernels and log it, or leave it to a process that runs from it.

    Raises OSError when it cannot be removed.
    """
    try:
        held = os.open(folder / IN_USE, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:  # of a version that did not hold its folder
        shutil.rmtree(folder)
        return True
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder)
    except BlockingIOError:
        return False
    finally:
        os.close(held)
    return True
