"""Sound, title and announcements go on whatever is painted, and say what is so."""

import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from playwright.sync_api import Page, expect

from teleward_gateway.testing.feed_server import FeedServer
from teleward_signal.model import AlarmEvent, AlarmKind, Presence, Priority

OpenPage = Callable[..., Page]

NO_PAINTING = "() => { window.requestAnimationFrame = () => 0; }"
"""What a page behind another tab gets: no frame any more."""
BURSTS = "() => teleward.shell.sound.bursts"


@pytest.fixture
def alarm(ward: FeedServer) -> Iterator[Callable[..., None]]:
    def publish(
        presence: Presence, text: str = "SpO₂ very low: 79", priority: Priority = Priority.HIGH
    ) -> None:
        kind = AlarmKind.PHYSIOLOGICAL
        event = AlarmEvent("sim-04", "watch", kind, priority, presence, 1, text, "spo2")
        ward.call(partial(ward.feed.live.publish_alarm, event))

    yield publish
    publish(Presence.OFF)


@pytest.mark.parametrize("path", ["/ward", "/bed/sim-04"])
def test_a_page_that_is_not_painted_rings_and_names_the_alarm(
    ward: FeedServer, open_page: OpenPage, alarm: Callable[..., None], path: str
) -> None:
    page = open_page(ward.url + path)
    page.locator("#sound").click()
    expect(page.locator("#sound")).to_have_text("Sound on")
    page.evaluate(NO_PAINTING)
    before = page.evaluate(BURSTS)
    alarm(Presence.ON)
    page.wait_for_function(f"() => ({BURSTS})() > {before}", polling=200)
    page.wait_for_function("() => document.title.startsWith('!!! ')", polling=200)
    assert "SpO₂ very low: 79" in page.title()
    expect(page.locator("#spoken")).to_contain_text("SpO₂ very low: 79")


def test_a_worse_value_changes_the_text_everywhere(
    ward: FeedServer, open_page: OpenPage, alarm: Callable[..., None]
) -> None:
    page = open_page(f"{ward.url}/bed/sim-04")
    alarm(Presence.ON, "SpO₂ low: 89 < 90")
    expect(page.locator("#message")).to_contain_text("89 < 90")
    alarm(Presence.ON, "SpO₂ low: 86 < 90")
    expect(page.locator("#message")).to_contain_text("86 < 90")
    expect(page.locator("#spoken")).to_contain_text("86 < 90")
    assert "86 < 90" in page.title()


def test_sound_comes_back_after_an_interruption(ward: FeedServer, open_page: OpenPage) -> None:
    page = open_page(f"{ward.url}/ward")
    page.locator("#sound").click()
    expect(page.locator("#sound")).to_have_text("Sound on")
    page.evaluate("() => teleward.shell.sound.context.suspend()")
    page.wait_for_function("() => teleward.shell.sound.context.state === 'running'")
    expect(page.locator("#sound")).to_have_text("Sound on")


def test_a_sound_that_cannot_start_is_called_off(ward: FeedServer, open_page: OpenPage) -> None:
    page = open_page(f"{ward.url}/ward")
    expect(page.locator("#sound")).to_contain_text("SOUND IS OFF")
    page.locator("#sound").click()
    expect(page.locator("#sound")).to_have_text("Sound on")
    page.evaluate(
        """() => {
          const { context } = teleward.shell.sound;
          context.resume = () => Promise.reject(new Error("interrupted"));
          return context.suspend();
        }"""
    )
    expect(page.locator("#sound")).to_contain_text("SOUND IS OFF")
    page.evaluate("() => { delete teleward.shell.sound.context.resume; }")
    page.locator("#sound").click()
    expect(page.locator("#sound")).to_have_text("Sound on")


