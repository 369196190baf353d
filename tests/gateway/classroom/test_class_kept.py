"""What a class keeps through a rewind, a handover, a removal and a log that refuses."""

import asyncio
import json
from typing import Any

import pytest

from teleward_gateway.classroom.api import class_streams
from teleward_gateway.classroom.classes.orders_search import search_orders
from teleward_gateway.classroom.classes.screen import screen
from teleward_gateway.classroom.classes.screen_types import RoomFacts
from teleward_gateway.classroom.classes.state import folded
from teleward_gateway.classroom.events import Event, kinds
from teleward_gateway.classroom.events.timeline import orders, waiting
from teleward_signal.errors import Unavailable
from teleward_simulators.cases.action_words import action_words
from teleward_simulators.physiology.actions import ACTIONS
from tests.gateway.classroom.conftest import Hour


def event(seq: int, body: kinds.Body, seat: str | None = None, branch: int = 0) -> Event:
    """Return an event of room r-1."""
    return Event("c-1", body, "r-1", seat, 0, 0, branch, "", seq)


FACTS: RoomFacts = {
    "opening": {"en": "blue lips"},
    "review": "draft",
    "record": None,
    "person": {"age": 60, "sex": "f"},
    "time_s": 0,
    "speed": 1.0,
    "readings": {},
    "queue": {"away_s": 0, "items": []},
    "figure": {"breaths": 20.0, "effort": 0.0, "blue": 1.0, "sweat": 0.0},
}


def relay() -> list[Event]:
    """Return the log of a relay: A asks, acts and hands over to B."""
    opened = kinds.ClassOpened(lesson="night-handover", title={"en": "Night"}, mode="relay")
    room = kinds.RoomOpened(subject="sim-1", case="handover-01", case_version=1, seed=1)
    return [
        Event("c-1", opened, None, None, 0, 0, 0, "", 1),
        Event("c-1", kinds.SeatJoined(name="A"), None, "s-1", 0, 0, 0, "", 2),
        Event("c-1", kinds.SeatJoined(name="B"), None, "s-2", 0, 0, 0, "", 3),
        event(4, room),
        event(5, kinds.SeatPlaced(role="pen"), "s-1"),
        event(6, kinds.SeatPlaced(role="watcher"), "s-2"),
        event(7, kinds.ActDone(task="t", name="oxygen", tick=10), "s-1"),
        event(8, kinds.HandoverGiven(identity="A", situation="B", background="C",
                                     assessment="D", recommendation="E"), "s-1"),
        event(9, kinds.HandoverTaken(from_seat="s-1"), "s-2"),
        event(10, kinds.SeatPlaced(role="watcher"), "s-1"),
        event(11, kinds.SeatPlaced(role="pen"), "s-2"),
        event(12, kinds.ActDone(task="u", name="sit_up", tick=20), "s-2"),
    ]  # fmt: skip


def test_after_a_restart_the_heir_sees_no_more_than_before() -> None:
    events = relay()
    state = folded("c-1", events)
    of_room = [each for each in events if each.room == "r-1"]
    shown = screen(state, state.seats["s-2"], of_room, {**FACTS, "time_s": 600}, 0, relay_s=480)
    assert [line.get("name") for line in shown["lines"]] == ["sit_up"]
    room = shown["room"]
    assert room is not None
    assert room["handed_over"].endswith("R E")
    assert room["relay_due"] is False


def test_the_pen_is_reminded_when_the_handover_is_due() -> None:
    events = relay()[:7]
    state = folded("c-1", events)
    for time_s, due in ((479, False), (480, True)):
        facts: RoomFacts = {**FACTS, "time_s": time_s}
        pen = screen(state, state.seats["s-1"], [], facts, 0, 480)["room"]
        heir = screen(state, state.seats["s-2"], [], facts, 0, 480)["room"]
        assert pen is not None
        assert heir is not None
        assert (pen["relay_due"], heir["relay_due"]) == (due, False)


def test_what_was_done_before_a_bookmark_stays_done_after_a_rewind() -> None:
    events = relay()
    rewound = kinds.ClassRewound(to_tick=15, from_branch=0, behind_s=1.0)
    state = folded("c-1", [*events, event(13, rewound, branch=1)])
    assert state.rooms["r-1"].done == ["oxygen"]


def test_the_hub_gets_neither_the_opening_nor_what_the_worker_is_written() -> None:
    events = relay()[:7]
    state = folded("c-1", events)
    state.mode = "hub_spoke"
    state.seats["s-1"].role, state.seats["s-2"].role = "spoke", "hub"
    said = [
        event(20, kinds.Message(who="s-1", to="worker", text="is he blue"), "s-1"),
        event(21, kinds.Message(who="worker", text="he is blue")),
        event(22, kinds.Message(who="s-1", to="room", text="he needs help"), "s-1"),
    ]
    shown = json.dumps(screen(state, state.seats["s-2"], said, FACTS, 0))
    assert "blue" not in shown.replace('"figure"', "")
    assert "he needs help" in shown


async def test_a_class_that_cannot_be_written_gives_no_seat(
    hour: Hour, monkeypatch: pytest.MonkeyPatch
) -> None:
    await hour.teacher()
    [running] = hour.service.classes.values()

    async def full(*_: Any) -> list[Event]:
        raise Unavailable("the class log cannot be written now (disk full); free some space")

    learner = await hour.client()
    with monkeypatch.context() as patched:
        patched.setattr(hour.service.log, "append", full)
        answer = await learner.post("/join", json={"code": hour.code, "name": "Hornbill"})
    assert answer.status_code == 503
    assert running.state.present() == []
    assert (await hour.learner()).cookies


