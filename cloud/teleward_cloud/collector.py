"""MQTT to InfluxDB: take messages, store their records, confirm the storage to the gateways.

    broker --$share/{group}/...--> parcels --batch--> InfluxSink --stored--> PUBACK to the broker
                                      |                    |            \\---> {gateway}/confirmed
                                      +--- blocked <-------+  tried again beside the others

Any number of collectors share the load on an MQTT 5 broker. A collector keeps nothing: what it has
not confirmed, a gateway in confirmed mode sends again, to whichever collector is left; points are
idempotent, so nothing is stored twice. A message is acknowledged only after storage, and nothing is
dropped: a slow database holds back the socket (`teleward_cloud.mqtt.source`).

A cluster's own consumers can take the broker's place: they are another `Source`.
"""

import asyncio
import contextlib
from dataclasses import dataclass

from teleward_cloud.mqtt.source import MqttSource as MqttSource
from teleward_cloud.parcels import Parcel as Parcel
from teleward_cloud.parcels import Source as Source
from teleward_cloud.retry import Retry
from teleward_cloud.sink import Delivery, Sink
from teleward_signal.record import Record, RecordId

_IDLE_S = 1.0
"""How often held records are asked for when nothing comes."""
_BACKOFF_S = (0.5, 15.0)
_BLOCKED_RETRY_S = 15.0
"""How often records are tried again that the database refuses for a cause of its own."""
_MOST_BLOCKED = 50_000
"""Blocked records kept, some 50 MB; with more nothing is taken until a person corrects the
database."""


@dataclass(slots=True)
class CollectorCounters:
    """What a collector has seen since its start."""

    messages: int = 0
    records: int = 0
    stored: int = 0
    refused: int = 0
    failures: int = 0
    blocked: int = 0
    error: str | None = None


class Collector:
    """Carries records from a source to a sink; `run` is its life."""

    def __init__(self, source: Source, sink: Sink) -> None:
        self._source = source
        self._sink = sink
        self._blocked: list[Parcel] = []
        self._retry_s = 0.0
        self.counters = CollectorCounters()

    async def run(self) -> None:
        """Collect until cancelled."""
        await self._sink.open()
        await self._source.open()
        try:
            while True:
                parcels: list[Parcel] = []
                if self.counters.blocked < _MOST_BLOCKED:
                    parcels = await self._source.take(_IDLE_S)
                    self.counters.messages += len(parcels)
                    self.counters.records += sum(len(parcel.records) for parcel in parcels)
                else:
                    await asyncio.sleep(_IDLE_S)
                await self._store([*self._due(), *parcels])
        finally:
            await self._source.close()
            await self._sink.close()

    def _due(self) -> list[Parcel]:
        """Return the blocked parcels when it is time to try them again."""
        if not self._blocked or asyncio.get_running_loop().time() < self._retry_s:
            return []
        blocked, self._blocked = self._blocked, []
        return blocked

    async def _store(self, parcels: list[Parcel]) -> None:
        """Store parcels, trying again until the database answers."""
        retry = Retry(*_BACKOFF_S)
        waiting = {record.id: record for parcel in parcels for record in parcel.records}
        blocked: set[RecordId] = set()
        while True:
            answer = await self._send(waiting)
            rejected = [found.id for found in answer.rejected]
            blocked.update(found.id for found in answer.blocked)
            for found in (*answer.acknowledged, *answer.held, *rejected, *blocked):
                waiting.pop(found, None)
            await self._confirm(answer)
            if not waiting:
                break
            self.counters.failures += 1
            self.counters.error = answer.error
            await asyncio.sleep(max(retry.next_s(), answer.retry_after_s or 0.0))
        self.counters.error = answer.error if blocked else None
        for parcel in parcels:
            if blocked and any(record.id in blocked for record in parcel.records):
                self._blocked.append(parcel)
            else:
                self._source.done(parcel)
        if blocked:
            self._retry_s = asyncio.get_running_loop().time() + _BLOCKED_RETRY_S
        self.counters.blocked = sum(len(parcel.records) for parcel in self._blocked)

    async def _send(self, waiting: dict[RecordId, Record]) -> Delivery:
        """Hand records to the sink in its own portions; return all its answers as one."""
        records, most = list(waiting.values()), self._sink.max_batch
        if len(records) <= most:
            return await self._sink.send(records, live=True)
        answers: list[Delivery] = []
        for start in range(0, len(records), most):
            answers.append(await self._sink.send(records[start : start + most], live=True))
            if answers[-1].error is not None and not answers[-1].blocked:
                break
        return Delivery(
            tuple(found for answer in answers for found in answer.acknowledged),
            tuple(found for answer in answers for found in answer.rejected),
            held=tuple(found for answer in answers for found in answer.held),
            blocked=tuple(found for answer in answers for found in answer.blocked),
            retry_after_s=answers[-1].retry_after_s,
            error=answers[-1].error,
        )

    async def _confirm(self, answer: Delivery) -> None:
        """Confirm by gateway. A confirmation that does not arrive costs a repetition only."""
        self.counters.stored += len(answer.acknowledged)
        self.counters.refused += len(answer.rejected)
        gateways = {found.gateway for found in answer.acknowledged}
        gateways |= {found.id.gateway for found in answer.rejected}
        for gateway in sorted(gateways):
            stored = [found for found in answer.acknowledged if found.gateway == gateway]
            refused = {r.id: r.reason for r in answer.rejected if r.id.gateway == gateway}
            with contextlib.suppress(ConnectionError):
                await self._source.confirm(gateway, stored, refused)
