"""Drawing a line from trends: the coarsest that are fine enough, rows where there is none yet.

asked      |------------------------ 30 days -------------------------|
level 2    [      ][      ][      ][      ][      ][      ]
level 1                                                    [ ][ ][ ]
level 0                                                             ||||
rows                                                                    . . .
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from teleward_gateway.clock.corrections import Corrections
from teleward_gateway.journal.checksum import DamagedBlob
from teleward_gateway.journal.entries import Filter
from teleward_gateway.journal.ranges import Ranges
from teleward_gateway.journal.reader import Reader
from teleward_gateway.journal.sinks import ENDLESS
from teleward_gateway.journal.trend import Buckets, Gathering, Series, merge, value_of, widen
from teleward_gateway.journal.trend_table import key_of
from teleward_gateway.journal.trends import WIDTHS_NS, open_trend
from teleward_signal.record import Record, RecordKind

MOST_ROWS = 120  # spans read row by row for one line: two hours, some seconds on a Raspberry Pi
_ALL = 1_000_000  # records of a minute: as many as there are
_OVERFULL = 2  # points made for each that is wanted, before they are joined


@dataclass(frozen=True, slots=True)
class Line:
    """How a metric ran: ``buckets`` of ``width_ns``, ``None`` where nothing was recorded.

    Not ``complete``: trends are still being made from older rows; ask again later.
    """

    width_ns: int
    buckets: Buckets | None
    complete: bool


def draw(
    reader: Reader,
    series: Series,
    start_ns: int,
    end_ns: int,
    points: int,
    corrections: Corrections,
    open_from: int,
) -> Line:
    """Return the line of a series over ``[start_ns, end_ns)`` in at most ``points`` buckets.

    Buckets begin at multiples of their width and are whole: the first and the last may reach beyond
    the range, and there is one more then.
    """
    level, width_ns = resolution(end_ns - start_ns, points)
    start_ns, end_ns = start_ns // width_ns * width_ns, -(-end_ns // width_ns) * width_ns
    shifts = sorted(corrections.shifts())
    todo = reader.runs(start_ns, end_ns, shifts, open_from)
    parts: list[Buckets] = []
    for at in range(level, -1, -1):
        known = []
        for seq, stop, found in _trends(reader, at, list(todo), series):
            todo.remove(seq, stop)
            if found is not None:
                known.append(found)
        if known:
            parts.append(widen(known, width_ns // WIDTHS_NS[at]))
    wanted = Filter(frozenset({RecordKind.MEASUREMENT}), *series)
    rest = Gathering(WIDTHS_NS[0])
    spans = _spans(reader, todo)
    for seq, stop in [*spans[-MOST_ROWS:], (open_from, ENDLESS)]:
        values = reader.values(wanted, seq, stop, start_ns, end_ns, shifts)
        rest.add(corrections.apply(record) for record in values)
    parts += merge([rest.trend()], width_ns // WIDTHS_NS[0]).values()
    return Line(width_ns, _within(parts, start_ns, end_ns, width_ns), len(spans) <= MOST_ROWS)


def newest(
    reader: Reader,
    series: Series,
    start_ns: int,
    end_ns: int,
    corrections: Corrections,
    open_from: int,
) -> Record | None:
    """Return the last record of a series in ``[start_ns, end_ns)`` with a number of that moment.

    A reading of a device's memory is history: it is never the newest.

    Trends say where it is, so that a value charted once a day is found without reading the day.
    """
    points = max(1, (end_ns - start_ns) // WIDTHS_NS[1])
    line = draw(reader, series, start_ns, end_ns, points, corrections, open_from)
    wanted = Filter(frozenset({RecordKind.MEASUREMENT}), *series)
    places = [] if line.buckets is None else line.buckets.place.tolist()
    for place in reversed(places):
        begin_ns = max(start_ns, place * line.width_ns)
        stop_ns = min(end_ns, (place + 1) * line.width_ns)
        found = reader.history(wanted, begin_ns, stop_ns, _ALL, corrections, open_from)
        known = [r for r in found if value_of(r) is not None and not r.payload.get("stored")]
        if known:
            return known[-1]
    return None


def resolution(length_ns: int, points: int) -> tuple[int, int]:
    """Return the level to read and the width of the buckets to answer with."""
    most = max(1, points) * _OVERFULL
    fine = [level for level, width in enumerate(WIDTHS_NS) if length_ns <= width * most]
    level = fine[0] if fine else len(WIDTHS_NS) - 1
    factor = -(-length_ns // (WIDTHS_NS[level] * max(1, points)))
    return level, WIDTHS_NS[level] * max(1, factor)


def _spans(reader: Reader, runs: Ranges) -> list[tuple[int, int]]:
    """Return the spans that lie in some ranges of numbers."""
    found: list[tuple[int, int]] = []
    for first, stop in runs:
        found += reader.all(
            "SELECT seq, stop FROM span WHERE seq >= ? AND seq < ? ORDER BY seq", (first, stop)
        )
    return found


def _trends(
    reader: Reader, level: int, runs: Iterable[tuple[int, int]], series: Series
) -> Iterator[tuple[int, int, Buckets | None]]:
    """Yield the trend points of one level for a series over some ranges of numbers."""
    for first, last in runs:
        begun = reader.all(
            "SELECT key FROM trend WHERE key >= ? AND key <= ? ORDER BY key DESC LIMIT 1",
            (key_of(level, 0), key_of(level, first)),
        )
        start = begun[0][0] if begun else key_of(level, first)
        for key, stop, blob in reader.all(
            "SELECT key, stop, data FROM trend WHERE key >= ? AND key < ?",
            (start, key_of(level, last)),
        ):
            seq = key - key_of(level, 0)
            if stop <= first:
                continue
            try:
                yield seq, stop, open_trend(key, blob, series).get(series)
            except DamagedBlob:
                continue  # the level below tells the same


def _within(parts: list[Buckets], start_ns: int, end_ns: int, width_ns: int) -> Buckets | None:
    """Join the parts and cut off what does not touch the range."""
    if not parts:
        return None
    whole = widen(parts)
    keep = (whole.place >= start_ns // width_ns) & (whole.place * width_ns < end_ns)
    if not keep.any():
        return None
    return Buckets(
        whole.place[keep], whole.count[keep], whole.low[keep], whole.high[keep], whole.sum[keep]
    )
