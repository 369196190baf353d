"""What must outlive a restart besides the journal: alarms that are active and how they are judged.

    alarms.json     the alarm board, written when it changed, at most once a second
    journal         what people charted (consciousness, oxygen ...) while it is still valid

The file is replaced whole: a power cut leaves the old one or the new one. A file that cannot be
read is renamed to ``alarms.json.damaged`` and the board begins anew from the next values.
"""

import asyncio
import json
import logging
import os
import threading
from pathlib import Path
from typing import Any

from teleward_gateway.journal import Journal
from teleward_signal.alarms.board import AlarmBoard
from teleward_signal.model import Measurement, Source

log = logging.getLogger(__name__)

CHARTED = ("consciousness", "supplemental_oxygen", "body_temperature",
           "nibp_systolic", "nibp_diastolic", "nibp_mean")  # fmt: skip
"""Values that stand for hours, so that a restart must not lose them."""
LOOKED_BACK_S = 86_400.0
"""The longest validity of a charted value."""


class AlarmStore:
    """The alarm board on disk; a slow disk delays the file, never the ward."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "alarms.json"
        self._waiting: dict[str, Any] | None = None
        self._writing = threading.Lock()
        self._offered = asyncio.Event()

    def offer(self, board: dict[str, Any]) -> None:
        """Have a board written soon by `run`; the newest wins."""
        self._waiting = board
        self._offered.set()

    async def run(self) -> None:
        """Write what is offered until cancelled."""
        while True:
            await self._offered.wait()
            self._offered.clear()
            board, self._waiting = self._waiting, None
            if board is not None:
                await asyncio.to_thread(self.save, board)

    def board(self) -> AlarmBoard:
        """Return the board as it was last saved, or a new one."""
        board = AlarmBoard()
        if (kept := self.load()) is not None:
            try:
                board.restore(kept)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                self.set_aside(error)
                return AlarmBoard()
        return board

    def load(self) -> dict[str, Any] | None:
        """Return the last board, None when there is none that can be read."""
        try:
            found: dict[str, Any] = json.loads(self._path.read_text())
            return found
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            self.set_aside(error)
            return None

    def set_aside(self, why: Exception) -> None:
        """Keep a file that cannot be used out of the way."""
        log.warning("%s cannot be used (%s): alarms start empty", self._path.name, why)
        if self._path.exists():
            self._path.replace(self._path.with_suffix(".json.damaged"))

    def save(self, board: dict[str, Any]) -> None:
        """Replace the file; a disk that takes nothing is the journal's alarm, not ours."""
        new = self._path.with_suffix(".json.new")
        try:
            with self._writing:
                with new.open("w") as file:
                    json.dump(board, file, separators=(",", ":"))
                    file.flush()
                    os.fsync(file.fileno())
                new.replace(self._path)
        except OSError as error:
            log.warning("%s cannot be written: %s", self._path.name, error.strerror)


async def charted(
    journal: Journal, subject: str, now_ns: int, since_ns: int = 0
) -> list[Measurement]:
    """Return the newest charted values of a stay that are still valid, oldest first.

    ``since_ns`` is when the stay began. A reading of a device's memory is no state of now.
    """
    start_ns = max(since_ns, now_ns - int(LOOKED_BACK_S * 1e9))
    found = []
    for metric in CHARTED:
        record = await journal.newest(subject, metric, start_ns, now_ns + 1)
        if record is None or record.payload.get("stored") or record.payload["value"] is None:
            continue
        payload = record.payload
        valid_s = float(payload.get("valid_s", 0.0))
        if record.time_ns + valid_s * 1e9 >= now_ns:
            found.append(
                Measurement(
                    metric,
                    float(payload["value"]),
                    source=Source(payload.get("source", "device")),
                    time_ns=record.time_ns,
                    uncertainty_ns=record.uncertainty_ns,
                    valid_s=valid_s,
                    author=payload.get("author"),
                    group=payload.get("group"),
                )
            )
    return sorted(found, key=lambda measurement: measurement.time_ns or 0)
