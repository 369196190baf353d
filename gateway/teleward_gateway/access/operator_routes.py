"""Routes of the operator: accounts, sessions, links of screens and scrapers, the access log."""

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from teleward_gateway.access.accounts import Account
from teleward_gateway.access.doors import secure_origin
from teleward_gateway.access.guard import SESSION_KEY
from teleward_gateway.access.roles import Role
from teleward_gateway.access.routes import Access, Password
from teleward_gateway.access.sessions import Link, Session
from teleward_gateway.api.person import person_of
from teleward_gateway.api.schemas import Strict, iso_time
from teleward_signal.errors import Invalid, NotFound

router = APIRouter(prefix="/access", tags=["access"])

MOST_DAYS = 3660
MOST_LINES = 1000


class AccountAnswer(BaseModel):
    """An account."""

    name: str
    role: str
    created: str
    until: str | None

    @classmethod
    def of(cls, account: Account) -> "AccountAnswer":
        """Return ``account`` as JSON values."""
        until = None if account.until_s is None else _time(account.until_s)
        return cls(
            name=account.name, role=account.role, created=_time(account.created_s), until=until
        )


class NewAccount(Strict):
    """An account to add."""

    name: str = Field(min_length=1, max_length=60)
    role: Literal["operator", "clinician", "teacher", "observer", "guest-expert"]
    password: Password
    days: float | None = Field(None, gt=0, le=MOST_DAYS, description="until it ends; null: never")


class NewPassword(Strict):
    """Another password for an account."""

    password: Password


class SessionAnswer(BaseModel):
    """A login that goes on."""

    id: str
    name: str
    role: str
    address: str
    browser: str
    begun: str
    seen: str
    own: bool = Field(description="whether it is the session of this request")


class NewLink(Strict):
    """A link for a screen on the wall (``kiosk``) or for Prometheus (``metrics``)."""

    kind: Literal["kiosk", "metrics"]
    subject: str = Field("", max_length=63, description="the only bed of a screen; empty: the ward")
    label: str = Field("", max_length=60, description="where the screen hangs")


class LinkAnswer(BaseModel):
    """A link; its secret is shown once, when it is made."""

    id: str
    kind: str
    subject: str
    label: str
    author: str
    created: str

    @classmethod
    def of(cls, link: Link) -> "LinkAnswer":
        """Return ``link`` as JSON values."""
        return cls(
            id=link.id, kind=link.kind, subject=link.subject, label=link.label,
            author=link.author, created=_time(link.created_s),
        )  # fmt: skip


class MadeLink(LinkAnswer):
    """A link that was made: the address of a screen, or the token of a scraper."""

    secret: str


class LogLine(BaseModel):
    """One line of the access log."""

    number: int
    time: str
    name: str
    role: str
    address: str
    action: str
    subject: str
    answer: int


def _time(seconds: float) -> str:
    return iso_time(round(seconds * 1e9))


@router.get("/accounts")
async def list_accounts(access: Access) -> list[AccountAnswer]:
    """Return all accounts."""
    return [AccountAnswer.of(each) for each in await asyncio.to_thread(access.accounts.all)]


@router.post("/accounts", status_code=201)
async def add_account(access: Access, body: NewAccount) -> AccountAnswer:
    """Add an account."""
    made = await asyncio.to_thread(
        access.accounts.add, body.name, Role(body.role), body.password, body.days
    )
    return AccountAnswer.of(made)


@router.delete("/accounts/{name}", status_code=204)
async def remove_account(access: Access, name: str) -> None:
    """Remove an account; its sessions end."""
    account = await asyncio.to_thread(access.accounts.remove, name)
    await asyncio.to_thread(_end_all, access, account)


@router.put("/accounts/{name}/password", status_code=204)
async def set_account_password(access: Access, name: str, body: NewPassword) -> None:
    """Give an account another password; its sessions end."""
    account = await asyncio.to_thread(access.accounts.set_password, name, body.password)
    await asyncio.to_thread(_end_all, access, account)


def _end_all(access: Access, account: Account) -> None:
    for session in access.sessions.all():
        if session.account.key == account.key:
            access.sessions.end(session)


@router.get("/sessions")
async def list_sessions(access: Access, request: Request) -> list[SessionAnswer]:
    """Return the logins that go on, the newest first."""
    own = request.scope.get(SESSION_KEY)
    return [_session(each, own) for each in access.sessions.all()]


def _session(session: Session, own: Session | None) -> SessionAnswer:
    return SessionAnswer(
        id=session.id,
        name=session.account.name,
        role=session.account.role,
        address=session.address,
        browser=session.browser,
        begun=_time(session.begun_s),
        seen=_time(session.seen_s),
        own=own is not None and own.hash == session.hash,
    )


@router.delete("/sessions/{session}", status_code=204)
async def end_session(access: Access, session: str) -> None:
    """End a login: its pages close within a second."""
    await asyncio.to_thread(access.sessions.end, access.sessions.named(session))


@router.get("/links")
async def list_access_links(access: Access) -> list[LinkAnswer]:
    """Return the links of screens and scrapers."""
    return [LinkAnswer.of(each) for each in access.sessions.links()]


@router.post("/links", status_code=201)
async def add_access_link(access: Access, request: Request, body: NewLink) -> MadeLink:
    """Make a link; its secret is in this answer alone."""
    if body.kind == "metrics" and body.subject:
        raise Invalid("a token for metrics has no bed")
    if body.subject and not request.app.state.view.has_subject(body.subject):
        raise NotFound(f"no subject {body.subject!r} is admitted here")
    author = person_of(request).name or "console"
    secret, link = await asyncio.to_thread(
        access.sessions.add_link, body.kind, body.subject, body.label, author
    )
    if body.kind == "kiosk":
        secret = f"{secure_origin(request)}/k/{secret}"
    return MadeLink(**LinkAnswer.of(link).model_dump(), secret=secret)


@router.delete("/links/{link}", status_code=204)
async def end_access_link(access: Access, link: str) -> None:
    """End a link: its screen closes within a second."""
    await asyncio.to_thread(access.sessions.end_link, link)


@router.get("/log")
async def get_access_log(
    access: Access,
    before: Annotated[int | None, Query(ge=0, le=2**62, description="a line's number")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_LINES)] = 200,
) -> list[LogLine]:
    """Return who saw and did what, the newest first."""
    await asyncio.to_thread(access.log.write)
    found = await asyncio.to_thread(access.log.read, before, limit)
    return [
        LogLine(
            number=number, time=_time(each.time_s), name=each.name, role=each.role,
            address=each.address, action=each.action, subject=each.subject, answer=each.answer,
        )
        for number, each in found
    ]  # fmt: skip
