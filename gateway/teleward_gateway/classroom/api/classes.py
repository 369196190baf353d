"""The teacher's side of a class over HTTP; every route but the first needs the key of the class.

The key is given once, to the person who opens the class, as a cookie and in the answer.
"""

import asyncio
import time
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.requests import Request

from teleward_gateway.classroom.api.who import (
    OPERATOR,
    OPERATOR_COOKIE,
    TEACHER_COOKIE,
    Classes,
    Led,
    check_operator,
    give_cookie,
    leads,
    operator,
)
from teleward_gateway.classroom.classes import teaching
from teleward_gateway.classroom.classes.board_types import Board, LessonQuestion
from teleward_gateway.classroom.classes.screen_types import Screen
from teleward_gateway.classroom.events import kinds
from teleward_gateway.classroom.events.event import EventJson
from teleward_gateway.classroom.rooms.orders import RoomOrder
from teleward_gateway.classroom.rooms.visibility import TrueState, true_state
from teleward_signal.errors import Invalid

router = APIRouter(tags=["class: teacher"])


class Request_(BaseModel):
    """A request body: unknown fields are errors."""

    model_config = ConfigDict(extra="forbid")


class OpenClass(Request_):
    """The lesson to open a class on."""

    lesson: str = Field(max_length=80)


class Key(Request_):
    """A key, as it was printed or shown when the class was opened."""

    key: str = Field(min_length=8, max_length=80)


class OpenedClass(BaseModel):
    """A class that is open; the key is shown once."""

    id: str
    code: str
    key: str
    title: dict[str, str]
    join: str


class LessonAnswer(BaseModel):
    """A lesson."""

    id: str
    title: dict[str, str]
    mode: str
    cases: list[str]
    minutes: int
    goals: dict[str, list[str]]
    competencies: list[str]
    questions: list[LessonQuestion]


class Lessons(BaseModel):
    """The lessons there are, and the mistakes in lesson files (file, line, remedy)."""

    lessons: list[LessonAnswer]
    problems: list[str]
    leading: bool = Field(description="whether this browser leads a class that is open")


class Phase(Request_):
    """The phase to enter."""

    phase: str


class Switch(Request_):
    """On or off."""

    on: bool


class Freeze(Request_):
    """A question of the lesson by its id, or one of the teacher's own."""

    question: str | None = Field(None, max_length=80)
    text: str | None = Field(None, max_length=400)
    options: list[Annotated[str, Field(max_length=120)]] = Field(default_factory=list, max_length=6)
    answer: str = Field("", max_length=40)
    unit: str = Field("", max_length=20)
    seconds: float = Field(20.0, ge=5, le=300)

    @model_validator(mode="after")
    def _one(self) -> "Freeze":
        if (self.question is None) == (self.text is None):
            raise Invalid("give a question of the lesson or a text of your own")
        return self


class Changes(Request_):
    """Staged changes, sent at once; to all rooms without ``room``."""

    room: str | None = None
    orders: list[RoomOrder] = Field(min_length=1, max_length=50)


class TextBody(Request_):
    """A text; to all rooms without ``room``."""

    text: str = Field(min_length=1, max_length=400)
    room: str | None = None


class RewindAll(Request_):
    """A bookmark (the newest without a text), or a second of the patients' time."""

    bookmark: str | None = Field(None, max_length=200)
    time_s: float | None = Field(None, gt=0, le=86400)


class Place(Request_):
    """A room and a role for a seat."""

    room: str
    role: kinds.Role = "learner"


class Rooms(BaseModel):
    """How many rooms were changed."""

    rooms: int


@router.get("/lessons")
async def lessons(classes: Classes, request: Request) -> Lessons:
    """Return the lessons, to those who lead or open a class: they name the cases."""
    leading = leads(request, classes)
    if not leading:
        operator(request)
    found, problems = await asyncio.to_thread(classes.lessons)
    return Lessons(
        lessons=[
            LessonAnswer(
                id=each.id,
                title=each.title,
                mode=each.mode,
                cases=list(each.cases),
                minutes=each.minutes,
                goals=each.goals,
                competencies=list(each.competencies),
                questions=[{"id": q.question, "text": q.text} for q in each.questions],
            )
            for each in found.values()
        ],
        problems=problems,
        leading=leading,
    )


@router.post("/operator", status_code=204)
async def be_operator(request: Request, response: Response, body: Key) -> None:
    """Open classes and rooms from this browser."""
    check_operator(request, body.key)
    give_cookie(response, OPERATOR_COOKIE, body.key)


