"""The strip page: true paper, calipers by mouse and keys, marks, notes, print to the mm."""

import re
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from statistics import median
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from teleward_gateway.testing.feed_server import FeedServer
from teleward_gateway.testing.ward_feed import WardFeed
from teleward_gateway.testing.ward_patients import ecg
from teleward_signal.model import (
    AlarmEvent,
    AlarmKind,
    Annotation,
    Presence,
    Priority,
    SampleBlock,
)
from tests.browser.pdf_paths import paths
from tests.browser.test_access import violations

OpenPage = Callable[..., Page]
S = 10**9
FS = 250
RR_S = 0.8
BEGIN_NS = 1_700_000_000 * S
"""An evening in 2023: what the test records, and nothing else."""
LENGTH_S = 20
HOLE_S = (14, 17)
LEADS = ("i", "ii", "iii", "avr", "avl", "avf", "v1", "v2", "v3", "v4", "v5", "v6")


def record(feed: WardFeed, subject: str, leads: tuple[str, ...]) -> None:
    """Record a heart of 75 beats a minute with a hole of three seconds, and marks on it."""
    for second in range(LENGTH_S):
        if HOLE_S[0] <= second < HOLE_S[1]:
            continue
        at = second + np.arange(FS) / FS
        counts = np.rint(ecg((at / RR_S) % 1) * 1000).astype(np.int16)
        for lead in leads:
            time_ns = BEGIN_NS + second * S
            feed.marks.take_block(
                subject,
                SampleBlock(f"ecg_{lead}", FS, counts, 0.001, second * FS, time_ns=time_ns),
            )
    for beat in range(int(LENGTH_S / RR_S)):
        moment_ns = BEGIN_NS + round((beat + 0.3) * RR_S * S)
        feed.marks.take_mark(subject, Annotation("ecg_ii", "V" if beat == 5 else "N", moment_ns))
    rhythm = Annotation("ecg_ii", "+", BEGIN_NS + 3 * S, label="atrial fibrillation begins")
    feed.marks.take_mark(subject, rhythm)


@pytest.fixture(scope="module")
def ward() -> Iterator[FeedServer]:
    """A ward whose devices are silent: the record is what the test wrote."""
    feed = WardFeed(2)
    for bed in feed.beds:
        bed.silent |= {"ecg_ii", "pleth", "respiration"}
    record(feed, "sim-01", ("ii",))
    record(feed, "sim-02", LEADS)
    server = FeedServer(feed)
    server.start()
    yield server
    server.stop()


def strip(ward: FeedServer, open_page: OpenPage, more: str = "", **options: Any) -> Page:
    chosen: dict[str, Any] = {
        "subject": "sim-01",
        "width": 1280,
        "from_s": 0,
        "seconds": 10,
    } | options
    begin_ms = BEGIN_NS // 10**6 + chosen["from_s"] * 1000
    address = f"{ward.url}/bed/{chosen['subject']}/strip?from={begin_ms}"
    page = open_page(f"{address}&seconds={chosen['seconds']}{more}", chosen["width"], 800)
    page.wait_for_selector("svg.paper .trace, .nothing")
    return page


def points(page: Page) -> list[tuple[str, float, float]]:
    """Return the first trace as (M or L, x, y) in mm."""
    path = page.locator(".trace").first.get_attribute("d") or ""
    return [(c, float(x), float(y)) for c, x, y in re.findall(r"([ML])([-.\d]+) ([-.\d]+)", path)]


def steps(page: Page) -> list[float]:
    found = points(page)
    return [b[1] - a[1] for a, b in pairwise(found) if b[0] == "L"]


def test_the_paper_is_true_and_names_what_it_is(ward: FeedServer, open_page: OpenPage) -> None:
    page = strip(ward, open_page, from_s=10)
    loaded = page.evaluate(
        "performance.getEntriesByType('resource').filter(e => !e.name.includes('/api/'))"
        ".reduce((sum, e) => sum + e.encodedBodySize, 0)"
    )
    assert 20_000 < loaded < 60_000
    paper = page.locator("svg.paper").first
    box = paper.bounding_box()
    assert box is not None
    assert box["width"] == pytest.approx(
        float((paper.get_attribute("width") or "0mm")[:-2]) * 96 / 25.4, 0.01
    )
    caption = page.locator("figcaption")
    expect(caption).to_contain_text("25 mm/s · 10 mm/mV · Unfiltered · 250 Hz")
    expect(caption).to_contain_text("SIMULATION")
    expect(caption).to_contain_text("Bed 01")
    assert median(steps(page)) == pytest.approx(25 / FS, abs=0.011)  # rounded to 0.01 mm
    assert max(steps(page)) < 0.13  # nothing is drawn across the hole
    begin, end = (next(x for c, x, _ in reversed(points(page)) if c == "M"), points(page)[0][1])
    assert begin - end == pytest.approx(25 * (HOLE_S[1] - 10), abs=0.02)
    expect(page.locator(".hole")).to_contain_text("no signal 3 s")
    highest = min(y for _, _, y in points(page))
    assert median(y for _, _, y in points(page)) - highest == pytest.approx(11.0, abs=0.5)
    page.keyboard.press("v")
    page.keyboard.press("g")
    page.locator("[name=filter]").select_option("monitor 50")
    expect(caption).to_contain_text("50 mm/s · 20 mm/mV · Monitor 0.5–40 Hz · notch 50 Hz")
    assert median(steps(page)) == pytest.approx(50 / FS, abs=0.011)


def measured(page: Page, name: str) -> Locator:
    return page.locator(f"[data-interval={name}] output")


