"""Doors: by which listening socket a request came, which no client can forge.

loopback   plain HTTP on this machine: the console, without a login
secure     HTTPS on the local network, after a login
plain      plain HTTP on the local network: leads to HTTPS; learners' pages of a simulated ward
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Protocol, cast

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from teleward_gateway.api.security import HOSTS_KEY, host_name

DOOR_KEY, PORT_KEY = "teleward.door", "teleward.secure_port"


class Network(Protocol):
    """The local network as it is served (`access.lan`)."""

    port: int
    plain_port: int
    public_name: str


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


def lan_of(connection: HTTPConnection) -> Network | None:
    """Return the local network that this gateway serves, if it does."""
    return cast("Network | None", getattr(connection.app.state, "lan", None))


def called_by(connection: HTTPConnection) -> str:
    """Return the name by which a browser of the local network reaches this gateway, for a URL."""
    name, lan = host_name(connection.headers.get("host", "")), lan_of(connection)
    if name not in connection.scope.get(HOSTS_KEY, frozenset()):
        name = "localhost" if lan is None else lan.public_name
    return f"[{name}]" if ":" in name else name


def join_host(connection: HTTPConnection) -> str:
    """Return host and port of the plain door: no learner has to trust a certificate."""
    lan = lan_of(connection)
    return "" if lan is None else f"{called_by(connection)}:{lan.plain_port}"


def secure_origin(connection: HTTPConnection) -> str:
    """Return this gateway's address over HTTPS, by the name that the browser used."""
    lan = lan_of(connection)
    port = connection.scope.get(PORT_KEY, 443 if lan is None else lan.port)
    return f"https://{called_by(connection)}:{port}"


def secure_address(connection: HTTPConnection) -> str:
    """Return the address of the same page over HTTPS."""
    return f"{secure_origin(connection)}{connection.scope['path']}"
