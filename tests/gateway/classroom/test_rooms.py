"""Rooms: the instructor leads, learners see readings, and the truth goes to nobody else."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import TypeAdapter

from teleward_gateway.api.problems import add_problems
from teleward_gateway.classroom.api.rooms import router
from teleward_gateway.classroom.rooms.orders import RoomOrder
from teleward_gateway.classroom.rooms.room import MOST_ASKED, MOST_ORDERS, Room, RoomState
from teleward_gateway.classroom.rooms.service import RoomService, replay_log
from teleward_gateway.classroom.rooms.visibility import TRUTH, learner_view, true_state
from teleward_gateway.commands.room import parse_order
from teleward_signal.errors import TooMany
from teleward_simulators.cases.source import make
from teleward_simulators.physiology.knobs import KNOBS

SECRET = {"truth", "knobs", "bookmarks", "key", *KNOBS, *(name.lower() for name in TRUTH)} - {
    "spo2", "rhythm", "t", "k", "g", "hr", "rr", "vt", "ph", "etco2"
}  # fmt: skip
"""Names that only the true state has; the rest are looked for by value."""


@pytest.fixture
def service(tmp_path: Path) -> RoomService:
    """Return rooms in a folder of their own."""
    return RoomService(tmp_path / "rooms")


ORDERS: TypeAdapter[list[RoomOrder]] = TypeAdapter(list[RoomOrder])


def opened(service: RoomService, case: str, now_s: float, seed: int) -> Room:
    """Return a room without devices."""
    room = service.make(f"CODE{len(service.rooms):02d}", case, now_s, seed)
    room.state = RoomState.OPEN
    service.rooms[room.code] = room
    return room


def send(room: Room, now_s: float, *orders: dict[str, Any]) -> int:
    """Send staged orders."""
    return room.send(ORDERS.validate_python(list(orders)), now_s)[0]


def test_a_room_is_held_until_started(service: RoomService) -> None:
    room = opened(service, "asthma-01", 100.0, 1)
    assert learner_view(room, 160.0).time_s == 0
    send(room, 160.0, {"kind": "clock", "speed": 10})
    assert 95 <= learner_view(room, 170.3).time_s <= 100
    send(room, 171.0, {"kind": "clock", "speed": 0})
    held = learner_view(room, 172.0).time_s
    assert learner_view(room, 300.0).time_s == held
    with pytest.raises(LookupError):
        service.room("XXXXXX")


def test_staged_orders_share_a_tick_and_a_bad_one_stops_all(service: RoomService) -> None:
    room = opened(service, "asthma-01", 0.0, 1)
    tick = send(
        room, 1.0,
        {"kind": "knob", "name": "bronch", "to": 0.8, "over": 60.0},
        {"kind": "rhythm", "name": "svt"},
        {"kind": "say", "text": "He is worse."},
        {"kind": "fault", "fault": "motion", "sensor": "ox", "for": 30.0},
    )  # fmt: skip
    assert {order.tick for order in room.patient.orders[1:]} == {tick}
    before = len(room.patient.orders)
    with pytest.raises(ValueError, match="no knob 'soul'"):
        send(room, 2.0, {"kind": "rhythm", "name": "vf"},
             {"kind": "knob", "name": "soul", "to": 1.0})  # fmt: skip
    assert len(room.patient.orders) == before
    truth = true_state(room, 10.0)
    assert truth.truth["rhythm"] == "svt"
    assert truth.faults[0].kind == "motion"
    assert learner_view(room, 10.0).messages[0].text == "He is worse."


def test_devices_in_another_process_live_the_same_patient(service: RoomService) -> None:
    room = opened(service, "tension-pneumothorax-01", 0.0, 9)
    source = make(room.devices()[0].source, 0)
    send(room, 2.0, {"kind": "clock", "speed": 10})
    assert source.numeric("spo2", 5.0) == room.sensors.numeric("spo2", 5.0)
    room.live(40.0)
    send(room, 40.0, {"kind": "act", "name": "needle_decompression"})
    room.live(60.0)
    for metric in ("heart_rate", "nibp_systolic", "spo2", "respiratory_rate"):
        assert source.numeric(metric, 59.0) == room.sensors.numeric(metric, 59.0)
    ours = room.sensors.waveform("ecg_ii", 250.0, 55 * 250, 500)
    assert (source.waveform("ecg_ii", 250.0, 55 * 250, 500) == ours).all()


def test_a_log_replays_to_the_same_body(service: RoomService) -> None:
    room = opened(service, "anaphylaxis-01", 0.0, 2)
    send(room, 0.5, {"kind": "clock", "speed": 10})
    room.live(30.0)
    send(room, 30.0, {"kind": "act", "name": "adrenaline_im", "dose": "0.5 mg"},
         {"kind": "bookmark", "text": "first dose"})  # fmt: skip
    room.live(60.0)
    again = replay_log(room.log.path, 60.0)
    assert again.body.snapshot() == room.patient.body.snapshot()
    rows = [json.loads(line) for line in room.log.path.read_text().splitlines()]
    assert rows[0]["room"] == room.subject
    assert room.code not in room.log.path.read_text()


def test_rewinding_to_a_bookmark(service: RoomService) -> None:
    room = opened(service, "asthma-01", 0.0, 2)
    send(room, 0.0, {"kind": "clock", "speed": 60})
    room.live(5.0)
    send(room, 5.0, {"kind": "bookmark", "text": "before"})
    room.live(6.0)
    before = true_state(room, 6.0).truth["HR"]
    send(room, 6.0, {"kind": "rhythm", "name": "vf"})
    assert true_state(room, 9.0).truth["rhythm"] == "vf"
    room.rewind(room.bookmark_tick("before"), 10.0)
    truth = true_state(room, 10.5).truth
    assert truth["rhythm"] == "sinus"
    assert abs(float(truth["HR"]) - float(before)) < 5
    assert replay_log(room.log.path, 6.0).body.rhythm == "sinus"


def test_devices_follow_a_rewind_without_a_hole(service: RoomService) -> None:
    """Their time goes on; what they measure is the patient of before, and then of now."""
    room = opened(service, "asthma-01", 100.0, 4)
    source = make(room.devices()[0].source, 0)
    send(room, 100.5, {"kind": "clock", "speed": 1})
    room.live(120.0)
    send(room, 120.0, {"kind": "bookmark", "text": "here"})
    send(room, 130.0, {"kind": "rhythm", "name": "vf"})
    room.live(160.0)
    assert source.numeric("heart_rate", 59.0) is None
    room.rewind(room.bookmark_tick("here"), 160.0)
    assert room.behind_s == pytest.approx(39.7, abs=0.05)
    send(room, 165.0, {"kind": "clock", "speed": 10}, {"kind": "act", "name": "sit_up"})
    room.live(190.0)
    for now_s in (162.0, 175.0, 189.0):
        theirs, ours = now_s - 100.0, room.time_s(now_s)
        for metric in ("heart_rate", "spo2", "nibp_systolic"):
            found = source.numeric(metric, theirs)
            assert found is not None
            assert found == room.sensors.numeric(metric, ours)
    wave = source.waveform("ecg_ii", 250.0, 85 * 250, 500)
    shift = round(room.behind_s * 250.0)
    assert (wave == room.sensors.waveform("ecg_ii", 250.0, 85 * 250 - shift, 500)).all()


def test_a_room_bounds_what_it_keeps(service: RoomService) -> None:
    room = opened(service, "asthma-01", 0.0, 4)
    for number in range(MOST_ASKED):
        room.ask(f"thing {number}", 1.0)
    with pytest.raises(TooMany, match="that is enough"):
        room.ask("one more", 1.0)
    room.patient.orders += room.patient.orders[-1:] * MOST_ORDERS
    with pytest.raises(TooMany, match="open another one"):
        send(room, 2.0, {"kind": "act", "name": "oxygen"})


def _names(value: Any) -> set[str]:
    """Return every key anywhere in a JSON value."""
    if isinstance(value, dict):
        return set(value) | {name for each in value.values() for name in _names(each)}
    if isinstance(value, list):
        return {name for each in value for name in _names(each)}
    return set()


async def test_no_learner_route_tells_the_truth(service: RoomService) -> None:
    app = FastAPI()
    app.state.rooms, app.state.operator_key = service, "the operator's key"
    app.include_router(router, prefix="/api/v1")
    add_problems(app)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/api/v1") as client:
        body = {"case": "sepsis-01", "seed": 4}
        assert (await client.post("/rooms", json=body)).status_code == 403
        operator = {"X-Operator-Key": "the operator's key"}
        opened = (await client.post("/rooms", json=body, headers=operator)).json()
        code, key = opened["code"], {"X-Room-Key": opened["key"]}
        room = f"/rooms/{code}"
        orders = {"orders": [{"kind": "clock", "speed": 60}]}
        assert (await client.post(f"{room}/orders", headers=key, json=orders)).status_code == 200
        assert await learner_routes(client, app, code) >= 3
        for path in ("truth", "log"):
            assert (await client.get(f"{room}/{path}")).status_code == 403
            wrong = {"X-Room-Key": "no"}
            assert (await client.get(f"{room}/{path}", headers=wrong)).status_code == 403
        truth = (await client.get(f"{room}/truth", headers=key)).json()
        assert truth["truth"]["HR"] > 0
        shown = (await client.get(room)).json()
        assert shown["review"] == "unreviewed"
        assert shown["opening"]["hi"]
        assert "sepsis" not in json.dumps(shown)
        assert (await client.get("/cases")).json()[0]["review"] == "unreviewed"
        assert (await client.delete(room, headers=key)).status_code == 204


async def learner_routes(client: httpx.AsyncClient, app: FastAPI, code: str) -> int:
    """Ask every route without a key; return how many answered, none with a secret name."""
    answered = 0
    bodies: dict[str, Any] = {
        "findings": {"name": "look"},
        "acts": {"name": "oxygen", "dose": "10 L/min"},
        "orders": {"orders": [{"kind": "act", "name": "oxygen"}]},
        "rewind": {"time_s": 1},
    }
    for path, methods in app.openapi()["paths"].items():
        for method in methods:
            if method == "post" and path.endswith("/rooms"):
                continue
            url = path.removeprefix("/api/v1").replace("{code}", code).replace("{number}", "0")
            body = bodies.get(path.rsplit("/", 1)[-1]) if method == "post" else None
            answer = await client.request(method, url, json=body)
            if answer.status_code == 403 or (answer.status_code == 404 and "strips" in path):
                continue
            assert answer.is_success, (path, answer.text)
            answered += 1
            assert not _names(answer.json()) & SECRET, path
    return answered


def test_no_device_of_a_case_measures_what_no_sensor_can(service: RoomService) -> None:
    room = opened(service, "opioid-01", 0.0, 4)
    for metric in ("pco2", "etco2", "capnogram", "glucose"):
        assert metric not in room.sensors.metrics()
        assert room.sensors.numeric(metric, 5.0) is None


def test_orders_from_the_command_line() -> None:
    assert parse_order("act:oxygen:10L/min") == {
        "kind": "act", "name": "oxygen", "dose": "10L/min"
    }  # fmt: skip
    assert parse_order("knob:bronch:0.8:60")["over"] == 60.0
    assert parse_order("fault:motion:ox:60")["sensor"] == "ox"
    assert parse_order("fault:drop:ox:30:0.2")["value"] == 0.2
    with pytest.raises(ValueError, match="is no order"):
        parse_order("knob:bronch")


def test_only_the_classroom_can_know_the_truth() -> None:
    """The gateway's own code reaches patients through bytes of devices: it imports no model."""
    import teleward_gateway

    package = Path(teleward_gateway.__file__).parent
    knowing = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        for part in ("physiology", "cases", "sensors", "rhythms")
        if f"teleward_simulators.{part}" in path.read_text(encoding="utf-8")
    }
    allowed = ("classroom/", "bench/", "training/", "commands/cases", "demo/show.py")
    assert {name for name in knowing if not name.startswith(allowed)} == set()
