"""Where records go: MQTT (a broker of our own if none is named) and InfluxDB, with deliveries."""

import asyncio
import contextlib
import logging
from collections.abc import Callable

from teleward_cloud.mqtt_settings import MqttSettings
from teleward_cloud.mqtt_sink import MqttSink
from teleward_cloud.sink import Sink
from teleward_gateway.delivery import Delivery, DeliveryConfig
from teleward_gateway.embedded_broker.broker import BrokerUnavailable, EmbeddedBroker
from teleward_gateway.journal import Journal
from teleward_gateway.settings.model import Settings
from teleward_signal.model import Provenance

log = logging.getLogger(__name__)


class Outlets:
    """All sinks of one gateway and the loops that feed them from the journal."""

    def __init__(
        self,
        settings: Settings,
        journal: Journal,
        provenance: Provenance,
        on_ready: Callable[["Outlets"], None] = lambda outlets: None,
    ) -> None:
        self.broker: EmbeddedBroker | None = None
        self.mqtt: MqttSettings | None = settings.mqtt
        self.deliveries: dict[str, Delivery] = {}
        self._settings, self._journal, self._provenance = settings, journal, provenance
        self._on_ready = on_ready
        self._sinks: list[Sink] = []

    async def run(self) -> None:
        """Deliver until cancelled."""
        try:
            await self._make_sinks()
            # a wrong clock may not reach a patient's history; a simulated ward need not wait for it
            simulated = self._provenance is Provenance.SIMULATED
            config = DeliveryConfig(hold_s=0.0) if simulated else DeliveryConfig()
            self.deliveries = {s.name: Delivery(self._journal, s, config) for s in self._sinks}
            self._on_ready(self)
            async with asyncio.TaskGroup() as tasks:
                for name, delivery in self.deliveries.items():
                    tasks.create_task(delivery.run(), name=f"delivery to {name}")
                await asyncio.Event().wait()
        finally:
            await self.close()

    async def close(self) -> None:
        """Close sinks and broker; idempotent."""
        sinks, self._sinks = self._sinks, []
        await asyncio.gather(*(sink.close() for sink in sinks), return_exceptions=True)
        broker, self.broker = self.broker, None
        if broker is not None:
            with contextlib.suppress(ProcessLookupError):
                await broker.stop()

    def parts(self) -> list[tuple[Sink, Delivery]]:
        """Return every sink with its delivery."""
        return [(sink, self.deliveries[sink.name]) for sink in self._sinks]

    async def _make_sinks(self) -> None:
        settings = self._settings
        if self.mqtt is None and settings.embedded_broker.enabled:
            await self._start_broker()
        if self.mqtt is not None:
            self._sinks.append(
                MqttSink(self.mqtt, gateway=settings.gateway.name, provenance=self._provenance)
            )
        if settings.influx is not None:
            # its client brings 20 MB of libraries, which a gateway without InfluxDB does not load
            from teleward_cloud.influx_sink import InfluxSink

            self._sinks.append(InfluxSink(settings.influx, provenance=self._provenance))

    async def _start_broker(self) -> None:
        folder = self._settings.gateway.data_folder / self._provenance.value
        broker = EmbeddedBroker(self._settings.embedded_broker, folder)
        try:
            self.mqtt = await broker.start()
            self.broker = broker
            log.info("MQTT broker %s at port %d", broker.name, broker.port)
        except BrokerUnavailable as error:
            log.warning("%s; records stay in the journal", error)
