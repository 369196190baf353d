"""What a gateway keeps at its broker beside records: retained messages and Home Assistant.

    device statuses      retained, again after each connect, removed with the device
    discovery, values    for Home Assistant, if enabled

Nothing here may hold up a record: a broker that refuses it, or closes the connection for it, gets
no more of it.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence

from teleward_cloud.mqtt import home_assistant, payload
from teleward_cloud.mqtt.compression import compress
from teleward_cloud.mqtt.connection import BrokerRefused, MqttConnection
from teleward_cloud.mqtt.retained import DeviceStatuses, Inventory
from teleward_cloud.mqtt.settings import MqttSettings
from teleward_cloud.mqtt.topics import Topics, plain
from teleward_signal.record import Record, RecordKind

log = logging.getLogger(__name__)

_RETAINED_S = 1.0
"""Time for a broker to send what it has retained; it does so at once after its SUBACK."""
_MOST_LOSSES = 3
"""Connections lost with nothing but these messages on their way until they are left out."""


class Upkeep:
    """Retained messages of one gateway."""

    def __init__(
        self,
        settings: MqttSettings,
        topics: Topics,
        inventory: Inventory | None,
        on_problem: Callable[[str], None],
        grant: Callable[[int], int] = int,
    ) -> None:
        self._home = settings.home_assistant
        self._compression = settings.compression
        self._topics = topics
        self._inventory = inventory
        self._on_problem, self._grant = on_problem, grant
        self._announced = home_assistant.Announced()
        self._statuses = DeviceStatuses()
        self._served: tuple[frozenset[str], frozenset[str]] | None = None
        self._retained: dict[str, bytes] | None = None
        self._open = 0
        self._losses = 0
        self.quiet = self.asking = False
        self.on_sent: Callable[[int], None] = lambda n_bytes: None

    def ask_nothing(self) -> None:
        """Subscribe to nothing any more: what is outdated at the broker stays."""
        self._inventory = None

    def spare(self, sparse: bool) -> None:
        """Publish statuses only when a state or a fault changes, while the budget is used up."""
        self._statuses.sparse = sparse

    def connected(self) -> None:
        """Restart: another connection may be another broker, or one that forgot everything."""
        self._announced.clear()
        self._statuses.connected()
        self._served, self._open, self.asking = None, 0, False

    def lost(self, by_broker: bool, *, records: bool) -> None:
        """Take the end of a connection; ``records``: messages with records were on their way."""
        self._losses = self._losses + 1 if by_broker and self._open and not records else 0
        if self._losses >= _MOST_LOSSES and not self.quiet:
            self.quiet = True
            log.warning("MQTT: the broker closes the connection at retained messages: left out")

    def take(self, records: Sequence[Record]) -> None:
        """Remember the device statuses of a batch."""
        for record in records:
            if record.kind is RecordKind.DEVICE:
                self._statuses.take(record)

    def received(self, topic: str, message: bytes) -> None:
        """Take a message that the broker had retained."""
        if self._retained is not None and message:
            self._retained[topic] = message

    def publish(self, connection: MqttConnection, fresh: Sequence[Record] = ()) -> None:
        """Publish what the broker does not have yet, and the values of ``fresh`` records."""
        if self.quiet:
            return
        for record in self._statuses.due(time.monotonic(), self._grant):
            topic = self._topics.device(record.device or "")
            message = compress(payload.encode([record], live=True), self._compression)
            self._post(connection, topic, message, retain=True)
        if self._home.enabled and fresh:
            for record in self._announced.unknown(fresh):
                made = home_assistant.discovery(self._home.prefix, self._topics, record)
                for topic, message in made:
                    self._post(connection, topic, message, retain=True)
            values = home_assistant.states(self._topics, fresh)
            for topic, message in values[: self._grant(len(values))]:
                self._post(connection, topic, message)

    async def look_after(self, connection: MqttConnection) -> None:
        """Remove what is not served any more; call every few seconds."""
        if self._inventory is not None and not self.quiet:
            devices, subjects = self._inventory.devices(), self._inventory.subjects()
            served = self._served
            if served is None or served[0] - devices or served[1] - subjects:
                await self._remove_outdated(connection, devices, subjects)
            self._served = devices, subjects
        self.publish(connection)

    async def _remove_outdated(
        self, connection: MqttConnection, devices: frozenset[str], subjects: frozenset[str]
    ) -> None:
        """Remove the retained messages of devices and subjects that are not served any more.

        The broker itself is asked what it keeps: a device may have been removed while the gateway
        or the broker was away.
        """
        self._statuses.keep_only(devices)
        self._announced.forget(subjects)
        filters = [self._topics.device("+")]
        if self._home.enabled:
            filters.append(f"{self._home.prefix}/sensor/+/+/config")
        self._retained = {}
        self.asking = True
        for topic in filters:
            with contextlib.suppress(BrokerRefused):
                await connection.subscribe(topic)
        self.asking = False
        await asyncio.sleep(_RETAINED_S)
        for topic in filters:
            with contextlib.suppress(BrokerRefused):
                await connection.unsubscribe(topic)
        found, self._retained = self._retained, None
        for topic, message in found.items():
            if self._is_outdated(topic, message, devices, subjects):
                self._post(connection, topic, b"", retain=True)

    def _is_outdated(
        self, topic: str, message: bytes, devices: frozenset[str], subjects: frozenset[str]
    ) -> bool:
        base, _, device = topic.rpartition("/")
        if base == self._topics.device("").rstrip("/"):
            return plain(device) not in devices
        return home_assistant.is_outdated(self._topics, subjects, message)

    def _post(
        self, connection: MqttConnection, topic: str, message: bytes, *, retain: bool = False
    ) -> None:
        self._open += 1
        self.on_sent(len(topic) + len(message))
        connection.post(topic, message, self._landed, retain=retain)

    def _landed(self, error: Exception | None) -> None:
        if isinstance(error, BrokerRefused):
            self._on_problem(f"the broker refuses retained messages: {error.reason}")
        if error is None or isinstance(error, BrokerRefused):
            self._open -= 1
