"""The registry of a gateway that does not run, asked in the words of its API.

Requests go through the same routes as those of a running gateway, so that a command means the
same whether the gateway runs or not; there are only no sessions behind them.
"""

import asyncio
import json
from collections.abc import MutableMapping
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

from fastapi import FastAPI

from teleward_drivers.catalogue import catalogue
from teleward_gateway.api import bindings, devices, subjects
from teleward_gateway.api.client import RequestRefused
from teleward_gateway.registry import Registry
from teleward_gateway.registry.lock import RegistryLock
from teleward_gateway.sessions.commissioning import Commissioning
from teleward_gateway.sessions.manager import SessionManager
from teleward_gateway.settings.model import Settings


class RegistryFile:
    """Answers `get` and `send` like `ApiClient`; `close` it."""

    def __init__(self, settings: Settings) -> None:
        folder = settings.gateway.data_folder / settings.gateway.mode.value
        if not folder.is_dir():
            raise RequestRefused(
                f"no gateway runs and {folder} does not exist: start the gateway once, or check "
                "gateway.data_folder"
            )
        self._lock = RegistryLock(folder)
        if not self._lock.take():
            raise RequestRefused(
                f"a gateway that does not answer has {folder} open: it is starting or stopping; "
                "try again in a moment, or give its address with --url"
            )
        self._registry = Registry(folder / "registry.sqlite", settings.gateway.mode)
        sessions = SessionManager(catalogue(), None, lambda *_: None, lambda *_: None)
        desk = Commissioning(self._registry, sessions, catalogue())
        self._app = FastAPI()
        self._app.state.view = SimpleNamespace(commissioning=desk)
        for module in (devices, bindings, subjects):
            self._app.include_router(module.router)

    def get(self, path: str, **query: Any) -> Any:
        """Return the answer to a question."""
        return self.send("GET", path, None, **query)

    def send(self, method: str, path: str, body: dict[str, Any] | None = None, **query: Any) -> Any:
        """Change something; returns the answer."""
        return asyncio.run(ask(self._app, method, path, body, query))

    def close(self) -> None:
        """Close the file."""
        self._registry.close()
        self._lock.release()


async def ask(
    app: FastAPI, method: str, path: str, body: dict[str, Any] | None, query: dict[str, Any]
) -> Any:
    """Send one request to ``app`` in this process; what a route raises comes through as it is."""
    given = {name: value for name, value in query.items() if value is not None}
    messages: list[MutableMapping[str, Any]] = []

    async def receive() -> dict[str, Any]:
        data = b"" if body is None else json.dumps(body).encode()
        return {"type": "http.request", "body": data, "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        messages.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": urlencode(given).encode(),
        "root_path": "",
        "headers": [(b"host", b"localhost"), (b"content-type", b"application/json")],
        "server": ("localhost", 80),
        "client": ("localhost", 0),
    }
    await app(scope, receive, send)
    content = b"".join(message.get("body", b"") for message in messages)
    answer = json.loads(content) if content else None
    if messages[0]["status"] >= 400:
        raise RequestRefused(str(answer["detail"] if isinstance(answer, dict) else answer))
    return answer
