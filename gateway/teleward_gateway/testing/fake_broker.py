"""A small MQTT broker that enforces the limits of a service, and answers as a test sets it to.

It takes CONNECT, PUBLISH, SUBSCRIBE, UNSUBSCRIBE, PINGREQ and DISCONNECT of MQTT 3.1.1 and 5 and
breaks off where the service would: a packet too large, a topic too deep, too many messages a
second, a retained message where none may be. It forwards nothing; what it took is in ``messages``.
"""

import asyncio
import contextlib
import struct
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from teleward_cloud.mqtt.profiles import ServiceLimits

_CONNECT, _CONNACK, _PUBLISH, _PUBACK, _DISCONNECT = 1, 2, 3, 4, 14
_SUBSCRIBE, _SUBACK, _UNSUBSCRIBE, _UNSUBACK, _PINGREQ, _PINGRESP = 8, 9, 10, 11, 12, 13
TOO_LARGE, TOO_FAST, BAD_TOPIC, NO_RETAIN, NO_QOS, BAD_ID = 0x95, 0x97, 0x90, 0x9A, 0x9B, 0x85


@dataclass(frozen=True, slots=True)
class Published:
    """One message that the broker took."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    packet_bytes: int
    at_s: float


@dataclass(slots=True)
class FakeBroker:
    """The broker; ``limits`` are enforced, ``announced`` is whether CONNACK names them.

    ``puback`` returns the reason code of a message, ``None`` for closing the connection instead,
    as ``suback`` is that of every subscription; ``disconnect`` returns the reason code with which
    the connection is closed at a message, ``None`` for none;
    ``raw`` is written right after CONNACK.
    """

    limits: ServiceLimits = field(default_factory=lambda: ServiceLimits("any", tls=False))
    announced: bool = True
    puback: Callable[[Published], int | None] = lambda message: 0
    disconnect: Callable[[Published], int | None] = lambda message: None
    connack: deque[int] = field(default_factory=deque)
    suback: int | None = 1
    server_keep_alive_s: int | None = None
    topic_alias_maximum: int = 0
    raw: bytes = b""
    messages: list[Published] = field(default_factory=list)
    connects: int = 0
    broken: list[str] = field(default_factory=list)
    client_ids: list[str] = field(default_factory=list)
    alpn: list[str | None] = field(default_factory=list)
    pings: int = 0
    most_unacknowledged: int = 0
    hold_acknowledgements: bool = False
    port: int = 0
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def start(self, **options: object) -> None:
        """Listen on loopback; ``options`` go to `asyncio.start_server`, such as ``ssl``."""
        self._server = await asyncio.start_server(
            self._serve,
            "127.0.0.1",
            0,
            **options,  # type: ignore[arg-type]
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the port and all connections."""
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        tls = writer.get_extra_info("ssl_object")
        self.alpn.append(tls.selected_alpn_protocol() if tls is not None else None)
        try:
            await _Session(self, reader, writer).run()
        except (asyncio.IncompleteReadError, ConnectionError, OSError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


class _Broken(ConnectionError):
    """The client broke a limit."""


class _Session:
    """One connection."""

    def __init__(
        self, broker: FakeBroker, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._broker, self._reader, self._writer = broker, reader, writer
        self._five = False
        self._aliases: dict[int, str] = {}
        self._sent_s: deque[float] = deque()
        self._unacknowledged = 0

    async def run(self) -> None:
        """Serve until the client goes or breaks a limit."""
        while True:
            head = (await self._reader.readexactly(1))[0]
            n_bytes, n_length = await self._length()
            body = await self._reader.readexactly(n_bytes)
            kind = head >> 4
            if kind == _CONNECT:
                await self._connect(body)
            elif kind == _PUBLISH:
                await self._publish(head, body, 1 + n_length + n_bytes)
            elif kind in (_SUBSCRIBE, _UNSUBSCRIBE):
                self._subscribe(kind, body)
            elif kind == _PINGREQ:
                self._broker.pings += 1
                self._write(_PINGRESP, b"")
            elif kind == _DISCONNECT:
                return
            await self._writer.drain()

    async def _length(self) -> tuple[int, int]:
        value, shift, count = 0, 0, 0
        while True:
            octet = (await self._reader.readexactly(1))[0]
            value |= (octet & 0x7F) << shift
            shift, count = shift + 7, count + 1
            if octet < 0x80:
                return value, count

    async def _connect(self, body: bytes) -> None:
        broker = self._broker
        broker.connects += 1
        name_bytes = int.from_bytes(body[:2], "big")
        rest = body[2 + name_bytes :]
        self._five = rest[0] == 5
        flags, keep_alive_s = rest[1], int.from_bytes(rest[2:4], "big")
        rest = rest[4:]
        if self._five:
            rest = _skip_properties(rest)
        client_id = rest[2 : 2 + int.from_bytes(rest[:2], "big")].decode()
        broker.client_ids.append(client_id)
        limits = broker.limits
        will_retain = bool(flags & 0x04) and bool(flags & 0x20)
        code = broker.connack.popleft() if broker.connack else 0
        if limits.client_id_bytes is not None and len(client_id) > limits.client_id_bytes:
            code = BAD_ID
        if will_retain and not limits.retain:
            code = NO_RETAIN
        if limits.keep_alive_s and not limits.keep_alive_s[0] <= keep_alive_s:
            broker.broken.append(f"keep alive of {keep_alive_s} s")
        self._write(_CONNACK, self._connack(code))
        if code:
            raise _Broken(f"refused {code:#x}")
        if broker.raw:
            self._writer.write(broker.raw)

    def _connack(self, code: int) -> bytes:
        if not self._five:
            return bytes([0, {0x85: 2, 0x86: 4, 0x87: 5}.get(code, 3 if code else 0)])
        broker, limits = self._broker, self._broker.limits
        found = b""
        if broker.announced and not code:
            if limits.packet_bytes is not None:
                found += b"\x27" + struct.pack(">I", limits.packet_bytes)
            if limits.receive_maximum is not None:
                found += b"\x21" + struct.pack(">H", limits.receive_maximum)
            if limits.qos < 2:
                found += b"\x24" + bytes([limits.qos])
            if not limits.retain:
                found += b"\x25\x00"
            if broker.topic_alias_maximum:
                found += b"\x22" + struct.pack(">H", broker.topic_alias_maximum)
            if broker.server_keep_alive_s is not None:
                found += b"\x13" + struct.pack(">H", broker.server_keep_alive_s)
        return bytes([0, code, len(found)]) + found

    async def _publish(self, head: int, body: bytes, packet_bytes: int) -> None:
        broker, limits = self._broker, self._broker.limits
        qos, retain = head >> 1 & 3, bool(head & 1)
        n_topic = int.from_bytes(body[:2], "big")
        topic, rest = body[2 : 2 + n_topic].decode(), body[2 + n_topic :]
        mid = rest[:2] if qos else b""
        rest = rest[2:] if qos else rest
        if self._five:
            alias, rest = _topic_alias(rest)
            if alias:
                if alias > broker.topic_alias_maximum:
                    self._break(0x94, "topic alias beyond the maximum")
                topic = topic or self._aliases[alias]
                self._aliases[alias] = topic
        message = Published(topic, rest, qos, retain, packet_bytes, time.monotonic())
        self._enforce(message, limits)
        farewell = broker.disconnect(message)
        if farewell is not None:
            self._break(farewell, f"disconnected with {farewell:#x}")
        code = broker.puback(message)
        if code is None:
            raise _Broken("closed without a reason")
        if code < 0x80:
            broker.messages.append(message)
        if qos:
            self._unacknowledged += 1
            broker.most_unacknowledged = max(broker.most_unacknowledged, self._unacknowledged)
            if broker.hold_acknowledgements:
                await asyncio.sleep(0.02)
            self._unacknowledged -= 1
            self._write(_PUBACK, mid + (bytes([code]) if self._five and code else b""))

    def _enforce(self, message: Published, limits: ServiceLimits) -> None:
        if limits.packet_bytes is not None and message.packet_bytes > limits.packet_bytes:
            self._break(TOO_LARGE, f"{message.packet_bytes} bytes")
        if limits.topic_slashes is not None and message.topic.count("/") > limits.topic_slashes:
            self._break(BAD_TOPIC, message.topic)
        if limits.topic_bytes is not None and len(message.topic.encode()) > limits.topic_bytes:
            self._break(BAD_TOPIC, message.topic)
        if message.retain and not limits.retain:
            self._break(NO_RETAIN, "retained message")
        if message.retain and len(message.payload) > (limits.retained_bytes or 1 << 30):
            self._break(TOO_LARGE, "retained message")
        if message.qos > limits.qos:
            self._break(NO_QOS, f"QoS {message.qos}")
        if limits.publishes_per_s is not None:
            self._sent_s.append(message.at_s)
            while message.at_s - self._sent_s[0] > 1.0:
                self._sent_s.popleft()
            if len(self._sent_s) > 1.5 * limits.publishes_per_s + 1:
                self._break(TOO_FAST, f"{len(self._sent_s)} messages in a second")

    def _subscribe(self, kind: int, body: bytes) -> None:
        mid, rest = body[:2], body[2:]
        if self._five:
            rest = _skip_properties(rest)
        code = self._broker.suback if kind == _SUBSCRIBE else 0
        if code is None:
            raise _Broken("closed at a subscription")
        answer = _SUBACK if kind == _SUBSCRIBE else _UNSUBACK
        count = 0
        while rest:
            n_topic = int.from_bytes(rest[:2], "big")
            rest = rest[2 + n_topic + (1 if kind == _SUBSCRIBE else 0) :]
            count += 1
        properties = b"\x00" if self._five else b""
        codes = bytes([code] * count) if self._five or kind == _SUBSCRIBE else b""
        self._write(answer, mid + properties + codes)

    def _break(self, code: int, what: str) -> None:
        self._broker.broken.append(what)
        if self._five:
            self._write(_DISCONNECT, bytes([code, 0]))
        raise _Broken(what)

    def _write(self, kind: int, body: bytes) -> None:
        self._writer.write(bytes([kind << 4, len(body)]) + body)


def _properties_end(body: bytes) -> tuple[int, int]:
    """Return where properties begin and end; they are shorter than 128 octets here."""
    value, shift, position = 0, 0, 0
    while True:
        octet = body[position]
        value |= (octet & 0x7F) << shift
        shift, position = shift + 7, position + 1
        if octet < 0x80:
            return position, position + value


def _skip_properties(body: bytes) -> bytes:
    return body[_properties_end(body)[1] :]


def _topic_alias(body: bytes) -> tuple[int, bytes]:
    """Return the topic alias of a PUBLISH, 0 without one, and its payload."""
    start, end = _properties_end(body)
    found = body[start:end]
    alias = 0
    while found:
        if found[0] == 0x23:
            alias, found = int.from_bytes(found[1:3], "big"), found[3:]
        elif found[0] == 0x01:
            found = found[2:]
        else:  # correlation data, response topic, content type: a length of two octets
            found = found[3 + int.from_bytes(found[1:3], "big") :]
    return alias, body[end:]
