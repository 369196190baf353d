"""Without the gateway the pages open with the last known state, which cannot be taken for live."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from teleward_gateway.testing.feed_server import FeedServer
from teleward_gateway.testing.ward_feed import WardFeed
from tests.browser.test_access import violations

OpenPage = Callable[..., Page]


@pytest.fixture
def ward() -> Iterator[FeedServer]:
    server = FeedServer(WardFeed(2))
    server.start()
    yield server
    server.stop()


def test_the_pages_open_without_the_gateway_and_are_live_again_with_it(
    ward: FeedServer, open_page: OpenPage
) -> None:
    page = open_page(f"{ward.url}/bed/sim-01", 390, 800)
    page.wait_for_function("() => teleward.shell.kept")  # its files are in the cache
    page.goto(f"{ward.url}/ward")
    page.wait_for_selector('[data-subject="sim-01"] [data-metric="spo2"][data-state="ok"]')
    page.wait_for_function("() => teleward.shell.kept && teleward.shell.lastKnown.savedAt > 0")
    manifest = page.evaluate("fetch('/manifest.webmanifest').then(answer => answer.json())")
    assert (manifest["start_url"], manifest["display"]) == ("/ward", "standalone")
    ward.stop()
    # an hour later
    page.add_init_script("{ const real = Date.now; Date.now = () => real() + 3600e3; }")
    page.reload()
    known = page.locator("#last-known")
    expect(known).to_contain_text("NOT LIVE")
    first = known.locator("li").first
    expect(first).to_contain_text("Bed 01")
    expect(first).to_contain_text("SpO₂93")
    expect(first.locator(".when")).to_contain_text("1 h old")
    expect(page.locator("#link")).not_to_have_attribute("data-link", "live")
    assert page.locator("#beds [data-metric]").count() == 0  # nowhere but there
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.goto(f"{ward.url}/bed/sim-02")
    expect(known.locator("li")).to_have_count(1)
    expect(known).to_contain_text("Bed 02")
    ward.feed = WardFeed(2)
    ward.start()
    expect(page.locator("#link")).to_have_attribute("data-link", "live")
    expect(known).to_have_count(0)