@router.post("/classes", status_code=201, dependencies=OPERATOR)
async def open_class(classes: Classes, response: Response, body: OpenClass) -> OpenedClass:
    """Open a class on a lesson; its doors are open."""
    running, key = await classes.open_named(body.lesson)
    give_cookie(response, TEACHER_COOKIE, key)
    return OpenedClass(
        id=running.state.id,
        code=running.code,
        key=key,
        title=running.state.title,
        join=f"/j/{running.code}",
    )


@router.post("/class/key", status_code=204)
async def enter(classes: Classes, response: Response, body: Key) -> None:
    """Lead a class from this browser, too."""
    classes.led_by(body.key)
    give_cookie(response, TEACHER_COOKIE, body.key)


@router.get("/class")
async def the_class(led: Led) -> Board:
    """Return the board."""
    return led.board_view(time.time_ns() // 10**6)


@router.delete("/class", status_code=204)
async def close(classes: Classes, led: Led, response: Response) -> None:
    """End the class; the log stays."""
    await classes.close(led)
    response.delete_cookie(TEACHER_COOKIE, path="/")


@router.post("/class/phase", status_code=204)
async def phase(classes: Classes, led: Led, body: Phase) -> None:
    """Enter a phase; at the encounter every seat gets its patient."""
    if body.phase == "encounter":
        await classes.make_rooms(led)
    await teaching.set_phase(led, body.phase)


@router.post("/class/doors", status_code=204)
async def doors(led: Led, body: Switch) -> None:
    """Open or lock the doors."""
    await teaching.set_doors(led, body.on)


@router.post("/class/wall", status_code=204)
async def wall(led: Led, body: Switch) -> None:
    """Show the names of the learners on the wall, or hide them."""
    led.wall_names = body.on
    await led.notify()


@router.post("/class/pause", status_code=204)
async def pause(led: Led, body: Switch) -> None:
    """Hold all rooms, or resume them."""
    await teaching.pause(led, body.on)


@router.post("/class/freeze", status_code=204)
async def freeze(led: Led, body: Freeze) -> None:
    """Hold all rooms and ask every seat."""
    if body.question is not None:
        asked = teaching.lesson_question(led, body.question)
    else:
        text = {"en": body.text or "", "hi": body.text or ""}
        asked = kinds.ClassFrozen(
            question=f"own-{led.state.last_seq}",
            text=text,
            options=[{"en": each, "hi": each} for each in body.options],
            answer=body.answer,
            unit=body.unit,
            seconds=body.seconds,
        )
    await teaching.freeze(led, asked)


@router.post("/class/thaw", status_code=204)
async def thaw(led: Led) -> None:
    """End the question."""
    await led.thaw()


@router.post("/class/changes")
async def changes(led: Led, body: Changes) -> Rooms:
    """Send staged changes."""
    return Rooms(rooms=await teaching.change(led, body.room, body.orders))


@router.post("/class/messages", status_code=204)
async def send_message(led: Led, body: TextBody) -> None:
    """Write to a room or to all."""
    await teaching.send_message(led, body.text, body.room)


@router.post("/class/bookmark", status_code=204)
async def bookmark(led: Led, body: TextBody) -> None:
    """Mark this moment in every room."""
    await teaching.bookmark(led, body.text)


@router.post("/class/rewind")
async def rewind(led: Led, body: RewindAll) -> Rooms:
    """Take every room back; the class is paused there."""
    return Rooms(rooms=await teaching.rewind_all(led, body.bookmark, body.time_s))


@router.put("/class/seats/{seat}", status_code=204)
async def place(led: Led, seat: str, body: Place) -> None:
    """Give a seat a room and a role."""
    await teaching.place(led, seat, body.room, body.role)


@router.delete("/class/seats/{seat}", status_code=204)
async def remove(led: Led, seat: str) -> None:
    """Take a seat away."""
    await teaching.remove(led, seat)


@router.get("/class/seats/{seat}/screen")
async def their_screen(led: Led, seat: str) -> Screen:
    """Return what a learner sees, exactly."""
    return led.screen(led.seat(seat))


@router.get("/class/rooms/{room}/truth")
async def truth(classes: Classes, led: Led, room: str) -> TrueState:
    """Return the true state of a room's patient."""
    running = led.running(room)
    return await classes.rooms.use(running.room, lambda: true_state(running.room, time.monotonic()))


@router.get("/class/events")
async def events(classes: Classes, led: Led, after: int = 0) -> list[EventJson]:
    """Return the events of the class, abandoned branches included."""
    found = await asyncio.to_thread(classes.log.read, led.state.id, after)
    return [event.to_json() for event in found]
