"""What became of each update of this gateway: a file with a JSON object a line, oldest first."""

import json
import os
import time
from pathlib import Path
from typing import Any

VERSIONS = Path("/var/lib/teleward-versions")
"""Versions of updates and their history, of an install by the Debian package."""
HISTORY = "history.jsonl"


def note(
    folder: Path, result: str, version: str, from_version: str, reason: str, asked_s: float
) -> None:
    """Add a line to the history in ``folder``: accepted, back or refused; raises OSError."""
    now_s = time.time()
    line = {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now_s)),
        "result": result, "version": version, "from": from_version, "reason": reason,
        "took_s": round(max(0.0, now_s - asked_s), 1),
    }  # fmt: skip
    path = folder / HISTORY
    # a power cut may have left a line without its end
    cut = path.exists() and not path.read_bytes().endswith(b"\n")
    with path.open("a") as file:
        file.write("\n" * cut + json.dumps(line) + "\n")
        file.flush()
        os.fsync(file.fileno())
    path.chmod(0o644)


def history(folder: Path = VERSIONS) -> list[dict[str, Any]]:
    """Return what became of each update, oldest first, without lines that a power cut cut off."""
    try:
        lines = (folder / HISTORY).read_text().splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found
