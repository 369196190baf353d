"""Doors: by which listening socket a request came, which no client can forge.

loopback   plain HTTP on this machine: the console, without a login
secure     HTTPS on the local network, after a login
plain      plain HTTP on the local network: leads to HTTPS; learners' pages of a simulated ward
"""

from collections.abc import Callable
from enum import StrEnum

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from teleward_gateway.api.security import HOSTS_KEY, host_name

DOOR_KEY, PORT_KEY = "teleward.door", "teleward.secure_port"


class Door(StrEnum):
    """Where a request came in."""

    LOOPBACK = "loopback"
    SECURE = "secure"
    PLAIN = "plain"


class Doorway:
    """ASGI application of one listening socket: marks what comes in.

    ``names`` returns by which host names and addresses browsers may call it, ``secure_port`` the
    port of HTTPS.
    """

    def __init__(
        self,
        app: ASGIApp,
        door: Door,
        names: Callable[[], frozenset[str]],
        secure_port: Callable[[], int],
    ) -> None:
        self._app, self._door = app, door
        self._names, self._secure_port = names, secure_port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on."""
        scope[DOOR_KEY], scope[PORT_KEY] = self._door, self._secure_port()
        scope[HOSTS_KEY] = self._names()
        await self._app(scope, receive, send)


def door_of(scope: Scope) -> Door:
    """Return where a request came in."""
    return Door(scope.get(DOOR_KEY, Door.LOOPBACK))


def secure_origin(connection: HTTPConnection) -> str:
    """Return this gateway's address over HTTPS, by the name that the browser used."""
    name = host_name(connection.headers.get("host", ""))
    if name not in connection.scope.get(HOSTS_KEY, frozenset()):
        name = str((connection.scope.get("server") or ("localhost", 0))[0])
    host = f"[{name}]" if ":" in name else name
    return f"https://{host}:{connection.scope.get(PORT_KEY, 443)}"


def secure_address(connection: HTTPConnection) -> str:
    """Return the address of the same page over HTTPS."""
    return f"{secure_origin(connection)}{connection.scope['path']}"
