"""What a class shows to whom: no learner's route, frame or wall holds the true state."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx

from teleward_gateway.classroom.operator_key import operator_key
from tests.gateway.classroom.conftest import Hour


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
