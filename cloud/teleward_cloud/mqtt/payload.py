"""The JSON of MQTT messages: records to bytes and back, losing nothing but numpy.

Version 2 holds everything of a gateway and second, so that a ward costs one message a second:

    {"teleward": 2, "gateway": "ward-3", "journal": "9f86d081", "provenance": "simulated",
     "backfill": false,
     "records": [{"seq": 1207, "part": 0, "record": "measurement", "subject": "bed-1",
                  "device": "ox-1", "metric": "spo2", "value": 96.0, "unit": "%",
                  "time": "2026-03-01T08:00:00.250000000Z", "uncertainty_s": 0.012,
                  "monotonic_ns": 81234000000, "boot": "5c1e", "quality": 0.97, ...}]}

Version 1 holds records of one subject, whose ``subject`` stands beside ``journal``, and has
``"simulated": true`` for the provenance; it is still written where consumers want a topic a
subject. Both are read, and so is a version 2 with ``simulated``, which gateways wrote at first. A
message may be compressed (`teleward_cloud.mqtt.compression`).

The identity of a record is (gateway, journal, seq, part); consumers drop repeats by it. ``time`` is
UTC in RFC 3339 with nanoseconds. A withheld value is ``null`` with a ``reason``. Keys of the
record's own payload stand beside these (under ``payload`` if a name would clash); waveform samples
are base64 of little-endian integers.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import groupby
from math import isfinite
from typing import Any

from teleward_cloud.mqtt.compression import CompressionError, decompress
from teleward_signal.errors import Invalid
from teleward_signal.model import Provenance
from teleward_signal.record import Record, RecordId, RecordKind
from teleward_signal.vocabulary import METRICS

VERSION = 1
"""Of messages about one subject, of status and confirmations."""
BUNDLE_VERSION = 2
_FRAME = frozenset(
    [
        "seq",
        "part",
        "record",
        "device",
        "metric",
        "unit",
        "time",
        "uncertainty_s",
        "monotonic_ns",
        "boot",
        "samples",
        "payload",
    ]
)
_BUNDLE_FRAME = _FRAME | {"subject"}
_SECOND_NS = 1_000_000_000


class PayloadError(Invalid):
    """A message that is not one of ours, with the reason."""


def bundles(batch: Sequence[Record]) -> list[list[Record]]:
    """Cut a batch into the records of one message each, keeping the order within a subject.

    Numerics, alarms and the rest of one subject, kind and second share a message; a waveform block
    and a device status have one each.
    """
    found: dict[tuple[object, ...], list[Record]] = {}
    for record in batch:
        key: tuple[object, ...] = (record.id.journal, record.kind, record.subject)
        if record.kind in (RecordKind.WAVEFORM, RecordKind.DEVICE):
            key += (record.id,)
        else:
            key += (record.time_ns // _SECOND_NS,)
        found.setdefault(key, []).append(record)
    return list(found.values())


def by_journal(batch: Sequence[Record]) -> list[list[Record]]:
    """Cut a batch into the records of one gateway and journal each, keeping their order."""
    found: dict[tuple[str, str], list[Record]] = {}
    for record in batch:
        found.setdefault((record.id.gateway, record.id.journal), []).append(record)
    return list(found.values())


def encode(records: Sequence[Record], *, live: bool, version: int = VERSION) -> bytes:
    """Return the message of records that share gateway, journal and provenance.

    In version 1 they share the subject too. Raises ``TypeError`` or ``ValueError`` for a payload
    that is no JSON.
    """
    first = records[0]
    bundle = version == BUNDLE_VERSION
    if bundle:
        head = f'"provenance":"{first.provenance.value}",'
    else:
        simulated = "true" if first.provenance is Provenance.SIMULATED else "false"
        head = f'"simulated":{simulated},"subject":{_value(first.subject)},'
    entries = ",".join([_entry(record, bundle) for record in records])
    return (
        f'{{"teleward":{version},"gateway":{json_text(first.id.gateway)},'
        f'"journal":{json_text(first.id.journal)},{head}'
        f'"backfill":{"false" if live else "true"},'
        f'"records":[{entries}]}}'
    ).encode()


def entry(record: Record) -> dict[str, Any]:
    """Return one record as the JSON object that a message has of it."""
    found: dict[str, Any] = json.loads(_entry(record))
    return found | {"gateway": record.id.gateway, "subject": record.subject}


def decode(message: bytes) -> list[Record]:
    """Return the records of a message; raises `PayloadError` on anything else."""
    try:
        found = json.loads(decompress(message))
        version = found["teleward"]
        if version not in (VERSION, BUNDLE_VERSION):
            raise PayloadError(f"message version {version!r:.20}; {BUNDLE_VERSION} is the newest")
        head = _Head(_text(found, "gateway"), _text(found, "journal"), _provenance(found))
        if version == VERSION:
            subject = _name(found, "subject")
            return [_record(head, subject, entry, _FRAME) for entry in found["records"]]
        return [
            _record(head, _name(entry, "subject"), entry, _BUNDLE_FRAME)
            for entry in found["records"]
        ]
    except PayloadError:
        raise
    except CompressionError as error:
        raise PayloadError(str(error)) from error
    except _UNREADABLE as error:
        raise PayloadError(f"not a Teleward message: {type(error).__name__}: {error}") from error


def status(
    gateway: str,
    *,
    online: bool,
    simulated: bool,
    time_ns: int | None,
    instance: str,
    connection: int,
) -> bytes:
    """Return the retained status message; the last will has no time.

    ``instance`` is a random id of the process, ``connection`` counts its connections.
    """
    message = {
        "teleward": VERSION,
        "gateway": gateway,
        "simulated": simulated,
        "state": "online" if online else "offline",
        "time": None if time_ns is None else rfc3339(time_ns),
        "instance": instance,
        "connection": connection,
    }
    return json.dumps(message, separators=(",", ":")).encode()


def confirmation(stored: Sequence[RecordId], refused: Mapping[RecordId, str]) -> bytes:
    """Return a collector's message: records of one gateway that are stored, or never will be.

    {"teleward": 1, "stored": {"9f86d081": [[1207, 0], ...]},
     "refused": [["9f86d081", 1210, 0, "why"], ...]}
    """
    journals = {
        journal: [[found.seq, found.part] for found in group]
        for journal, group in groupby(sorted(stored), key=lambda found: found.journal)
    }
    reasons = [[found.journal, found.seq, found.part, why] for found, why in refused.items()]
    message = {"teleward": VERSION, "stored": journals, "refused": reasons}
    return json.dumps(message, separators=(",", ":")).encode()


def confirmed(gateway: str, message: bytes) -> dict[RecordId, str | None]:
    """Return the record ids of a confirmation, with the reason where one was refused.

    Raises `PayloadError` on anything else.
    """
    try:
        found = json.loads(message)
        stored: dict[RecordId, str | None] = {
            RecordId(gateway, journal, _number(seq, "seq"), _number(part, "part")): None
            for journal, pairs in found["stored"].items()
            for seq, part in pairs
        }
        for journal, seq, part, why in found.get("refused", ()):
            place = _number(seq, "seq"), _number(part, "part")
            stored[RecordId(gateway, str(journal), *place)] = str(why)
        return stored
    except _UNREADABLE as error:
        raise PayloadError(f"not a confirmation: {error}") from error


def rfc3339(time_ns: int) -> str:
    """Return UTC with nanoseconds, such as ``2026-03-01T08:00:00.250000000Z``."""
    seconds, rest = divmod(time_ns, _SECOND_NS)
    return f"{_whole_seconds(seconds)}.{rest:09d}Z"


@lru_cache(maxsize=256)
def _whole_seconds(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"


def from_rfc3339(text: str) -> int:
    """Undo `rfc3339`; raises `PayloadError` on another form."""
    try:
        if not isinstance(text, str):
            raise ValueError("not a text")
        whole, fraction = text.removesuffix("Z").split(".")
        moment = datetime.fromisoformat(whole).replace(tzinfo=UTC)
        return int(moment.timestamp()) * _SECOND_NS + int(fraction.ljust(9, "0")[:9])
    except ValueError as error:
        raise PayloadError(f"{text!r} is not a time such as {rfc3339(0)}") from error


# Messages are the gateway's largest load after the signals. A stream's records differ in little but
# numbers, so that each is the stream's template filled in: half the time of json.dumps (measured).

json_text = lru_cache(maxsize=4096)(json.JSONEncoder(ensure_ascii=False).encode)
"""A string as JSON."""
_dump = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def _entry(record: Record, bundle: bool = False) -> str:
    """Return one record as a JSON object; in a bundle with its subject."""
    found, payload = record.id, record.payload
    extra = ""
    frame = _BUNDLE_FRAME if bundle else _FRAME
    if not frame.isdisjoint(payload):
        extra = f',"payload":{_dump({k: v for k, v in payload.items() if k in frame})}'
        payload = {key: value for key, value in payload.items() if key not in frame}
    if record.samples:
        extra += f',"samples":"{base64.b64encode(record.samples).decode()}"'
    subject = f'"subject":{_value(record.subject)},' if bundle else ""
    template = _template(
        record.kind, subject, record.device, record.metric, record.boot, tuple(payload)
    )
    values = [
        repr(value) if type(value) is float and isfinite(value) else _value(value)
        for value in payload.values()
    ]
    when = _when(record.time_ns, record.uncertainty_ns)
    return template % (found.seq, found.part, when, record.monotonic_ns, *values, extra)


@lru_cache(maxsize=4096)  # the streams of a large ward, each with a few shapes of payload
def _template(
    kind: RecordKind,
    subject: str,
    device: str | None,
    metric: str | None,
    boot: str,
    keys: tuple[str, ...],
) -> str:
    """Return a record's object with places for seq, part, time, monotonic_ns, payload, the rest."""
    unit = METRICS[metric].unit if metric in METRICS else None
    frame = (
        f'"record":"{kind.value}",{subject}"device":{_value(device)},"metric":{_value(metric)},'
        f'"unit":{_value(unit)},"boot":{json_text(boot)}'
    )
    own = "".join([f",{json_text(key)}:\0" for key in keys])
    fixed = f'{{"seq":\0,"part":\0,{frame},\0,"monotonic_ns":\0{own}\0}}'
    # JSON never holds a bare zero byte, so that names may have a per cent sign
    return fixed.replace("%", "%%").replace("\0", "%s")


