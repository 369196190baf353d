"""The bedside monitor in a real browser: numerics, keys, forms."""

import re
from collections.abc import Callable
from functools import partial

from playwright.sync_api import Page, Route, expect

from teleward_gateway.testing.feed_server import FeedServer
from teleward_signal.model import AlarmEvent, AlarmKind, Measurement, Presence, Priority
from teleward_signal.record import RecordKind

OpenPage = Callable[..., Page]

OVERLAPS = """() => [...document.querySelectorAll(".num")].flatMap((tile) => {
  const parts = tile.querySelectorAll("h2, .limits span:not(.hidden-text), .note, output");
  const boxes = [...parts].filter((part) => part.textContent.trim()).map((part) => {
    const range = document.createRange();
    range.selectNodeContents(part);
    const text = range.getBoundingClientRect();
    const clip = getComputedStyle(part).overflow === "hidden" ? part.getBoundingClientRect() : text;
    const { left, top, height } = text;
    const [right, bottom] = [Math.min(text.right, clip.right), Math.min(text.bottom, clip.bottom)];
    // digits leave a quarter of their line empty above and below
    const slack = part.tagName === "OUTPUT" ? height * 0.22 : 2;
    return { left, right, top: top + slack, bottom: bottom - slack, text: part.textContent.trim() };
  });
  const frame = tile.getBoundingClientRect();
  const { bottom, right } = frame;
  const outside = boxes.filter((box) => box.bottom > bottom + 1 || box.right > right + 1);
  const pairs = boxes.flatMap((a, i) => boxes.slice(i + 1).filter((b) =>
    a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1,
  ).map((b) => `${a.text} / ${b.text}`));
  return [...pairs, ...outside.map((box) => `outside: ${box.text}`)];
})"""

SIZES = ((800, 480), (360, 740), (768, 1024), (1280, 800), (1920, 1080))
MODULES = {
    "arterial_systolic": 131.0,
    "arterial_diastolic": 90.0,
    "arterial_mean": 104.0,
    "etco2": 28.0,
    "urine_volume": 120.0,
    "drain_volume": 1590.0,
}


def alarm(priority: Priority, presence: Presence, subject: str = "sim-02") -> AlarmEvent:
    return AlarmEvent(
        subject, "spo2_test", AlarmKind.PHYSIOLOGICAL, priority, presence, 1, "SpO₂ low: 84", "spo2"
    )


def test_numerics_with_limits_and_waves_with_scale(ward: FeedServer, open_page: OpenPage) -> None:
    page = open_page(f"{ward.url}/bed/sim-02")
    tile = page.locator('.num[data-metric="spo2"]')
    expect(tile.locator("output.value")).to_have_text("97")
    expect(tile.locator(".limits")).to_contain_text("90")
    expect(page.locator('.num[data-metric="nibp"] output.value')).to_have_text("124/71")
    expect(page.locator('[data-metric="nibp_mean"] .value')).to_have_text("89")
    expect(page.locator(".lane-label")).to_have_count(3)
    expect(page.locator('[data-channel="ecg_ii"]')).to_contain_text("25 mm/s")
    expect(page.locator('[data-channel="ecg_ii"]')).to_contain_text("mm/mV")


def test_the_label_of_a_filtered_strip_is_one_line_on_a_phone(
    ward: FeedServer, open_page: OpenPage
) -> None:
    page = open_page(f"{ward.url}/bed/sim-02", width=390, height=844)
    page.evaluate("localStorage.setItem('teleward.ecg-filter', 'diagnostic 50')")
    page.reload()
    label = page.locator('[data-channel="ecg_ii"]')
    expect(label).to_contain_text("Diagnostic")
    expect(label).to_contain_text("notch 50 Hz")
    height, right, room = label.evaluate(
        "(label) => { const box = label.getBoundingClientRect(); return [box.height, box.right,"
        " document.querySelector('.traces').getBoundingClientRect().right]; }"
    )
    assert height < 24
    assert right <= room


def test_units_and_beds_are_written_as_people_do(ward: FeedServer, open_page: OpenPage) -> None:
    page = open_page(f"{ward.url}/bed/sim-02")
    scored = Measurement("anomaly", 12.0, valid_s=60.0)
    ward.call(partial(ward.feed.live.publish_measurement, "sim-02", scored))
    tile = page.locator('.num[data-metric="anomaly"]')
    expect(tile.locator("output.value")).to_have_text("12.0")
    expect(tile.locator("h2")).to_have_text("Anomaly")
    texts = page.evaluate(
        "async units => { const { unitText } = await import('/static/i18n/format.js');"
        " return units.map(unitText); }",
        ["{beats}/min", "{score}", "mm[Hg]", "/min", "m/s2"],
    )
    assert texts == ["/min", "", "mmHg", "/min", "m/s2"]
    beds = page.evaluate(
        "async beds => { const { bedName } = await import('/static/i18n/format.js');"
        " return beds.map(bedName); }",
        ["bed-4", "icu-3", "nicu_12"],
    )
    assert beds == ["Bed 4", "ICU 3", "NICU 12"]


