"""Limits of well-known MQTT services, as their documents state them. Pure.

A service of MQTT 5 names part of its limits in CONNACK, which is always obeyed; the rest, and all
of it under 3.1.1, is only written down. `teleward doctor` compares the settings with it.
Sources, read in 2026: AWS IoT Core endpoints and quotas; Azure Event Grid quotas and limits, MQTT
features; EMQX Platform quotas (Serverless); HiveMQ Cloud frequently asked questions.
"""

from dataclasses import dataclass
from enum import StrEnum


class BrokerProfile(StrEnum):
    """A service whose limits are kept."""

    AWS = "aws"
    AZURE = "azure"
    EMQX_SERVERLESS = "emqx-serverless"
    HIVEMQ = "hivemq"


@dataclass(frozen=True, slots=True)
class ServiceLimits:
    """What a service allows one client; ``None``: no limit is stated."""

    title: str
    tls: bool = True
    packet_bytes: int | None = None
    retained_bytes: int | None = None
    publishes_per_s: float | None = None
    receive_maximum: int | None = None
    topic_slashes: int | None = None
    topic_bytes: int | None = None
    client_id_bytes: int | None = None
    subscriptions: int | None = None
    keep_alive_s: tuple[int, int] | None = None
    session_expiry_s: int | None = None
    qos: int = 2
    retain: bool = True
    websocket_port: int = 443
    alpn: str | None = None


LIMITS = {
    BrokerProfile.AWS: ServiceLimits(
        "AWS IoT Core",
        packet_bytes=128 * 1024,
        publishes_per_s=100.0,
        receive_maximum=100,
        topic_slashes=7,
        topic_bytes=256,
        client_id_bytes=128,
        subscriptions=50,
        keep_alive_s=(5, 1200),
        qos=1,
        alpn="x-amzn-mqtt-ca",
    ),
    BrokerProfile.AZURE: ServiceLimits(
        "Azure Event Grid",
        packet_bytes=512 * 1024,
        retained_bytes=64 * 1024,
        publishes_per_s=1000.0,
        keep_alive_s=(1, 1160),
        session_expiry_s=8 * 3600,
        qos=1,
    ),
    BrokerProfile.EMQX_SERVERLESS: ServiceLimits(
        "EMQX Serverless",
        packet_bytes=1024 * 1024,
        publishes_per_s=10.0,
        topic_slashes=9,
        client_id_bytes=1024,
        subscriptions=10,
        session_expiry_s=2 * 3600,
        websocket_port=8084,
    ),
    BrokerProfile.HIVEMQ: ServiceLimits(
        "HiveMQ Cloud", packet_bytes=5 * 1024 * 1024, websocket_port=8884
    ),
}
"""Azure's packet limit is the smaller of two statements (512 KB and 1 MB); HiveMQ's is believed."""
