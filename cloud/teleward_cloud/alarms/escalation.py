"""Alarms that nobody acknowledges are given again, step by step, until somebody does.

    on ----after_s[0]----> step 1 ----after_s[1]----> step 2 ... last step
     \\-- ack, off: no more steps

A step is a new alarm record with ``"escalation": n``, so it travels as safely as the alarm itself;
targets with ``from_step = n`` hear of it. This is a sink that holds every alarm which still has
steps to come: after a restart of the gateway the journal hands it over again.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from teleward_cloud.alarms.settings import EscalationSettings, urgent_enough
from teleward_cloud.alarms.sinks import Audit
from teleward_cloud.sink import Delivery, SinkCounters
from teleward_signal.model import Presence
from teleward_signal.record import Draft, Record, RecordId, RecordKind

_OPEN = frozenset({Presence.ON, Presence.LATCHED})
_LIMIT = 500
"""Open alarms watched at once; far beyond any ward, the oldest are dropped."""


@dataclass(slots=True)
class _Watched:
    """An alarm that nobody has acknowledged; ``step`` is the last one given."""

    record: Record
    step: int = 0


class Escalation:
    """Watch alarms and give the due steps; see `teleward_cloud.sink.Sink`."""

    name = "escalation"
    kinds = frozenset({RecordKind.ALARM})
    max_batch = 200

    def __init__(
        self,
        settings: EscalationSettings,
        append: Callable[[Draft], None],
        audit: Audit,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._settings = settings
        self._append = append
        self._audit = audit
        self._now_ns = now_ns
        self._watched: dict[tuple[str | None, str], _Watched] = {}
        self._steps = 0

    async def open(self) -> None:
        """Get ready."""

    async def close(self) -> None:
        """Release resources; idempotent."""

    async def send(self, batch: Sequence[Record], *, live: bool) -> Delivery:
        """Take changes of alarms; give the steps that are due."""
        done: list[RecordId] = []
        for record in batch:
            self._take(record, done)
        new = {record.id for record in batch}
        self._give_steps(done)
        held = [w.record.id for w in self._watched.values() if w.record.id in new]
        return Delivery(tuple(done), held=tuple(held))

    def counters(self) -> SinkCounters:
        """Return the counters."""
        detail = {"waiting": float(len(self._watched)), "steps": float(self._steps)}
        return SinkCounters(detail=detail)

    def _take(self, record: Record, done: list[RecordId]) -> None:
        condition = str(record.payload.get("condition", record.metric))
        key = (record.subject, condition)
        presence = record.payload.get("presence")
        if "escalation" in record.payload:
            done.append(record.id)
            return
        wanted = urgent_enough(record.payload.get("priority"), self._settings.lowest_priority)
        before = self._watched.get(key)
        if presence in _OPEN and wanted and self._settings.enabled:
            if before is not None:  # the alarm goes on: its time counts from the first change
                done.append(record.id)
                return
            if len(self._watched) >= _LIMIT:
                done.append(self._watched.pop(next(iter(self._watched))).record.id)
            self._watched[key] = _Watched(record)
            return
        if before is not None:
            done.append(self._watched.pop(key).record.id)
        done.append(record.id)

    def _give_steps(self, done: list[RecordId]) -> None:
        after_s = self._settings.after_s
        for key, watched in list(self._watched.items()):
            age_s = (self._now_ns() - watched.record.time_ns) / 1e9
            due = sum(age_s >= limit_s for limit_s in after_s)
            if due > watched.step:
                watched.step = due
                self._steps += 1
                self._give(watched)
            if watched.step == len(after_s):
                done.append(self._watched.pop(key).record.id)

    def _give(self, watched: _Watched) -> None:
        record = watched.record
        payload = dict(record.payload) | {"escalation": watched.step}
        self._append(
            Draft(
                RecordKind.ALARM,
                subject=record.subject,
                device=record.device,
                metric=record.metric,
                payload=payload,
            )
        )
        self._audit("alarm not acknowledged", record, {"step": watched.step})
