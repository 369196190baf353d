"""A real Chromium and a real server with a synthetic ward behind it."""

import re
import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import (
    Browser,
    Page,
    Playwright,
    ViewportSize,
    expect,
    sync_playwright,
)

from teleward_gateway.testing.feed_server import FeedServer
from teleward_gateway.testing.ward_feed import WardFeed

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
WAIT_MS = 30_000
"""Two busy cores: a page may need seconds for what takes it a tenth of one alone."""

EXPECTED = re.compile("WebSocket|Failed to load resource|error occurred when fetching the script")
"""Chromium reports a server that is gone or refuses; whether the page says so is tested."""

OpenPage = Callable[..., Page]

expect.set_options(timeout=WAIT_MS)


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """Playwright's loop occupies the thread while it lives: it must end before async tests run."""
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    assert found, "no Chromium: run scripts/install-system-packages"
    browser = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def ward() -> Iterator[FeedServer]:
    server = FeedServer(WardFeed(4))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Open a page at an address; a console error or an exception in it fails the test."""
    contexts, errors = [], []

    def opener(address: str, width: int = 1280, height: int = 720, **more: object) -> Page:
        viewport = ViewportSize(width=width, height=height)
        context = browser.new_context(viewport=viewport, **more)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on(
            "console",
            lambda message: (
                errors.append(message.text)
                if message.type == "error" and not EXPECTED.search(message.text)
                else None
            ),
        )
        page.goto(address)
        if re.search(r"/(ward|bed/[^/]+)$", page.url):
            # a page waits for its texts beyond its load
            page.wait_for_function("() => 'teleward' in window")
        return page

    yield opener
    for context in contexts:
        context.close()
    assert errors == []
