"""Where records go: MQTT (a broker of our own if none is named) and InfluxDB, with deliveries."""

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from teleward_cloud.alarms.targets import alarm_sinks
from teleward_cloud.catalogue import SinkContext, SinkInfo
from teleward_cloud.mqtt.connection import Incoming
from teleward_cloud.mqtt.retained import Inventory
from teleward_cloud.mqtt.settings import MqttSettings
from teleward_cloud.mqtt.sink import MqttSink
from teleward_cloud.sink import Sink
from teleward_gateway.delivery import Delivery, DeliveryConfig
from teleward_gateway.embedded_broker.broker import BrokerUnavailable, EmbeddedBroker
from teleward_gateway.health import HealthRegistry
from teleward_gateway.journal import Journal
from teleward_gateway.journal.audit import Audit
from teleward_gateway.process.supervisor import Supervisor
from teleward_gateway.remote_commands.memory import CommandMemory
from teleward_gateway.remote_commands.receiver import Handler, RemoteCommands
from teleward_gateway.remote_commands.settings import CommandName
from teleward_gateway.settings.model import Settings
from teleward_signal.model import Provenance

log = logging.getLogger(__name__)

BROKER_AGAIN_S = 10.0
"""Between two attempts to start the broker of our own."""


class Sinks:
    """All sinks of one gateway and the loops that feed them from the journal."""

    def __init__(
        self,
        settings: Settings,
        journal: Journal,
        audit: Audit,
        handlers: Mapping[CommandName, Handler],
        health: HealthRegistry,
        supervisor: Supervisor,
        inventory: Inventory | None = None,
    ) -> None:
        self.broker: EmbeddedBroker | None = None
        self.mqtt: MqttSettings | None = settings.mqtt
        self.deliveries: dict[str, Delivery] = {}
        self._settings, self._journal = settings, journal
        self._provenance = settings.gateway.mode
        self._audit, self._handlers = audit, handlers
        self.remote: RemoteCommands | None = None
        self._health, self._supervisor = health, supervisor
        self._inventory = inventory
        self._sinks: list[Sink] = []
        self._broker_problem = ""

    async def run(self) -> None:
        """Deliver until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                wanted = self.mqtt is None and self._settings.embedded_broker.enabled
                if wanted and not await self._start_broker():
                    later = self._supervisor.keep(
                        "embedded broker", lambda: self._start_broker_later(tasks)
                    )
                    tasks.create_task(later, name="start of the embedded broker")
                self._make_sinks()
                for sink in self._sinks:
                    self._deliver(sink, tasks)
                if self.remote is not None:
                    self._health.register("remote_commands", self.remote.health)
                await asyncio.Event().wait()
        finally:
            await self.close()

    def _deliver(self, sink: Sink, tasks: asyncio.TaskGroup) -> None:
        """Feed a sink from the journal from now on."""
        # a wrong clock may not reach a patient's history; a simulated ward need not wait for it
        simulated = self._provenance is Provenance.SIMULATED
        config = DeliveryConfig(hold_s=0.0) if simulated else DeliveryConfig()
        delivery = self.deliveries[sink.name] = Delivery(self._journal, sink, config)
        self._health.register(f"sink:{sink.name}", delivery.health)
        part = f"delivery to {sink.name}"
        tasks.create_task(self._supervisor.keep(part, delivery.run), name=part)

    async def close(self) -> None:
        """Close sinks and broker; idempotent."""
        remote, self.remote = self.remote, None
        if remote is not None:
            await remote.close()
        sinks, self._sinks = self._sinks, []
        await asyncio.gather(*(sink.close() for sink in sinks), return_exceptions=True)
        broker, self.broker = self.broker, None
        if broker is not None:
            self.mqtt = self._settings.mqtt  # its port is gone with it
            with contextlib.suppress(ProcessLookupError):
                await broker.stop()

    def _make_sinks(self) -> None:
        settings = self._settings
        if self.mqtt is not None:
            self._sinks.append(self._mqtt_sink(self.mqtt))
        if settings.influx is not None:
            # its client brings 20 MB of libraries, which a gateway without InfluxDB does not load
            from teleward_cloud.influx.sink import InfluxSink

            name = settings.gateway.name
            sink = InfluxSink(settings.influx, provenance=self._provenance, gateway=name)
            self._sinks.append(sink)
        self._sinks += alarm_sinks(settings.alarms, self._journal.append, self._audit.of_alarm)
        for info, section in settings.sinks.chosen():
            self._add_installed(info, section)

    def _add_installed(self, info: SinkInfo, section: BaseModel) -> None:
        """Add the sink of an installed package; one that cannot be made harms no other."""
        gateway = self._settings.gateway
        folder = gateway.data_folder / gateway.mode.value / "sinks" / info.name
        try:
            sink = info.made(section, SinkContext(gateway.name, gateway.mode, folder))
        except Exception as error:
            log.exception("sink %s cannot be made", info.name)
            problem = f"cannot be made: {type(error).__name__}: {error}"
            self._health.register(f"sink:{info.name}", lambda: {"ok": False, "error": problem})
        else:
            self._sinks.append(sink)

    def _mqtt_sink(self, mqtt: MqttSettings) -> MqttSink:
        """Return the sink, with an ear for remote commands when somebody may send them."""
        commands = self._settings.remote_commands
        sink = MqttSink(
            mqtt,
            gateway=self._settings.gateway.name,
            provenance=self._provenance,
            on_command=self._on_command if commands.users else None,
            inventory=self._inventory,
            budget_mb_per_day=self._settings.network.budget_mb_per_day,
            keep=self._supervisor.keep,
        )
        if commands.users:
            folder = self._settings.gateway.data_folder / self._provenance.value
            with contextlib.suppress(OSError):  # the journal says what is wrong with the disk
                folder.mkdir(parents=True, exist_ok=True)
            memory = CommandMemory(folder / "commands.json")
            self.remote = RemoteCommands(
                commands, sink.topics, self._handlers, self._audit, sink.publish, memory=memory
            )
        return sink

    def _on_command(self, message: Incoming) -> None:
        if self.remote is not None:
            self.remote.receive(message)

    async def _start_broker(self) -> bool:
        """Start the broker of our own; return whether it runs. Health has why it does not."""
        folder = self._settings.gateway.data_folder / self._provenance.value
        broker = EmbeddedBroker(
            self._settings.embedded_broker, folder, self._provenance, self._supervisor.keep
        )
        try:
            self.mqtt = await broker.start()
        except (BrokerUnavailable, OSError) as error:
            problem = f"{error}; records stay in the journal until then"
            if problem != self._broker_problem:
                log.warning("%s", problem)
            self._broker_problem = problem
            self._health.register("broker", self._broker_health)
            return False
        self.broker = broker
        self._health.register("broker", broker.health)
        log.info("MQTT broker %s at port %d; %s", broker.name, broker.port, broker.access)
        return True

    async def _start_broker_later(self, tasks: asyncio.TaskGroup) -> None:
        """Try again until the broker runs: its port is free, or it is installed by then."""
        while not await self._start_broker():
            await asyncio.sleep(BROKER_AGAIN_S)
        assert self.mqtt is not None
        sink = self._mqtt_sink(self.mqtt)
        self._sinks.append(sink)
        self._deliver(sink, tasks)
        if self.remote is not None:
            self._health.register("remote_commands", self.remote.health)

    def _broker_health(self) -> dict[str, Any]:
        return {"ok": False, "error": self._broker_problem, "broker": "none"}
