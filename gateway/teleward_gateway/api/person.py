"""Who asks: the person of a request, as whom it is recorded.

A request over loopback without a login is the console: it may do everything, and the name that it
gives with an entry is kept. A logged-in person is the author of all they do, whatever a body has.
"""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import HTTPConnection, Request

SCOPE_KEY = "teleward.person"
"""Where the guard puts the person into an ASGI scope; no client can set it."""

acting: ContextVar[str | None] = ContextVar("acting", default=None)
"""The name of the logged-in person whose request is carried out in this task."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks, and with which role; ``name`` is empty without a login."""

    name: str
    role: str
    hidden: frozenset[str] = frozenset()
    """What pages do not offer to this person: words of `data-needs`."""


CONSOLE = Person("", "console")

router = APIRouter(tags=["access"])


class Me(BaseModel):
    """Who asks."""

    name: str = Field(description="empty without a login")
    role: str
    hidden: list[str] = Field(description="what pages do not offer to this person")
    join: str = Field("", description="where learners' phones join a class; empty: this address")


def person_of(connection: HTTPConnection) -> Person:
    """Return who asks."""
    found = connection.scope.get(SCOPE_KEY, CONSOLE)
    assert isinstance(found, Person)
    return found


def signed(author: str) -> str:
    """Return the author of an entry: the logged-in person, else ``author`` as it was given."""
    return acting.get() or author


def join_host(connection: HTTPConnection) -> str:
    """Return host and port where learners' phones join a class, empty for the address in use."""
    host: Callable[[HTTPConnection], str] | None
    host = getattr(connection.app.state, "join_host", None)
    return "" if host is None else host(connection)


@router.get("/me")
async def me(request: Request) -> Me:
    """Return who asks, and what pages do not offer to them."""
    person = person_of(request)
    return Me(
        name=person.name, role=person.role, hidden=sorted(person.hidden), join=join_host(request)
    )
