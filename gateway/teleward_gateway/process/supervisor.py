"""Parts that start again when they fail: a mistake in one must not end the recording of all."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from teleward_gateway.process.backoff import Backoff

log = logging.getLogger(__name__)

FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 60.0
STEADY_S = 300.0
"""A part that ran so long begins with the first wait again, and its failure is no longer shown."""

QUIET_S = 60.0
"""A failure that repeats each second is logged once a minute and counted each time."""
MOST_NAMED = 64
"""Parts that health names at most: the newest failures."""


Keep = Callable[[str, Callable[[], Awaitable[None]]], Coroutine[Any, Any, None]]
"""Runs a part again when it fails: `Supervisor.keep`."""


class Supervisor:
    """Runs parts, notes their failures, and starts them again after a growing wait."""

    def __init__(self, first_wait_s: float = FIRST_WAIT_S) -> None:
        self._first_wait_s = first_wait_s
        self._failures = 0
        self._latest: dict[str, tuple[float, str]] = {}

    async def keep(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run ``work`` until it returns or is cancelled, again and again if it raises."""
        loop = asyncio.get_running_loop()
        backoff = Backoff(self._first_wait_s, LONGEST_WAIT_S, STEADY_S)
        while True:
            began = loop.time()
            try:
                return await work()
            except Exception as error:
                self._note(name, f"{name} started again after {type(error).__name__}: {error}")
                backoff.held(loop.time() - began)
                wait_s = backoff.failed()
                log.exception("%s failed and starts again in %.0f s", name, wait_s)
            await asyncio.sleep(wait_s)

    def contain(self, name: str) -> "Contained":
        """Return a context that takes an exception for a failure of ``name`` alone, and goes on."""
        return Contained(self, name)

    def note(self, name: str, error: Exception) -> None:
        """Note a failure of ``name`` that harmed nothing else; logged once in `QUIET_S`."""
        before = self._latest.get(name)
        self._note(name, f"{name} failed with {type(error).__name__}: {error}")
        if before is None or time.monotonic() - before[0] > QUIET_S:
            log.error("%s failed; the other parts go on", name, exc_info=error)

    def health(self) -> dict[str, Any]:
        """Name the parts that failed lately."""
        now = time.monotonic()
        lately = [text for at, text in self._latest.values() if now - at < STEADY_S]
        error = "; ".join(lately) or None
        return {"ok": not lately, "error": error, "failures_total": self._failures}

    def _note(self, name: str, text: str) -> None:
        self._failures += 1
        self._latest.pop(name, None)
        self._latest[name] = (time.monotonic(), text)
        while len(self._latest) > MOST_NAMED:
            del self._latest[next(iter(self._latest))]


class Contained:
    """The context of `Supervisor.contain`; a cancellation passes."""

    __slots__ = ("_name", "_supervisor")

    def __init__(self, supervisor: Supervisor, name: str) -> None:
        self._supervisor, self._name = supervisor, name

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> bool:
        """Note an exception and go on."""
        if not isinstance(error, Exception):
            return False
        self._supervisor.note(self._name, error)
        return True
