"""One class hour in real browsers: a teacher and ten phones on one gateway, no internet.

Join by the address of the QR code, a patient each, two phones without a network, a pause, a fault,
a question, back for all, then words before the score. What it took is printed, not judged.
"""

import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from teleward_gateway.testing.running_demo import RunningDemo

N_SEATS = int(os.environ.get("TELEWARD_TEST_SEATS", "10"))
"""Fewer only to look for a fault on a busy machine."""
PHONE, LAPTOP = (360, 780), (1280, 800)
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
WAIT_MS = 90_000
expect.set_options(timeout=WAIT_MS)
NETWORK = re.compile("WebSocket|Failed to load resource|ERR_INTERNET_DISCONNECTED|net::ERR")
"""Chromium reports a network that is gone; whether the page says so is tested."""


@dataclass
class Hour:
    """Browsers of one class."""

    browser: Browser
    address: str
    key: str
    code: str
    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)

    def context(self, size: tuple[int, int]) -> BrowserContext:
        """Return a browser of its own; every request that leaves the gateway is noted."""
        made = self.browser.new_context(viewport={"width": size[0], "height": size[1]})
        made.set_default_timeout(WAIT_MS)
        host = urlsplit(self.address).netloc
        made.on(
            "request",
            lambda request: (
                None
                if urlsplit(request.url).netloc in (host, "")
                else self.foreign.append(request.url)
            ),
        )
        self.contexts.append(made)
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


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hour]:
    """A demo with a class, and a browser."""
    demo = RunningDemo.start(tmp_path_factory.mktemp("hour"), "--class", "breathless", patients=0)
    try:
        demo.wait_live()
        text = "\n".join(demo.output)
        key = re.search(r"/teach#key=(\S+)", text)
        code = re.search(r"/j/(\w+)", text)
        assert key is not None
        assert code is not None
        chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))))
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
            hour = Hour(browser, demo.address, key[1], code[1])
            yield hour
            browser.close()
    finally:
        demo.stop()


def violations(page: Page) -> list[str]:
    """Return what axe finds."""
    found = Axe().run(page).response["violations"]
    return [f"{page.url} {each['id']}: {each['nodes'][0]['html'][:120]}" for each in found]


def join(hour: Hour, number: int) -> Page:
    """Join by the address of the QR code, check, be ready."""
    page = hour.page(hour.context(PHONE), f"/j/{hour.code}")
    page.fill("#name", f"Bird {number}")
    page.click("#go")
    page.click("#moves")
    page.click("#tap")
    page.click("#ready")
    page.wait_for_url("**/room")
    return page


def samples(page: Page, which: str, first: int, count: int) -> str:
    """Return the sha256 of samples that a screen holds."""
    text = page.evaluate(f"([f, n]) => {which}.samples('ecg_ii', f, n)", [first, count])
    assert "NaN" not in text
    assert text
    return hashlib.sha256(text.encode()).hexdigest()


def weight(page: Page) -> int:
    """Return the bytes of the page's first load as they went over the wire."""
    found: int = page.evaluate(
        "() => performance.getEntriesByType('resource').concat("
        "performance.getEntriesByType('navigation'))"
        ".filter(e => !e.name.includes('/api/')).reduce((sum, e) => sum + e.encodedBodySize, 0)"
    )
    return found


