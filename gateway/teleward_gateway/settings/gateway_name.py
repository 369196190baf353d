"""The name of a gateway whose settings give none: its host's and a random suffix, kept on disk.

Every new Raspberry Pi is called ``raspberrypi``, and machines of a school or a fleet are often made
from one image; under one name the records of two wards would mix at the server.
"""

import hashlib
import logging
import os
import re
import secrets
import socket
import uuid
from contextlib import suppress
from pathlib import Path

from teleward_gateway.settings.model import NAME, Settings

log = logging.getLogger(__name__)

_MACHINE_ID = Path("/etc/machine-id")
_SUFFIX_BYTES = 3
_MOST_LETTERS = 48


def with_name(settings: Settings) -> Settings:
    """Return the settings with the gateway's name, which is made and kept if none is set."""
    if "name" in settings.gateway.model_fields_set:
        return settings
    path = settings.gateway.data_folder / settings.gateway.mode.value / "gateway-name"
    gateway = settings.gateway.model_copy(update={"name": _kept(path)})
    return settings.model_copy(update={"gateway": gateway})


def _kept(path: Path) -> str:
    """Return the name in the file ``path``; a disk that keeps none gets that of the machine."""
    with suppress(OSError, UnicodeDecodeError):
        found = path.read_text(encoding="utf-8").strip()
        if NAME.fullmatch(found):
            return found
    name = f"{_host()}-{secrets.token_hex(_SUFFIX_BYTES)}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, name)
    except OSError as error:
        name = f"{_host()}-{_of_machine()}"
        log.warning("the gateway's name cannot be kept (%s), it is %s now", error.strerror, name)
    else:
        log.info("this gateway is named %s; gateway.name sets another name", name)
    return name


def _write(path: Path, name: str) -> None:
    """Write the file so that a power cut leaves the whole name or none."""
    draft = path.with_suffix(".new")
    with draft.open("w", encoding="utf-8") as file:
        file.write(name + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _host() -> str:
    name = re.sub(r"[^a-z0-9-]+", "-", socket.gethostname().lower()).strip("-")
    return name[:_MOST_LETTERS].strip("-") or "gateway"


def _of_machine() -> str:
    """Return a suffix that is the same at each start of this machine."""
    identity = ""
    with suppress(OSError):
        identity = _MACHINE_ID.read_text(encoding="utf-8", errors="replace")
    digest = hashlib.sha256(f"{identity}{uuid.getnode()}".encode())
    return digest.hexdigest()[: 2 * _SUFFIX_BYTES]