def test_calipers_measure_by_keys_mouse_and_numbers(ward: FeedServer, open_page: OpenPage) -> None:
    page = strip(ward, open_page)
    value = partial(measured, page)
    expect(value("RR")).to_have_text("800")  # from the marks of beats
    expect(value("Rate")).to_have_text("75")
    a, b = (page.locator(f"[data-caliper={name}]") for name in "ab")
    page.keyboard.press("t")
    for name, ms in (("a", "1000"), ("b", "1380")):
        page.locator(f"input[name={name}]").fill(ms)
        page.locator(f"input[name={name}]").press("Enter")
    expect(value("QT")).to_have_text("380")
    b.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "Shift+ArrowRight", "Shift+ArrowLeft"):
        page.keyboard.press(key)
    expect(value("QT")).to_have_text("392")  # three samples
    expect(b).to_have_attribute("aria-valuenow", "1392")
    expect(value("QTc")).to_have_text("422")  # Fridericia
    page.locator("[name=formula]").select_option("Bazett")
    expect(value("QTc")).to_have_text("438")
    page.locator("[data-measure=PR]").click()
    box = b.locator("path").bounding_box()
    assert box is not None
    x, y = box["x"], box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 5 * 96 / 25.4, y)
    page.mouse.up()
    assert float(value("PR").inner_text()) == pytest.approx(192, abs=1000 / FS)
    expect(value("QT")).to_have_text("392")  # it was measured before
    page.keyboard.press("m")
    lines = page.locator(".march").get_attribute("d") or ""
    assert lines.count("M") == int((10_000 - 1192) / 192) + 1000 // 192
    page.keyboard.press("c")  # with the ten seconds before: nothing is on record
    expect(page.locator(".nothing")).to_contain_text("No waveform is kept")
    expect(a).to_be_visible()


def test_a_printed_second_is_25_mm(ward: FeedServer, open_page: OpenPage) -> None:
    page = strip(ward, open_page)
    pdf = page.pdf(prefer_css_page_size=True, print_background=True)
    traces = [path for path in paths(pdf) if len(path) > 5 * FS]
    assert len(traces) == 1
    across = traces[0][-1][0] - traces[0][0][0]
    assert across / ((len(traces[0]) - 1) / FS) == pytest.approx(25, rel=0.01)
    upright = sorted({round(p[0][0], 3) for p in paths(pdf) if _is_upright(p)})
    boxes = [b - a for a, b in pairwise(upright) if b - a > 0.2]
    assert median(boxes) == pytest.approx(1, rel=0.01)
    size = re.search(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", pdf)
    assert size is not None
    assert float(size[1]) > float(size[2])  # landscape
    expect(page.locator("#panel")).to_be_visible()  # the screen is as before
    page.emulate_media(media="print")
    for part in ("#tools", "#bar", "#panel"):
        expect(page.locator(part)).to_be_hidden()


def _is_upright(path: list[tuple[float, float]]) -> bool:
    if len(path) != 2:
        return False
    (x1, y1), (x2, y2) = path
    return abs(x1 - x2) < 1e-3 and abs(y1 - y2) > 20


def test_twelve_leads_are_three_rows_and_a_rhythm_strip(
    ward: FeedServer, open_page: OpenPage
) -> None:
    page = strip(ward, open_page, subject="sim-02")
    assert page.locator(".trace").count() == 13
    rows: dict[float, list[str | None]] = {}
    for lead in page.locator(".lead").all():
        rows.setdefault(float(lead.get_attribute("y") or 0), []).append(lead.text_content())
    assert list(rows.values()) == [
        ["I", "aVR", "V1", "V4"], ["II", "aVL", "V2", "V5"], ["III", "aVF", "V3", "V6"], ["II"],
    ]  # fmt: skip
    page.locator("[name=show]").select_option("ecg_v1")
    expect(page.locator(".trace")).to_have_count(1)


def test_marks_notes_and_the_way_here_from_an_alarm(ward: FeedServer, open_page: OpenPage) -> None:
    page = strip(ward, open_page)
    expect(page.locator(".marks")).to_contain_text("atrial fibrillation begins")
    assert page.locator(".beat").count() == 13
    assert page.locator(".beat.other").all_text_contents() == ["V"]
    page.keyboard.press("n")
    page.locator("[name=text]").fill("Cough")
    page.locator("[name=author]").fill("Nurse A")
    page.locator("#note-dialog .primary").click()
    expect(page.locator(".marks [data-kind=note]")).to_contain_text("Cough")
    expect(page.locator(".marks [data-kind=note]")).to_contain_text("Nurse A")
    page.goto(f"{ward.url}/bed/sim-01")
    page.locator("#strip").click()
    page.wait_for_url("**/bed/sim-01/strip**")
    event = AlarmEvent(
        "sim-01", "test", AlarmKind.PHYSIOLOGICAL, Priority.HIGH, Presence.ON,
        BEGIN_NS + 10 * S, "Asystole",
    )  # fmt: skip
    found = page.evaluate(
        "async (ms) => (await import('/static/core/addresses.js')).stripAround('sim-01', ms)",
        event.time_ns // 10**6,
    )
    ward.call(lambda: ward.feed.publish([event]))
    page.goto(f"{ward.url}{found}")
    expect(page.locator(".marks [data-kind=alarm]")).to_contain_text("Asystole")
    page.keyboard.press("?")
    expect(page.locator("#keys-dialog")).to_contain_text("March the interval out")


@pytest.mark.parametrize(("width", "language"), [(360, "hi"), (1280, "en")])
def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    ward: FeedServer, open_page: OpenPage, width: int, language: str
) -> None:
    page = strip(ward, open_page, width=width, seconds=20)
    if language != "en":
        page.locator(f".languages [lang={language}]").click()
        expect(page.locator("h1")).to_contain_text("पट्टी")
        page.wait_for_selector("svg.paper .trace")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
