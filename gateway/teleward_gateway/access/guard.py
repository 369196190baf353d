"""The guard: finds out who asks, looks the request up in the table, and refuses or passes it on.

It stands before the whole application, so that no route can be reached past it.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode

from fastapi import FastAPI
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response
from starlette.types import Message, Receive, Scope, Send

from teleward_gateway.access import table
from teleward_gateway.access.doors import Door, door_of, secure_address
from teleward_gateway.access.peer import is_own_user
from teleward_gateway.access.roles import Role, exists
from teleward_gateway.access.service import AccessService, spoken
from teleward_gateway.access.sessions import Session
from teleward_gateway.api.person import CONSOLE, SCOPE_KEY, Person, acting
from teleward_gateway.api.problems import PREFIX
from teleward_gateway.api.schemas import problem_response

log = logging.getLogger(__name__)

REFUSED, LOGGED_OUT = 1008, 4401
LOOK_S = 1.0
"""How soon an open stream ends with its session."""

SESSION_KEY, LINK_KEY = "teleward.session", "teleward.link"
"""Where routes find the session and the link of a request."""


def session_cookie(door: Door) -> str:
    """Return the name of the session's cookie; over HTTPS no other site can set one."""
    return "__Host-teleward_session" if door is Door.SECURE else "teleward_session"