def test_the_sweep_is_25_mm_a_second_and_the_gain_is_as_printed(
    ward: FeedServer, open_page: OpenPage
) -> None:
    page = open_page(f"{ward.url}/bed/sim-02")
    page.wait_for_function("() => teleward.traces.get('sim-02')?.sweep.lanes[0]?.unitPixels")
    seconds, width, unit_pixels = page.evaluate(
        "() => { const { sweep, width } = teleward.traces.get('sim-02');"
        " return [sweep.seconds, width, sweep.lanes[0].unitPixels]; }"
    )
    millimetre = 96 / 25.4
    assert abs(width / seconds / millimetre - 25) < 0.01
    printed = page.locator('[data-channel="ecg_ii"] small').inner_text()
    assert f"{unit_pixels / millimetre:.0f} mm/mV" in printed


def test_the_heart_blinks_with_the_beats(ward: FeedServer, open_page: OpenPage) -> None:
    page = open_page(f"{ward.url}/bed/sim-02")
    for _ in range(2):
        page.wait_for_selector(".heart[data-beat]")
        page.wait_for_selector(".heart:not([data-beat])")


def test_freeze_stops_the_traces_but_not_the_numbers(ward: FeedServer, open_page: OpenPage) -> None:
    page = open_page(f"{ward.url}/bed/sim-02")
    drawn = "() => teleward.traces.get('sim-02')?.sweep.drawnSamples ?? 0"
    page.wait_for_function(f"() => ({drawn})() > 200")
    page.locator("#freeze").click()
    expect(page.locator("#frozen")).to_be_visible()
    before = page.evaluate(drawn)
    now = Measurement("glucose", 101.0, valid_s=60)
    ward.call(lambda: ward.feed.live.publish_measurement("sim-02", now))
    expect(page.locator('[data-metric="glucose"] .value')).to_have_text("101")
    assert page.evaluate(drawn) == before
    page.keyboard.press("f")
    expect(page.locator("#frozen")).to_be_hidden()
    page.wait_for_function(f"() => ({drawn})() > {before}")


def test_an_alarm_is_shown_acknowledged_and_gone(ward: FeedServer, open_page: OpenPage) -> None:
    feed, subject = ward.feed, "sim-02"
    page = open_page(f"{ward.url}/bed/{subject}")
    expect(page.locator("#acknowledge")).to_be_disabled()
    ward.call(
        lambda: feed.publish(
            feed.board.technical(subject, "probe_off:ox", True, feed.now_ns(), "Probe off")
        )
    )
    expect(page.locator("#message")).to_contain_text("Probe off")
    page.locator("#acknowledge").click()
    expect(page.locator("#acknowledge")).to_be_disabled()
    assert [event.presence for event in feed.board.active(subject)] == [Presence.ACKNOWLEDGED]
    ward.call(
        lambda: feed.publish(feed.board.technical(subject, "probe_off:ox", False, feed.now_ns()))
    )
    expect(page.locator("#message")).to_have_count(0)


def test_a_high_alarm_fills_its_numeric_and_speaks(ward: FeedServer, open_page: OpenPage) -> None:
    page = open_page(f"{ward.url}/bed/sim-02", reduced_motion="reduce")
    ward.call(lambda: ward.feed.live.publish_alarm(alarm(Priority.HIGH, Presence.ON)))
    tile = page.locator('.num[data-metric="spo2"]')
    expect(tile).to_have_attribute("data-alarm", "high on")
    expect(tile).to_have_css("background-color", "rgb(215, 38, 61)")
    expect(page.locator("#spoken")).to_contain_text("high priority alarm. Bed 02. SpO₂ low: 84.")
    expect(page).to_have_title("!!! SpO₂ low: 84 · Bed 02 · Teleward")
    ward.call(lambda: ward.feed.live.publish_alarm(alarm(Priority.HIGH, Presence.OFF)))
    expect(page.locator("#message")).to_have_count(0)


def test_audio_pause_counts_down_and_ends(ward: FeedServer, open_page: OpenPage) -> None:
    page = open_page(f"{ward.url}/bed/sim-02")
    page.locator("#pause").click()
    expect(page.locator("#pause")).to_contain_text("Audio paused")
    expect(page.locator("#pause")).to_have_attribute("aria-pressed", "true")
    page.locator("#pause").click()
    expect(page.locator("#pause")).to_have_text("Audio pause 2 min")


