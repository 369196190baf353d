"""paho's client, made quick for the packet that comes most, and tolerant of every reason code.

    PUBACK   0x40 | remaining length 2 or 3 | u16 packet id | reason code (MQTT 5, length 3)
    CONNACK  flags | reason code | properties        DISCONNECT  reason code | properties
    SUBACK   u16 packet id | properties | reason codes           UNSUBACK likewise

MQTT 5.0, chapter 3. paho makes a reason code and two property objects of each PUBACK, a third of
all that a message costs (measured), and raises an error at a reason code that the standard does not
have for a packet, which brokers send all the same. Here reason codes are plain integers.
"""

import ssl
from collections.abc import Callable
from typing import Any

from paho.mqtt.client import Client, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from teleward_cloud.mqtt.messages import Will
from teleward_cloud.mqtt.settings import MqttSettings, MqttVersion
from teleward_cloud.tls import client_context

CONNECT_TIMEOUT_S = 10.0
"""A broker over a mobile network answers within seconds; later means it is not there."""

_UNSPECIFIED = 0x80
_NO_PROPERTIES = Properties(PacketTypes.PUBACK)  # type: ignore[no-untyped-call]


class QuickClient(Client):
    """See the module; used as `paho.mqtt.client.Client`.

    ``answered`` gets packet id, reason codes and the broker's own words of each PUBACK, SUBACK and
    UNSUBACK; ``connack_code``, ``connack_words`` and ``disconnect_code``, ``disconnect_words`` are
    those of the newest such packets.
    """

    answered: Callable[[int, tuple[int, ...], str], None]
    connack_code = 0
    connack_words = ""
    disconnect_code: int | None = None
    disconnect_words = ""

    def unread(self) -> None:
        """Forgive a missing PINGRESP: the socket is not read on purpose."""
        self._ping_t = 0

    def _handle_pubackcomp(self, cmd: Any) -> MQTTErrorCode:
        packet = self._in_packet["packet"]
        if cmd != "PUBACK" or len(packet) < 2:
            return super()._handle_pubackcomp(cmd)
        mid = packet[0] << 8 | packet[1]
        code = packet[2] if len(packet) > 2 else 0
        words = _words(PacketTypes.PUBACK, packet[3:]) if len(packet) > 3 else ""
        with self._out_message_mutex:
            known = mid in self._out_messages
            if known:
                result = self._do_on_publish(mid, _SUCCESS, _NO_PROPERTIES)
        if known:
            self.answered(mid, (code,), words)
            return result
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def _handle_suback(self) -> None:
        self._take_codes(PacketTypes.SUBACK)

    def _handle_unsuback(self) -> MQTTErrorCode:
        self._take_codes(PacketTypes.UNSUBACK)
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def _take_codes(self, kind: int) -> None:
        packet = bytes(self._in_packet["packet"])
        mid, rest = int.from_bytes(packet[:2], "big"), packet[2:]
        words = ""
        if self.protocol_is_5:
            properties = Properties(kind)  # type: ignore[no-untyped-call]
            _, n_bytes = properties.unpack(rest)  # type: ignore[no-untyped-call]
            words = str(getattr(properties, "ReasonString", ""))
            rest = rest[n_bytes:]
        self.answered(mid, tuple(rest), words)

    @property
    def protocol_is_5(self) -> bool:
        """Whether the connection uses MQTT 5."""
        return int(self._protocol) == 5

    def _handle_connack(self) -> MQTTErrorCode:
        packet = self._in_packet["packet"]
        if len(packet) >= 2:
            self.connack_code = packet[1]
            if self.protocol_is_5 and self.connack_code > 1:
                self.connack_words = _words(PacketTypes.CONNACK, packet[2:])
                self._in_packet["packet"] = bytearray([packet[0], _UNSPECIFIED, 0])
        return super()._handle_connack()

    def _handle_disconnect(self) -> None:
        packet = self._in_packet["packet"]
        if packet:
            self.disconnect_code = packet[0]
            self.disconnect_words = _words(PacketTypes.DISCONNECT, packet[1:])
            self._in_packet["packet"] = bytearray([_UNSPECIFIED])
        super()._handle_disconnect()


class _TlsSocket(ssl.SSLSocket):
    """paho forgets a socket whose handshake fails; this one closes itself."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


def make_client(
    settings: MqttSettings,
    *,
    client_id: str,
    version: MqttVersion,
    will: Will | None,
    manual_ack: bool,
    clean: bool,
) -> QuickClient:
    """Return a client that is not connected yet; ``clean``: the broker keeps no session of it.

    Raises ``ValueError`` that names the file when a certificate cannot be used.
    """
    five = version is MqttVersion.V5
    options: dict[str, Any] = {} if five else {"clean_session": clean}
    client = QuickClient(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        protocol=MQTTv5 if five else MQTTv311,
        transport=settings.transport.value,
        manual_ack=manual_ack,
        reconnect_on_failure=False,
        **options,
    )
    client.ws_set_options(path=settings.path)
    client.connect_timeout = CONNECT_TIMEOUT_S
    client.max_inflight_messages_set(0)  # the window is kept by the connection
    if settings.username is not None:
        secret = settings.password.get_secret_value() if settings.password else None
        client.username_pw_set(settings.username, secret)
    if settings.tls is not None:
        context = client_context(settings.tls)
        context.sslsocket_class = _TlsSocket
        if settings.alpn:
            context.set_alpn_protocols([*settings.alpn])
        client.tls_set_context(context)
    if will is not None:
        client.will_set(will.topic, will.payload, qos=1, retain=will.retain)
    return client


_SUCCESS = ReasonCode(PacketTypes.PUBACK, "Success")


def _words(kind: int, packed: Any) -> str:
    """Return a packet's Reason String and Server Reference, as far as they can be read."""
    if not packed:
        return ""
    properties = Properties(kind)  # type: ignore[no-untyped-call]
    try:
        properties.unpack(bytes(packed))  # type: ignore[no-untyped-call]
    except Exception:  # an answer with broken properties is an answer all the same
        return ""
    found = (getattr(properties, name, None) for name in ("ReasonString", "ServerReference"))
    return ", ".join(str(word) for word in found if word)
