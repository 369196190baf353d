"""Rooms over HTTP: learners see readings, the holder of a room's key leads and sees the truth.

Learner scope needs the code only, instructor scope the header ``X-Room-Key``, opening a room the
operator's key. The true state
leaves the gateway at ``/truth`` and ``/log`` alone, and only with the key; which case it is, also
in the answer to the person who opened the room. ``/cases`` is the catalogue, whatever runs.
"""

import asyncio
import secrets
import time
from typing import Annotated

from fastapi import APIRouter, Depends, Header
from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator
from starlette.requests import HTTPConnection

from teleward_gateway.classroom.api.who import OPERATOR
from teleward_gateway.classroom.rooms.orders import ActOrder, RoomOrder, order_kinds
from teleward_gateway.classroom.rooms.room import Room
from teleward_gateway.classroom.rooms.service import RoomService, WrongKey
from teleward_gateway.classroom.rooms.visibility import (
    ActionAnswer,
    LearnerView,
    TrueState,
    actions,
    learner_view,
    true_state,
)
from teleward_gateway.classroom.rooms.worker_results import StripAnswer, strip_answer
from teleward_signal.errors import Invalid, NotFound
from teleward_simulators.fleet import DeviceSpec
from teleward_simulators.physiology.patient import TICKS_PER_S

router = APIRouter(tags=["rooms"])


class OpenRoom(BaseModel):
    """What room to open."""

    model_config = ConfigDict(extra="forbid")
    case: str = Field(max_length=200)
    seed: int | None = Field(None, ge=0, lt=2**31)
    exam: bool = False


class Orders(BaseModel):
    """Staged orders that take effect together."""

    model_config = ConfigDict(extra="forbid")
    orders: list[RoomOrder] = Field(min_length=1, max_length=50)


class Ask(BaseModel):
    """What the worker is asked to find out."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(max_length=60)


class Act(BaseModel):
    """What the worker is asked to do."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(max_length=60)
    dose: str | None = Field(None, max_length=60)


class Rewind(BaseModel):
    """Where to go back to: a bookmark's text, or seconds of the room's time."""

    model_config = ConfigDict(extra="forbid")
    bookmark: str | None = Field(None, max_length=200)
    time_s: float | None = Field(None, gt=0, le=86400)

    @model_validator(mode="after")
    def _one(self) -> "Rewind":
        if (self.bookmark is None) == (self.time_s is None):
            raise Invalid("give the bookmark or time_s to go back to")
        return self


class CaseAnswer(BaseModel):
    """A teaching case of the catalogue."""

    id: str
    title: dict[str, str]
    difficulty: int
    review: str
    competencies: list[str]
    sources: list[str]


class OpenedRoom(BaseModel):
    """A room that is open; the key is shown once."""

    code: str
    key: str
    case: str
    review: str
    subject: str
    page: str | None
    log: str
    start: float
    devices: list[DeviceSpec]


class Wait(BaseModel):
    """Seconds until the worker will have found it out."""

    wait_s: float


class Tick(BaseModel):
    """The tenth of a second of the room's time at which orders take effect."""

    tick: int


class LogRow(BaseModel):
    """One order of the log; ``kind`` decides what its data has."""

    model_config = ConfigDict(json_schema_extra=lambda schema: schema.update(oneOf=order_kinds()))
    tick: int
    kind: str
    data: dict[str, JsonValue]


def service_of(connection: HTTPConnection) -> RoomService:
    """Return the rooms of this gateway (a FastAPI dependency)."""
    service = getattr(connection.app.state, "rooms", None)
    if not isinstance(service, RoomService):
        raise NotFound("this gateway has no rooms: set classroom.enabled on a simulated ward")
    return service


Service = Annotated[RoomService, Depends(service_of)]
Key = Annotated[str, Header(alias="X-Room-Key")]


def room_of(connection: HTTPConnection, service: Service, code: str) -> Room:
    """Return the room of a code; raises NotFound, and TooMany after many wrong ones."""
    client = connection.client.host if connection.client else ""
    service.guard.check(client)
    try:
        return service.room(code)
    except NotFound:
        if not service.was_open(code):
            service.guard.wrong(client)
        raise


Found = Annotated[Room, Depends(room_of)]


