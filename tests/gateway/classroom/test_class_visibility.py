"""What a class shows to whom: no learner's route, frame or wall holds the true state."""

import asyncio
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from teleward_gateway.classroom.api import class_streams
from teleward_gateway.classroom.classes import rules
from teleward_gateway.classroom.classes.state import Seat
from teleward_gateway.classroom.operator_key import operator_key
from teleward_gateway.classroom.rooms.visibility import TRUTH, true_state
from teleward_gateway.live import LiveHub
from teleward_signal.model import SampleBlock
from teleward_simulators.physiology.actions import ACTIONS
from teleward_simulators.physiology.knobs import KNOBS
from teleward_simulators.physiology.record import FIELDS
from tests.gateway.classroom.conftest import Hour

PUBLIC = {"rhythm", "temperature", "spo2", "rr", "hr", "sbp", "t", "distress", "glucose", "sweat"}
"""Names of readings and everyday words."""
SECRET_NAMES = {*KNOBS, *FIELDS, *(name.lower() for name in TRUTH)} - PUBLIC - set(ACTIONS)
LEARNERS = ("/seat", "/seat/items?q=", "/seat/actions?q=", "/lessons", "/cases", "/actions")


def keys(value: Any) -> Iterator[str]:
    """Yield every key anywhere in a JSON value."""
    if isinstance(value, dict):
        for name, inside in value.items():
            yield name
            yield from keys(inside)
    elif isinstance(value, list):
        for inside in value:
            yield from keys(inside)


async def encounter(hour: Hour, lesson: str, n: int) -> tuple[httpx.AsyncClient, list[Any]]:
    """Return the teacher and ``n`` learners of an encounter that has been led a little."""
    teacher = await hour.teacher(lesson)
    learners = [await hour.learner(f"L{i}") for i in range(n)]
    await teacher.post("/class/phase", json={"phase": "encounter"})
    orders = [
        {"kind": "fault", "fault": "motion", "sensor": "ox", "for": 60},
        {"kind": "bookmark", "text": "zqxsecretbookmark"},
        {"kind": "knob", "name": "distress", "to": 0.31},
    ]
    assert (await teacher.post("/class/changes", json={"orders": orders})).is_success
    for learner in learners:
        await learner.post("/seat/asks", json={"text": "auscultate"})
        await learner.post("/seat/orders", json={"name": "oxygen", "dose": "10 L/min"})
    await asyncio.sleep(1.0)
    return teacher, learners


def secrets(hour: Hour) -> list[str]:
    """Return texts that no learner may read: the case, its key, the true values."""
    [running] = hour.service.classes.values()
    found = ["zqxsecretbookmark", "seed", "unstable"]
    for each in running.rooms.values():
        room = each.room
        state = true_state(room, room.opened_s + room.patient.time_s)
        values = [*state.truth.values(), *state.knobs.values()]
        found += [repr(v)[:9] for v in values if isinstance(v, float) and len(repr(v)) > 9]
        found += [f'"{room.case.id}"', f'"{room.key}"']
        found += [f'"{name}"' for dx in room.case.diagnosis.values() for name in dx]
    return found


async def test_no_learners_route_or_frame_holds_the_truth(hour: Hour) -> None:
    teacher, learners = await encounter(hour, "breathless", 2)
    [running] = hour.service.classes.values()
    told = []
    for learner in learners:
        for path in LEARNERS:
            answer = await learner.get(path)
            assert answer.is_success, path
            if path not in ("/cases", "/lessons"):  # catalogues, whatever runs
                told.append(answer.text)
                assert not {name.lower() for name in keys(answer.json())} & SECRET_NAMES, path
    told += [json.dumps(running.screen(seat)) for seat in running.state.present()]
    told.append(json.dumps(running.wall_view(0)))
    for text in told:
        for secret in secrets(hour):
            assert secret not in text, secret
    board = (await teacher.get("/class")).text
    assert '"asthma-01"' in board  # the teacher sees it
    planted = {**json.loads(told[0]), "blood_ml": 1}
    assert {name.lower() for name in keys(planted)} & SECRET_NAMES  # a leak is found


