"""Records of one row, packed in columns: names once, numbers by column, payloads by shape.

+-------+--------------------------------+-------------------------------------------+
| u32 n | JSON: gateway, names, payloads | columns of n: kind subject device metric  |
| u32 j | (j bytes)                      | shape (u16), time uncertainty mono (i64)  |
+-------+--------------------------------+-------------------------------------------+
  the whole zlib-compressed; columns little endian, in byte planes, times as differences
"""

import json
import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

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


@dataclass(frozen=True, slots=True)
class Entry:
    """A record before its row is written: a stamped draft."""

    kind: RecordKind
    subject: str | None
    device: str | None
    metric: str | None
    time_ns: int
    uncertainty_ns: int
    monotonic_ns: int
    payload: dict[str, Any]
    samples: bytes = b""


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


def unpack_entries(packed: bytes, wanted: Filter | None = None) -> tuple[str, dict[int, Entry]]:
    """Return the gateway's name and the entries by part, all or those ``wanted``."""
    raw = zlib.decompressobj(zdict=_DICTIONARY).decompress(packed)
    count, length = _HEAD.unpack_from(raw)
    document = json.loads(raw[_HEAD.size : _HEAD.size + length])
    short, long = _columns(raw[_HEAD.size + length :], count)
    names: list[str | None] = document["names"]
    keep = _selection(short, names, wanted) if wanted else np.arange(count)
    payload_at = _positions(short[4])
    entries = {}
    for part in keep.tolist():
        kind, subject, device, metric, shape = short[:, part].tolist()
        time_ns, uncertainty_ns, monotonic_ns = long[:, part].tolist()
        keys, values = document["payloads"][shape]
        position = int(payload_at[part])
        payload = {key: column[position] for key, column in zip(keys, values, strict=True)}
        entries[part] = Entry(
            KINDS[kind], names[subject], names[device], names[metric],
            time_ns, uncertainty_ns, monotonic_ns, payload,
        )  # fmt: skip
    return document["gateway"], entries


def _columns(planes: bytes, count: int) -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
    cut = _SHORT * 2 * count
    short = np.frombuffer(planes[:cut], np.uint8).reshape(_SHORT, 2, count)
    long = np.frombuffer(planes[cut:], np.uint8).reshape(_LONG, 8, count)
    shorts = np.ascontiguousarray(short.transpose(0, 2, 1)).view("<u2").reshape(_SHORT, count)
    longs = np.ascontiguousarray(long.transpose(0, 2, 1)).view("<i8").reshape(_LONG, count)
    return shorts, np.cumsum(longs, axis=1)


def _positions(shape: NDArray[np.uint16]) -> NDArray[np.int64]:
    """Return for each record its position among the records of the same shape."""
    positions = np.empty(len(shape), np.int64)
    for number in np.unique(shape):
        members = np.flatnonzero(shape == number)
        positions[members] = np.arange(len(members))
    return positions


def _selection(
    short: NDArray[np.uint16], names: list[str | None], wanted: Filter
) -> NDArray[np.intp]:
    keep = np.ones(short.shape[1], bool)
    if wanted.kinds is not None:
        keep &= np.isin(short[0], [_KIND_NUMBER[kind] for kind in wanted.kinds])
    for column, name in ((1, wanted.subject), (3, wanted.metric)):
        if name is not None:
            keep &= short[column] == (names.index(name) if name in names else -1)
    return np.flatnonzero(keep)
