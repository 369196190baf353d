"""The operator's key: who has it may open classes and rooms, and so see what is true.

It lies in a file for the gateway's user alone, so that another user of the machine, or a learner
with the code of a class, opens no room of their own on the case of an exam.
"""

import logging
import os
import secrets
from pathlib import Path

log = logging.getLogger(__name__)

FILE = "operator-key"
_PRIVATE = 0o600
_SHORTEST = 16


def operator_key(folder: Path) -> str:
    """Return the key in ``folder``, which is made at the first start.

    A file that others could read is replaced: its key is not secret any more. A disk that keeps
    nothing gives a key until the next start.
    """
    path = folder / FILE
    try:
        if not path.stat().st_mode & 0o077:
            found = path.read_text(encoding="ascii").strip()
            if len(found) >= _SHORTEST:
                return found
        log.warning("%s was readable for others or damaged: it has another key now", path)
        path.unlink()
    except FileNotFoundError:
        pass
    except (OSError, UnicodeDecodeError) as error:
        log.warning("%s cannot be read: %s", path, error)
    key = secrets.token_urlsafe(18)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _PRIVATE)
        with open(handle, "w", encoding="ascii") as file:
            file.write(key + "\n")
    except OSError as error:
        log.warning("%s cannot be written (%s): the key ends with this start", path, error)
    return key
