"""Readings that wait for a person or that nobody claims, and the user numbers of devices."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from starlette.requests import HTTPConnection

from teleward_gateway.api.schemas import Author, Moment, Strict, iso_time
from teleward_gateway.ward.held_reading import HeldReading
from teleward_gateway.ward.held_readings import HeldReadings
from teleward_signal.errors import Invalid

router = APIRouter(tags=["readings"])


def held_of(connection: HTTPConnection) -> HeldReadings:
    """Return what the gateway holds (a FastAPI dependency)."""
    found: HeldReadings = connection.app.state.view.readings
    return found


ReadingsDep = Annotated[HeldReadings, Depends(held_of)]


class HeldAnswer(BaseModel):
    """A reading that is not filed, with the times and wearers that are possible."""

    id: int
    device: str
    state: str = Field(description="waiting for a person, or unclaimed: nobody wore the device")
    text: str
    values: dict[str, float | None]
    why: str = Field(description="what is known of its time")
    time: str = Field(description="the best time, between earliest and latest")
    time_ns: int
    earliest: str
    latest: str
    arrived: str
    arrived_ns: int
    device_clock: str | None = Field(description="what the device's calendar showed, no zone")
    device_clock_ns: int | None = Field(description="the same in UTC, were it right")
    subjects: list[str] = Field(description="who may have worn the device")
    record: int | None
    user: int | None

    @classmethod
    def of(cls, held: HeldReading) -> "HeldAnswer":
        """Return ``held`` as JSON values."""
        placement, reading = held.placement, held.reading
        calendar_ns = reading.calendar_ns
        return cls(
            id=held.id,
            device=held.device,
            state=held.state.value,
            text=held.text,
            values={m.metric: m.value for m in held.measurements},
            why=placement.by,
            time=iso_time(placement.time_ns),
            time_ns=placement.time_ns,
            earliest=iso_time(placement.earliest_ns),
            latest=iso_time(placement.latest_ns),
            arrived=iso_time(reading.now_ns),
            arrived_ns=reading.now_ns,
            device_clock=None if calendar_ns is None else iso_time(calendar_ns)[:19],
            device_clock_ns=reading.guess_ns,
            subjects=list(held.subjects),
            record=held.record,
            user=held.user,
        )


class Settle(Strict):
    """When a reading was taken, and of whom; left out: its best time, its one possible wearer.

    A time also says how wrong the device's clock is: what waits of the device is judged again.
    """

    time_ns: Moment | None = None
    subject: str | None = None
    author: Author


class Settled(BaseModel):
    """Of whom the reading is now."""

    subject: str


class Users(Strict):
    """Whom each user number of a device stands for; null ends a number."""

    users: dict[str, str | None] = Field(description='{"1": "bed-1", "2": "bed-2"}')
    author: Author


@router.get("/readings")
async def readings(held: ReadingsDep, device: str | None = None) -> list[HeldAnswer]:
    """Return the readings that wait or that nobody claims, oldest first."""
    return [HeldAnswer.of(reading) for reading in held.list(device)]


@router.post("/readings/{number}/settle")
async def settle(held: ReadingsDep, number: int, request: Settle) -> Settled:
    """File a reading at a time and for a subject; kept in the audit."""
    subject = await held.settle(number, request.time_ns, request.subject, request.author)
    return Settled(subject=subject)


@router.delete("/readings/{number}", status_code=204)
async def discard(held: ReadingsDep, number: int, author: Author) -> None:
    """Drop a reading that is of no subject here, such as a visitor's; kept in the audit."""
    await held.discard(number, author)


@router.get("/devices/{device}/users")
async def users(held: ReadingsDep, device: str) -> dict[str, str]:
    """Return whom each user number of a cuff or scale stands for."""
    return {str(user): subject for user, subject in held.users(device).items()}


@router.put("/devices/{device}/users")
async def set_users(held: ReadingsDep, device: str, request: Users) -> dict[str, str]:
    """Bind user numbers of a cuff or scale to subjects; numbers not named stay."""
    numbers = {}
    for user, subject in request.users.items():
        if not user.isdecimal():
            raise Invalid(f"user {user!r} is not a number")
        numbers[int(user)] = subject
    await asyncio.shield(held.set_users(device, numbers, request.author))
    return await users(held, device)