def led_room(room: Found, key: Key = "") -> Room:
    """Return the room to the holder of its key; raises WrongKey."""
    if not secrets.compare_digest(room.key.encode(), key.encode()):
        raise WrongKey("this needs the instructor's key")
    return room


Led = Annotated[Room, Depends(led_room)]


@router.get("/cases")
async def cases(service: Service) -> list[CaseAnswer]:
    """Return the teaching cases and how each was reviewed."""
    return [
        CaseAnswer(
            id=case.id,
            title=case.title,
            difficulty=case.difficulty,
            review=case.status,
            competencies=list(case.competencies),
            sources=list(case.sources),
        )
        for case in (await asyncio.to_thread(service.cases)).values()
    ]


@router.post("/rooms", status_code=201, dependencies=OPERATOR)
async def open_room(service: Service, request: OpenRoom) -> OpenedRoom:
    """Open a room on a case, held at its start; the key is shown once."""
    room = await service.open(request.case, time.monotonic(), request.seed, request.exam)
    return OpenedRoom(
        code=room.code,
        key=room.key,
        case=room.case.id,
        review=room.case.status,
        subject=room.subject,
        page=f"/bed/{room.subject}" if service.has_devices else None,
        log=str(room.log.path),
        start=room.opened_s,
        devices=room.devices(),
    )


@router.get("/rooms/{code}")
async def view(service: Service, room: Found) -> LearnerView:
    """Return what learners see."""
    return await service.use(room, lambda: learner_view(room, time.monotonic()))


@router.get("/rooms/{code}/strips/{number}")
async def strip(service: Service, room: Found, number: int) -> StripAnswer:
    """Return the 12-lead recording of a result: uV by lead, 500 a second for ten seconds."""
    return await service.use(room, lambda: strip_answer(room, number, time.monotonic()))


@router.post("/rooms/{code}/findings")
async def ask(service: Service, room: Found, request: Ask) -> Wait:
    """Ask the worker to find something out; it stands in the room after ``wait_s`` seconds."""
    wait_s = await service.use(room, lambda: room.ask(request.name, time.monotonic()))
    return Wait(wait_s=wait_s)


@router.get("/actions")
async def menu() -> list[ActionAnswer]:
    """Return what can be done to a patient: name, label, unit of the dose; the same in any case."""
    return actions()


@router.post("/rooms/{code}/acts")
async def act(service: Service, room: Found, request: Act) -> Tick:
    """Have the worker do something: a learner's drug, shock, manoeuvre or disposition."""
    orders = [ActOrder(name=request.name, dose=request.dose)]
    now_s = time.monotonic()
    tick, pressed = await service.use(room, lambda: room.send(orders, now_s, "learner"))
    await service.press(room, pressed)
    return Tick(tick=tick)


@router.post("/rooms/{code}/orders")
async def send(service: Service, room: Led, request: Orders) -> Tick:
    """Carry out staged orders in one go, each by its ``kind``."""
    tick, pressed = await service.use(room, lambda: room.send(request.orders, time.monotonic()))
    await service.press(room, pressed)
    return Tick(tick=tick)


@router.post("/rooms/{code}/rewind")
async def rewind(service: Service, room: Led, request: Rewind) -> Tick:
    """Go back to a bookmark or a time and hold there."""

    def go_back() -> int:
        if request.bookmark is not None:
            tick = room.bookmark_tick(request.bookmark)
        else:
            tick = int((request.time_s or 0.0) * TICKS_PER_S)
        room.rewind(tick, time.monotonic())
        return tick

    return Tick(tick=await service.use(room, go_back))


@router.get("/rooms/{code}/truth")
async def truth(service: Service, room: Led) -> TrueState:
    """Return the true state, to the instructor."""
    return await service.use(room, lambda: true_state(room, time.monotonic()))


@router.get("/rooms/{code}/log")
async def log(room: Led) -> list[LogRow]:
    """Return every order so far, to the instructor."""
    return [
        LogRow(tick=order.tick, kind=order.kind, data=order.data)
        for order in list(room.patient.orders)
    ]


@router.delete("/rooms/{code}", status_code=204)
async def close(service: Service, room: Led) -> None:
    """Close the room and take its devices off; its log stays on disk."""
    await service.close(room)
