"""The MQTT sink: records of the journal to a broker, acknowledged on PUBACK or on storage.

    batch --Packing--> messages --Publishing over Link--> broker
                                    answers --Confirmations--> acknowledged, held, refused
    Upkeep   retained device statuses, Home Assistant

A sink publishes records of one provenance only, below the topic root of that provenance.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from teleward_cloud.mqtt.budget import Budget, Level
from teleward_cloud.mqtt.confirmations import Confirmations
from teleward_cloud.mqtt.connection import Incoming
from teleward_cloud.mqtt.flight import Flight
from teleward_cloud.mqtt.link import Keep, Link, LinkParts
from teleward_cloud.mqtt.packing import Packing
from teleward_cloud.mqtt.publishing import Publishing
from teleward_cloud.mqtt.retained import Inventory
from teleward_cloud.mqtt.settings import MqttSettings, MqttVersion
from teleward_cloud.mqtt.topics import Topics
from teleward_cloud.mqtt.upkeep import Upkeep
from teleward_cloud.refusals import problem
from teleward_cloud.sink import Delivery, Rejected, SinkCounters
from teleward_signal.model import Provenance
from teleward_signal.record import Record, RecordId, RecordKind

log = logging.getLogger(__name__)

_KINDS = frozenset(
    {
        RecordKind.MEASUREMENT,
        RecordKind.ALARM,
        RecordKind.ANNOTATION,
        RecordKind.DEVICE,
        RecordKind.CLOCK,
    }
)
_QOS_0 = (
    "the broker takes QoS 0 only, where nothing is acknowledged; "
    'set mqtt.confirm = "storage" and run `teleward collect`, or use another broker'
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
        budget_mb_per_day: float | None = None,
        keep: Keep | None = None,
    ) -> None:
        simulated = provenance is Provenance.SIMULATED
        root = settings.simulated_topic_root if simulated else settings.topic_root
        self.name = name
        self.kinds = _KINDS | ({RecordKind.WAVEFORM} if settings.waveforms else frozenset())
        self.topics = Topics(root, gateway)
        self._settings = settings
        self._provenance = provenance
        self._confirmations = Confirmations(settings, gateway)
        self._upkeep = Upkeep(
            settings,
            self.topics,
            inventory,
            lambda problem: self._link.failed(problem),
            lambda wanted: self._publishing.pace.spare(wanted),
        )
        packing = Packing(self.topics, settings.bundle, settings.compression)
        self._publishing = Publishing(settings, packing, lambda: self._link.current())
        self._upkeep.on_sent = self._publishing.count
        self._link = Link(settings, self._link_parts(on_command, keep), name)
        self._budget = None if budget_mb_per_day is None else Budget(budget_mb_per_day)
        self._sent = self._acknowledged = self._rejected = 0
        self._counted = (0, 0, 0)

    def _link_parts(
        self, on_command: Callable[[Incoming], None] | None, keep: Keep | None
    ) -> LinkParts:
        return LinkParts(
            self.topics,
            self._upkeep,
            self._confirmations,
            on_command,
            suspecting=lambda: self._publishing.suspects.losses > 0,
            records_flying=lambda: self._publishing.outstanding > 0,
            simulated=self._provenance is Provenance.SIMULATED,
            keep=keep,
        )

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted the connection."""
        return self._link.connected

    @property
    def last_error(self) -> str | None:
        """The newest problem."""
        return self._link.last_error

    @property
    def conflict(self) -> str | None:
        """That another gateway has this name at the broker, ``None`` when there is none."""
        return self._link.conflict

    @property
    def version(self) -> MqttVersion | None:
        """The protocol spoken at present."""
        return self._link.connection.version if self._link.connection is not None else None

    @property
    def notice(self) -> str | None:
        """What is left out to keep to the network's budget, ``None`` when nothing is."""
        return self._budget.notice if self._budget is not None else None

    async def open(self) -> None:
        """Start connecting in the background."""
        self._link.open()

    async def wait_connected(self, timeout_s: float) -> None:
        """Wait for a connection; raises ``TimeoutError``."""
        async with asyncio.timeout(timeout_s):
            await self._link.online.wait()

    async def send(self, batch: Sequence[Record], *, live: bool) -> Delivery:
        """Publish a batch and wait for the answers."""
        mine, unwanted, rejected = self._sorted(batch)
        self._upkeep.take(mine)
        if self._budget is not None and self.connected:
            mine, left_out = self._within_budget(self._budget, mine, live)
            unwanted += left_out
        if not self.connected and mine:
            outcome = Delivery(error=self.last_error or "not connected yet")
        else:
            outcome = await self._publish(mine, live=live)
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
        connection = self._link.current()
        await connection.publish(topic, message, retain=retain, correlation=correlation)

    def retry(self) -> None:
        """Send refused records again, after a person's correction."""
        self._publishing.refusals.open()
        self._upkeep.quiet = False

    def counters(self) -> SinkCounters:
        """Return the counters."""
        publishing, link = self._publishing, self._link
        return SinkCounters(
            self._sent,
            self._acknowledged,
            self._rejected,
            link.errors,
            {
                "connected": float(self.connected),
                "connects": float(link.connects),
                "outstanding": float(publishing.outstanding),
                "unconfirmed": float(len(self._confirmations)),
                "storage_required": float(self._confirmations.required),
                "messages_total": float(publishing.messages),
                "message_bytes_total": float(publishing.bytes),
                "publishes_per_s_limit": publishing.pace.per_s or 0.0,
                "blocked_scopes": float(len(publishing.refusals)),
                "budget_level": float(self._budget.level if self._budget is not None else 0),
                "left_out_total": float(self._budget.thinned if self._budget is not None else 0),
            },
        )

    async def close(self) -> None:
        """Publish the offline status, disconnect; idempotent."""
        await self._link.close()

    def _sorted(
        self, batch: Sequence[Record]
    ) -> tuple[list[Record], list[RecordId], list[Rejected]]:
        """Return what to publish, what this sink does not want, and what may not leave here."""
        mine, unwanted, rejected = [], [], []
        for record in batch:
            if not self._wants(record):
                unwanted.append(record.id)
            elif record.provenance is self._provenance:
                mine.append(self._named(record))
            else:
                reason = f"this gateway publishes {self._provenance.value} data only"
                rejected.append(Rejected(record.id, reason))
        return mine, unwanted, rejected

    def _named(self, record: Record) -> Record:
        """Return a record under this gateway's name, for a backlog that an earlier name left.

        A collector takes from a gateway's topics what bears its name only; the journal's id, which
        no other has, keeps records of two gateways apart.
        """
        gateway = self.topics.gateway
        if record.id.gateway == gateway:
            return record
        return replace(record, id=replace(record.id, gateway=gateway))

    def _wants(self, record: Record) -> bool:
        if record.kind is RecordKind.WAVEFORM:
            waveforms = self._settings.waveforms
            return record.metric in waveforms or "all" in waveforms
        return record.kind in self.kinds

    def _within_budget(
        self, budget: Budget, records: list[Record], live: bool
    ) -> tuple[list[Record], list[RecordId]]:
        """Return what the network's budget allows, and what is left out."""
        publishing = self._publishing
        n_bytes, n_messages = publishing.bytes - self._counted[0], publishing.messages
        budget.spent(n_bytes, n_messages - self._counted[1], self._sent - self._counted[2])
        self._counted = publishing.bytes, publishing.messages, self._sent
        before = budget.level
        chosen = budget.choose(records, live=live, now_s=time.monotonic())
        if budget.level is not before:
            self._upkeep.spare(budget.level is Level.SPARSE)
            log.warning("MQTT: %s", budget.notice or "within the network budget: all is sent")
        return chosen

    async def _publish(self, records: list[Record], *, live: bool) -> Delivery:
        """Publish records and return what became of them and of those that wait."""
        confirmations = self._confirmations
        required, ids = confirmations.required, [record.id for record in records]
        flight = Flight()
        if records:
            flight.error = await self._obstacle(required)
        if records and flight.error is None:
            if required:
                confirmations.published(ids)
            self._sent += len(records)
            flight = await self._publishing.publish(records, live=live)
            connection = self._link.connection
            if connection is not None and not self._publishing.suspects.losses:
                self._upkeep.publish(connection, records if live else ())
        answer = confirmations.settle(ids, flight.taken, required=required)
        error = flight.error or answer.error
        if flight.blocked and error is None:
            error = problem("the broker", flight.blocked)
        if error is not None:
            self._link.failed(error)
        return replace(
            answer,
            rejected=(*flight.rejected, *answer.rejected),
            blocked=tuple(flight.blocked),
            resumed=flight.resumed,
            error=error,
        )

    async def _obstacle(self, required: bool) -> str | None:
        """Return why nothing can be sent now."""
        connection = self._link.connection
        if connection is not None and connection.limits.qos == 0 and not required:
            return _QOS_0
        return await self._confirmations.room() if required else None
