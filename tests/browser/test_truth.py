"""What must never look alive when it is not: old values, gaps, withheld values, a dead server."""

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from teleward_gateway.testing.feed_server import FeedServer
from teleward_gateway.testing.ward_feed import WardFeed
from teleward_signal.model import Measurement

OpenPage = Callable[..., Page]

GAP = """() => {
  const { sweep } = teleward.traces.get("sim-01");
  const lane = sweep.lanes[0];
  const { channel } = lane;
  let first = -1, last = -1;
  for (let index = channel.tail; index < channel.head; index++) {
    if (Number.isNaN(channel.at(index))) {
      if (first < 0) first = index;
      last = index;
    }
  }
  if (first < 0 || lane.drawn < last + 250) return null;
  const { canvas } = sweep.context;
  const from = Math.ceil(sweep.x(channel.timeOf(first)) + 3);
  const to = Math.floor(sweep.x(channel.timeOf(last)) - 3);
  if (to < from) return null;
  const { data } = sweep.context.getImageData(from, lane.top, to - from, lane.height);
  let lit = 0;
  for (let at = 0; at < data.length; at += 4) if (data[at + 1] > 60) lit++;
  return { samples: last - first + 1, width: to - from, lit };
}"""

EARLY_IN_THE_SWEEP = """() => {
  const { sweep } = teleward.traces.get("sim-01") ?? {};
  const x = sweep?.x(sweep.cursor);
  return sweep?.drawnSamples > 300 && x > 50 && x < sweep.context.canvas.width / 2;
}"""
DRY = """() => {
  const { sweep, subject } = teleward.traces.get("sim-01");
  const ends = sweep.lanes.map(({ channel }) => channel.timeOf(channel.head));
  return ends.every((end) => subject.waves.played > end + 400);
}"""
ENDS = """() => teleward.traces.get("sim-01").sweep.lanes.map(
  (lane) => [lane.drawn, lane.channel.head - 1])"""


def test_a_value_turns_to_dashes_after_five_seconds_without_data(
    ward: FeedServer, open_page: OpenPage
) -> None:
    page = open_page(f"{ward.url}/ward")
    numeric = page.locator('[data-subject="sim-01"] [data-metric="heart_rate"]')
    expect(numeric).to_have_attribute("data-state", "ok")
    bed = ward.feed.beds[0]
    bed.silent.add("numerics")
    try:
        expect(numeric).to_have_attribute("data-state", "stale")
        expect(numeric.locator(".value")).to_have_text("--")
        expect(numeric.locator(".note")).to_have_text(re.compile(r"([5-9]|\d\d) s ago"))
        pressure = page.locator('[data-subject="sim-01"] [data-metric="nibp"] .value')
        expect(pressure).to_have_text("118/70")
    finally:
        bed.silent.discard("numerics")
    expect(numeric).to_have_attribute("data-state", "ok")


@pytest.mark.parametrize("path", ["/ward", "/bed/sim-02"])
def test_a_withheld_value_shows_its_reason(
    ward: FeedServer, open_page: OpenPage, path: str
) -> None:
    page = open_page(ward.url + path)
    bed = ward.feed.beds[1]
    numeric = page.locator('[data-subject="sim-02"] [data-metric="spo2"]').or_(
        page.locator('.num[data-metric="spo2"]')
    )
    expect(numeric).to_have_attribute("data-state", "ok")
    bed.silent.add("numerics")
    try:
        withheld = Measurement("spo2", None, "low_perfusion", quality=0.1, valid_s=60)
        ward.call(lambda: ward.feed.live.publish_measurement("sim-02", withheld))
        expect(numeric).to_have_attribute("data-state", "withheld")
        expect(numeric.locator(".value").last).to_have_text("--")
        expect(numeric.locator(".note")).to_contain_text("low perfusion")
    finally:
        bed.silent.discard("numerics")


def test_a_gap_is_drawn_as_a_gap_of_its_true_length(ward: FeedServer, open_page: OpenPage) -> None:
    page = open_page(f"{ward.url}/bed/sim-01")
    page.wait_for_function(EARLY_IN_THE_SWEEP)
    bed = ward.feed.beds[0]
    ward.call(lambda: bed.lose("ecg_ii", 200))
    page.wait_for_function(GAP)
    gap = page.evaluate(GAP)
    assert gap["samples"] == 200
    assert gap["width"] > 50
    assert gap["lit"] == 0


def test_nothing_is_drawn_beyond_the_newest_sample(ward: FeedServer, open_page: OpenPage) -> None:
    page = open_page(f"{ward.url}/bed/sim-01")
    page.wait_for_function("() => teleward.traces.get('sim-01')?.sweep.drawnSamples > 300")
    bed = ward.feed.beds[0]
    waves = {"ecg_ii", "pleth", "respiration"}
    bed.silent.update(waves)
    try:
        page.wait_for_function(DRY)
        ends = page.evaluate(ENDS)
        assert all(drawn == newest for drawn, newest in ends)
    finally:
        bed.silent.difference_update(waves)


def test_a_dead_server_is_seen_and_its_return_too(browser: object, open_page: OpenPage) -> None:
    server = FeedServer(WardFeed(2))
    server.start()
    try:
        page = open_page(f"{server.url}/ward")
        numeric = page.locator('[data-subject="sim-01"] [data-metric="heart_rate"]')
        expect(numeric).to_have_attribute("data-state", "ok")
        server.stop()
        expect(page.locator("#link")).to_have_attribute("data-link", "lost")
        expect(numeric).to_have_attribute("data-state", "stale")
        expect(numeric.locator(".value")).to_have_text("--")
        expect(page.locator("#link")).to_contain_text("Lost")
        server.feed = WardFeed(2)
        server.start()
        expect(page.locator("#link")).to_have_attribute("data-link", "live")
        expect(numeric).to_have_attribute("data-state", "ok")
        page.wait_for_function("() => teleward.traces.get('sim-01')?.sweep.lanes.length === 3")
    finally:
        server.stop()


def test_the_socket_that_carries_nothing_is_lost(ward: FeedServer, open_page: OpenPage) -> None:
    page = open_page(f"{ward.url}/ward")
    expect(page.locator("#link")).to_have_attribute("data-link", "live")
    page.evaluate(
        "() => { window.former = teleward.shell.stream.socket; former.onmessage = null; }"
    )
    expect(page.locator("#link")).to_have_attribute("data-link", "stale")
    page.wait_for_function("() => former.readyState >= WebSocket.CLOSING")
    expect(page.locator("#link")).to_have_attribute("data-link", "live")


@pytest.mark.parametrize("path", ["/ward", "/bed/sim-03"])
def test_a_page_opens_with_the_last_sweep_full(
    ward: FeedServer, open_page: OpenPage, path: str
) -> None:
    channels = ward.feed.live._subjects["sim-03"].channels
    while channels["ecg_ii"].next_index < 15 * 250:
        time.sleep(0.1)
    page = open_page(ward.url + path)
    page.wait_for_function("() => teleward.traces.get('sim-03')?.sweep.drawnSamples > 0")
    full = page.evaluate(
        """() => {
          const { sweep } = teleward.traces.get("sim-03");
          return sweep.lanes.map(({ channel, drawn }) =>
            (drawn - channel.tail) / channel.description.fs / sweep.seconds);
        }"""
    )
    assert len(full) == 3
    assert min(full) > 0.9
