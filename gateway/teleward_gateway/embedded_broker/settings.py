"""Settings of the broker that the gateway starts itself when no other is configured."""

import ipaddress
import re

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from teleward_cloud.secret import Secret

GATEWAY = "teleward-gateway"
"""The gateway's own name at the broker."""
_NAME = re.compile(r"[A-Za-z0-9._@-]{1,64}")


class EmbeddedBrokerSettings(BaseModel):
    """Used only without an ``[mqtt]`` section."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = Field(True, description="start a broker when no [mqtt] section is given")
    host: str = Field(
        "127.0.0.1", description="address to listen at; any but loopback needs user and password"
    )
    port: int = Field(1883, ge=0, le=65535, description="port to listen at; 0: any free one")
    username: str | None = Field(None, description="name that clients must give; reader if unset")
    password: Secret | None = Field(
        None,
        description="password that clients must give; if unset, see DATA/broker/reader-password",
    )

    @field_validator("username")
    @classmethod
    def _plain(cls, username: str | None) -> str | None:
        if username is not None and (username == GATEWAY or not _NAME.fullmatch(username)):
            raise ValueError(f"{username!r}: use letters, digits and . _ @ -, not {GATEWAY}")
        return username

    @model_validator(mode="after")
    def _guarded(self) -> "EmbeddedBrokerSettings":
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password belong together: give both or neither")
        if not self.loopback and self.username is None:
            raise ValueError(
                f"{self.host} can be reached from other machines: set username and password, or "
                "use 127.0.0.1"
            )
        return self

    @property
    def loopback(self) -> bool:
        """Whether only this machine can connect."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"
