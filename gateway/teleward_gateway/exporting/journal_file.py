"""The journal's file, read by another process: read-only, beside the gateway that writes it.

Each minute is read in a transaction of its own, so that no checkpoint of the gateway waits for an
export.
"""

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from teleward_gateway.clock.corrections import Correction, Corrections
from teleward_gateway.journal.checksum import DamagedBlob
from teleward_gateway.journal.damage import Damaged, check_versions, is_damage
from teleward_gateway.journal.database import BUSY_S
from teleward_gateway.journal.entries import Filter
from teleward_gateway.journal.reader import ROW_HEAD, Reader, row_times
from teleward_gateway.journal.sinks import ENDLESS
from teleward_gateway.journal.spans import Span
from teleward_gateway.journal.store import CORRECTIONS, IDENTITY, SCHEMA, Store
from teleward_signal.errors import Invalid, Unavailable
from teleward_signal.record import Record, RecordKind

_MINUTES = 60
"""Minutes looked through at once for what users did."""


@dataclass(slots=True)
class Damage:
    """What could not be read: rows that fail their checksum, records that are not where they were.

    ``records`` are of all subjects: a damaged row does not show whose they were. ``times`` are the
    minutes concerned, UTC ns, as stamped.
    """

    rows: int = 0
    records: int = 0
    times: list[tuple[int, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Minute:
    """A span of rows: numbers ``first`` up to ``stop``, and the times stamped in it."""

    first: int
    stop: int
    start_ns: int
    end_ns: int


class JournalFile:
    """Reads one journal; used by one thread."""

    def __init__(self, path: Path) -> None:
        self.damage = Damage()
        self._path = path
        self._database = _connect(path)
        self._reader = Reader(self._database, self._damaged)
        self._seen: set[tuple[str, int]] = set()
        try:
            states = Store(self._database).read_states()
        except sqlite3.Error as error:
            self.close()
            raise Unavailable(f"{path} cannot be read: {error}") from error
        schema = states.get(IDENTITY, {}).get("schema", SCHEMA)
        if int(schema) > SCHEMA:
            self.close()
            raise Unavailable(f"{path} was written by a later version: upgrade Teleward")
        self.corrections = Corrections(
            correction
            for payload in states.get(CORRECTIONS, {}).get("corrections", ())
            if (correction := Correction.from_payload(payload)) is not None
        )
        self.shifts: Sequence[int] = sorted(self.corrections.shifts())

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def minutes(self, start_ns: int, end_ns: int) -> list[Minute]:
        """Return the minutes that may hold records of ``[start_ns, end_ns)``, UTC."""
        found: set[Minute] = set()
        low, high = start_ns - self.shifts[-1], end_ns - self.shifts[0]
        for row in self._rows(
            "SELECT seq, stop, start_ns, end_ns FROM span WHERE end_ns >= ? AND start_ns < ?",
            (low, high),
        ):
            found.add(Minute(*row))
        last = self._rows("SELECT max(stop) FROM span", ())
        open_from = (last[0][0] if last else None) or 1
        found.add(Minute(open_from, ENDLESS, *self._open_times(open_from)))
        return sorted(found, key=lambda minute: (minute.start_ns, minute.first))

    def reach(self) -> tuple[int, int] | None:
        """Return the first and the last time stamped in the file, UTC ns; None when it is empty."""
        found = self._rows("SELECT min(start_ns), max(end_ns) FROM span", ())
        low, high = found[0] if found else (None, None)
        last = self._rows("SELECT max(stop) FROM span", ())
        first, end = self._open_times((last[0][0] if last else None) or 1)
        if end > first:
            low = first if low is None else min(low, first)
            high = end if high is None else max(high, end)
        if low is None or high is None:
            return None
        return low + self.shifts[0], high + self.shifts[-1] + 1

    def records(self, minute: Minute, wanted: Filter, start_ns: int, end_ns: int) -> list[Record]:
        """Return the records of a minute in ``[start_ns, end_ns)``, at times as known now.

        What is damaged is counted, once, and left out.
        """
        found: list[Record] = []
        try:
            with self._snapshot():
                self._count_missing(minute)
                for record in self._reader.values(
                    wanted, minute.first, minute.stop, start_ns, end_ns, self.shifts
                ):
                    fixed = self.corrections.apply(record)
                    if start_ns <= fixed.time_ns < end_ns:
                        found.append(fixed)
        except sqlite3.Error as error:
            if not is_damage(error):
                raise Unavailable(f"{self._path} cannot be read: {error}") from error
            self._note_damage("page", minute.first, 0, minute)
        return found

    def acts(self, subject: str, start_ns: int, end_ns: int) -> Iterator[Record]:
        """Yield what users did to a subject in a time; rows without such acts are not opened."""
        wanted = Filter(frozenset({RecordKind.AUDIT}), subject)
        minutes = sorted(self.minutes(start_ns, end_ns), key=lambda minute: minute.first)
        for at in range(0, len(minutes), _MINUTES):
            chunk = minutes[at : at + _MINUTES]
            yield from self._reader.values(
                wanted, chunk[0].first, chunk[-1].stop, start_ns, end_ns, self.shifts
            )

    def _open_times(self, open_from: int) -> tuple[int, int]:
        """Return the first and last time of the rows that no span covers yet."""
        heads = [
            head
            for table in ("light", "wave")
            for (head,) in self._database.execute(
                f"SELECT substr(data, 1, {ROW_HEAD}) FROM {table} WHERE seq >= ?", (open_from,)
            )
        ]
        times = [found for head in heads if (found := row_times(head)) is not None]
        if not times:
            return 0, 0
        return min(first for first, _ in times), max(last for _, last in times)

    @contextlib.contextmanager
    def _snapshot(self) -> Iterator[None]:
        self._database.execute("BEGIN")
        try:
            yield
        finally:
            with contextlib.suppress(sqlite3.Error):
                self._database.execute("COMMIT")

    def _count_missing(self, minute: Minute) -> None:
        """Compare what must be there with what is: repairs leave holes in the numbers."""
        if minute.stop == ENDLESS or ("span", minute.first) in self._seen:
            return
        self._seen.add(("span", minute.first))
        for (blob,) in self._database.execute(
            "SELECT data FROM span WHERE seq = ?", (minute.first,)
        ):
            try:
                span = Span.from_blob(blob)
            except DamagedBlob:
                return
            held = [
                self._rows(
                    f"SELECT coalesce(sum(count), 0) FROM {table} WHERE seq >= ? AND seq < ?",
                    (minute.first, minute.stop),
                )[0][0]
                for table in ("wave", "light")
            ]
            missing = max(0, span.waves - held[0]) + max(0, span.events - held[1])
            if missing:
                self._note_damage("missing", minute.first, missing, minute)

    def _damaged(self, table: str, seq: int, count: int) -> None:
        self._note_damage(table, seq, count, None)

    def _note_damage(self, table: str, seq: int, count: int, minute: Minute | None) -> None:
        if (table, seq) in self._seen:
            return
        self._seen.add((table, seq))
        self.damage.rows += 1
        self.damage.records += count
        if minute is None:
            spans = self._rows(
                "SELECT seq, stop, start_ns, end_ns FROM span WHERE seq <= ?"
                " ORDER BY seq DESC LIMIT 1",
                (seq,),
            )
            minute = Minute(*spans[0]) if spans else None
        if minute is not None:
            self.damage.times.append((minute.start_ns, minute.end_ns))

    def _rows(self, sql: str, values: Sequence[object]) -> list[tuple[int, ...]]:
        return list(self._database.execute(sql, values))


def _connect(path: Path) -> sqlite3.Connection:
    if not path.exists():
        raise Invalid(
            f"there are no records at {path}: start the gateway once, or check gateway.data_folder"
        )
    try:
        check_versions(path)
        return sqlite3.connect(
            f"file:{quote(str(path.resolve()))}?mode=ro",
            uri=True,
            timeout=BUSY_S,
            isolation_level=None,
        )
    except (sqlite3.Error, OSError, Damaged) as error:
        raise Unavailable(f"{path} cannot be read: {error}") from error
