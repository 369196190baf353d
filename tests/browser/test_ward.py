"""The central station in a real browser."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect

from teleward_gateway.testing.feed_server import FeedServer
from teleward_gateway.testing.ward_feed import WardFeed
from teleward_signal.model import AlarmEvent, AlarmKind, Presence, Priority

OpenPage = Callable[..., Page]

LIT_PIXELS = """(canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let sum = 0;
  for (let at = 0; at < data.length; at += 4) if (data[at + 1] > 120) sum += at;
  return sum;
}"""

CUT_VALUES = """() => {
  const values = document.querySelectorAll(".tile .value, .num output.value");
  return [...values].filter((value) => {
    const letters = document.createRange();
    letters.selectNodeContents(value);
    const { left, right } = letters.getBoundingClientRect();
    const frame = value.closest(".tile, .num").getBoundingClientRect();
    return left < frame.left - 1 || right > frame.right + 1;
  }).map((value) => value.textContent);
}"""

READY = "() => [...teleward.traces.values()].every((each) => each.sweep.lanes.length === 3)"


def test_every_bed_shows_its_numerics(ward: FeedServer, open_page: OpenPage) -> None:
    page = open_page(f"{ward.url}/ward")
    expect(page.locator(".tile")).to_have_count(4)
    for bed in ward.feed.beds:
        _, _, spo2, breaths, systolic, diastolic, temperature = bed.case
        tile = page.locator(f'[data-subject="{bed.subject}"]')
        shown = {
            "spo2": str(spo2),
            "respiratory_rate": str(breaths),
            "nibp": f"{systolic}/{diastolic}",
            "body_temperature": f"{temperature:.1f}",
        }
        for metric, text in shown.items():
            numeric = tile.locator(f'[data-metric="{metric}"]')
            expect(numeric.locator(".value")).to_have_text(text)
            expect(numeric).to_have_attribute("data-state", "ok")
        rate = int(tile.locator('[data-metric="heart_rate"] .value').inner_text())
        assert abs(rate - bed.case[1]) <= 1


def test_the_traces_move(ward: FeedServer, open_page: OpenPage) -> None:
    page = open_page(f"{ward.url}/ward")
    page.wait_for_function(READY)
    canvas = page.locator('[data-subject="sim-01"] canvas')
    before = canvas.evaluate(LIT_PIXELS)
    moved = f"""(before) => {{
      const lit = ({LIT_PIXELS})(document.querySelector('[data-subject="sim-01"] canvas'));
      return lit > 0 && lit !== before;
    }}"""
    for _ in range(2):
        page.wait_for_function(moved, arg=before)
        before = canvas.evaluate(LIT_PIXELS)


def test_it_says_simulation_link_and_that_it_is_no_medical_device(
    ward: FeedServer, open_page: OpenPage
) -> None:
    page = open_page(f"{ward.url}/ward")
    expect(page.locator("#simulation")).to_contain_text("not for clinical use")
    expect(page.locator("#link")).to_have_attribute("data-link", "live")
    expect(page.locator("#link")).to_contain_text("ms")
    expect(page.locator("body")).to_contain_text("not a certified medical device")


def test_the_news2_badge_names_what_is_missing(ward: FeedServer, open_page: OpenPage) -> None:
    page = open_page(f"{ward.url}/ward")
    complete = page.locator('[data-subject="sim-01"] .news')
    expect(complete).to_have_attribute("data-band", "2")
    expect(complete).to_have_text("NEWS 6")
    incomplete = page.locator('[data-subject="sim-03"] .news')
    expect(incomplete).to_contain_text("≥")
    title = "NEWS2 incomplete, missing: supplemental oxygen, consciousness. At least 1."
    expect(incomplete).to_have_attribute("title", title)


def test_a_tile_leads_to_its_bed_by_mouse_and_by_keyboard(
    ward: FeedServer, open_page: OpenPage
) -> None:
    page = open_page(f"{ward.url}/ward")
    page.locator('[data-subject="sim-02"] canvas').click(force=True)
    expect(page).to_have_url(f"{ward.url}/bed/sim-02")
    page.go_back()
    page.locator('[data-subject="sim-03"] h3 a').focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{ward.url}/bed/sim-03")


def test_beds_come_and_go(ward: FeedServer, open_page: OpenPage) -> None:
    page = open_page(f"{ward.url}/ward")
    expect(page.locator(".tile")).to_have_count(4)
    ward.call(lambda: ward.feed.live.set_subject("guest", bed="Bed 00"))
    expect(page.locator(".tile").first).to_have_attribute("data-subject", "guest")
    ward.call(lambda: ward.feed.live.remove_subject("guest"))
    expect(page.locator(".tile")).to_have_count(4)
    expect(page.locator(".tile").first).to_have_attribute("data-subject", "sim-01")


def test_a_device_that_is_not_streaming_is_named(ward: FeedServer, open_page: OpenPage) -> None:
    page = open_page(f"{ward.url}/ward")
    live = ward.feed.live
    ward.call(lambda: live.set_link("sim-02", "ox", "backing_off", label="Oximeter 2"))
    link = page.locator('[data-subject="sim-02"] .link')
    expect(link).to_contain_text("Oximeter 2: trying again soon")
    ward.call(lambda: live.drop_link("sim-02", "ox"))
    expect(link).to_have_count(0)


@pytest.mark.parametrize("path", ["/ward", "/bed/sim-01"])
def test_nothing_scrolls_sideways(ward: FeedServer, open_page: OpenPage, path: str) -> None:
    page = open_page(ward.url + path)
    page.wait_for_selector('[data-metric="spo2"][data-state="ok"]')
    for width, height in ((360, 740), (390, 844), (768, 1024), (1280, 720), (1920, 1080)):
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    for width, height in ((360, 740), (1280, 800)):
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, "letters at 200 %"
        assert page.evaluate(CUT_VALUES) == [], width


def test_an_empty_ward_leads_to_the_admission(browser: object, open_page: OpenPage) -> None:
    server = FeedServer(WardFeed(0))
    server.start()
    try:
        page = open_page(f"{server.url}/ward", 360, 740)
        link = page.locator("#empty a")
        expect(page.locator("#empty")).to_contain_text("No patient is admitted.")
        expect(link).to_have_attribute("href", "/devices")
    finally:
        server.stop()


def test_a_sector_shows_who_mean_pressure_and_device_trouble_beside_an_alarm(
    ward: FeedServer, open_page: OpenPage
) -> None:
    live = ward.feed.live
    page = open_page(f"{ward.url}/ward")
    tile = page.locator('[data-subject="sim-02"]')
    expect(tile).to_contain_text("SIM-1014")
    expect(tile).to_contain_text("Post-operative day 1")
    expect(tile.locator('[data-metric="nibp_mean"]')).to_have_text("mean 89")
    event = AlarmEvent(
        "sim-02", "x", AlarmKind.PHYSIOLOGICAL, Priority.HIGH, Presence.ON, 1, "VF/VT", None
    )
    ward.call(lambda: live.publish_alarm(event))
    ward.call(lambda: live.set_link("sim-02", "ox", "stalled", label="Oximeter 2"))
    try:
        expect(tile.locator(".message")).to_contain_text("VF/VT")
        expect(tile.locator(".message")).to_contain_text("Oximeter 2: silent")
    finally:
        ward.call(lambda: live.publish_alarm(replace(event, presence=Presence.OFF)))
        ward.call(lambda: live.drop_link("sim-02", "ox"))


def test_every_key_is_underlined_and_listed(ward: FeedServer, open_page: OpenPage) -> None:
    # "m" starts a cuff that can be started: this bed has none, and no button for it
    for path, keys, more in (("/ward", "irs", ""), ("/bed/sim-02", "paefnlrsuitcox", "m")):
        page = open_page(ward.url + path)
        page.wait_for_selector('[data-metric="spo2"][data-state="ok"]')
        shown = page.locator("[aria-keyshortcuts]")
        assert {each.get_attribute("aria-keyshortcuts") for each in shown.all()} == set(keys)
        page.keyboard.press("?")
        expect(page.locator("#keys-dialog kbd")).to_have_count(len(keys) + len(more) + 1)
        page.keyboard.press("Escape")
        page.keyboard.press("r")
        expect(page.locator("dialog.drawer")).to_be_visible()
        page.keyboard.press("Escape")


def test_a_ward_of_many_beds_has_pages_by_place_or_urgency(
    browser: object, open_page: OpenPage
) -> None:
    server = FeedServer(WardFeed(20, alarms=False))
    server.start()
    try:
        page = open_page(f"{server.url}/ward")
        tiles = page.locator(".tile")
        expect(tiles).to_have_count(16)
        expect(tiles.first).to_have_attribute("data-subject", "sim-01")
        event = AlarmEvent(
            "sim-19", "x", AlarmKind.PHYSIOLOGICAL, Priority.HIGH, Presence.ON, 1, "VF/VT", None
        )
        server.call(lambda: server.feed.live.publish_alarm(event))
        expect(page.locator("#elsewhere")).to_contain_text("1 in alarm on other pages")
        page.locator("#later").click()
        expect(tiles).to_have_count(4)
        expect(page.locator("#elsewhere")).to_have_count(0)
        expect(page.locator("#page")).to_have_text("2 of 2")
        page.locator("#order").click()
        expect(tiles.first).to_have_attribute("data-subject", "sim-19")
        page.reload()
        expect(tiles.first).to_have_attribute("data-subject", "sim-19")
        page.set_viewport_size({"width": 360, "height": 740})
        expect(tiles).to_have_count(20)
    finally:
        server.stop()
