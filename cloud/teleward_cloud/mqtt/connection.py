"""One MQTT connection on the asyncio loop: paho-mqtt as protocol engine, without its thread.

paho offers its socket to foreign loops (``loop_read``, ``loop_write``, ``loop_misc``); with its own
thread every window of messages waits for the interpreter lock to change hands (measured: a third
of the throughput in a busy gateway).

Rules that follow from paho-mqtt 2.x:

- Nothing is published while disconnected: paho would queue it in memory without limit and let new
  messages overtake it after the reconnect. What is outstanding when a connection ends fails here,
  and the next connection is made by a new client, so that paho never sends anything a second time.
- ``on_publish`` runs with paho's message mutex held: publishing from it would deadlock. Callbacks
  only append to a deque, which is emptied in the loop's next turn, many acknowledgements at once.
- paho ignores the broker's Receive Maximum; `window` obeys it.
- A connection may be silent but open: the caller gives up by `close`, which never waits for it.
- QoS 2 never recovers after a broker's crash (measured); QoS 1 is used.
"""

import asyncio
import contextlib
import socket
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from paho.mqtt.client import Client, MQTTMessage, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from teleward_cloud.mqtt.client import QuickClient
from teleward_cloud.mqtt.settings import MqttSettings, MqttVersion
from teleward_cloud.problems import Problem, connection_problem, refusal_problem
from teleward_cloud.tls import client_context
from teleward_signal.errors import TelewardError, Unavailable

_CONNECT_TIMEOUT_S = 10.0
"""A broker over a mobile network answers within seconds; later means it is not there."""
_KEEP_ALIVE_CHECK_S = 1.0
"""paho's own loop looks after its keepalive once a second."""
_QUICK_ACK = getattr(socket, "TCP_QUICKACK", None)
"""Brokers send PUBACKs one by one, each waiting for TCP's answer to the last; an answer that the
kernel delays by 40 ms holds up the end of every batch. Linux forgets it, hence each time."""
_FAREWELL_S = 0.8
"""Time for the DISCONNECT to be written; a sink must close within two seconds."""
Done = Callable[[Exception | None], None]
"""Called once on the loop: ``None`` on the PUBACK, else `MqttUnavailable` or `BrokerRefused`."""


class MqttUnavailable(Unavailable):
    """There is no connection, or it ended before the acknowledgement; try again later."""

    def __init__(self, problem: Problem | str) -> None:
        super().__init__(str(problem))
        self.problem = Problem(problem) if isinstance(problem, str) else problem


class BrokerRefused(TelewardError):
    """The broker answered PUBACK or SUBACK with an error, for instance not authorised."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Will:
    """A message the broker publishes, retained, when the connection ends without a goodbye."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message that arrived; the MQTT 5 fields are ``None`` under 3.1.1."""

    topic: str
    payload: bytes
    retained: bool
    mid: int
    qos: int = 1
    response_topic: str | None = None
    correlation: bytes | None = None


@dataclass(frozen=True, slots=True)
class _Message:
    """A message to publish; ``done`` gets the answer."""

    topic: str
    payload: bytes
    done: Done
    retain: bool
    correlation: bytes | None


