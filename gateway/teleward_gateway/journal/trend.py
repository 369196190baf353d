"""Trends: how values ran, in buckets of time; history draws a month from them in milliseconds.

    records    98 97 98 98 | 96 97 ...          every value of a subject's metric
    bucket     low 97, high 98, sum 391, n 4    of 10 s, then of a minute, then of a quarter hour

A trend is derived: it can be made again from the rows at any time, so that a damaged or missing one
costs time and never a record. Its times are corrected times, as known when it was made.

    body   +-------+-----------------------------------+------------------------------------+
           | u32 n | JSON: [[subject, bytes] ...], n   | a section a subject, zlib          |
           +-------+-----------------------------------+------------------------------------+
    section  u32 j | JSON: {metric: buckets ...}, j | columns in byte planes: i64 place (as
             differences), u32 count, f32 low, f32 high, f32 sum
"""

import json
import math
import struct
import zlib
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from teleward_gateway.journal.entries import Values, number_in
from teleward_signal.record import Record, RecordKind

Series = tuple[str, str]
"""Subject and metric."""

_SIZE = struct.Struct("<I")
_COLUMNS = (("place", "<i8"), ("count", "<u4"), ("low", "<f4"), ("high", "<f4"), ("sum", "<f4"))
_MOST_POINTS = 65_536  # gathered before they are folded: a ward of 64 brings a third of it a minute


@dataclass(frozen=True, slots=True)
class Buckets:
    """Buckets of one series in order of time, each column of shape (n_buckets,).

    Bucket ``place`` holds times from ``place * width_ns`` on, UTC.
    """

    place: NDArray[np.int64]
    count: NDArray[np.int64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    sum: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.place)


Trend = dict[Series, Buckets]


class Gathering:
    """Values on their way into a trend, folded now and then so that they stay few."""

    def __init__(self, width_ns: int) -> None:
        self.width_ns = width_ns
        self._series: dict[Series, int] = {}
        self._which, self._times, self._values = array("q"), array("q"), array("d")
        self._folded: Trend = {}
        self.mono_ns = 0

    def add(self, records: Iterable[Record]) -> None:
        """Take the values among ``records``, at the times they have."""
        for record in records:
            self.mono_ns = max(self.mono_ns, record.monotonic_ns)
            value = value_of(record)
            if value is None or record.subject is None or record.metric is None:
                continue
            series = (record.subject, record.metric)
            self._which.append(self._series.setdefault(series, len(self._series)))
            self._times.append(record.time_ns)
            self._values.append(value)
        if len(self._which) > _MOST_POINTS:
            self._fold()

    def add_values(self, values: Values) -> None:
        """Take the values of a row in columns, at the times they have."""
        keep = np.isfinite(values.value)
        if not keep.any():
            return
        pairs = values.subject[keep].astype(np.int64) << 16 | values.metric[keep]
        known, which = np.unique(pairs, return_inverse=True)
        numbers = np.full(len(known), -1)
        for place, pair in enumerate(known.tolist()):
            subject, metric = values.names[pair >> 16], values.names[pair & 0xFFFF]
            if subject is not None and metric is not None:
                numbers[place] = self._series.setdefault((subject, metric), len(self._series))
        named = numbers[which] >= 0
        self._which.frombytes(numbers[which][named].tobytes())
        self._times.frombytes(values.time_ns[keep][named].tobytes())
        self._values.frombytes(values.value[keep][named].tobytes())
        self.mono_ns = max(self.mono_ns, int(values.monotonic_ns.max()))
        if len(self._which) > _MOST_POINTS:
            self._fold()

    def trend(self) -> Trend:
        """Return what was gathered."""
        self._fold()
        return self._folded

    def _fold(self) -> None:
        which = np.array(self._which, np.int64)
        place = np.array(self._times, np.int64) // self.width_ns
        value = np.array(self._values, np.float64)
        found: Trend = {}
        for series, number in self._series.items():
            mine = which == number
            values = value[mine]
            ones = np.ones(len(values), np.int64)
            found[series] = _reduce(place[mine], ones, values, values, values)
        self._folded = merge([self._folded, found])
        self._series.clear()
        self._which, self._times, self._values = array("q"), array("q"), array("d")


def value_of(record: Record) -> float | None:
    """Return the number in a record, ``None`` when it has none."""
    if record.kind is not RecordKind.MEASUREMENT:
        return None
    value = number_in(record.payload.get("value"))
    return value if math.isfinite(value) else None


