"""From the running number of a sample to UTC, by the times that blocks arrived with."""

import struct
from collections import deque

KEPT = 64
"""Blocks remembered: 13 s at a block each 200 ms, longer than any beat waits to be known."""


class StreamClock:
    """Remembers when recent blocks began; constant in size."""

    SNAPSHOT_SIZE = struct.calcsize("<qq")

    def __init__(self, fs: float) -> None:
        self._period_ns = 1e9 / fs
        self._marks: deque[tuple[int, int]] = deque(maxlen=KEPT)
        self._last = (0, 0)

    def mark(self, sample: int, time_ns: int) -> None:
        """Note that sample number ``sample`` was taken at ``time_ns``."""
        self._last = (sample, time_ns)
        self._marks.append(self._last)

    def time_ns(self, sample: int) -> int:
        """Return UTC of a sample by the block it came in, or by the oldest one remembered."""
        anchor = self._marks[0] if self._marks else self._last
        for mark in reversed(self._marks):
            if mark[0] <= sample:
                anchor = mark
                break
        return anchor[1] + round((sample - anchor[0]) * self._period_ns)

    def snapshot(self) -> bytes:
        """Return the newest mark."""
        return struct.pack("<qq", *self._last)

    def restore(self, state: bytes) -> None:
        """Continue from a snapshot."""
        self._last = struct.unpack("<qq", state)
        self._marks.clear()
        self._marks.append(self._last)
