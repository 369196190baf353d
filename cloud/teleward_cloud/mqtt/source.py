"""A broker as the source of a collector: nothing that it acknowledged is dropped.

    broker ==intake, persistent session==> waiting --take--> parcels --done--> PUBACK
                    ^                         |
                    +---- reading stops ------+  above `_MOST_WAITING` messages or bytes
    broker <==control========= confirmations, "a collector stands here"

The intake has a session that outlives the connection, so that the broker keeps what comes while the
collector is away. A message is acknowledged only after storage. When the database is slower than
the gateways, the socket is not read any more: TCP holds the broker back, whatever it makes of a
Receive Maximum (mosquitto 2.0.11 exceeds it after the first PUBACK, measured). Confirmations have
a connection of their own, which is always read.
"""

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Mapping, Sequence

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
from teleward_cloud.parcels import Parcel
from teleward_cloud.retry import Retry
from teleward_signal.model import Provenance
from teleward_signal.record import RecordId

_MOST_WAITING = 5_000
"""Messages that wait for the database: one second of 5000 gateways."""
_MOST_WAITING_BYTES = 16 * 1024 * 1024
_RESUME_SHARE = 0.5
"""Reading goes on when half of that is stored."""
_RECEIVE_MAXIMUM = 65_535
"""What a broker may send without an acknowledgement. mosquitto would queue what exceeds it and drop
what exceeds its queue of 1000; here the socket is what holds it back."""
_FLUSH_S = 0.2
"""Longest wait of a record for company; small against the second that a numeric is worth."""
_BATCH = 10_000
"""Records taken at once, what `InfluxSink` writes in one go."""
_BACKOFF_S = (0.5, 15.0)
SESSION_EXPIRY_S = 86_400
"""How long a broker keeps messages for a collector that is away."""
_PRESENCE_S = 600.0
"""How often the message is renewed that a collector stands here; it expires like the session."""


