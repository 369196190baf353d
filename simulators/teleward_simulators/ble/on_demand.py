"""A device that measures when somebody wants a reading, or after a while by itself."""

import asyncio
import contextlib
from typing import Any

from teleward_simulators.ble.peripheral import Peripheral


class OnDemand(Peripheral):
    """Has a button; `run` of a subclass waits for it."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._pressed = asyncio.Event()

    def measure(self) -> None:
        """Take a reading now, as if somebody pressed the button, put a finger in, stepped on."""
        self._pressed.set()

    async def wait_pressed(self, most_s: float | None) -> None:
        """Wait for the button, ``most_s`` seconds at most (None: indefinitely), and release it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(most_s):
                await self._pressed.wait()
        self._pressed.clear()
