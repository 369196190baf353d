"""History as pages ask for it, on a journal of many days; part of the journal's benchmark."""

import statistics
import time
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from teleward_gateway.bench.journal_ward import NS, START_NS, VALUES, Ward
from teleward_gateway.clock import Corrections
from teleward_gateway.journal.chart import draw
from teleward_gateway.journal.checksum import Blob, pack_blob, unpack_blob
from teleward_gateway.journal.database import connect
from teleward_gateway.journal.entries import _DICTIONARY, Filter
from teleward_gateway.journal.reader import Reader
from teleward_gateway.journal.row import _HEAD, Origin, Row, build_row
from teleward_gateway.journal.spans import count_row
from teleward_gateway.journal.store import Store, Transaction
from teleward_gateway.journal.trends import Trends
from teleward_signal.model import Provenance
from teleward_signal.record import RecordKind

HOUR_S, DAY_S = 3600, 86_400
QUERIED = 8  # patients of the journal that is asked for its history
POINTS = 2000  # more than a screen is wide
REPEATS = 40


def ask_history(folder: Path, days: float) -> dict[str, Any]:
    """Fill a journal with days of records, row by row as the writer does, and ask for pieces."""
    folder.mkdir()
    path = folder / "history.sqlite3"
    store = Store(connect(path))
    store.prepare()
    seconds = int(days * DAY_S)
    _fill(store, Ward(QUERIED), seconds)
    store.run("PRAGMA wal_checkpoint(TRUNCATE)")
    size_mb = store.used_bytes() / 1e6
    trends_mb = store.run("SELECT sum(length(data)) FROM trend")[0][0] / 1e6
    store.database.close()
    reader = Reader(connect(path), lambda table, seq, count: None)
    try:
        found = _ask(reader, seconds)
    finally:
        reader.close()
    return {"days": days, "mb": size_mb, "trends_mb": trends_mb, **found}


class Template:
    """A packed row that can be shifted to other times without packing all of it again."""

    def __init__(self, row: Row) -> None:
        body = unpack_blob(row.blob).body
        *_, length = _HEAD.unpack_from(body)
        packed, self._samples = body[_HEAD.size :][:length], body[_HEAD.size + length :]
        self._raw = bytearray(zlib.decompressobj(zdict=_DICTIONARY).decompress(packed))
        self._planes_at = len(self._raw) - 3 * 8 * row.count
        self._row = row

    def at(self, seq: int, later_ns: int) -> Row:
        """Return the row as it would be with number ``seq``, ``later_ns`` later."""
        raw, count = bytearray(self._raw), self._row.count
        for column in (0, 2):  # time and monotonic time: only the first of each is no difference
            places = slice(self._planes_at + column * 8 * count, None, count)
            first = int.from_bytes(raw[places][:8], "little") + later_ns
            raw[places.start : places.start + 8 * count : count] = first.to_bytes(8, "little")
        packer = zlib.compressobj(6, zdict=_DICTIONARY)
        packed = packer.compress(raw) + packer.flush()
        start_ns, end_ns = self._row.start_ns + later_ns, self._row.end_ns + later_ns
        head = _HEAD.pack(bytes(8), bytes(8), start_ns, end_ns, len(packed))
        kind = Blob.WAVE if self._row.wave else Blob.EVENT
        blob = pack_blob(kind, seq, head + packed + self._samples, count=count)
        return replace(self._row, seq=seq, start_ns=start_ns, end_ns=end_ns, blob=blob)


def _fill(store: Store, ward: Ward, seconds: int) -> None:
    """Write days of rows; the values of one hour come again every hour."""
    number, templates = 1, [_templates(ward, second) for second in range(min(seconds, HOUR_S))]
    kinds = (RecordKind.MEASUREMENT, RecordKind.WAVEFORM)
    trends = Trends()
    trends.opened(whole=False)
    for minute in range(0, seconds, 60):
        span = None
        with Transaction(store.database):
            for second in range(minute, min(seconds, minute + 60)):
                later_ns = second // HOUR_S * HOUR_S * NS
                for template, kind in zip(templates[second % HOUR_S], kinds, strict=True):
                    row = template.at(number, later_ns)
                    store.insert([row])
                    span = count_row(span, row, {kind: row.count})
                    number += row.count
            if span is not None:
                store.write_span(span)
        trends.committed((), closed=True, corrected=False)
        while trends.maintain(store, Corrections()):
            pass
        if minute % HOUR_S == 0:
            store.checkpoint()


