"""Records that a server acknowledged but may still lose in a crash.

VictoriaMetrics lost 5 to 11 s of acknowledged data when killed (measured, 1.79 and 1.112). A
record younger than the window counts as held: when the connection breaks, it is sent again; points
are idempotent, so a server that had kept it stores nothing twice.

    held   0 ............. 80 % .............. 100 %
           room for all    room for live only   none: the sink waits until some are old enough
"""

from collections import deque
from collections.abc import Sequence

from teleward_signal.record import RecordId

_MOST = 100_000
"""Records held, some 15 MB: a backlog flows at 5000 records a second with a window of 15 s."""
_BACKLOG_SHARE = 0.8
"""What a backlog may fill of it: live records must not wait for the backlog to grow old."""


class InDoubt:
    """The written records of the last ``window_s`` seconds; with 0 nothing is held."""

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._written: deque[tuple[float, tuple[RecordId, ...]]] = deque()
        self._lost: list[RecordId] = []
        self._held = 0

    def __len__(self) -> int:
        return self._held

    def wait_s(self, n_records: int, now_s: float, *, live: bool) -> float:
        """Return the seconds until there is room for ``n_records`` more, 0 when there is now."""
        excess = self._held + n_records - _MOST * (1.0 if live else _BACKLOG_SHARE)
        wait_s = 0.0
        for written_s, ids in self._written:
            if excess <= 0:
                break
            excess -= len(ids)
            wait_s = written_s + self._window_s - now_s
        return max(0.0, wait_s)

    def written(
        self, ids: Sequence[RecordId], now_s: float
    ) -> tuple[tuple[RecordId, ...], tuple[RecordId, ...]]:
        """Take in what was just written; return what is held now, and what is settled by age."""
        if not self._window_s:
            return (), tuple(ids)
        if ids:
            self._written.append((now_s, tuple(ids)))
            self._held += len(ids)
        settled: list[RecordId] = []
        while self._written and now_s - self._written[0][0] >= self._window_s:
            settled += self._written.popleft()[1]
        self._held -= len(settled)
        return tuple(ids), tuple(settled)

    def connection_lost(self) -> None:
        """The server may have crashed: what is held may be gone."""
        while self._written:
            self._lost += self._written.popleft()[1]
        self._held = 0

    def forgotten(self) -> tuple[RecordId, ...]:
        """Return what must be sent again, once."""
        lost, self._lost = self._lost, []
        return tuple(lost)
