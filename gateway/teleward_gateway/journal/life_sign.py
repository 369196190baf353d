"""Signs of life of the journal's writer: a round that ended, or a disk that it waits for.

Kept by the writer's thread, read by any other. A repair may take minutes and gives no sign
meanwhile, so it counts as one; so does a thread that the kernel holds in a read or a sync
("D", uninterruptible), because a stalled card is not a hung program.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

LONGEST_REPAIR_S = 1800.0


def thread_state(thread: int) -> str:
    """Return the kernel's letter for the state of a thread of this process, "" when unknown."""
    try:
        stat = Path(f"/proc/self/task/{thread}/stat").read_bytes()
    except OSError:
        return ""
    # the name in parentheses may hold anything
    return stat.rpartition(b")")[2].split()[0].decode()


class LifeSign:
    """When the writer last showed that it works; times in seconds, monotonic."""

    def __init__(
        self,
        now: Callable[[], float] = time.monotonic,
        state: Callable[[int], str] = thread_state,
    ) -> None:
        self._now, self._state = now, state
        self._last_s = now()
        self._repairing_since_s: float | None = None
        self._thread = 0

    def begin(self) -> None:
        """Note that the calling thread is the writer."""
        self._thread = threading.get_native_id()
        self._last_s = self._now()

    def round_ended(self) -> None:
        """Note the end of a round, whatever its outcome."""
        self._last_s = self._now()

    @contextlib.contextmanager
    def repairing(self) -> Iterator[None]:
        """Note that the file is opened or repaired within the context."""
        self._repairing_since_s = self._now()
        try:
            yield
        finally:
            self._repairing_since_s = None
            self._last_s = self._now()

    def silent_s(self) -> float:
        """Return for how long the writer has given no sign."""
        now_s, since_s = self._now(), self._repairing_since_s
        repairs = since_s is not None and now_s - since_s < LONGEST_REPAIR_S
        if repairs or (self._thread and self._state(self._thread) == "D"):
            self._last_s = now_s
        return now_s - self._last_s
