"""Where compiled kernels are kept, and the decorators that compile them.

Machine code goes to a folder outside the package, so that a read-only install works and a second
start loads in tenths of a second what the first compiled in seconds. First of: the folder named by
``NUMBA_CACHE_DIR``, by systemd's ``CACHE_DIRECTORY``, ``$XDG_CACHE_HOME/teleward/kernels``,
``~/.cache/teleward/kernels``; when that cannot be written, a folder of the user below the system's
temporary one.

In it this package has a folder named by a hash of its sources, of the compiler's version and of the
processor; the kernels of other packages have one for each folder of theirs, by the sources there
and here, as they may call either. Numba itself looks at the file of a kernel only, and would go on
running what it compiled before a callee elsewhere changed. A start removes what has not been used
for long (`pruning`).

Two rules keep Numba's own cache small and safe:

1. A kernel is called with one set of types. Processes that compile it together then write the same
   file. With two sets each could save its own under one name, and load the other's code.
2. Numba compiles a function once for each integer constant that it is called with. A kernel passes
   a variable instead, or a constant made with `constant`, whose value is no part of its type.
"""

import functools
import logging
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from stat import S_ISDIR
from typing import Any, TypeVar, cast

import llvmlite.binding  # type: ignore[import-untyped]
import numba
import numpy as np
from numba import njit

from teleward_signal.compiled.pruning import hold, prune

C = TypeVar("C", bound=int)
F = TypeVar("F", bound=Callable[..., object])


def constant(value: C) -> C:
    """Return a constant for calls within kernels that is compiled once for all values."""
    return cast(C, np.bool_(value) if isinstance(value, bool) else np.int64(value))


PACKAGE = "teleward_signal"
"""The package whose sources are hashed whole; this room of it may move within."""
_PACKAGE_FOLDER = Path(__file__).parent.parent

COMPLETE = "complete"
"""The file that marks a folder into which everything that a gateway runs has been compiled.

It names the sources by place, size and date, as Numba's own files do: those do not load what was
copied from elsewhere, so a copied mark must not pass for a warm start either."""
ROOM = 16 << 20
"""Bytes that must be free for kernels to be kept: all of the signal engine take some 3 MB."""

_log = logging.getLogger(__name__)


def cache_folder(environment: dict[str, str]) -> Path:
    """Return the folder for compiled kernels that ``environment`` asks for."""
    if given := environment.get("NUMBA_CACHE_DIR"):
        return Path(given)
    if given := environment.get("CACHE_DIRECTORY"):
        return Path(given.split(":")[0]) / "kernels"
    base = environment.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "teleward" / "kernels"


def _writable_folder() -> Path:
    """Return the folder that is asked for, or the temporary one when it cannot be written."""
    folder = cache_folder(dict(os.environ))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        writable = os.access(folder, os.W_OK)
    except OSError:
        writable = False
    if not writable:
        folder = Path(tempfile.gettempdir()) / f"teleward-kernels-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.stat(follow_symlinks=False)
        if found.st_uid != os.getuid() or not S_ISDIR(found.st_mode) or found.st_mode & 0o022:
            # machine code that others could have put there is not run
            folder = Path(tempfile.mkdtemp(prefix="teleward-kernels-"))
    return folder


FOLDER = _writable_folder()


@functools.cache
def _sources(folder: Path, pattern: str = "*.py") -> bytes:
    """Return a hash of the names and contents of every source below a package's folder."""
    sources = blake2b(digest_size=16)
    for path in sorted(folder.rglob(pattern)):
        sources.update(f"{path.relative_to(folder)}\0".encode())
        sources.update(path.read_bytes())
    return sources.digest()


@functools.cache
def _folder_of(package: str) -> Path:
    """Return the folder for the kernels of a package as its sources are now; prune old ones."""
    name = blake2b(digest_size=8)
    name.update(_sources(_PACKAGE_FOLDER))
    if package != PACKAGE:
        name.update(_sources(Path(str(sys.modules[package].__file__)).parent))
    for part in (numba.__version__, llvmlite.__version__, platform.python_version()):
        name.update(part.encode())
    name.update(llvmlite.binding.get_host_cpu_name().encode())
    folder = FOLDER / f"{package}-{name.hexdigest()}"
    folder.mkdir(exist_ok=True)
    hold(folder)
    prune(FOLDER, package, time.time())
    return folder


def is_complete() -> bool:
    """Return whether all kernels have been kept, for the sources that run: no first start."""
    return _is_marked(_folder_of(PACKAGE))


def _is_marked(folder: Path) -> bool:
    try:
        return (folder / COMPLETE).read_text() == _place()
    except (OSError, UnicodeDecodeError):
        return False


@functools.cache
def _place() -> str:
    """Return where the sources are, with a hash of their sizes and dates."""
    found = blake2b(digest_size=16)
    for path in sorted(_PACKAGE_FOLDER.rglob("*.py")):
        state = path.stat()
        found.update(f"{path}\0{state.st_mtime_ns}\0{state.st_size}\0".encode())
    return f"{_PACKAGE_FOLDER}\n{found.hexdigest()}\n"


def fingerprint() -> str:
    """Return a hash of this package's sources: images of its arrays belong to one of them."""
    return _sources(_PACKAGE_FOLDER).hex()


def mark_complete() -> None:
    """Remember that all kernels have been kept."""
    folder = _folder_of(PACKAGE)
    if _can_keep(folder):
        with suppress(OSError):  # a full disk or a read-only one: the next start looks again
            (folder / COMPLETE).write_text(_place())


@functools.cache
def _can_keep(folder: Path) -> bool:
    """Return whether there is room for kernels in a folder; one that is complete needs none."""
    if _is_marked(folder):
        return True
    try:
        with tempfile.TemporaryFile(dir=folder) as room:
            os.posix_fallocate(room.fileno(), 0, ROOM)
    except OSError as error:
        _log.warning("kernels are compiled again at every start: %s: %s", folder, error.strerror)
        return False
    return True


def _cached(function: F, **options: object) -> F:
    """Compile for Python to call, and keep the machine code."""
    ours = function.__module__.startswith(f"{PACKAGE}.")
    folder = _folder_of(PACKAGE if ours else function.__module__.rpartition(".")[0])
    cast(Any, numba.config).CACHE_DIR = str(folder)
    return cast(F, cast(Any, njit)(cache=_can_keep(folder), nogil=True, **options)(function))


def kernel(function: F) -> F:
    """Compile ``function`` without the interpreter lock and keep the machine code in the cache."""
    return _cached(function)


def fused_kernel(function: F) -> F:
    """As `kernel`, with multiply and add fused: faster, the last bit depends on the processor."""
    return _cached(function, fastmath={"contract", "nsz"})


def inner(function: F) -> F:
    """Compile a function that only kernels call; it has no entry for Python and no cache."""
    options = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}  # not in numba's stubs
    return cast(F, cast(Any, njit)(nogil=True, **options)(function))
