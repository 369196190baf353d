"""When the record numbers were written: enough for the age of a backlog, small indefinitely."""

from bisect import bisect_right

MOST = 4096  # beyond it every second point is dropped


class TimeLine:
    """Pairs of record number and UTC ns, thinned out as they grow."""

    def __init__(self) -> None:
        self._numbers: list[int] = []
        self._times: list[int] = []

    def add(self, number: int, time_ns: int) -> None:
        """Add a pair; numbers only grow."""
        if self._numbers and number <= self._numbers[-1]:
            return
        self._numbers.append(number)
        self._times.append(time_ns)
        if len(self._numbers) > MOST:
            # the newest keep their detail: that is where most backlogs begin
            half = len(self._numbers) // 2
            self._numbers[:half] = self._numbers[:half:2]
            self._times[:half] = self._times[:half:2]

    def at(self, number: int) -> int | None:
        """Return the time of the last pair at or before ``number``."""
        position = bisect_right(self._numbers, number)
        return self._times[max(0, position - 1)] if self._times else None
