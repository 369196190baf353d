"""Login, trust and accounts in a browser over HTTPS: axe, what a role is offered, a login's end."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from teleward_gateway.access import accounts
from teleward_gateway.access.lan import Lan
from teleward_gateway.access.mount import add_access
from teleward_gateway.access.roles import OF_ACCOUNTS
from teleward_gateway.access.service import AccessService
from teleward_gateway.api.factory import create_app
from teleward_gateway.settings.lan import AccessSettings, LanSettings
from teleward_gateway.testing.ward_feed import WardFeed
from teleward_signal.model import Provenance

OpenPage = Callable[..., Page]
PASSWORD = "four quiet words here"
UNTRUSTED = {"ignore_https_errors": True, "service_workers": "block"}
"""Who signed it is checked by the test of a second machine; such a page keeps no files."""
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]}


@dataclass
class Served:
    """A ward on a local network of one machine."""

    access: AccessService
    lan: Lan

    @property
    def url(self) -> str:
        """The address over HTTPS."""
        return f"https://127.0.0.1:{self.lan.port}"

    @property
    def plain(self) -> str:
        """The address without it."""
        return f"http://127.0.0.1:{self.lan.plain_port}"


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """A ward with an account of each role, served by a loop in a thread."""
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(accounts, "_HASHER", quick)
    access = AccessService(tmp_path, Provenance.SIMULATED, AccessSettings())
    for role in OF_ACCOUNTS:
        access.accounts.add(role.value, role, PASSWORD)
    ready, stopped = threading.Event(), asyncio.Event()
    found: list[tuple[Served, asyncio.AbstractEventLoop]] = []

    async def serve() -> None:
        feed = WardFeed(2, alarms=False)
        app = create_app(feed)
        settings = LanSettings(enabled=True, host="127.0.0.1", port=0, plain_port=0)
        lan = app.state.lan = Lan(add_access(app, access), settings, tmp_path, "clinic-3")
        async with app.router.lifespan_context(app):
            tasks = [asyncio.create_task(work) for work in (feed.run(), lan.run(), access.run())]
            while not lan.health()["ok"]:
                await asyncio.sleep(0.02)
            found.append((Served(access, lan), asyncio.get_running_loop()))
            ready.set()
            await stopped.wait()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(60)
    served, loop = found[0]
    yield served
    loop.call_soon_threadsafe(stopped.set)
    thread.join(30)
    access.close()


def axe(page: Page) -> list[tuple[str, str]]:
    """Return what axe finds wrong."""
    found = Axe().run(page, options=RULES).response["violations"]
    return [(each["id"], each["nodes"][0]["html"][:120]) for each in found]


def log_in(page: Page, name: str) -> None:
    """Type name and password."""
    page.fill("#name", name)
    page.fill("#password", PASSWORD)
    page.click("button.primary")


def test_login_trust_and_accounts(served: Served, open_page: OpenPage) -> None:
    page = open_page(f"{served.url}/bed/sim-01", 360, 740, **UNTRUSTED)
    expect(page.locator("#password")).to_be_visible()
    assert axe(page) == []
    page.fill("#name", "observer")
    page.fill("#password", "wrong words, all of them")
    page.click("button.primary")
    expect(page.locator(".error")).to_have_text("Name or password is not right.")
    page.click("button[lang=hi]")
    expect(page.locator(".error")).to_have_text("नाम या पासवर्ड सही नहीं है।")
    assert page.evaluate("document.documentElement.lang") == "hi"
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 360

    log_in(page, "observer")
    expect(page).to_have_url(f"{served.url}/bed/sim-01")
    expect(page.locator("#who")).to_have_attribute("aria-label", "observer, प्रेक्षक: लॉग आउट")
    expect(page.locator('[data-metric="spo2"]').first).to_have_attribute("data-state", "ok")
    for hidden in ("#pause", "#acknowledge"):
        expect(page.locator(hidden)).to_be_hidden()
    page.click("#more")
    page.click("#limits")
    expect(page.locator("#limits-dialog footer")).to_be_hidden()
    page.goto(f"{served.url}/accounts")
    expect(page.locator("#log-out")).to_be_visible()
    expect(page.locator(".error")).to_contain_text("/accounts")
    assert axe(page) == []

    page.goto(f"{served.url}/ward")
    expect(page.locator("#who")).to_be_visible()
    expect(page.locator("#silence")).to_be_hidden()
    for session in served.access.sessions.all():  # the operator ends it, far away
        served.access.sessions.end(session)
    expect(page.locator("#session-ended")).to_contain_text("इस स्क्रीन पर कोई रोगी नहीं दिखता")
    page.click("#session-ended a")
    expect(page.locator("#password")).to_be_visible()

    operator = open_page(f"{served.url}/login?next=/accounts", **UNTRUSTED)
    log_in(operator, "operator")
    expect(operator.locator("table")).to_contain_text("observer")
    expect(operator.locator("section").first).to_contain_text("guest expert")
    assert axe(operator) == []
    operator.select_option("select[name=target]", "")
    operator.click("text=Make link")
    link = operator.locator(".made code").inner_text()
    screen = open_page(link, **UNTRUSTED)
    expect(screen).to_have_url(f"{served.url}/ward")
    expect(screen.locator(".tile")).to_have_count(2)
    expect(screen.locator("#silence")).to_be_hidden()

    for width in (360, 1280):
        trust = open_page(f"{served.plain}/trust", width, 740)
        expect(trust.locator(".steps li")).to_have_count(3)
        assert axe(trust) == []
        assert trust.evaluate("document.documentElement.scrollWidth") <= width
        to_ward = trust.locator("#open").get_attribute("href")
        assert to_ward == f"{served.url}/login"
