"""Sinks: how delivery stands, and the records that a server refused."""

import json
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from teleward_gateway.api.schemas import Author, Strict, iso_time
from teleward_gateway.journal.sinks import MOST_DEAD_LETTERS, DeadLetter
from teleward_signal.errors import Unavailable

router = APIRouter(tags=["sinks"])


class SinkControl(Protocol):
    """What a person may ask of the sinks (`teleward_gateway.delivery.dead_letters`)."""

    def sinks(self) -> dict[str, dict[str, Any]]:
        """Return the state of every sink by name."""
        ...

    async def dead_letters(self, sink: str, limit: int = 1000) -> list[DeadLetter]:
        """Return the newest dead letters of a sink; raises NotFound."""
        ...

    def export(self, sink: str) -> AsyncIterator[dict[str, Any]]:
        """Yield every dead letter with its record, oldest first; raises NotFound."""
        ...

    async def retry(
        self, sink: str, places: Sequence[tuple[int, int]] | None, author: str
    ) -> tuple[int, int]:
        """Send dead letters again; return how many, and how many are not kept; raises NotFound."""
        ...


class DeadLetterAnswer(BaseModel):
    """A record that the server of a sink refused, and why."""

    journal: str
    seq: int
    part: int
    reason: str
    refused: str
    refused_ns: int


class Place(Strict):
    """Which record of the journal."""

    seq: int = Field(ge=0, lt=2**63)
    part: int = Field(0, ge=0, lt=2**31)


class Retry(Strict):
    """Who sends dead letters again; without ``records`` all of them."""

    author: Author
    records: list[Place] | None = Field(None, max_length=MOST_DEAD_LETTERS)


class RetryAnswer(BaseModel):
    """How many records are sent again, and how many the journal does not keep any more."""

    sent_again: int
    not_kept: int


def control_of(request: Request) -> SinkControl:
    """Return the control of the sinks (a FastAPI dependency)."""
    found: SinkControl | None = getattr(request.app.state, "sinks", None)
    if found is None:
        raise Unavailable("delivery has not started; try again in a few seconds")
    return found


Control = Annotated[SinkControl, Depends(control_of)]


@router.get("/sinks")
async def sinks(control: Control) -> dict[str, dict[str, Any]]:
    """Return every sink with its backlog, dead letters and problem."""
    return control.sinks()


@router.get("/sinks/{sink}/dead-letters")
async def dead_letters(
    control: Control, sink: str, limit: Annotated[int, Query(ge=1, le=MOST_DEAD_LETTERS)] = 1000
) -> list[DeadLetterAnswer]:
    """Return the newest records that the server refused, newest first."""
    return [
        DeadLetterAnswer(
            journal=letter.journal,
            seq=letter.seq,
            part=letter.part,
            reason=letter.reason,
            refused=iso_time(letter.time_ns),
            refused_ns=letter.time_ns,
        )
        for letter in await control.dead_letters(sink, limit)
    ]


@router.get("/sinks/{sink}/dead-letters/export", response_class=StreamingResponse)
async def export(control: Control, sink: str) -> StreamingResponse:
    """Return every dead letter with its record, oldest first, one JSON object a line."""
    await control.dead_letters(sink, 1)  # an unknown sink is a 404 and no broken stream

    async def lines() -> AsyncIterator[bytes]:
        async for letter in control.export(sink):
            yield json.dumps(letter, ensure_ascii=False).encode() + b"\n"

    return StreamingResponse(lines(), media_type="application/x-ndjson")


@router.post("/sinks/{sink}/retry")
async def retry(control: Control, sink: str, request: Retry) -> RetryAnswer:
    """Send dead letters and blocked records again, after the server was corrected."""
    places = None
    if request.records is not None:
        places = [(record.seq, record.part) for record in request.records]
    sent, gone = await control.retry(sink, places, request.author)
    return RetryAnswer(sent_again=sent, not_kept=gone)
