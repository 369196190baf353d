"""Rooms over HTTP: learners see readings, the holder of a room's key leads and sees the truth.

Learner scope needs the code only; instructor scope needs the header ``X-Room-Key``. The true state
leaves the gateway at ``/truth`` and ``/log`` alone, and only with the key; which case it is, also
in the answer to whoever opened the room. ``/cases`` is the catalogue, whatever runs.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, HTTPException
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import HTTPConnection

from teleward_gateway.classroom.rooms.fleet_client import NoDevices
from teleward_gateway.classroom.rooms.service import Room, RoomService, WrongKey
from teleward_gateway.classroom.rooms.visibility import actions
from teleward_signal.errors import Invalid, NotFound

router = APIRouter(tags=["rooms"])


class OpenRoom(BaseModel):
    """What room to open."""

    model_config = ConfigDict(extra="forbid")
    case: str
    seed: int | None = Field(None, ge=0, lt=2**31)
    exam: bool = False


class OrderRow(BaseModel):
    """One order; which further fields it needs depends on ``kind``."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    kind: str
    name: str | None = None
    dose: str | None = None
    to: float | None = None
    over: float | None = None
    rate: float | None = None
    fault: str | None = None
    sensor: str | None = None
    for_: float | None = Field(None, alias="for", gt=0, le=86400)
    value: float | None = None
    speed: float | None = None
    text: str | None = Field(None, max_length=2000)
    who: str | None = Field(None, max_length=40)
    result: str | None = Field(None, max_length=40)


class Orders(BaseModel):
    """Staged orders that take effect together."""

    model_config = ConfigDict(extra="forbid")
    orders: list[OrderRow] = Field(min_length=1, max_length=50)


class Ask(BaseModel):
    """What the worker is asked to find out."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(max_length=60)


class Act(BaseModel):
    """Commands to the worker."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(max_length=60)
    dose: str | None = Field(None, max_length=60)


class Rewind(BaseModel):
    """Where to go back to: a bookmark's text, or seconds of the room's time."""

    model_config = ConfigDict(extra="forbid")
    bookmark: str | None = None
    time_s: float | None = Field(None, gt=0)


_TURN = asyncio.Lock()
"""Requests to the rooms take turns: they run in threads, and a room is one patient."""


async def service_of(connection: HTTPConnection) -> AsyncIterator[RoomService]:
    """Give the rooms of this gateway to one request at a time."""
    service = getattr(connection.app.state, "rooms", None)
    if not isinstance(service, RoomService):
        raise NotFound("this gateway has no rooms: they belong to a simulated ward")
    async with _TURN:
        yield service


Service = Annotated[RoomService, Depends(service_of)]
Key = Annotated[str, Header(alias="X-Room-Key")]


def _led(service: RoomService, code: str, key: str) -> Room:
    try:
        return service.led(code, key)
    except WrongKey as error:
        raise HTTPException(403, str(error)) from None


@router.get("/cases")
def cases(service: Service) -> list[dict[str, Any]]:
    """Return the teaching cases and how each was reviewed."""
    return [
        {"id": case.id, "title": case.title, "difficulty": case.difficulty, "review": case.status,
         "competencies": list(case.competencies), "sources": list(case.sources)}
        for case in service.cases().values()
    ]  # fmt: skip


@router.post("/rooms", status_code=201)
def open_room(service: Service, request: OpenRoom) -> dict[str, Any]:
    """Open a room on a case, held at its start; the key is shown once."""
    try:
        room = service.open(request.case, time.monotonic(), request.seed, request.exam)
    except NoDevices as error:
        raise HTTPException(503, str(error)) from None
    return {"code": room.code, "key": room.key, "case": room.case.id, "review": room.case.status,
            "page": f"/bed/{room.subject}" if room.subject else None, "log": str(room.log.path),
            "start": room.opened_s, "devices": service.devices(room)}  # fmt: skip


@router.get("/rooms/{code}")
def view(service: Service, code: str) -> dict[str, Any]:
    """Return what learners see."""
    return service.view(service.room(code), time.monotonic())


@router.post("/rooms/{code}/findings")
def ask(service: Service, code: str, request: Ask) -> dict[str, float]:
    """Ask the worker to find something out; it stands in the room after ``wait_s`` seconds."""
    return {"wait_s": service.ask(service.room(code), request.name, time.monotonic())}


@router.get("/actions")
def menu() -> list[dict[str, str]]:
    """Return what can be done to a patient: name, label, unit of the dose; the same in any case."""
    return actions()


@router.post("/rooms/{code}/acts")
def act(service: Service, code: str, request: Act) -> dict[str, int]:
    """Have the worker do something: a learner's drug, shock, manoeuvre or disposition."""
    row = {"kind": "act", **request.model_dump(exclude_none=True)}
    return {"tick": service.send(service.room(code), [row], time.monotonic(), "learner")}


@router.post("/rooms/{code}/orders")
def send(service: Service, code: str, request: Orders, key: Key = "") -> dict[str, int]:
    """Carry out staged orders in one go: act, knob, rhythm, fault, clock, say, bookmark, end."""
    room = _led(service, code, key)
    rows = [row.model_dump(exclude_none=True, by_alias=True) for row in request.orders]
    return {"tick": service.send(room, rows, time.monotonic())}


@router.post("/rooms/{code}/rewind")
def rewind(service: Service, code: str, request: Rewind, key: Key = "") -> dict[str, int]:
    """Go back to a bookmark or a time and hold there."""
    room = _led(service, code, key)
    if request.bookmark is not None:
        tick = service.bookmark_tick(room, request.bookmark)
    elif request.time_s is not None:
        tick = int(request.time_s * 10)
    else:
        raise Invalid("give the place to go back to: bookmark or time_s")
    service.rewind(room, tick, time.monotonic())
    return {"tick": tick}


@router.get("/rooms/{code}/truth")
def truth(service: Service, code: str, key: Key = "") -> dict[str, Any]:
    """Return the true state, to the instructor."""
    return service.truth(_led(service, code, key), time.monotonic())


@router.get("/rooms/{code}/log")
def log(service: Service, code: str, key: Key = "") -> list[dict[str, Any]]:
    """Return every order so far, to the instructor."""
    room = _led(service, code, key)
    return [
        {"tick": order.tick, "kind": order.kind, "data": order.data}
        for order in room.patient.orders
    ]


@router.delete("/rooms/{code}", status_code=204)
def close(service: Service, code: str, key: Key = "") -> None:
    """Close the room and take its devices off; its log stays on disk."""
    service.close(_led(service, code, key))
