"""Contec CMS50D+ (firmware 4.6 and later), CMS50E v7, CMS60C: 115200 baud, 8N1, 60 frames/s.

    host    | 7D | 81 | op | 80 80 80 80 80 80 |        op: A1 start live, A2 stop, A6 read memory,
                                                        A7 stop memory, AF keep alive (each 5 s);
                                                        AE erases the memory: never sent
    device  | type | high bits | 7 bytes, bit 7 set |   bit 7 of the type is clear, of all others
                                                        set; bit i of "high bits" is that of byte i

    type 01, live:  | signal 0-3, 10 long search, 40 beep, 80 finger out |
                    | pleth 0-6, 80 searching | bar 0-3, 10 no perfusion index |
                    | pulse rate, FF none | SpO2, 7F none | perfusion index u16 x 0.01 % |
    type 0F, memory: 3 x | SpO2 | pulse rate |          one a second
    other types: replies of 2 to 9 bytes

There is no checksum: a frame counts when exactly its length lies between its type byte and the
next type byte, so a lost or doubled byte is always seen. Live data stop about 30 s after A1, which
is therefore repeated. Source: the maker's "Communication protocol of pulse oximeter V7.0" (in
InfantLab/Contec-Pulse-Oximeter-in-Matlab), captures (headrotor) and public drivers.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from teleward_drivers.decoder import FrameByFrame
from teleward_drivers.device import (
    Discarded,
    DriverInfo,
    LinkType,
    Output,
    SerialSettings,
    Verification,
    Write,
)
from teleward_drivers.fields import Malformed
from teleward_drivers.link import Received
from teleward_drivers.options import no_options
from teleward_drivers.oximeter_stream import OximeterStream, Reading
from teleward_drivers.plausible import measurement
from teleward_drivers.resync import Resynchroniser
from teleward_signal.errors import Invalid

FS = 60
SIZE = 9
START, STOP, READ_MEMORY, STOP_MEMORY, KEEP_ALIVE = 0xA1, 0xA2, 0xA6, 0xA7, 0xAF
NO_PULSE, NO_SPO2 = 0xFF, 0x7F
MOST_INDEX = 2200
"""22.00 %: the greatest perfusion index that the maker calls valid."""
REPEAT_NS = 15_000_000_000
"""Half of the 30 s after which the device stops by itself."""
WEAK_SIGNAL = 2
"""Captures of a good finger show a strength of 5; the scale (0 to 15) is not documented."""


def host_command(op: int) -> bytes:
    """Return a command of the host."""
    return bytes([0x7D, 0x81, op]) + b"\x80" * 6


def parse_host_command(data: bytes) -> int:
    """Return the op of a command (for simulated devices)."""
    if len(data) != SIZE or data[:2] != b"\x7d\x81":
        raise Malformed("not_a_command")
    return data[2]


def pack(kind: int, payload: bytes) -> bytes:
    """Return a frame of ``kind`` with 1 to 7 bytes of payload."""
    high = sum((byte >> 7) << i for i, byte in enumerate(payload))
    return bytes([kind, 0x80 | high]) + bytes(byte | 0x80 for byte in payload)


def unpack(frame: bytes) -> bytes:
    """Return the payload of a frame."""
    high = frame[1]
    return bytes(byte & 0x7F | (high >> i & 1) << 7 for i, byte in enumerate(frame[2:]))


@dataclass(frozen=True, slots=True)
class Live:
    """One live frame; a number that is missing is ``None``."""

    kind: ClassVar[int] = 0x01
    pleth: int
    pulse_rate: int | None
    spo2: int | None
    perfusion_index: float | None = None
    signal: int = 5
    bar: int = 0
    beep: bool = False
    finger_out: bool = False
    searching: bool = False
    long_search: bool = False

    @classmethod
    def from_bytes(cls, frame: bytes) -> "Live":
        """Decode a frame of nine bytes."""
        state, pleth, bar, pulse, spo2, low, high = unpack(frame)
        index = low | high << 8
        return cls(
            pleth=pleth & 0x7F,
            pulse_rate=None if pulse in (0, NO_PULSE) else pulse,
            spo2=None if spo2 in (0, NO_SPO2) else spo2,
            perfusion_index=None if bar & 0x10 or not 0 < index <= MOST_INDEX else index / 100,
            signal=state & 0x0F,
            bar=bar & 0x0F,
            beep=bool(state & 0x40),
            finger_out=bool(state & 0x80),
            searching=bool(pleth & 0x80),
            long_search=bool(state & 0x10),
        )

    def __bytes__(self) -> bytes:
        state = self.signal | 0x10 * self.long_search | 0x40 * self.beep | 0x80 * self.finger_out
        no_index = self.perfusion_index is None
        index = 0xFFFF if self.perfusion_index is None else round(self.perfusion_index * 100)
        payload = [
            state,
            self.pleth | 0x80 * self.searching,
            self.bar | 0x10 * no_index,
            NO_PULSE if self.pulse_rate is None else self.pulse_rate,
            NO_SPO2 if self.spo2 is None else self.spo2,
            index & 0xFF,
            index >> 8,
        ]
        return pack(self.kind, bytes(payload))

    def reading(self) -> Reading:
        """Return the patient values of the frame."""
        if self.finger_out:
            return Reading(reason="probe_off", faults=frozenset({"probe_off"}))
        if self.searching or self.long_search:
            return Reading(pleth=self.pleth, reason="searching", quality=0.0)
        quality = 0.5 if self.signal <= WEAK_SIGNAL else None
        return Reading(self.spo2, self.pulse_rate, self.perfusion_index, self.pleth, None, quality)


@dataclass(frozen=True, slots=True)
class Memory:
    """One frame of the memory: three seconds of (SpO2, pulse rate)."""

    kind: ClassVar[int] = 0x0F
    seconds: tuple[tuple[int | None, int | None], ...]

    @classmethod
    def from_bytes(cls, frame: bytes) -> "Memory":
        """Decode a frame of up to nine bytes."""
        payload = unpack(frame)
        return cls(
            tuple(
                (
                    None if spo2 in (0, NO_SPO2) else spo2,
                    None if pulse in (0, NO_PULSE) else pulse,
                )
                for spo2, pulse in zip(payload[0:6:2], payload[1:6:2], strict=False)
            )
        )

    def __bytes__(self) -> bytes:
        payload = b"".join(
            bytes([NO_SPO2 if s is None else s, NO_PULSE if p is None else p])
            for s, p in self.seconds
        )
        return pack(self.kind, payload.ljust(7, b"\0"))


@dataclass(frozen=True, slots=True)
class Reply:
    """Any other frame: an answer that this driver does not need."""

    kind: int
    payload: bytes


LENGTHS = {Live.kind: SIZE, Memory.kind: SIZE}
LAST_KIND = 0x10
"""Public drivers know of types up to this one; others are garbage."""


def probe(buffer: bytearray, at: int) -> int | str:
    """Classify the frame at ``buffer[at]``; a frame needs the type byte after it."""
    kind = buffer[at]
    if kind > LAST_KIND or kind == 0:
        return "resync"
    end = at + 1
    last = min(len(buffer), at + SIZE + 1)
    while end < last and buffer[end] & 0x80:
        end += 1
    if end == last:
        return 0 if end - at <= SIZE else "length"
    return end - at if end - at >= 2 and LENGTHS.get(kind, end - at) == end - at else "length"


class Cms50dDecoder(FrameByFrame[Live | Memory | Reply]):
    """Bytes of the stream in, frames out."""

    def __init__(self) -> None:
        super().__init__(Resynchroniser(probe, SIZE + 1), _frame)


def _frame(data: bytes) -> Live | Memory | Reply:
    if data[0] == Live.kind:
        return Live.from_bytes(data)
    if data[0] == Memory.kind:
        return Memory.from_bytes(data)
    return Reply(data[0], unpack(data))


class Cms50d:
    """The driver."""

    def __init__(self) -> None:
        self.decoder = Cms50dDecoder()
        self._oximeter = OximeterStream(FS, SIZE, 1 / 127)
        self._asked_ns = 0
        self._memory_ns: int | None = None

    def start(self, now_ns: int) -> Iterable[Output]:
        """Ask for live data."""
        self._asked_ns = now_ns
        yield Write(host_command(START))

    def feed(self, received: Received) -> Iterable[Output]:
        """Take bytes in any pieces."""
        live: list[Reading | Discarded] = []
        for piece in self.decoder.feed(received.data):
            if isinstance(piece, Live):
                live.append(piece.reading())
            elif isinstance(piece, Discarded):
                live.append(piece)
            elif isinstance(piece, Memory):
                yield from self._stored(piece)
        yield from self._oximeter.take(live, received.time_ns, received.monotonic_ns)

    def tick(self, now_ns: int) -> Iterable[Output]:
        """Ask again before the device stops."""
        if now_ns - self._asked_ns >= REPEAT_NS:
            self._asked_ns = now_ns
            yield Write(host_command(START))
        yield from self._oximeter.tick(now_ns)

    def command(self, name: str, **arguments: Any) -> Iterable[Output]:
        """``read_memory`` with ``started_ns``, when the recording began, UTC; erases nothing."""
        if name != "read_memory" or not isinstance(arguments.get("started_ns"), int):
            raise Invalid("driver cms50d: the only command is read_memory(started_ns=...)")
        self._memory_ns = arguments["started_ns"]
        return [Write(host_command(READ_MEMORY))]

    def _stored(self, memory: Memory) -> Iterable[Output]:
        if self._memory_ns is None:
            yield Discarded(SIZE, "memory_not_asked_for")
            return
        for spo2, pulse in memory.seconds:
            for metric, value in (("spo2", spo2), ("pulse_rate", pulse)):
                yield measurement(metric, value, device_time_ns=self._memory_ns, stored=True)
            self._memory_ns += 1_000_000_000


DRIVER = DriverInfo(
    name="cms50d",
    title="Contec CMS50D+ and CMS50E pulse oximeter (protocol 4.6)",
    link=LinkType.SERIAL,
    verification=Verification.CAPTURE,
    source="public captures of a CMS50D+ fw 4.6 (headrotor), checked bit by bit",
    make=no_options("cms50d", Cms50d),
    metrics=frozenset({"spo2", "pulse_rate", "perfusion_index", "pleth"}),
    usb_ids=frozenset({"10c4:ea60"}),
    serial=SerialSettings(115200),
    commands=frozenset({"read_memory"}),
)
