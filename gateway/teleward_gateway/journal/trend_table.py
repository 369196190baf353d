"""The table of trends: its keys and the statements on it.

key = level << 56 | seq     all of a level together, in order of the numbers they cover
"""

from dataclasses import astuple, dataclass

from teleward_gateway.journal.database import PAGE_BYTES
from teleward_gateway.journal.store import Store

_LEVEL_BIT = 56  # record numbers stay far below
_COLUMNS = "key, stop, boot, mono_ns, data"


def key_of(level: int, seq: int) -> int:
    """Return the key of a trend."""
    return level << _LEVEL_BIT | seq


@dataclass(frozen=True, slots=True)
class StoredTrend:
    """A row of the table; ``stop`` is the first number that the trend does not cover.

    ``boot`` and ``mono_ns`` are those of its last value: a correction of the clock that reaches
    back to there makes the trend void.
    """

    key: int
    stop: int
    boot: str
    mono_ns: int
    blob: bytes

    @property
    def seq(self) -> int:
        """Return the first number that the trend covers."""
        return self.key & (1 << _LEVEL_BIT) - 1

    @property
    def pages(self) -> int:
        """Return about how many pages of the file it takes."""
        return 2 + len(self.blob) // PAGE_BYTES


class TrendTable:
    """The trends of one file; used by one thread. ``pages`` were written, about."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.pages = 0

    def put(self, row: StoredTrend) -> None:
        """Write or replace a trend."""
        self.pages += row.pages
        self._store.run(f"INSERT OR REPLACE INTO trend ({_COLUMNS}) VALUES (?,?,?,?,?)",
                        astuple(row))  # fmt: skip

    def span_without(self, start: int, n_spans: int) -> tuple[int, tuple[int, int] | None]:
        """Look through some spans from number ``start`` on for one that has no trend.

        Returns up to where all is well, 0 when there are no more spans, and the first and the
        number after the last of the span.
        """
        through = 0
        for seq, stop, key in self._store.run(
            "SELECT span.seq, span.stop, trend.key FROM span LEFT JOIN trend ON key = span.seq"
            " WHERE span.seq >= ? ORDER BY span.seq LIMIT ?",
            (start, n_spans),
        ):
            if key is None:
                return through, (seq, stop)
            through = stop
        return through, None

    def to_join(self, level: int, count: int) -> list[StoredTrend]:
        """Return the first ``count`` trends that none of ``level`` covers, fewer if one is missing.

        They follow each other without a span between them.
        """
        found = self._store.run(
            "SELECT stop FROM trend WHERE key >= ? AND key < ? ORDER BY key DESC LIMIT 1",
            (key_of(level, 0), key_of(level + 1, 0)),
        )
        start = found[0][0] if found else 0
        first = key_of(level - 1, start)
        children = [
            StoredTrend(*row)
            for row in self._store.run(
                f"SELECT {_COLUMNS} FROM trend WHERE key >= ? AND key < ? ORDER BY key LIMIT ?",
                (first, key_of(level, 0), count),
            )
        ]
        if level > 1 or len(children) < count:
            return children  # the joined ones were made without a hole
        spans = self._store.run(
            "SELECT seq FROM span WHERE seq >= ? ORDER BY seq LIMIT ?", (start, count)
        )
        return children if [seq for (seq,) in spans] == [c.seq for c in children] else []

    def forget(self, row: StoredTrend) -> None:
        """Delete a trend, with the joined ones that cover it or come after."""
        self._store.run("DELETE FROM trend WHERE key = ?", (row.key,))
        self._store.run("DELETE FROM trend WHERE key >= ? AND stop > ?", (key_of(1, 0), row.seq))

    def void(self, boot: str, since_ns: int) -> None:
        """Delete the trends that hold values of ``boot`` from monotonic time ``since_ns`` on."""
        self._store.run("DELETE FROM trend WHERE boot = ? AND mono_ns >= ?", (boot, since_ns))

    def forget_below(self, floor: int) -> None:
        """Delete trends of records that were all deleted."""
        for level in range(3):
            self._store.run(
                "DELETE FROM trend WHERE key >= ? AND key < ? AND stop <= ?",
                (key_of(level, 0), key_of(level, floor), floor),
            )