async def test_two_tabs_of_a_phone_have_one_seat(hour: Hour) -> None:
    teacher = await hour.teacher()
    phone = await hour.learner()
    tab = await hour.client()
    tab.cookies.update(dict(phone.cookies))
    hour.service._tries.clear()
    again = (await tab.post("/join", json={"code": hour.code, "name": "Other"})).json()
    assert (again["again"], again["name"]) == (True, "Hornbill")
    await teacher.post("/class/phase", json={"phase": "encounter"})
    for each in (phone, tab):
        assert (await each.post("/seat/hand", json={"up": True})).is_success
        assert (await each.get("/seat")).json()["seat"]["hand"] is True
    [running] = hour.service.classes.values()
    assert len(running.state.present()) == 1


async def test_the_code_of_a_closed_class_has_its_sentence(hour: Hour) -> None:
    teacher = await hour.teacher()
    learner = await hour.learner()
    assert (await teacher.delete("/class")).is_success
    hour.service._tries.clear()
    answer = await learner.post("/join", json={"code": hour.code, "name": "Late"})
    assert (answer.status_code, "no class has this code" in answer.text) == (404, True)
    answer = await learner.get("/seat")
    assert (answer.status_code, "join by the code" in answer.text) == (403, True)


class Socket:
    """Keeps what it is sent."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    async def send_text(self, text: str) -> None:
        """Keep a message."""
        self.sent.append(json.loads(text))


async def test_a_removed_learner_is_shown_the_door(hour: Hour) -> None:
    teacher = await hour.teacher()
    learner = await hour.learner()
    [running] = hour.service.classes.values()
    [seat] = running.state.present()
    socket = Socket()
    sending = asyncio.create_task(
        class_streams._send_screens(socket, running, seat)  # type: ignore[arg-type]
    )
    await asyncio.sleep(0.1)
    assert (await teacher.delete(f"/class/seats/{seat.id}")).is_success
    async with asyncio.timeout(10):
        await sending
    assert socket.sent[-1]["gone"] is True
    answer = await learner.get("/seat")
    assert (answer.status_code, "join again by the code" in answer.text) == (404, True)


@pytest.mark.parametrize("text", ["oxygen", "ऑक्सीजन", "aaksijan", "ऑक्सी"])
def test_orders_are_found_in_english_hindi_and_latin_letters(text: str) -> None:
    assert "oxygen" in [item.name for item in search_orders(text, usual=True)]


def test_every_action_has_its_words() -> None:
    assert set(action_words()) == {name for name, a in ACTIONS.items() if not a.counted}
    assert search_orders("", usual=True) == []
    assert all(words.hi for words in action_words().values())


async def test_an_order_waits_while_the_worker_is_away(hour: Hour) -> None:
    teacher, learner = await hour.teacher(), await hour.learner()
    await teacher.post("/class/phase", json={"phase": "encounter"})
    [running] = hour.service.classes.values()
    [mine] = running.rooms.values()
    async with mine.room.lock:
        director = mine.room.director
        director.state.away = director.state.step + 600
    order = (await learner.post("/seat/orders", json={"name": "oxygen", "dose": "10 L/min"})).json()
    await learner.post(f"/seat/orders/{order['task']}", json={"yes": True})
    assert (await teacher.get("/class")).json()["rows"][0]["met"] == 0
    await asyncio.sleep(0.5)  # two looks: the order has reached a bedside without a worker

    async def lines() -> list[str]:
        screen = (await learner.get("/seat")).json()
        return [line["what"] for line in screen["lines"] if line.get("task") == order["task"]]

    assert await lines() == ["order", "readback", "waiting"]
    assert (await learner.get("/seat")).json()["room"]["queue"]["away_s"] > 0
    await teacher.post("/class/changes", json={"orders": [{"kind": "clock", "speed": 60}]})
    async with asyncio.timeout(60):
        while "done" not in await lines():
            await asyncio.sleep(0.1)
    given = [each.name for each in mine.room.patient.body.vital.given]
    assert given.count("oxygen") == 1
    shown = (await learner.get("/seat")).json()["lines"]
    spoken = [line["texts"]["hi"] for line in shown if line["what"] in ("message", "readback")]
    assert "ऑक्सीजन 10 L/min" in spoken, "the worker speaks the learner's language"
    assert any("लौटे नहीं" in text for text in spoken)
    events = (await teacher.get("/class/events")).json()
    [done] = [each for each in events if each["kind"] == "act.done"]
    assert (done["body"]["waited"], done["seat"]) == (True, "s-1")
    row = (await teacher.get("/class")).json()["rows"][0]
    assert (row["met"], row["last_act"]) == (1, "oxygen 10 L/min")
    assert row["last_labels"]["hi"].endswith(" 10 L/min")


def test_a_patient_lives_again_what_was_ordered_once_and_as_it_was_meant() -> None:
    meant = kinds.ActDone(task="a", name="salbutamol", dose="50 mg", tick=5, confirmed=True)
    wait = kinds.ActWaiting(task="b", name="oxygen", dose="10 L/min", tick=7)
    done = kinds.ActDone(task="b", name="oxygen", dose="10 L/min", tick=90, waited=True)
    lacking = kinds.ActRefused(task="c", name="dialysis", reason="not here", tick=9)
    dropped = kinds.ActRefused(task="d", name="adrenaline", dose="1 mg", reason="changed")
    rows = [event(n, body, "s-1") for n, body in enumerate((meant, wait, done, lacking, dropped))]
    assert [(each.tick, each.data) for each in orders(rows, "r-1")] == [
        (5, {"name": "salbutamol", "dose": "50 mg", "confirmed": True}),
        (7, {"name": "oxygen", "dose": "10 L/min"}),
        (9, {"name": "dialysis"}),
    ]
    assert waiting(rows) == []
    assert [each.body for each in waiting(rows[:2])] == [wait]
