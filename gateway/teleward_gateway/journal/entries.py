"""Records of one row, packed in columns: names once, numbers by column, payloads by shape.

+-------+--------------------------------+-------------------------------------------+
| u32 n | JSON: gateway, names, payloads | columns of n: kind subject device metric  |
| u32 j | (j bytes)                      | shape (u16), time uncertainty mono (i64)  |
+-------+--------------------------------+-------------------------------------------+
  the whole zlib-compressed; columns little endian, in byte planes, times as differences
"""

import json
import math
import struct
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teleward_gateway.journal.ticket import Ticket
from teleward_signal.record import RecordKind

KINDS = (
    RecordKind.MEASUREMENT,
    RecordKind.WAVEFORM,
    RecordKind.ALARM,
    RecordKind.ANNOTATION,
    RecordKind.DEVICE,
    RecordKind.AUDIT,
    RecordKind.CLOCK,
)
"""Kinds by their number on disk; append only, never reorder."""

_KIND_NUMBER = {kind: number for number, kind in enumerate(KINDS)}
_HEAD = struct.Struct("<II")
_DICTIONARY = (
    b'"consciousness","supplemental_oxygen","etco2","glucose","nibp_systolic","nibp_diastolic",'
    b'"nibp_mean","body_temperature","anomaly","battery","rr_interval","pulse_arrival_time",'
    b'"arterial_pressure","respiration","capnogram","pleth","ppg_red","ppg_infrared","ecg_i",'
    b'"ecg_v1","ecg_ii","news2","respiratory_rate","perfusion_index","pulse_rate","spo2",'
    b'"heart_rate","condition","kind","priority","presence","physiological","technical","on","off",'
    b'"symbol","label","evidence","until_ns","reason","withheld","group","author","detail",'
    b'"device_time_ns","gap_samples","monitor-","patient-","derived","manual"'
    b'{"gateway":"gateway","names":["bed-1","ward-1",null,'
    b'"payloads":[[["fs","scale","offset","index","dtype"],[[250.0],[500.0],[0.005],[0.0],'
    b'["int16","int16"]]]]}'
    b'"payloads":[[["value","source","valid_s","quality"],[["device","device"],[5.0,5.0],[1.0,1.0'
)
"""What rows are made of, for zlib to point back to. Files depend on every byte of it: a better one
is a second dictionary beside it (a zlib stream names its dictionary)."""
_SHORT, _LONG = 5, 3  # columns of 16 and of 64 bits
_FEW = 4  # records of a row for which counting is quicker than numbering all (measured)


@dataclass(frozen=True, slots=True)
class Entry:
    """A record before its row is written: a stamped draft.

    ``tickets`` wait for its identity; they are not written.
    """

    kind: RecordKind
    subject: str | None
    device: str | None
    metric: str | None
    time_ns: int
    uncertainty_ns: int
    monotonic_ns: int
    payload: dict[str, Any]
    samples: bytes = b""
    tickets: tuple[Ticket, ...] = field(default=(), compare=False)


def is_withdrawn(entry: Entry) -> bool:
    """Return whether nobody wants ``entry`` written any more."""
    return bool(entry.tickets) and all(ticket.withdrawn for ticket in entry.tickets)


def kind_mask(kinds: Iterable[RecordKind]) -> int:
    """Return ``kinds`` as bits, for the ``kinds`` column of a row."""
    mask = 0
    for kind in kinds:
        mask |= 1 << _KIND_NUMBER[kind]
    return mask


def pack_entries(entries: Sequence[Entry], gateway: str) -> bytes:
    """Pack everything of ``entries`` but their samples."""
    names: dict[str | None, int] = {}
    shapes: dict[tuple[str, ...], int] = {}
    columns: list[list[list[Any]]] = []
    short = np.empty((_SHORT, len(entries)), "<u2")
    long = np.empty((_LONG, len(entries)), "<i8")
    for i, entry in enumerate(entries):
        keys = tuple(entry.payload)
        shape = shapes.setdefault(keys, len(shapes))
        if shape == len(columns):
            columns.append([[] for _ in keys])
        for column, value in zip(columns[shape], entry.payload.values(), strict=True):
            column.append(value)
        short[:, i] = (
            _KIND_NUMBER[entry.kind],
            names.setdefault(entry.subject, len(names)),
            names.setdefault(entry.device, len(names)),
            names.setdefault(entry.metric, len(names)),
            shape,
        )
        long[:, i] = entry.time_ns, entry.uncertainty_ns, entry.monotonic_ns
    long = np.diff(long, axis=1, prepend=0)
    document = {
        "gateway": gateway,
        "names": list(names),
        "payloads": [[list(keys), values] for keys, values in zip(shapes, columns, strict=True)],
    }
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    planes = short.view(np.uint8).reshape(_SHORT, -1, 2).transpose(0, 2, 1).tobytes()
    planes += long.view(np.uint8).reshape(_LONG, -1, 8).transpose(0, 2, 1).tobytes()
    packer = zlib.compressobj(6, zdict=_DICTIONARY)
    return packer.compress(_HEAD.pack(len(entries), len(text)) + text + planes) + packer.flush()


@dataclass(frozen=True, slots=True)
class Filter:
    """Which records are wanted; ``None`` means any."""

    kinds: frozenset[RecordKind] | None = None
    subject: str | None = None
    metric: str | None = None


Unpacked = tuple[int, RecordKind, str | None, str | None, str | None, int, int, int, dict[str, Any]]
"""Part, kind, subject, device, metric, time, uncertainty and monotonic time in ns, payload."""