async def test_the_code_stands_on_no_public_answer(hour: Hour) -> None:
    await encounter(hour, "breathless", 1)
    stranger = await hour.client()
    [running] = hour.service.classes.values()
    for path in ("/lessons", "/cases", "/actions", "/rooms/ABC234", "/seat", "/class"):
        assert hour.code not in (await stranger.get(path)).text, path
    for each in running.rooms.values():
        assert hour.code.lower() not in each.room.subject
        answer = await stranger.get(f"/rooms/{each.room.code}")
        assert answer.status_code == 404


async def test_the_wall_shows_names_only_while_the_teacher_wants_it(hour: Hour) -> None:
    teacher, *_ = await encounter(hour, "breathless", 2)
    [running] = hour.service.classes.values()
    name = running.state.present()[0].name
    for shown in (False, True, False):
        assert (await teacher.post("/class/wall", json={"on": shown})).status_code == 204
        assert (name in json.dumps(running.wall_view(0))) is shown
    stranger = await hour.client()
    assert (await stranger.post("/class/wall", json={"on": True})).status_code == 403


async def test_a_learner_opens_no_room_and_tries_no_codes(hour: Hour) -> None:
    """An own room on every case, and the truth of it, gave an exam away in a second."""
    await encounter(hour, "breathless", 1)
    learner = await hour.learner("Kite")
    for key in (
        "",
        "x",
        hour.code,
        learner.cookies["teleward_seat"],
        hour.app.state.operator_key[:-1],
    ):
        learner.headers["X-Operator-Key"] = key
        for path, body in (
            ("/rooms", {"case": "asthma-01"}),
            ("/classes", {"lesson": "breathless"}),
        ):
            assert (await learner.post(path, json=body)).status_code == 403
        assert (await learner.post("/operator", json={"key": f"{key}12345678"})).status_code == 403
    operator = await hour.operator()
    opened = (await operator.post("/rooms", json={"case": "asthma-01", "seed": 1})).json()
    closed = (await operator.post("/rooms", json={"case": "asthma-01", "seed": 1})).json()
    hour.service.rooms.guard._now_s = lambda: 7.0  # however slow this machine is
    key = {"X-Room-Key": closed["key"]}
    assert (await operator.delete(f"/rooms/{closed['code']}", headers=key)).status_code == 204
    for _ in range(60):  # a page of a room that was closed goes on asking
        assert (await learner.get(f"/rooms/{closed['code']}")).status_code == 404
    tried = [(await learner.get(f"/rooms/AB{n:04d}")).status_code for n in range(60)]
    assert tried.count(404) <= 22
    assert tried[-1] == 429
    assert (await learner.get(f"/rooms/{opened['code']}")).status_code == 429


async def test_the_operators_browser_keeps_the_key(hour: Hour) -> None:
    browser = await hour.client()
    key = {"key": hour.app.state.operator_key}
    assert (await browser.post("/operator", json=key)).status_code == 204
    assert (await browser.post("/classes", json={"lesson": "breathless"})).status_code == 201


def test_the_operators_key_is_for_its_user_alone(tmp_path: Path) -> None:
    key = operator_key(tmp_path)
    assert (tmp_path / "operator-key").stat().st_mode & 0o777 == 0o600
    assert operator_key(tmp_path) == key
    (tmp_path / "operator-key").chmod(0o644)
    other = operator_key(tmp_path)
    assert other != key
    assert operator_key(tmp_path / "no" / "folder") not in ("", key, other)


