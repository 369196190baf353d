"""The sections ``lan`` and ``access`` of the settings file: the local network, and logins."""

import re
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

_NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(\.(?!-)[a-z0-9-]{1,63})*")


class LanSettings(BaseModel):
    """Pages for other machines of the local network, by HTTPS and after a login."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = Field(False, description="serve pages on the local network")
    host: str = Field("0.0.0.0", description="address to listen at; 0.0.0.0: every network")
    port: int = Field(8443, ge=0, le=65535, description="port of HTTPS; 0: any free one")
    plain_port: int = Field(
        8081,
        ge=0,
        le=65535,
        description="port of plain HTTP; 0: any free one. It leads to HTTPS and offers the "
        "certificate; a simulated ward with a classroom serves learners' pages there, nothing else",
    )
    names: tuple[str, ...] = Field(
        (), description="further names that browsers use for this gateway, such as ward.clinic.lan"
    )
    certificate: Path | None = Field(
        None, description="the clinic's own certificate with its chain (PEM); else one is made"
    )
    key: Path | None = Field(None, description="key of that certificate (PEM)")

    @field_validator("names")
    @classmethod
    def _are_names(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if len(name) > 253 or not _NAME.fullmatch(name):
                raise ValueError(f"{name!r} is no host name: use a name such as ward.clinic.lan")
        return names

    @model_validator(mode="after")
    def _both(self) -> "LanSettings":
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key go together: give both or none")
        if self.port == self.plain_port and self.port:
            raise ValueError("port and plain_port are two ports")
        return self


class AccessSettings(BaseModel):
    """How long logins last."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    idle_minutes: float = Field(
        60, gt=0, le=24 * 60, description="a login that nothing uses ends; an open page uses it"
    )
    longest_hours: float = Field(
        12, gt=0, le=31 * 24, description="a login ends in any case after this time"
    )
