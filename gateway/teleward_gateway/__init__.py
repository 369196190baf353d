"""The gateway process: clock, journal, delivery, sessions, live view and API."""

import json
from importlib.metadata import version
from pathlib import Path


def _version() -> str:
    """Return the version of an installed release, else that of the sources."""
    release = Path(__file__).parents[1] / "teleward-release.json"
    try:
        return str(json.loads(release.read_text())["version"])
    except (OSError, ValueError, KeyError):
        return version("teleward")


__version__ = _version()
