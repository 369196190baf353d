"""One MQTT connection on the asyncio loop: paho-mqtt as protocol engine, without its thread.

Rules that follow from paho-mqtt 2.x and from brokers:

- Nothing is published while disconnected: paho would queue it in memory without limit and let new
  messages overtake it after the reconnect. What is outstanding when a connection ends fails here,
  and the next connection is made by a new client, so that paho never sends anything a second time.
- ``on_publish`` runs with paho's message mutex held: publishing from it would deadlock. Callbacks
  only append to a deque, which is emptied in the loop's next turn, many acknowledgements at once.
- paho ignores the broker's Receive Maximum; `window` obeys it. All limits of CONNACK are `limits`.
- A connection may be silent but open: the caller gives up by `close`, which never waits for it.
- QoS 2 never recovers after a broker's crash (measured); QoS 1 is used.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from teleward_cloud.mqtt.broker_limits import BrokerLimits
from teleward_cloud.mqtt.client import CONNECT_TIMEOUT_S, make_client
from teleward_cloud.mqtt.messages import BrokerRefused as BrokerRefused
from teleward_cloud.mqtt.messages import Incoming as Incoming
from teleward_cloud.mqtt.messages import MqttUnavailable as MqttUnavailable
from teleward_cloud.mqtt.messages import Will as Will
from teleward_cloud.mqtt.outgoing import Done, Outgoing, TopicAliases
from teleward_cloud.mqtt.profiles import LIMITS
from teleward_cloud.mqtt.reason_codes import Reason, reason
from teleward_cloud.mqtt.settings import MqttSettings, MqttVersion
from teleward_cloud.mqtt.socket_pump import SocketPump
from teleward_cloud.problems import Problem, closed_problem, connection_problem

_FAREWELL_S = 0.8
"""Time for the DISCONNECT to be written; a sink must close within two seconds."""
_OLD_CODES = {1: 0x84, 2: 0x85, 3: 0x88, 4: 0x86, 5: 0x87}
"""Return codes of MQTT 3.1.1 (3.2.2.3) as reason codes."""


class MqttConnection:
    """One connection from CONNECT to its end, used from one asyncio loop.

    ``on_message`` is called on the loop; with ``manual_ack`` the message is acknowledged by
    `acknowledge` and not before. When the connection has `ended`,
    ``reason`` is why, ``answer`` the broker's reason code if it gave one, and ``by_broker`` whether
    it was the broker that ended it.
    """

    reason: str = ""
    answer: Reason | None = None
    by_broker: bool = False
    session_present: bool = False

    def __init__(
        self,
        settings: MqttSettings,
        *,
        client_id: str,
        version: MqttVersion,
        will: Will | None = None,
        on_message: Callable[[Incoming], None] | None = None,
        manual_ack: bool = False,
        session_expiry_s: int = 0,
        receive_maximum: int | None = None,
    ) -> None:
        self._settings = settings
        self._session_expiry_s = session_expiry_s
        self._receive_maximum = receive_maximum
        self._on_message = on_message
        self._loop = asyncio.get_running_loop()
        self._events: deque[Callable[[], None]] = deque()
        self._woken = False
        self._pending: dict[int, Done] = {}
        self._subscriptions: dict[int, asyncio.Future[None]] = {}
        self._queue: deque[Outgoing] = deque()
        self._aliases = TopicAliases()
        self._connected: asyncio.Future[bool] = self._loop.create_future()
        self.ended = asyncio.Event()
        self.window = settings.window
        self.limits = BrokerLimits()
        self.version = version
        self._client = make_client(
            settings,
            client_id=client_id,
            version=version,
            will=will,
            manual_ack=manual_ack,
            clean=session_expiry_s == 0,
        )
        self._follow_client()

    def _follow_client(self) -> None:
        self._pump = SocketPump(self._client, self._broken)
        self._client.on_connect = self._at_connect
        self._client.on_disconnect = self._at_disconnect
        self._client.on_message = self._at_message
        self._client.answered = self._at_answer

    @property
    def packet_bytes(self) -> int | None:
        """The largest packet that the broker takes, as far as it is known."""
        stated = LIMITS[self._settings.profile].packet_bytes if self._settings.profile else None
        known = [limit for limit in (stated, self.limits.packet_bytes) if limit is not None]
        return min(known, default=None)

    async def connect(self) -> None:
        """Connect and wait for the broker's answer; raises `MqttUnavailable` with the reason."""
        host, port = self._settings.address
        options: dict[str, Any] = {}
        if self.version is MqttVersion.V5:
            options = {
                "clean_start": self._session_expiry_s == 0,
                "properties": self._connect_properties(),
            }
        try:
            await asyncio.to_thread(
                self._client.connect, host, port, self._settings.keepalive_s, **options
            )
        except (OSError, ValueError) as error:  # ValueError: a websocket's handshake
            self._end(str(error))
            raise MqttUnavailable(connection_problem("mqtt", f"{host}:{port}", error)) from error
        if not self._pump.attach():
            self._end("connection lost", by_broker=True)
        answered = False
        with contextlib.suppress(TimeoutError):
            # not wait_for, which in Python 3.11 loses a cancellation that meets the answer
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                answered = await asyncio.shield(self._connected)
        if not answered:
            problem = self._refusal(f"{host}:{port}")
            await self.close()
            raise problem

    def _refusal(self, address: str) -> MqttUnavailable:
        """Return why the broker does not accept the connection."""
        if self.answer is not None:
            words = f" ({self._client.connack_words[:200]})" if self._client.connack_words else ""
            what = f"{address}: {self.answer.name}{words}"
            remedy = self.answer.remedy or "the gateway tries again"
            return MqttUnavailable(Problem(what, remedy), self.answer)
        reason = self.reason if self.ended.is_set() else "no answer to CONNECT"
        tls = self._settings.tls is not None
        return MqttUnavailable(closed_problem(address, reason, tls=tls), closed=True)

    async def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        retain: bool = False,
        correlation: bytes | None = None,
        expiry_s: int | None = None,
    ) -> None:
        """Publish with QoS 1 and wait for the PUBACK.

        3.1.1 has no place for ``correlation`` and ``expiry_s``, after which the broker forgets it.

        Raises `MqttUnavailable` without connection or when it ends first, `BrokerRefused` when the
        broker says no.
        """
        future: asyncio.Future[None] = self._loop.create_future()
        done = partial(_finish, future)
        self._put(Outgoing(topic, payload, done, retain, correlation, expiry_s=expiry_s))
        await future

    def post(
        self,
        topic: str,
        payload: bytes,
        done: Done,
        *,
        retain: bool = False,
        correlation: bytes | None = None,
        alias: bool = False,
    ) -> None:
        """Publish with QoS 1 and go on; ``done`` is called later, or at once when offline.

        Beyond the broker's window a message waits here. To a broker that takes QoS 0 only, ``done``
        means that it was sent, no more. ``alias``: the topic comes often and gets an alias.
        """
        self._put(Outgoing(topic, payload, done, retain, correlation, alias))

    def _put(self, message: Outgoing) -> None:
        if self.ended.is_set():
            message.done(MqttUnavailable(self.reason or "not connected"))
        elif len(self._pending) >= self.window:
            self._queue.append(message)
        else:
            self._publish(message)

    async def subscribe(self, *topics: str) -> None:
        """Subscribe with QoS 1 and wait for the broker's answer.

        Raises `MqttUnavailable` without one, `BrokerRefused` when any topic is refused.
        """
        await self._asked(*self._client.subscribe([(topic, 1) for topic in topics]))

    async def unsubscribe(self, topic: str) -> None:
        """Unsubscribe and wait for the broker's answer; raises `MqttUnavailable` without one."""
        await self._asked(*self._client.unsubscribe(topic))

    async def _asked(self, code: MQTTErrorCode, mid: int | None) -> None:
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS or mid is None or self.ended.is_set():
            raise MqttUnavailable(self.reason or "not connected")
        future: asyncio.Future[None] = self._loop.create_future()
        self._subscriptions[mid] = future
        await future

    def acknowledge(self, message: Incoming) -> None:
        """Send the PUBACK of a message that came with ``manual_ack``; one of QoS 0 has none."""
        if message.qos > 0:
            self._client.ack(message.mid, message.qos)

    def listen(self, on_message: Callable[[Incoming], None]) -> None:
        """Have ``on_message`` called with each message from now on."""
        self._on_message = on_message

    def pause(self) -> None:
        """Stop reading until `resume`; nothing that was sent is lost."""
        self._pump.pause()

    def resume(self) -> None:
        """Read again."""
        self._pump.resume()

    async def close(self, *, farewell: tuple[str, bytes] | None = None) -> None:
        """Publish ``farewell`` retained, disconnect; idempotent, at most a second or so."""
        if farewell is not None and not self.ended.is_set():
            with contextlib.suppress(MqttUnavailable, BrokerRefused, TimeoutError):
                async with asyncio.timeout(_FAREWELL_S):
                    await self.publish(*farewell, retain=True)
        with contextlib.suppress(Exception):  # a socket that is gone already
            self._client.disconnect()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FAREWELL_S):
                await self.ended.wait()
        self._pump.detach()
        self._end("closed")

    def _publish(self, message: Outgoing) -> None:
        """Hand one message to paho."""
        topic, properties = message.topic, None
        if self.version is MqttVersion.V5:
            topic, properties = self._aliases.apply(message, self.limits.topic_alias_maximum)
        qos = min(1, self.limits.qos)
        retain = message.retain and self.limits.retain
        info = self._client.publish(
            topic, message.payload, qos=qos, retain=retain, properties=properties
        )
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            message.done(MqttUnavailable(f"not published: {info.rc.name}"))
        elif qos:
            self._pending[info.mid] = message.done
        else:
            self._loop.call_soon(message.done, None)

    def _connect_properties(self) -> Properties:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = self._session_expiry_s
        if self._receive_maximum is not None:
            properties.ReceiveMaximum = self._receive_maximum
        return properties

    # Below: called by paho, at times with its mutex held, while connecting in another thread.

    def _hand_over(self, event: Callable[[], None]) -> None:
        self._events.append(event)
        if not self._woken:
            self._woken = True
            self._loop.call_soon_threadsafe(self._drain)

    def _at_connect(self, client: Client, _: Any, flags: Any, code: Any, properties: Any) -> None:
        number = self._client.connack_code
        if self.version is not MqttVersion.V5:
            number = _OLD_CODES.get(number, number and 0x80)
        answer = reason(0x84 if number == 1 else number)
        limits, present = BrokerLimits.of(properties), bool(flags.session_present)
        self._hand_over(lambda: self._answered(answer, limits, present))

    def _at_disconnect(self, client: Client, _: Any, flags: Any, code: Any, __: Any) -> None:
        number = self._client.disconnect_code
        if number is None:
            timeout = "Keep alive" in str(code)
            what = "the broker does not answer" if timeout else "closed by the broker"
            self._hand_over(lambda: self._end(what, by_broker=not timeout))
            return
        answer, words = reason(number), self._client.disconnect_words
        what = answer.name if answer.refused else "closed by the broker"
        what += f" ({words[:200]})" if words else ""
        self._hand_over(lambda: self._end(what, answer, by_broker=True))

    def _at_answer(self, mid: int, codes: tuple[int, ...], words: str) -> None:
        refusal = next((reason(code) for code in codes if reason(code).refused), None)
        self._hand_over(lambda: self._take_answer(mid, refusal, words))

    def _at_message(self, client: Client, _: Any, message: MQTTMessage) -> None:
        on_message = self._on_message
        if on_message is None:
            return
        properties = message.properties
        incoming = Incoming(
            message.topic,
            bytes(message.payload),
            message.retain,
            message.mid,
            message.qos,
            getattr(properties, "ResponseTopic", None),
            getattr(properties, "CorrelationData", None),
        )
        self._hand_over(lambda: on_message(incoming))

    # Below: in the loop's next turn.

    def _drain(self) -> None:
        self._woken = False
        while self._events:
            self._events.popleft()()

    def _answered(self, answer: Reason, limits: BrokerLimits, present: bool) -> None:
        if not answer.refused:
            self.limits = limits
            self.window = max(1, min(self.window, limits.receive_maximum))
            self.session_present = present
        else:
            self.answer = answer
        if not self._connected.done():
            self._connected.set_result(not answer.refused)

    def _take_answer(self, mid: int, refusal: Reason | None, words: str) -> None:
        error = None if refusal is None else BrokerRefused(refusal, words)
        if (future := self._subscriptions.pop(mid, None)) is not None:
            _finish(future, error)
        elif (done := self._pending.pop(mid, None)) is not None:
            done(error)
            while self._queue and len(self._pending) < self.window and not self.ended.is_set():
                self._publish(self._queue.popleft())

    def _broken(self, what: str) -> None:
        """End a connection whose bytes cannot be understood."""
        self._end(f"not understood: {what}", by_broker=True)

    def _end(self, what: str, answer: Reason | None = None, *, by_broker: bool = False) -> None:
        if not self.ended.is_set():
            self.reason, self.by_broker = what, by_broker
            self.answer = self.answer or answer
        self.ended.set()
        if not self._connected.done():
            self._connected.set_result(False)
        error = MqttUnavailable(what)
        subscriptions, self._subscriptions = self._subscriptions, {}
        for future in subscriptions.values():
            _finish(future, error)
        pending, self._pending = self._pending, {}
        for done in pending.values():
            done(error)
        while self._queue:
            self._queue.popleft().done(error)


def _finish(future: "asyncio.Future[None]", error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
