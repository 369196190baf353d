"""Settings of the MQTT sink."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from teleward_cloud.mqtt.compression import Compression
from teleward_cloud.mqtt.profiles import BrokerProfile
from teleward_cloud.secret import Secret
from teleward_cloud.tls import TlsSettings
from teleward_signal.errors import Invalid
from teleward_signal.vocabulary import METRICS, MetricKind


class MqttVersion(StrEnum):
    """Which protocol to speak; ``auto`` tries 5 and falls back to 3.1.1."""

    AUTO = "auto"
    V5 = "5"
    V311 = "3.1.1"


class Confirmation(StrEnum):
    """What counts as delivered."""

    AUTO = "auto"
    """Storage where a collector stands, else the broker's acknowledgement."""
    PUBACK = "puback"
    """The broker took the message. A broker's own crash may still lose it."""
    STORAGE = "storage"
    """A collector reported that the database stored it."""


class Bundle(StrEnum):
    """What shares a message."""

    GATEWAY = "gateway"
    """Everything of a second: one message and topic a gateway."""
    SUBJECT = "subject"
    """One message and topic a subject, kind and second."""


class Transport(StrEnum):
    """What carries MQTT."""

    TCP = "tcp"
    WEBSOCKETS = "websockets"


class HomeAssistantSettings(BaseModel):
    """Discovery messages for Home Assistant."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = Field(False, description="announce every numeric to Home Assistant")
    prefix: str = Field(
        "homeassistant", min_length=1, description="the discovery prefix set in Home Assistant"
    )


class MqttSettings(BaseModel):
    """Where and how to publish."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field("127.0.0.1", min_length=1, description="name or address of the broker")
    port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="port; by default 1883, with TLS 8883, over websockets 80 and with TLS 443",
    )
    transport: Transport = Field(
        Transport.TCP, description="tcp, or websockets where a network passes only port 443"
    )
    path: str = Field("/mqtt", pattern=r"^/", description="path of the websocket")
    alpn: tuple[str, ...] = Field(
        (),
        description="protocol names to offer in TLS (ALPN), for a broker that shares port 443: "
        '["x-amzn-mqtt-ca"] for AWS IoT',
    )
    profile: BrokerProfile | None = Field(
        None,
        description="the broker's service, whose limits are kept: aws, azure, emqx-serverless or "
        "hivemq",
    )
    version: MqttVersion = Field(
        MqttVersion.AUTO, description="MQTT version: auto, 5 or 3.1.1; auto falls back to 3.1.1"
    )
    username: str | None = Field(None, description="user name at the broker")
    password: Secret | None = Field(None, description="password at the broker")
    tls: TlsSettings | None = Field(None, description="encrypt; with a certificate, mutual TLS")
    client_id: str | None = Field(
        None, description="client id at the broker; by default teleward-<gateway>"
    )
    keepalive_s: int = Field(
        15, ge=5, le=600, description="a silent partition is noticed after about 1.5 of this"
    )
    topic_root: str = Field("teleward", description="first topic levels of field data")
    simulated_topic_root: str = Field(
        "teleward-sim", description="first topic levels of simulated data"
    )
    # More than 20 outstanding messages bought no throughput, only latency; and mosquitto grants 20.
    window: int = Field(20, ge=1, le=1000, description="messages outstanding without a PUBACK")
    ack_timeout_s: float = Field(
        20.0, gt=0, le=600, description="after this without a PUBACK the connection is remade"
    )
    confirm: Confirmation = Field(
        Confirmation.AUTO,
        description="what counts as delivered: puback (the broker took it), storage (a collector "
        "confirmed that the database holds it) or auto (storage where a collector stands)",
    )
    confirm_timeout_s: float = Field(
        30.0, gt=0, le=3600, description="storage: send again without a confirmation after this"
    )
    bundle: Bundle = Field(
        Bundle.GATEWAY,
        description="what shares a message: gateway (everything of a second) or subject (a topic "
        "for each subject and kind)",
    )
    compression: Compression = Field(
        Compression.NONE, description="zstd saves nine tenths of the traffic; none is plain JSON"
    )
    publishes_per_s: float | None = Field(
        None,
        gt=0,
        description="most messages a second; by default what the profile allows, and slower when "
        "the broker asks for it",
    )
    backfill_per_s: float = Field(
        4000.0, gt=0, description="most messages a second of the backlog after an outage"
    )
    waveforms: Annotated[
        tuple[str, ...],
        Field(description='metrics whose waveforms are published, or ["all"]; none by default'),
    ] = ()
    home_assistant: HomeAssistantSettings = Field(
        HomeAssistantSettings(enabled=False, prefix="homeassistant"),
        description="Home Assistant discovery",
    )

    @field_validator("host")
    @classmethod
    def _name_only(cls, host: str) -> str:
        if "/" in host or any(letter.isspace() for letter in host):
            raise ValueError(f"{host!r}: write the name of the host alone, without mqtt:// or path")
        if host.count(":") == 1:
            name, _, port = host.partition(":")
            raise ValueError(f"{host!r}: write host = {name!r} and port = {port}")
        return host

    @field_validator("topic_root", "simulated_topic_root")
    @classmethod
    def _plain_topic(cls, root: str) -> str:
        levels = root.split("/")
        if not all(levels) or any(sign in root for sign in "+#\0$"):
            raise ValueError(f"{root!r}: levels separated by /, none empty, without + # or $")
        return root

    @field_validator("waveforms")
    @classmethod
    def _known_waveforms(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        known = {name for name, metric in METRICS.items() if metric.kind is MetricKind.WAVEFORM}
        unknown = sorted(set(names) - known - {"all"})
        if unknown:
            raise ValueError(f"no such waveform: {', '.join(unknown)}; known: {sorted(known)}")
        return names

    @model_validator(mode="after")
    def _alpn_with_tls(self) -> "MqttSettings":
        if self.alpn and self.tls is None:
            raise Invalid("alpn is part of TLS: add a section [mqtt.tls]")
        return self

    @model_validator(mode="after")
    def _roots_apart(self) -> "MqttSettings":
        field, simulated = self.topic_root.split("/"), self.simulated_topic_root.split("/")
        shorter = min(len(field), len(simulated))
        if field[:shorter] == simulated[:shorter]:
            raise ValueError(
                "topic_root and simulated_topic_root must not contain one another: simulated data "
                "would reach those who listen to field data"
            )
        return self

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to connect to."""
        if self.port is not None:
            return self.host, self.port
        plain, encrypted = (80, 443) if self.transport is Transport.WEBSOCKETS else (1883, 8883)
        return self.host, encrypted if self.tls else plain
