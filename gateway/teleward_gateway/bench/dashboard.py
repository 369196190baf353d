"""``teleward bench dashboard``: the pages in a real, headless Chromium on a synthetic ward.

The feed (`feed_server`) runs in a process of its own (`dashboard_links`). Figures: frames a second,
main-thread share of the ward page, with the same page redrawing all traces each frame as the peer;
the bed page with the processor throttled six times (a phone); delay from a sample's time to its
drawing; weight of the first loads; traffic of a patient; what a crowd of pages costs; the return
after the server was killed.
"""

import argparse
import shutil
from typing import Any

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from teleward_gateway.bench.dashboard_links import (
    CROWD,
    Feed,
    crowd_percent,
    numbers_only,
    return_s,
)

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
MESSAGE_OVERHEAD = 56
"""Bytes around a WebSocket message: 4 of its header, 52 of TCP and IP with timestamps."""
THROTTLE = 6
READY = """() => {
  const traces = [...(window.teleward?.traces.values() ?? [])];
  return traces.length > 0 && traces.every(({ sweep }) => sweep.lanes.length > 0);
}"""
FULL_REDRAW = """() => {
  for (const { sweep } of teleward.traces.values()) {
    sweep.frame = (timeMs) => sweep.repaint(timeMs);
  }
}"""
MEASURE = """async (seconds) => {
  const { statistics, stream } = teleward.shell;
  const frames = statistics.count, bytes = stream.receivedBytes, messages = stream.messages;
  statistics.delays.length = 0;
  const begin = performance.now();
  await new Promise((done) => setTimeout(done, seconds * 1000));
  const passed = (performance.now() - begin) / 1000;
  const delays = [...statistics.delays].sort((a, b) => a - b);
  return {
    fps: (statistics.count - frames) / passed,
    delay_p95: delays[Math.floor(delays.length * 0.95)] ?? null,
    bytes_s: (stream.receivedBytes - bytes) / passed,
    messages_s: (stream.messages - messages) / passed,
    underruns: [...teleward.traces.values()].reduce((sum, t) => sum + t.subject.waves.underruns, 0),
  };
}"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the size of the ward and the length of each measurement."""
    parser.add_argument("--beds", type=int, default=16, help="beds with three traces each")
    parser.add_argument("--seconds", type=float, default=8.0, help="length of each measurement")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the figures; keys are stable."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if chromium is None:
        raise SystemExit("no Chromium found; install it with: sudo apt install chromium")
    seconds, feed = arguments.seconds, Feed(arguments.beds)
    try:
        crowd = crowd_percent(feed, seconds)  # before Playwright's loop takes this thread
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
            ward, first_load_kb = ward_page(browser, feed.url, seconds)
            bed, numbers_kbps = bed_page(browser, feed.url, seconds, throttle=1)
            throttled, _ = bed_page(browser, feed.url, seconds, throttle=THROTTLE)
            others_kb = {
                path: page_kb(browser, f"{feed.url}/bed/sim-01{path}")
                for path in ("", "/strip", "/trends", "/news2")
            }
            back_s = return_s(browser, feed)
            browser.close()
    finally:
        feed.kill()
    live, redraw = ward
    wire = bed["bytes_s"] + bed["messages_s"] * MESSAGE_OVERHEAD
    return {
        "beds": arguments.beds,
        "ward_fps": round(live["fps"], 1),
        "ward_main_thread_percent": round(live["main_thread"], 1),
        "redraw_fps": round(redraw["fps"], 1),
        "redraw_main_thread_percent": round(redraw["main_thread"], 1),
        "fps_ratio_to_redraw": round(live["fps"] / redraw["fps"], 2),
        "bed_fps_throttled": round(throttled["fps"], 1),
        "draw_ms_p95": round(live["delay_p95"], 1),
        "underruns": live["underruns"],
        "first_load_kb": round(first_load_kb, 1),
        "bed_first_load_kb": round(others_kb[""], 1),
        "strip_first_load_kb": round(others_kb["/strip"], 1),
        "trends_first_load_kb": round(others_kb["/trends"], 1),
        "chart_first_load_kb": round(others_kb["/news2"], 1),
        "numbers_kbps": round(numbers_kbps, 2),
        "crowd_core_percent": round(crowd, 1),
        "live_again_s": round(back_s, 2),
        "kbps_per_patient": round(wire * 8 / 1000, 2),
        "ward_kbps_per_patient": round(live["bytes_s"] * 8 / 1000 / arguments.beds, 2),
    }