class _TlsSocket(ssl.SSLSocket):
    """paho forgets a socket whose handshake fails; this one closes itself."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


class MqttConnection:
    """One connection from CONNECT to its end; make a new one afterwards.

    Use from one asyncio loop. ``on_message`` is called on the loop; with ``manual_ack`` the
    message is acknowledged by `acknowledge` and not before.
    """

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
        self._queue: deque[_Message] = deque()
        self._unacknowledged = 0
        self._keeper: asyncio.TimerHandle | None = None
        self._connected: asyncio.Future[str | None] = self._loop.create_future()
        self._socket: Any = None
        self.ended = asyncio.Event()
        self.reason = ""
        self.window = settings.window
        self.version = version
        self.session_present = False
        self._client = self._build(client_id, will, manual_ack)

    async def connect(self) -> None:
        """Connect and wait for the broker's answer; raises `MqttUnavailable` with the reason."""
        host, port = self._settings.address
        five = self.version is MqttVersion.V5
        options: dict[str, Any] = {}
        if five:
            options = {
                "clean_start": self._session_expiry_s == 0,
                "properties": self._connect_properties(),
            }
        try:
            await asyncio.to_thread(
                self._client.connect, host, port, self._settings.keepalive_s, **options
            )
        except OSError as error:
            self._end(str(error))
            raise MqttUnavailable(connection_problem("mqtt", f"{host}:{port}", error)) from error
        self._attach()
        try:
            # not wait_for, which in Python 3.11 loses a cancellation that meets the answer
            async with asyncio.timeout(_CONNECT_TIMEOUT_S):
                refusal = await asyncio.shield(self._connected)
        except TimeoutError:
            refusal = "no answer to CONNECT"
        if refusal is not None:
            await self.close()
            tls = self._settings.tls is not None
            raise MqttUnavailable(refusal_problem(f"{host}:{port}", refusal, tls=tls))

    async def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        retain: bool = False,
        correlation: bytes | None = None,
    ) -> None:
        """Publish with QoS 1 and wait for the PUBACK; 3.1.1 has no place for ``correlation``.

        Raises `MqttUnavailable` without connection or when it ends first, `BrokerRefused` when the
        broker says no.
        """
        future: asyncio.Future[None] = self._loop.create_future()
        done = partial(_finish, future)
        self.post(topic, payload, done, retain=retain, correlation=correlation)
        await future

    def post(
        self,
        topic: str,
        payload: bytes,
        done: Done,
        *,
        retain: bool = False,
        correlation: bytes | None = None,
    ) -> None:
        """Publish with QoS 1 and go on; ``done`` is called later, or at once when offline.

        Beyond the broker's window a message waits here for an earlier one's acknowledgement.
        """
        if self.ended.is_set():
            done(MqttUnavailable(self.reason or "not connected"))
        elif self._unacknowledged >= self.window:
            self._queue.append(_Message(topic, payload, done, retain, correlation))
        else:
            self._publish(_Message(topic, payload, done, retain, correlation))

    def _publish(self, message: "_Message") -> None:
        properties = None
        topic, payload, done = message.topic, message.payload, message.done
        correlation, retain = message.correlation, message.retain
        if correlation is not None and self.version is MqttVersion.V5:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.CorrelationData = correlation
        info = self._client.publish(topic, payload, qos=1, retain=retain, properties=properties)
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            done(MqttUnavailable(f"not published: {info.rc.name}"))
        else:
            self._unacknowledged += 1
            self._pending[info.mid] = partial(self._acknowledged, done)

    def _acknowledged(self, done: Done, error: Exception | None) -> None:
        """Take the answer to one message and publish the next that waits."""
        self._unacknowledged -= 1
        done(error)
        while self._queue and self._unacknowledged < self.window and not self.ended.is_set():
            self._publish(self._queue.popleft())

    async def subscribe(self, *topics: str) -> None:
        """Subscribe with QoS 1 and wait for the broker's answer.

        Raises `MqttUnavailable` without one, `BrokerRefused` when any topic is refused.
        """
        future: asyncio.Future[None] = self._loop.create_future()
        code, mid = self._client.subscribe([(topic, 1) for topic in topics])
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS or mid is None or self.ended.is_set():
            raise MqttUnavailable(self.reason or "not connected")
        self._pending[mid] = partial(_finish, future)
        await future

    async def unsubscribe(self, topic: str) -> None:
        """Unsubscribe and wait for the broker's answer; raises `MqttUnavailable` without one."""
        future: asyncio.Future[None] = self._loop.create_future()
        code, mid = self._client.unsubscribe(topic)
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS or mid is None or self.ended.is_set():
            raise MqttUnavailable(self.reason or "not connected")
        self._pending[mid] = partial(_finish, future)
        await future

    def acknowledge(self, message: Incoming) -> None:
        """Send the PUBACK of a message that came with ``manual_ack``; one of QoS 0 has none."""
        if message.qos > 0:
            self._client.ack(message.mid, message.qos)

    async def close(self, *, farewell: tuple[str, bytes] | None = None) -> None:
        """Publish ``farewell`` retained, disconnect; idempotent, at most a second or so."""
        if farewell is not None and not self.ended.is_set():
            with contextlib.suppress(MqttUnavailable, BrokerRefused, TimeoutError):
                async with asyncio.timeout(_FAREWELL_S):
                    await self.publish(*farewell, retain=True)
        self._client.disconnect()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FAREWELL_S):
                await self.ended.wait()
        self._detach()
        self._end("closed")

    # The socket

    def _attach(self) -> None:
        """Register paho's socket with the event loop."""
        self._socket = self._client.socket()
        self._client.on_socket_close = lambda *_: self._detach()
        self._client.on_socket_register_write = lambda *_: self._want_write(True)
        self._client.on_socket_unregister_write = lambda *_: self._want_write(False)
        if self._socket is None:
            self._end("connection lost")
            return
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._loop.add_reader(self._socket, self._read)
        self._keep_alive()

    def _detach(self) -> None:
        """Take the socket from the loop and close it."""
        if self._keeper is not None:
            self._keeper.cancel()
        connection, self._socket = self._socket, None
        if connection is not None:
            self._loop.remove_reader(connection)
            self._loop.remove_writer(connection)
            connection.close()

    def _read(self) -> None:
        if _QUICK_ACK is not None:
            self._socket.setsockopt(socket.IPPROTO_TCP, _QUICK_ACK, 1)
        self._client.loop_read()
        # TLS may hold decrypted packets that the socket no longer announces
        while self._socket is not None and getattr(self._socket, "pending", int)():
            self._client.loop_read()

    def _want_write(self, wanted: bool) -> None:
        if self._socket is None:
            return
        if wanted:
            self._loop.add_writer(self._socket, self._client.loop_write)
        else:
            self._loop.remove_writer(self._socket)

    def _keep_alive(self) -> None:
        self._keeper = self._loop.call_later(_KEEP_ALIVE_CHECK_S, self._keep_alive)
        self._client.loop_misc()

    def _build(self, client_id: str, will: Will | None, manual_ack: bool) -> Client:
        five = self.version is MqttVersion.V5
        options: dict[str, Any] = {} if five else {"clean_session": self._session_expiry_s == 0}
        client = QuickClient(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=MQTTv5 if five else MQTTv311,
            manual_ack=manual_ack,
            reconnect_on_failure=False,
            **options,
        )
        client.connect_timeout = _CONNECT_TIMEOUT_S
        client.max_inflight_messages_set(0)  # the window is kept by the callers, see `window`
        settings = self._settings
        if settings.username is not None:
            secret = settings.password.get_secret_value() if settings.password else None
            client.username_pw_set(settings.username, secret)
        if settings.tls is not None:
            context = client_context(settings.tls)
            context.sslsocket_class = _TlsSocket
            client.tls_set_context(context)
        if will is not None:
            client.will_set(will.topic, will.payload, qos=1, retain=True)
        client.on_connect = self._at_connect
        client.on_disconnect = self._at_disconnect
        client.on_publish = self._at_publish
        client.on_subscribe = self._at_subscribe
        client.on_unsubscribe = self._at_unsubscribe
        client.on_message = self._at_message
        return client

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
        refusal = str(code) if code.is_failure else None
        maximum = getattr(properties, "ReceiveMaximum", None)
        present = bool(flags.session_present)
        self._hand_over(lambda: self._answered(refusal, maximum, present))

    def _at_disconnect(self, client: Client, _: Any, flags: Any, code: Any, __: Any) -> None:
        reason = str(code)
        self._hand_over(lambda: self._end(reason))

    def _at_publish(self, client: Client, _: Any, mid: int, code: Any, __: Any) -> None:
        refusal = str(code) if code.is_failure else None
        self._hand_over(lambda: self._published(mid, refusal))

    def _at_subscribe(self, client: Client, _: Any, mid: int, codes: Any, __: Any) -> None:
        refusal = next((str(code) for code in codes if code.is_failure), None)
        self._hand_over(lambda: self._published(mid, refusal))

    def _at_unsubscribe(self, client: Client, _: Any, mid: int, *rest: Any) -> None:
        self._hand_over(lambda: self._published(mid, None))

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

    def _answered(self, refusal: str | None, maximum: int | None, present: bool) -> None:
        if maximum is not None:
            self.window = min(self.window, maximum)
        self.session_present = present
        if not self._connected.done():
            self._connected.set_result(refusal)

    def _published(self, mid: int, refusal: str | None) -> None:
        done = self._pending.pop(mid, None)
        if done is not None:
            done(None if refusal is None else BrokerRefused(refusal))

    def _end(self, reason: str) -> None:
        self.reason = self.reason or reason
        self.ended.set()
        if not self._connected.done():
            self._connected.set_result(reason)
        pending, self._pending = self._pending, {}
        for done in pending.values():
            done(MqttUnavailable(reason))
        while self._queue:
            self._queue.popleft().done(MqttUnavailable(reason))


def _finish(future: "asyncio.Future[None]", error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
