"""Which commands were taken, until they expire: a command works once, restarts included.

    commands.json   {"floor_ns": 1772352060000000000, "taken": {"2f6c...": 1772352120000000000}}

``floor_ns`` is the latest expiry that was forgotten: whatever expires no later is over, even when
the clock of a gateway without a battery begins again in the past. The file is replaced whole and
synced before a command is done; a power cut leaves the old one or the new one. After a damaged
file, commands are refused that an earlier gateway may have taken.
"""

import json
import logging
import os
from pathlib import Path

from teleward_signal.errors import TooMany

_MOST = 2000
"""Commands that have not expired; more at once is an attack or a fault. 100 KB on disk."""

log = logging.getLogger(__name__)


class TooManyCommands(TooMany):
    """No further command can be remembered now."""


class CommandMemory:
    """The commands taken, in memory and, with a ``path``, on disk."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._taken: dict[str, int] = {}
        self._floor_ns = 0

    def load(self, now_ns: int, longest_validity_ns: int) -> None:
        """Take over what was remembered before this start."""
        if self._path is None:
            return
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
            self._floor_ns = int(found["floor_ns"])
            self._taken = {str(name): int(end) for name, end in found["taken"].items()}
        except FileNotFoundError:
            return
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            self._floor_ns = now_ns + longest_validity_ns
            log.warning(
                "%s cannot be read (%s): commands that expire within the longest validity from now"
                " are refused, as they may have been given before",
                self._path.name,
                error,
            )

    def is_over(self, expires_ns: int) -> bool:
        """Return whether a command with this expiry may have been taken and forgotten."""
        return expires_ns <= self._floor_ns

    def __contains__(self, identity: str) -> bool:
        return identity in self._taken

    def take(self, identity: str, expires_ns: int, now_ns: int) -> None:
        """Remember a command until it expires; raises `TooManyCommands`."""
        over = [name for name, end in self._taken.items() if end <= now_ns]
        for name in over:
            self._floor_ns = max(self._floor_ns, self._taken.pop(name))
        if len(self._taken) >= _MOST:
            raise TooManyCommands
        self._taken[identity] = expires_ns

    def document(self) -> str:
        """Return what `save` writes."""
        return json.dumps({"floor_ns": self._floor_ns, "taken": self._taken})

    def save(self, document: str) -> None:
        """Write to disk and wait until it is there; raises ``OSError``."""
        if self._path is None:
            return
        new = self._path.with_suffix(".json.new")
        with new.open("w", encoding="utf-8") as file:
            file.write(document)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