async def test_a_room_of_their_own_tells_nothing_of_the_class(hour: Hour) -> None:
    await encounter(hour, "breathless", 1)
    learner = await hour.operator()
    opened = (await learner.post("/rooms", json={"case": "asthma-01", "seed": 1})).json()
    key = {"X-Room-Key": opened["key"], "X-Class-Key": opened["key"]}
    for path in ("/class", "/class/events", "/class/rooms/r-1/truth"):
        assert (await learner.get(path, headers=key)).status_code == 403
    [running] = hour.service.classes.values()
    [exam] = running.rooms.values()
    answers = [
        (await learner.get(f"/rooms/{opened['code']}/{path}", headers=key)).text
        for path in ("truth", "log")
    ]
    for text in (*answers, json.dumps(opened)):
        assert exam.room.subject not in text
        assert exam.room.key not in text
        assert str(exam.room.seed) not in text


async def test_the_hub_never_receives_findings(hour: Hour) -> None:
    teacher, (spoke, hub) = await encounter(hour, "hub-and-spoke", 2)
    await teacher.post("/class/changes", json={"orders": [{"kind": "clock", "speed": 30}]})
    assert (await hub.post("/seat/asks", json={"text": "skin"})).status_code == 403
    await spoke.post("/seat/messages", json={"to": "room", "text": "Fever for three days, BP low"})
    async with asyncio.timeout(60):
        while not any(
            line["what"] == "found" for line in (await spoke.get("/seat")).json()["lines"]
        ):
            await asyncio.sleep(0.1)
    screen = (await hub.get("/seat")).json()
    assert {line["what"] for line in screen["lines"]} <= {"message", "consult", "handover_readback"}
    assert any("three days" in line.get("text", "") for line in screen["lines"])
    assert screen["room"]["figure"] is None
    assert (await spoke.get("/seat")).json()["room"]["figure"] is not None


async def test_no_frame_goes_beyond_the_rung_of_the_role(hour: Hour) -> None:
    """Every frame of two seconds: the spoke gets no wave, the hub them twice a second at most."""
    await encounter(hour, "hub-and-spoke", 2)
    [running] = hour.service.classes.values()
    hub_seat: Seat = next(s for s in running.state.present() if s.role == "hub")
    spoke: Seat = next(s for s in running.state.present() if s.role == "spoke")
    assert rules.rung_of(running.state, hub_seat, running.lesson.link) == "lean"
    [each] = running.rooms.values()
    live: LiveHub = hour.live
    live.set_subject(each.room.subject, label="SIM")
    ticking = asyncio.create_task(live.run())
    feeding = asyncio.create_task(_feed(live, each.room.subject))
    try:
        counts = {}
        for seat in (spoke, hub_seat):
            pages = class_streams._Pages(running, seat)
            socket = Recorder()
            sending = asyncio.create_task(pages.send(socket))  # type: ignore[arg-type]
            await asyncio.sleep(0.5)
            pages.answer({"type": "rung", "rung": "full"})  # asks for more than the role has
            await asyncio.sleep(2.0)
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            pages.close()
            counts[seat.role] = (socket.n_text, socket.n_waves)
    finally:
        for task in (ticking, feeding):
            task.cancel()
        await asyncio.gather(ticking, feeding, return_exceptions=True)
    assert counts["spoke"][1] == 0
    assert counts["spoke"][0] >= 1
    assert 1 <= counts["hub"][1] <= 7


class Recorder:
    """Counts what a socket is sent."""

    def __init__(self) -> None:
        self.n_text = self.n_waves = 0

    async def send_text(self, text: str) -> None:
        """Count a text; waves are described there, never carried."""
        self.n_text += 1
        assert not re.search(r'"samples"', text)

    async def send_bytes(self, data: bytes) -> None:
        """Count a message with waves."""
        self.n_waves += 1


async def _feed(live: LiveHub, subject: str) -> None:
    """Publish an ECG as a device does."""
    fs, n, index = 250.0, 25, 0
    while True:
        samples = (1000 * np.sin(np.arange(index, index + n) / 5.0)).astype(np.int16)
        block = SampleBlock("ecg_ii", fs, samples, 0.001, index, time_ns=time.time_ns())
        live.publish_block(subject, block)
        index += n
        await asyncio.sleep(n / fs)
