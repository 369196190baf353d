"""The ward's alarms: counted, never cut, quiet when acknowledged, silenced together, kept."""

from collections.abc import Callable, Iterator
from functools import partial

import pytest
from playwright.sync_api import Page, expect

from teleward_gateway.testing.feed_server import FeedServer
from teleward_signal.model import AlarmEvent, AlarmKind, Presence, Priority

OpenPage = Callable[..., Page]
Raise = Callable[..., None]

CUT = """() => [...document.querySelectorAll(".tile .al span, #message span")].filter((text) => {
  const inner = document.createRange();
  inner.selectNodeContents(text);
  const words = inner.getBoundingClientRect();
  const frame = (text.closest(".tile") ?? document.documentElement).getBoundingClientRect();
  const hides = getComputedStyle(text).overflow !== "visible";
  return (hides && text.scrollWidth > text.clientWidth + 1) || words.right > frame.right + 1
    || words.bottom > frame.bottom + 1 || words.width === 0;
}).map((text) => text.textContent)"""
LONG = "Mean pressure very low: 48 < 50, in spite of two measurements"


@pytest.fixture
def raise_alarm(ward: FeedServer) -> Iterator[Raise]:
    raised = set()

    def publish(
        condition: str,
        presence: Presence = Presence.ON,
        priority: Priority = Priority.MEDIUM,
        text: str = "x",
        metric: str = "spo2",
        author: str | None = None,
        subject: str = "sim-02",
    ) -> None:
        raised.add((subject, condition))
        now_ns = ward.feed.now_ns()
        event = AlarmEvent(
            subject, condition, AlarmKind.PHYSIOLOGICAL, priority, presence, now_ns, text, metric,
            author=author,
        )  # fmt: skip
        ward.call(partial(ward.feed.publish, [event]))

    yield publish
    for subject, condition in list(raised):
        publish(condition, Presence.OFF, subject=subject)


def test_what_goes_on_and_what_nobody_saw_is_counted(
    ward: FeedServer, open_page: OpenPage, raise_alarm: Raise
) -> None:
    page = open_page(f"{ward.url}/bed/sim-02")
    button = page.locator("#alarm-list")
    expect(button).to_have_text("Alarms 0")
    raise_alarm("one")
    raise_alarm("two", Presence.LATCHED)
    raise_alarm("three", Presence.ACKNOWLEDGED)
    expect(button).to_have_text("Alarms 2 new, 1 ongoing")
    raise_alarm("one", Presence.ACKNOWLEDGED)
    raise_alarm("two", Presence.OFF)
    expect(button).to_have_text("Alarms 2 ongoing")


@pytest.mark.parametrize("path", ["/ward", "/bed/sim-02"])
def test_the_text_of_an_alarm_is_never_cut(
    ward: FeedServer, open_page: OpenPage, raise_alarm: Raise, path: str
) -> None:
    page = open_page(ward.url + path)
    raise_alarm("long", priority=Priority.HIGH, text=LONG)
    expect(page.get_by_text(LONG).first).to_be_visible()
    for width, height in ((360, 740), (800, 480), (768, 1024), (1280, 800), (1920, 1080)):
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(300)
        assert page.evaluate(CUT) == [], (width, height)


def test_an_acknowledged_number_is_quiet_on_the_ward(
    ward: FeedServer, open_page: OpenPage, raise_alarm: Raise
) -> None:
    page = open_page(f"{ward.url}/ward", reduced_motion="reduce")
    value = page.locator('[data-subject="sim-02"] [data-metric="spo2"] .value')
    raise_alarm("loud", priority=Priority.MEDIUM)
    expect(value).to_have_css("background-color", "rgb(255, 208, 0)")
    raise_alarm("loud", Presence.ACKNOWLEDGED)
    expect(value).to_have_css("background-color", "rgba(0, 0, 0, 0)")


def test_the_whole_ward_is_silenced_for_two_minutes(ward: FeedServer, open_page: OpenPage) -> None:
    page = open_page(f"{ward.url}/ward")
    silence = page.locator("#silence")
    silence.click()
    expect(silence).to_contain_text("Ward silent")
    expect(silence).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".tile .paused")).to_have_count(4)
    assert all(ward.feed.board.audio_pause_left_s(bed.subject) > 90 for bed in ward.feed.beds)
    page.keyboard.press("i")
    expect(silence).to_have_text("Silence 2 min")
    expect(page.locator(".tile .paused")).to_have_count(0)


def test_the_history_says_when_how_long_and_who(
    ward: FeedServer, open_page: OpenPage, raise_alarm: Raise
) -> None:
    raise_alarm("apnoea", priority=Priority.MEDIUM, text="RR low: 7 < 8")
    raise_alarm("apnoea", priority=Priority.HIGH, text="RR very low: 4 < 6")
    raise_alarm("apnoea", Presence.ACKNOWLEDGED, Priority.HIGH, "RR very low: 4 < 6", author="Ana")
    raise_alarm("apnoea", Presence.OFF, Priority.MEDIUM, "RR low: 7 < 8")
    raise_alarm("warm", Presence.LATCHED, Priority.LOW, "Temp high: 38.2 > 38")
    page = open_page(f"{ward.url}/bed/sim-02")
    page.locator("#alarm-list").click()
    page.locator("#history").click()
    row = page.locator('.past [data-condition="apnoea"]').first
    expect(row).to_contain_text("RR very low: 4 < 6")
    expect(row).to_contain_text("acknowledged by Ana")
    warm = page.locator('.past [data-condition="warm"]').first
    expect(warm).to_contain_text("not over · not acknowledged")
    page.locator('select[name="filter"]').select_option("high")
    expect(warm).to_have_count(0)
    expect(row).to_be_visible()
