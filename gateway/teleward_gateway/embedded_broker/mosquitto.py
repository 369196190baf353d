"""Configuration and password files of mosquitto, as text; see mosquitto.conf(5).

Password line: ``name:$7$iterations$salt$hash``, PBKDF2-HMAC-SHA512, salt and hash in base64
(mosquitto 2.0, mosquitto_passwd).
"""

import base64
import hashlib
import os
from pathlib import Path

_AUTOSAVE_S = 10
"""Mosquitto saves its whole database at once; what it loses by a crash the journal sends again."""
_ITERATIONS = 101
"""mosquitto_passwd's own number."""


def configuration(
    *, host: str, port: int, folder: Path, user: str, password_file: Path | None
) -> str:
    """Return a configuration with one listener and persistence in ``folder``.

    ``user`` is who runs it: as root, mosquitto would change to another user, and a process that
    changes its user is no longer stopped with its parent (prctl(2), PR_SET_PDEATHSIG).
    """
    access = (
        ["allow_anonymous true"]
        if password_file is None
        else ["allow_anonymous false", f"password_file {password_file}"]
    )
    return "\n".join(
        [
            "# Written by Teleward at each start; changes are lost.",
            f"user {user}",
            f"listener {port} {host}",
            *access,
            "persistence true",
            f"persistence_location {folder}{os.sep}",
            f"autosave_interval {_AUTOSAVE_S}",
            "log_dest stderr",
            "log_type error",
            "log_type warning",
            "",
        ]
    )


def password_line(username: str, password: str, salt: bytes) -> str:
    """Return the line of one user for a password file."""
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ITERATIONS)
    encoded = [base64.b64encode(part).decode() for part in (salt, digest)]
    return f"{username}:$7${_ITERATIONS}${encoded[0]}${encoded[1]}\n"
