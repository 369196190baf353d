"""How often a line of one cause is logged: a loop that fails at each try fills no disk.

    first line --> written        the same cause within the hour --> left out and counted
                                  an hour later --> written, with how many were left out

Numbers do not make another cause: "silent for 11 s" and "silent for 12 s" are one.
"""

import logging
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

HOUR_S = 3600.0
_MOST = 4096
"""Causes remembered: more than a ward of 3000 devices has at a time."""
_REPEATS = 4
"""Lines of one cause that `RepeatFilter` writes at once: the second outage is read, too."""
_KIND_LINES, _KIND_S = 60, 60.0
"""Lines of one kind at once, and the seconds for one more, whatever they name: a driver that fails
at each packet writes 0.2 MB an hour."""
_NUMBER = re.compile(r"(?<![\w:.-])\d+(?:\.\d+)?(?![\w:-])")


@dataclass(slots=True)
class _Budget:
    lines: float
    at_s: float
    left_out: int = 0


class LineLimit:
    """Lines that each cause may have: ``burst`` at once and one more each ``every_s`` seconds."""

    def __init__(
        self,
        burst: int = 1,
        every_s: float = HOUR_S,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._burst, self._every_s, self._now_s = burst, every_s, now_s
        self._budgets: OrderedDict[Hashable, _Budget] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, cause: Hashable) -> int | None:
        """Return how many lines of ``cause`` were left out before this one; None: leave it out."""
        now_s = self._now_s()
        with self._lock:
            budget = self._budgets.setdefault(cause, _Budget(float(self._burst), now_s))
            self._budgets.move_to_end(cause)
            while len(self._budgets) > _MOST:
                self._budgets.popitem(last=False)
            gained = (now_s - budget.at_s) / self._every_s
            budget.lines, budget.at_s = min(float(self._burst), budget.lines + gained), now_s
            if budget.lines < 1.0 - 1e-9:
                budget.left_out += 1
                return None
            budget.lines -= 1.0
            left_out, budget.left_out = budget.left_out, 0
            return left_out


class RepeatFilter(logging.Filter):
    """Leaves out warnings and errors that repeat; ``left_out`` of a record counts those."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._causes = LineLimit(_REPEATS, HOUR_S, now_s)
        self._kinds = LineLimit(_KIND_LINES, _KIND_S, now_s)

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is written."""
        if record.levelno < logging.WARNING:
            return True
        repeated = self._causes.take((record.name, without_numbers(record.getMessage())))
        more = None if repeated is None else self._kinds.take((record.name, str(record.msg)))
        if repeated is None or more is None:
            return False
        if repeated + more:
            record.left_out = repeated + more
        return True


def without_numbers(text: str) -> str:
    """Return ``text`` with a mark in the place of each number that stands alone."""
    return _NUMBER.sub("#", text)
