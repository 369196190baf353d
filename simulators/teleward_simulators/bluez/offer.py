"""Offer a virtual radio as BlueZ: a private bus and the facade, for as long as a context lasts."""

import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from dbus_fast.aio import MessageBus

from teleward_simulators.bluez.facade import ADDRESS, BluezFacade
from teleward_simulators.bluez.private_bus import PrivateBus
from teleward_simulators.radio.central import Central


@contextlib.asynccontextmanager
async def offered(radio: str, on_address: Callable[[str], None]) -> AsyncIterator[None]:
    """Serve ``org.bluez`` of the hub at ``radio``; the callback gets the D-Bus address."""
    async with contextlib.AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="teleward-bus-"))
        private = PrivateBus(Path(folder))
        await private.start()
        stack.push_async_callback(private.stop)
        central = Central(radio, ADDRESS)
        stack.push_async_callback(central.close)
        bus = await MessageBus(bus_address=private.address).connect()
        stack.callback(bus.disconnect)
        await BluezFacade(central, bus).start()
        on_address(private.address)
        yield
