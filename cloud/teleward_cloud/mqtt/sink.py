"""The MQTT sink: records of the journal to a broker, acknowledged on PUBACK or on storage.

    open ---> connect (5, else 3.1.1) ---> online, retained status ---> send ... ---> lost
                 ^                                                                     |
                 +------------------ back-off with jitter <----------------------------+

A sink publishes records of one provenance only, below the topic root of that provenance.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache, partial

from teleward_cloud.mqtt import home_assistant, payload
from teleward_cloud.mqtt.connection import (
    BrokerRefused,
    Incoming,
    MqttConnection,
    MqttUnavailable,
    Will,
)
from teleward_cloud.mqtt.connection_log import ConnectionLog, lost
from teleward_cloud.mqtt.flight import Flight
from teleward_cloud.mqtt.retained import DeviceStatuses, Inventory
from teleward_cloud.mqtt.settings import Confirmation, MqttSettings, MqttVersion
from teleward_cloud.mqtt.topics import Topics, plain
from teleward_cloud.mqtt.unconfirmed import MOST, Unconfirmed
from teleward_cloud.mqtt.versions import connect
from teleward_cloud.rate import Rate
from teleward_cloud.retry import Retry
from teleward_cloud.sink import Delivery, Rejected, SinkCounters
from teleward_signal.model import Provenance
from teleward_signal.record import Record, RecordId, RecordKind

_BACKOFF_S = (0.5, 30.0)
"""First and longest wait before a new connection; a ward sees its broker return within 30 s."""
_LOOK_AFTER_S = 5.0
"""How often retained messages are compared with what the gateway serves."""
_RETAINED_S = 1.0
"""Time for a broker to send what it has retained; it does so at once after its SUBACK."""
_KINDS = frozenset(
    {
        RecordKind.MEASUREMENT,
        RecordKind.ALARM,
        RecordKind.ANNOTATION,
        RecordKind.DEVICE,
        RecordKind.CLOCK,
    }
)


class MqttSink:
    """Publish to a broker; see `teleward_cloud.sink.Sink`.

    ``on_command`` is called on the loop with each message below the gateway's command topic.
    """

    max_batch = 512
    """About one window of messages of a large ward, several of a small one."""

    def __init__(
        self,
        settings: MqttSettings,
        *,
        gateway: str,
        provenance: Provenance,
        name: str = "mqtt",
        on_command: Callable[[Incoming], None] | None = None,
        inventory: Inventory | None = None,
    ) -> None:
        simulated = provenance is Provenance.SIMULATED
        root = settings.simulated_topic_root if simulated else settings.topic_root
        self.name = name
        self.kinds = _KINDS | ({RecordKind.WAVEFORM} if settings.waveforms else frozenset())
        self.topics = Topics(root, gateway)
        self._settings = settings
        self._topic = lru_cache(maxsize=4096)(self.topics.records)
        self._provenance = provenance
        self._on_command = on_command
        self._connection: MqttConnection | None = None
        self._online = asyncio.Event()
        self._runner: asyncio.Task[None] | None = None
        self._outstanding = 0
        self._room = asyncio.Event()
        self._backfill = Rate(settings.backfill_per_s)
        storage = settings.confirm is Confirmation.STORAGE
        self._unconfirmed = Unconfirmed(settings.confirm_timeout_s) if storage else None
        self._confirmed = asyncio.Event()
        self._announced = home_assistant.Announced()
        self._statuses = DeviceStatuses()
        self._inventory = inventory
        self._retained: dict[str, bytes] | None = None
        self._command_base = self.topics.command("")
        self._sent = self._acknowledged = self._rejected = self._errors = self._connects = 0
        self.last_error: str | None = None
        self._connection_log = ConnectionLog(settings)

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted the connection."""
        return self._online.is_set()

    @property
    def version(self) -> MqttVersion | None:
        """The protocol spoken at present."""
        return self._connection.version if self._connection and self.connected else None

    async def open(self) -> None:
        """Start connecting in the background."""
        self._runner = asyncio.create_task(self._run(), name=f"{self.name} connection")

    async def wait_connected(self, timeout_s: float) -> None:
        """Wait for a connection; raises ``TimeoutError``."""
        async with asyncio.timeout(timeout_s):
            await self._online.wait()

    async def send(self, batch: Sequence[Record], *, live: bool) -> Delivery:
        """Publish a batch, one message a subject and second, and wait for the answers."""
        mine, unwanted, rejected = self._sorted(batch)
        for record in mine:
            if record.kind is RecordKind.DEVICE:
                self._statuses.take(record)
        outcome = Delivery()
        if not self.connected and mine:
            outcome = Delivery(error=self.last_error or "not connected yet")
        elif mine or self._unconfirmed is not None:
            outcome = await self._publish_all(mine, live=live)
        self._rejected += len(rejected) + len(outcome.rejected)
        self._acknowledged += len(outcome.acknowledged)
        return replace(
            outcome,
            acknowledged=(*unwanted, *outcome.acknowledged),
            rejected=(*rejected, *outcome.rejected),
        )

    async def publish(
        self, topic: str, message: bytes, *, retain: bool = False, correlation: bytes | None = None
    ) -> None:
        """Publish something that is no record, such as a reply; raises as `MqttConnection`."""
        if self._connection is None or not self.connected:
            raise MqttUnavailable(self.last_error or "not connected yet")
        await self._connection.publish(topic, message, retain=retain, correlation=correlation)

    def counters(self) -> SinkCounters:
        """Return the counters."""
        return SinkCounters(
            self._sent,
            self._acknowledged,
            self._rejected,
            self._errors,
            {
                "connected": float(self.connected),
                "connects": float(self._connects),
                "outstanding": float(self._outstanding),
                "unconfirmed": float(len(self._unconfirmed or ())),
            },
        )

    async def close(self) -> None:
        """Publish the offline status, disconnect; idempotent."""
        runner, self._runner = self._runner, None
        if runner is not None:
            runner.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await runner
        connection, self._connection = self._connection, None
        online = self.connected
        self._online.clear()
        if connection is not None:
            farewell = (self.topics.status, self._status(online=False, time_ns=time.time_ns()))
            await connection.close(farewell=farewell if online else None)

    def _sorted(
        self, batch: Sequence[Record]
    ) -> tuple[list[Record], list[RecordId], list[Rejected]]:
        """Return what to publish, what this sink does not want, and what may not leave here."""
        mine, unwanted, rejected = [], [], []
        for record in batch:
            if not self._wants(record):
                unwanted.append(record.id)
            elif record.provenance is self._provenance:
                mine.append(record)
            else:
                reason = f"this gateway publishes {self._provenance.value} data only"
                rejected.append(Rejected(record.id, reason))
        return mine, unwanted, rejected

    def _wants(self, record: Record) -> bool:
        if record.kind is RecordKind.WAVEFORM:
            waveforms = self._settings.waveforms
            return record.metric in waveforms or "all" in waveforms
        return record.kind in self.kinds

    # Publishing

    async def _publish_all(self, records: list[Record], *, live: bool) -> Delivery:
        """Publish every bundle; the acknowledgements are awaited together."""
        flight = Flight()
        flight.error = await self._room_for_confirmations() if records else None
        try:
            if flight.error is None:
                await self._post_all(flight, payload.bundles(records), live=live)
            await self._settle(flight)
            self._post_statuses()
        except MqttUnavailable as unavailable:
            flight.error = str(unavailable)
        if flight.error is not None:
            self._failed(flight.error)
        rejected = [Rejected(found, reason) for found, reason in flight.refused.items()]
        if self._unconfirmed is None:
            return Delivery(tuple(flight.taken), tuple(rejected), error=flight.error)
        taken = {*flight.taken}
        self._unconfirmed.failed([r.id for r in records if r.id not in taken])
        answer = self._unconfirmed.settle(flight.taken, time.monotonic())
        rejected += answer.rejected
        return replace(answer, rejected=tuple(rejected), error=flight.error or answer.error)

    async def _post_all(self, flight: Flight, bundles: list[list[Record]], *, live: bool) -> None:
        """Publish each bundle as soon as the window has room."""
        discover = self._settings.home_assistant.enabled and live
        for bundle in bundles:
            if not live:
                await self._backfill.take(1)
            connection = self._connection
            if connection is None or not self.connected or self._outstanding >= connection.window:
                connection = await self._with_room()
            if discover:
                await self._publish_home(connection, bundle)
            self._post(connection, flight, bundle, live=live)

    def _post(
        self, connection: MqttConnection, flight: Flight, bundle: list[Record], *, live: bool
    ) -> None:
        """Publish one bundle now."""
        ids = [record.id for record in bundle]
        try:
            message = payload.encode(bundle, live=live)
        except (TypeError, ValueError) as error:
            flight.refused.update(dict.fromkeys(ids, f"no JSON: {error}"))
            return
        if self._unconfirmed is not None:
            self._unconfirmed.published(ids, time.monotonic())
        first = bundle[0]
        metric = first.metric if first.kind is RecordKind.WAVEFORM else None
        topic = self._topic(first.kind, first.subject, metric, live=live)
        self._sent += len(ids)
        self._outstanding += 1
        flight.open += 1
        connection.post(topic, message, partial(self._landed, flight, ids))

    def _landed(self, flight: Flight, ids: list[RecordId], error: Exception | None) -> None:
        """Take the answer to one message."""
        self._outstanding -= 1
        self._room.set()
        flight.open -= 1
        if error is None:
            flight.taken += ids
        elif isinstance(error, BrokerRefused):
            flight.refused.update(dict.fromkeys(ids, error.reason))
        else:
            flight.error = str(error)
        if flight.open == 0:
            flight.empty.set()

    async def _with_room(self) -> MqttConnection:
        """Return the connection when its window has room; raises `MqttUnavailable`."""
        while True:
            connection = self._connection
            if connection is None or not self.connected:
                raise MqttUnavailable(self.last_error or "connection lost")
            if self._outstanding < connection.window:
                return connection
            self._room.clear()
            await self._answer(connection, self._room)

    async def _settle(self, flight: Flight) -> None:
        """Wait until every message of a flight is answered or given up."""
        while flight.open:
            flight.empty.clear()
            connection = self._connection
            if connection is None:
                raise MqttUnavailable("connection lost")
            await self._answer(connection, flight.empty)

    async def _answer(self, connection: MqttConnection, event: asyncio.Event) -> None:
        """Wait for an event; a broker that stays silent loses the connection."""
        try:
            async with asyncio.timeout(self._settings.ack_timeout_s):
                await event.wait()
        except TimeoutError:
            self._online.clear()
            await connection.close()
            raise MqttUnavailable("the broker acknowledges nothing") from None

    async def _room_for_confirmations(self) -> str | None:
        """Wait while too many records are unconfirmed; return why nothing can be sent."""
        if self._unconfirmed is None:
            return None
        try:
            async with asyncio.timeout(self._settings.confirm_timeout_s):
                while len(self._unconfirmed) >= MOST:
                    self._confirmed.clear()
                    await self._confirmed.wait()
        except TimeoutError:
            return "no collector confirms storage; start `teleward collect`"
        return None

    async def _publish_home(self, connection: MqttConnection, bundle: list[Record]) -> None:
        """Publish plain values for Home Assistant, and announce metrics that are new to it."""
        try:
            for record in self._announced.unknown(bundle):
                prefix = self._settings.home_assistant.prefix
                for topic, message in home_assistant.discovery(prefix, self.topics, record):
                    await connection.publish(topic, message, retain=True)
        except BrokerRefused as error:  # the records go on without it
            self._failed(f"the broker refuses Home Assistant's discovery: {error.reason}")
        for topic, message in home_assistant.states(self.topics, bundle):
            self._post_beside(connection, topic, message)

    def _post_beside(
        self, connection: MqttConnection, topic: str, message: bytes, *, retain: bool = False
    ) -> None:
        """Publish what is no record; an answer is not waited for."""
        flight = Flight(open=1)
        self._outstanding += 1
        connection.post(topic, message, partial(self._landed, flight, []), retain=retain)

    # Retained messages

    def _post_statuses(self) -> None:
        """Publish the device statuses that the broker does not have yet."""
        connection = self._connection
        if connection is None or not self.connected:
            return
        for record in self._statuses.due(time.monotonic()):
            topic = self.topics.device(record.device or "")
            self._post_beside(connection, topic, payload.encode([record], live=True), retain=True)

    async def _look_after(self, connection: MqttConnection) -> None:
        """Keep the retained messages true until the connection ends."""
        served: tuple[frozenset[str], frozenset[str]] | None = None
        while not connection.ended.is_set():
            if self._inventory is not None:
                serving = self._inventory.devices(), self._inventory.subjects()
                if served is None or served[0] - serving[0] or served[1] - serving[1]:
                    await self._remove_outdated(connection, *serving)
                served = serving
            self._post_statuses()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_AFTER_S):
                    await connection.ended.wait()

    async def _remove_outdated(
        self, connection: MqttConnection, devices: frozenset[str], subjects: frozenset[str]
    ) -> None:
        """Remove the retained messages of devices and subjects that are not served any more.

        The broker itself is asked what it keeps: a device may have been removed while the gateway
        or the broker was away.
        """
        self._statuses.keep_only(devices)
        self._announced.forget(subjects)
        home = self._settings.home_assistant
        filters = [self.topics.device("+")]
        if home.enabled:
            filters.append(f"{home.prefix}/sensor/+/+/config")
        self._retained = {}
        for topic in filters:
            with contextlib.suppress(BrokerRefused):
                await connection.subscribe(topic)
        await asyncio.sleep(_RETAINED_S)
        for topic in filters:
            await connection.unsubscribe(topic)
        found, self._retained = self._retained, None
        for topic, message in found.items():
            base, _, device = topic.rpartition("/")
            gone = (
                plain(device) not in devices
                if base == self.topics.device("").rstrip("/")
                else home_assistant.is_outdated(self.topics, subjects, message)
            )
            if gone:
                self._post_beside(connection, topic, b"", retain=True)

    # The connection's life

    async def _run(self) -> None:
        retry = Retry(*_BACKOFF_S)
        while True:
            try:
                connection = await connect(self._settings, self._make)
            except (MqttUnavailable, ValueError) as error:
                self._failed(str(error))
            else:
                retry.connected()
                await self._serve(connection, retry)
            await retry.wait()

    def _make(self, version: MqttVersion) -> MqttConnection:
        return MqttConnection(
            self._settings,
            client_id=self._settings.client_id or f"teleward-{self.topics.gateway}",
            version=version,
            will=Will(self.topics.status, self._status(online=False, time_ns=None)),
            on_message=self._received,
        )

    async def _serve(self, connection: MqttConnection, retry: Retry) -> None:
        """Announce the gateway and stay connected until the connection ends."""
        self._connection = connection
        self._announced.clear()
        self._statuses.connected()
        self._connects += 1
        try:
            await self._subscribe_commands(connection)
            if self._unconfirmed is not None:
                await connection.subscribe(self.topics.confirmed)
            hello = self._status(online=True, time_ns=time.time_ns())
            await connection.publish(self.topics.status, hello, retain=True)
            self._online.set()
            self._connection_log.connected()
            await self._look_after(connection)
            self._failed(lost(connection.reason, soon=not retry.is_steady))
        except (MqttUnavailable, BrokerRefused) as error:
            self._failed(str(error))
        self._online.clear()
        await connection.close()

    async def _subscribe_commands(self, connection: MqttConnection) -> None:
        """Subscribe to commands; a broker that does not allow it still gets the records."""
        if self._on_command is None:
            return
        try:
            await connection.subscribe(self.topics.commands)
        except BrokerRefused as error:
            self._failed(f"no remote commands: {self.topics.commands}: {error.reason}")

    def _status(self, *, online: bool, time_ns: int | None) -> bytes:
        simulated = self._provenance is Provenance.SIMULATED
        return payload.status(
            self.topics.gateway, online=online, simulated=simulated, time_ns=time_ns
        )

    def _received(self, message: Incoming) -> None:
        if message.topic == self.topics.confirmed:
            try:
                ids = payload.confirmed(self.topics.gateway, message.payload)
            except payload.PayloadError as error:
                self._failed(str(error))
                return
            if self._unconfirmed is not None:
                self._unconfirmed.answered(ids)
                self._confirmed.set()
        elif message.retained:
            if self._retained is not None and message.payload:
                self._retained[message.topic] = message.payload
        elif self._on_command is not None and message.topic.startswith(self._command_base):
            self._on_command(message)

    def _failed(self, reason: str) -> None:
        self._errors += 1
        self.last_error = reason
        self._connection_log.problem(reason)