def unpack_entries(packed: bytes, wanted: Filter | None = None) -> tuple[str, list[Unpacked]]:
    """Return the gateway's name and what the entries hold, all or those ``wanted``, in order.

    Tuples, as a backlog reads millions of them: an object more for each costs a tenth of its time.
    """
    raw, document, words, times_at = _unpack_words(packed)
    names: list[str | None] = document["names"]
    count = words.shape[1]
    keep = _selection(words, names, wanted) if wanted else np.arange(count)
    gateway: str = document["gateway"]
    if not len(keep):
        return gateway, []
    payloads = [_payloads(*shape) for shape in document["payloads"]]
    columns = np.concatenate((keep[None], words[:, keep], _positions(words[4], keep)[None]))
    times = _times(raw, times_at, count)[:, keep]
    return gateway, [
        (part, KINDS[kind], names[subject], names[device], names[metric], time_ns, uncertainty_ns,
         monotonic_ns, payloads[shape](position))
        for (part, kind, subject, device, metric, shape, position), (
            time_ns, uncertainty_ns, monotonic_ns
        ) in zip(columns.T.tolist(), times.T.tolist(), strict=True)
    ]  # fmt: skip


def _payloads(keys: list[str], values: list[list[Any]]) -> Callable[[int], dict[str, Any]]:
    """Return how to make the payload at a position among those of one shape."""
    rows = list(zip(*values, strict=True))
    return lambda position: dict(zip(keys, rows[position] if keys else (), strict=True))


@dataclass(frozen=True, slots=True)
class Values:
    """The measurements of a row, in columns of shape (n,).

    ``subject`` and ``metric`` are places in ``names``; NaN stands for no number.
    """

    names: list[str | None]
    subject: NDArray[np.uint16]
    metric: NDArray[np.uint16]
    time_ns: NDArray[np.int64]
    monotonic_ns: NDArray[np.int64]
    value: NDArray[np.float64]


def unpack_values(packed: bytes) -> Values:
    """Return the numbers of a row without making a record of each."""
    raw, document, words, times_at = _unpack_words(packed)
    value = np.full(words.shape[1], np.nan)
    for shape, (keys, columns) in enumerate(document["payloads"]):
        if "value" in keys:
            column = columns[keys.index("value")]
            value[words[4] == shape] = [number_in(item) for item in column]
    times = _times(raw, times_at, words.shape[1])
    mine = words[0] == _KIND_NUMBER[RecordKind.MEASUREMENT]
    return Values(
        document["names"], words[1, mine], words[3, mine], times[0, mine], times[2, mine],
        value[mine],
    )  # fmt: skip


def unpack_kinds(packed: bytes) -> list[RecordKind]:
    """Return the kinds of a row's records, in order, without looking at anything else of them."""
    raw = zlib.decompressobj(zdict=_DICTIONARY).decompress(packed)
    count, length = _HEAD.unpack_from(raw)
    begin = _HEAD.size + length
    return [KINDS[number] for number in raw[begin : begin + count]]


def number_in(item: object) -> float:
    """Return the numeric value of a payload, NaN when it has none."""
    if isinstance(item, float):
        return item
    try:
        return float(item) if isinstance(item, int) and not isinstance(item, bool) else math.nan
    except OverflowError:
        return math.nan


def _unpack_words(packed: bytes) -> tuple[bytes, dict[str, Any], NDArray[np.uint16], int]:
    """Return the bytes, the document, the columns of 16 bits, and where those of 64 bits begin."""
    raw = zlib.decompressobj(zdict=_DICTIONARY).decompress(packed)
    count, length = _HEAD.unpack_from(raw)
    begin = _HEAD.size + length
    document = json.loads(raw[_HEAD.size : begin])
    planes = np.frombuffer(raw, np.uint8, _SHORT * 2 * count, begin).reshape(_SHORT, 2, count)
    words = (planes[:, 0] | planes[:, 1].astype(np.uint16) << 8).astype(np.uint16)
    return raw, document, words, begin + _SHORT * 2 * count


def _times(raw: bytes, offset: int, count: int) -> NDArray[np.int64]:
    """Return time, uncertainty and monotonic time, shape (3, count)."""
    planes = np.frombuffer(raw, np.uint8, _LONG * 8 * count, offset).reshape(_LONG, 8, count)
    longs = np.ascontiguousarray(planes.transpose(0, 2, 1)).view("<i8").reshape(_LONG, count)
    return np.cumsum(longs, axis=1)


def _positions(shape: NDArray[np.uint16], keep: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return for each record to keep its position among the records of the same shape."""
    if len(keep) <= _FEW:
        found = [int(np.count_nonzero(shape[:part] == shape[part])) for part in keep]
        return np.array(found, np.intp)
    positions = np.empty(len(shape), np.intp)
    for number in range(int(shape.max()) + 1):
        members = np.flatnonzero(shape == number)
        positions[members] = np.arange(len(members))
    return positions[keep]


def _selection(
    words: NDArray[np.uint16], names: list[str | None], wanted: Filter
) -> NDArray[np.intp]:
    keep = np.ones(words.shape[1], bool)
    if wanted.kinds is not None and not wanted.kinds.issuperset(KINDS):
        chosen = np.zeros(len(KINDS), bool)
        chosen[[_KIND_NUMBER[kind] for kind in wanted.kinds]] = True
        keep &= chosen[words[0]]
    for column, name in ((1, wanted.subject), (3, wanted.metric)):
        if name is None:
            continue
        if name not in names:
            return np.empty(0, np.intp)
        keep &= words[column] == names.index(name)
    return np.flatnonzero(keep)
