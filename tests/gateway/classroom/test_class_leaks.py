"""Planted words over every route, frame and file of the classroom, for every kind of phone.

The routes are read from the application, so that one added later is asked, too; a place in a path
without a value below fails the test.
"""

import asyncio
import contextlib
import json
import re
import stat
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import uvicorn
from fastapi import WebSocket
from starlette.routing import WebSocketRoute
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from teleward_gateway.classroom.rooms.room import Room
from teleward_gateway.classroom.rooms.visibility import TRUTH, true_state
from teleward_signal.model import SampleBlock
from teleward_simulators.physiology.actions import ACTIONS
from teleward_simulators.physiology.knobs import KNOBS
from teleward_simulators.physiology.record import FIELDS
from tests.gateway.classroom.conftest import Hour

PUBLIC = {"rhythm", "temperature", "spo2", "rr", "hr", "sbp", "t", "distress", "glucose", "sweat"}
"""Names of readings and everyday words."""
SECRET_NAMES = {*KNOBS, *FIELDS, *(name.lower() for name in TRUTH)} - PUBLIC - set(ACTIONS)
CATALOGUES = {"/api/v1/cases", "/api/v1/actions"}
"""The same whatever runs: they name every case and action."""
LAST = ("DELETE /api/v1/seat", "POST /api/v1/join")
FRAMES_S = 1.5
BODIES: dict[str, Any] = {
    "/api/v1/seat/asks": {"text": "auscultate"},
    "/api/v1/seat/orders": {"name": "oxygen", "dose": "10 L/min"},
    "/api/v1/seat/messages": {"to": "room", "text": "How is he?"},
    "/api/v1/seat/diagnosis": {"ranked": [["asthma", 0.5]]},
    "/api/v1/rooms/{code}/acts": {"name": "oxygen", "dose": "10 L/min"},
    "/api/v1/rooms/{code}/findings": {"name": "auscultate"},
}
FINDING, UNASKED, BOOKMARK, REMARK, ANSWER = (
    "zqxfinding", "zqxunasked", "zqxbookmark", "zqxremark", "zqxanswer"
)  # fmt: skip


def keys(value: Any) -> Iterator[str]:
    """Yield every key anywhere in a JSON value."""
    if isinstance(value, dict):
        for name, inside in value.items():
            yield name
            yield from keys(inside)
    elif isinstance(value, list):
        for inside in value:
            yield from keys(inside)


@dataclass
class Phone:
    """A browser and everything that it was sent."""

    client: httpx.AsyncClient
    role: str
    texts: list[tuple[str, str]] = field(default_factory=list)
    """Where it came from, and the text."""
    n_waves: int = 0
    done: set[str] = field(default_factory=set)
    """Routes that answered with a success."""


