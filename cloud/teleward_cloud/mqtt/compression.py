"""Compression of MQTT messages: zstd with a dictionary that ships in the package.

    first octets   {                JSON as it is
                   28 B5 2F FD      a zstd frame (RFC 8878); its header names the dictionary

A message is read by its first octets, so that compressed and plain ones share a topic and both
protocol versions. A dictionary holds the texts that messages repeat; it is named by its id for as
long as messages may be kept, so a file here is never changed: new ones get a new id.
A frame that is cut off, names an unknown dictionary, or would grow beyond `MOST_BYTES` is refused.
"""

from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from typing import Any

from teleward_signal.errors import Invalid

MAGIC = b"\x28\xb5\x2f\xfd"
MOST_BYTES = 16 * 1024 * 1024
"""Content of one message; the largest that the gateway makes has 96 KiB."""
_LEVEL = 9
"""1 ms a message on a Raspberry Pi; higher levels gain under 2 %."""
_NEWEST = "messages-1.zdict"
_DICTIONARIES = (_NEWEST,)


class Compression(StrEnum):
    """How messages are compressed."""

    NONE = "none"
    ZSTD = "zstd"


class CompressionError(Invalid):
    """A message that cannot be decompressed, with the reason."""


def compress(content: bytes, how: Compression) -> bytes:
    """Return the content as it is sent."""
    if how is Compression.NONE:
        return content
    packed: bytes = _compressor().compress(content)
    return packed


def decompress(message: bytes) -> bytes:
    """Return the content of a message, compressed or not; raises `CompressionError`."""
    if not message.startswith(MAGIC):
        return message
    import zstandard

    try:
        frame = zstandard.get_frame_parameters(message)
    except zstandard.ZstdError as error:
        raise CompressionError(f"no zstd frame: {error}") from error
    size = frame.content_size
    if size in (zstandard.CONTENTSIZE_UNKNOWN, zstandard.CONTENTSIZE_ERROR):
        raise CompressionError("a zstd frame without its size")
    if size > MOST_BYTES:
        raise CompressionError(f"a zstd frame of {size} bytes; {MOST_BYTES} are the most")
    decompressor = _decompressors().get(frame.dict_id)
    if decompressor is None:
        raise CompressionError(f"zstd dictionary {frame.dict_id} is not known: update Teleward")
    try:
        content: bytes = decompressor.decompress(
            message, max_output_size=size, allow_extra_data=False
        )
    except zstandard.ZstdError as error:
        raise CompressionError(f"a damaged zstd frame: {error}") from error
    if len(content) != size:
        raise CompressionError("a zstd frame that was cut off")
    return content


@lru_cache(maxsize=1)
def _compressor() -> Any:
    import zstandard

    dictionary = zstandard.ZstdCompressionDict(_read(_NEWEST))
    return zstandard.ZstdCompressor(level=_LEVEL, dict_data=dictionary, write_checksum=True)


@lru_cache(maxsize=1)
def _decompressors() -> dict[int, Any]:
    """Return what reads frames by the id of their dictionary, 0 for those without one."""
    import zstandard

    found = {0: zstandard.ZstdDecompressor()}
    for name in _DICTIONARIES:
        dictionary = zstandard.ZstdCompressionDict(_read(name))
        found[dictionary.dict_id()] = zstandard.ZstdDecompressor(dict_data=dictionary)
    return found


def _read(name: str) -> bytes:
    return files("teleward_cloud.mqtt").joinpath("dictionaries", name).read_bytes()
