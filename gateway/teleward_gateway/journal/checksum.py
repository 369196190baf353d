r"""Checksummed blobs: each value in the journal file carries its type, key and CRC.

     0        4        8        12   13   14      16            24
    +--------+--------+--------+----+----+-------+-------------+----------------
    | TWJ\x01| crc32  | length |type|prov| count | number      | body
    +--------+--------+--------+----+----+-------+-------------+----------------
              little endian; crc32 covers everything from offset 8; length is of the whole blob

SQLite checks its write-ahead log but not the pages of its file. A seal finds a damaged value
wherever SQLite would hand it out as good, and lets `salvage` find whole values in a file whose
tables can no longer be read.
"""

import struct
import zlib
from dataclasses import dataclass
from enum import IntEnum

from teleward_signal.errors import TelewardError

MAGIC = b"TWJ\x01"
HEADER = struct.Struct("<4sIIBBHQ")
LONGEST = 64 * 2**20  # a commit's frame is far smaller; a larger length is damage


class Blob(IntEnum):
    """What a sealed blob holds."""

    WAVE = 1
    EVENT = 2
    SPAN = 3
    STATE = 4
    TREND = 5


_TYPES = frozenset(Blob)


@dataclass(frozen=True, slots=True)
class BlobParts:
    """A blob taken apart; ``number`` is its key, ``count`` its records or its edition."""

    type: Blob
    provenance: int
    count: int
    number: int
    body: bytes


class DamagedBlob(TelewardError, ValueError):
    """The bytes are not a whole sealed blob."""


def pack_blob(
    type_: Blob, number: int, body: bytes, *, provenance: int = 0, count: int = 0
) -> bytes:
    """Return ``body`` with its header."""
    head = HEADER.pack(MAGIC, 0, HEADER.size + len(body), type_, provenance, count & 0xFFFF, number)
    crc = zlib.crc32(body, zlib.crc32(head[8:]))
    return head[:4] + crc.to_bytes(4, "little") + head[8:] + body


def unpack_blob(blob: bytes) -> BlobParts:
    """Take a blob apart; raises `DamagedBlob` unless every byte is as it was sealed."""
    if len(blob) < HEADER.size:
        raise DamagedBlob(f"{len(blob)} bytes are too few for a sealed blob")
    magic, crc, length, type_, provenance, count, number = HEADER.unpack_from(blob)
    if magic != MAGIC or length != len(blob):
        raise DamagedBlob("no seal")
    if zlib.crc32(memoryview(blob)[8:]) != crc:
        raise DamagedBlob("checksum differs")
    if type_ not in _TYPES:
        raise DamagedBlob(f"type {type_} is of a newer version")
    return BlobParts(Blob(type_), provenance, count, number, bytes(blob[HEADER.size :]))
