"""The buckets of a trend: which values they hold, how wide they are, how they are packed."""

import itertools
import math

import numpy as np

from teleward_gateway.journal.chart import resolution
from teleward_gateway.journal.entries import Entry
from teleward_gateway.journal.row import Origin, build_row, values_of
from teleward_gateway.journal.trend import Buckets, Gathering, pack_trend, unpack_trend, widen
from teleward_gateway.journal.trends import WIDTHS_NS
from teleward_signal.model import Provenance
from teleward_signal.record import Record, RecordId, RecordKind

S = 1_000_000_000
ORIGIN = Origin("g", "0" * 16, "b" * 16, Provenance.SIMULATED)


def measurement(subject: str, metric: str, second: int) -> Entry:
    value = round(80 + 15 * math.sin(second / 7 + len(subject + metric)), 1)
    return Entry(RecordKind.MEASUREMENT, subject, "ox", metric, second * S, 0, second * S,
                 {"value": value, "source": "device"})  # fmt: skip


def test_packing() -> None:
    gathering = Gathering(WIDTHS_NS[0])
    for second in range(0, 180, 5):
        pairs = itertools.product(("bed-1", "bed-2"), ("spo2", "heart_rate"))
        row = build_row([measurement(*pair, second) for pair in pairs], 1, ORIGIN)
        boot, values = values_of(row.blob)
        assert boot == ORIGIN.boot
        gathering.add_values(values)
    trend = gathering.trend()
    again = unpack_trend(pack_trend(trend))
    assert again.keys() == trend.keys()
    for series, buckets in trend.items():
        (one,) = unpack_trend(pack_trend(trend), *series).values()
        for name in ("place", "count", "low", "high", "sum"):
            np.testing.assert_allclose(getattr(one, name), getattr(buckets, name), rtol=1e-6)
    assert unpack_trend(pack_trend({})) == {}


def test_odd_values_are_left_out_the_same_way_in_rows_and_records() -> None:
    odd = [1.5, True, "3", None, 2, 10**400, float("nan")]
    entries = [
        Entry(RecordKind.MEASUREMENT, "bed", None, "spo2", i, 0, i, {"value": v} if i else {"a": v})
        for i, v in enumerate([0, *odd])
    ]
    rows, records = Gathering(1), Gathering(1)
    packed = build_row(entries, 1, ORIGIN).blob
    rows.add_values(values_of(packed)[1])
    records.add(
        Record(RecordId("g", "j", i, 0), e.kind, Provenance.FIELD, e.time_ns, 0, 0, "b",
               e.subject, None, e.metric, e.payload)
        for i, e in enumerate(entries)
    )  # fmt: skip
    for gathering in (rows, records):
        buckets = gathering.trend()["bed", "spo2"]
        assert (buckets.place.tolist(), buckets.sum.tolist()) == ([1, 5], [1.5, 2.0])


def test_widths_and_points() -> None:
    hour, day = 3600 * S, 86_400 * S
    assert resolution(hour, 2000) == (0, 10 * S)
    assert resolution(day, 2000) == (1, 60 * S)
    assert resolution(30 * day, 2000) == (2, 1800 * S)
    for length, points in itertools.product((1, S, hour, day, 400 * day), (1, 7, 500, 2000)):
        level, width = resolution(length, points)
        assert width % WIDTHS_NS[level] == 0
        assert -(-length // width) <= points
    wide = widen([Buckets(*(np.array(c) for c in ([-3, -1, 0], [1, 1, 1], *[[1.0, 2, 3]] * 3)))], 2)
    assert wide.place.tolist() == [-2, -1, 0], "before 1970 too a bucket begins at its left"
