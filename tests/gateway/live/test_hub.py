"""The hub: whole state first, then changes; a slow page forgets instead of growing."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from teleward_gateway.live import LiveHub, Page, Rung
from teleward_gateway.live.page import QUEUE_LIMIT
from teleward_gateway.testing.wave_frames import decode_frames, split_change
from teleward_signal.alarms.board import AlarmBoard
from teleward_signal.alarms.limits import AlarmLimits
from teleward_signal.model import (
    AlarmEvent,
    AlarmKind,
    Annotation,
    Measurement,
    Presence,
    Priority,
    SampleBlock,
)
from teleward_signal.news2 import news2

NOW_NS = 1_700_000_000_000_000_000


@pytest.fixture
def hub() -> LiveHub:
    hub = LiveHub({"name": "g"}, clock=lambda: NOW_NS)
    hub.set_subject("a", label="A", bed="Bed 1", simulated=True)
    hub.set_subject("b", label="B", bed="Bed 2")
    return hub


def block(index: int, metric: str = "ecg_ii") -> SampleBlock:
    time_ns = NOW_NS + index * 4_000_000
    return SampleBlock(metric, 250.0, np.arange(25, dtype=np.int16), 0.005, index, time_ns=time_ns)


def alarm(presence: Presence, at_ns: int = NOW_NS) -> AlarmEvent:
    return AlarmEvent(
        "a",
        "spo2_low",
        AlarmKind.PHYSIOLOGICAL,
        Priority.MEDIUM,
        presence,
        at_ns,
        "SpO2 low",
        "spo2",
    )


async def both(page: Page) -> tuple[dict[str, Any] | None, bytes]:
    """Return (the JSON part, the wave frames) of the next message."""
    async with asyncio.timeout(30):
        message = await page.next()
    if isinstance(message, str):
        return dict(json.loads(message)), b""
    change, frames = split_change(message)
    return dict(json.loads(change)) if change else None, frames


async def text(page: Page) -> dict[str, Any]:
    change, _ = await both(page)
    assert change is not None
    return change


async def test_the_first_message_is_the_whole_state(hub: LiveHub) -> None:
    hub.publish_measurement("a", Measurement("spo2", 97.0, time_ns=NOW_NS))
    hub.publish_alarm(alarm(Presence.ON))
    hub.publish_news2("a", news2({}, NOW_NS))
    hub.set_limits("a", AlarmLimits())
    hub.set_link("a", "ox1", "streaming", reason="")
    hello = await text(hub.open_page())
    assert hello["type"] == "hello"
    assert [part["id"] for part in hello["subjects"]] == ["a", "b"]
    first = hello["subjects"][0]
    assert first["info"]["simulated"] is True
    assert first["values"]["spo2"]["value"] == 97.0
    assert first["alarms"][0]["presence"] == "on"
    assert "consciousness" in first["news2"]["missing"]
    assert first["limits"]["spo2"]["low"] == 90
    assert first["links"]["ox1"]["state"] == "streaming"
    assert hello["metrics"]["spo2"]["label"] == "SpO₂"


async def test_then_come_changes_and_waves_of_the_chosen_subjects_only(hub: LiveHub) -> None:
    page = hub.open_page(["b"])
    assert [part["id"] for part in (await text(page))["subjects"]] == ["b"]
    for subject in ("a", "b"):
        hub.publish_block(subject, block(0))
        hub.publish_measurement(subject, Measurement("heart_rate", 60.0, time_ns=NOW_NS))
        hub.publish_annotation(subject, Annotation("ecg_ii", "N", NOW_NS))
    hub.tick()
    update, waves = await both(page)
    assert update is not None
    (part,) = update["subjects"]
    assert part["id"] == "b"
    assert part["values"]["heart_rate"]["value"] == 60.0
    assert part["channels"][0]["metric"] == "ecg_ii"
    (frame,) = decode_frames(waves)
    assert (frame.key, frame.sequence, frame.beats) == (part["key"], 1, 1)
    assert [len(run.samples) for run in frame.runs] == [25]


async def test_beats_without_waves_come_as_text(hub: LiveHub) -> None:
    page = hub.open_page(["b"])
    await text(page)
    hub.publish_annotation("b", Annotation("ecg_ii", "N", NOW_NS))
    hub.tick()
    assert (await text(page))["subjects"][0]["beats"] == 1


async def test_of_a_value_that_pages_know_only_what_differs_is_sent(hub: LiveHub) -> None:
    page = hub.open_page(["a"])
    await text(page)
    for n, quality in enumerate((0.9, 0.9, None)):
        for metric in ("spo2", "pulse_rate"):
            value = Measurement(metric, 97.0 - n, quality=quality, time_ns=NOW_NS + n * 10**9)
            hub.publish_measurement("a", value)
        hub.tick()
    at = NOW_NS // 1_000_000
    first, second, third = [(await text(page))["subjects"][0] for _ in range(3)]
    assert first["values"]["spo2"] == {
        "value": 97.0, "quality": 0.9, "source": "device", "time": at,
    }  # fmt: skip
    assert (second["updates"]["spo2"], second["at"]) == ({"value": 96.0}, at + 1000)
    assert (third["updates"]["spo2"], third["at"]) == ({"value": 95.0, "quality": None}, at + 2000)
    assert "values" not in second


async def test_a_value_that_waits_while_a_page_opens_is_sent_whole(hub: LiveHub) -> None:
    first = hub.open_page(["a"])
    await text(first)
    for value in (90.0, 91.0):
        hub.publish_measurement("a", Measurement("spo2", value, time_ns=NOW_NS))
        if value == 90.0:
            hub.tick()
            await text(first)
    second = hub.open_page(["a"])
    assert (await text(second))["subjects"][0]["values"]["spo2"]["value"] == 91.0
    hub.publish_measurement("a", Measurement("spo2", 90.0, time_ns=NOW_NS))
    hub.tick()
    assert (await text(second))["subjects"][0]["values"]["spo2"]["value"] == 90.0


async def test_what_did_not_change_is_not_sent_again(hub: LiveHub) -> None:
    page = hub.open_page()
    await text(page)
    hub.tick()
    await text(page)  # the subjects themselves were new
    hub.tick()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await page.next()


async def test_a_slow_page_loses_messages_and_gets_the_present_state(hub: LiveHub) -> None:
    page = hub.open_page()
    await text(page)
    for n in range(QUEUE_LIMIT + 5):
        hub.publish_measurement("a", Measurement("spo2", float(n), time_ns=NOW_NS))
        hub.tick()
    assert hub.health()["dropped_messages_total"] == QUEUE_LIMIT + 1, "while the page is open"
    hello = await text(page)
    assert hello["type"] == "hello"
    assert hello["dropped"] == QUEUE_LIMIT + 1
    assert hello["subjects"][0]["values"]["spo2"]["value"] == QUEUE_LIMIT + 4
    hub.publish_measurement("a", Measurement("spo2", 99.0, time_ns=NOW_NS))
    hub.tick()
    assert (await text(page))["subjects"][0]["updates"]["spo2"]["value"] == 99.0
    hub.close_page(page)
    assert hub.health()["dropped_messages_total"] == QUEUE_LIMIT + 1


async def test_the_lean_rung_gathers_and_the_numbers_rung_has_no_waves(hub: LiveHub) -> None:
    lean, numbers = hub.open_page(["a"]), hub.open_page(["a"])
    lean.rung, numbers.rung = Rung.LEAN, Rung.NUMBERS
    for page in (lean, numbers):
        await text(page)
    for n in range(20):
        hub.publish_block("a", block(25 * n))
        hub.publish_measurement("a", Measurement("spo2", 80.0 + n, time_ns=NOW_NS))
        hub.tick()
    waves = [(await both(lean))[1] for _ in range(4)]
    assert [len(decode_frames(message)) for message in waves] == [5, 5, 5, 5]
    _, _, changes = json.loads(str(await numbers.next()))
    assert changes[0]["values"]["spo2"]["value"] == 99.0
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await numbers.next()


async def test_an_alarm_keeps_its_onset_and_disappears_when_off(hub: LiveHub) -> None:
    hub.publish_alarm(alarm(Presence.ON))
    hub.publish_alarm(alarm(Presence.ACKNOWLEDGED, NOW_NS + 5_000_000_000))
    (shown,) = hub.subjects()[0]["alarms"]
    assert (shown["presence"], shown["since"]) == ("ack", NOW_NS // 1_000_000)
    hub.publish_alarm(alarm(Presence.OFF))
    assert hub.subjects()[0]["alarms"] == []


async def test_a_reading_from_a_devices_memory_is_not_shown_as_current(hub: LiveHub) -> None:
    hub.publish_measurement("a", Measurement("spo2", 80.0, time_ns=1, stored=True))
    assert hub.subjects()[0]["values"] == {}


async def test_changing_a_subject_keeps_its_audio_pause(hub: LiveHub) -> None:
    hub.set_audio_pause("a", NOW_NS + 10**9)
    hub.set_subject("a", label="A", bed="Bed 9")
    info = hub.subjects()[0]["info"]
    assert (info["bed"], info["audio_pause"]) == ("Bed 9", (NOW_NS + 10**9) // 1_000_000)


async def test_a_new_high_alarm_ends_the_audio_pause_on_the_pages_too(hub: LiveHub) -> None:
    def pause() -> object:
        return hub.subjects()[0]["info"]["audio_pause"]

    hub.set_audio_pause("a", NOW_NS + 10**9)
    hub.publish_alarm(alarm(Presence.ON))
    assert pause() is not None
    high = replace(alarm(Presence.ON), priority=Priority.HIGH)
    hub.publish_alarm(high)
    assert pause() is not None, "the board decides what ends a pause"
    hub.publish_alarm(replace(high, ends_pause=True))
    assert pause() is None


def test_a_latched_rhythm_that_returns_ends_the_pause_on_board_and_page(hub: LiveHub) -> None:
    board, now_ns = AlarmBoard(), NOW_NS
    rhythm = "ventricular tachycardia"

    def mark(what: str) -> None:
        found = Annotation("ecg_ii", "+", now_ns, label=f"{rhythm} {what}")
        for event in board.rhythm("a", found, now_ns):
            hub.publish_alarm(event)

    mark("begins")
    mark("ends")
    board.pause_audio("a", now_ns + 120 * 10**9)
    hub.set_audio_pause("a", now_ns + 120 * 10**9)
    assert board.audible() is None
    mark("begins")
    assert board.audible() is Priority.HIGH
    assert hub.subjects()[0]["info"]["audio_pause"] is None


def test_an_older_value_never_replaces_a_newer_one(hub: LiveHub) -> None:
    hub.publish_measurement("a", Measurement("body_temperature", 39.6, time_ns=NOW_NS))
    old = Measurement("body_temperature", 36.8, time_ns=NOW_NS - 3 * 3600 * 10**9)
    hub.publish_measurement("a", old)
    assert hub.subjects()[0]["values"]["body_temperature"]["value"] == 39.6


async def test_a_discharged_subject_leaves_every_page(hub: LiveHub) -> None:
    page = hub.open_page()
    await text(page)
    hub.remove_subject("a")
    hub.tick()
    assert {"id": "a", "removed": True} in (await text(page))["subjects"]


async def test_without_a_page_nothing_waits_and_the_first_page_misses_nothing(
    hub: LiveHub,
) -> None:
    for n in range(50):
        hub.publish_block("a", block(25 * n))
        hub.publish_measurement("a", Measurement("spo2", float(n), time_ns=NOW_NS))
        hub.tick()
    assert hub.statistics.wave_bytes == 0
    page = hub.open_page()
    first = (await text(page))["subjects"][0]
    assert first["values"]["spo2"]["value"] == 49.0
    assert first["channels"][0]["metric"] == "ecg_ii"
    hub.publish_block("a", block(1250))
    hub.tick()
    ((run,),) = (frame.runs for frame in decode_frames(await _waves(page)))
    assert (run.first_index, len(run.samples)) == (1250, 25)


async def test_an_unknown_subject_is_counted_not_shown(hub: LiveHub) -> None:
    hub.publish_block("nobody", block(0))
    hub.publish_measurement("nobody", Measurement("spo2", 90.0))
    assert hub.statistics.unknown_subject == 2
    assert len(hub.subjects()) == 2


async def test_a_value_that_is_no_number_never_reaches_a_page(hub: LiveHub) -> None:
    hub.publish_measurement("a", Measurement("spo2", float("nan"), time_ns=NOW_NS))
    page = hub.open_page()
    value = (await text(page))["subjects"][0]["values"]["spo2"]
    assert (value.get("value"), value["reason"]) == (None, "not a number")


async def test_each_subject_is_encoded_once_for_all_pages(hub: LiveHub) -> None:
    pages = [hub.open_page() for _ in range(20)]
    for page in pages:
        await text(page)
    hub.publish_block("a", block(0))
    hub.tick()
    received = [await _waves(page) for page in pages]
    assert set(received) == {received[0]}
    assert hub.statistics.wave_bytes == len(received[0])


async def _waves(page: Page) -> bytes:
    while True:
        _, frames = await both(page)
        if frames:
            return frames


async def test_a_page_opens_with_the_last_sweep_and_goes_on_without_a_gap(hub: LiveHub) -> None:
    for first in range(0, 5000, 25):  # 20 s, nobody looks
        hub.publish_block("a", block(first))
        hub.tick()
    hub.publish_block("a", block(5000))  # waits for the next tick
    page = hub.open_page(sweep_s=10)
    assert (await text(page))["type"] == "hello"
    _, frames = await both(page)
    (past,) = decode_frames(frames)
    (run,) = past.runs
    assert (run.first_index, run.first_index + len(run.samples)) == (2525, 5000)
    hub.tick()
    _, frames = await both(page)
    (now,) = decode_frames(frames)
    assert now.runs[0].first_index == 5000


async def test_the_last_sweep_keeps_a_gap_and_ends_with_its_generation(hub: LiveHub) -> None:
    hub.publish_block("a", block(0))
    hub.publish_block("a", block(75))
    hub.tick()
    page = hub.open_page(sweep_s=20)
    await text(page)
    _, frames = await both(page)
    runs = decode_frames(frames)[0].runs
    assert [(run.first_index, len(run.samples)) for run in runs] == [(0, 25), (75, 25)]
    hub.publish_block("a", replace(block(100), fs=125.0))
    hub.tick()
    page = hub.open_page(sweep_s=20)
    await text(page)
    _, frames = await both(page)
    runs = decode_frames(frames)[0].runs
    assert [(run.first_index, run.generation) for run in runs] == [(0, 1)]


async def test_a_quiet_ward_gives_a_sign_of_life_each_second(hub: LiveHub) -> None:
    page = hub.open_page()
    await text(page)
    hub.tick()
    await text(page)
    for _ in range(9):
        hub.tick()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await page.next()
    for _ in range(2):
        hub.tick()
    assert (await text(page))["subjects"] == []


async def test_who_left_and_came_back_within_a_tick_left(hub: LiveHub) -> None:
    page = hub.open_page()
    await text(page)
    hub.remove_subject("a")
    hub.set_subject("a", bed="Bed 1")
    hub.tick()
    parts = [part for part in (await text(page))["subjects"] if part["id"] == "a"]
    assert [part.get("removed", False) for part in parts] == [True, False]
