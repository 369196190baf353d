"""The ECG display filter of the bed page against the Python filter on the same samples."""

from collections.abc import Callable

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from teleward_gateway.testing.feed_server import FeedServer
from teleward_signal.banks.filters import Band, EcgFilter

OpenPage = Callable[..., Page]

FILTER = """async ([samples, cases]) => {
  const { EcgFilter, filterName } = await import("/static/waves/ecg_filter.js");
  return cases.map(([band, notchHz, fs]) => {
    const filter = new EcgFilter({ band, notchHz }, fs);
    return [filterName({ band, notchHz }, fs), samples.map((x) => filter.next(x ?? NaN))];
  });
}"""
NAMES = {
    ("monitor", 0, 250.0): "Monitor 0.5–40 Hz",
    ("monitor", 50, 62.5): "Monitor 0.5–31 Hz",
    ("diagnostic", 50, 500.0): "Diagnostic 0.05–150 Hz · notch 50 Hz",
    ("diagnostic", 60, 250.0): "Diagnostic 0.05–125 Hz · notch 60 Hz",
    ("diagnostic", 60, 125.0): "Diagnostic 0.05–62 Hz",
}

CHANNEL = """() => {
  const { sweep } = teleward.traces.get("sim-02");
  const { ring, shown, size, tail, head, description } = sweep.lanes[0].channel;
  const kept = Array.from({ length: head - tail }, (_, step) => (tail + step) % size);
  const number = (values) => kept.map((at) => (Number.isNaN(values[at]) ? null : values[at]));
  return { ring: number(ring), shown: number(shown), fs: description.fs };
}"""


def test_the_page_filters_as_the_library_does(ward: FeedServer, open_page: OpenPage) -> None:
    random = np.random.default_rng(5)
    samples = np.cumsum(random.normal(0, 0.05, 1500)) + 0.4
    for start, length in ((0, 3), (300, 2), (500, 5), (700, 40)):
        samples[start : start + length] = np.nan
    page = open_page(f"{ward.url}/ward")
    given = [None if np.isnan(x) else float(x) for x in samples]
    answers = page.evaluate(FILTER, [given, list(map(list, NAMES))])
    for (band, notch_hz, fs), (name, filtered) in zip(NAMES, answers, strict=True):
        assert name == NAMES[band, notch_hz, fs]
        expected = EcgFilter(fs, Band(band), notch_hz or None).push(samples)
        shown = np.array(filtered, float)
        assert np.allclose(shown, expected, rtol=0, atol=1e-8, equal_nan=True), name


@pytest.mark.parametrize("width", [390, 1280])
def test_the_chosen_filter_is_named_applied_and_remembered(
    ward: FeedServer, open_page: OpenPage, width: int
) -> None:
    page = open_page(f"{ward.url}/bed/sim-02", width=width)
    label = page.locator('[data-channel="ecg_ii"]')
    expect(label).to_contain_text("Unfiltered")
    page.keyboard.press("e")  # on a phone its button is folded away
    page.locator("#filter-dialog [name=band]").select_option("monitor")
    page.locator("#filter-dialog [name=notch]").select_option("50")
    page.locator("#filter-dialog button").click()
    expect(label).to_contain_text("Monitor 0.5–40 Hz · notch 50 Hz")
    page.reload()
    expect(label).to_contain_text("Monitor 0.5–40 Hz · notch 50 Hz")
    page.wait_for_function("() => teleward.traces.get('sim-02')?.sweep.drawnSamples > 500")
    channel = page.evaluate(CHANNEL)
    raw, shown = (np.array(channel[name], float) for name in ("ring", "shown"))
    expected = EcgFilter(channel["fs"], Band.MONITOR, 50.0).push(raw)
    assert len(raw) > 500
    # A page that is late may have left out a block: a hole is a hole in both.
    assert np.nanmax(np.abs(shown - raw)) > 0.01
    assert np.allclose(shown, expected, rtol=0, atol=1e-5, equal_nan=True)
    page.keyboard.press("f")
    before = page.evaluate("() => teleward.traces.get('sim-02').sweep.cursor")
    page.keyboard.press("e")
    page.locator("#filter-dialog [name=band]").select_option("off")
    page.locator("#filter-dialog [name=notch]").select_option("0")
    expect(label).to_contain_text("Unfiltered")
    unfiltered = page.evaluate(CHANNEL)
    assert unfiltered["shown"] == unfiltered["ring"]
    assert page.evaluate("() => teleward.traces.get('sim-02').sweep.cursor") == before
