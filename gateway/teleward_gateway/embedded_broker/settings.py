"""Settings of the broker that the gateway starts itself when no other is configured."""

import ipaddress

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator


class EmbeddedBrokerSettings(BaseModel):
    """Used only without an ``[mqtt]`` section."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = Field(True, description="start a broker when no [mqtt] section is given")
    host: str = Field(
        "127.0.0.1", description="address to listen at; any but loopback needs user and password"
    )
    port: int = Field(1883, ge=0, le=65535, description="port to listen at; 0: any free one")
    username: str | None = Field(None, description="name that clients must give")
    password: SecretStr | None = Field(None, description="password that clients must give")

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
