"""Waveform samples in a frame: delta, zig-zag, byte planes, run-length and Huffman (zlib).

    samples        12  14  13  13 ...       int16 or int32, as the device counts
    differences    12   2  -1   0 ...       modulo 2^16 or 2^32: always reversible
    zig-zag        24   4   1   0 ...       small numbers of either sign become small
    byte planes    low bytes of all samples, then the next bytes: the high planes are zeros

Z_RLE with Huffman codes suits what is left, noise and long runs of zeros: 245 bytes for 500 noisy
ECG samples against 409 for plain differences at zlib level 6, at a fifth of the time (measured).
Streams are compressed eight together, so that a query unpacks an eighth of a ward.
"""

import struct
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

GROUP = 8
_PART = struct.Struct("<BI")  # bytes a sample (0: opaque bytes), length in samples (or bytes)
_SIZE = struct.Struct("<I")
_WORD = {2: "<u2", 4: "<u4"}


def pack_samples(parts: Sequence[tuple[bytes, int]]) -> bytes:
    """Pack ``(samples, width)``: little-endian integers of ``width`` 2 or 4 bytes, 0 for opaque."""
    directory = bytearray(_SIZE.pack(len(parts)))
    for data, width in parts:
        directory += _PART.pack(width, len(data) // max(1, width))
    groups = [
        _deflate(b"".join(_planes(data, width) for data, width in parts[first : first + GROUP]))
        for first in range(0, len(parts), GROUP)
    ]
    sizes = b"".join(_SIZE.pack(len(group)) for group in groups)
    return bytes(directory) + sizes + b"".join(groups)


def unpack_samples(packed: bytes, wanted: Sequence[int] | None = None) -> dict[int, bytes]:
    """Return the samples by part number, of all parts or of those ``wanted``."""
    count = _SIZE.unpack_from(packed)[0]
    parts = [_PART.unpack_from(packed, 4 + i * _PART.size) for i in range(count)]
    n_groups = -(-count // GROUP)
    sizes_at = 4 + count * _PART.size
    position = sizes_at + n_groups * _SIZE.size
    needed = set(range(count) if wanted is None else wanted)
    found: dict[int, bytes] = {}
    for group in range(n_groups):
        size = _SIZE.unpack_from(packed, sizes_at + group * _SIZE.size)[0]
        first = group * GROUP
        members = range(first, min(first + GROUP, count))
        if needed.intersection(members):
            raw = zlib.decompress(packed[position : position + size], -zlib.MAX_WBITS)
            offset = 0
            for part in members:
                width, length = parts[part]
                n_bytes = length * max(1, width)
                if part in needed:
                    found[part] = _samples(raw[offset : offset + n_bytes], width)
                offset += n_bytes
        position += size
    return found


def _deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS, 9, zlib.Z_RLE)
    return packer.compress(data) + packer.flush()


def _planes(data: bytes, width: int) -> bytes:
    if width not in _WORD:
        return data
    words: NDArray[np.unsignedinteger] = np.frombuffer(data, _WORD[width])
    differences = np.diff(words, prepend=words.dtype.type(0)).astype(_WORD[width])
    sign = (differences >> (8 * width - 1)).astype(bool)
    zigzag = np.where(sign, ~(differences << 1), differences << 1).astype(_WORD[width])
    return zigzag.view(np.uint8).reshape(-1, width).T.tobytes()


def _samples(planes: bytes, width: int) -> bytes:
    if width not in _WORD:
        return planes
    zigzag = np.frombuffer(planes, np.uint8).reshape(width, -1).T.copy().view(_WORD[width]).ravel()
    differences = np.where(zigzag & 1, ~(zigzag >> 1), zigzag >> 1).astype(_WORD[width])
    return np.cumsum(differences, dtype=_WORD[width]).tobytes()
