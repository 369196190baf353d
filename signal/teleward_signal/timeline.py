"""Timeline: elapsed time that only goes on, whatever steps the UTC clock takes. No clock, no I/O.

Delays, staleness, hand-over and pauses count on the timeline; UTC is what events are stamped with.
A value observed at a UTC time is placed on the timeline by how old it was when it came in, so that
"newer" keeps its meaning when the clock is set between two values.
"""

from typing import NamedTuple

SECOND_NS = 1_000_000_000

CLOCK_SET_NS = 300 * SECOND_NS
"""Without monotonic time a step of UTC this long is a clock being set: callers come each second."""


class Instant(NamedTuple):
    """The same moment on the timeline (``clock_ns``) and in UTC (``now_ns``)."""

    clock_ns: int
    now_ns: int


class Timeline:
    """Counts elapsed nanoseconds from pairs of UTC and monotonic time.

    Callers that know no monotonic time (a replay, a drawing board) give UTC alone: its steps
    forward, up to `CLOCK_SET_NS`, are then taken for elapsed time.
    """

    __slots__ = ("_anchored", "_monotonic_ns", "clock_ns", "now_ns")

    def __init__(self) -> None:
        """Begin at zero; the first moment given is where it counts from."""
        self.clock_ns = 0
        self.now_ns = 0
        self._monotonic_ns: int | None = None
        self._anchored = False

    def at(self, now_ns: int, monotonic_ns: int | None = None) -> Instant:
        """Go on to this moment and return it by both clocks."""
        if not self._anchored:
            self._anchored = True
            self.clock_ns = max(self.clock_ns, now_ns)
        elif monotonic_ns is None:
            step_ns = now_ns - self.now_ns
            if 0 < step_ns < CLOCK_SET_NS:
                self.clock_ns += step_ns
        elif self._monotonic_ns is not None:
            self.clock_ns += max(0, monotonic_ns - self._monotonic_ns)
        if monotonic_ns is not None:
            self._monotonic_ns = max(monotonic_ns, self._monotonic_ns or 0)
        self.now_ns = now_ns
        return Instant(self.clock_ns, now_ns)

    def last(self) -> Instant:
        """Return the newest moment given."""
        return Instant(self.clock_ns, self.now_ns)

    def observed_ns(self, time_ns: int | None) -> int:
        """Return where an observation of UTC ``time_ns`` (``None``: now) lies on the timeline.

        A time ahead of now counts as now. Before the first moment is given, UTC itself counts.
        """
        if not self._anchored:
            self.clock_ns = self.now_ns = max(self.clock_ns, time_ns or 0)
        if time_ns is None:
            return self.clock_ns
        return self.clock_ns - max(0, self.now_ns - time_ns)

    def restore(self, clock_ns: int, now_ns: int) -> None:
        """Continue where a former run stopped: the time in between is not known, so it is none."""
        self.clock_ns, self.now_ns = clock_ns, now_ns
        self._anchored, self._monotonic_ns = True, None
