"""The operator's page: cards of the gateway's parts, its log, and the report for a technician."""

import asyncio
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from teleward_gateway.operation.cards import CardState
from teleward_gateway.operation.desk import OperatorDesk
from teleward_gateway.operation.log_tail import MOST_LINES
from teleward_signal.errors import Unavailable

router = APIRouter(tags=["gateway"])


def desk_of(request: Request) -> OperatorDesk:
    """Return the operator's desk (a FastAPI dependency); raises Unavailable while it starts."""
    desk = getattr(request.app.state, "operator_desk", None)
    if desk is None:
        raise Unavailable("this gateway is starting")
    found: OperatorDesk = desk
    return found


Desk = Annotated[OperatorDesk, Depends(desk_of)]


class CardAnswer(BaseModel):
    """How one part does, in a word and a number, and what to do about it."""

    key: str
    title: str
    state: CardState
    word: str
    number: str
    unit: str
    text: str
    advice: str = Field(description="what a person does; empty when nothing")
    link: str = Field(description="page that helps; empty when none")
    points: list[float] = Field(description="course of the number in the last hour, oldest first")


class Overview(BaseModel):
    """The cards, and since when the gateway runs."""

    uptime_s: float
    cards: list[CardAnswer]


class LogAnswer(BaseModel):
    """The newest lines of the log, oldest first; names and addresses are replaced."""

    lines: list[str]


@router.get("/gateway/cards")
async def cards(desk: Desk) -> Overview:
    """Return a card of each part: devices, links, record, broker, database, clock, disk, ..."""
    shown = [CardAnswer(**asdict(card)) for card in desk.cards()]
    return Overview(uptime_s=desk.uptime_s(), cards=shown)


@router.get("/gateway/log")
async def log(desk: Desk, lines: Annotated[int, Query(ge=1, le=MOST_LINES)] = 100) -> LogAnswer:
    """Return the newest lines of the log."""
    return LogAnswer(lines=desk.log(lines))


@router.get(
    "/gateway/report",
    response_class=Response,
    responses={200: {"content": {"application/zip": {}}, "description": "The report, a zip."}},
)
async def report(desk: Desk) -> Response:
    """Return the report for a technician, without a name, record number or address."""
    content = await asyncio.to_thread(desk.report)
    headers = {"Content-Disposition": 'attachment; filename="teleward-report.zip"',
               "Cache-Control": "no-store"}  # fmt: skip
    return Response(content, headers=headers, media_type="application/zip")
