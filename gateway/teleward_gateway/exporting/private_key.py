"""The secret key of research exports: made once, kept in the data folder, never exported.

Who has it can undo the shift of dates; deleting it makes later exports unlinkable.
"""

import os
import secrets
from pathlib import Path

NAME = "research.key"
_BYTES = 32


def research_key(folder: Path) -> bytes:
    """Return the key of a gateway, made when there is none."""
    path = folder / NAME
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_bytes()
    with os.fdopen(handle, "wb") as file:
        key = secrets.token_bytes(_BYTES)
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    return key
