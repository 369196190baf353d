"""Trends: what they draw is what the rows tell, and nothing but time is lost without them."""

import itertools
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from teleward_gateway.clock import Corrections
from teleward_gateway.journal.chart import MOST_ROWS, Line, draw, newest
from teleward_gateway.journal.database import connect
from teleward_gateway.journal.entries import Entry, Filter
from teleward_gateway.journal.reader import Reader
from teleward_gateway.journal.row import Origin, build_row
from teleward_gateway.journal.spans import count_row
from teleward_gateway.journal.store import Store, Transaction
from teleward_gateway.journal.trend_table import TrendTable, key_of
from teleward_gateway.journal.trends import JOINED, WIDTHS_NS, Trends
from teleward_signal.model import Provenance
from teleward_signal.record import RecordKind

S = 1_000_000_000
START_NS = 1_772_000_000 * S
ORIGIN = Origin("g", "0" * 16, "b" * 16, Provenance.SIMULATED)
ENDLESS = 2**61
NONE = Corrections()


def value_at(second: int, metric: str) -> float:
    return round(80 + 15 * math.sin(second / 700 + len(metric)), 1)


class Filled:
    """A file with spans of a minute, a row every five seconds, for two patients."""

    def __init__(self, path: Path, minutes: int) -> None:
        self.path = path
        self.store = Store(connect(path))
        self.store.prepare()
        self.store.run("PRAGMA synchronous = OFF")
        self.points: list[tuple[int, float]] = []
        self.next, self.seconds = 1, 0
        self.spans: list[tuple[int, int]] = []
        self.add(minutes)
        self.reader = Reader(connect(path), lambda *row: None)

    def add(self, minutes: int) -> None:
        """Write more spans."""
        for _ in range(minutes):
            span = None
            with Transaction(self.store.database):
                for second in range(self.seconds, self.seconds + 60, 5):
                    row = build_row(self._entries(second), self.next, ORIGIN)
                    self.store.insert([row])
                    span = count_row(span, row, {RecordKind.MEASUREMENT: row.count})
                    self.next += row.count
                assert span is not None
                self.store.write_span(span)
                self.spans.append((span.seq, span.stop))
            self.seconds += 60

    def _entries(self, second: int) -> list[Entry]:
        time_ns = START_NS + second * S + 123_456_789
        found = []
        for subject, metric in itertools.product(("bed-1", "bed-2"), ("spo2", "heart_rate")):
            value = value_at(second, metric + subject)
            if (subject, metric) == ("bed-2", "spo2"):
                self.points.append((time_ns, value))
            found.append(
                Entry(RecordKind.MEASUREMENT, subject, "ox", metric, time_ns, 0, second * S,
                      {"value": value, "source": "device"})
            )  # fmt: skip
        return found

    def draw(self, start_s: int, end_s: int, points: int = 2000) -> Line:
        """Draw one metric of one patient."""
        return draw(
            self.reader, ("bed-2", "spo2"), START_NS + start_s * S, START_NS + end_s * S,
            points, NONE, ENDLESS,
        )  # fmt: skip

    def summarise(self) -> Trends:
        """Make all trends."""
        trends = Trends()
        trends.opened(whole=True)
        finish(trends, self.store)
        return trends

    def levels(self) -> list[int]:
        """Return how many trends each level has."""
        found = dict(self.store.run("SELECT key >> 56, count(*) FROM trend GROUP BY 1"))
        return [found.get(level, 0) for level in range(len(WIDTHS_NS))]

    def close(self) -> None:
        self.reader.close()
        self.store.database.close()


def finish(trends: Trends, store: Store) -> None:
    while trends.maintain(store, NONE):
        pass


Bucket = tuple[int, int, float, float, object]


def told(line: Line) -> list[Bucket]:
    """Return what a line tells: begin, count, lowest, highest and mean of each bucket."""
    found = line.buckets
    assert found is not None
    mean = found.sum / found.count
    columns = (found.place * line.width_ns, found.count, found.low, found.high, mean)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [(begin, n, round(low, 3), round(high, 3), mean) for begin, n, low, high, mean in rows]


def truth(points: list[tuple[int, float]], line: Line, start_s: int, end_s: int) -> list[Bucket]:
    """Return the same buckets made one value at a time."""
    width, start, end = line.width_ns, START_NS + start_s * S, START_NS + end_s * S
    groups: dict[int, list[float]] = {}
    for time_ns, value in points:
        begin = time_ns // width * width
        if begin + width > start and begin < end:
            groups.setdefault(begin, []).append(value)
    return [
        (begin, len(g), min(g), max(g), pytest.approx(sum(g) / len(g), rel=1e-6))
        for begin, g in sorted(groups.items())
    ]


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Callable[[int], Filled]]:
    made: list[Filled] = []

    def make(minutes: int) -> Filled:
        made.append(Filled(tmp_path / "trends.sqlite3", minutes))
        return made[-1]

    yield make
    for file in made:
        file.close()


RANGES = [
    (0, 300 * 60),
    (100 * 60 + 7, 161 * 60),
    (17, 95),
    (3 * 3600, 5 * 3600),
    (299 * 60, 10**6),
]


