"""The trends of a journal, kept by its writer: made at the end of every span, joined 16 by 16.

    level 0   a span, some 60 s, buckets of 10 s      | | | | | | | | | | | | | | | | |
    level 1   16 of them, buckets of a minute         |_______________________________|
    level 2   16 of those, buckets of a quarter hour, some 4 hours in all

A span without a trend (of an older version, after a power cut, a repair or a correction of the
clock) gets one from its rows, a little of the work after each commit, so that none waits for it.
"""

import logging
import sqlite3
import struct
import time
import zlib
from collections.abc import Iterable, Sequence

from teleward_gateway.clock.corrections import Correction, Corrections
from teleward_gateway.journal.checksum import Blob, DamagedBlob, pack_blob, unpack_blob
from teleward_gateway.journal.damage import is_damage
from teleward_gateway.journal.entries import Filter
from teleward_gateway.journal.row import records_of, values_of
from teleward_gateway.journal.spans import Span
from teleward_gateway.journal.store import Store, Transaction
from teleward_gateway.journal.trend import Gathering, Series, Trend, merge, pack_trend, unpack_trend
from teleward_gateway.journal.trend_table import StoredTrend, TrendTable, key_of
from teleward_signal.record import Record, RecordKind

log = logging.getLogger(__name__)

_NS = 1_000_000_000
WIDTHS_NS = (10 * _NS, 60 * _NS, 900 * _NS)
"""Buckets of each level: an hour in 360 points, a day in 1440, a month in 2880."""
JOINED = 16  # of a level make one of the next; few to read, and few not joined yet
ROUND_S = 0.05  # of making up for missing trends after a commit: a twentieth of the interval
_SLICE = 256  # spans looked through for missing trends at a time
_VALUES = Filter(frozenset({RecordKind.MEASUREMENT}))


def stored(level: int, seq: int, stop: int, boot: str, mono_ns: int, trend: Trend) -> StoredTrend:
    """Return a trend ready to be written."""
    blob = pack_blob(Blob.TREND, seq, pack_trend(trend), count=level)
    return StoredTrend(key_of(level, seq), stop, boot, mono_ns, blob)


def open_trend(key: int, blob: bytes, series: Series | None = None) -> Trend:
    """Unpack a trend, or one series of it; raises `DamagedBlob`."""
    sealed = unpack_blob(blob)
    if sealed.type is not Blob.TREND or key_of(sealed.count, sealed.number) != key:
        raise DamagedBlob("not this trend")
    try:
        return unpack_trend(sealed.body, *(series or ()))
    except (ValueError, struct.error, zlib.error) as error:
        raise DamagedBlob(f"no trend: {error}") from None


class Trends:
    """Makes the trends; used by the writer's thread."""

    def __init__(self) -> None:
        self._gathering: Gathering | None = None
        self._walked = 0
        self._busy = True

    def opened(self, *, whole: bool) -> None:
        """Begin with a newly opened file; ``whole``: no row waits for its span."""
        self._gathering = Gathering(WIDTHS_NS[0]) if whole else None
        self._walked, self._busy = 0, True

    def close(
        self,
        span: Span | None,
        records: Iterable[Record],
        boot: str,
        corrections: Sequence[Correction],
    ) -> StoredTrend | None:
        """Return the trend of a span that ends with ``records``, if all of it was seen.

        With ``corrections`` of the clock its times are not what they were: it is made anew later.
        """
        if span is None or corrections or self._gathering is None:
            return None
        last = Gathering(WIDTHS_NS[0])
        last.add(records)
        trend = merge([self._gathering.trend(), last.trend()])
        mono_ns = max(self._gathering.mono_ns, last.mono_ns)
        return stored(0, span.seq, span.stop, boot, mono_ns, trend)

    def committed(self, records: Iterable[Record], *, closed: bool, corrected: bool) -> None:
        """Note a commit, whether it ended the span and whether it corrected the clock."""
        if closed:
            self._gathering, self._busy = Gathering(WIDTHS_NS[0]), True
        elif self._gathering is not None:
            self._gathering.add(records)
        if corrected:
            self._gathering = None if not closed else self._gathering
            self._walked, self._busy = 0, True

    def maintain(self, store: Store, corrections: Corrections) -> int:
        """Make some of the trends that are missing and join what is ready; stops in time.

        Returns about how many pages that wrote.
        """
        if not self._busy:
            return 0
        table = TrendTable(store)
        try:
            with Transaction(store.database):
                self._busy = self._work(store, table, corrections, time.monotonic() + ROUND_S)
        except sqlite3.Error as error:
            self._walked = 0
            if is_damage(error):
                raise
            # a disk too full for trends is one for records first
            log.warning("journal: trends are delayed: %s", error)
        except Exception:
            self._walked, self._busy = 0, False
            log.exception("journal: a trend cannot be made; lines are drawn from rows")
        return table.pages

    def _work(
        self, store: Store, table: TrendTable, corrections: Corrections, end_s: float
    ) -> bool:
        """Work until ``end_s``; return whether there is more to do."""
        while self._make_missing(store, table, corrections) or self._join(table):
            if time.monotonic() > end_s:
                return True
        return False

    def _make_missing(self, store: Store, table: TrendTable, corrections: Corrections) -> bool:
        """Make the first trend that is missing in some spans; return whether to go on."""
        through, missing = table.span_without(self._walked, _SLICE)
        if missing is not None:
            table.put(made_from_rows(store, *missing, corrections))
            self._walked = missing[1]
            return True
        self._walked = max(self._walked, through)
        return through > 0

    def _join(self, table: TrendTable) -> bool:
        """Join the next ``JOINED`` trends of a level if there are so many."""
        for level in range(1, len(WIDTHS_NS)):
            children = table.to_join(level, JOINED)
            if len(children) < JOINED:
                continue
            trends = []
            for child in children:
                try:
                    trends.append(open_trend(child.key, child.blob))
                except DamagedBlob:
                    table.forget(child)
                    self._walked = 0
                    return True
            factor = WIDTHS_NS[level] // WIDTHS_NS[level - 1]
            last = next((child for child in reversed(children) if child.boot), children[-1])
            first, last = children[0], children[-1]
            row = stored(
                level, first.seq, last.stop, last.boot, last.mono_ns, merge(trends, factor)
            )
            table.put(row)
            return True
        return False


def write_trend(store: Store, trend: StoredTrend | None, corrections: Iterable[Correction]) -> None:
    """Write what belongs to a commit: a new trend, and that ``corrections`` make others void."""
    table = TrendTable(store)
    for correction in corrections:
        table.void(correction.boot, correction.since_ns)
    if trend is not None:
        table.put(trend)


def made_from_rows(store: Store, seq: int, stop: int, corrections: Corrections) -> StoredTrend:
    """Return the trend of a span from its rows, at times as known now."""
    gathering, boot = Gathering(WIDTHS_NS[0]), ""
    for _, _, blob in store.rows("light", seq, stop):
        try:
            row_boot, values = values_of(blob)
            if row_boot != boot:
                boot, gathering.mono_ns = row_boot, 0
            if corrections.concern(boot):
                records = records_of(blob, _VALUES)
                gathering.add(corrections.apply(record) for record in records)
            else:
                gathering.add_values(values)
        except DamagedBlob:
            continue  # whoever reads the row has the file mended
    return stored(0, seq, stop, boot, gathering.mono_ns, gathering.trend())
