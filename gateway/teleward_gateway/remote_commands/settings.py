"""Settings of remote commands: who may send which."""

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from teleward_cloud.secret import Secret


class CommandName(StrEnum):
    """What a gateway can be asked to do."""

    MEASURE_NIBP = "measure-nibp"
    """Start one blood pressure measurement: arguments device."""
    IDENTIFY = "identify"
    """Make a device show itself: arguments device."""
    SET_LIMITS = "set-limits"
    """Change alarm limits: arguments subject, limits."""
    RELOAD_CONFIG = "reload-config"
    """Read the settings file again: no arguments."""


_CARE = frozenset({"operator", "clinician", "teacher"})
COMMAND_ROLES: dict[CommandName, frozenset[str]] = {
    CommandName.MEASURE_NIBP: _CARE,
    CommandName.IDENTIFY: _CARE,
    CommandName.SET_LIMITS: _CARE,
    CommandName.RELOAD_CONFIG: frozenset({"operator"}),
}
"""Roles whose users may be given a command; part of the table of access."""


class RemoteUserSettings(BaseModel):
    """Someone who may send commands."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=60, description="name in the audit trail")
    key: Secret = Field(description="signs the commands; shared with this user only")
    role: Literal["operator", "clinician", "teacher"] = Field(
        "operator", description="at most what this role may do"
    )
    commands: tuple[CommandName, ...] = Field(
        min_length=1,
        description="what this user may do: measure-nibp, identify, set-limits, reload-config",
    )

    @field_validator("key")
    @classmethod
    def _long(cls, key: SecretStr) -> SecretStr:
        if len(key.get_secret_value()) < 16:
            raise ValueError("use 16 characters or more, for instance from: openssl rand -hex 32")
        return key

    @model_validator(mode="after")
    def _within_role(self) -> "RemoteUserSettings":
        for command in self.commands:
            if self.role not in COMMAND_ROLES[command]:
                raise ValueError(f"role {self.role} may not {command.value}")
        return self


class RemoteCommandSettings(BaseModel):
    """Remote commands are off until a user is named."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    users: tuple[RemoteUserSettings, ...] = Field((), description="who may send commands")
    longest_validity_s: float = Field(
        300.0, gt=0, le=3600, description="commands that expire later than this are refused"
    )

    @field_validator("users")
    @classmethod
    def _distinct(cls, users: tuple[RemoteUserSettings, ...]) -> tuple[RemoteUserSettings, ...]:
        names = [user.name for user in users]
        if len(set(names)) < len(names):
            raise ValueError("each user has a name of its own")
        return users
