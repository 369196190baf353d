"""What a sink remembers is bounded, whatever comes."""

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from teleward_cloud.influx import in_doubt, waveform_choice
from teleward_cloud.influx.in_doubt import InDoubt
from teleward_cloud.influx.settings import InfluxSettings
from teleward_cloud.influx.sink import InfluxSink
from teleward_cloud.influx.waveform_choice import AroundAlarms
from teleward_cloud.mqtt import home_assistant
from teleward_signal.model import Provenance
from teleward_signal.record import Record, RecordId, RecordKind

Make = Callable[..., Record]


def ids(count: int, first: int = 0) -> list[RecordId]:
    return [RecordId("gw", "j", first + number, 0) for number in range(count)]


def test_held_records_are_bounded_with_room_left_for_live(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_doubt, "_MOST", 100)
    held = InDoubt(10.0)
    assert held.wait_s(80, 0.0, live=False) == 0
    held.written(ids(50), 0.0)
    held.written(ids(30, 50), 4.0)
    assert held.wait_s(20, 5.0, live=True) == 0
    assert held.wait_s(20, 5.0, live=False) == 5.0, "when the first 50 are old enough"
    assert held.wait_s(60, 5.0, live=False) == 9.0, "when all are"
    _, settled = held.written((), 10.0)
    assert (len(settled), len(held)) == (50, 30)
    assert held.wait_s(20, 10.0, live=False) == 0
    held.connection_lost()
    assert (len(held.forgotten()), len(held)) == (30, 0)


def test_without_a_window_nothing_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_doubt, "_MOST", 10)
    held = InDoubt(0.0)
    held.written(ids(50), 0.0)
    assert (len(held), held.wait_s(10, 0.0, live=True)) == (0, 0)


async def test_a_full_sink_asks_for_patience_and_writes_nothing(
    monkeypatch: pytest.MonkeyPatch, record: Make
) -> None:
    monkeypatch.setattr(in_doubt, "_MOST", 10)
    posted: list[int] = []

    async def post(**request: Any) -> tuple[None, int, dict[str, str]]:
        posted.append(request["body"].count(b"value="))
        return None, 204, {}

    settings = InfluxSettings(in_doubt_s=1, gzip=False)
    sink = InfluxSink(settings, provenance=Provenance.SIMULATED)
    await sink.open()
    sink._service = SimpleNamespace(post_write_async=post)
    first = await sink.send([record(seq) for seq in range(8)], live=False)
    assert len(first.held) == 8
    second = await sink.send([record(9)], live=False)
    assert (second.acknowledged, second.held, second.error) == ((), (), None)
    assert second.retry_after_s is not None
    assert 0 < second.retry_after_s <= 1
    assert (await sink.send([record(10)], live=True)).held == (record(10).id,)
    assert posted == [8, 1]
    later_s = time.monotonic() + 1.0
    monkeypatch.setattr("time.monotonic", lambda: later_s)
    third = await sink.send([record(9)], live=False)
    assert set(first.held) <= set(third.acknowledged)
    await sink.close()


def test_alarm_windows_and_lanes_do_not_pile_up(
    monkeypatch: pytest.MonkeyPatch, record: Make
) -> None:
    monkeypatch.setattr(waveform_choice, "_SUBJECTS", 5)
    choice = AroundAlarms(10.0, 20.0)
    content = {"presence": "on", "priority": "high"}
    for number in range(50):
        alarm = record(number, kind=RecordKind.ALARM, subject=f"bed-{number}", payload=content)
        wave = record(number, 1, kind=RecordKind.WAVEFORM, subject=f"bed-{number}")
        choice.choose([alarm, wave], live=True, now_s=0.0)
    assert len(choice._windows) == 5
    assert not choice._lanes
    assert len(choice) == 0


def test_announced_metrics_do_not_pile_up(monkeypatch: pytest.MonkeyPatch, record: Make) -> None:
    monkeypatch.setattr(home_assistant, "_MOST", 3)
    announced = home_assistant.Announced()
    for number in range(10):
        assert list(announced.unknown([record(number, subject=f"bed-{number}")]))
        assert list(announced.unknown([record(number, subject=f"bed-{number}")])) == []
    assert len(announced._known) <= 3
