"""A gateway in this process, from its start to an orderly stop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from teleward_drivers.radio import Radio
from teleward_gateway.app import Gateway
from teleward_gateway.parts import OpenRadio, Parts
from teleward_gateway.settings.load import parse
from teleward_gateway.testing.running_demo import START_S


async def no_radio(adapter: str) -> Radio:
    """Return a radio that nothing is asked of."""
    return Radio(adapter)


@asynccontextmanager
async def running(settings: str, radio: OpenRadio = no_radio) -> AsyncIterator[Parts]:
    """Run a gateway with the text of a settings file; the kernels come from the cache."""
    gateway, started = Gateway(parse(settings), radio), asyncio.Queue[Parts]()
    task = asyncio.create_task(gateway.run(started.put_nowait))
    getting = asyncio.create_task(started.get())
    try:
        async with asyncio.timeout(START_S):
            await asyncio.wait({task, getting}, return_when=asyncio.FIRST_COMPLETED)
        assert getting.done(), task
        yield getting.result()
    finally:
        getting.cancel()
        gateway.stop()
        assert await task == 0
