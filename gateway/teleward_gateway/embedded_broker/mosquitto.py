"""Configuration and password files of mosquitto, as text; see mosquitto.conf(5).

Password line: ``name:$7$iterations$salt$hash``, PBKDF2-HMAC-SHA512, salt and hash in base64
(mosquitto 2.0, mosquitto_passwd).
"""

import base64
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

_AUTOSAVE_S = 10
"""Mosquitto saves its whole database at once; what it loses by a crash the journal sends again."""
_ITERATIONS = 101
"""mosquitto_passwd's own number."""


def configuration(
    *, host: str, port: int, folder: Path, user: str, password_file: Path, acl_file: Path
) -> str:
    """Return a configuration with one listener and persistence in ``folder``.

    ``user`` is who runs it: as root, mosquitto would change to another user, and a process that
    changes its user is no longer stopped with its parent (prctl(2), PR_SET_PDEATHSIG).
    """
    return "\n".join(
        [
            "# Written by Teleward at each start; changes are lost.",
            f"user {user}",
            f"listener {port} {host}",
            "allow_anonymous false",
            f"password_file {password_file}",
            f"acl_file {acl_file}",
            "persistence true",
            f"persistence_location {folder}{os.sep}",
            f"autosave_interval {_AUTOSAVE_S}",
            "log_dest stderr",
            "log_type error",
            "log_type warning",
            "",
        ]
    )


def access_rules(gateway: str, reader: str, roots: Sequence[str]) -> str:
    """Return an ACL file: ``gateway`` may do all, ``reader`` reads, commands and confirms.

    Nobody but the gateway writes its tree below ``roots``; commands are signed.
    """
    lines = [f"user {gateway}", "topic readwrite #", "", f"user {reader}", "topic read #"]
    for root in roots:
        for topic in ("+/command/+", "+/confirmed", "_collectors/+"):
            lines.append(f"topic write {root}/{topic}")
    return "\n".join([*lines, ""])


def password_line(username: str, password: str, salt: bytes) -> str:
    """Return the line of one user for a password file."""
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ITERATIONS)
    encoded = [base64.b64encode(part).decode() for part in (salt, digest)]
    return f"{username}:$7${_ITERATIONS}${encoded[0]}${encoded[1]}\n"
