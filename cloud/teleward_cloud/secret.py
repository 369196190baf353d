"""Secrets of the settings: written out, or named by an environment variable or a file.

token = "..."                            in a settings file that only its user reads
token = {env = "TELEWARD_INFLUX_TOKEN"}
token = {file = "/run/secrets/influx"}   its whole text, without spaces and lines around it
"""

import os
import stat
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, SecretStr, WithJsonSchema

_MOST_BYTES = 4096
OPEN_TO_ALL = stat.S_IROTH | stat.S_IWOTH


def _resolve(value: Any) -> Any:
    """Return what a reference stands for; anything else is returned as it is."""
    if not isinstance(value, dict):
        return value
    match list(value.items()):
        case [("env", str(name))]:
            return _from_environment(name)
        case [("file", str(path))]:
            return _from_file(Path(path))
    raise ValueError('write the secret as text, {env = "NAME"} or {file = "/PATH"}')


Secret = Annotated[
    SecretStr,
    BeforeValidator(_resolve),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "format": "password", "writeOnly": True},
                {
                    "type": "object",
                    "properties": {"env": {"type": "string"}, "file": {"type": "string"}},
                    "minProperties": 1,
                    "maxProperties": 1,
                    "additionalProperties": False,
                },
            ]
        }
    ),
]
"""A secret of the settings, whichever way it is given."""


def _from_environment(name: str) -> str:
    found = os.environ.get(name, "").strip()
    if not found:
        raise ValueError(f"the environment has no variable {name}")
    return found


def _from_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise ValueError(f"{path} is no file")
            if status.st_mode & OPEN_TO_ALL:
                raise ValueError(f"{path} is open to every user of this machine: chmod o= {path}")
            content = file.read(_MOST_BYTES + 1)
        found = content.decode().strip()
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path} is no text") from None
    if not found or len(content) > _MOST_BYTES:
        raise ValueError(f"{path} is empty or above {_MOST_BYTES} bytes")
    return found
