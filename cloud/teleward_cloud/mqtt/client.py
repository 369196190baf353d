"""paho's client with a short way for the packet that comes once a message: the PUBACK.

    PUBACK   0x40 | remaining length 2 or 3 | u16 packet id | reason code (MQTT 5, length 3)

MQTT 5.0, 3.4. paho makes a reason code and two property objects of each, a third of all that a
message costs (measured); here the few reason codes are made once. A PUBACK with properties, and
every other packet, takes paho's own way.
"""

from functools import lru_cache
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

_NO_PROPERTIES = Properties(PacketTypes.PUBACK)  # type: ignore[no-untyped-call]


class QuickClient(Client):
    """See the module; used as `paho.mqtt.client.Client`."""

    def _handle_pubackcomp(self, cmd: Any) -> MQTTErrorCode:
        packet = self._in_packet["packet"]
        if cmd != "PUBACK" or len(packet) not in (2, 3):
            return super()._handle_pubackcomp(cmd)
        mid = packet[0] << 8 | packet[1]
        reason = _reason(packet[2] if len(packet) == 3 else 0)
        with self._out_message_mutex:
            if mid in self._out_messages:
                return self._do_on_publish(mid, reason, _NO_PROPERTIES)
        return MQTTErrorCode.MQTT_ERR_SUCCESS


@lru_cache(maxsize=256)
def _reason(identifier: int) -> ReasonCode:
    """Return a reason code; one that MQTT 5.0 does not know is an unspecified error."""
    try:
        return ReasonCode(PacketTypes.PUBACK, identifier=identifier)
    except KeyError:
        return ReasonCode(PacketTypes.PUBACK, "Unspecified error")
