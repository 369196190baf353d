"""Probes of the machine under the gateway: the disk of the data folder, the event loop."""

import asyncio
import os
import shutil
import time
from pathlib import Path
from typing import Any

_LOW_DISK = 200 * 2**20
"""With less the system itself starts to fail (logs, package updates)."""
_LAG_EVERY_S = 0.5
_SLOW_LOOP_S = 0.5
"""A loop that is late by this delays alarms by as much."""


def disk_health(folder: Path) -> dict[str, Any]:
    """Return how much room the data folder has."""
    usage = shutil.disk_usage(folder)
    writable = os.access(folder, os.W_OK)
    low = usage.free < _LOW_DISK
    error = None if writable else f"{folder} is not writable"
    if low and writable:
        error = f"{usage.free // 2**20} MB free: delete files or lower journal.max_megabytes"
    return {
        "ok": writable and not low,
        "error": error,
        "free_bytes": usage.free,
        "size_bytes": usage.total,
    }


class LoopWatch:
    """Measures how late the asyncio loop runs its timers; `run` is its task."""

    def __init__(self) -> None:
        self.lag_s = 0.0
        self.longest_lag_s = 0.0

    async def run(self) -> None:
        """Measure until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due_s = loop.time() + _LAG_EVERY_S
            await asyncio.sleep(_LAG_EVERY_S)
            self.lag_s = max(0.0, loop.time() - due_s)
            self.longest_lag_s = max(self.longest_lag_s, self.lag_s)

    def health(self) -> dict[str, Any]:
        """Return the probe's answer."""
        slow = self.lag_s > _SLOW_LOOP_S
        return {
            "ok": not slow,
            "error": f"the gateway runs {self.lag_s:.1f} s late: too much work" if slow else None,
            "lag_s": round(self.lag_s, 4),
            "longest_lag_s": round(self.longest_lag_s, 4),
        }


STOPPED_S = 3.0
"""A part that ticks ten times or once a second has stopped when nothing came for so long."""


class Heartbeat:
    """Whether a part still ticks: `beat` in each tick, `health` is not ok after `STOPPED_S`."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._last_s: float | None = None

    def beat(self) -> None:
        """Note a tick."""
        self._last_s = time.monotonic()

    def health(self) -> dict[str, Any]:
        """Return whether it ticked lately; a part that has not begun is well."""
        silent_s = 0.0 if self._last_s is None else time.monotonic() - self._last_s
        stopped = silent_s > STOPPED_S
        error = f"{self._name} has stopped {silent_s:.0f} s ago" if stopped else None
        return {"ok": not stopped, "error": error, "silent_s": round(silent_s, 1)}
