"""Parts that start again when they fail: a mistake in one must not end the recording of all."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

log = logging.getLogger(__name__)

FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 60.0
STEADY_S = 300.0
"""A part that ran so long begins with the first wait again, and its failure is no longer shown."""


class Supervisor:
    """Runs parts, notes their failures, and starts them again after a growing wait."""

    def __init__(self, first_wait_s: float = FIRST_WAIT_S) -> None:
        self._first_wait_s = first_wait_s
        self._failures = 0
        self._latest: dict[str, tuple[float, str]] = {}

    async def keep(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run ``work`` until it returns or is cancelled, again and again if it raises."""
        loop = asyncio.get_running_loop()
        wait_s = self._first_wait_s
        while True:
            began = loop.time()
            try:
                return await work()
            except Exception as error:
                self._failures += 1
                self._latest[name] = (loop.time(), f"{type(error).__name__}: {error}")
                if loop.time() - began > STEADY_S:
                    wait_s = self._first_wait_s
                log.exception("%s failed and starts again in %.0f s", name, wait_s)
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    def health(self) -> dict[str, Any]:
        """Name the parts that failed lately."""
        now = asyncio.get_running_loop().time()
        lately = {name: text for name, (at, text) in self._latest.items() if now - at < STEADY_S}
        error = "; ".join(f"{name} started again after {text}" for name, text in lately.items())
        return {"ok": not lately, "error": error or None, "failures_total": self._failures}
