"""Parts that fail start again, and health names them."""

import asyncio
import logging

import pytest

from teleward_gateway.process.supervisor import Supervisor


async def test_a_part_that_fails_starts_again_and_is_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    supervisor = Supervisor(first_wait_s=0.0)
    starts = 0

    async def part() -> None:
        nonlocal starts
        starts += 1
        if starts < 3:
            raise RuntimeError(f"mistake {starts}")

    with caplog.at_level(logging.ERROR):
        await supervisor.keep("derived values", part)
    assert starts == 3
    health = supervisor.health()
    assert (health["ok"], health["failures_total"]) == (False, 2)
    assert health["error"] == "derived values started again after RuntimeError: mistake 2"
    assert "derived values failed and starts again" in caplog.text
    assert "Traceback" in caplog.text


async def test_a_part_that_ends_or_is_cancelled_stays_ended() -> None:
    supervisor = Supervisor()
    running = asyncio.create_task(supervisor.keep("for ever", lambda: asyncio.sleep(3600)))
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await supervisor.keep("once", lambda: asyncio.sleep(0))
    assert supervisor.health() == {"ok": True, "error": None, "failures_total": 0}
