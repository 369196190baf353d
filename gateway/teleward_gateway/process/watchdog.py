"""Watchdog: proof for the service manager that records still reach the journal.

    event loop: fills the write queue  --each PING_S, from a task of the loop-->  WATCHDOG=1
    writer thread: drains it           --its last sign, asked for by that task-->  or a restart

A loop that hangs feeds no watchdog, and the manager restarts the gateway after WatchdogSec. A
writer that hangs while the loop runs is noticed here. Neither a disk that refuses nor one that
stalls is a hang: a restart would lose what waits in memory and repair nothing.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack

from teleward_gateway.process.service_manager import ServiceManager

log = logging.getLogger(__name__)

PING_S = 2.0
HUNG_S = 25.0
"""A writer looks at its queue each commit interval, 5 s at most."""


def guard(stack: AsyncExitStack, manager: ServiceManager, silent_s: Callable[[], float]) -> None:
    """Feed the watchdog, if the manager has set one, until ``stack`` is closed."""
    if manager.watchdog_s is None:
        return
    every_s = min(PING_S, manager.watchdog_s / 4)
    task = asyncio.create_task(watch(manager, silent_s, every_s), name="watchdog")
    stack.callback(task.cancel)


async def watch(
    manager: ServiceManager,
    silent_s: Callable[[], float],
    every_s: float = PING_S,
) -> None:
    """Feed the watchdog until cancelled; ``silent_s`` returns how long the writer gave no sign."""
    while True:
        silence_s = silent_s()
        if silence_s < HUNG_S:
            manager.alive()
        else:
            log.error("the journal's writer hangs for %.0f s: the gateway is restarted", silence_s)
            manager.restart_now()
        await asyncio.sleep(every_s)
