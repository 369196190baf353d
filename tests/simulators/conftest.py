"""A fleet of simulated devices on the air, read by real sessions; all gone after the test."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from teleward_drivers.device import DriverInfo
from teleward_drivers.radio import Adapter, Radio
from teleward_gateway.sessions.opener import BleOpener, Opener, SerialOpener
from teleward_gateway.sessions.session import Session
from teleward_simulators.fleet import Fleet
from teleward_simulators.radio.bleak_backend import connect


class Air:
    """The gateway's end: its radio, and the sessions that run."""

    def __init__(self, adapter: Adapter) -> None:
        self.adapter = adapter
        self.tasks: list[asyncio.Task[None]] = []

    def opener(self, info: DriverInfo, address: str) -> Opener:
        """Return what opens the link of a device."""
        if info.serial is not None:
            return SerialOpener(address, info.serial)
        return BleOpener(self.adapter, address)

    def run(self, session: Session) -> None:
        """Have a session read its device until the end."""
        self.tasks.append(asyncio.create_task(session.run()))


@asynccontextmanager
async def _on_air(fleet: Fleet, folder: Path) -> AsyncIterator[Air]:
    await fleet.start()
    radio = await connect(f"virtual:unix:{folder}/air.sock")
    air = Air(Adapter(Radio("virtual", radio.client_kwargs, radio.scanner_kwargs)))
    try:
        yield air
    finally:
        for task in air.tasks:
            task.cancel()
        await asyncio.gather(*air.tasks, return_exceptions=True)
        await air.adapter.close()
        await radio.close()
        await fleet.stop()


@pytest.fixture(scope="session")
def on_air() -> Callable[[Fleet, Path], AbstractAsyncContextManager[Air]]:
    """``async with on_air(fleet, folder) as air``: the fleet's radio is ``folder``/air.sock."""
    return _on_air
