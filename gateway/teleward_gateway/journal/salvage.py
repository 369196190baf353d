r"""Finding whole sealed blobs in a file whose tables can no longer be trusted.

A blob lies in one page of SQLite's file, or begins in one and goes on in a chain of overflow pages
(https://www.sqlite.org/fileformat2.html, "Cell Payload Overflow Pages"):

    page   ... | record header, columns (lead) | blob, first part | next page (4) | ...
    page   next page (4) | 4092 bytes of the blob
    log    header (32) { frame header (24) | page (4096) } ...

The start is found by the blob's magic, the end by its length, and the checksum says whether the
pieces belong together; nothing of the file's own structure but the chain is needed.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from mmap import mmap

from teleward_gateway.journal.checksum import HEADER, LONGEST, MAGIC, DamagedBlob, unpack_blob
from teleward_gateway.journal.database import PAGE_BYTES

Bytes = bytes | mmap
LONGEST_LEAD = 64  # record header and small columns before the blob, at most some 40 bytes
_WAL_HEADER, _FRAME_HEADER = 32, 24
_NEXT = struct.Struct(">I")
_LENGTH_AT = 8
_INLINE_MOST = PAGE_BYTES - 35
_LOCAL_LEAST = (PAGE_BYTES - 12) * 32 // 255 - 23


@dataclass(frozen=True, slots=True)
class _Image:
    """One copy of a page: its bytes and its place in time, -1 in the file itself."""

    data: bytes
    order: int


class _Pages:
    """Every copy of every page; the file may be a mapping larger than memory."""

    def __init__(self, file: Bytes, log: bytes) -> None:
        self._file = file
        self._logged: dict[int, list[_Image]] = {}
        self.frames: list[_Image] = []
        for page, image in _frames(log):
            self.frames.append(image)
            self._logged.setdefault(page, []).append(image)

    def __iter__(self) -> Iterator[_Image]:
        for start in range(0, len(self._file), PAGE_BYTES):
            yield _Image(self._file[start : start + PAGE_BYTES], -1)
        yield from self.frames

    def nearest(self, page: int, order: int) -> bytes:
        """Return the copy of ``page`` nearest in time to ``order``, nothing if there is none."""
        start = (page - 1) * PAGE_BYTES
        copies = list(self._logged.get(page, ()))
        if 0 <= start < len(self._file):
            copies.append(_Image(self._file[start : start + PAGE_BYTES], -1))
        if not copies:
            return b""
        return min(copies, key=lambda copy: abs(copy.order - order)).data


def find_blobs(file: Bytes, log: bytes) -> Iterator[bytes]:
    """Yield every whole sealed blob in a database file and its write-ahead log, oldest first.

    The same blob may come several times, and blobs of deleted rows may come too.
    """
    pages = _Pages(file, log)
    for image in pages:
        position = image.data.find(MAGIC)
        while position >= 0:
            blob = _blob_at(image, position, pages)
            if blob is not None:
                yield blob
            position = image.data.find(MAGIC, position + 1)


def _frames(log: bytes) -> Iterator[tuple[int, _Image]]:
    """Yield the frames of the log's present generation, or of all if its header is damaged."""
    salts = log[16:24]
    size = _FRAME_HEADER + PAGE_BYTES
    starts = range(_WAL_HEADER, len(log), size)
    fresh = [start for start in starts if log[start + 8 : start + 16] == salts]
    for order, start in enumerate(fresh or starts):
        if start + _FRAME_HEADER <= len(log):
            data = log[start + _FRAME_HEADER : start + size]
            yield _NEXT.unpack_from(log, start)[0], _Image(data, order)


def _blob_at(image: _Image, position: int, pages: _Pages) -> bytes | None:
    if position + HEADER.size > len(image.data):
        return None
    length = int.from_bytes(image.data[position + _LENGTH_AT : position + _LENGTH_AT + 4], "little")
    if not HEADER.size <= length <= LONGEST:
        return None
    if position + length <= len(image.data):
        return _whole(image.data[position : position + length])
    for lead in range(2, LONGEST_LEAD):
        blob = _chained(image, position, length, lead, pages)
        if blob is not None:
            return blob
    return None


def _chained(image: _Image, position: int, length: int, lead: int, pages: _Pages) -> bytes | None:
    """Put a blob together that goes on in overflow pages, if ``lead`` bytes stood before it."""
    payload = lead + length
    if payload <= _INLINE_MOST:
        return None
    local = _LOCAL_LEAST + (payload - _LOCAL_LEAST) % (PAGE_BYTES - 4)
    if local > _INLINE_MOST:
        local = _LOCAL_LEAST
    end = position + local - lead
    if end + 4 > len(image.data):
        return None
    parts = [image.data[position:end]]
    missing = length - (end - position)
    page = _NEXT.unpack_from(image.data, end)[0]
    while missing > 0:
        data = pages.nearest(page, image.order)
        if len(data) <= 4:
            return None
        parts.append(data[4 : 4 + missing])
        missing -= len(parts[-1])
        page = _NEXT.unpack_from(data)[0]
    return _whole(b"".join(parts))


def _whole(blob: bytes) -> bytes | None:
    try:
        unpack_blob(blob)
    except DamagedBlob:
        return None
    return blob
