"""Records as InfluxDB line protocol: pure, and the same record always gives the same points.

    numeric,device=ox-1,gateway=ward-3,metric=spo2,simulated=false,source=device,subject=bed-1
            value=96,quality=0.97,uncertainty_s=0.012,journal="9f86d081",seq=1207i,part=0i <ns>
    waveform,device=..,gateway=..,metric=ecg_ii,simulated=..,subject=.. value=0.125 <ns>
    alarm,condition=..,gateway=..,kind=..,priority=..,simulated=..,subject=..
            presence="on",text="..",value=..,limit=..,journal="..",seq=..i,part=..i <ns>
    annotation,device,gateway,metric,simulated,subject symbol="V",label="..",journal,seq,part <ns>
    device,device=..,gateway=..,simulated=..,subject=.. battery_percent=..,faults="..",journal,..

(wrapped here; one line each). Line protocol: InfluxData, "Line protocol reference". A point is its
measurement, tags and time, so sending it again changes nothing. Two different records of one
stream may share a time (several R-R intervals of one notification, a device's memory read again
into a new journal), hence the last three digits of the nanosecond carry the record's place, which
its journal, seq and part decide; time is exact to a microsecond, far below its uncertainty.

The journal is a field, for a tag would begin new series whenever a gateway gets a new journal.
"""

import json
from collections.abc import Iterable
from functools import lru_cache
from math import isfinite
from typing import Any
from zlib import crc32

import numpy as np

from teleward_signal.model import Provenance
from teleward_signal.record import Record, RecordId, RecordKind

_PLACES = 1000
_STRIDE = 97
"""Prime and coprime to 1000: neighbours in a row and neighbouring rows get different places."""
_ESCAPES = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ ", "\n": r"\ ", "\r": r"\ ", "\\": "/"})
_MEASUREMENTS = {
    RecordKind.MEASUREMENT: "numeric",
    RecordKind.WAVEFORM: "waveform",
    RecordKind.ALARM: "alarm",
    RecordKind.ANNOTATION: "annotation",
    RecordKind.DEVICE: "device",
}
_PAYLOAD_TAGS = {
    RecordKind.MEASUREMENT: ("source",),
    RecordKind.ALARM: ("condition", "kind", "priority"),
}
_SOME = ("reason", "author", "stored")
"""Fields of a measurement beside value and quality, in their order; few records have one."""
_RARE = frozenset(_SOME)
_PAYLOAD_FIELDS = {
    RecordKind.ALARM: ("presence", "text", "value", "limit", "author"),
    RecordKind.ANNOTATION: ("symbol", "label", "until_ns", "evidence"),
    RecordKind.DEVICE: ("battery_percent", "faults", "state", "identity"),
}
KINDS = frozenset(_MEASUREMENTS)
"""The kinds of records that have points."""


def lines(record: Record) -> list[str]:
    """Return the points of one record; none for kinds that InfluxDB does not get.

    Raises ``ValueError`` when the record's payload cannot be a point (a poisoned record).
    """
    if record.kind is RecordKind.MEASUREMENT:
        return [_numeric_line(record)]
    if record.kind is RecordKind.WAVEFORM:
        return waveform_lines(record)
    if record.kind not in KINDS:
        return []
    return [f"{series(record)} {_fields(record)} {point_time_ns(record)}"]


def _numeric_line(record: Record) -> str:
    """Return the point of a measurement: most of what is written, hence in one go."""
    payload, found = record.payload, record.id
    head, origin, shift = _stream(
        record.device,
        found.gateway,
        record.metric,
        record.provenance,
        record.subject,
        payload.get("source"),
        record.uncertainty_ns,
        found.journal,
    )
    fields = ""
    value = payload.get("value")
    if value is not None and isfinite(value := float(value)):
        fields = f"value={value!r},"
    quality = payload.get("quality")
    if type(quality) is float and isfinite(quality):
        fields += f"quality={quality!r},"
    elif quality is not None and (text := field(quality)) is not None:
        fields += f"quality={text},"
    if not _RARE.isdisjoint(payload):
        for key in _SOME:
            if key in payload and (text := field(payload[key])) is not None:
                fields += f"{key}={text},"
    seq, part, time_ns = found.seq, found.part, record.time_ns
    place = (seq * _STRIDE + part + shift) % _PLACES
    return f"{head}{fields}{origin}{seq}i,part={part}i {time_ns - time_ns % _PLACES + place}"


@lru_cache(maxsize=8192)  # the streams of a large ward; how uncertain their time is changes slowly
def _stream(
    device: str | None,
    gateway: str,
    metric: str | None,
    provenance: Provenance,
    subject: str | None,
    source: Any,
    uncertainty_ns: int,
    journal: str,
) -> tuple[str, str, int]:
    """Return what the points of a stream begin with, their origin and their journal's shift."""
    kind = RecordKind.MEASUREMENT
    head = _series(kind, device, gateway, metric, provenance, subject, source)
    return f"{head} ", _origin(uncertainty_ns, journal), _shift(journal)


