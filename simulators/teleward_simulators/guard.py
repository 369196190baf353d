"""Who may talk to a control API: this machine, and pages that it served itself.

A web page from elsewhere can reach a server on loopback through the browser of whoever looks at it.
So the Host must be a name of this machine (DNS rebinding), and the Origin of a request that changes
something must be that Host (cross-site requests).
"""

import json
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
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


def _name(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


class HostGuard:
    """ASGI middleware that refuses foreign hosts and origins with 403."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        reason = None
        if scope["type"] == "http":
            reason = refusal(scope["method"], Headers(scope=scope))
        if reason is None:
            await self._app(scope, receive, send)
        else:
            body = json.dumps({"detail": reason})
            await Response(body, 403, media_type="application/json")(scope, receive, send)
