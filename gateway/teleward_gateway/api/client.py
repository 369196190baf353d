"""Ask a running gateway from the command line; plain HTTP of the standard library."""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from typing import Any

from teleward_signal.errors import TelewardError, Unavailable

TIMEOUT_S = 30.0
"""A command to a device may take its operation timeouts; everything else is answered at once."""


class NoGateway(Unavailable):
    """Nothing answers at the address."""


class RequestRefused(TelewardError):
    """The gateway refused the request; the message is its reason and remedy."""


class ApiClient:
    """The API of the gateway at ``url``, e.g. ``http://127.0.0.1:8080``."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/") + "/api/v1"
        self.timeout_s = TIMEOUT_S
        self.headers: dict[str, str] = {}

    def get(self, path: str, **query: Any) -> Any:
        """Return the answer to a question."""
        return self._ask("GET", path, None, query)

    def send(self, method: str, path: str, body: dict[str, Any] | None = None, **query: Any) -> Any:
        """Change something; returns the answer, None when it is empty."""
        return self._ask(method, path, body, query)

    def lines(self, path: str) -> Iterator[bytes]:
        """Yield the lines of an answer that may be long, each with its end."""
        request = urllib.request.Request(self._url + path, headers=self.headers)
        with self._open(request) as answer:
            yield from answer

    def is_running(self) -> bool:
        """Return whether a gateway answers."""
        try:
            self.get("/gateway")
        except NoGateway:
            return False
        return True

    def _ask(
        self, method: str, path: str, body: dict[str, Any] | None, query: dict[str, Any]
    ) -> Any:
        given = {name: value for name, value in query.items() if value is not None}
        url = self._url + path + (f"?{urllib.parse.urlencode(given)}" if given else "")
        data = None if body is None else json.dumps(body).encode()
        headers = {**self.headers, **({"Content-Type": "application/json"} if data else {})}
        request = urllib.request.Request(url, data, headers, method=method)
        with self._open(request) as answer:
            content = answer.read()
        return json.loads(content) if content else None

    @contextmanager
    def _open(self, request: urllib.request.Request) -> Iterator[HTTPResponse]:
        """Send a request; raises `NoGateway` or `RequestRefused`."""
        try:
            with _OPENER.open(request, timeout=self.timeout_s) as answer:
                yield answer
        except urllib.error.HTTPError as error:
            raise RequestRefused(_reason(error)) from None
        except OSError as error:
            raise NoGateway(f"no gateway answers at {self._url}: {error}") from None


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Past any proxy: the gateway is on this machine, and a proxy would not find it."""


def _reason(error: urllib.error.HTTPError) -> str:
    try:
        problem = json.loads(error.read())
        return f"{problem['detail']} {problem['remedy']}"
    except (ValueError, KeyError, TypeError):
        return f"{error.code} {error.reason}"
