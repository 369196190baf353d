"""MQTT to InfluxDB: take messages, store their records, confirm the storage to the gateways.

    broker --$share/{group}/...--> pending --batch--> InfluxSink --stored--> PUBACK to the broker
                                                                      \\---> {gateway}/confirmed

Any number of collectors share the load on an MQTT 5 broker. A collector keeps nothing: what it has
not confirmed, a gateway in confirmed mode sends again, to whichever collector is left; points are
idempotent, so nothing is stored twice. A message is acknowledged only after storage, so the
broker's Receive Maximum bounds what is pending.

A cluster's own consumers can take the broker's place: they are another `Source`.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from teleward_cloud.mqtt import payload
from teleward_cloud.mqtt.connection import (
    BrokerRefused,
    Incoming,
    MqttConnection,
    MqttUnavailable,
)
from teleward_cloud.mqtt.connection_log import lost
from teleward_cloud.mqtt.settings import MqttSettings, MqttVersion
from teleward_cloud.mqtt.topics import Topics, gateway_of, record_filters
from teleward_cloud.mqtt.versions import connect
from teleward_cloud.retry import Retry
from teleward_cloud.sink import Delivery, Sink
from teleward_signal.model import Provenance
from teleward_signal.record import Record, RecordId

_PENDING = 1000
"""Messages taken without storage; about 4 s of a ward of 64 with one waveform each."""
_MOST_WAITING = 2 * _PENDING
"""Messages that wait while the database is away. QoS 1 stops at the Receive Maximum; what a
stranger publishes with QoS 0 would come without end."""
_FLUSH_S = 0.2
"""Longest wait of a record for company; small against the second that a numeric is worth."""
_BATCH = 5000
_IDLE_S = 1.0
"""How often held records are asked for when nothing comes."""
_BACKOFF_S = (0.5, 15.0)


@dataclass(frozen=True, slots=True)
class Parcel:
    """Records of one message; ``message`` is what the source needs to acknowledge it."""

    records: tuple[Record, ...]
    message: Incoming


class Source(Protocol):
    """Where parcels come from and confirmations go."""

    async def open(self) -> None:
        """Start; reconnects by itself."""
        ...

    async def take(self, timeout_s: float) -> list[Parcel]:
        """Return what has arrived, at least one parcel unless ``timeout_s`` passes."""
        ...

    def done(self, parcel: Parcel) -> None:
        """Acknowledge a parcel to the engine."""
        ...

    async def confirm(
        self, gateway: str, stored: Sequence[RecordId], refused: Mapping[RecordId, str]
    ) -> None:
        """Report to a gateway what became of its records; raises ``ConnectionError``."""
        ...

    async def close(self) -> None:
        """Stop; idempotent."""
        ...


@dataclass(slots=True)
class CollectorCounters:
    """What a collector has seen since its start."""

    messages: int = 0
    records: int = 0
    stored: int = 0
    refused: int = 0
    unreadable: int = 0
    failures: int = 0
    error: str | None = None


class Collector:
    """Carries records from a source to a sink; `run` is its life."""

    def __init__(self, source: Source, sink: Sink) -> None:
        self._source = source
        self._sink = sink
        self.counters = CollectorCounters()

    async def run(self) -> None:
        """Collect until cancelled."""
        await self._sink.open()
        await self._source.open()
        try:
            while True:
                parcels = await self._source.take(_IDLE_S)
                await self._store(parcels)
        finally:
            await self._source.close()
            await self._sink.close()

    async def _store(self, parcels: list[Parcel]) -> None:
        """Store parcels, trying again until the database answers."""
        retry = Retry(*_BACKOFF_S)
        waiting = {record.id: record for parcel in parcels for record in parcel.records}
        self.counters.messages += len(parcels)
        self.counters.records += len(waiting)
        while True:
            answer = await self._sink.send(list(waiting.values()), live=True)
            rejected = [found.id for found in answer.rejected]
            for found in (*answer.acknowledged, *answer.held, *rejected):
                waiting.pop(found, None)
            await self._confirm(answer)
            if not waiting:
                break
            self.counters.failures += 1
            self.counters.error = answer.error
            await asyncio.sleep(max(retry.next_s(), answer.retry_after_s or 0.0))
        self.counters.error = None
        for parcel in parcels:
            self._source.done(parcel)

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


class MqttSource:
    """A broker as source; without shared subscriptions (3.1.1) only one collector may run."""

    def __init__(
        self, settings: MqttSettings, *, provenance: Provenance, group: str, client_id: str
    ) -> None:
        simulated = provenance is Provenance.SIMULATED
        self.root = settings.simulated_topic_root if simulated else settings.topic_root
        self._settings = settings
        self._group = group
        self._client_id = client_id
        self._arrived: asyncio.Queue[tuple[MqttConnection, Parcel]] = asyncio.Queue()
        self._owners: dict[int, MqttConnection] = {}
        self._connection: MqttConnection | None = None
        self._runner: asyncio.Task[None] | None = None
        self.unreadable = self.dropped = 0
        self.connected = asyncio.Event()
        self.last_error: str | None = None

    async def open(self) -> None:
        """Start connecting."""
        self._runner = asyncio.create_task(self._run(), name="collector connection")

    async def take(self, timeout_s: float) -> list[Parcel]:
        """Return what arrived within a flush interval of the first parcel."""
        parcels: list[Parcel] = []
        try:
            async with asyncio.timeout(timeout_s):
                self._accept(await self._arrived.get(), parcels)
        except TimeoutError:
            return []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FLUSH_S):
                n_records = len(parcels[0].records)
                while n_records < _BATCH and len(parcels) < _PENDING // 2:
                    self._accept(await self._arrived.get(), parcels)
                    n_records += len(parcels[-1].records)
        return parcels

    def done(self, parcel: Parcel) -> None:
        """Acknowledge on the connection it came from; another would not know it."""
        owner = self._owners.pop(id(parcel), None)
        if owner is not None and owner is self._connection and not owner.ended.is_set():
            owner.acknowledge(parcel.message)

    async def confirm(
        self, gateway: str, stored: Sequence[RecordId], refused: Mapping[RecordId, str]
    ) -> None:
        """Publish a confirmation; raises ``ConnectionError``."""
        connection = self._connection
        if connection is None:
            raise ConnectionError("not connected")
        topic = Topics(self.root, gateway).confirmed
        try:
            await connection.publish(topic, payload.confirmation(stored, refused))
        except (MqttUnavailable, BrokerRefused) as error:
            self.last_error = str(error)
            raise ConnectionError(str(error)) from error

    async def close(self) -> None:
        """Disconnect; idempotent."""
        runner, self._runner = self._runner, None
        if runner is not None:
            runner.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await runner
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    def _accept(self, arrived: tuple[MqttConnection, Parcel], parcels: list[Parcel]) -> None:
        connection, parcel = arrived
        self._owners[id(parcel)] = connection
        parcels.append(parcel)

    async def _run(self) -> None:
        retry = Retry(*_BACKOFF_S)
        while True:
            try:
                connection = await connect(self._settings, self._make)
                retry.connected()
                await self._serve(connection, retry)
            except (MqttUnavailable, BrokerRefused, ValueError) as error:
                self.last_error = str(error)
            await retry.wait()

    async def _serve(self, connection: MqttConnection, retry: Retry) -> None:
        filters = record_filters(self.root)
        if connection.version is MqttVersion.V5:
            filters = tuple(f"$share/{self._group}/{topic}" for topic in filters)
        self._connection = connection
        try:
            await connection.subscribe(*filters)
            self.connected.set()
            await connection.ended.wait()
            self.last_error = lost(connection.reason, soon=not retry.is_steady)
        finally:
            self.connected.clear()
            await connection.close()

    def _make(self, version: MqttVersion) -> MqttConnection:
        made: list[MqttConnection] = []
        made.append(
            MqttConnection(
                self._settings,
                client_id=self._client_id,
                version=version,
                on_message=lambda message: self._received(made[0], message),
                manual_ack=True,
                receive_maximum=_PENDING,
            )
        )
        return made[0]

    def _received(self, connection: MqttConnection, message: Incoming) -> None:
        try:
            records = tuple(payload.decode(message.payload))
            owner = gateway_of(self.root, message.topic)
            if any(record.id.gateway != owner for record in records):
                raise payload.PayloadError(f"records of another gateway below {owner}")
        except payload.PayloadError as error:
            self.unreadable += 1
            self.last_error = f"{message.topic}: {error}"
            connection.acknowledge(message)  # it will not become readable by coming again
            return
        if self._arrived.qsize() >= _MOST_WAITING:
            self.dropped += 1  # without an acknowledgement: it comes again after a reconnect
            return
        self._arrived.put_nowait((connection, Parcel(records, message)))
