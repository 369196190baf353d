"""Checking an open journal against itself: every checksum, every number, every span."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from teleward_gateway.journal.checksum import DamagedBlob
from teleward_gateway.journal.damage import Damaged
from teleward_gateway.journal.row import Row, inspect_row, kinds_in
from teleward_gateway.journal.spans import Span, count_row
from teleward_gateway.journal.store import Store

_CHUNK = 256


@dataclass(slots=True)
class Findings:
    """What was found: rows that fail their checksum, and the rows that no span covers yet."""

    bad: list[tuple[str, int]] = field(default_factory=list)
    tail: Span | None = None
    next_number: int = 1


def verify(store: Store, spans: list[Span]) -> Findings:
    """Read and check everything; raises `Damaged` or sqlite3.Error if the tables are broken."""
    answer = store.run("PRAGMA quick_check(1)")[0][0]
    if answer != "ok":
        raise Damaged(answer)
    if store.run("SELECT count(*) FROM span")[0][0] != len(spans):
        raise Damaged("a span is damaged")
    return check_rows(store, spans, spans[0].seq if spans else 1)


def summarise(store: Store, start: int, stop: int) -> Span:
    """Return a span over ``[start, stop)`` with what the tables hold of it."""
    span = None
    for _, _, row in _rows(store, start, stop):
        if row is not None:
            span = count_row(span, row, Counter(kinds_in(row.blob)))
    if span is None:
        return Span(start, stop, 0, 0, 0, 0, 0, 0, {})
    return replace(span, seq=start, stop=stop)


def check_rows(store: Store, spans: list[Span], start: int) -> Findings:
    """Check the rows from number ``start`` on; rows that no span covers make the open span."""
    findings = Findings()
    found: Counter[tuple[str, int]] = Counter()
    covered = spans[-1].stop if spans else 1
    starts = [span.seq for span in spans]
    for table, seq, row in _rows(store, start, 2**62):
        if row is None:
            findings.bad.append((table, seq))
            continue
        findings.next_number = max(findings.next_number, row.seq + row.count)
        if seq >= covered:
            counts = Counter(kinds_in(row.blob))
            findings.tail = count_row(findings.tail, row, counts)
            continue
        found[table, starts[bisect_right(starts, seq) - 1]] += row.count
    findings.next_number = max(findings.next_number, covered)
    if not findings.bad:
        _compare([span for span in spans if span.seq >= start], found)
    return findings


def _compare(spans: list[Span], found: Counter[tuple[str, int]]) -> None:
    for span in spans:
        expected = {"wave": span.waves, "light": span.events}
        for table, count in expected.items():
            if found[table, span.seq] != count:
                raise Damaged(
                    f"{table} holds {found[table, span.seq]} records of {count} from {span.seq} on"
                )


def _rows(store: Store, start: int, stop: int) -> Iterator[tuple[str, int, Row | None]]:
    for table in ("light", "wave"):
        kinds = "kinds" if table == "light" else "NULL"
        position = start
        while True:
            rows = store.run(
                f"SELECT seq, count, {kinds}, data FROM {table} WHERE seq >= ? AND seq < ?"
                f" ORDER BY seq LIMIT {_CHUNK}",
                (position, stop),
            )
            for seq, count, mask, blob in rows:
                yield table, seq, _whole_row(table, seq, count, mask, blob)
            if len(rows) < _CHUNK:
                break
            position = rows[-1][0] + 1


def _whole_row(table: str, seq: int, count: int, mask: int | None, blob: bytes) -> Row | None:
    try:
        row = inspect_row(blob)
    except (DamagedBlob, TypeError):
        return None
    if row.seq != seq or row.count != count or row.wave != (table == "wave"):
        return None
    return None if mask is not None and mask != row.kinds else row
