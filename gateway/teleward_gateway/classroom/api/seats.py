"""The learner's side of a class over HTTP: join by code, then everything from the seat's cookie."""

import time
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from teleward_gateway.classroom.api.who import SEAT_COOKIE, Classes, Mine, give_cookie
from teleward_gateway.classroom.classes import acting, rules
from teleward_gateway.classroom.classes.orders_search import OrderItem, search_orders
from teleward_gateway.classroom.classes.screen_types import Screen
from teleward_gateway.classroom.events import kinds
from teleward_gateway.classroom.events.event import EventJson
from teleward_gateway.classroom.texts import languages, refusal
from teleward_signal.errors import Conflict
from teleward_simulators.cases.answers.items import catalogue
from teleward_simulators.cases.answers.understanding import search

router = APIRouter(tags=["class: seat"])

MOST_ITEMS = 40
LIKELY = ("onset", "exposure", "auscultate", "skin", "pulse", "blood_pressure", "consciousness")
"""What any patient is asked first; the same in every case."""

Text = Annotated[str, Field(min_length=1, max_length=2000)]
Short = Annotated[str, Field(min_length=1, max_length=80)]


class Request_(BaseModel):
    """A request body: unknown fields are errors."""

    model_config = ConfigDict(extra="forbid")


class Join(Request_):
    """What is typed at the door."""

    code: str = Field(max_length=12)
    name: str = Field("", max_length=40)
    language: str = Field("en", max_length=8)


class JoinedAnswer(BaseModel):
    """The seat that was taken; the cookie holds it from now on."""

    seat: str
    name: str
    title: dict[str, str]
    again: bool
    now_ms: int
    """UTC of the gateway: a phone with another clock is asked to trust this one."""


class Ready(Request_):
    """The result of the check of screen and line."""

    saw_trace: bool | None = None
    tapped_number: bool | None = None
    latency_ms: float | None = Field(None, ge=0, le=600_000)


class AskBody(Request_):
    """What the worker is asked."""

    text: Annotated[str, Field(min_length=1, max_length=200)]


class OrderBody(Request_):
    """What the worker is asked to do."""

    name: Short
    dose: str = Field("", max_length=60)


class Confirm(Request_):
    """The answer to a read-back."""

    yes: bool


class Points(Request_):
    """NEWS2 points by row; the sum is shown only afterwards."""

    points: dict[str, Annotated[int, Field(ge=0, le=3)] | None]


class Ranked(Request_):
    """Up to three diagnoses with a confidence from 0 to 1."""

    ranked: list[tuple[Short, Annotated[float, Field(ge=0, le=1)]]] = Field(
        min_length=1, max_length=3
    )


class Disposition(Request_):
    """Where the patient shall go."""

    disposition: Short


class MessageBody(Request_):
    """A message to the worker, the room or the teacher."""

    to: Literal["worker", "room", "teacher", "senior"] = "worker"
    text: Text


class Hand(Request_):
    """Whether the hand is up."""

    up: bool


class Answer(Request_):
    """The place of an option, or a number."""

    value: Annotated[str, Field(min_length=1, max_length=40)]


class Handover(Request_):
    """ISBAR."""

    identity: Text
    situation: Text
    background: Text
    assessment: Text
    recommendation: Text
    to_seat: str | None = None


class Readback(Request_):
    """Two items that the receiver repeats, and the first five minutes."""

    items: list[Text] = Field(min_length=2, max_length=2)
    plan: str = Field("", max_length=2000)


class Words(Request_):
    """About twenty words and one change."""

    words: str = Field(max_length=2000)
    change: str = Field(max_length=400)


class TaskAnswer(BaseModel):
    """An order: what the worker reads back, empty when it is done."""

    task: str
    readback: str
    done_before_min: float | None = None
    """Minutes of case time since the same was done, within a day."""


class FoundItem(BaseModel):
    """Something that can be asked, examined or tested."""

    id: str
    kind: str
    label: dict[str, str]


class Wait(BaseModel):
    """Seconds of case time until the answer is there; 0 when it was not understood."""

    wait_s: float


class Total(BaseModel):
    """The learner's own sum."""

    total: int


@router.get("/class/languages")
async def offered() -> dict[str, str]:
    """Return the languages of the class pages: their names by their codes."""
    return languages()


@router.post("/join")
async def join(classes: Classes, request: Request, response: Response, body: Join) -> JoinedAnswer:
    """Take a seat by the code; the same phone gets the same seat."""
    held = request.cookies.get(SEAT_COOKIE, "")
    language = body.language if body.language in languages() else "en"
    joined = await classes.join(body.code, body.name, language, held)
    give_cookie(response, SEAT_COOKIE, joined.token)
    state = joined.running.state
    return JoinedAnswer(
        seat=joined.seat.id,
        name=joined.seat.name,
        title=state.title,
        again=joined.token == held,
        now_ms=time.time_ns() // 10**6,
    )


