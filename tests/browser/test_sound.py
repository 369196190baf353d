"""Alarm sound: the pulses that are scheduled, rendered by the browser's own audio engine."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from teleward_gateway.testing.feed_server import FeedServer
from teleward_signal.model import AlarmEvent, AlarmKind, Presence, Priority

OpenPage = Callable[..., Page]

PULSES = """async ([priority, metric]) => {
  const { burst, schedule } = await import("/static/alarms/sound.js");
  const context = new OfflineAudioContext(1, 44100 * 4, 44100);
  const tones = burst(priority, metric);
  schedule(context, tones, 0);
  const samples = (await context.startRendering()).getChannelData(0);
  const pulses = [];
  let quiet = 1e9;
  for (let at = 0; at < samples.length; at++) {
    if (Math.abs(samples[at]) > 0.005) {
      if (quiet > 2000) pulses.push(at / 44100);
      quiet = 0;
    } else quiet++;
  }
  return { pulses, tones };
}"""


@pytest.mark.parametrize(
    ("priority", "metric", "frequencies", "starts"),
    [
        (
            "high",
            "heart_rate",
            [262, 330, 392, 392, 523] * 2,
            [0, 0.21, 0.42, 0.84, 1.05, 1.8, 2.01, 2.22, 2.64, 2.85],
        ),
        ("medium", "spo2", [523, 494, 440], [0, 0.36, 0.72]),
        ("low", None, [330, 262], [0, 0.36]),
    ],
)
def test_the_burst_of_each_priority(
    ward: FeedServer,
    open_page: OpenPage,
    priority: str,
    metric: str | None,
    frequencies: list[int],
    starts: list[float],
) -> None:
    page = open_page(f"{ward.url}/ward")
    found = page.evaluate(PULSES, [priority, metric])
    assert [round(tone["frequency"]) for tone in found["tones"]] == frequencies
    assert found["pulses"] == pytest.approx(starts, abs=0.02)


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
