"""Routes of logins: log in and out, the own password, languages of the login page."""

import asyncio
import json
import logging
import sqlite3
from importlib.resources import files
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field
from starlette.requests import HTTPConnection

from teleward_gateway.access.accounts import Account, key_of
from teleward_gateway.access.doors import Door, door_of
from teleward_gateway.access.guard import SESSION_KEY, address_of, kiosk_cookie, session_cookie
from teleward_gateway.access.service import AccessService
from teleward_gateway.api.person import CONSOLE, Me, person_of
from teleward_gateway.api.schemas import Strict
from teleward_signal.errors import NotFound, TelewardError, Unauthorized, Unavailable

log = logging.getLogger(__name__)

router = APIRouter(prefix="/access", tags=["access"])

BROWSER_COOKIE = "teleward_browser"
"""Marks a browser that has logged in before; it opens nothing."""
YEAR_S = 365 * 86400
Password = Annotated[str, Field(min_length=1, max_length=400)]


class LogIn(Strict):
    """Name and password of an account."""

    name: str = Field(min_length=1, max_length=80)
    password: Password


class OwnPassword(Strict):
    """The password of now and the next one."""

    password: Password
    next: Password


def access_of(connection: HTTPConnection) -> AccessService:
    """Return the accounts of this gateway; raises Unavailable where they cannot be read."""
    found = getattr(connection.app.state, "access", None)
    if isinstance(found, AccessService):
        return found
    reason = getattr(connection.app.state, "access_problem", "")
    if reason:
        raise _refusal(Unavailable, "no_accounts", "the accounts of this gateway cannot be read")
    raise NotFound("this gateway has no accounts")


Access = Annotated[AccessService, Depends(access_of)]


def _refusal(kind: type[TelewardError], key: str, text: str) -> TelewardError:
    error = kind(text)
    error.key, error.values = f"refused_{key}", {}
    return error


@router.get("/languages")
async def list_login_languages() -> dict[str, str]:
    """Return the languages of the login page: their names by their codes."""
    found = {}
    for path in (files("teleward_gateway") / "dashboard" / "i18n").iterdir():
        head, _, rest = path.name.partition(".")
        if head == "access" and rest.endswith(".json"):
            texts = json.loads(path.read_text(encoding="utf-8"))
            found[rest.removesuffix(".json")] = str(texts["language_name"])
    return dict(sorted(found.items(), key=lambda item: (item[0] != "en", item[0])))


@router.post("/login")
async def log_in(access: Access, request: Request, response: Response, body: LogIn) -> Me:
    """Log in; the cookie holds the session from now on."""
    address, key = address_of(request), key_of(body.name)
    browser = request.cookies.get(BROWSER_COOKIE, "")
    known = browser if access.sessions.knows_browser(browser, key) else ""
    limited = person_of(request) != CONSOLE
    if limited:
        access.throttle.check(address, key, known)
        # counted before the password is looked at: tries side by side are tries too
        access.throttle.wrong(address, key, known)
    account = await access.verified(body.name, body.password)
    if account is None:
        access.log.note(key[:60], "nobody", address, "wrong name or password", "", 401)
        if not await asyncio.to_thread(access.accounts.all):
            text = "this gateway has no account yet; add one at its console"
            raise _refusal(Unauthorized, "no_account_yet", text)
        raise _refusal(Unauthorized, "password", "name or password is not right")
    if limited:
        access.throttle.right(address, key, known)
    browser_name = request.headers.get("user-agent", "")
    secret, _ = await asyncio.to_thread(access.sessions.begin, account, address, browser_name)
    _give(request, response, session_cookie(door_of(request.scope)), secret)
    if not known:
        await _remember(access, request, response, account)
    access.log.note(account.name, account.role.value, address, "login", "", 200)
    return Me(name=account.name, role=account.role.value, hidden=[])


async def _remember(
    access: AccessService, request: Request, response: Response, account: Account
) -> None:
    try:
        secret = await asyncio.to_thread(access.sessions.remember_browser, account)
    except sqlite3.Error as error:
        log.warning("a browser is not remembered: %s", error)
        return
    _give(request, response, BROWSER_COOKIE, secret, YEAR_S)


@router.post("/logout", status_code=204)
async def log_out(access: Access, request: Request, response: Response) -> None:
    """End the session of this browser."""
    session = request.scope.get(SESSION_KEY)
    if session is not None:
        await asyncio.to_thread(access.sessions.end, session)
    for cookie in (session_cookie(door_of(request.scope)), kiosk_cookie(door_of(request.scope))):
        secure = door_of(request.scope) is Door.SECURE
        response.delete_cookie(cookie, path="/", secure=secure, httponly=True, samesite="strict")


@router.put("/password", status_code=204)
async def change_own_password(access: Access, request: Request, body: OwnPassword) -> None:
    """Change the own password; every session of the account ends, this one too."""
    session = request.scope.get(SESSION_KEY)
    if session is None:
        raise Unauthorized("this needs a login")
    address, account = address_of(request), session.account
    access.throttle.check(address, account.key, session.id)
    if await access.verified(account.name, body.password) is None:
        access.throttle.wrong(address, account.key, session.id)
        raise _refusal(Unauthorized, "old_password", "the password of now is not right")
    await asyncio.to_thread(access.accounts.set_password, account.name, body.next)


def _give(
    request: Request, response: Response, name: str, value: str, age_s: int | None = None
) -> None:
    """Set a cookie that scripts cannot read and other sites cannot send."""
    secure = door_of(request.scope) is Door.SECURE
    response.set_cookie(
        name, value, age_s, httponly=True, samesite="strict", path="/", secure=secure
    )