@contextlib.asynccontextmanager
async def served(hour: Hour) -> AsyncIterator[str]:
    """Serve the application on a free port; yield host and port."""
    config = uvicorn.Config(hour.app, port=0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await serving


def web_sockets(router: Any, prefix: str = "") -> Iterator[str]:
    """Yield the path of every WebSocket of a router and those included in it."""
    for route in router.routes:
        if isinstance(route, WebSocketRoute):
            yield prefix + route.path
        elif hasattr(route, "original_router"):
            yield from web_sockets(route.original_router, prefix + route.include_context.prefix)


def example(document: dict[str, Any], schema: dict[str, Any]) -> Any:
    """Return the smallest value of a JSON schema."""
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return example(document, schema[several][0])
    if "enum" in schema or "const" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    match schema.get("type"):
        case "object":
            inside = schema.get("properties", {})
            return {n: example(document, inside[n]) for n in schema.get("required", ())}
        case "array":
            item = schema.get("items", {"type": "string"})
            return [example(document, item)] * schema.get("minItems", 1)
        case "boolean":
            return True
        case "integer" | "number":
            return schema.get("minimum", 1)
    return "auscultate"


def filled(path: str, places: dict[str, str]) -> str:
    """Return an address; KeyError names a place that this test has no value for."""
    return re.sub(r"{(\w+)(?::\w+)?}", lambda found: places[found[1]], path)


async def ask_every_route(hour: Hour, phone: Phone, places: dict[str, str]) -> None:
    """Call every route that the document names, and every page."""
    document = hour.app.openapi()
    wanted = [
        (f"{method.upper()} {path}", method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    wanted.sort(key=lambda row: (row[0] in LAST, row[1] != "get", row[0]))
    for name, method, path, operation in wanted:
        body = BODIES.get(path)
        if body is None and (content := operation.get("requestBody", {}).get("content")):
            body = example(document, next(iter(content.values()))["schema"])
        answer = await phone.client.request(method, filled(path, places), json=body)
        assert answer.status_code < 500, name
        if answer.is_success:
            phone.done.add(name)
        if path not in CATALOGUES:
            phone.texts.append((name, answer.text))
    for page in ("/room", "/teach", "/wall", "/join", f"/j/{places['code']}", "/class/qr.svg"):
        phone.texts.append((page, (await phone.client.get(page)).text))


async def read_every_frame(hour: Hour, host: str, phone: Phone, places: dict[str, str]) -> set[str]:
    """Open every WebSocket for a while; return those that were served."""
    opened = set()
    cookie = SimpleCookie(dict(phone.client.cookies)).output(header="", sep=";").strip()
    for path in web_sockets(hour.app):
        address = f"ws://{host}{filled(path, places)}"
        with contextlib.suppress(TimeoutError, ConnectionClosed, InvalidStatus):
            async with connect(address, additional_headers={"Cookie": cookie}) as socket:
                await socket.send(json.dumps({"type": "rung", "rung": "full"}))
                async with asyncio.timeout(FRAMES_S):
                    while True:
                        message = await socket.recv()
                        opened.add(path)
                        if isinstance(message, str):
                            phone.texts.append((path, message))
                        else:
                            phone.n_waves += 1
    return opened


def truths(room: Room) -> list[str]:
    """Return what stands for the true state of a room, its case and its keys."""
    state = true_state(room, room.opened_s + room.patient.time_s)
    values = [*state.truth.values(), *state.knobs.values()]
    found = [repr(v)[:9] for v in values if isinstance(v, float) and len(repr(v)) > 9]
    found += [room.case.id, room.key, str(room.seed), str(room.log.path)]
    return found + [f'"{name}"' for dx in room.case.diagnosis.values() for name in dx]


async def feed(hour: Hour) -> None:
    """Publish an ECG of every room, as devices do."""
    fs, n, index = 250.0, 25, 0
    while True:
        samples = (1000 * np.sin(np.arange(index, index + n) / 5.0)).astype(np.int16)
        for running in hour.service.classes.values():
            for each in running.rooms.values():
                block = SampleBlock("ecg_ii", fs, samples, 0.001, index, time_ns=time.time_ns())
                hour.live.set_subject(each.room.subject, label="SIM")
                hour.live.publish_block(each.room.subject, block)
        index += n
        await asyncio.sleep(n / fs)


async def lead(teacher: httpx.AsyncClient) -> None:
    """Begin, and do what a learner must not read about."""
    assert (await teacher.post("/class/phase", json={"phase": "encounter"})).is_success
    orders = [
        {"kind": "fault", "fault": "motion", "sensor": "ox", "for": 600},
        {"kind": "bookmark", "text": BOOKMARK},
        {"kind": "knob", "name": "distress", "to": 0.3137},
        {"kind": "finding", "name": "auscultate", "text": FINDING},
        {"kind": "finding", "name": "reflexes", "text": UNASKED},
        {"kind": "clock", "speed": 20},
    ]
    assert (await teacher.post("/class/changes", json={"orders": orders})).is_success
    assert (await teacher.post("/class/bookmark", json={"text": BOOKMARK})).is_success
    question = {"text": "What now?", "options": ["a", "b"], "answer": ANSWER, "seconds": 300}
    assert (await teacher.post("/class/freeze", json=question)).is_success


async def phone_of(hour: Hour, host: str, role: str) -> Phone:
    """Join from a browser of its own."""
    client = await hour.client(f"http://{host}/api/v1")
    if role != "stranger":
        joined = await client.post("/join", json={"code": hour.code, "name": role})
        assert joined.is_success
    phone = Phone(client, role)
    client.base_url = httpx.URL(f"http://{host}")
    return phone


async def test_no_route_frame_or_file_holds_what_was_planted(hour: Hour, tmp_path: Path) -> None:
    async with served(hour) as host:
        operator = await hour.operator()
        body = {"case": "sepsis-01", "seed": 71234567, "exam": True}
        exam = (await operator.post("/rooms", json=body)).json()
        phones, teachers = [], []
        for lesson, roles in (("breathless", ("learner",)), ("hub-and-spoke", ("spoke", "hub"))):
            teacher = await hour.teacher(lesson)
            phones += [await phone_of(hour, host, role) for role in roles]
            other = await hour.learner("Neighbour")
            await lead(teacher)
            await other.post("/seat/messages", json={"to": "teacher", "text": REMARK})
            teachers.append(teacher)
        phones.append(await phone_of(hour, host, "stranger"))
        places = {
            "code": exam["code"], "number": "0", "seat": "s-1", "room": "r-1", "task": "t-1"
        }  # fmt: skip
        for phone in phones[:3]:  # the right answer stays back while the question is open
            screen = (await phone.client.get("/api/v1/seat")).text
            assert ANSWER not in screen
            phone.texts.append(("the question", screen))
        for teacher in teachers:
            await teacher.post("/class/thaw")
        work = [asyncio.create_task(each) for each in (hour.live.run(), feed(hour))]
        try:
            opened = {}
            for phone in phones:
                path = "/api/v1/seat/asks"
                if phone.role in ("spoke", "learner"):
                    await phone.client.post(path, json={"text": "auscultate"})
                    await found(phone)
                opened[phone.role] = await read_every_frame(hour, host, phone, places)
            for phone in phones:
                await ask_every_route(hour, phone, places)
        finally:
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)
        check(hour, phones, exam)
        assert opened["stranger"] == set()
        for role in ("learner", "spoke", "hub"):
            assert opened[role] == {"/api/v1/seat/stream"}
    folder = tmp_path / "rooms"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700  # logs of rooms hold the true state
    assert stat.S_IMODE((folder / "classroom.db").stat().st_mode) == 0o600


async def found(phone: Phone) -> None:
    """Wait until the worker has answered."""
    async with asyncio.timeout(60):
        while '"found"' not in (await phone.client.get("/api/v1/seat")).text:
            await asyncio.sleep(0.05)


def check(hour: Hour, phones: list[Phone], exam: dict[str, Any]) -> None:
    """Compare everything that was sent with what no phone may get."""
    rooms = list(hour.service.rooms.rooms.values())
    secrets = {UNASKED, BOOKMARK, REMARK, '"motion"', exam["key"], hour.app.state.operator_key}
    for room in rooms:
        secrets |= set(truths(room))
    for phone in phones:
        assert len(phone.texts) > 50
        own = secrets | ({FINDING} if phone.role in ("hub", "stranger") else set())
        for where, text in phone.texts:
            for secret in own:
                assert secret not in text, (phone.role, where, secret)
            if not text.startswith("{"):
                continue
            parsed = json.loads(text)
            if parsed.get("type") not in ("hello", "update"):  # these are of devices
                names = {name.lower() for name in keys(parsed)}
                assert not names & SECRET_NAMES, (phone.role, where)
    for running in hour.service.classes.values():
        wall = json.dumps(running.wall_view(0))
        assert not [secret for secret in secrets if secret in wall]
    learner, spoke, hub, stranger = phones
    assert any(FINDING in text for _, text in spoke.texts)  # what is planted can be found
    assert learner.n_waves > hub.n_waves > 0
    assert hub.n_waves <= 2 * FRAMES_S + 2  # lean: twice a second
    assert spoke.n_waves == stranger.n_waves == 0
    assert {"GET /api/v1/seat", "GET /api/v1/seat/items", "POST /api/v1/seat/asks",
            "POST /api/v1/seat/messages", "DELETE /api/v1/seat"} <= spoke.done  # fmt: skip
    teachers = {
        name for name in spoke.done if re.match(r"\w+ /api/v1/(class/|class$|lessons)", name)
    }
    assert teachers == {"GET /api/v1/class/languages"}


async def test_a_seat_is_served_its_class_only(hour: Hour) -> None:
    """A spoke without waves read them on the bed page, and a learner the exam of a neighbour."""
    for path in ("/ward", "/bed/sim-1", "/api/v1/subjects/sim-1", "/api/v1/stream"):
        hour.app.add_api_route(path, lambda: {"ward": True})
    teacher, learner = await hour.teacher(), await hour.learner()
    root = str(learner.base_url).removesuffix("/api/v1/")
    strayed = {"/ward": 307, "/bed/sim-1": 307, "/api/v1/subjects/sim-1": 403,
               "/api/v1/stream": 403, "/room": 200, "/api/v1/seat": 200}  # fmt: skip
    for path, status in strayed.items():
        answer = await learner.get(root + path)
        assert answer.status_code == status, path
    assert answer.json()["seat"]["name"] == "Hornbill"
    await no_socket_of_the_ward(hour, learner)
    teacher.cookies.update(dict(learner.cookies))  # who leads and sits in one browser sees both
    assert (await teacher.get(root + "/ward")).json() == {"ward": True}
    assert (await (await hour.client()).get(root + "/ward")).json() == {"ward": True}
    assert (await teacher.delete("/class")).is_success
    assert (await learner.get(root + "/ward")).json() == {"ward": True}


async def no_socket_of_the_ward(hour: Hour, learner: httpx.AsyncClient) -> None:
    """Check that the ward's live values are refused to a seat, and only to a seat."""

    async def live(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text("waves")

    hour.app.add_api_websocket_route("/api/v1/stream", live)
    cookie = SimpleCookie(dict(learner.cookies)).output(header="", sep=";").strip()
    async with served(hour) as host:
        address = f"ws://{host}/api/v1/stream"
        with pytest.raises(InvalidStatus):
            async with connect(address, additional_headers={"Cookie": cookie}):
                pass
        async with connect(address) as socket:
            assert await socket.recv() == "waves"
