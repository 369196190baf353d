"""The section ``classroom`` of the settings file."""

import re

from pydantic import BaseModel, ConfigDict, Field, field_validator

_FLEET = re.compile(r"http://([\w.-]*:[\w.-]+@)?(127\.0\.0\.1|localhost):\d{1,5}/?", re.ASCII)


class ClassroomSettings(BaseModel):
    """Teaching rooms, of a gateway whose mode is simulated."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = Field(
        False,
        description="serve teaching rooms; needs mode simulated and teleward[sim]",
    )
    fleet: str = Field(
        "",
        description="control API of the simulated devices on this machine, "
        "http://fleet:KEY@127.0.0.1:PORT: a room switches the devices of its patient on there",
    )

    @field_validator("fleet")
    @classmethod
    def _on_this_machine(cls, fleet: str) -> str:
        if fleet and not _FLEET.fullmatch(fleet):
            raise ValueError("use http://fleet:KEY@127.0.0.1:PORT, as the fleet printed it")
        return fleet
