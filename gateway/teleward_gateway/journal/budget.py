"""The disk budget: what goes when the journal is full, a minute at a time.

    first   waveforms that every sink has      then  values that every sink has
    then    waveforms still owed (counted)     last  values, alarms and events still owed (counted)

Without any sink nothing is owed: the oldest waveforms go, then the oldest values, as expired.
"""

from array import array
from bisect import bisect_left, bisect_right

import numpy as np

from teleward_gateway.journal.ranges import Ranges
from teleward_gateway.journal.sinks import ENDLESS
from teleward_gateway.journal.spans import Span

FULL_SHARE = 0.97  # room for the log that is moved into the file only now and then
EACH_TIME = 4  # minutes of records deleted after one commit, so that no commit waits long
TABLES = ("wave", "light")
_ANYTHING = Ranges([(0, ENDLESS)])


class SpanIndex:
    """The spans in a few bytes each: enough to choose what to delete."""

    def __init__(self) -> None:
        self._seq, self._stop = array("q"), array("q")
        self._held = {table: array("q") for table in TABLES}

    def put(self, span: Span) -> None:
        """Add a span, or replace the one that begins with the same number."""
        position = bisect_left(self._seq, span.seq)
        if position == len(self._seq) or self._seq[position] != span.seq:
            self._seq.insert(position, span.seq)
            self._stop.insert(position, span.stop)
            for table in TABLES:
                self._held[table].insert(position, 0)
        self._stop[position] = span.stop
        self._held["wave"][position] = span.waves
        self._held["light"][position] = span.events

    def choose(self, delivered: Ranges) -> tuple[str, int] | None:
        """Return the table and span to delete next, ``None`` when there is nothing left.

        ``delivered`` holds the numbers that every sink has; without sinks it is empty.
        """
        for ranges in (delivered, _ANYTHING):
            for table in TABLES:
                # a year has half a million spans: they are looked through at machine speed
                for start, stop in ranges:
                    first = bisect_left(self._seq, start)
                    last = bisect_right(self._stop, stop)
                    held = np.flatnonzero(np.frombuffer(self._held[table], np.int64)[first:last])
                    if len(held):
                        return table, self._seq[first + int(held[0])]
        return None

    def floor(self) -> int:
        """Return the number below which everything was deleted."""
        for position, seq in enumerate(self._seq):
            if self._held["wave"][position] or self._held["light"][position]:
                return seq
        return self._stop[-1] if self._stop else 1

    def forget_below(self, floor: int) -> None:
        """Drop spans of which nothing is left."""
        position = bisect_left(self._seq, floor)
        for column in (self._seq, self._stop, *self._held.values()):
            del column[:position]

    def __len__(self) -> int:
        return len(self._seq)