@router.delete("/seat", status_code=204)
async def leave(mine: Mine, response: Response) -> None:
    """Give the seat up."""
    running, seat = mine
    await running.write(running.draft(kinds.SeatLeft(), seat.room, seat.id))
    response.delete_cookie(SEAT_COOKIE, path="/")


@router.get("/seat")
async def seat(mine: Mine) -> Screen:
    """Return this seat's screen."""
    running, seat = mine
    return running.screen(seat)


@router.post("/seat/ready", status_code=204)
async def ready(mine: Mine, body: Ready) -> None:
    """Confirm that screen and line were checked."""
    running, seat = mine
    event = kinds.SeatReady(**body.model_dump())
    await running.write(running.draft(event, seat.room, seat.id))


@router.get("/seat/items")
async def items(mine: Mine, q: Annotated[str, Query(max_length=80)] = "") -> list[FoundItem]:
    """Return what can be asked, by id, label or word in any language; the same in every case."""
    found = search(q)[:MOST_ITEMS] if q.strip() else [catalogue()[name] for name in LIKELY]
    return [FoundItem(id=item.id, kind=item.kind, label=dict(item.label)) for item in found]


@router.get("/seat/actions")
async def actions(mine: Mine, q: Annotated[str, Query(max_length=80)] = "") -> list[OrderItem]:
    """Return what can be done, with its unit; the usual dose at study level 1 only."""
    return search_orders(q, usual=mine[0].state.study_level == 1)


@router.post("/seat/asks")
async def ask(mine: Mine, body: AskBody) -> Wait:
    """Ask the worker."""
    return Wait(wait_s=await acting.ask(*mine, body.text))


@router.post("/seat/orders")
async def order(mine: Mine, body: OrderBody) -> TaskAnswer:
    """Order something; a dose is read back before it is given."""
    before = acting.minutes_since_done(*mine, body.name)
    task, readback = await acting.order(*mine, body.name, body.dose.strip())
    return TaskAnswer(task=task, readback=readback, done_before_min=before)


@router.post("/seat/orders/{task}")
async def confirm(mine: Mine, task: str, body: Confirm) -> TaskAnswer:
    """Answer a read-back."""
    return TaskAnswer(task=task, readback=await acting.confirm(*mine, task, body.yes))


@router.post("/seat/news2")
async def news2(mine: Mine, body: Points) -> Total:
    """Give NEWS2 points; the sum is answered."""
    return Total(total=await acting.think_news2(*mine, body.points))


@router.post("/seat/diagnosis", status_code=204)
async def diagnosis(mine: Mine, body: Ranked) -> None:
    """Rank diagnoses."""
    await acting.think(*mine, kinds.ThinkDiagnosis(ranked=body.ranked))


@router.post("/seat/disposition", status_code=204)
async def disposition(mine: Mine, body: Disposition) -> None:
    """Decide where the patient shall go."""
    await acting.think(*mine, kinds.ThinkDisposition(disposition=body.disposition))


@router.post("/seat/note", status_code=204)
async def note(mine: Mine, body: MessageBody) -> None:
    """Write a note to the record."""
    await acting.think(*mine, kinds.NoteWritten(text=body.text))


@router.post("/seat/messages", status_code=204)
async def send_message(mine: Mine, body: MessageBody) -> None:
    """Write a message."""
    await acting.send_message(*mine, body.to, body.text)


@router.post("/seat/hand", status_code=204)
async def hand(mine: Mine, body: Hand) -> None:
    """Raise or lower the hand."""
    await acting.hand(*mine, body.up)


@router.post("/seat/answer", status_code=204)
async def answer(mine: Mine, body: Answer) -> None:
    """Answer the teacher's question."""
    await acting.answer(*mine, body.value)


@router.post("/seat/handover", status_code=204)
async def handover(mine: Mine, body: Handover) -> None:
    """Hand the patient over by ISBAR."""
    await acting.hand_over(*mine, kinds.HandoverGiven(**body.model_dump()))


@router.post("/seat/readback", status_code=204)
async def readback(mine: Mine, body: Readback) -> None:
    """Read a handover back."""
    running, seat = mine
    notes = running.state.rooms[seat.room or ""].handed_over.casefold()
    matched = all(item.casefold().strip() in notes for item in body.items)
    await acting.think(
        running, seat, kinds.HandoverReadback(items=body.items, plan=body.plan, matched=matched)
    )


@router.post("/seat/reflection", status_code=204)
async def reflection(mine: Mine, body: Words) -> None:
    """Write about twenty words and one change, before any score."""
    await acting.reflect(*mine, body.words, body.change)


@router.get("/seat/log")
async def own_log(mine: Mine) -> list[EventJson]:
    """Return the events of the seat's room, for the debrief; refused before the words."""
    running, seat = mine
    if running.state.phase != "debrief":
        raise refusal(Conflict, "no_debrief")
    rules.check_words(seat.words, seat.change)
    return [event.to_json() for event in running.running(seat.room).events]
