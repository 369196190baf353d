"""Which names and pages may talk to the API: our own, and pages that we served ourselves.

A web page from elsewhere could reach this server through the visitor's browser, so the Host must
be one of ours (DNS rebinding) and the Origin of a writing request or a WebSocket must be that Host
(cross-site requests). Who may do what is decided in front of this (`teleward_gateway.access`).
"""

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from teleward_gateway.api.schemas import problem_response

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
HOSTS_KEY = "teleward.hosts"
"""Where a listening socket on the network puts the names of this gateway there into a scope."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
BODY_LIMIT = 2**20
"""Bytes of a request; alarm limits of every metric take 3 KB."""

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""The pages use only files of this server: no inline script, no inline style, no other host."""

SECURITY_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def host_name(host: str) -> str:
    """Return the name in a Host header, without port and brackets, in lower case."""
    return (urlsplit(f"//{host}").hostname or "").lower()


def refusal(method: str, headers: Headers, allowed_hosts: frozenset[str]) -> str | None:
    """Return why a request is refused, or None; ``method`` is ``WEBSOCKET`` for a socket."""
    host = headers.get("host", "")
    try:
        name = host_name(host)
    except ValueError:
        name = ""
    if name not in allowed_hosts:
        return f"Host {host!r} is not a name of this gateway"
    origin = headers.get("origin")
    if method not in SAFE_METHODS and origin is not None and origin_host(origin) != host.lower():
        return f"Origin {origin!r} is not this gateway"
    return None


def is_too_large(headers: Headers) -> bool:
    """Return whether a request is too large, or lacks its length."""
    length = headers.get("content-length", "0")
    return "transfer-encoding" in headers or not length.isdecimal() or int(length) > BODY_LIMIT


def origin_host(origin: str) -> str | None:
    """Return ``host[:port]`` of an Origin header, or None when it has none."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return None
    return parts.netloc.lower() or None if parts.scheme in ("http", "https") else None


class HostGuard:
    """ASGI middleware that refuses foreign hosts and origins; pure ASGI, so sockets pass too."""

    def __init__(self, app: ASGIApp, allowed_hosts: frozenset[str] = LOOPBACK_HOSTS) -> None:
        self._app = app
        self._allowed_hosts = allowed_hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 403."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        method = scope.get("method", "WEBSOCKET")
        headers = Headers(scope=scope)
        allowed = scope.get(HOSTS_KEY, self._allowed_hosts)
        reason = refusal(method, headers, allowed)
        if reason is None and is_too_large(headers):
            await _too_large()(scope, receive, send)
        elif reason is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": reason[:120]})
        else:
            await _refuse(reason)(scope, receive, send)


def _refuse(reason: str) -> Response:
    return problem_response(
        403,
        "Request refused",
        reason,
        "Open the page by an address that the gateway printed at its start.",
    )


def _too_large() -> Response:
    return problem_response(
        413,
        "Request too large",
        f"A request has a Content-Length of at most {BODY_LIMIT} bytes.",
        "Send less at once.",
    )
