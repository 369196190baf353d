"""Trends and the NEWS2 chart of a bed: values, gaps, keys, table, print, sizes, accessibility."""

import math
import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from teleward_gateway.journal.drafts import measurement_draft
from teleward_gateway.journal.event_drafts import audit_draft
from teleward_gateway.testing.feed_server import FeedServer
from teleward_gateway.testing.ward_feed import WardFeed
from teleward_signal.model import Measurement, Source

OpenPage = Callable[..., Page]
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]}
SIZES = ((360, 740), (800, 480), (1280, 800), (1920, 1080))
S = 1_000_000_000
WIDE = "document.documentElement.scrollWidth > innerWidth"
BIG_LETTERS = "document.documentElement.style.fontSize = '200%'"
FIRST_LOAD_BYTES = 100_000


def fill(feed: WardFeed) -> None:
    """Give the first bed eight hours with a gap, cuff readings, a note, and a set of NEWS2."""
    now_ns = feed.now_ns()
    for ago_s in range(8 * 3600, 0, -60):
        values = {"heart_rate": 90.0 + 10 * math.sin(ago_s / 900), "respiratory_rate": 18.0}
        if not 10_000 < ago_s < 12_000:
            values["spo2"] = 96.0
        if ago_s % 1800 == 0:
            values |= {"nibp_systolic": 126.0, "nibp_diastolic": 76.0, "nibp_mean": 93.0}
        for metric, value in values.items():
            at_ns = now_ns - ago_s * S
            feed.keep(
                measurement_draft(
                    "sim-01", None,
                    Measurement(metric, value, source=Source.DERIVED, time_ns=at_ns),
                )
            )  # fmt: skip
    note = audit_draft("note", "Ward sister", "sim-01", text="oxygen 4 L", at_ns=now_ns - 3600 * S)
    feed.keep(note)


@pytest.fixture(scope="module")
def charts() -> Iterator[FeedServer]:
    feed = WardFeed(3)
    fill(feed)
    server = FeedServer(feed)
    server.start()
    yield server
    server.stop()


def violations(page: Page) -> list[tuple[str, str]]:
    found = Axe().run(page, options=RULES).response["violations"]
    return [(each["id"], each["nodes"][0]["html"][:120]) for each in found]


def test_trends_show_lines_gaps_values_notes_and_the_same_as_a_table(
    charts: FeedServer, open_page: OpenPage
) -> None:
    page = open_page(f"{charts.url}/bed/sim-01/trends")
    expect(page.locator("[data-plot]")).to_have_count(5)
    column = page.evaluate("teleward.plots.made[1].data[1]")
    values = [value for value in column if value is not None]
    first, last = column.index(values[0]), len(column) - 1 - column[::-1].index(values[-1])
    empty = [i for i in range(first, last) if column[i] is None]
    assert len(empty) >= 1500 // 60  # over half an hour without a sensor, never bridged
    assert empty == list(range(empty[0], empty[-1] + 1))
    expect(page.locator('.readout[data-kind="nibp"] output')).to_have_text("126/76 (93)")
    expect(page.locator("#happened li")).to_contain_text("oxygen 4 L, Ward sister")
    page.locator("#pointer").focus()
    page.keyboard.press("Home")
    for _ in range(9):
        page.keyboard.press("ArrowRight")
    expect(page.locator("#pointer")).to_have_attribute("aria-valuetext", re_values())
    page.locator("h1").click()
    page.keyboard.press("t")
    rows = page.locator("#table tbody tr")
    expect(rows.first).to_be_visible()
    assert "view=table" in page.url
    expect(page.locator("#table tbody")).to_contain_text("oxygen 4 L, Ward sister")
    expect(page.locator("#table thead")).to_contain_text("SpO₂")
    page.keyboard.press("1")
    expect(page.locator('[data-range="1h"]')).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#now")).to_have_attribute("aria-pressed", "false")
    assert "from=" in page.url
    table = httpx.get(charts.url + str(page.locator("#download").get_attribute("href")))
    assert table.headers["content-type"].startswith("text/csv")
    assert "HR (/min) mean" in table.text
    page.keyboard.press("b")
    page.wait_for_url("**/bed/sim-01")
    expect(page.locator("#trends")).to_be_attached()  # drawn: its keys are there
    page.keyboard.press("t")
    page.wait_for_url("**/bed/sim-01/trends")


def re_values() -> re.Pattern[str]:
    return re.compile(r"HR \d+.*SpO₂ 96")