class MqttSource:
    """A broker as source; without shared subscriptions (3.1.1) only one collector may run."""

    dropped = 0
    """Messages dropped: none, ever; reports show it beside the other counters."""

    def __init__(
        self, settings: MqttSettings, *, provenance: Provenance, group: str, client_id: str
    ) -> None:
        simulated = provenance is Provenance.SIMULATED
        self.root = settings.simulated_topic_root if simulated else settings.topic_root
        self._settings = settings
        self._group = group
        self._client_id = client_id
        self._arrived: asyncio.Queue[tuple[MqttConnection, Incoming]] = asyncio.Queue()
        self._waiting_bytes = 0
        self._owners: dict[int, MqttConnection] = {}
        self._intake: MqttConnection | None = None
        self._control: MqttConnection | None = None
        self._paused = False
        self._runner: asyncio.Task[None] | None = None
        self.unreadable = self.pauses = self.connects = 0
        self.connected = asyncio.Event()
        self.last_error: str | None = None

    @property
    def waiting(self) -> tuple[int, int]:
        """Messages and bytes that wait for the database."""
        return self._arrived.qsize(), self._waiting_bytes

    @property
    def paused(self) -> bool:
        """Whether the broker is held back now."""
        return self._paused

    async def open(self) -> None:
        """Start connecting."""
        self._runner = asyncio.create_task(self._run(), name="collector connection")

    async def take(self, timeout_s: float) -> list[Parcel]:
        """Return what arrived within a flush interval of the first parcel."""
        parcels: list[Parcel] = []
        try:
            async with asyncio.timeout(timeout_s):
                while not parcels:
                    self._accept(await self._arrived.get(), parcels)
        except TimeoutError:
            return []
        n_records = len(parcels[0].records)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FLUSH_S):
                while n_records < _BATCH:
                    before = len(parcels)
                    self._accept(await self._arrived.get(), parcels)
                    n_records += sum(len(parcel.records) for parcel in parcels[before:])
        return parcels

    def done(self, parcel: Parcel) -> None:
        """Acknowledge on the connection it came from; another would not know it."""
        owner = self._owners.pop(id(parcel), None)
        if owner is not None and owner is self._intake and not owner.ended.is_set():
            owner.acknowledge(parcel.message)

    async def confirm(
        self, gateway: str, stored: Sequence[RecordId], refused: Mapping[RecordId, str]
    ) -> None:
        """Publish a confirmation; raises ``ConnectionError``."""
        connection = self._control
        if connection is None:
            raise ConnectionError("not connected")
        topic = Topics(self.root, gateway).confirmed
        try:
            await connection.publish(topic, payload.confirmation(stored, refused))
        except (MqttUnavailable, BrokerRefused) as error:
            self.last_error = str(error)
            raise ConnectionError(str(error)) from error

    async def close(self) -> None:
        """Disconnect; the broker keeps the session. Idempotent."""
        runner, self._runner = self._runner, None
        if runner is not None:
            runner.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await runner
        for connection in (self._intake, self._control):
            if connection is not None:
                await connection.close()
        self._intake = self._control = None

    async def retire(self) -> None:
        """Remove the session and the sign that a collector stands here; raises `MqttUnavailable`.

        Messages that the broker keeps for this collector are lost: gateways that wait for
        confirmations send them again.
        """
        connection = await connect(self._settings, lambda version: self._make(version, clean=True))
        await connection.publish(self._topics.collector(self._client_id), b"", retain=True)
        await connection.close()

    # Taking

    def _accept(self, arrived: tuple[MqttConnection, Incoming], parcels: list[Parcel]) -> None:
        """Read one message; one that is not ours is acknowledged and counted."""
        connection, message = arrived
        self._waiting_bytes -= len(message.payload)
        self._resume_reading()
        try:
            records = tuple(payload.decode(message.payload))
            owner = gateway_of(self.root, message.topic)
            if any(record.id.gateway != owner for record in records):
                raise payload.PayloadError(f"records of another gateway below {owner}")
        except payload.PayloadError as error:
            self.unreadable += 1
            self.last_error = f"{message.topic}: {error}"
            if connection is self._intake and not connection.ended.is_set():
                connection.acknowledge(message)  # it will not become readable by coming again
            return
        parcel = Parcel(records, message)
        self._owners[id(parcel)] = connection
        parcels.append(parcel)

    def _received(self, connection: MqttConnection, message: Incoming) -> None:
        """Take a message in; too many hold the broker back."""
        self._arrived.put_nowait((connection, message))
        self._waiting_bytes += len(message.payload)
        if not self._paused and (
            self._arrived.qsize() >= _MOST_WAITING or self._waiting_bytes >= _MOST_WAITING_BYTES
        ):
            self._paused = True
            self.pauses += 1
            connection.pause()

    def _resume_reading(self) -> None:
        """Read again when there is room."""
        if not self._paused:
            return
        few = self._arrived.qsize() <= _RESUME_SHARE * _MOST_WAITING
        if few and self._waiting_bytes <= _RESUME_SHARE * _MOST_WAITING_BYTES:
            self._paused = False
            if self._intake is not None:
                self._intake.resume()

    # The connections

    @property
    def _topics(self) -> Topics:
        return Topics(self.root, "-")

    async def _run(self) -> None:
        retry = Retry(*_BACKOFF_S)
        while True:
            try:
                control = await connect(self._settings, self._make_control)
                try:
                    intake = await connect(self._settings, self._make)
                    retry.connected()
                    await self._serve(intake, control, retry)
                finally:
                    await control.close()
            except (MqttUnavailable, BrokerRefused, ValueError) as error:
                self.last_error = str(error)
            await retry.wait()

    async def _serve(self, intake: MqttConnection, control: MqttConnection, retry: Retry) -> None:
        """Collect until either connection ends."""
        self._forget_unread(intake)
        self._intake, self._control = intake, control
        self.connects += 1
        filters = record_filters(self.root)
        if intake.version is MqttVersion.V5 and intake.limits.shared_subscriptions:
            filters = tuple(f"$share/{self._group}/{topic}" for topic in filters)
        ended = [asyncio.create_task(connection.ended.wait()) for connection in (intake, control)]
        try:
            await intake.subscribe(*filters)
            self.connected.set()
            while not any(task.done() for task in ended):
                await self._announce(control)
                await asyncio.wait(ended, timeout=_PRESENCE_S, return_when=asyncio.FIRST_COMPLETED)
            broken = intake if intake.ended.is_set() else control
            self.last_error = lost(broken.reason, soon=not retry.is_steady)
        finally:
            self.connected.clear()
            for task in ended:
                task.cancel()
            await intake.close()

    async def _announce(self, control: MqttConnection) -> None:
        """Show gateways that a collector stands here, so that they wait for confirmations."""
        message = json.dumps({"teleward": payload.VERSION, "collector": self._client_id})
        with contextlib.suppress(BrokerRefused):
            await control.publish(
                self._topics.collector(self._client_id),
                message.encode(),
                retain=True,
                expiry_s=SESSION_EXPIRY_S,
            )

    def _forget_unread(self, new: MqttConnection) -> None:
        """Drop the unread copies of an old connection: the broker sends them again on the new."""
        kept: deque[tuple[MqttConnection, Incoming]] = deque()
        while not self._arrived.empty():
            connection, message = self._arrived.get_nowait()
            if connection is new or message.qos == 0:  # of these the broker has no other copy
                kept.append((connection, message))
        for item in kept:
            self._arrived.put_nowait(item)
        self._waiting_bytes = sum(len(message.payload) for _, message in kept)
        self._paused = False

    def _make(self, version: MqttVersion, *, clean: bool = False) -> MqttConnection:
        made: list[MqttConnection] = []
        made.append(
            MqttConnection(
                self._settings,
                client_id=self._client_id,
                version=version,
                on_message=None if clean else lambda message: self._received(made[0], message),
                manual_ack=True,
                session_expiry_s=0 if clean else SESSION_EXPIRY_S,
                receive_maximum=_RECEIVE_MAXIMUM,
            )
        )
        return made[0]

    def _make_control(self, version: MqttVersion) -> MqttConnection:
        return MqttConnection(
            self._settings, client_id=f"{self._client_id}-confirm", version=version
        )
