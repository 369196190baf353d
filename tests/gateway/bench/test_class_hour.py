"""The bench of a class: a machine that cannot carry it gets a sentence, no traceback."""

import asyncio

import pytest
from aiohttp import web

from teleward_gateway.bench import class_hour
from teleward_signal.errors import Unavailable


async def test_a_machine_that_is_too_slow_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    async def health(_: web.Request) -> web.Response:
        return web.json_response({"parts": {"sessions": {"devices": 40, "streaming": 31}}})

    application = web.Application()
    application.router.add_get("/health", health)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    monkeypatch.setattr(class_hour, "START_S", 0.2)
    try:
        with pytest.raises(Unavailable, match=r"31 of 40 devices stream .* fewer with --seats"):
            await asyncio.wait_for(
                class_hour._streaming(f"http://127.0.0.1:{port}", 40), timeout=60
            )
    finally:
        await runner.cleanup()
