"""The section ``classroom`` of the settings file."""

from pydantic import BaseModel, ConfigDict, Field, field_validator


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
        "http://127.0.0.1:PORT: a room switches the devices of its patient on there",
    )

    @field_validator("fleet")
    @classmethod
    def _on_this_machine(cls, fleet: str) -> str:
        if fleet and not fleet.startswith(("http://127.0.0.1:", "http://localhost:")):
            raise ValueError(f"{fleet!r}: use http://127.0.0.1:PORT, as the fleet printed it")
        return fleet
