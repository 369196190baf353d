"""The pages' links: the cost of a crowd, numbers only, the return of a killed server."""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, ViewportSize
from websockets.asyncio.client import connect

CROWD = 40
LIVE = """() => {
  const shell = window.teleward?.shell;
  return shell?.ward.received && shell.stream.link().state === "live";
}"""
LOST = "() => teleward.shell.stream.link().state === 'lost'"
NUMBERS = """() => {
  const { stream } = teleward.shell;
  stream.base = stream.rung = 2;
  stream.send({ type: "rung", rung: "numbers" });
}"""


class Feed:
    """The synthetic ward in another process; can be killed, and started again at its port."""

    def __init__(self, beds: int) -> None:
        self._beds = beds
        self._process: subprocess.Popen[str] | None = None
        self.port = 0
        self.start()

    @property
    def url(self) -> str:
        """Where the pages are."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start; returns once it answers."""
        command = [sys.executable, "-m", "teleward_gateway.testing.feed_server"]
        command += ["--port", str(self.port), "--beds", str(self._beds)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, bufsize=1)
        assert self._process.stdout is not None
        address = self._process.stdout.readline().strip()
        if not address:
            raise SystemExit("the synthetic ward did not start; see the message above")
        self.port = int(address.rpartition(":")[2])

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait(10)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process = None

    def processor_s(self) -> float:
        """Return the seconds of processor time that it took so far."""
        assert self._process is not None
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def numbers_only(page: Page, measure: str, seconds: float, overhead: int) -> float:
    """Return what a bed without waves takes on the wire, kbit/s."""
    page.evaluate(NUMBERS)
    page.wait_for_timeout(2000)
    found: dict[str, Any] = page.evaluate(measure, seconds)
    return float(found["bytes_s"] + found["messages_s"] * overhead) * 8 / 1000


def return_s(browser: Browser, feed: Feed) -> float:
    """Return how long after a killed server answers again its page is live."""
    page = browser.new_page(viewport=ViewportSize(width=1280, height=800))
    page.goto(f"{feed.url}/ward")
    page.wait_for_function(LIVE)
    feed.kill()
    page.wait_for_function(LOST)
    page.wait_for_timeout(10_000)
    feed.start()
    begin = time.monotonic()
    page.wait_for_function(LIVE, polling=20)
    passed = time.monotonic() - begin
    page.close()
    return passed


def crowd_percent(feed: Feed, seconds: float) -> float:
    """Return what `CROWD` pages of the whole ward take of one core, beyond the ward itself."""
    begin = feed.processor_s()
    time.sleep(seconds)
    alone = feed.processor_s() - begin
    busy = asyncio.run(_crowd(feed, seconds))
    return 100 * (busy - alone) / seconds


async def _crowd(feed: Feed, seconds: float) -> float:
    address = f"ws://127.0.0.1:{feed.port}/api/v1/stream"

    async def watch() -> None:
        async with connect(address, compression=None, max_queue=None) as socket:
            async for _ in socket:
                pass

    watchers = [asyncio.create_task(watch()) for _ in range(CROWD)]
    await asyncio.sleep(2.0)
    begin = feed.processor_s()
    await asyncio.sleep(seconds)
    passed = feed.processor_s() - begin
    for watcher in watchers:
        watcher.cancel()
    await asyncio.gather(*watchers, return_exceptions=True)
    return passed
