"""Many of everything against one demo of eight patients: health stays quick, the log small.

`make test-crowd` runs it: the figures are of a quiet machine.
"""

import asyncio
import contextlib
import json
import os
import resource
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from websockets.asyncio.client import ClientConnection, connect

from teleward_gateway.testing.running_demo import RunningDemo

pytestmark = pytest.mark.slow
HEALTH_S = 0.5
ROWS = 10_000
"""Of history in one answer, the most that can be asked for."""
LOG_BYTES_PER_H = 1_000_000
HOLD_S = 20.0
SETTLE_S = 20.0
"""Devices connect for a while after the first trace, each with a line of log."""
SLOW_REQUEST = b"GET /ward HTTP/1.1\r\nHost: 127.0.0.1\r\nA"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    demo = RunningDemo.start(tmp_path_factory.mktemp("crowd"))
    demo.wait_live()
    time.sleep(SETTLE_S)
    yield demo
    demo.stop()


@asynccontextmanager
async def half_open(port: int, count: int, first: bytes) -> AsyncIterator[None]:
    """Hold ``count`` connections that sent ``first`` and go on a byte a second, if at all."""
    writers: list[asyncio.StreamWriter] = []

    async def dribble() -> None:
        while True:
            for writer in writers[:200]:
                with contextlib.suppress(ConnectionError):
                    writer.write(b"X")
            await asyncio.sleep(1)

    for _ in range(count):
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            if first:
                writer.write(first)
            writers.append(writer)
    task = asyncio.create_task(dribble()) if first else None
    yield
    if task is not None:
        task.cancel()
    for writer in writers:
        writer.close()


@asynccontextmanager
async def impatient(demo: RunningDemo, count: int) -> AsyncIterator[None]:
    """Ask again and again for the longest page of history, `ROWS` of it."""
    subject = demo.plan.subjects[0].id
    address = f"{demo.address}/api/v1/subjects/{subject}/observations?limit={ROWS}"

    async def ask() -> None:
        async with aiohttp.ClientSession() as session:
            while True:
                async with session.get(address) as answer:
                    await answer.read()

    tasks = [asyncio.create_task(ask()) for _ in range(count)]
    yield
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def stuck_pages(port: int, count: int) -> AsyncIterator[None]:
    """Open pages that never read."""
    pages: list[ClientConnection] = []
    for _ in range(count):
        with contextlib.suppress(OSError, TimeoutError):
            address = f"ws://127.0.0.1:{port}/api/v1/stream"
            page = await connect(address, max_size=None, compression=None, ping_interval=None)
            page.transport.pause_reading()
            pages.append(page)
    yield
    for page in pages:
        page.transport.abort()


async def watched_health(demo: RunningDemo, seconds: float) -> dict[str, float]:
    """Return the slowest answer of health and the latest timer beside it, from another process."""
    watch = await asyncio.create_subprocess_exec(
        *(sys.executable, str(Path(__file__).with_name("health_watch.py"))),
        f"{demo.address}/api/v1/health",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert watch.stdin is not None
    assert watch.stdout is not None
    await asyncio.sleep(seconds)
    watch.stdin.close()
    found: dict[str, float] = json.loads(await watch.stdout.readline())
    await watch.wait()
    return found


async def fill_history(demo: RunningDemo) -> None:
    """Chart as much for the first patient as the longest page of history holds."""
    subject, group = demo.plan.subjects[0].id, 16
    address = f"{demo.address}/api/v1/subjects/{subject}/observations"
    readings = [{"metric": "body_temperature", "value": 37.0}] * group
    start_ns = time.time_ns() - ROWS * 10**9
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=50)) as session:

        async def chart(number: int) -> None:
            body = {"author": "nurse", "readings": readings, "time_ns": start_ns + number * 10**9}
            async with session.post(address, json=body) as answer:
                assert answer.status == 201, await answer.text()

        await asyncio.gather(*(chart(number) for number in range(ROWS // group + 1)))
        async with session.get(f"{address}?limit={ROWS}") as answer:
            assert len((await answer.json())["observations"]) == ROWS


CROWDS = ["2000 half-open", "slow headers", "4 impatient clients", "200 stuck pages"]


@pytest.mark.parametrize("crowd", CROWDS)
async def test_a_crowd_holds_up_nothing(demo: RunningDemo, crowd: str) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    port = int(demo.address.rpartition(":")[2])
    crowds: dict[str, Any] = {
        "2000 half-open": lambda: half_open(port, 2000, b""),
        "slow headers": lambda: half_open(port, 2000, SLOW_REQUEST),
        "4 impatient clients": lambda: impatient(demo, 4),
        "200 stuck pages": lambda: stuck_pages(port, 200),
    }
    if crowd.endswith("impatient clients"):
        await fill_history(demo)
    size, before = _log_bytes(demo), _ticks(demo)
    began_s = time.monotonic()
    async with crowds[crowd]():
        watched = await watched_health(demo, HOLD_S)
        after = await asyncio.to_thread(_ticks, demo)
    elapsed_s = time.monotonic() - began_s
    per_h = (_log_bytes(demo) - size) / elapsed_s * 3600
    ticks, late = after[0] - before[0], after[1] - before[1]
    slowest_s, slower = watched["slowest_s"], watched["slower"]
    print(
        f"\n{crowd}: health {1000 * slowest_s:.0f} ms at most of {watched['asked']:.0f}, "
        f"log {per_h / 1000:.0f} kB/h, {late} of {ticks} ticks late (beside it a timer was "
        f"{1000 * watched['late_s']:.0f} ms late, and work took {slower:.1f} times as long as "
        f"alone; load {os.getloadavg()[0]:.1f})"
    )
    assert slowest_s < HEALTH_S
    assert per_h < LOG_BYTES_PER_H
    assert late <= ticks // 20
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _ticks(demo: RunningDemo) -> tuple[int, int]:
    """Return the ticks of the signal engine so far and how many began late."""
    dsp = demo.get("health")["parts"]["dsp"]
    return int(dsp["ticks_total"]), int(dsp["late_ticks_total"])


def _log_bytes(demo: RunningDemo) -> int:
    return (demo.folder / "gateway.log").stat().st_size