def test_a_note_is_kept_with_its_author_at_the_pointed_time(
    charts: FeedServer, open_page: OpenPage
) -> None:
    page = open_page(f"{charts.url}/bed/sim-01/trends?range=8h")
    page.locator("#pointer").focus()
    page.keyboard.press("Home")
    for _ in range(9):
        page.keyboard.press("ArrowRight")
    page.locator("#note").click()
    page.locator('#note-dialog input[name="text"]').fill("turned to the left")
    page.locator('#note-dialog input[name="author"]').fill("Night nurse")
    page.locator("#note-dialog button.primary").click()
    expect(page.locator("#happened")).to_contain_text("turned to the left, Night nurse")
    [kept] = [r for r in charts.feed.records if r.payload.get("text") == "turned to the left"]
    assert kept.payload["at_ns"] < charts.feed.now_ns() - 7 * 3600 * S


def test_the_news2_chart_shows_points_sources_and_never_a_whole_of_a_part(
    charts: FeedServer, open_page: OpenPage
) -> None:
    page = open_page(f"{charts.url}/bed/sim-01/news2")
    last = page.locator("#grid tr.total td").last
    expect(last).to_have_attribute("data-band", re.compile("[0-3]"))
    expect(page.locator("#grid")).to_contain_text("by ECG")
    expect(page.locator("#now")).to_contain_text("Next set at the latest")
    expect(page.locator("#thresholds")).to_contain_text("Royal College of Physicians")
    assert violations(page) == []
    page.goto(f"{charts.url}/bed/sim-03/news2")  # consciousness and oxygen were not entered
    partial = page.locator("#grid tr.total td").last
    expect(partial).to_contain_text("partial")
    assert partial.get_attribute("data-band") is None
    expect(page.locator("#now")).to_contain_text("Consciousness")

    def become_a_child() -> None:
        charts.feed.scores.set_applies("sim-02", False)
        charts.feed.scores.tick(charts.feed.now_ns())

    charts.call(become_a_child)
    page.goto(f"{charts.url}/bed/sim-02/news2")
    expect(page.locator("#state")).to_contain_text("under 16")
    expect(page.locator("#entry")).to_be_disabled()
    expect(page.locator("#grid")).to_be_hidden()


@pytest.mark.parametrize("language", ["en-GB", "hi-IN"])
def test_pages_fit_and_axe_finds_nothing(
    charts: FeedServer, open_page: OpenPage, language: str
) -> None:
    page = open_page(f"{charts.url}/bed/sim-01/trends", locale=language)
    for path, ready in (("trends", "[data-plot] canvas"), ("news2", "#grid tr.total")):
        page.goto(f"{charts.url}/bed/sim-01/{path}")
        page.wait_for_selector(ready)
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            assert not page.evaluate(WIDE), (path, width)
            if width in (360, 1280):
                assert violations(page) == [], (path, width)
        page.set_viewport_size({"width": 360, "height": 740})
        page.evaluate(BIG_LETTERS)
        assert not page.evaluate(WIDE), (path, "letters at 200 %")
    page.goto(f"{charts.url}/bed/sim-01/trends?view=table")
    page.wait_for_selector("#table tbody tr")
    assert violations(page) == []


def test_the_first_load_stays_small_and_trends_print(
    charts: FeedServer, open_page: OpenPage
) -> None:
    page = open_page("about:blank")
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    addresses: dict[str, str] = {}
    received: dict[str, int] = {}

    def sent(event: dict[str, Any]) -> None:
        addresses[event["requestId"]] = event["request"]["url"]

    def finished(event: dict[str, Any]) -> None:
        received[event["requestId"]] = event["encodedDataLength"]

    network.on("Network.requestWillBeSent", sent)
    network.on("Network.loadingFinished", finished)
    page.goto(f"{charts.url}/bed/sim-01/trends")
    page.wait_for_selector("[data-plot] canvas")
    files_bytes = sum(n for key, n in received.items() if "/api/" not in addresses[key])
    assert 50_000 < files_bytes < FIRST_LOAD_BYTES
    assert page.pdf(format="A4").startswith(b"%PDF")


def test_the_reference_of_the_api_lists_every_operation(
    charts: FeedServer, open_page: OpenPage
) -> None:
    document = httpx.get(f"{charts.url}/api/v1/openapi.json").json()
    names = [each["operationId"] for path in document["paths"].values() for each in path.values()]
    page = open_page(f"{charts.url}/docs", 360, 740)
    page.wait_for_selector("#list_subjects")
    assert page.evaluate("[...document.querySelectorAll('section details')].length") == len(
        names
    ) + len(document["components"]["schemas"])
    page.locator("#get_trend summary").click()
    expect(page.locator("#get_trend")).to_contain_text("points")
    assert not page.evaluate(WIDE)
    assert violations(page) == []
