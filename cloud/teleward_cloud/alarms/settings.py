"""Settings of everything that carries alarms to people."""

from itertools import pairwise

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from teleward_cloud.secret import Secret
from teleward_cloud.tls import TlsSettings
from teleward_cloud.urls import check_url
from teleward_signal.model import Presence, Priority


class _Target(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,40}$", description="unique; names the backlog")
    lowest_priority: Priority = Field(
        Priority.MEDIUM, description="alarms below this priority are not sent: high, medium, low"
    )
    from_step: int = Field(
        0, ge=0, le=9, description="0: every alarm; n: only those nobody acknowledged n times over"
    )
    stale_s: float = Field(
        300.0, gt=0, description="an alarm older than this is not sent; it is marked as delivered"
    )


class WebhookSettings(_Target):
    """A web address that gets every alarm, signed."""

    url: str = Field(description="where to POST")
    secret: Secret = Field(description="key of the signature, shared with the receiver")
    timeout_s: float = Field(10.0, gt=0, le=60, description="longest wait for the answer")
    tls: TlsSettings | None = Field(None, description="certificates for an https address")

    @field_validator("url")
    @classmethod
    def _http(cls, url: str) -> str:
        return check_url(url)

    @field_validator("secret")
    @classmethod
    def _long(cls, secret: SecretStr) -> SecretStr:
        if len(secret.get_secret_value()) < 16:
            raise ValueError("use 16 characters or more, for instance from: openssl rand -hex 32")
        return secret


class CommandHookSettings(_Target):
    """A program that is started for every alarm, such as one that switches a GPIO lamp."""

    command: tuple[str, ...] = Field(
        min_length=1,
        description='program and arguments, no shell, e.g. ["gpioset", "gpiochip0", "17=1"]',
    )
    timeout_s: float = Field(10.0, gt=0, le=60, description="after this the program is killed")
    presences: tuple[Presence, ...] = Field(
        (Presence.ON,), description="changes that start it: on, latched, ack, off"
    )


class EscalationSettings(BaseModel):
    """What happens when nobody acknowledges an alarm."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = Field(True, description="repeat alarms that nobody acknowledges")
    after_s: tuple[float, ...] = Field(
        (60.0, 180.0, 600.0),
        min_length=1,
        max_length=9,
        description="seconds from the alarm to step 1, 2, ...; targets choose by from_step",
    )
    lowest_priority: Priority = Field(
        Priority.HIGH, description="alarms below this priority are not repeated"
    )

    @field_validator("after_s")
    @classmethod
    def _rising(cls, after_s: tuple[float, ...]) -> tuple[float, ...]:
        if any(a >= b for a, b in pairwise(after_s)) or after_s[0] <= 0:
            raise ValueError("each step comes later than the one before")
        return after_s


class AlarmDeliverySettings(BaseModel):
    """Alarm notification settings: receivers beside the dashboard and MQTT."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    webhooks: tuple[WebhookSettings, ...] = Field((), description="signed web calls")
    commands: tuple[CommandHookSettings, ...] = Field((), description="programs to start")
    escalation: EscalationSettings = Field(
        EscalationSettings(), description="repetition of alarms that nobody acknowledges"
    )

    @model_validator(mode="after")
    def _distinct(self) -> "AlarmDeliverySettings":
        names = [target.name for target in (*self.webhooks, *self.commands)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"name used twice: {', '.join(twice)}; each has its own backlog")
        return self


RANKS = {Priority.HIGH: 0, Priority.MEDIUM: 1, Priority.LOW: 2, Priority.INFO: 3}
"""Priorities by urgency; 0 is the most urgent."""


def urgent_enough(priority: object, lowest: Priority) -> bool:
    """Return whether an alarm of ``priority`` reaches ``lowest``; an unknown priority does."""
    try:
        return RANKS[Priority(str(priority))] <= RANKS[lowest]
    except ValueError:
        return True