def test_every_level_draws_what_the_rows_tell(filled: Callable[[int], Filled]) -> None:
    file = filled(300)
    file.summarise()
    assert file.levels() == [300, 300 // JOINED, 300 // JOINED**2]
    widths = set()
    for (start_s, end_s), points in itertools.product(RANGES, (2000, 200, 12, 1)):
        line = file.draw(start_s, end_s, points)
        assert line.complete
        assert told(line) == truth(file.points, line, start_s, end_s)
        assert len(told(line)) <= points + 1
        widths.add(line.width_ns)
    assert {10 * S, 60 * S, 900 * S} <= widths


def test_a_month_is_read_from_few_rows(
    filled: Callable[[int], Filled], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = filled(300)
    file.summarise()
    read: list[str] = []
    all_of = file.reader.all

    def counting(sql: str, values: object = ()) -> list[object]:
        found = all_of(sql, values)  # type: ignore[arg-type]
        read.extend(sql.split()[3] for row in found if len(row) > 1 and isinstance(row[-1], bytes))
        return found

    monkeypatch.setattr(file.reader, "all", counting)
    file.draw(0, 300 * 60, 10)
    assert len(read) == 1 + 2 + 300 % JOINED, "one of level 2, two of level 1, the rest of level 0"


def test_missing_and_damaged_trends_cost_time_only(filled: Callable[[int], Filled]) -> None:
    file = filled(40)
    file.summarise()
    file.store.run("DELETE FROM trend WHERE key IN (?, ?)",
                   (key_of(1, file.spans[16][0]), key_of(0, file.spans[20][0])))  # fmt: skip
    key = key_of(1, file.spans[0][0])
    ((blob,),) = file.store.run("SELECT data FROM trend WHERE key = ?", (key,))
    file.store.run("UPDATE trend SET data = ? WHERE key = ?", (blob[:-1] + b"?", key))
    line = file.draw(0, 2400, 40)
    assert line.complete
    assert told(line) == truth(file.points, line, 0, 2400)


def test_what_is_missing_is_made_from_rows_in_the_background(
    filled: Callable[[int], Filled],
) -> None:
    file = filled(2 * MOST_ROWS)
    before = file.draw(0, 2 * MOST_ROWS * 60)
    assert not before.complete, "no query reads days of rows"
    newest = truth(file.points, before, MOST_ROWS * 60, 2 * MOST_ROWS * 60)
    assert told(before)[-len(newest) + 1 :] == newest[1:]
    trends = file.summarise()
    after = file.draw(0, 2 * MOST_ROWS * 60)
    assert after.complete
    assert told(after) == truth(file.points, after, 0, 2 * MOST_ROWS * 60)
    assert trends.maintain(file.store, NONE) == 0, "nothing is left to do"


def test_a_damaged_child_is_made_anew_before_it_is_joined(
    filled: Callable[[int], Filled],
) -> None:
    file = filled(JOINED - 1)
    trends = file.summarise()
    file.store.run("UPDATE trend SET data = x'00' WHERE key = ?", (file.spans[3][0],))
    file.add(1)
    trends.committed((), closed=True, corrected=False)
    finish(trends, file.store)
    assert file.levels() == [JOINED, 1, 0]
    line = file.draw(0, JOINED * 60, 16)
    assert told(line) == truth(file.points, line, 0, JOINED * 60)


def test_trends_go_with_the_last_of_their_records(filled: Callable[[int], Filled]) -> None:
    file = filled(JOINED + 4)
    file.summarise()
    table = TrendTable(file.store)
    table.forget_below(file.spans[JOINED - 1][0])
    assert file.levels() == [5, 1, 0], "a joined one goes once all of it has"
    table.forget_below(file.spans[JOINED][0])
    assert file.levels() == [4, 0, 0]


def test_a_span_that_closes_during_a_query_is_not_told_twice(
    filled: Callable[[int], Filled],
) -> None:
    file = filled(6)
    file.summarise()
    start_ns, end_ns = START_NS, START_NS + 3600 * S
    for open_from in (file.spans[0][0], file.spans[3][0], ENDLESS):
        line = draw(file.reader, ("bed-2", "spo2"), start_ns, end_ns, 2000, NONE, open_from)
        assert told(line) == truth(file.points, line, 0, 3600)
        wanted = Filter(None, "bed-2", "spo2")
        found = file.reader.history(wanted, start_ns, end_ns, 10**6, NONE, open_from)
        assert [record.time_ns for record in found] == [time_ns for time_ns, _ in file.points]


def test_the_newest_is_found_without_reading_the_day(
    filled: Callable[[int], Filled], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = filled(200)
    file.summarise()
    series, end_ns = ("bed-2", "spo2"), START_NS + 200 * 60 * S
    opened: list[int] = []
    plain = file.reader._open

    def counting(table: str, seq: int, *rest: Any) -> Any:
        opened.append(seq)
        return plain(table, seq, *rest)

    monkeypatch.setattr(file.reader, "_open", counting)
    for end in (end_ns, START_NS + 5000 * S, START_NS + 61 * S):
        opened.clear()
        record = newest(file.reader, series, START_NS, end, NONE, ENDLESS)
        assert record is not None
        assert record.time_ns == max(time_ns for time_ns, _ in file.points if time_ns < end)
        assert len(opened) <= 36, "three minutes of rows at most, of two hundred"
    assert newest(file.reader, series, end_ns, end_ns + S, NONE, ENDLESS) is None
    assert newest(file.reader, ("bed-2", "glucose"), START_NS, end_ns, NONE, ENDLESS) is None
