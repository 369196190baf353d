"""Alarms to a web address, signed.

POST url
Content-Type: application/json              body: one record, see `teleward_cloud.mqtt.payload`
X-Teleward-Id: {gateway}/{journal}/{seq}/{part}      drop repeats by it
X-Teleward-Timestamp: {Unix seconds}                 refuse old ones
X-Teleward-Signature: sha256={HMAC-SHA256 of "{timestamp}.{body}" by the shared secret, hex}
"""

import asyncio
import hashlib
import hmac
import time

import aiohttp

from teleward_cloud.alarms.settings import WebhookSettings
from teleward_cloud.alarms.sinks import AlarmSink, Audit
from teleward_cloud.mqtt import payload
from teleward_cloud.problems import connection_problem
from teleward_cloud.sink import Delivery, Rejected
from teleward_cloud.tls import client_context
from teleward_signal.record import Record

_REFUSALS = frozenset({400, 410, 413, 415, 422})
"""Status codes with which a receiver refuses this request for good."""


class WebhookSink(AlarmSink):
    """POST every alarm, signed."""

    def __init__(self, settings: WebhookSettings, audit: Audit) -> None:
        super().__init__(settings, "webhook", audit)
        self._settings = settings
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Make the client; the first alarm connects."""
        settings = self._settings
        tls = client_context(settings.tls) if settings.tls else True
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=settings.timeout_s),
            connector=aiohttp.TCPConnector(ssl=tls),
        )

    async def close(self) -> None:
        """Close the connections; idempotent."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()
            await asyncio.sleep(0)  # aiohttp closes its sockets in the next turn of the loop

    async def _deliver(self, record: Record) -> Delivery:
        if self._session is None:
            return Delivery(error="closed")
        body = payload.encode([record], live=True)
        headers = signed_headers(
            self._settings.secret.get_secret_value().encode(), body, int(time.time())
        )
        found = record.id
        headers["X-Teleward-Id"] = f"{found.gateway}/{found.journal}/{found.seq}/{found.part}"
        try:
            async with self._session.post(
                self._settings.url, data=body, headers=headers, allow_redirects=False
            ) as answer:
                if 200 <= answer.status < 300:
                    return Delivery()
                reason = f"{self._settings.url}: HTTP {answer.status}"
                if answer.status in _REFUSALS:
                    return Delivery(rejected=(Rejected(record.id, reason),))
                wait = answer.headers.get("Retry-After", "")
                retry_after_s = float(wait) if wait.isdigit() else None
                return Delivery(error=reason, retry_after_s=retry_after_s)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            section = f"alarms.webhooks ({self._settings.name})"
            return Delivery(error=str(connection_problem(section, self._settings.url, error)))


def signed_headers(secret: bytes, body: bytes, timestamp: int) -> dict[str, str]:
    """Return the headers that prove who sent ``body`` and when."""
    return {
        "Content-Type": "application/json",
        "X-Teleward-Timestamp": str(timestamp),
        "X-Teleward-Signature": f"sha256={signature(secret, body, timestamp)}",
    }


def signature(secret: bytes, body: bytes, timestamp: int) -> str:
    """Return the signature; receivers compare with `hmac.compare_digest`."""
    return hmac.new(secret, f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
