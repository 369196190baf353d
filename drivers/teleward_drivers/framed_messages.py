"""Our framed protocol, the messages: each a dataclass that reads and writes its payload.

What the numbers in a payload mean is in `framed_codes`.

All integers are little endian, floats IEEE 754 binary32. `drivers/PROTOCOL.md` draws each payload.
"""

import struct
from dataclasses import dataclass, field
from enum import IntFlag
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from teleward_drivers.fields import Fields, Malformed
from teleward_drivers.framed import MAX_PAYLOAD, Frame, FrameType
from teleward_drivers.framed_codes import (
    ALL_STREAMS,
    LAST_UTC_MS,
    METRIC_CODES,
    NO_FAULT,
    UNKNOWN,
    Fault,
    Reason,
    Result,
)


def _text(value: str) -> bytes:
    raw = value.encode()[:40]
    return bytes([len(raw)]) + raw


@dataclass(frozen=True, slots=True)
class Hello:
    """Who the device is; sent after power-on and in answer to Identify."""

    type: ClassVar[FrameType] = FrameType.HELLO
    n_streams: int
    capabilities: int = 0
    """Bit 0 set time, 1 set rate, 2 measure on command."""
    maker: str = ""
    model: str = ""
    serial: str = ""
    firmware: str = ""
    version: int = 1

    def __bytes__(self) -> bytes:
        head = struct.pack("<BBH", self.version, self.n_streams, self.capabilities)
        return head + b"".join(map(_text, (self.maker, self.model, self.serial, self.firmware)))

    @classmethod
    def from_bytes(cls, payload: bytes) -> "Hello":
        """Decode a payload."""
        fields = Fields(payload)
        version, n_streams, capabilities = fields.uint(1), fields.uint(1), fields.uint(2)
        maker, model, serial, firmware = (
            fields.take(fields.uint(1)).decode(errors="replace") for _ in range(4)
        )
        return cls(n_streams, capabilities, maker, model, serial, firmware, version)


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel of a stream: physical value = count x scale + offset."""

    metric: int
    scale: float
    offset: float = 0.0


@dataclass(frozen=True, slots=True)
class Stream:
    """What the samples of one stream are; repeated about every 2 s."""

    type: ClassVar[FrameType] = FrameType.STREAM
    stream: int
    fs: float
    channels: tuple[Channel, ...]
    sample_size: int = 2
    """2 (int16) or 4 (int32) bytes."""

    def __bytes__(self) -> bytes:
        head = struct.pack(
            "<BBBBI",
            self.stream,
            self.sample_size,
            len(self.channels),
            0,
            round(self.fs * 1000),
        )
        return head + b"".join(
            struct.pack("<Hff", c.metric, c.scale, c.offset) for c in self.channels
        )

    @classmethod
    def from_bytes(cls, payload: bytes) -> "Stream":
        """Decode a payload."""
        if len(payload) < 8:
            raise Malformed("truncated")
        stream, size, n_channels, _, milli_hz = struct.unpack_from("<BBBBI", payload)
        if size not in (2, 4) or not 1 <= n_channels <= 16 or len(payload) != 8 + 10 * n_channels:
            raise Malformed("stream_description")
        channels = tuple(Channel(*row) for row in struct.iter_unpack("<Hff", payload[8:]))
        if milli_hz == 0 or not all(np.isfinite([c.scale, c.offset]).all() for c in channels):
            raise Malformed("stream_description")
        return cls(stream, milli_hz / 1000, channels, size)


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """A piece of one stream: ``samples`` shape (n_samples, n_channels), int16 or int32.

    ``index`` is the running number of the first sample since start, modulo 2^32.
    """

    type: ClassVar[FrameType] = FrameType.SAMPLES
    stream: int
    index: int
    samples: NDArray[np.int16] | NDArray[np.int32]

    def __bytes__(self) -> bytes:
        head = struct.pack("<BBI", self.stream, len(self.samples), self.index & 0xFFFFFFFF)
        order = self.samples.dtype.newbyteorder("<")
        return head + self.samples.astype(order).tobytes()

    @classmethod
    def from_bytes(cls, payload: bytes, stream: Stream) -> "Samples":
        """Decode a payload with the description of its stream."""
        number, count, index = struct.unpack_from("<BBI", payload)
        n_channels = len(stream.channels)
        if count == 0 or len(payload) != 6 + count * n_channels * stream.sample_size:
            raise Malformed("length")
        shape = (count, n_channels)
        if stream.sample_size == 2:
            short = np.frombuffer(payload, "<i2", offset=6).astype(np.int16)
            return cls(number, index, short.reshape(shape))
        long = np.frombuffer(payload, "<i4", offset=6).astype(np.int32)
        return cls(number, index, long.reshape(shape))


def samples_per_frame(n_channels: int, sample_size: int, payload: int = MAX_PAYLOAD) -> int:
    """Return how many samples of a stream fit into one frame with that much payload."""
    return min(255, (payload - 6) // (n_channels * sample_size))


@dataclass(frozen=True, slots=True)
class Status:
    """Battery and faults; sent on change and at least every 10 s."""

    type: ClassVar[FrameType] = FrameType.STATUS
    battery_percent: int | None = None
    faults: Fault = NO_FAULT

    def __bytes__(self) -> bytes:
        battery = UNKNOWN if self.battery_percent is None else self.battery_percent
        return struct.pack("<BH", battery, self.faults)

    @classmethod
    def from_bytes(cls, payload: bytes) -> "Status":
        """Decode a payload; bits of a later version are dropped."""
        battery, bits = struct.unpack("<BH", payload)
        known = 0
        for fault in Fault:
            known |= bits & fault
        return cls(battery if battery <= 100 else None, Fault(known))


@dataclass(frozen=True, slots=True)
class Numeric:
    """One value, or the reason why there is none; ``quality`` in percent."""

    metric: int
    value: float | None
    quality: int | None = None
    reason: int = Reason.NONE


class NumericsFlag(IntFlag):
    """What the values of one Numerics frame have in common."""

    GROUPED = 1
    STORED = 2
    HAS_UTC = 4


@dataclass(frozen=True, slots=True)
class Numerics:
    """Values of one moment; with ``utc_ms`` when the device knows the time of day."""

    type: ClassVar[FrameType] = FrameType.NUMERICS
    values: tuple[Numeric, ...]
    grouped: bool = False
    stored: bool = False
    utc_ms: int | None = None

    def __bytes__(self) -> bytes:
        flags = NumericsFlag.GROUPED * self.grouped | NumericsFlag.STORED * self.stored
        stamp = b""
        if self.utc_ms is not None:
            flags |= NumericsFlag.HAS_UTC
            stamp = self.utc_ms.to_bytes(8, "little")
        return bytes([flags]) + stamp + b"".join(map(_numeric_bytes, self.values))

    @classmethod
    def from_bytes(cls, payload: bytes) -> "Numerics":
        """Decode a payload."""
        fields = Fields(payload)
        flags = NumericsFlag(fields.uint(1) & 7)
        utc_ms = fields.uint(8) if NumericsFlag.HAS_UTC in flags else None
        if utc_ms is not None and utc_ms > LAST_UTC_MS:
            raise Malformed("device_time")
        if fields.left == 0 or fields.left % 8:
            raise Malformed("length")
        values = []
        for metric, quality, reason, value in struct.iter_unpack("<HBBf", fields.rest()):
            usable = reason == Reason.NONE and bool(np.isfinite(value))
            why = Reason.INVALID if not usable and reason == Reason.NONE else reason
            percent = quality if quality <= 100 else None
            values.append(Numeric(metric, value if usable else None, percent, why))
        grouped, stored = NumericsFlag.GROUPED in flags, NumericsFlag.STORED in flags
        return cls(tuple(values), grouped, stored, utc_ms)


def _numeric_bytes(numeric: Numeric) -> bytes:
    quality = UNKNOWN if numeric.quality is None else numeric.quality
    reason = numeric.reason
    if numeric.value is None and reason == Reason.NONE:
        reason = Reason.INVALID
    return struct.pack("<HBBf", numeric.metric, quality, reason, numeric.value or 0.0)


@dataclass(frozen=True, slots=True)
class Text:
    """A line for a person or a log; severity 0 information, 1 warning, 2 error."""

    type: ClassVar[FrameType] = FrameType.TEXT
    text: str
    severity: int = 0

    def __bytes__(self) -> bytes:
        return bytes([self.severity]) + self.text.encode()[: MAX_PAYLOAD - 1]

    @classmethod
    def from_bytes(cls, payload: bytes) -> "Text":
        """Decode a payload."""
        return cls(payload[1:].decode(errors="replace"), payload[0])


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to one command, named by its type and sequence."""

    type: ClassVar[FrameType] = FrameType.REPLY
    command: int
    sequence: int
    result: int = Result.DONE

    def __bytes__(self) -> bytes:
        return bytes([self.command, self.sequence & 0xFF, self.result])

    @classmethod
    def from_bytes(cls, payload: bytes) -> "Reply":
        """Decode a payload."""
        return cls(*payload)


