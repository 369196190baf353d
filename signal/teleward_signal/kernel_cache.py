"""Where compiled kernels are kept, and the decorator that compiles them.

Machine code goes to a folder outside the package, so that a read-only install works and a second
start loads in tenths of a second what the first compiled in seconds. First of: the folder named by
``NUMBA_CACHE_DIR``, by systemd's ``CACHE_DIRECTORY``, ``$XDG_CACHE_HOME/teleward/kernels``,
``~/.cache/teleward/kernels``; when that cannot be written, a folder of the user below the system's
temporary one. Import this module before numba, or nothing else: every kernel of this package does.
"""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

Record = Any
"""One element of a structured array inside a kernel."""
Floats = Any
"""An array of floats inside a kernel."""
Ints = Any
"""An array of integers inside a kernel."""
Records = Any
"""A structured array inside a kernel."""

F = TypeVar("F", bound=Callable[..., object])


def cache_folder(environment: dict[str, str]) -> Path:
    """Return the folder for compiled kernels that ``environment`` asks for."""
    if given := environment.get("NUMBA_CACHE_DIR"):
        return Path(given)
    if given := environment.get("CACHE_DIRECTORY"):
        return Path(given.split(":")[0]) / "kernels"
    base = environment.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "teleward" / "kernels"


def prepare() -> Path:
    """Point numba to a writable cache folder and return it; the first call decides."""
    folder = cache_folder(dict(os.environ))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        writable = os.access(folder, os.W_OK)
    except OSError:
        writable = False
    if not writable:
        folder = Path(tempfile.gettempdir()) / f"teleward-kernels-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
    os.environ["NUMBA_CACHE_DIR"] = str(folder)
    return folder


FOLDER = prepare()

from numba import njit  # noqa: E402  (numba reads NUMBA_CACHE_DIR when it is imported)


def kernel(function: F) -> F:
    """Compile ``function`` without the interpreter lock and keep the machine code in the cache."""
    return cast(F, njit(cache=True, nogil=True)(function))


def inner(function: F) -> F:
    """Compile a function that only kernels call: with no way in from Python it compiles sooner."""
    options = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}  # not in numba's stubs
    return cast(F, cast(Any, njit)(cache=True, nogil=True, **options)(function))


def fused_kernel(function: F) -> F:
    """As `kernel`, with multiply and add fused: faster, the last bit depends on the processor."""
    return cast(F, njit(cache=True, nogil=True, fastmath={"contract", "nsz"})(function))
