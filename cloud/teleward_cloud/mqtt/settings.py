"""Settings of the MQTT sink."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from teleward_cloud.tls import TlsSettings
from teleward_signal.vocabulary import METRICS, MetricKind


class MqttVersion(StrEnum):
    """Which protocol to speak; ``auto`` tries 5 and falls back to 3.1.1."""

    AUTO = "auto"
    V5 = "5"
    V311 = "3.1.1"


class Confirmation(StrEnum):
    """What counts as delivered."""

    PUBACK = "puback"
    """The broker took the message. A broker's own crash may still lose it."""
    STORAGE = "storage"
    """A collector reported that the database stored it."""


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
        None, ge=1, le=65535, description="port; by default 1883, with TLS 8883"
    )
    version: MqttVersion = Field(
        MqttVersion.AUTO, description="MQTT version: auto, 5 or 3.1.1; auto falls back to 3.1.1"
    )
    username: str | None = Field(None, description="user name at the broker")
    password: SecretStr | None = Field(None, description="password at the broker")
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
        Confirmation.PUBACK,
        description="what counts as delivered: puback (the broker took it) or storage (a collector "
        "confirmed that the database holds it)",
    )
    confirm_timeout_s: float = Field(
        30.0, gt=0, le=3600, description="storage: send again without a confirmation after this"
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
        return self.host, self.port or (8883 if self.tls else 1883)
