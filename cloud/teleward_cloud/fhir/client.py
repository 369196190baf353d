"""Requests to a FHIR server: JSON over HTTP, with a token where the server wants one."""

import asyncio
import base64
import json
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus

import aiohttp

from teleward_cloud.fhir.answers import Answer, Meaning, judge
from teleward_cloud.fhir.settings import FhirSettings, OAuth2Settings
from teleward_cloud.http_wait import retry_after_s
from teleward_cloud.problems import connection_problem
from teleward_cloud.tls import client_context
from teleward_signal.errors import TelewardError

_SECTION = "sinks.fhir"
_EARLY_S = 30.0
"""A token is replaced this long before it ends, or at half its life if that is shorter."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A server's reply: ``lost`` is whether the request may have been carried out all the same."""

    answer: Answer
    body: Any = None
    lost: bool = False


class TokenRefused(TelewardError):
    """There is no token to be had, with the reason and the remedy."""


class FhirClient:
    """One session with a server."""

    def __init__(self, settings: FhirSettings) -> None:
        self._settings = settings
        self._session: aiohttp.ClientSession | None = None
        self._token = settings.token.get_secret_value()
        self._token_until_s = float("inf") if settings.oauth2 is None else 0.0
        self.tokens = 0

    def open(self) -> None:
        """Make the session; the first request connects."""
        tls = client_context(self._settings.tls) if self._settings.tls else True
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=self._settings.timeout_s),
            connector=aiohttp.TCPConnector(ssl=tls),
        )

    async def close(self) -> None:
        """Close the connections; idempotent."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()
            await asyncio.sleep(0)  # aiohttp closes its sockets in the next turn of the loop

    async def batch(self, entries: list[dict[str, Any]]) -> Reply:
        """Send a batch bundle; a token that has just run out is replaced once."""
        bundle = {"resourceType": "Bundle", "type": "batch", "entry": entries}
        content = json.dumps(bundle, separators=(",", ":"), allow_nan=False).encode()
        reply = await self._post(content)
        if reply.answer.status == 401 and self._settings.oauth2 is not None:
            self._token_until_s = 0.0
            reply = await self._post(content)
        return reply

    async def _post(self, content: bytes) -> Reply:
        session = self._session
        if session is None:
            return Reply(Answer(0, Meaning.LATER, "closed"))
        try:
            headers = await self._headers(session)
        except TokenRefused as error:
            return Reply(Answer(0, Meaning.LATER, str(error)))
        url = self._settings.url
        try:
            async with session.post(
                url, data=content, headers=headers, allow_redirects=False
            ) as response:
                body = _json(await response.read())
                return Reply(_judge(response, body), body)
        except aiohttp.ClientConnectorError as error:
            return Reply(Answer(0, Meaning.LATER, str(connection_problem(_SECTION, url, error))))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            reason = str(connection_problem(_SECTION, url, error))
            return Reply(Answer(0, Meaning.LATER, reason), lost=True)

    async def _headers(self, session: aiohttp.ClientSession) -> dict[str, str]:
        headers = {
            "Content-Type": "application/fhir+json",
            "Accept": "application/fhir+json",
            "Prefer": "return=minimal",
        }
        if self._settings.oauth2 is not None and time.monotonic() >= self._token_until_s:
            await self._renew(session)
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        return headers

    async def _renew(self, session: aiohttp.ClientSession) -> None:
        """Get a token by the client credentials grant."""
        oauth2 = self._settings.oauth2
        assert oauth2 is not None
        form = {"grant_type": "client_credentials"}
        if oauth2.scope:
            form["scope"] = oauth2.scope
        headers = {"Authorization": _basic(oauth2), "Accept": "application/json"}
        asked_s = time.monotonic()
        try:
            async with session.post(
                oauth2.token_url, data=form, headers=headers, allow_redirects=False
            ) as response:
                found = _json(await response.read())
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            problem = connection_problem(f"{_SECTION}.oauth2", oauth2.token_url, error)
            raise TokenRefused(str(problem)) from error
        token = found.get("access_token") if isinstance(found, dict) else None
        if status != 200 or not isinstance(token, str):
            why = found.get("error", "no token") if isinstance(found, dict) else "no token"
            raise TokenRefused(
                f"{oauth2.token_url}: HTTP {status}, {why}: correct client_id and client_secret "
                f"of {_SECTION}.oauth2"
            )
        life_s = _seconds(found.get("expires_in"))
        self._token, self.tokens = token, self.tokens + 1
        self._token_until_s = asked_s + max(life_s - _EARLY_S, life_s / 2)


def _judge(response: aiohttp.ClientResponse, body: Any) -> Answer:
    """Return what the answer to a whole request means; only a bundle is one."""
    status = response.status
    if 200 <= status < 300 and not (
        isinstance(body, dict) and body.get("resourceType") == "Bundle"
    ):
        what = "is no FHIR bundle: correct sinks.fhir.url, or log in to this network"
        return Answer(status, Meaning.LATER, f"HTTP {status} {what}")
    if status in (301, 302, 303, 307, 308, 404, 405, 409, 410, 412, 415):
        what = "this address takes no batch: correct sinks.fhir.url"
        return Answer(status, Meaning.LATER, f"HTTP {status}: {what}")
    return judge(status, body, retry_after_s=retry_after_s(response.headers.get("Retry-After")))


def _basic(oauth2: OAuth2Settings) -> str:
    """Return the header of a client: name and secret are form-encoded first (RFC 6749, 2.3.1)."""
    secret = oauth2.client_secret.get_secret_value()
    pair = f"{quote_plus(oauth2.client_id)}:{quote_plus(secret)}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _seconds(value: Any) -> float:
    """Return the life of a token; without a statement five minutes."""
    return float(value) if isinstance(value, int | float) and value > 0 else 300.0