def merge(trends: Iterable[Mapping[Series, Buckets]], factor: int = 1) -> Trend:
    """Return the sum of ``trends`` in buckets ``factor`` times as wide."""
    parts: dict[Series, list[Buckets]] = {}
    for trend in trends:
        for series, buckets in trend.items():
            parts.setdefault(series, []).append(buckets)
    return {series: widen(found, factor) for series, found in parts.items()}


def widen(parts: list[Buckets], factor: int = 1) -> Buckets:
    """Return ``parts`` of one series as one, in buckets ``factor`` times as wide."""
    if len(parts) == 1 and factor == 1:
        return parts[0]
    columns = [[getattr(part, name) for part in parts] for name, _ in _COLUMNS]
    place, count, low, high, total = (np.concatenate(column) for column in columns)
    return _reduce(place // factor, count, low, high, total)


def _reduce(
    place: NDArray[np.int64],
    count: NDArray[np.int64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    total: NDArray[np.float64],
) -> Buckets:
    """Add up what lies in the same place."""
    if not len(place):
        return Buckets(place, count, low, high, total)
    order = np.argsort(place, kind="stable")
    place = place[order]
    starts = np.flatnonzero(np.concatenate(([True], place[1:] != place[:-1])))
    return Buckets(
        place[starts],
        np.add.reduceat(count[order], starts),
        np.minimum.reduceat(low[order], starts),
        np.maximum.reduceat(high[order], starts),
        np.add.reduceat(total[order], starts),
    )


def pack_trend(trend: Mapping[Series, Buckets]) -> bytes:
    """Pack a trend, a section a subject."""
    by_subject: dict[str, dict[str, Buckets]] = {}
    for (subject, metric), buckets in trend.items():
        by_subject.setdefault(subject, {})[metric] = buckets
    sections = [_pack_section(metrics) for metrics in by_subject.values()]
    sizes = [[subject, len(section)] for subject, section in zip(by_subject, sections, strict=True)]
    directory = json.dumps(sizes, separators=(",", ":")).encode()
    return b"".join((_SIZE.pack(len(directory)), directory, *sections))


def _pack_section(metrics: Mapping[str, Buckets]) -> bytes:
    head = json.dumps({name: len(b) for name, b in metrics.items()}, separators=(",", ":")).encode()
    planes = []
    for name, kind in _COLUMNS:
        column = np.concatenate([getattr(buckets, name) for buckets in metrics.values()])
        if name == "place":
            column = np.diff(column, prepend=0)
        narrow = column.astype(kind)
        planes.append(narrow.view(np.uint8).reshape(-1, narrow.itemsize).T.tobytes())
    return zlib.compress(b"".join((_SIZE.pack(len(head)), head, *planes)), 6)


def unpack_trend(body: bytes, subject: str | None = None, metric: str | None = None) -> Trend:
    """Return a packed trend, or the part of it for ``subject`` and ``metric``.

    Raises ValueError, struct.error or zlib.error for what is no trend.
    """
    (length,) = _SIZE.unpack_from(body)
    position = _SIZE.size + length
    found: Trend = {}
    for name, size in json.loads(body[_SIZE.size : position]):
        if subject is None or name == subject:
            for key, buckets in _unpack_section(body[position : position + size], metric):
                found[name, key] = buckets
        position += size
    return found


def _unpack_section(section: bytes, metric: str | None) -> Iterable[tuple[str, Buckets]]:
    raw = zlib.decompress(section)
    (length,) = _SIZE.unpack_from(raw)
    sizes: dict[str, int] = json.loads(raw[_SIZE.size : _SIZE.size + length])
    if metric is not None and metric not in sizes:
        return
    count, offset = sum(sizes.values()), _SIZE.size + length
    columns = []
    for name, kind in _COLUMNS:
        width = np.dtype(kind).itemsize
        planes = np.frombuffer(raw, np.uint8, count * width, offset).reshape(width, count)
        column = np.ascontiguousarray(planes.T).view(kind).ravel()
        columns.append(np.cumsum(column) if name == "place" else column)
        offset += count * width
    first = 0
    for key, size in sizes.items():
        if metric is None or key == metric:
            place, number, low, high, total = (column[first : first + size] for column in columns)
            yield key, Buckets(
                place.astype(np.int64), number.astype(np.int64),
                low.astype(np.float64), high.astype(np.float64), total.astype(np.float64),
            )  # fmt: skip
        first += size
