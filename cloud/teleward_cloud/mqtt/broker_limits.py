"""What a broker allows, from its CONNACK (MQTT 5.0, 3.2.2.3); under 3.1.1 none are sent. Pure."""

from dataclasses import dataclass
from typing import Any

_FIXED_HEADER = 5
"""Octets before a packet's content: its type and up to four of length."""


@dataclass(frozen=True, slots=True)
class BrokerLimits:
    """Limits of one connection; ``packet_bytes`` of ``None`` is no limit that is known."""

    receive_maximum: int = 65_535
    packet_bytes: int | None = None
    qos: int = 2
    retain: bool = True
    topic_alias_maximum: int = 0
    keep_alive_s: int | None = None
    session_expiry_s: int | None = None
    shared_subscriptions: bool = True
    wildcards: bool = True

    @classmethod
    def of(cls, properties: Any) -> "BrokerLimits":
        """Return the limits that the properties of a CONNACK name."""
        if properties is None:
            return cls()

        def found(name: str, default: Any) -> Any:
            return getattr(properties, name, default)

        return cls(
            receive_maximum=found("ReceiveMaximum", 65_535),
            packet_bytes=found("MaximumPacketSize", None),
            qos=found("MaximumQoS", 2),
            retain=bool(found("RetainAvailable", 1)),
            topic_alias_maximum=found("TopicAliasMaximum", 0),
            keep_alive_s=found("ServerKeepAlive", None),
            session_expiry_s=found("SessionExpiryInterval", None),
            shared_subscriptions=bool(found("SharedSubscriptionAvailable", 1)),
            wildcards=bool(found("WildcardSubscriptionAvailable", 1)),
        )


def publish_bytes(topic: str, n_payload: int) -> int:
    """Return the octets of a PUBLISH packet of QoS 1 with the properties used here."""
    # topic and its length, packet id, length of properties, topic alias
    return _FIXED_HEADER + 2 + len(topic.encode()) + 2 + 1 + 3 + n_payload