def table(result: dict[str, Any]) -> str:
    """Return the figures beside their goals."""
    rows = (
        ("ward, frames a second", "ward_fps", ">= 58"),
        ("ward, main thread %", "ward_main_thread_percent", "<= 20"),
        ("  all redrawn each frame, frames a second", "redraw_fps", "peer"),
        ("  all redrawn each frame, main thread %", "redraw_main_thread_percent", "peer"),
        ("  frames a second, ours to redraw", "fps_ratio_to_redraw", ""),
        (f"bed, {THROTTLE}x throttled, frames a second", "bed_fps_throttled", ">= 55"),
        ("sample to drawing, p95 ms", "draw_ms_p95", "<= 200"),
        ("times that the playback ran dry", "underruns", "0"),
        ("first load of the ward, kB, all headers", "first_load_kb", "<= 60"),
        ("first load of a bed", "bed_first_load_kb", "<= 60"),
        ("first load of a strip with its samples", "strip_first_load_kb", "<= 60"),
        ("first load of trends", "trends_first_load_kb", "<= 100"),
        ("first load of a NEWS2 chart", "chart_first_load_kb", "<= 60"),
        ("one bed with headers, kbit/s", "kbps_per_patient", "<= 12"),
        ("  numbers only", "numbers_kbps", "<= 1"),
        (f"{CROWD} pages of the ward, % of a core", "crowd_core_percent", "<= 10"),
        ("live after a killed server is back, s", "live_again_s", "<= 3"),
        ("a bed of the ward, payload kbit/s", "ward_kbps_per_patient", ""),
    )
    head = f"{result['beds']} beds, three traces each, 1920 x 1080, Chromium without GPU"
    lines = [f"{title:<46}{result[key]:>10}   {goal}" for title, key, goal in rows]
    return "\n".join([head, f"{'':<46}{'measured':>10}   goal", *lines])


def ward_page(
    browser: Browser, url: str, seconds: float
) -> tuple[tuple[dict[str, Any], dict[str, Any]], float]:
    """Return (ours, the peer that redraws all) and the kB of the first load."""
    page = browser.new_page(viewport=ViewportSize(width=1920, height=1080))
    loaded = watched_load(page)
    page.goto(f"{url}/ward")
    page.wait_for_function(READY)
    first_load_kb = sum(loaded) / 1000
    page.wait_for_timeout(12_000)  # until the start has left the ten seconds of the jitter buffer
    ours = watched(page, seconds)
    page.evaluate(FULL_REDRAW)
    redraw = watched(page, seconds)
    page.close()
    return (ours, redraw), first_load_kb


def watched_load(page: Page) -> list[float]:
    """Return a list that takes the bytes of each answer as it comes, with its headers."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    loaded: list[float] = []
    session.on("Network.loadingFinished", lambda event: loaded.append(event["encodedDataLength"]))
    return loaded


def page_kb(browser: Browser, address: str) -> float:
    """Return the kB of the first load of a page, what it asks of the API included."""
    page = browser.new_context().new_page()
    loaded = watched_load(page)
    page.goto(address)
    page.wait_for_timeout(3000)
    page.context.close()
    return sum(loaded) / 1000


def bed_page(
    browser: Browser, url: str, seconds: float, throttle: int
) -> tuple[dict[str, Any], float]:
    """Return the figures of a bed on a phone-sized page, and kbit/s with numbers only."""
    page = browser.new_page(viewport=ViewportSize(width=360, height=740))
    page.goto(f"{url}/bed/sim-01")
    page.wait_for_function(READY)
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setCPUThrottlingRate", {"rate": throttle})
    page.wait_for_timeout(2000)
    found = watched(page, seconds)
    numbers_kbps = numbers_only(page, MEASURE, seconds, MESSAGE_OVERHEAD) if throttle == 1 else 0.0
    page.close()
    return found, numbers_kbps


def watched(page: Page, seconds: float) -> dict[str, Any]:
    """Return the figures of `MEASURE` with the share of the main thread that was busy, %."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    before = _metrics(session.send("Performance.getMetrics"))
    found: dict[str, Any] = page.evaluate(MEASURE, seconds)
    after = _metrics(session.send("Performance.getMetrics"))
    busy = after["TaskDuration"] - before["TaskDuration"]
    return found | {"main_thread": 100 * busy / (after["Timestamp"] - before["Timestamp"])}


def _metrics(answer: dict[str, Any]) -> dict[str, float]:
    return {each["name"]: each["value"] for each in answer["metrics"]}