@lru_cache(maxsize=256)  # the records of a message share a moment more often than not
def _when(time_ns: int, uncertainty_ns: int) -> str:
    return f'"time":"{rfc3339(time_ns)}","uncertainty_s":{uncertainty_ns / _SECOND_NS!r}'


def _value(value: Any) -> str:
    """Return any plain value as JSON; what is no number cannot be written as one."""
    if value is None:
        return "null"
    return json_text(value) if type(value) is str else _dump(value)


# Reading. A message comes from a network: each field is checked before anything hangs on it.

_UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)
_MOST = 2**63
"""Bound of sequence numbers and times: what a database's integer holds."""


@dataclass(frozen=True, slots=True)
class _Head:
    """What all records of a message share."""

    gateway: str
    journal: str
    provenance: Provenance


def _record(
    head: _Head, subject: str | None, entry: dict[str, Any], frame: frozenset[str]
) -> Record:
    """Return one record of a message; raises `PayloadError` and what `_UNREADABLE` lists."""
    payload = {key: value for key, value in entry.items() if key not in frame}
    payload |= entry.get("payload", {})
    for key, value in payload.items():
        if not _is_finite(value):
            raise PayloadError(f"{key}: {value!r:.40} is no JSON number")
    uncertainty_s = entry["uncertainty_s"]
    if type(uncertainty_s) not in (int, float) or not 0 <= uncertainty_s < _MOST / _SECOND_NS:
        raise PayloadError(f"uncertainty_s: {uncertainty_s!r} is not a number of seconds")
    return Record(
        id=RecordId(
            head.gateway,
            head.journal,
            _number(entry["seq"], "seq"),
            _number(entry["part"], "part"),
        ),
        kind=RecordKind(entry["record"]),
        provenance=head.provenance,
        time_ns=from_rfc3339(entry["time"]),
        uncertainty_ns=round(uncertainty_s * _SECOND_NS),
        monotonic_ns=_number(entry["monotonic_ns"], "monotonic_ns"),
        boot=_text(entry, "boot", empty=True),
        subject=subject,
        device=_name(entry, "device"),
        metric=_name(entry, "metric"),
        payload=payload,
        samples=base64.b64decode(entry.get("samples", ""), validate=True),
    )


