"""A row: what one commit wrote to one table, whole in itself, its records numbered in sequence.

    number 1207 .. 1207 + count - 1 = (seq 1207, part 0 .. count - 1)

    body   0         8      16         24       32      36
          +---------+------+----------+--------+-------+------------------+---------------------+
          | journal | boot | start_ns | end_ns | u32 n | entries, n bytes | samples (wave only) |
          +---------+------+----------+--------+-------+------------------+---------------------+

Because ``seq`` moves on by the number of records, a missing row leaves a hole exactly as wide as
the records that are gone. Waveforms (``wave``) and everything else (``light``) are rows apart, so
that old waveforms can go while the numbers stay.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from teleward_gateway.journal.checksum import Blob, DamagedBlob, pack_blob, unpack_blob
from teleward_gateway.journal.entries import (
    KINDS,
    Entry,
    Filter,
    Values,
    kind_mask,
    pack_entries,
    unpack_entries,
    unpack_kinds,
    unpack_values,
)
from teleward_gateway.journal.samples import pack_samples, unpack_samples
from teleward_signal.model import Provenance
from teleward_signal.record import Record, RecordId, RecordKind

MAX_COUNT = 0xFFFF  # the count of a sealed blob has 16 bits
_HEAD = struct.Struct("<8s8sqqI")
_WIDTH = {"int16": 2, "int32": 4}
_PROVENANCE = (Provenance.FIELD, Provenance.SIMULATED)
_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Row:
    """A row ready to be written, or as it was found.

    ``start_ns`` to ``end_ns`` spans the times of its records as they were stamped.
    """

    seq: int
    count: int
    kinds: int
    start_ns: int
    end_ns: int
    wave: bool
    blob: bytes


@dataclass(frozen=True, slots=True)
class Origin:
    """Where new rows come from; ``journal`` and ``boot`` are 16 hexadecimal digits."""

    gateway: str
    journal: str
    boot: str
    provenance: Provenance


def is_wave(entry: Entry) -> bool:
    """Return whether an entry belongs into the table of waveforms."""
    return entry.kind is RecordKind.WAVEFORM


def build_row(entries: Sequence[Entry], seq: int, origin: Origin) -> Row:
    """Pack entries of one table into the row that begins with number ``seq``."""
    wave = is_wave(entries[0])
    start_ns = min(entry.time_ns for entry in entries)
    end_ns = max(end_of(entry) for entry in entries)
    packed = pack_entries(entries, origin.gateway)
    head = _HEAD.pack(
        bytes.fromhex(origin.journal), bytes.fromhex(origin.boot), start_ns, end_ns, len(packed)
    )
    samples = b""
    if wave:
        samples = pack_samples([(entry.samples, _width(entry)) for entry in entries])
    blob = pack_blob(
        Blob.WAVE if wave else Blob.EVENT,
        seq,
        head + packed + samples,
        provenance=_PROVENANCE.index(origin.provenance),
        count=len(entries),
    )
    kinds = kind_mask(entry.kind for entry in entries)
    return Row(seq, len(entries), kinds, start_ns, end_ns, wave, blob)


def inspect_row(blob: bytes) -> Row:
    """Return a row for its blob; raises `DamagedBlob`."""
    sealed = unpack_blob(blob)
    if sealed.type not in (Blob.WAVE, Blob.EVENT):
        raise DamagedBlob(f"a {sealed.type.name} blob is no row")
    _, _, start_ns, end_ns, length = _HEAD.unpack_from(sealed.body)
    wave = sealed.type is Blob.WAVE
    kinds = kind_mask([RecordKind.WAVEFORM])
    if not wave:
        kinds = kind_mask(set(unpack_kinds(sealed.body[_HEAD.size : _HEAD.size + length])))
    return Row(sealed.number, sealed.count, kinds, start_ns, end_ns, wave, blob)


def records_of(blob: bytes, wanted: Filter | None = None) -> list[Record]:
    """Unpack the records of a row, in order; raises `DamagedBlob`."""
    sealed = unpack_blob(blob)
    journal, boot, _, _, length = _HEAD.unpack_from(sealed.body)
    rest = sealed.body[_HEAD.size :]
    gateway, found = unpack_entries(rest[:length], wanted)
    samples: Mapping[int, bytes] = {}
    if sealed.type is Blob.WAVE and found:
        samples = unpack_samples(rest[length:], [part for part, *_ in found])
    number, provenance = sealed.number, _PROVENANCE[sealed.provenance]
    journal_id, boot_id = journal.hex(), boot.hex()
    return [
        Record(
            RecordId(gateway, journal_id, number, part), kind, provenance, time_ns, uncertainty_ns,
            monotonic_ns, boot_id, subject, device, metric, payload, samples.get(part, b""),
        )
        for part, kind, subject, device, metric, time_ns, uncertainty_ns, monotonic_ns, payload
        in found
    ]  # fmt: skip


def kinds_in(blob: bytes) -> list[RecordKind]:
    """Return the kinds of a row's records, in order; raises `DamagedBlob`."""
    sealed = unpack_blob(blob)
    *_, length = _HEAD.unpack_from(sealed.body)
    return unpack_kinds(sealed.body[_HEAD.size : _HEAD.size + length])


def values_of(blob: bytes) -> tuple[str, Values]:
    """Return the boot and the measurements of a row in columns; raises `DamagedBlob`."""
    sealed = unpack_blob(blob)
    _, boot, _, _, length = _HEAD.unpack_from(sealed.body)
    return boot.hex(), unpack_values(sealed.body[_HEAD.size : _HEAD.size + length])


def make_record(entry: Entry, seq: int, part: int, origin: Origin) -> Record:
    """Give an entry its identity."""
    return Record(
        RecordId(origin.gateway, origin.journal, seq, part),
        entry.kind,
        origin.provenance,
        entry.time_ns,
        entry.uncertainty_ns,
        entry.monotonic_ns,
        origin.boot,
        entry.subject,
        entry.device,
        entry.metric,
        entry.payload,
        entry.samples,
    )


def end_of(entry: Entry | Record) -> int:
    """Return the time at which an entry ends: its own for values, the end of its samples."""
    if entry.kind is not RecordKind.WAVEFORM:
        return entry.time_ns
    fs = float(entry.payload.get("fs") or 0)
    n_samples = len(entry.samples) // max(1, _width(entry))
    return entry.time_ns + (round(n_samples / fs * _NS) if fs > 0 else 0)


def kinds_of(mask: int) -> frozenset[RecordKind]:
    """Return the kinds named by a mask."""
    return frozenset(kind for number, kind in enumerate(KINDS) if mask >> number & 1)


def _width(entry: Entry | Record) -> int:
    """Return the bytes a sample, 0 for samples that are not whole integers."""
    width = _WIDTH.get(str(entry.payload.get("dtype", "int16")), 0)
    return width if width and len(entry.samples) % width == 0 else 0