def test_one_class_hour(hour: Hour, tmp_path: Path) -> None:
    taken: dict[str, Any] = {}
    problems: list[str] = []
    room = hour.context(LAPTOP)
    teacher = hour.page(room, f"/teach#key={hour.key}")
    expect(teacher.locator(".big-code")).to_have_text(hour.code)
    wall = hour.page(room, "/wall")
    expect(wall.locator("#address")).to_have_text(f"{urlsplit(hour.address).netloc}/j/{hour.code}")
    problems += violations(teacher) + violations(wall)

    begun_s = time.monotonic()
    phones = [join(hour, number) for number in range(N_SEATS)]
    taken["join_s"] = time.monotonic() - begun_s
    taken["kb"] = {"room": weight(phones[0]) / 1000, "teach": weight(teacher) / 1000}
    assert max(taken["kb"].values()) <= 60
    expect(wall.locator(".roster .ready")).to_have_count(N_SEATS)

    teacher.click("#begin")
    expect(teacher.locator("#board tbody tr")).to_have_count(N_SEATS)
    first = phones[0]
    expect(first.locator("[data-metric=hr]")).to_have_text(re.compile(r"\d"))
    problems += violations(first) + violations(teacher)

    lost = phones[-2:]
    for page in lost:
        page.context.set_offline(True)
    delays = []
    for page in phones[: max(1, N_SEATS - 2)][:4]:
        delays.append(order(page, teacher))
    taken["act_to_row_ms"] = [round(1000 * each) for each in delays]
    for page in lost:  # what is old is not shown as new
        expect(page.locator("[data-metric=hr]")).to_have_text("--")
        expect(page.get_by_text("No link").first).to_be_visible()
        page.context.set_offline(False)
    for page in lost:
        expect(page.locator("[data-metric=hr]")).to_have_text(re.compile(r"\d"))

    the_same_samples(teacher, first)
    staged_changes_and_two_taps(teacher, first)

    teacher.click("#bookmark")
    teacher.click("#pause")
    expect(first.get_by_text("Your teacher has paused")).to_be_visible()
    teacher.click("#pause")
    teacher.click("#freeze")
    teacher.click("[data-question=carbon-dioxide]")
    for page in phones[:2]:
        page.locator(".option").nth(1).click()
        page.click("#send-answer")
    problems += violations(first)
    expect(wall.get_by_text("2 answers")).to_be_visible()
    teacher.click("#thaw")
    expect(wall.locator("#bars b").nth(1)).to_have_text("2")
    teacher.click("#rewind")
    teacher.locator("[data-mark]").first.click()
    expect(first.get_by_text("Your teacher has paused")).to_be_visible()
    teacher.click("#pause")

    teacher.click("#end")
    first.fill("#words", "too few")
    first.fill("#change", "Look first.")
    first.click("#send-words")
    expect(first.get_by_text("write about 20 words").last).to_be_visible()
    first.fill(
        "#words", "He could not speak and I looked only at one number for far too long a time."
    )
    first.click("#send-words")
    expect(first.get_by_text("Kept. Wait for the debrief.")).to_be_visible()
    expect(teacher.locator("#reflections li")).to_have_count(1)
    problems += violations(first) + violations(teacher) + in_hindi(hour, first, teacher, wall)

    print(json.dumps(taken))
    assert not problems, "\n".join(problems)
    assert hour.errors == []
    assert hour.foreign == []


def order(page: Page, teacher: Page) -> float:
    """Order a drug with its read-back; return the seconds from the confirmation to the row."""
    name = page.evaluate("() => window.teleward.view.screen.seat.name")
    page.get_by_role("tab", name="Do").click()
    page.fill("#do", "salb")
    page.click("[data-action=salbutamol]")
    page.fill("#dose", "5")
    page.click("#give")
    page.locator("[data-yes]").click(no_wait_after=True)
    begun_s = time.monotonic()
    row = teacher.locator("#board tbody tr").filter(has=teacher.get_by_text(name, exact=True))
    expect(row.locator("[data-met]")).to_have_text(re.compile(r"^1 of"))
    return time.monotonic() - begun_s


def the_same_samples(teacher: Page, first: Page) -> None:
    """The learner's screen and what the teacher sees of it hold the same samples."""
    name = first.evaluate("() => window.teleward.view.screen.seat.name")
    teacher.get_by_role("button", name=f"What {name} sees").click()
    expect(teacher.locator("#watch [data-metric=hr]")).to_have_text(re.compile(r"\d"))
    time.sleep(3)
    mine, theirs = "window.teleward.view.stream", "window.teleward.watched.stream"
    [_, end] = first.evaluate(f"() => {mine}.kept('ecg_ii')")
    [begin, newest] = teacher.evaluate(f"() => {theirs}.kept('ecg_ii')")
    count = min(end, newest) - begin
    assert count > 250
    assert samples(first, mine, begin, count) == samples(teacher, theirs, begin, count)


def staged_changes_and_two_taps(teacher: Page, first: Page) -> None:
    """From the board one tap opens a room, a second stages; nothing is sent before Send."""
    events = "() => fetch('/api/v1/class/events').then(a => a.json())"
    teacher.click("[data-change=stage_motion]")
    teacher.click("[data-change=stage_probe]")
    faults = [e for e in teacher.evaluate(events) if e["kind"] == "order.sent"]
    assert not [e for e in faults if e["body"]["order"] == "fault"]
    expect(teacher.locator("#send-changes")).to_have_text(re.compile("Send 2 changes"))
    teacher.click("#send-changes")
    expect(teacher.locator("#send-changes")).to_have_count(0)
    sent = [e["body"] for e in teacher.evaluate(events) if e["kind"] == "order.sent"]
    faults = [body for body in sent if body["order"] == "fault"]
    assert {body["tick"] for body in faults} == {faults[0]["tick"]}
    assert len(faults) == 2
    teacher.keyboard.press("Escape")


def in_hindi(hour: Hour, first: Page, teacher: Page, wall: Page) -> list[str]:
    """Look at every page in Hindi, at both widths."""
    found = []
    for page, path in ((first, "/room"), (teacher, "/teach"), (wall, "/wall"), (first, "/join")):
        for width in (360, 1280):
            page.set_viewport_size({"width": width, "height": 780})
            page.evaluate("() => localStorage.setItem('teleward.language', 'hi')")
            page.goto(hour.address + path)
            expect(page.locator("main")).to_have_count(1)
            time.sleep(1)
            found += violations(page)
            wide = page.evaluate(
                "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            if wide > 0:
                found.append(f"{path} at {width} is {wide} px too wide")
    return found
