"""Accessibility: axe, contrast in both phases of the flashing, reduced motion."""

from collections.abc import Callable
from functools import partial

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from teleward_gateway.testing.feed_server import FeedServer
from teleward_signal.model import AlarmEvent, AlarmKind, Presence, Priority

OpenPage = Callable[..., Page]
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]}

STOP_CLOCKS = "() => { for (let id = 1; id < 9999; id++) clearInterval(id); }"
SET_PHASE = """(lit) => {
  for (const name of ["data-flash-high", "data-flash-medium"]) {
    document.documentElement.toggleAttribute(name, lit);
  }
}"""


def set_alarms(ward: FeedServer, presence: Presence) -> None:
    for priority, metric in (
        (Priority.HIGH, "spo2"),
        (Priority.MEDIUM, "heart_rate"),
        (Priority.LOW, "respiratory_rate"),
    ):
        event = AlarmEvent(
            "sim-01", f"axe_{metric}", AlarmKind.PHYSIOLOGICAL, priority, presence, 1, "x", metric
        )
        ward.call(partial(ward.feed.live.publish_alarm, event))
    state = "off" if presence is Presence.OFF else presence.value
    ward.call(lambda: ward.feed.live.set_link("sim-02", "axe", state, label="Oximeter"))


def violations(page: Page) -> list[tuple[str, str]]:
    found = Axe().run(page, options=RULES).response["violations"]
    return [(each["id"], each["nodes"][0]["html"][:120]) for each in found]


@pytest.mark.parametrize("language", ["en-GB", "hi-IN"])
@pytest.mark.parametrize("path", ["/ward", "/bed/sim-01"])
def test_axe_finds_nothing_quiet_and_while_alarms_flash(
    ward: FeedServer, open_page: OpenPage, path: str, language: str
) -> None:
    page = open_page(ward.url + path, 360, 740, locale=language)
    try:
        page.wait_for_selector('[data-metric="spo2"][data-state="ok"]')
        for width in (360, 1280):
            page.set_viewport_size({"width": width, "height": 740})
            assert violations(page) == [], width
        set_alarms(ward, Presence.ACKNOWLEDGED)
        page.wait_for_selector('[data-metric="spo2"][data-alarm="high ack"]')
        assert violations(page) == []
        set_alarms(ward, Presence.ON)
        page.wait_for_selector('[data-metric="spo2"][data-alarm="high on"]')
        page.evaluate(STOP_CLOCKS)  # hold the flashing in one phase while axe looks
        for lit in (True, False):
            page.evaluate(SET_PHASE, lit)
            for width in (360, 1280):
                page.set_viewport_size({"width": width, "height": 740})
                assert violations(page) == [], (lit, width)
    finally:
        set_alarms(ward, Presence.OFF)
        ward.call(lambda: ward.feed.live.drop_link("sim-02", "axe"))


@pytest.mark.parametrize("button", ["#news2", "#limits", "#filter", "#alarm-list"])
def test_axe_finds_nothing_in_the_dialogs(
    ward: FeedServer, open_page: OpenPage, button: str
) -> None:
    page = open_page(f"{ward.url}/bed/sim-02")
    page.wait_for_selector('[data-metric="spo2"][data-state="ok"]')
    page.locator(button).click()
    expect(page.locator("dialog[open]")).to_be_visible()
    assert violations(page) == []


def test_flashing_is_below_three_a_second_and_stops_with_reduced_motion(
    ward: FeedServer, open_page: OpenPage
) -> None:
    count = """() => new Promise((done) => {
      const turns = { high: 0, medium: 0 };
      const root = document.documentElement;
      const observer = new MutationObserver((changes) => {
        for (const { attributeName } of changes) {
          const name = attributeName.replace("data-flash-", "");
          if (name in turns && root.hasAttribute(attributeName)) turns[name]++;
        }
      });
      observer.observe(root, { attributes: true });
      setTimeout(() => done(turns), 3000);
    })"""
    turns = open_page(f"{ward.url}/ward").evaluate(count)
    assert 3 <= turns["high"] <= 7  # 2 Hz, fewer only when the machine is busy
    assert 1 <= turns["medium"] <= 3
    still = open_page(f"{ward.url}/ward", reduced_motion="reduce").evaluate(count)
    assert still == {"high": 0, "medium": 0}


def test_the_bed_works_by_keyboard_alone(ward: FeedServer, open_page: OpenPage) -> None:
    page = open_page(f"{ward.url}/bed/sim-02")
    page.wait_for_selector('[data-metric="spo2"][data-state="ok"]')
    reached = []
    for _ in range(30):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate("document.activeElement.id || document.activeElement.className")
        )
    assert {"pause", "freeze", "news2", "limits", "alarm-list", "sound", "fullscreen"} <= set(
        reached
    )
