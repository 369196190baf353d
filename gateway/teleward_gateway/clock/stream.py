"""Sample times of one stream: the lower edge of its arrivals, followed smoothly.

    arrival of the end of a block
      ^              . '     .      late by radio, queues, retransmission
      |   .   .  '      . '
      | '_..-''------------------   the line: no sample is later than its arrival
      +---------------------------> index of the sample

A block is stamped by its index on the line, so blocks of a healthy stream join to the sample. The
line bends (offset and drift, a slow control loop on the least delay of each window) and never
jumps, unless the device's counter restarted or the device stopped counting.
"""

from dataclasses import dataclass

WINDOW_NS = 10_000_000_000  # holds many arrivals of any stream, one of them hardly delayed
SLEW = 500e-6  # of elapsed time: half a millisecond a second, an eighth of a sample at 250 Hz
MAX_DRIFT = 500e-6  # a poor ceramic resonator; crystals stay below 100e-6
DRIFT_GAIN = 0.2  # settles in about ten windows without overshoot
LOST_LINE_NS = 2_000_000_000  # later than any retransmission: the device did not count meanwhile
_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a block lies: monotonic time of its first sample, how sure, what was lost before."""

    start_ns: int
    spread_ns: int
    gap_samples: int


class StreamLine:
    """Maps sample indices of one stream to monotonic time; pure."""

    def __init__(self, fs: float) -> None:
        self.fs = fs
        self.drift = 0.0
        self.restarts = 0
        self._expected: int | None = None
        self._time_ns = 0.0
        self._arrived_ns = 0
        self._slew_ns = 0.0
        self._window_from_ns = 0
        self._least_ns: float | None = None
        self._spread_ns = 0.0

    def place(self, index: int, count: int, arrival_ns: int) -> Placed:
        """Place a block of ``count`` samples from ``index`` that had arrived at ``arrival_ns``."""
        length_ns = count * self._period_ns()
        if self._expected is None:
            self._anchor(arrival_ns - length_ns, arrival_ns)
            gap = 0
        else:
            gap = self._advance(index, count, arrival_ns)
        start_ns = round(self._time_ns)
        self._time_ns += length_ns
        self._expected = index + count
        self._learn(arrival_ns, length_ns)
        spread_ns = round(self._spread_ns + abs(self._slew_ns) + self._period_ns())
        return Placed(start_ns, spread_ns, gap)

    def _period_ns(self) -> float:
        return _NS / self.fs * (1 + self.drift)

    def _advance(self, index: int, count: int, arrival_ns: int) -> int:
        """Move the line to ``index``; return the samples that are missing before it."""
        assert self._expected is not None
        gap = index - self._expected
        gap_ns = gap * self._period_ns()
        possible_ns = arrival_ns - self._time_ns + LOST_LINE_NS
        if gap >= 0 and gap_ns <= possible_ns:
            self._time_ns += gap_ns
            behind_ns = arrival_ns - (self._time_ns + count * self._period_ns())
            if self._least_of_window(arrival_ns, behind_ns) <= LOST_LINE_NS:
                return gap
        self.restarts += 1
        start_ns = max(self._time_ns, arrival_ns - count * self._period_ns())
        missing = max(0, gap) if gap_ns <= possible_ns else 0
        missing += round((start_ns - self._time_ns) / self._period_ns())
        self._anchor(start_ns, arrival_ns)
        return missing

    def _least_of_window(self, arrival_ns: int, behind_ns: float) -> float:
        """Return the least delay known once a window is full, else nothing is wrong yet."""
        if arrival_ns - self._window_from_ns < WINDOW_NS or self._least_ns is None:
            return 0.0
        return min(self._least_ns, behind_ns)

    def _anchor(self, start_ns: float, arrival_ns: int) -> None:
        self._time_ns = start_ns
        self._slew_ns = 0.0
        self._window_from_ns = self._arrived_ns = arrival_ns
        self._least_ns = None
        self._spread_ns = 0.0

    def _learn(self, arrival_ns: int, length_ns: float) -> None:
        """Slew towards the lower edge and, once a window is over, correct offset and drift."""
        delay_ns = arrival_ns - self._time_ns
        self._least_ns = delay_ns if self._least_ns is None else min(self._least_ns, delay_ns)
        if delay_ns < 0:
            self._slew_ns = min(self._slew_ns, delay_ns)
        self._spread_ns += (abs(delay_ns) - self._spread_ns) / 16
        allowed_ns = SLEW * max(0, arrival_ns - self._arrived_ns)
        step_ns = max(-allowed_ns, min(allowed_ns, self._slew_ns))
        self._time_ns += step_ns
        self._slew_ns -= step_ns
        self._arrived_ns = arrival_ns
        elapsed_ns = arrival_ns - self._window_from_ns
        if elapsed_ns < WINDOW_NS:
            return
        self.drift += DRIFT_GAIN * self._least_ns / elapsed_ns
        self.drift = max(-MAX_DRIFT, min(MAX_DRIFT, self.drift))
        self._slew_ns = self._least_ns
        self._window_from_ns, self._least_ns = arrival_ns, None
