"""ASGI application that answers while the gateway starts, and hands over once it has started.

A first start compiles for minutes on a small machine. Until then `/health/live` is 200, everything
else says "starting" with 503: as a problem (RFC 9457) below the API, as a page elsewhere.
"""

import base64
import hashlib
import html
import json

from starlette.types import ASGIApp, Receive, Scope, Send

from teleward_gateway.api.security import SECURITY_HEADERS

AGAIN_S = 3
"""Seconds after which a browser and a client try again."""
_STYLE = "body{font:1.2rem system-ui;margin:3rem;color:#eee;background:#111}"
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = SECURITY_HEADERS["Content-Security-Policy"].replace(
    "style-src 'self'", f"style-src 'sha256-{_STYLE_HASH}'"
)
"""The page carries its style, as no file is served yet; the policy admits that one only."""
_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="{again}"><title>Starting · Teleward</title>
<style>{style}</style></head>
<body><h1>Teleward is starting</h1><p>{step}. This page opens the ward by itself.</p>
<p>A first start on a small computer takes several minutes.</p></body></html>"""


class Front:
    """Answers "starting" until `hand_over`; ``step`` is what the start is doing now."""

    def __init__(self) -> None:
        self.step = "Opening what is stored"
        self._app: ASGIApp | None = None

    def hand_over(self, app: ASGIApp) -> None:
        """Hand the connections over to ``app``."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection."""
        if self._app is not None:
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(scope["path"], send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1013})  # try again later

    async def _answer(self, path: str, send: Send) -> None:
        status, kind, body = 503, "application/problem+json", self._problem()
        if path == "/health/live":
            status, kind, body = 200, "application/json", {"status": "live"}
        elif path in ("/health", "/api/v1/health"):
            part = {"ok": True, "step": self.step}
            kind, body = "application/json", {"status": "starting", "parts": {"start": part}}
        content = json.dumps(body).encode()
        if not path.startswith(("/api/", "/health")):
            kind = "text/html; charset=utf-8"
            step = html.escape(self.step)
            content = _PAGE.format(again=AGAIN_S, style=_STYLE, step=step).encode()
        headers = {
            **SECURITY_HEADERS,
            "Content-Security-Policy": _POLICY,
            "Content-Type": kind,
            "Content-Length": str(len(content)),
            "Retry-After": str(AGAIN_S),
        }
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": content})

    def _problem(self) -> dict[str, object]:
        return {
            "type": "about:blank",
            "title": "Starting",
            "status": 503,
            "detail": f"The gateway is starting: {self.step}.",
            "remedy": "Try again in a minute.",
        }
