"""The trial of a version, on disk: whichever step is cut off, the guard goes on from it.

ready      prepared; what runs has not been touched
trying     the new version is, or is about to be, what starts
watching   it was started; the health gate runs
returning  the version before is, or is about to be, what starts again
"""

import fcntl
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from teleward_gateway.operation.update_history import note
from teleward_gateway.updating.places import Places, write_whole

FILE, GUARD_LOCK = "trial.json", "guard.lock"
MOST_RESUMED = 3
"""Starts of the guard in one trial; a machine that fails more often goes back."""


class Stage(StrEnum):
    """Where a trial is."""

    READY = "ready"
    TRYING = "trying"
    WATCHING = "watching"
    RETURNING = "returning"


@dataclass(frozen=True, slots=True)
class Trial:
    """One trial: versions, folders, what was seen before it, and where it is.

    ``began_s`` and ``gate_s`` are seconds since ``boot``; ``before`` is the JSON form of a `Look`.
    """

    version: str
    to: str
    from_version: str
    from_folder: str
    before: Mapping[str, Any]
    settings_sha256: str
    gate_s: float
    asked_s: float
    snapshot: bool = False
    stage: Stage = Stage.READY
    reason: str = ""
    boot: str = ""
    began_s: float = 0.0
    resumed: int = 0
    old_pid: int = 0
    reach: tuple[str, ...] = field(default_factory=tuple)


def read_trial(places: Places) -> Trial | None:
    """Return the trial under way, None when there is none or its file is damaged."""
    try:
        document = json.loads((places.versions / FILE).read_text())
        document["stage"] = Stage(document["stage"])
        document["reach"] = tuple(document["reach"])
        return Trial(**document)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def write_trial(places: Places, trial: Trial, **changes: Any) -> Trial:
    """Write the trial with ``changes``, and return it."""
    trial = replace(trial, **changes)
    write_whole(places.versions / FILE, json.dumps(asdict(trial)))
    return trial


def end_trial(places: Places, trial: Trial, result: str, reason: str) -> None:
    """Write what became of a trial into the history, and end it."""
    note(places.versions, result, trial.version, trial.from_version, reason, trial.asked_s)
    (places.versions / FILE).unlink(missing_ok=True)


def end_unused(places: Places) -> None:
    """Forget a trial that no guard has begun with."""
    (places.versions / FILE).unlink(missing_ok=True)


def guard_works(places: Places) -> bool:
    """Return whether the guard of a trial runs now."""
    try:
        with (places.versions / GUARD_LOCK).open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def boot_id() -> str:
    """Return the kernel's id of this boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