def _templates(ward: Ward, second: int) -> tuple[Template, Template]:
    origin = Origin("bench", "00" * 8, "00" * 8, Provenance.SIMULATED)
    entries, cut = ward.entries(second), ward.patients * len(VALUES)
    first, last = (build_row(part, 1, origin) for part in (entries[:cut], entries[cut:]))
    return Template(first), Template(last)


class _Questions:
    """Questions at places all over the journal; a place is read for the first time."""

    def __init__(self, reader: Reader, seconds: int) -> None:
        self.reader, self.seconds = reader, seconds
        self.random, self.none = np.random.default_rng(3), Corrections()

    def line(self, length_s: float) -> Callable[[], object]:
        """Return a question for the line of one value over ``length_s``."""
        length_s = min(length_s, self.seconds)

        def once() -> object:
            start_ns, end_ns = self._begin(length_s), int(length_s * NS)
            series = self._bed(), VALUES[self.random.integers(len(VALUES))]
            return draw(self.reader, series, start_ns, start_ns + end_ns, POINTS, self.none, 2**61)

        return once

    def history(self, metric: str, length_s: int, limit: int) -> Callable[[], object]:
        """Return a question for the records of one value over ``length_s``."""

        def once() -> object:
            start_ns, wanted = self._begin(length_s), Filter(None, self._bed(), metric)
            end_ns = start_ns + length_s * NS
            return self.reader.history(wanted, start_ns, end_ns, limit, self.none, 2**61)

        return once

    def deep_page(self) -> object:
        """Ask for a page in the middle of a patient's records."""
        middle_ns, wanted = self._begin(self.seconds / 2), Filter(None, self._bed(), "spo2")
        place = (middle_ns, self.seconds * 28)
        return self.reader.history(wanted, START_NS, 2**62, 1000, self.none, 2**61, place)

    def backlog(self) -> object:
        """Ask for the first records that a sink has not got."""
        after = int(self.random.uniform(0, self.seconds)) * 7 * QUERIED
        return self.reader.read(after, frozenset(RecordKind), 1000, 2**61)

    def _begin(self, length_s: float) -> int:
        return START_NS + int(self.random.uniform(0, max(1, self.seconds - length_s))) * NS

    def _bed(self) -> str:
        return f"bed-{self.random.integers(1, QUERIED + 1)}"


def _ask(reader: Reader, seconds: int) -> dict[str, dict[str, float]]:
    """Ask each question and return its milliseconds."""
    ask = _Questions(reader, seconds)
    questions: dict[str, Callable[[], object]] = {
        "line of one value, 1 h": ask.line(3600),
        "line of one value, 6 h": ask.line(6 * 3600),
        "line of one value, 24 h": ask.line(DAY_S),
        "line of one value, 30 days": ask.line(30 * DAY_S),
        "1 h of one value, every record": ask.history("spo2", 3600, 10**6),
        "page of 1000 records, first": ask.history("spo2", DAY_S, 1000),
        "page of 1000 records, deep": ask.deep_page,
        "10 s of ECG of one patient": ask.history("ecg_ii", 10, 10**6),
        "60 s of ECG of one patient": ask.history("ecg_ii", 60, 10**6),
        "first 1000 records of a backlog": ask.backlog,
    }
    times = {name: _times_ms(question) for name, question in questions.items()}
    return {
        "ms": {name: statistics.median(found) for name, found in times.items()},
        "p95_ms": {name: found[int(len(found) * 0.95)] for name, found in times.items()},
    }


def _times_ms(work: Callable[[], object]) -> list[float]:
    """Return how long each of some calls took, the quickest first."""
    found = []
    for _ in range(REPEATS):
        began_s = time.perf_counter()
        work()
        found.append((time.perf_counter() - began_s) * 1e3)
    return sorted(found)