def test_news2_entry_completes_the_score(ward: FeedServer, open_page: OpenPage) -> None:
    page = open_page(f"{ward.url}/bed/sim-03")
    score = page.locator('.num[data-metric="news2"]')
    expect(score).to_contain_text("missing: O₂, ACVPU")
    page.locator("#news2").click()
    dialog = page.locator("#news2-dialog")
    dialog.get_by_label("Entered by").fill("Nurse A")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Nothing was entered")
    dialog.get_by_label("Consciousness").select_option("0")
    dialog.get_by_label("Supplemental oxygen").fill("2")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_be_hidden()
    expect(score).to_have_attribute("data-state", "ok")
    expect(score.locator("output")).to_have_text("3")
    typed = [r for r in ward.feed.records if r.kind is RecordKind.MEASUREMENT]
    assert {r.payload["author"] for r in typed} == {"Nurse A"}


def test_limits_are_changed_and_what_cannot_be_is_explained(
    ward: FeedServer, open_page: OpenPage
) -> None:
    page = open_page(f"{ward.url}/bed/sim-02")
    page.wait_for_selector('[data-metric="spo2"][data-state="ok"]')
    page.locator("#limits").click()
    dialog = page.locator("#limits-dialog")
    dialog.get_by_label("Entered by").fill("Nurse A")
    low = dialog.get_by_label("SpO₂ Yellow low")
    expect(low).to_have_value("90")
    low.fill("120")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("low 120 is outside")
    low.fill("92")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_be_hidden()
    expect(page.locator('.num[data-metric="spo2"] .limits')).to_contain_text("92")
    assert ward.feed.board.limits("sim-02").metrics["spo2"].low == 92


def test_the_alarm_list_is_a_dialog_that_gives_focus_back(
    ward: FeedServer, open_page: OpenPage
) -> None:
    page = open_page(f"{ward.url}/bed/sim-02")
    button = page.locator("#alarm-list")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.locator("dialog.drawer")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("dialog.drawer")).to_be_hidden()
    expect(button).to_be_focused()


def test_a_bed_that_there_is_not_is_said_to_be(ward: FeedServer, open_page: OpenPage) -> None:
    page = open_page(f"{ward.url}/bed/nobody")
    expect(page.locator("#empty")).to_contain_text("Nobody is admitted as “nobody”")


def test_nothing_overlaps_on_a_small_touch_screen(ward: FeedServer, open_page: OpenPage) -> None:
    page = open_page(f"{ward.url}/bed/sim-02", 800, 480)
    page.wait_for_selector('[data-metric="spo2"][data-state="ok"]')
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(200)
        assert page.evaluate(OVERLAPS) == [], (width, height)


def test_nothing_overlaps_at_a_bed_with_every_module(ward: FeedServer, open_page: OpenPage) -> None:
    def measure() -> None:
        for metric, value in MODULES.items():
            ward.feed.show("sim-04", Measurement(metric, value, valid_s=600.0))

    ward.call(measure)
    page = open_page(f"{ward.url}/bed/sim-04", 1280, 720)
    page.wait_for_selector('[data-metric="drain_volume"][data-state="ok"]')
    for width, height in ((1280, 720), *SIZES):
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(200)
        assert page.evaluate(OVERLAPS) == [], (width, height)


def test_a_tile_opens_where_its_value_comes_from_and_a_cuff_is_started(
    ward: FeedServer, open_page: OpenPage
) -> None:
    bed, live = "sim-04", ward.feed.live
    pressure = Measurement("nibp_systolic", 131.0, time_ns=ward.feed.now_ns(), valid_s=3600)
    page = open_page(f"{ward.url}/bed/{bed}")
    expect(page.locator("#measure")).to_have_count(0)
    ward.call(lambda: live.set_link(bed, "cuff-01", "streaming", cuff=True))
    ward.call(lambda: live.publish_measurement(bed, pressure, "cuff-01"))
    sent: list[str] = []

    def take(route: Route) -> None:
        sent.append(str(route.request.post_data))
        route.fulfill(status=204)

    page.route("**/commands/measure", take)
    expect(page.locator("#measure")).to_be_visible()
    page.keyboard.press("m")
    expect(page.locator(".keys .error")).to_have_count(0)
    page.locator('[data-about="nibp"]').click()
    facts = page.locator('.facts[data-metric="nibp_systolic"]')
    expect(facts).to_contain_text("measured by Cuff 01")
    expect(facts).to_contain_text("not reported by the device")
    page.keyboard.press("Escape")
    assert "nibp_systolic" in sent[0]
    slow = Measurement("pulse_rate", 66.0, quality=0.9, valid_s=60, time_ns=ward.feed.now_ns())
    ward.call(lambda: live.publish_measurement("sim-03", slow))  # its heart is at 88
    page.goto(f"{ward.url}/bed/sim-03")
    expect(page.locator('[data-metric="pulse_deficit"] .value')).to_have_text(re.compile(r"\d\d"))
    page.keyboard.press("o")
    page.locator('#note-dialog input[name="text"]').fill("cough")
    page.locator('#note-dialog input[name="author"]').fill("Night nurse")
    page.locator("#note-dialog button.primary").click()
    expect(page.locator("#note-dialog")).to_be_hidden()
    assert any(r.payload.get("text") == "cough" for r in ward.feed.records)
