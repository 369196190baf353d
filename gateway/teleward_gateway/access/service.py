"""Access of a running gateway: its accounts, sessions and log, and whether they can be used."""

import asyncio
import logging
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from teleward_gateway.access.accounts import Account, Accounts
from teleward_gateway.access.database import AccessFile
from teleward_gateway.access.log import AccessLog
from teleward_gateway.access.sessions import Sessions
from teleward_gateway.access.throttle import SlowDown, Throttle
from teleward_gateway.settings.lan import AccessSettings
from teleward_signal.errors import Unavailable
from teleward_signal.model import Provenance

log = logging.getLogger(__name__)

REFRESH_S = 1.0
MOST_WAITING = 32
"""Logins that wait for their turn: a class of teachers, or somebody with a list of passwords."""
WAIT_S = 5
KEEP_TURNS = 60
"""Turns of `REFRESH_S` between two writings of when sessions were used."""


class AccessService:
    """What decides who may ask; raises Unavailable where its file cannot be opened."""

    def __init__(self, folder: Path, mode: Provenance, settings: AccessSettings) -> None:
        self.mode = mode
        self._file = AccessFile(folder)
        self.accounts = Accounts(self._file, mode)
        self.sessions = Sessions(
            self._file, settings.idle_minutes * 60, settings.longest_hours * 3600
        )
        self.throttle = Throttle()
        self._one_at_a_time, self._waiting = asyncio.Semaphore(1), 0
        self.log = AccessLog(self._file)

    async def verified(self, name: str, password: str) -> Account | None:
        """Return the account when the password is right; one at a time, in one thread.

        Many logins at once would take the threads that the journal writes with. Raises SlowDown.
        """
        if self._waiting >= MOST_WAITING:
            raise SlowDown(WAIT_S)
        self._waiting += 1
        try:
            async with self._one_at_a_time:
                return await asyncio.to_thread(self.accounts.verified, name, password)
        finally:
            self._waiting -= 1

    async def run(self) -> None:
        """Notice what commands write, and keep what requests did."""
        turn = 0
        while True:
            await asyncio.sleep(REFRESH_S)
            turn += 1
            await asyncio.to_thread(self._turn, turn % KEEP_TURNS == 0)

    def _turn(self, keep: bool) -> None:
        try:
            self.log.write()
            if keep:
                self.sessions.keep()
            self.sessions.refresh()
        except sqlite3.Error as error:
            log.warning("accounts: %s", error)

    def close(self) -> None:
        """Write what waits and close the file; blocks."""
        self._turn(keep=True)
        self._file.close()

    def health(self) -> dict[str, Any]:
        """Return how many accounts, sessions and links there are, and what is wrong."""
        return {
            "ok": self.log.error is None,
            "error": self.log.error,
            "sessions": len(self.sessions.all()),
            "links": len(self.sessions.links()),
            "log_lines_lost_total": self.log.lost,
        }


def try_access(
    folder: Path, mode: Provenance, settings: AccessSettings
) -> tuple[AccessService | None, str]:
    """Return the service, or None and the reason: then only the console is served."""
    try:
        return AccessService(folder, mode, settings), ""
    except (Unavailable, sqlite3.Error, OSError) as error:
        log.error("nobody can log in: %s", error)
        return None, str(error)


def spoken(words: Iterable[str]) -> str:
    """Return words as a list in a sentence."""
    found = list(words)
    return found[0] if len(found) == 1 else f"{', '.join(found[:-1])} or {found[-1]}"