def kiosk_cookie(door: Door) -> str:
    """Return the name of a screen's cookie."""
    return "__Host-teleward_kiosk" if door is Door.SECURE else "teleward_kiosk"


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, and by what that is known."""

    role: Role | None
    """None is the console."""
    name: str = ""
    session: Session | None = None
    subject: str = ""
    """The only bed of a screen, empty for the ward."""
    secret: str = ""

    @property
    def person(self) -> Person:
        """As routes see it."""
        if self.role is None:
            return CONSOLE
        return Person(self.name, self.role.value, table.hidden_from(self.role))


class AccessGuard:
    """ASGI application in front of ``gateway``; without ``access`` only the console is served."""

    def __init__(
        self,
        gateway: FastAPI,
        access: AccessService | None,
        is_own: Callable[[Scope], bool] = is_own_user,
    ) -> None:
        self._gateway, self._access, self._is_own = gateway, access, is_own

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its person, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._gateway(scope, receive, send)
            return
        connection = HTTPConnection({**scope, "app": self._gateway})
        door, asker = door_of(scope), self._asker(connection)
        method = scope.get("method", table.SOCKET)
        rule = table.find(method, scope["path"])
        answer = None
        if asker.role is not None:
            answer = self._refusal(connection, door, asker, method, rule)
        if answer is not None:
            self._note(connection, asker, method, rule, getattr(answer, "status_code", 403))
            await _refuse(answer, scope, receive, send)
            return
        scope[SCOPE_KEY] = asker.person
        scope[SESSION_KEY] = asker.session
        acting.set(asker.name or None)
        if scope["type"] == "websocket":
            self._note(connection, asker, method, rule, 0)
            await self._stream(asker, scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._note(connection, asker, method, rule, message["status"])
                if door is Door.SECURE:
                    message = {**message, "headers": _secured(message.get("headers", ()))}
            await send(message)

        await self._gateway(scope, receive, sending)

    # who

    def _asker(self, connection: HTTPConnection) -> Asker:
        door, cookies = door_of(connection.scope), connection.cookies
        access = self._access
        if access is not None and door is not Door.PLAIN:
            secret = cookies.get(session_cookie(door), "")
            if secret and (session := access.sessions.find(secret)) is not None:
                account = session.account
                if exists(account.role, access.mode):
                    return Asker(account.role, account.name, session, secret=secret)
            if door is Door.SECURE:
                secret = cookies.get(kiosk_cookie(door), "")
                if secret and (link := access.sessions.find_link(secret, "kiosk")) is not None:
                    return Asker(Role.KIOSK, subject=link.subject, secret=secret)
                scheme, _, token = connection.headers.get("authorization", "").partition(" ")
                if scheme.lower() == "bearer" and access.sessions.find_link(token, "metrics"):
                    return Asker(Role.METRICS, secret=token)
        if door is Door.LOOPBACK and self._is_console(connection.scope):
            return Asker(None)
        return Asker(Role.LEARNER if self._sits(connection) else Role.NOBODY)

    def _is_console(self, scope: Scope) -> bool:
        """Return whether a request over loopback needs no login.

        Without any account every user of the machine is served, as on a gateway for one person.
        """
        if self._access is None or not self._access.sessions.has_accounts:
            return True
        return self._is_own(scope)

    def _sits(self, connection: HTTPConnection) -> bool:
        """Return whether the browser has a seat in a class."""
        is_learner = getattr(self._gateway.state, "is_learner", None)
        return is_learner is not None and bool(is_learner(connection))

    # may they

    def _refusal(
        self,
        connection: HTTPConnection,
        door: Door,
        asker: Asker,
        method: str,
        rule: table.Rule | None,
    ) -> Response | None:
        role, path = asker.role or Role.NOBODY, connection.scope["path"]
        is_page = method in ("GET", "HEAD") and not path.startswith(f"{PREFIX}/")
        if door is Door.PLAIN:
            if rule is not None and rule.plain:
                pass
            elif is_page:
                return RedirectResponse(secure_address(connection), 307)
            else:
                remedy = "Open the address of this gateway that begins with https."
                return problem_response(
                    403, "Not without encryption", "this is served over HTTPS only", remedy
                )
        if rule is not None and role in rule.roles:
            return self._beyond_bed(connection, asker, rule)
        if rule is not None and Role.LEARNER in rule.roles and self._sits(connection):
            return None
        if role is Role.NOBODY:
            if is_page and rule is not None:
                return _to_login(connection)
            remedy = "Open /login, then try again."
            if door is Door.LOOPBACK:
                remedy = "Open /login, or run the command as the gateway's user or as root."
            return problem_response(401, "Log in first", "this needs a login", remedy)
        if rule is None:
            return problem_response(404, "Not found", f"{method} {path}: Not Found", "Open /ward.")
        if is_page:
            return _to_login(connection, refused=True)
        return _not_for(rule, role)

    def _beyond_bed(
        self, connection: HTTPConnection, asker: Asker, rule: table.Rule
    ) -> Response | None:
        """Return the refusal where the screen of one bed asks for another, or for the ward."""
        if asker.role is not Role.KIOSK or not asker.subject or table.is_open(rule):
            return None
        matched = rule.pattern.match(connection.scope["path"])
        wanted = matched.groupdict().get("subject") if matched else None
        if rule.method == table.SOCKET:
            query = parse_qs(connection.scope["query_string"].decode("latin-1"))
            asked = query.get("subjects", [""])
            wanted = asked[0] if len(asked) == 1 else None
        if wanted == asker.subject or rule.path == f"{PREFIX}/gateway":
            return None
        return problem_response(
            403, "Not allowed", "this screen shows one bed", "Open the link of the screen again."
        )

    # streams

    async def _stream(self, asker: Asker, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a stream as long as the session or link lasts that opened it."""
        if asker.session is None and asker.role is not Role.KIOSK:
            await self._gateway(scope, receive, send)
            return
        serving = asyncio.ensure_future(self._gateway(scope, receive, send))
        watching = asyncio.ensure_future(self._ended(asker))
        try:
            await asyncio.wait({serving, watching}, return_when=asyncio.FIRST_COMPLETED)
            if not serving.done():
                with contextlib.suppress(RuntimeError, OSError):
                    close = {"type": "websocket.close", "code": LOGGED_OUT, "reason": "logged out"}
                    await send(close)
        finally:
            watching.cancel()
            if not serving.done():
                serving.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        if serving.cancelled() or not serving.done():
            await asyncio.gather(serving, return_exceptions=True)
        else:
            serving.result()

    async def _ended(self, asker: Asker) -> None:
        assert self._access is not None
        sessions = self._access.sessions
        while True:
            await asyncio.sleep(LOOK_S)
            if asker.session is not None:
                found: object = sessions.find(asker.secret)
            else:
                found = sessions.find_link(asker.secret, "kiosk")
            if found is None:
                return

    # what is kept of it

    def _note(
        self,
        connection: HTTPConnection,
        asker: Asker,
        method: str,
        rule: table.Rule | None,
        status: int,
    ) -> None:
        """Keep what a person did, saw, or was refused; the console's acts are in the audit."""
        if self._access is None or asker.role in (None, Role.NOBODY, Role.LEARNER, Role.METRICS):
            return
        role = asker.role or Role.NOBODY
        path = rule.path if rule is not None else connection.scope["path"][:120]
        matched = rule.pattern.match(connection.scope["path"]) if rule is not None else None
        subject = str(matched.groupdict().get("subject", "")) if matched else ""
        address, action = address_of(connection), f"{method} {path}"
        log, name = self._access.log, asker.name or asker.subject
        if method in ("GET", "HEAD", table.SOCKET):
            refused = status in (401, 403) or (300 <= status < 400 and status != 304)
            if refused and rule is not None and role not in rule.roles:
                log.view(name, role.value, address, f"refused {action}", subject)
            elif rule is not None and rule.views and status < 400:
                if method == table.SOCKET:
                    query = parse_qs(connection.scope["query_string"].decode("latin-1"))
                    subject = ",".join(query.get("subjects", []))
                log.view(name, role.value, address, action, subject)
        else:
            log.note(name, role.value, address, action, subject, status)


def address_of(connection: HTTPConnection) -> str:
    """Return the address of the machine that asks."""
    return connection.client.host if connection.client else ""


def _secured(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return headers whose cookies, of a class too, are never sent without HTTPS."""
    return [
        (name, value + b"; Secure")
        if name.lower() == b"set-cookie" and b"; secure" not in value.lower()
        else (name, value)
        for name, value in headers
    ]


def _to_login(connection: HTTPConnection, refused: bool = False) -> Response:
    query = {"next": connection.scope["path"], **({"refused": "1"} if refused else {})}
    return RedirectResponse(f"/login?{urlencode(query)}", 303, {"Cache-Control": "no-store"})


def _not_for(rule: table.Rule, role: Role) -> Response:
    may = [each.value for each in Role if each in rule.roles and each is not Role.METRICS]
    detail = f"role {role.value} may not do this"
    return problem_response(403, "Not allowed", detail, f"Ask a person with role {spoken(may)}.")


async def _refuse(answer: Response, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": REFUSED, "reason": "log in first"})
    else:
        await answer(scope, receive, send)
