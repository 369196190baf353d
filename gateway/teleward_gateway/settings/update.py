"""The section ``update`` of the settings file: how a new version is watched."""

import re

from pydantic import BaseModel, ConfigDict, Field, field_validator

_SERVER = re.compile(r"(\[[0-9a-fA-F:]+\]|[\w.-]+):\d{1,5}", re.ASCII)


class UpdateSettings(BaseModel):
    """The trial of a new version after ``teleward update``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    gate_s: float = Field(
        300.0, ge=10.0, le=3600.0, description="how long a new version is watched, in seconds"
    )
    reach: tuple[str, ...] = Field(
        (),
        description="servers, host:port, that must be reached after an update if they were before, "
        "such as the far end of a VPN",
    )

    @field_validator("reach")
    @classmethod
    def _servers(cls, reach: tuple[str, ...]) -> tuple[str, ...]:
        for server in reach:
            if not _SERVER.fullmatch(server):
                raise ValueError(f"{server!r}: use host:port, such as 10.8.0.1:22")
        return reach
