"""Samples in the frames of Polar Measurement Data: whole, or a first sample and differences."""

import numpy as np
from numpy.typing import NDArray

from teleward_drivers.fields import Fields, Malformed

MAX_SAMPLES = 1024
"""No frame can hold more: 255 samples a block and a few blocks in 512 bytes."""


def decode_raw(data: bytes, channels: int, size: int) -> NDArray[np.int32]:
    """Return uncompressed samples, int32, shape (n_samples, n_channels)."""
    width = channels * size
    if not data or len(data) % width:
        raise Malformed("length")
    octets = np.frombuffer(data, np.uint8).reshape(-1, size).astype(np.int64)
    values = (octets << (8 * np.arange(size))).sum(axis=1)
    values -= (values >> (8 * size - 1)) << (8 * size)
    samples: NDArray[np.int32] = values.astype(np.int32).reshape(-1, channels)
    return samples


def decode_compressed(data: bytes, channels: int, resolution: int) -> NDArray[np.int32]:
    """Return delta-compressed samples, int32, shape (n_samples, n_channels)."""
    size = (resolution + 7) // 8
    fields = Fields(data)
    row = [fields.sint(size) for _ in range(channels)]
    rows = [row]
    while fields.left >= 2:
        width, count = fields.uint(1), fields.uint(1)
        if not 1 <= width <= 32 or len(rows) + count > MAX_SAMPLES:
            raise Malformed("block")
        packed = fields.take((width * count * channels + 7) // 8)
        bits = int.from_bytes(packed, "little")
        sign, mask = 1 << (width - 1), (1 << width) - 1
        for _ in range(count):
            row = list(row)
            for channel in range(channels):
                delta = bits & mask
                row[channel] += delta - ((delta & sign) << 1)
                bits >>= width
            rows.append(row)
    values = np.array(rows, np.int64)
    return np.clip(values, -(2**31), 2**31 - 1).astype(np.int32)