def test_another_page_and_a_reload_keep_the_sound(
    ward: FeedServer, open_page: OpenPage, alarm: Callable[..., None]
) -> None:
    page = open_page(f"{ward.url}/bed/sim-04")
    page.locator("#sound").click()
    expect(page.locator("#sound")).to_have_text("Sound on")
    page.goto(f"{ward.url}/ward")
    page.wait_for_selector(".tile")
    page.keyboard.press("Shift")
    expect(page.locator("#sound")).to_have_text("Sound on")
    alarm(Presence.ON)
    page.wait_for_function(f"() => ({BURSTS})() > 0")
    page.reload()
    page.wait_for_selector(".tile")
    page.locator("h1").click()
    expect(page.locator("#sound")).to_have_text("Sound on")
    page.locator("#sound").click()
    page.reload()
    page.wait_for_selector(".tile")
    page.keyboard.press("Shift")
    expect(page.locator("#sound")).to_contain_text("SOUND IS OFF")


def test_the_page_is_stale_when_the_ward_stands_still_though_pings_are_answered(
    ward: FeedServer, open_page: OpenPage
) -> None:
    page = open_page(f"{ward.url}/ward")
    link = page.locator("#link")
    expect(link).to_have_attribute("data-link", "live")
    tick = ward.feed.live.tick
    try:
        ward.feed.live.tick = lambda: None  # type: ignore[method-assign]
        expect(link).to_have_attribute("data-link", "stale")
        expect(link).to_contain_text("STALE")
        page.wait_for_function("() => document.title.startsWith('STALE')")
        expect(page.locator("#spoken")).to_contain_text("No data from the gateway")
    finally:
        ward.feed.live.tick = tick  # type: ignore[method-assign]
    expect(link).to_have_attribute("data-link", "live")
    expect(page.locator("#spoken")).not_to_contain_text("No data")


def test_a_quiet_ward_is_not_stale(browser: object, open_page: OpenPage) -> None:
    from teleward_gateway.testing.ward_feed import WardFeed

    server = FeedServer(WardFeed(0))
    server.start()
    try:
        page = open_page(f"{server.url}/ward")
        expect(page.locator("#link")).to_have_attribute("data-link", "live")
        time.sleep(4)
        expect(page.locator("#link")).to_have_attribute("data-link", "live")
    finally:
        server.stop()


def test_a_stay_that_ended_leaves_nothing_on_its_page(
    ward: FeedServer, open_page: OpenPage
) -> None:
    live = ward.feed.live
    page = open_page(f"{ward.url}/bed/guest")

    def admit() -> None:
        live.set_subject("guest", bed="Bed 9", label="First")
        live.publish_alarm(
            AlarmEvent(
                "guest", "x", AlarmKind.PHYSIOLOGICAL, Priority.HIGH, Presence.ON, 1, "Asystole"
            )
        )

    def replace() -> None:
        live.remove_subject("guest")
        live.set_subject("guest", bed="Bed 9", label="Second")

    ward.call(admit)
    expect(page.locator("#message")).to_contain_text("Asystole")
    page.locator("#limits").click()
    expect(page.locator("#limits-dialog")).to_be_visible()
    ward.call(replace)
    expect(page.locator("#bar")).to_contain_text("Second")
    expect(page.locator("#message")).to_have_count(0)
    expect(page.locator("#limits-dialog")).to_be_hidden()
    ward.call(lambda: live.remove_subject("guest"))
    expect(page.locator("#empty")).to_contain_text("guest")
    expect(page.locator(".num")).to_have_count(0)
    expect(page.locator(".lane-label")).to_have_count(0)


def test_the_gain_label_is_true_on_a_screen_of_another_density(
    ward: FeedServer, open_page: OpenPage
) -> None:
    page = open_page(f"{ward.url}/bed/sim-02")
    page.wait_for_function("() => teleward.traces.get('sim-02')?.sweep.lanes[0]?.unitPixels")
    sizes = "() => { const c = document.querySelector('.traces canvas'); return c.width; }"
    before = page.evaluate(sizes)
    session = page.context.new_cdp_session(page)
    session.send(
        "Emulation.setDeviceMetricsOverride",
        {"width": 1280, "height": 720, "deviceScaleFactor": 2, "mobile": False},
    )
    page.wait_for_function(f"() => ({sizes})() === {2 * before}")
    unit_pixels = page.evaluate("() => teleward.traces.get('sim-02').sweep.lanes[0].unitPixels")
    gain = round(unit_pixels / 2 / (96 / 25.4), 1)
    expect(page.locator('[data-channel="ecg_ii"] small')).to_contain_text(f"· {gain:g} mm/mV")
