"""Browsers of one class hour: a teacher, phones, and what each of them must never show."""

import contextlib
import json
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

PHONE, LAPTOP = (360, 780), (1280, 800)
WIDTHS = (360, 1280)
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
WAIT_MS = 90_000
NETWORK = re.compile("WebSocket|Failed to load resource|ERR_INTERNET_DISCONNECTED|net::ERR")
"""Chromium reports a network that is gone; whether the page says so is tested."""
DAYS_WRONG = "Date.now = (now => () => now() + 3 * 86400e3)(Date.now)"
"""A phone whose clock is three days ahead."""
TAPPED = (
    "addEventListener('click', () => "
    "(window.tapped = performance.timeOrigin + performance.now()), true)"
)
SEEN = """
    window.seen = [];
    const last = {};
    new MutationObserver(() => {
      for (const row of document.querySelectorAll('#board tbody tr')) {
        const name = row.querySelector('button').textContent;
        const text = row.querySelector('[data-act]').textContent;
        if (last[name] === text) continue;
        last[name] = text;
        window.seen.push([performance.timeOrigin + performance.now(), name, text]);
      }
    }).observe(document.body, { subtree: true, childList: true, characterData: true });
"""
"""Notes when each row's last act changed, on the clock that the phones share."""


def catalogue(language: str) -> dict[str, Any]:
    """Return the texts of a language."""
    path = files("teleward_gateway") / "dashboard" / "i18n" / f"class.{language}.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


@dataclass
class Hour:
    """Browsers of one class."""

    browser: Browser
    address: str
    key: str
    code: str
    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """What axe found, and pages that are wider than their screen."""
    looked: set[tuple[str, int, str]] = field(default_factory=set)

    def context(self, size: tuple[int, int], script: str = "") -> BrowserContext:
        """Return a browser of its own; every request that leaves the gateway is noted."""
        made = self.browser.new_context(viewport={"width": size[0], "height": size[1]})
        made.set_default_timeout(WAIT_MS)
        made.add_init_script(TAPPED)
        if script:
            made.add_init_script(script)
        host = urlsplit(self.address).netloc

        def note(url: str) -> None:
            if urlsplit(url).netloc not in (host, ""):
                self.foreign.append(url)

        made.on("request", lambda request: note(request.url))
        return made

    def page(self, context: BrowserContext, path: str) -> Page:
        """Open a page; errors of its console are kept."""
        page = context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on(
            "console",
            lambda message: (
                self.errors.append(message.text)
                if message.type == "error" and not NETWORK.search(message.text)
                else None
            ),
        )
        page.goto(self.address + path)
        return page

    def look(self, page: Page, which: str, widths: tuple[int, ...] = WIDTHS) -> None:
        """Look at a page as it is, at some widths: axe, and nothing wider than the screen."""
        size = page.viewport_size
        assert size is not None
        language = page.locator("html").get_attribute("lang") or ""
        for width in widths:
            page.set_viewport_size({"width": width, "height": 780})
            for each in Axe().run(page).response["violations"]:
                node = each["nodes"][0]["html"][:160]
                self.problems.append(f"{which} {width} {language} {each['id']}: {node}")
            wide = page.evaluate(
                "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            if wide > 0:
                self.problems.append(f"{which} {width} {language}: {wide} px too wide")
            self.looked.add((which, width, language))
        page.set_viewport_size(size)


@dataclass
class Phone:
    """A learner's page, with the texts of its language."""

    page: Page
    name: str
    language: str

    def text(self, key: str) -> str:
        """Return a text as this phone shows it, up to its first place."""
        found: str = catalogue(self.language)[key]
        return found.split("{")[0].strip()

    def tab(self, name: str) -> None:
        """Open a tab."""
        self.page.get_by_role("tab", name=self.text(f"tab_{name}"), exact=True).click()

    def number(self) -> Locator:
        """Return the heart rate of the mini monitor."""
        return self.page.locator("[data-metric=hr]")

    def shows(self, key: str) -> None:
        """Wait until a text is visible."""
        expect(self.page.get_by_text(self.text(key)).first).to_be_visible()


@dataclass
class Teacher:
    """The teacher's page, and how many taps everything took."""

    page: Page
    taken: dict[str, int] = field(default_factory=dict)

    def row(self, name: str) -> Locator:
        """Return a learner's row."""
        rows = self.page.locator("#board tbody tr")
        return rows.filter(has=self.page.get_by_text(name, exact=True))

    def reach(self, what: str, *taps: str | Locator, words: str = "") -> None:
        """Reach something from the board by taps, typing ``words`` before the last; count them."""
        for place, tap in enumerate(taps):
            if words and place == len(taps) - 1:
                self.page.locator(".bulk input").fill(words)
            found = self.page.locator(tap) if isinstance(tap, str) else tap
            found.first.click()
        self.taken[what] = len(taps)

    def events(self) -> list[dict[str, Any]]:
        """Return the log of the class."""
        found: list[dict[str, Any]] = self.page.evaluate(
            "() => fetch('/api/v1/class/events').then(answer => answer.json())"
        )
        return found

    def delay_ms(self, phone: Phone, act: str) -> float:
        """Return the milliseconds from the phone's last tap to the row that shows ``act``."""
        tapped = phone.page.evaluate("() => window.tapped")
        expect(self.row(phone.name).locator("[data-act]")).to_contain_text(act)
        for at, name, text in self.page.evaluate("() => window.seen"):
            if name == phone.name and act in text and at >= tapped:
                return float(at - tapped)
        raise AssertionError(f"{phone.name} {act} was never seen")


@contextlib.contextmanager
def clocked(taken: dict[str, Any], what: str) -> Iterator[None]:
    """Note and print the seconds of a part of the hour, and the load of the machine."""
    begun_s = time.monotonic()
    yield
    taken[what] = round(time.monotonic() - begun_s, 1)
    print(f"{what} {taken[what]}, load {os.getloadavg()[0]:.1f}", flush=True)