@dataclass(frozen=True, slots=True)
class Command:
    """An order of the host, made by `identify`, `start` ... `measure`."""

    type: FrameType
    payload: bytes = field(default=b"")

    def __bytes__(self) -> bytes:
        return self.payload


COMMAND_NAMES = {kind.value: kind.name.lower() for kind in FrameType if kind >= 0x80}


def identify() -> Command:
    """Ask for Hello and every Stream; the device also blinks, if it can."""
    return Command(FrameType.IDENTIFY)


def start(stream: int = ALL_STREAMS) -> Command:
    """Have samples sent; starting what already runs is done, not refused."""
    return Command(FrameType.START, bytes([stream]))


def stop(stream: int = ALL_STREAMS) -> Command:
    """Have no more samples sent."""
    return Command(FrameType.STOP, bytes([stream]))


def set_time(utc_ms: int) -> Command:
    """Set the device's time of day, ms since 1970."""
    return Command(FrameType.SET_TIME, utc_ms.to_bytes(8, "little"))


def set_rate(stream: int, fs: float) -> Command:
    """Set the sampling frequency of a stream in Hz."""
    return Command(FrameType.SET_RATE, struct.pack("<BI", stream, round(fs * 1000)))


def measure(metric: str) -> Command:
    """Start one measurement, such as a cuff's."""
    return Command(FrameType.MEASURE, METRIC_CODES[metric].to_bytes(2, "little"))


Message = Hello | Stream | Samples | Status | Numerics | Text | Reply | Command


def frame(message: Message, sequence: int, time_ms: int) -> Frame:
    """Return the frame that carries ``message``."""
    return Frame(message.type, sequence, time_ms, bytes(message))
