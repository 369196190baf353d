"""Who may talk to a control API: holders of its key on this machine, no page from elsewhere.

The key is the password of the URL that the fleet printed (HTTP Basic, RFC 7617), or a bearer token;
other users of this machine do not have it. The description under ``/docs`` needs none.

A web page from elsewhere can reach a server on loopback through the browser of whoever looks at it.
So the Host must be a name of this machine (DNS rebinding), and the Origin of a request that changes
something must be that Host (cross-site requests).
"""

import base64
import binascii
import json
import secrets
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
OPEN_PATHS = frozenset({"/docs", "/openapi.json"})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def refusal(method: str, headers: Headers) -> str | None:
    """Return why a request is refused, or None."""
    host = headers.get("host", "")
    if _name(f"//{host}") not in LOOPBACK_HOSTS:
        return f"Host {host!r} is not a name of this machine: use 127.0.0.1"
    origin, own = headers.get("origin"), host.lower()
    if method in SAFE_METHODS or origin is None:
        return None
    if origin.lower() in (f"http://{own}", f"https://{own}"):
        return None
    return f"Origin {origin!r} is not this control API"


def has_key(authorization: str, key: str) -> bool:
    """Return whether an Authorization header carries ``key``."""
    scheme, _, value = authorization.strip().partition(" ")
    given = value.strip().encode()
    if scheme.lower() == "basic":
        try:
            given = base64.b64decode(given, validate=True).partition(b":")[2]
        except binascii.Error:
            return False
    elif scheme.lower() != "bearer":
        return False
    return secrets.compare_digest(given, key.encode())


def _name(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


class HostGuard:
    """ASGI middleware: 403 for foreign hosts and origins, 401 without the key."""

    def __init__(self, app: ASGIApp, key: str) -> None:
        self._app, self._key = app, key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        reason, status = None, 403
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            reason = refusal(scope["method"], headers)
            admitted = scope["path"] in OPEN_PATHS and scope["method"] in SAFE_METHODS
            admitted = admitted or has_key(headers.get("authorization", ""), self._key)
            if reason is None and not admitted:
                reason, status = "use the URL with its key, as the fleet printed it", 401
        if reason is None:
            await self._app(scope, receive, send)
        else:
            answer = Response(json.dumps({"detail": reason}), status, media_type="application/json")
            if status == 401:
                answer.headers["WWW-Authenticate"] = 'Basic realm="simulators"'
            await answer(scope, receive, send)
