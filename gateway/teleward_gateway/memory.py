"""Keep the process small: glibc gives each thread an arena of its own, which a Pi cannot spare."""

import ctypes
import sys

_M_ARENA_MAX = -8
ARENAS = 2
"""The event loop and the threads beside it; more arenas saved no time and cost megabytes each."""


def limit_arenas() -> bool:
    """Bound the arenas of this process's allocator; False where it is not glibc."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        return bool(ctypes.CDLL(None).mallopt(_M_ARENA_MAX, ARENAS))
    except (AttributeError, OSError):
        return False