def _is_finite(value: Any) -> bool:
    """Return whether every number is one: 1e999 is infinite to Python, and NaN is no JSON."""
    if type(value) is float:
        return isfinite(value)
    if type(value) is dict:
        return all(map(_is_finite, value.values()))
    return type(value) is not list or all(map(_is_finite, value))


def _number(value: Any, name: str) -> int:
    if type(value) is not int or not 0 <= value < _MOST:
        raise PayloadError(f"{name}: {value!r:.40} is not a whole number from 0 on")
    return value


def _text(found: dict[str, Any], name: str, *, empty: bool = False) -> str:
    value = found[name]
    if not isinstance(value, str) or not (value or empty):
        raise PayloadError(f"{name}: {value!r:.40} is not a text")
    return value


def _name(found: dict[str, Any], name: str) -> str | None:
    return None if found[name] is None else _text(found, name, empty=True)


def _provenance(found: dict[str, Any]) -> Provenance:
    """Return the provenance of a message of any version."""
    if "provenance" in found and found["teleward"] != VERSION:
        return Provenance(_text(found, "provenance"))
    simulated = found["simulated"]
    if not isinstance(simulated, bool):
        raise PayloadError(f"simulated: {simulated!r:.40} is neither true nor false")
    return Provenance.SIMULATED if simulated else Provenance.FIELD
