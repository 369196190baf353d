"""What learners ask for comes from the patient, in the patient's time, and stays what it was."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from teleward_gateway.classroom.rooms.orders import ActOrder, ClockOrder, OrderModel, RhythmOrder
from teleward_gateway.classroom.rooms.room import Room, RoomState
from teleward_gateway.classroom.rooms.service import RoomService, replay_log
from teleward_gateway.classroom.rooms.visibility import learner_view
from teleward_gateway.classroom.rooms.worker_results import strip_answer, strip_of
from teleward_simulators.cases.answers.strip import record


def running(folder: Path, case: str, speed: float, *orders: OrderModel) -> Room:
    """Return a room without devices whose case runs from its second 1."""
    room = RoomService(folder / "rooms").make("CODE01", case, 0.0, 2)
    room.state = RoomState.OPEN
    room.send([ClockOrder(speed=speed), *orders], 1.0)
    return room


def rows(room: Room, now_s: float) -> list[dict[str, Any]]:
    """Return the results as learners get them."""
    return [row.model_dump() for row in learner_view(room, now_s).results]


def test_findings_come_after_the_time_a_worker_needs(tmp_path: Path) -> None:
    room = running(tmp_path, "anaphylaxis-01", 0.0)
    wait_s = room.ask("auscultate", 2.0)
    assert learner_view(room, 60.0).findings == {}, "a held case finds nothing out"
    room.send([ClockOrder(speed=10)], 60.0)
    soon = learner_view(room, 60.5 + (wait_s - 5.0) / 10)
    assert (soon.findings, soon.results[0].status) == ({}, "waiting")
    later = learner_view(room, 61.5 + wait_s / 10)
    assert later.findings["auscultate"].startswith("Air enters"), "the wheeze comes later"
    assert wait_s <= later.results[0].sampled_s < wait_s + 1, "in the patient's time"


def test_what_is_not_in_the_catalogue_is_not_understood(tmp_path: Path) -> None:
    room = running(tmp_path, "dka-01", 10.0)
    assert room.ask("banana", 2.0) == 0.0
    assert room.ask("glucose", 2.0) == 45.0
    found = rows(room, 12.0)
    assert [row["status"] for row in found] == ["not understood", "ready"]
    assert "did not understand" in found[0]["text"]["en"]
    assert 400 < found[1]["values"][0]["value"] < 600
    assert found[1]["values"][0]["unit"] == "mg/dL"


def test_a_recorded_ecg_stays_what_it_was(tmp_path: Path) -> None:
    room = running(tmp_path, "svt-01", 30.0)
    room.ask("12 lead", 2.0)
    first = rows(room, 20.0)[0]["strip"]
    assert (first["fs"], first["seconds"], len(first["sha256"])) == (500, 10, 64)
    room.send([RhythmOrder(name="vf")], 21.0)
    assert rows(room, 60.0)[0]["strip"] == first
    sent = strip_answer(room, 0, 60.0)
    assert (sent.sha256, len(sent.microvolts)) == (first["sha256"], 12)
    with pytest.raises(LookupError, match="no 12-lead recording 7"):
        strip_answer(room, 7, 60.0)
    result = room.director.results()[0]
    found = strip_of(room, result)
    assert found is not None
    assert found.microvolts.shape == (12, 5000)
    assert hashlib.sha256(found.microvolts.tobytes()).hexdigest() == first["sha256"]
    again = record(replay_log(room.log.path, 60.0), result.at_s)
    assert again is not None
    assert again.sha256 == first["sha256"], "and from the log"


def test_what_was_asked_after_a_rewind_is_forgotten(tmp_path: Path) -> None:
    room = running(tmp_path, "sepsis-01", 10.0, ActOrder(name="lactate_check"))
    room.ask("temperature", 20.0)
    assert [row["item"] for row in rows(room, 30.0)] == ["lactate_check", "temperature"]
    room.rewind(150, 40.0)
    assert [row["item"] for row in rows(room, 41.0)] == ["lactate_check"]
