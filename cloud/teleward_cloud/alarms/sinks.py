"""Alarms to people: what their sinks share, and a program such as one that switches a lamp.

An alarm stays in the journal until the receiver has it: the program ended with 0, or the webhook
(`teleward_cloud.alarms.webhook`) answered 2xx. Each delivery is audited. A teaching aid: no alarm
system that a patient may depend on.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Sequence
from typing import Any

from teleward_cloud.alarms.settings import CommandHookSettings, WebhookSettings, urgent_enough
from teleward_cloud.mqtt import payload
from teleward_cloud.sink import Delivery, Rejected, SinkCounters
from teleward_signal.record import Record, RecordId, RecordKind

Audit = Callable[[str, Record, dict[str, Any]], None]
"""Takes what happened, to which alarm, and details; the gateway writes it to the audit."""


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
        """Release resources; idempotent."""

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


def _environment(record: Record) -> dict[str, str]:
    found = {
        "SUBJECT": record.subject,
        "CONDITION": record.payload.get("condition"),
        "PRIORITY": record.payload.get("priority"),
        "PRESENCE": record.payload.get("presence"),
        "TEXT": record.payload.get("text"),
        "STEP": record.payload.get("escalation", 0),
    }
    fields = {key: str(value) for key, value in found.items() if value is not None}
    return {f"TELEWARD_{key}": value.replace("\0", "") for key, value in fields.items()}
