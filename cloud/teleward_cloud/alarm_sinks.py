"""Alarms to people: a signed webhook, and a program such as one that switches a lamp.

    POST url
    Content-Type: application/json              body: one record, see `teleward_cloud.payload`
    X-Teleward-Id: {gateway}/{journal}/{seq}/{part}      drop repeats by it
    X-Teleward-Timestamp: {Unix seconds}                 refuse old ones
    X-Teleward-Signature: sha256={HMAC-SHA256 of "{timestamp}.{body}" by the shared secret, hex}

Both are sinks: an alarm stays in the journal until the receiver answered 2xx, or the program ended
with 0. Each delivery is audited. A teaching aid: no alarm system that a patient may depend on.
"""

import asyncio
import contextlib
import hashlib
import hmac
import os
import time
from collections.abc import Callable, Sequence
from typing import Any

import aiohttp

from teleward_cloud import payload
from teleward_cloud.alarm_settings import CommandHookSettings, WebhookSettings, urgent_enough
from teleward_cloud.sink import Delivery, Rejected, SinkCounters
from teleward_cloud.tls import client_context
from teleward_signal.record import Record, RecordId, RecordKind

Audit = Callable[[str, Record, dict[str, Any]], None]
"""Takes what happened, to which alarm, and details; the gateway writes it to the audit."""

_REFUSALS = frozenset({400, 410, 413, 415, 422})
"""Answers by which a receiver says that it will never take this request."""


class AlarmSink:
    """What the sinks below share: which alarms, in which order, and the audit."""

    kinds = frozenset({RecordKind.ALARM})
    max_batch = 50

    def __init__(
        self, settings: WebhookSettings | CommandHookSettings, kind: str, audit: Audit
    ) -> None:
        self.name = f"{kind}-{settings.name}"
        self._target = settings
        self._audit = audit
        self._sent = self._acknowledged = self._rejected = self._errors = self._stale = 0

    async def send(self, batch: Sequence[Record], *, live: bool) -> Delivery:
        """Deliver alarms one by one; the first failure ends the batch."""
        done: list[RecordId] = []
        rejected: list[Rejected] = []
        problem: Delivery = Delivery()
        for record in batch:
            if not self._wants(record):
                done.append(record.id)
            elif self._is_stale(record):
                self._stale += 1
                self._audit("alarm too old to deliver", record, {"target": self.name})
                done.append(record.id)
            else:
                self._sent += 1
                answer = await self._deliver(record)
                if answer.error is not None:
                    self._errors += 1
                    problem = answer
                    break
                rejected += answer.rejected
                if answer.rejected:
                    self._audit("alarm refused", record, {"target": self.name})
                else:
                    done.append(record.id)
                    self._audit("alarm delivered", record, {"target": self.name})
        self._acknowledged += len(done)
        self._rejected += len(rejected)
        return Delivery(
            tuple(done),
            tuple(rejected),
            retry_after_s=problem.retry_after_s,
            error=problem.error,
        )

    def counters(self) -> SinkCounters:
        """Return the counters."""
        detail = {"stale": float(self._stale)}
        return SinkCounters(self._sent, self._acknowledged, self._rejected, self._errors, detail)

    async def open(self) -> None:
        """Get ready."""

    async def close(self) -> None:
        """Let go; idempotent."""

    async def _deliver(self, record: Record) -> Delivery:
        """Deliver one alarm: no error and nothing rejected means that it arrived."""
        raise NotImplementedError

    def _wants(self, record: Record) -> bool:
        step = int(record.payload.get("escalation", 0))
        return step >= self._target.from_step and urgent_enough(
            record.payload.get("priority"), self._target.lowest_priority
        )

    def _is_stale(self, record: Record) -> bool:
        return time.time_ns() - record.time_ns > self._target.stale_s * 1e9


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
                wish = answer.headers.get("Retry-After", "")
                retry_after_s = float(wish) if wish.isdigit() else None
                return Delivery(error=reason, retry_after_s=retry_after_s)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return Delivery(error=f"{self._settings.url}: {error or type(error).__name__}")


class CommandHookSink(AlarmSink):
    """Start a program for every alarm, with the record as JSON on its input and the environment.

    ``TELEWARD_SUBJECT``, ``_CONDITION``, ``_PRIORITY``, ``_PRESENCE``, ``_TEXT``, ``_STEP``.
    """

    def __init__(self, settings: CommandHookSettings, audit: Audit) -> None:
        super().__init__(settings, "command", audit)
        self._settings = settings

    def _wants(self, record: Record) -> bool:
        return super()._wants(record) and record.payload.get("presence") in self._settings.presences

    async def _deliver(self, record: Record) -> Delivery:
        try:
            process = await asyncio.create_subprocess_exec(
                *self._settings.command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                env=os.environ | _environment(record),
            )
        except OSError as error:
            return Delivery(error=f"{self._settings.command[0]}: {error.strerror}")
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                await process.communicate(payload.encode([record], live=True))
        except TimeoutError:
            killed = f"killed after {self._settings.timeout_s:g} s"
            return Delivery(error=f"{self._settings.command[0]}: {killed}")
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if process.returncode != 0:
            code = process.returncode
            return Delivery(error=f"{self._settings.command[0]}: ended with code {code}")
        return Delivery()


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


def _environment(record: Record) -> dict[str, str]:
    found = {
        "SUBJECT": record.subject,
        "CONDITION": record.payload.get("condition"),
        "PRIORITY": record.payload.get("priority"),
        "PRESENCE": record.payload.get("presence"),
        "TEXT": record.payload.get("text"),
        "STEP": record.payload.get("escalation", 0),
    }
    said = {key: str(value) for key, value in found.items() if value is not None}
    return {f"TELEWARD_{key}": value.replace("\0", "") for key, value in said.items()}
