"""The connection of a gateway over its life: connect, announce, subscribe, lose, connect again.

open ---> connect (5, else 3.1.1) ---> online, retained status ---> in use ---> lost
             ^                                                                   |
             +------------------ back-off with jitter <--------------------------+
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from teleward_cloud.mqtt import payload
from teleward_cloud.mqtt.confirmations import Confirmations
from teleward_cloud.mqtt.connection import (
    BrokerRefused,
    Incoming,
    MqttConnection,
    MqttUnavailable,
    Will,
)
from teleward_cloud.mqtt.connection_log import ConnectionLog, lost
from teleward_cloud.mqtt.namesake import Namesake
from teleward_cloud.mqtt.profiles import LIMITS
from teleward_cloud.mqtt.settings import MqttSettings, MqttVersion
from teleward_cloud.mqtt.topics import Topics
from teleward_cloud.mqtt.upkeep import Upkeep
from teleward_cloud.mqtt.versions import connect
from teleward_cloud.retry import Retry

log = logging.getLogger(__name__)

_BACKOFF_S = (0.5, 30.0)
"""First and longest wait before a new connection; a ward sees its broker return within 30 s."""
_SUSPECT_S = 0.5
"""Wait while the record is looked for that makes the broker close the connection."""
_LOOK_AFTER_S = 5.0
"""How often retained messages are compared with what the gateway serves."""
_MOST_ASKED = 2
"""Connections closed at a subscription until it is left out."""
_NO_RETAIN = 0x9A
OnCommand = Callable[[Incoming], None]
Keep = Callable[[str, Callable[[], Awaitable[None]]], Coroutine[Any, Any, None]]
"""Runs a part again when it fails, and names it."""


@dataclass(frozen=True, slots=True)
class LinkParts:
    """What a connection serves."""

    topics: Topics
    upkeep: Upkeep
    confirmations: Confirmations
    on_command: OnCommand | None
    suspecting: Callable[[], bool]
    records_flying: Callable[[], bool]
    simulated: bool
    keep: Keep | None = None


class Link:
    """Keeps one gateway connected to its broker; `open` begins."""

    def __init__(self, settings: MqttSettings, parts: LinkParts, name: str) -> None:
        self._settings, self._parts, self._name = settings, parts, name
        self._connection: MqttConnection | None = None
        self._runner: asyncio.Task[None] | None = None
        self._log = ConnectionLog(settings)
        self._command_base = parts.topics.command("")
        retain = LIMITS[settings.profile].retain if settings.profile else True
        self._retain = retain
        self._asking = False
        self._asked_in_vain = 0
        self._namesake = Namesake(parts.topics.gateway)
        self.online = asyncio.Event()
        self.attempts = self.connects = self.errors = 0
        self.last_error: str | None = None

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted the connection."""
        return self.online.is_set()

    @property
    def conflict(self) -> str | None:
        """That another gateway has this name, ``None`` when there is none."""
        return self._namesake.problem

    @property
    def connection(self) -> MqttConnection | None:
        """The connection in use, ``None`` without one."""
        return self._connection if self.connected else None

    def current(self) -> MqttConnection:
        """Return the connection in use; raises `MqttUnavailable` without one."""
        connection = self._connection
        if connection is None or not self.connected or connection.ended.is_set():
            raise MqttUnavailable(self.last_error or "not connected yet")
        return connection

    def open(self) -> None:
        """Start connecting in the background."""
        part, keep = f"{self._name} connection", self._parts.keep
        work = self._run() if keep is None else keep(part, self._run)
        self._runner = asyncio.create_task(work, name=part)

    async def close(self) -> None:
        """Publish the offline status, disconnect; idempotent."""
        runner, self._runner = self._runner, None
        if runner is not None:
            runner.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await runner
        connection, self._connection = self._connection, None
        online = self.connected
        self.online.clear()
        if connection is not None:
            offline = self._status(online=False, time_ns=time.time_ns())
            farewell = (self._parts.topics.status, offline)
            await connection.close(farewell=farewell if online else None)

    def failed(self, reason: str) -> None:
        """Count and log a problem."""
        self.errors += 1
        self.last_error = reason
        self._log.problem(reason)

    async def _run(self) -> None:
        try:
            await self._keep_connected()
        except Exception as error:
            self.failed(f"internal error: {type(error).__name__}: {error}")
            self.online.clear()
            connection, self._connection = self._connection, None
            if connection is not None:
                await connection.close()
            raise

    async def _keep_connected(self) -> None:
        retry = Retry(*_BACKOFF_S)
        while True:
            try:
                connection = await connect(self._settings, self._make)
            except MqttUnavailable as error:
                if error.answer is not None and error.answer.code == _NO_RETAIN:
                    self._retain = False
                self.failed(str(error))
            except ValueError as error:
                self.failed(str(error))
            else:
                retry.connected()
                await self._serve(connection, retry)
            if self._parts.suspecting():
                await asyncio.sleep(_SUSPECT_S)
            else:
                await retry.wait()

    def _make(self, version: MqttVersion) -> MqttConnection:
        self.attempts += 1
        topics = self._parts.topics
        offline = self._status(online=False, time_ns=None)
        return MqttConnection(
            self._settings,
            client_id=self._settings.client_id or f"teleward-{topics.gateway}",
            version=version,
            will=Will(topics.status, offline, retain=self._retain),
            on_message=self._received,
        )

    async def _serve(self, connection: MqttConnection, retry: Retry) -> None:
        """Announce the gateway and stay connected until the connection ends."""
        self._connection = connection
        self._parts.upkeep.connected()
        self.connects += 1
        flying = False
        try:
            await self._subscribe(connection)
            hello = self._status(online=True, time_ns=time.time_ns())
            await connection.publish(self._parts.topics.status, hello, retain=self._retain)
            self.online.set()
            while not connection.ended.is_set():
                self._log.connected()
                if not self._parts.suspecting():
                    await self._parts.upkeep.look_after(connection)
                if self._namesake.answer_due():
                    hello = self._status(online=True, time_ns=time.time_ns())
                    await connection.publish(self._parts.topics.status, hello, retain=self._retain)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_AFTER_S):
                        await connection.ended.wait()
            flying = self._parts.records_flying()
            self.failed(self._why(connection, retry))
        except (MqttUnavailable, BrokerRefused) as error:
            if self.connected and connection.ended.is_set():
                flying = self._parts.records_flying()
                self.failed(self._why(connection, retry))
            else:
                self.failed(str(error))
        self.online.clear()
        if connection.by_broker and (self._asking or self._parts.upkeep.asking):
            self._asked_in_vain += 1
            if self._asked_in_vain == _MOST_ASKED:
                self._parts.upkeep.ask_nothing()
                log.warning("MQTT: the broker closes the connection at a subscription: left out")
        self._asking = False
        self._parts.upkeep.lost(connection.by_broker, records=flying)
        await connection.close()

    def _why(self, connection: MqttConnection, retry: Retry) -> str:
        """Return why a connection ended, and what to do about it."""
        answer = connection.answer
        if answer is not None and answer.remedy:
            return f"connection lost: {connection.reason}; {answer.remedy}"
        soon = not retry.is_steady and not self._parts.records_flying()
        return lost(connection.reason, soon=soon)

    async def _subscribe(self, connection: MqttConnection) -> None:
        """Subscribe to commands, confirmations and the own status.

        A broker that does not allow commands still gets the records; one that does not show the
        collectors, or closes the connection when asked (AWS IoT without a policy), has none.
        """
        topics, confirmations = self._parts.topics, self._parts.confirmations
        if self._parts.on_command is not None:
            try:
                await connection.subscribe(topics.commands)
            except BrokerRefused as error:
                self.failed(f"no remote commands: {topics.commands}: {error.reason}")
        if confirmations.always:
            await connection.subscribe(topics.confirmed)
        if self._asked_in_vain >= _MOST_ASKED:
            return
        self._asking = True
        with contextlib.suppress(BrokerRefused):
            await connection.subscribe(topics.status)
        if confirmations.wanted and not confirmations.always:
            with contextlib.suppress(BrokerRefused):
                await connection.subscribe(topics.confirmed)
                await connection.subscribe(topics.collectors)
        self._asking = False

    def _received(self, message: Incoming) -> None:
        topics, confirmations = self._parts.topics, self._parts.confirmations
        on_command = self._parts.on_command
        if message.topic == topics.confirmed:
            try:
                confirmations.received(message.payload)
            except payload.PayloadError as error:
                self.failed(str(error))
        elif message.topic == topics.status:
            if self._namesake.received(message.payload, retained=message.retained):
                log.error("MQTT: %s", self._namesake.problem)
        elif message.topic.startswith(topics.collector("")):
            confirmations.collector(message.topic, message.payload)
        elif message.retained:
            self._parts.upkeep.received(message.topic, message.payload)
        elif on_command is not None and message.topic.startswith(self._command_base):
            on_command(message)

    def _status(self, *, online: bool, time_ns: int | None) -> bytes:
        simulated = self._parts.simulated
        gateway = self._parts.topics.gateway
        return payload.status(
            gateway,
            online=online,
            simulated=simulated,
            time_ns=time_ns,
            instance=self._namesake.instance,
            connection=self.attempts,
        )
