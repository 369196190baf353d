"""Limits, SpO2 scale, labels and audio pause: one home, key by key, written first, then judged."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, NoReturn

import pytest

from teleward_gateway.registry import Subject
from teleward_gateway.registry.ensure import ensure
from teleward_gateway.remote_commands import gateway_handlers
from teleward_gateway.remote_commands.settings import CommandName
from teleward_gateway.testing.ward_kit import S, WardKit
from teleward_signal.alarms.board import Superseded
from teleward_signal.errors import Conflict, Invalid, NotFound
from teleward_signal.model import Measurement, Provenance, Source
from teleward_signal.record import RecordKind


@pytest.fixture
async def ward(tmp_path: Path) -> AsyncIterator[WardKit]:
    async with AsyncExitStack() as stack:
        kit = await WardKit.open(stack, tmp_path)
        await kit.admit("anna")
        await kit.wear("ox", "anna")
        yield kit


def low(value: float | None, metric: str = "spo2") -> dict[str, Any]:
    return {"metrics": {metric: {"low": value}}}


async def scale(ward: WardKit) -> float | None:
    await ward.settle()
    return ward.ingest.scores.inputs("anna")["spo2_scale"].value


async def test_a_charted_scale_outlives_a_change_of_limits_and_a_restart(
    ward: WardKit, tmp_path: Path
) -> None:
    two = Measurement("spo2_scale", 2.0, source=Source.MANUAL, valid_s=14400.0, author="dr")
    await ward.view.observe("anna", [two])
    await ward.view.change_limits("anna", {"metrics": {"heart_rate": {"high": 110}}}, "nurse")
    assert await scale(ward) == 2
    async with AsyncExitStack() as stack:
        other = tmp_path / "again"
        other.mkdir()
        (other / "registry.sqlite").write_bytes(backup(tmp_path / "registry.sqlite"))
        again = await WardKit.open(stack, other)
        assert await scale(again) == 2
    with pytest.raises(Invalid, match="1 or 2"):
        await ward.view.observe("anna", [Measurement("spo2_scale", 3.0, source=Source.MANUAL)])


def backup(path: Path) -> bytes:
    copy = path.with_suffix(".copy")
    with sqlite3.connect(path) as source, sqlite3.connect(copy) as target:
        source.backup(target)
    return copy.read_bytes()


async def test_attributes_merge_key_by_key(ward: WardKit) -> None:
    await ward.view.change_limits("anna", low(88), "nurse")
    ward.registry.update_subject("anna", attributes={"spo2_scale": 2}, author="dr")
    await ward.settle()
    assert ward.view.limits("anna").metrics["spo2"].low == 88
    assert ward.board.limits("anna").metrics["spo2"].low == 88


async def test_a_remote_command_changes_what_it_names_alone(ward: WardKit) -> None:
    await ward.view.change_limits("anna", {"metrics": {"spo2": {"low": 88, "high": 92}}}, "dr")
    handler = gateway_handlers(ward.sessions, ward.view)[CommandName.SET_LIMITS]
    arguments = {"subject": "anna", "limits": {"metrics": {"heart_rate": {"high": 125}}}}
    await handler(arguments, "remote")
    found = ward.board.limits("anna").metrics
    assert (found["spo2"].low, found["spo2"].high, found["heart_rate"].high) == (88, 92, 125)


def test_the_settings_file_applies_what_it_states_anew(tmp_path: Path, ward: WardKit) -> None:
    def wanted(label: str, **attributes: Any) -> Subject:
        return Subject("anna", label, Provenance.SIMULATED, None, attributes)

    ensure(ward.registry, [wanted("Anna", spo2_scale=1, limits={})])
    ward.registry.update_subject(
        "anna", attributes={"spo2_scale": 2, "limits": low(88)}, author="dr"
    )
    ensure(ward.registry, [wanted("Anna K.", spo2_scale=1, limits={})])
    kept = ward.registry.subject("anna")
    assert (kept.label, kept.attributes["spo2_scale"]) == ("Anna K.", 2)
    assert kept.attributes["limits"] == low(88)


async def test_two_who_change_the_same_limit_are_in_conflict(ward: WardKit) -> None:
    seen = ward.view.version("anna")
    await ward.view.change_limits("anna", low(88), "nurse", seen)
    await ward.view.change_limits("anna", low(50, "heart_rate"), "other", seen)  # another limit
    with pytest.raises(Conflict, match="low of subject anna was changed by nurse to 88"):
        await ward.view.change_limits("anna", low(92), "doctor", seen)
    assert ward.board.limits("anna").metrics["spo2"].low == 88
    await ward.view.change_limits("anna", low(92), "doctor", ward.view.version("anna"))
    assert ward.board.limits("anna").metrics["spo2"].low == 92


async def test_a_refused_write_changes_nothing(
    ward: WardKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = ward.board.limits("anna")
    with pytest.raises(Invalid, match="very_low <= low"):
        await ward.view.change_limits("anna", low(80), "nurse")

    def full(*_: object, **__: object) -> NoReturn:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(ward.registry, "_put_rows", full)
    with pytest.raises(sqlite3.OperationalError):
        await ward.view.change_limits("anna", low(None), "nurse")
    with pytest.raises(sqlite3.OperationalError):
        await ward.view.pause_audio("anna", 60, "nurse")
    assert ward.board.limits("anna") == before == ward.view.limits("anna")
    assert ward.board.audio_pause_left_s("anna") == 0


async def test_nothing_is_prescribed_for_nobody(ward: WardKit) -> None:
    for ask in (ward.view.limits, ward.view.version):
        with pytest.raises(NotFound):
            ask("nobody")
    with pytest.raises(NotFound):
        await ward.view.change_limits("nobody", low(88), "nurse")
    with pytest.raises(NotFound):
        await ward.view.pause_audio("nobody", 60, "nurse")
    assert ward.board.subjects() == ["anna"]


async def test_zero_is_a_value(ward: WardKit) -> None:
    ward.give("ox", Measurement("etco2", 0.0))
    for _ in range(6):
        ward.second()
        ward.give("ox", Measurement("etco2", 0.0))
    alarms = await ward.recorded(RecordKind.ALARM)
    [event] = [r for r in alarms if r.payload["condition"] == "etco2_very_low"]
    assert event.payload["value"] == 0.0


async def test_an_acknowledgement_names_an_occurrence(ward: WardKit) -> None:
    def systolic(value: float) -> None:
        ward.give("ox", Measurement("nibp_systolic", value, valid_s=3600.0))
        ward.second()

    systolic(70)
    [seen] = ward.view.alarms("anna")
    await ward.view.acknowledge("anna", seen.condition, "nurse", seen.since_ns)
    systolic(120)
    systolic(60)
    with pytest.raises(Superseded):
        await ward.view.acknowledge("anna", seen.condition, "sleeper", seen.since_ns)
    [now] = ward.view.alarms("anna")
    assert (now.presence, now.text) == ("on", "SYS very low: 60 < 80")


async def test_a_worse_value_makes_an_event_and_the_text_follows(ward: WardKit) -> None:
    for value in (89, 89, 88, 86, 87, 85):
        for _ in range(6):
            ward.give("ox", Measurement("spo2", float(value)))
            ward.second()
    alarms = await ward.recorded(RecordKind.ALARM)
    told = [r.payload["value"] for r in alarms if r.payload["condition"] == "spo2_low"]
    assert told == [89.0, 88.0, 86.0, 85.0]
    [shown] = [live for live in ward.live.subjects() if live["id"] == "anna"]
    assert [a["text"] for a in shown["alarms"]] == ["SpO₂ low: 85 < 90%"]


async def test_newest_wins_by_its_own_time(ward: WardKit) -> None:
    now_ns = ward.clock.now().time_ns
    fever = Measurement("body_temperature", 39.6, time_ns=now_ns, valid_s=14400.0)
    ward.give("ox", fever)
    earlier = Measurement(
        "body_temperature", 36.8, time_ns=now_ns - 3 * 3600 * S, valid_s=14400.0,
        source=Source.MANUAL, author="nurse",
    )  # fmt: skip
    await ward.view.observe("anna", [earlier])
    ward.second()
    assert ward.shown("anna", "body_temperature")["value"] == 39.6
    assert ward.ingest.scores.inputs("anna")["body_temperature"].value == 39.6
    assert "body_temperature_high" in ward.alarms("anna")
