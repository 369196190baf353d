"""Alarm sound: the pulses that are scheduled, rendered by the browser's own audio engine."""

import itertools
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from teleward_gateway.testing.feed_server import FeedServer
from teleward_signal.model import AlarmEvent, AlarmKind, Presence, Priority

OpenPage = Callable[..., Page]

RECORD = """async (table) => {
  const { burst, schedule } = await import("/static/alarms/sound.js");
  const found = [];
  for (const [priority, metric] of table) {
    const context = new OfflineAudioContext(1, 44100 * 4, 44100);
    schedule(context, burst(priority, metric), 0);
    const samples = (await context.startRendering()).getChannelData(0);
    const pulses = [];
    for (let at = 0, quiet = 1e9; at < samples.length; at++) {
      if (Math.abs(samples[at]) <= 0.005) { quiet++; continue; }
      if (quiet > 1500) pulses.push([at, at]);
      pulses[pulses.length - 1][1] = at;
      quiet = 0;
    }
    found.push(pulses.map(([first, last]) => {
      // the period: where the middle of the pulse is most like itself
      const length = 2600, from = Math.round((first + last - length) / 2);
      let best = 0, period = 0;
      for (let lag = 70; lag < 200; lag++) {
        let sum = 0;
        for (let at = from; at < from + length - lag; at++) sum += samples[at] * samples[at + lag];
        if (sum / (length - lag) > best * 1.02) [best, period] = [sum / (length - lag), lag];
      }
      let peak = 0;
      for (let at = first; at < last; at++) peak = Math.max(peak, Math.abs(samples[at]));
      return { start: first / 44100, end: last / 44100, hz: 44100 / period, peak };
    }));
  }
  return found;
}"""
C4, D4, E4, F4, G4, A4, B4, C5 = 261.6, 293.7, 329.6, 349.2, 392.0, 440.0, 493.9, 523.3
MELODIES = {
    "heart_rate": (C4, E4, G4, G4, C5),
    "nibp_systolic": (C4, E4, G4, G4, C5),
    "spo2": (C5, B4, A4, G4, F4),
    "respiratory_rate": (C4, A4, F4, A4, F4),
    "etco2": (C4, A4, F4, A4, F4),
    "body_temperature": (C4, D4, E4, F4, G4),
    None: (C4,) * 5,
}
"""By what is measured, after IEC 60601-1-8, annex F, as public manuals print it."""
TABLE = [(priority, metric) for priority in ("high", "medium", "low") for metric in MELODIES]


def test_the_recorded_bursts_are_those_of_the_standard(
    ward: FeedServer, open_page: OpenPage
) -> None:
    page = open_page(f"{ward.url}/ward")
    recorded = page.evaluate(RECORD, TABLE)
    for (priority, metric), pulses in zip(TABLE, recorded, strict=True):
        case = (priority, metric)
        melody = MELODIES[metric]
        notes = {"high": melody * 2, "medium": melody[:3], "low": (E4, C4)}[priority]
        assert len(pulses) == {"high": 10, "medium": 3, "low": 2}[priority], case
        assert [p["hz"] for p in pulses] == pytest.approx(notes, rel=0.02), case
        shortest, longest = (0.075, 0.200) if priority == "high" else (0.125, 0.250)
        assert all(shortest <= p["end"] - p["start"] <= longest for p in pulses), case
        gaps = [b["start"] - a["end"] for a, b in itertools.pairwise(pulses)]
        if priority == "high":
            within = [gap for place, gap in enumerate(gaps) if place not in (2, 4, 7)]
            assert all(0.050 <= gap <= 0.125 for gap in within), case
            length = pulses[0]["end"] - pulses[0]["start"]
            for place in (2, 7):  # the third pulse is held apart: two gaps and a pulse
                assert gaps[place] == pytest.approx(2 * gaps[0] + length, abs=0.02), case
            assert 0.35 <= gaps[4] <= 1.30, case
        else:
            assert all(0.125 <= gap <= 0.250 for gap in gaps), case
        assert max(p["peak"] for p in pulses) <= 1.26 * min(p["peak"] for p in pulses)  # 2 dB
    pauses = page.evaluate("async () => (await import('/static/alarms/sound.js')).REPEAT_S")
    assert 2.5 <= pauses["high"] <= 15
    assert 2.5 <= pauses["medium"] <= 30
    assert pauses["low"] > 15


def test_sound_needs_a_tap_and_follows_the_alarm(ward: FeedServer, open_page: OpenPage) -> None:
    def alarm(presence: Presence) -> None:
        event = AlarmEvent(
            "sim-04", "sound", AlarmKind.PHYSIOLOGICAL, Priority.HIGH, presence, 1, "x", "spo2"
        )
        ward.call(lambda: ward.feed.live.publish_alarm(event))

    page = open_page(f"{ward.url}/bed/sim-04")
    bursts = "() => teleward.shell.sound.bursts"
    alarm(Presence.ON)
    try:
        expect(page.locator("#message")).to_be_visible()
        expect(page.locator("#sound")).to_contain_text("SOUND IS OFF")
        assert page.evaluate(bursts) == 0
        page.locator("#sound").click()
        expect(page.locator("#sound")).to_have_text("Sound on")
        page.wait_for_function(f"() => ({bursts})() === 1")
        alarm(Presence.ACKNOWLEDGED)
        expect(page.locator("#message")).to_have_class("al high ack")
        page.wait_for_function("() => teleward.shell.sound.priority === ''")
    finally:
        alarm(Presence.OFF)
