"""Alarms that nobody acknowledges are repeated, step by step, until somebody does.

    on ----after_s[0]----> step 1 ----after_s[1]----> step 2 ... last step
     \\-- acknowledged, off: no more steps

A step is a new alarm record with ``"escalation": n``, so it travels as safely as the alarm itself;
targets with ``from_step = n`` get it. This is a sink that holds every alarm which still has steps
to come, and the records of the steps already given: after a restart of the gateway the journal
hands over both, so that no step is given twice. An alarm is over when it is acknowledged or off;
until then its condition begins no second round, whatever else changes.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from teleward_cloud.alarms.settings import EscalationSettings, urgent_enough
from teleward_cloud.alarms.sinks import Audit
from teleward_cloud.sink import Delivery, SinkCounters
from teleward_signal.model import Presence
from teleward_signal.record import Draft, Record, RecordId, RecordKind

_OVER = frozenset({Presence.ACKNOWLEDGED, Presence.OFF})
_HAND_OVER_S = 2.0
"""After a restart the journal hands over what was held in several batches; until it has been quiet
for this long, steps that were given may still be on their way."""
_LIMIT = 500
"""Open alarms watched at once; far beyond any ward, the oldest are dropped."""


@dataclass(slots=True)
class _Watched:
    """An alarm that nobody has acknowledged; ``step`` is the last one given.

    ``held`` are the identities of the alarm and its steps as long as steps are to come.
    """

    record: Record
    step: int = 0
    held: list[RecordId] = field(default_factory=list)


class Escalation:
    """Watch alarms and repeat those due; see `teleward_cloud.sink.Sink`."""

    name = "escalation"
    kinds = frozenset({RecordKind.ALARM})
    max_batch = 200

    def __init__(
        self,
        settings: EscalationSettings,
        append: Callable[[Draft], object],
        audit: Audit,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._settings = settings
        self._append = append
        self._audit = audit
        self._now_ns = now_ns
        self._watched: dict[tuple[str | None, str], _Watched] = {}
        self._steps = 0
        self._handed_over_s = float("-inf")

    async def open(self) -> None:
        """Get ready."""

    async def close(self) -> None:
        """Release resources; idempotent."""

    async def send(self, batch: Sequence[Record], *, live: bool) -> Delivery:
        """Take changes of alarms; give the steps that are due."""
        done: list[RecordId] = []
        for record in batch:
            self._take(record, done)
        if batch and not live:
            self._handed_over_s = time.monotonic()
        elif time.monotonic() - self._handed_over_s >= _HAND_OVER_S:
            self._give_steps(done)
        new = {record.id for record in batch}
        held = [found for w in self._watched.values() for found in w.held if found in new]
        return Delivery(tuple(done), held=tuple(held))

    def counters(self) -> SinkCounters:
        """Return the counters."""
        waiting = sum(bool(watched.held) for watched in self._watched.values())
        detail = {"waiting": float(waiting), "steps": float(self._steps)}
        return SinkCounters(detail=detail)

    def _take(self, record: Record, done: list[RecordId]) -> None:
        payload = record.payload
        key = (record.subject, str(payload.get("condition", record.metric)))
        known = self._watched.get(key)
        if "escalation" in payload:
            self._take_step(record, known, done)
        elif payload.get("presence") in _OVER:
            done += self._watched.pop(key).held if known is not None else ()
            done.append(record.id)
        elif known is not None or payload.get("presence") != Presence.ON or not self._wants(record):
            done.append(record.id)  # it goes on, its time counts from the first change; or is over
        else:
            if len(self._watched) >= _LIMIT:
                done += self._watched.pop(next(iter(self._watched))).held
            self._watched[key] = _Watched(record, held=[record.id])

    def _wants(self, record: Record) -> bool:
        priority, settings = record.payload.get("priority"), self._settings
        return settings.enabled and urgent_enough(priority, settings.lowest_priority)

    def _take_step(self, record: Record, known: _Watched | None, done: list[RecordId]) -> None:
        """Take a step that was given, before a restart or a moment ago."""
        step = record.payload["escalation"]
        if known is None or not known.held or type(step) is not int:
            done.append(record.id)
            return
        known.step = max(known.step, step)
        known.held.append(record.id)

    def _give_steps(self, done: list[RecordId]) -> None:
        after_s = self._settings.after_s
        for watched in self._watched.values():
            age_s = (self._now_ns() - watched.record.time_ns) / 1e9
            due = sum(age_s >= limit_s for limit_s in after_s)
            if due > watched.step:
                watched.step = due
                self._steps += 1
                self._give(watched)
            if watched.held and watched.step >= len(after_s):
                done += watched.held
                watched.held = []

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
