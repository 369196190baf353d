"""Time that stands still while the machine does: a stalled event loop makes no device late.

    wall clock  --at most `MOST_S` a turn of the loop-->  time.monotonic, time.time, loop.time

For tests with everything in one process: devices, radio, sessions and the test itself. A machine
that stalls for seconds, or is ten times slower, makes such a test longer and changes nothing in it.
"""

import asyncio
import selectors
import time
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar
from unittest.mock import patch

MOST_S = 0.02
"""What one turn of the loop may take by its own clock. A message makes some ten turns on its way
from a device to its session: well below the second by which tests keep away from edges."""

Result = TypeVar("Result")


class PacedClock:
    """Monotonic seconds that go on as the wall clock does, `MOST_S` at a time."""

    def __init__(self) -> None:
        self._wall = time.monotonic
        self._seen_s = self.now_s = self._wall()

    def advance(self) -> None:
        """Go on by what has passed since the last call, or by `MOST_S`."""
        wall_s = self._wall()
        self.now_s += min(MOST_S, wall_s - self._seen_s)
        self._seen_s = wall_s

    def behind_s(self) -> float:
        """Return how far the wall clock is ahead."""
        return self._wall() - self.now_s


class PacedSelector(selectors.BaseSelector):
    """A selector that waits in short pieces and moves ``clock`` on after each."""

    def __init__(self, clock: PacedClock) -> None:
        self._inner = selectors.DefaultSelector()
        self._clock = clock

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Watch a file."""
        return self._inner.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """Watch a file no longer."""
        return self._inner.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Change what a file is watched for."""
        return self._inner.modify(fileobj, events, data)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        """Return the files that are watched."""
        return self._inner.get_map()

    def close(self) -> None:
        """Release the files."""
        self._inner.close()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return the ready files, or none once ``timeout`` seconds of the clock have passed."""
        until_s = float("inf") if timeout is None else self._clock.now_s + timeout
        while True:
            left_s = max(0.0, until_s - self._clock.now_s)
            ready = self._inner.select(min(left_s, MOST_S))
            self._clock.advance()
            if ready or self._clock.now_s >= until_s:
                return ready


@contextmanager
def _patched(clock: PacedClock) -> Iterator[None]:
    utc, utc_ns = time.time, time.time_ns
    with (
        patch("time.monotonic", lambda: clock.now_s),
        patch("time.monotonic_ns", lambda: int(clock.now_s * 1e9)),
        patch("time.time", lambda: utc() - clock.behind_s()),
        patch("time.time_ns", lambda: utc_ns() - int(clock.behind_s() * 1e9)),
    ):
        yield


class PacedLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is that of ``clock``."""

    def __init__(self, clock: PacedClock) -> None:
        self.clock = clock
        super().__init__(PacedSelector(clock))


def hold_up(seconds: float) -> None:
    """Stall all that runs in paced time for ``seconds``, as a busy loop does."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, PacedLoop)
    loop.clock.now_s += seconds


def run_paced(work: Coroutine[Any, Any, Result]) -> Result:
    """Return what ``work`` returns, run as by `asyncio.run` in paced time."""
    clock = PacedClock()
    with _patched(clock), asyncio.Runner(loop_factory=lambda: PacedLoop(clock)) as runner:
        return runner.run(work)
