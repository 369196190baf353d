"""Our framed protocol, the frame: one layout both ways, over serial and Nordic UART.

    offset  0     1     2       3     4         5..8           9..8+length   then
          | A5  | 5A  | length| type| sequence| time_ms u32 LE | payload ... | crc16 LE |

length    bytes of payload, 0..240
sequence  counts the sender's frames modulo 256, so a lost frame is seen
time_ms   the sender's clock in ms, wraps after 49.7 days: for samples, of the first of them
crc16     CRC-16/CCITT-FALSE over length..payload

Recovery: header, length against the type's table and CRC must all fit, else one byte is skipped.
`drivers/PROTOCOL.md` draws every message; `firmware_stubs` holds the same in C99.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum

from teleward_drivers.crc import crc16_ccitt
from teleward_drivers.decoder import StreamDecoder
from teleward_drivers.device import Discarded
from teleward_drivers.resync import Resynchroniser

SYNC = b"\xa5\x5a"
HEADER_SIZE = 9
OVERHEAD = HEADER_SIZE + 2
MAX_PAYLOAD = 240
"""Keeps a whole frame (251 bytes) within one notification at the common MTU of 255 and more."""
MAX_FRAME = OVERHEAD + MAX_PAYLOAD
MAX_COMMAND_PAYLOAD = 16
"""A device may refuse longer commands: what an ATmega328P can spare."""


class FrameType(IntEnum):
    """What a frame carries; 0x80 and up travel from host to device."""

    HELLO = 0x01
    STREAM = 0x02
    SAMPLES = 0x03
    STATUS = 0x04
    NUMERICS = 0x05
    TEXT = 0x06
    REPLY = 0x07
    IDENTIFY = 0x81
    START = 0x82
    STOP = 0x83
    SET_TIME = 0x84
    SET_RATE = 0x85
    MEASURE = 0x86


PAYLOAD_LIMITS: dict[int, tuple[int, int]] = {
    FrameType.HELLO: (8, MAX_PAYLOAD),
    FrameType.STREAM: (18, 168),
    FrameType.SAMPLES: (8, MAX_PAYLOAD),
    FrameType.STATUS: (3, 3),
    FrameType.NUMERICS: (9, MAX_PAYLOAD),
    FrameType.TEXT: (1, MAX_PAYLOAD),
    FrameType.REPLY: (3, 3),
    FrameType.IDENTIFY: (0, 0),
    FrameType.START: (1, 1),
    FrameType.STOP: (1, 1),
    FrameType.SET_TIME: (8, 8),
    FrameType.SET_RATE: (5, 5),
    FrameType.MEASURE: (2, 2),
}
"""Least and greatest payload of each type; a header outside of it is not a frame. A type that is
not in the table is of a later version: its frame is checked, counted and passed over."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame; ``type`` is an int so that a later version's types survive."""

    type: int
    sequence: int
    time_ms: int
    payload: bytes = b""

    def __post_init__(self) -> None:
        if len(self.payload) > MAX_PAYLOAD:
            raise ValueError(f"payload of {len(self.payload)} bytes exceeds {MAX_PAYLOAD}")

    def __bytes__(self) -> bytes:
        body = (
            struct.pack(
                "<BBBI",
                len(self.payload),
                self.type,
                self.sequence & 0xFF,
                self.time_ms & 0xFFFFFFFF,
            )
            + self.payload
        )
        return SYNC + body + crc16_ccitt(body).to_bytes(2, "little")

    @classmethod
    def from_bytes(cls, data: bytes) -> "Frame":
        """Decode one whole frame that was checked by `probe`."""
        kind, sequence, time_ms = struct.unpack_from("<BBI", data, 3)
        return cls(kind, sequence, time_ms, data[HEADER_SIZE:-2])


def probe(buffer: bytearray, at: int) -> int | str:
    """Classify the frame at ``buffer[at]`` (see `teleward_drivers.resync.Probe`)."""
    if len(buffer) - at < 4:
        return 0
    length, kind = buffer[at + 2], buffer[at + 3]
    low, high = PAYLOAD_LIMITS.get(kind, (0, MAX_PAYLOAD))
    if not low <= length <= high:
        return "length"
    end = at + OVERHEAD + length
    if len(buffer) < end:
        return 0
    crc = buffer[end - 2] | buffer[end - 1] << 8
    return end - at if crc16_ccitt(buffer[at + 2 : end - 2]) == crc else "checksum"


class FrameDecoder(StreamDecoder[Resynchroniser]):
    """Bytes of a stream in, frames and what was skipped out; counts lost frames."""

    def __init__(self) -> None:
        super().__init__(Resynchroniser(probe, MAX_FRAME, SYNC))
        self._sequence: int | None = None
        self._last = b""

    def feed(self, data: bytes) -> list[Frame | Discarded]:
        """Take bytes in any pieces; never raises."""
        out: list[Frame | Discarded] = []
        for piece in self._stream.feed(data):
            if isinstance(piece, Discarded):
                out.append(piece)
                continue
            if piece == self._last:
                self.counters.frames -= 1
                out.append(Discarded(len(piece), "duplicate"))
                continue
            self._last = piece
            frame = Frame.from_bytes(piece)
            self._count(frame.sequence)
            out.append(frame)
        return out

    def reset(self) -> Discarded | None:
        """Forget a half frame and the sequence, after a silence."""
        self._sequence = None
        return self._stream.reset()

    def _count(self, sequence: int) -> None:
        if self._sequence is not None:
            lost = (sequence - self._sequence - 1) & 0xFF
            if lost:
                self.counters.gaps += 1
                self.counters.lost += lost
        self._sequence = sequence
