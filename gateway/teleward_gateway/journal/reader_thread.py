"""The thread that reads: queries of sinks, pages and exports never block the event loop."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from teleward_gateway.journal.damage import is_damage
from teleward_gateway.journal.database import Connect
from teleward_gateway.journal.index import JournalIndex
from teleward_gateway.journal.reader import Reader

T = TypeVar("T")


class ReaderThread:
    """Runs queries one after the other on a connection of its own, opened again after a repair."""

    def __init__(self, path: Path, connect: Connect, index: JournalIndex) -> None:
        self._path, self._connect, self._index = path, connect, index
        self._threads = ThreadPoolExecutor(1, "journal-reader")
        self._reader: Reader | None = None
        self._opening = -1

    async def run(self, work: Callable[[Reader], T]) -> T:
        """Run a query; raises sqlite3.Error while the disk cannot be read."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._work, work)

    def close(self) -> None:
        """Wait for the query that runs and close the connection; idempotent."""
        self._threads.submit(self._close)
        self._threads.shutdown()

    def _work(self, work: Callable[[Reader], T]) -> T:
        if self._opening != self._index.openings:
            self._close()
        if self._reader is None:
            self._opening = self._index.openings
            database = self._connect(self._path)
            self._reader = Reader(database, self._index.damaged_row, self._index.cache.get)
        try:
            return work(self._reader)
        except sqlite3.Error as error:
            self._close()
            if is_damage(error):
                self._index.suspect = str(error)
            raise

    def _close(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None