def body(points: Iterable[str]) -> bytes:
    """Join points into the body of one request."""
    return "\n".join(points).encode()


def series(record: Record) -> str:
    """Return measurement and tags, sorted by key as the reference advises."""
    kind, payload = record.kind, record.payload
    tags: Any
    if kind is RecordKind.MEASUREMENT:
        tags = payload.get("source")
    else:
        tags = tuple([payload.get(key) for key in _PAYLOAD_TAGS.get(kind, ())])
    return _series(
        kind,
        record.device,
        record.id.gateway,
        record.metric,
        record.provenance,
        record.subject,
        tags,
    )


@lru_cache(maxsize=8192)  # the streams of a large ward; every second asks for each of them
def _series(
    kind: RecordKind,
    device: str | None,
    gateway: str,
    metric: str | None,
    provenance: Provenance,
    subject: str | None,
    payload_tags: Any,
) -> str:
    tags = {
        "device": device,
        "gateway": gateway,
        "metric": metric,
        "simulated": "true" if provenance is Provenance.SIMULATED else "false",
        "subject": subject,
    }
    names = _PAYLOAD_TAGS.get(kind, ())
    values = payload_tags if isinstance(payload_tags, tuple) else (payload_tags,)
    tags.update(zip(names, values, strict=False))
    written = ",".join(
        f"{key}={tag(str(value))}" for key, value in sorted(tags.items()) if value not in (None, "")
    )
    return f"{_MEASUREMENTS[kind]},{written}"


def point_time_ns(record: Record) -> int:
    """Return the record's time to the microsecond, the rest being its place."""
    return record.time_ns - record.time_ns % _PLACES + _place(record.id)


def _place(identity: RecordId) -> int:
    """Return where in its microsecond a record lies, from 0 to 999.

    Neighbours of one journal never share a place; records of two journals do by a chance of one in
    a thousand, and only of the same stream and microsecond: then the later one is what remains.
    """
    shift = _shift(identity.journal)
    return (identity.seq * _STRIDE + identity.part + shift) % _PLACES


@lru_cache(maxsize=64)  # a collector hears of a few gateways, each with its journal
def _shift(journal: str) -> int:
    return crc32(journal.encode()) % _PLACES


def waveform_lines(record: Record) -> list[str]:
    """Return one point a sample, in the unit of the metric; a gap has no points.

    Samples have no fields but their value: which journal they came in shows in their place.
    """
    payload = record.payload
    try:
        samples = np.frombuffer(record.samples, dtype=np.dtype(str(payload["dtype"])))
        fs = float(payload["fs"])
        scale, offset = float(payload["scale"]), float(payload.get("offset", 0.0))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"waveform without {error}") from error
    if not fs > 0:
        raise ValueError(f"waveform with a sampling rate of {fs} Hz")
    prefix = f"{series(record)} value="
    values = samples * scale + offset
    times = record.time_ns + np.round(np.arange(len(samples)) * (1e9 / fs)).astype(np.int64)
    times += _place(record.id) - times % _PLACES
    return [
        f"{prefix}{value:.7g} {time}"
        for value, time in zip(values.tolist(), times.tolist(), strict=True)
    ]


def tag(value: str) -> str:
    """Escape a tag value; a backslash becomes a slash, as servers differ in how they read it."""
    return value.translate(_ESCAPES) or "_"


def _fields(record: Record) -> str:
    payload, found = record.payload, record.id
    written: list[str] = []
    for key in _PAYLOAD_FIELDS[record.kind]:
        value = payload.get(key)
        if value is not None and (text := field(value)) is not None:
            written.append(f"{key}={text}")
    origin = _origin(record.uncertainty_ns, found.journal)
    written.append(f"{origin}{found.seq}i,part={found.part}i")
    return ",".join(written)


@lru_cache(maxsize=1024)  # how uncertain a stream's time is changes slowly
def _origin(uncertainty_ns: int, journal: str) -> str:
    return f"uncertainty_s={uncertainty_ns / 1e9!r},journal={_quoted(journal)},seq="


def field(value: object) -> str | None:
    """Return a field value; numbers are floats so that a field never changes its type."""
    if type(value) is float:
        return repr(value) if isfinite(value) else None
    if value is None or value == "":
        return None
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(float(value)) if isfinite(value) else None
        case str():
            return _quoted(value)
        case _:
            return _quoted(json.dumps(value, sort_keys=True, default=str))


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ").replace("\r", " ")
    return f'"{escaped}"'
