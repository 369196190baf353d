"""OpenBCI Cyton: 115200 baud, 8N1, 250 samples/s of eight channels.

    | A0 | counter u8 | 8 x s24 BE | 6 bytes aux | C0..CF |                33 bytes
    uV = count x 4.5 / gain 24 / (2^23 - 1) x 1e6 = count x 0.02235

    host: v resets (the board answers with text that ends in $$$), b starts, s stops

A frame counts when its footer and the header of the next one fit. A jump of the counter is a gap of
as many samples; the counter comes round after 1.024 s, so the time of arrival counts the rounds.
An electrode may stand 300 mV off (IEC 60601-2-27): lead off is a channel at the end of its range.
With a Daisy (16 channels) odd and even frames alternate: not supported. Source: OpenBCI's public
documentation of the data format.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teleward_drivers.arrival import ArrivalWatch
from teleward_drivers.decoder import StreamDecoder
from teleward_drivers.device import (
    Discarded,
    DriverInfo,
    LinkType,
    Output,
    SerialSettings,
    Verification,
    Write,
)
from teleward_drivers.link import Received
from teleward_drivers.options import read_options
from teleward_drivers.resync import Resynchroniser
from teleward_signal.errors import Invalid
from teleward_signal.model import DeviceStatus, SampleBlock
from teleward_signal.vocabulary import METRICS, MetricKind

FS = 250
SIZE = 33
N_CHANNELS = 8
MV_PER_COUNT = 4.5 / 24 / (2**23 - 1) * 1e3
ROUND = 256
"""The counter's range."""
RAIL = 2**23 - 2**13
"""One thousandth below the end of the converter's range: the amplifier is saturated."""
RAIL_SAMPLES = FS // 2
READY = b"$$$"
START_ANYWAY_NS = 4_000_000_000
"""The board's answer to v takes about 2 s over the dongle."""


@dataclass(frozen=True, slots=True)
class CytonFrame:
    """One sample of all channels, in counts."""

    counter: int
    channels: tuple[int, ...]
    aux: bytes = bytes(6)
    kind: int = 0

    @classmethod
    def from_bytes(cls, frame: bytes) -> "CytonFrame":
        """Decode 33 bytes that `probe` accepted."""
        channels = tuple(
            int.from_bytes(frame[at : at + 3], "big", signed=True) for at in range(2, 26, 3)
        )
        return cls(frame[1], channels, frame[26:32], frame[32] & 0x0F)

    def __bytes__(self) -> bytes:
        body = b"".join(count.to_bytes(3, "big", signed=True) for count in self.channels)
        return bytes([0xA0, self.counter]) + body + self.aux + bytes([0xC0 | self.kind])


def probe(buffer: bytearray, at: int) -> int | str:
    """Classify the frame at ``buffer[at]``; a frame needs the header after it."""
    if buffer[at] != 0xA0:
        return "resync"
    if len(buffer) - at >= SIZE and buffer[at + SIZE - 1] & 0xF0 != 0xC0:
        return "footer"
    if len(buffer) - at <= SIZE:
        return 0
    return SIZE if buffer[at + SIZE] == 0xA0 else "footer"


class CytonDecoder(StreamDecoder[Resynchroniser]):
    """Bytes of the stream in, frames out; counts lost samples."""

    def __init__(self) -> None:
        super().__init__(Resynchroniser(probe, SIZE + 1, b"\xa0"))
        self._counter: int | None = None

    def feed(self, data: bytes) -> list[CytonFrame | Discarded]:
        """Take bytes in any pieces; never raises."""
        out: list[CytonFrame | Discarded] = []
        for piece in self._stream.feed(data):
            if isinstance(piece, Discarded):
                out.append(piece)
                continue
            frame = CytonFrame.from_bytes(piece)
            lost = 0 if self._counter is None else (frame.counter - self._counter - 1) & 0xFF
            self.counters.gaps += lost > 0
            self.counters.lost += lost
            self._counter = frame.counter
            out.append(frame)
        return out


class Cyton:
    """The driver; ``channels`` maps a channel (1 to 8) to its metric."""

    def __init__(self, channels: dict[int, str]) -> None:
        self.decoder = CytonDecoder()
        self._channels = channels
        self._tail = b""
        self._running = False
        self._started_ns = 0
        self._counter: int | None = None
        self._index = 0
        self._arrival = ArrivalWatch(FS, ROUND)
        self._at_rail: dict[str, int] = dict.fromkeys(channels.values(), 0)
        self._lead_off = False

    def start(self, now_ns: int) -> Iterable[Output]:
        """Reset the board; it starts when its text has ended."""
        self._started_ns = now_ns
        yield Write(b"v")

    def feed(self, received: Received) -> Iterable[Output]:
        """Take bytes in any pieces."""
        if not self._running:
            self._tail = (self._tail + received.data)[-200:]
            if READY in self._tail:
                yield self._begin()
        frames: list[CytonFrame] = []
        for piece in self.decoder.feed(received.data):
            if isinstance(piece, Discarded):
                yield piece
                continue
            if frames and (frames[-1].counter + 1) & 0xFF != piece.counter:
                yield from self._blocks(frames, received)
                frames = []
            frames.append(piece)
        yield from self._blocks(frames, received)

    def tick(self, now_ns: int) -> Iterable[Output]:
        """Start a silent board."""
        if not self._running and now_ns - self._started_ns >= START_ANYWAY_NS:
            yield self._begin()

    def _begin(self) -> Write:
        self._running = True
        self._tail = b""
        return Write(b"b")

    def _blocks(self, frames: list[CytonFrame], received: Received) -> Iterable[Output]:
        if not frames:
            return
        lost = 0
        if self._counter is not None:
            lost = (frames[0].counter - self._counter - 1) & 0xFF
            self._index += lost
        if lost:
            end = self._index + len(frames)
            self._index += self._arrival.at_once(end, received.monotonic_ns)
        for channel, metric in self._channels.items():
            counts = np.array([frame.channels[channel - 1] for frame in frames], np.int32)
            yield SampleBlock(metric, FS, counts, MV_PER_COUNT, self._index)
            self._watch_rail(metric, counts)
        self._index += len(frames)
        self._index += self._arrival.missing(self._index, received.monotonic_ns)
        self._counter = frames[-1].counter
        lead_off = any(n >= RAIL_SAMPLES for n in self._at_rail.values())
        if lead_off != self._lead_off:
            self._lead_off = lead_off
            yield DeviceStatus(faults=frozenset({"lead_off"} if lead_off else ()))

    def _watch_rail(self, metric: str, counts: NDArray[np.int32]) -> None:
        """Count the samples in a row at the end of the converter's range."""
        inside = np.flatnonzero(np.abs(counts) < RAIL)
        if inside.size:
            self._at_rail[metric] = len(counts) - 1 - int(inside[-1])
        else:
            self._at_rail[metric] += len(counts)


def make(options: dict[str, Any]) -> Cyton:
    """Return a driver."""
    chosen = read_options("cyton", options, {"channels": (dict, {"1": "ecg_i", "2": "ecg_ii"})})
    channels = {}
    for key, metric in chosen["channels"].items():
        if not str(key).isdigit() or not 1 <= int(key) <= N_CHANNELS:
            raise Invalid(f"driver cyton: channels are 1 to 8, not {key!r}")
        if metric not in METRICS or METRICS[metric].kind is not MetricKind.WAVEFORM:
            raise Invalid(f"driver cyton: channel {key}: {metric!r} is not a waveform metric")
        channels[int(key)] = metric
    return Cyton(channels)


DRIVER = DriverInfo(
    name="cyton",
    title="OpenBCI Cyton (eight channels)",
    link=LinkType.SERIAL,
    verification=Verification.SPEC,
    source="OpenBCI's public data format; scale computed",
    make=make,
    metrics=frozenset({"ecg_i", "ecg_ii", "ecg_iii", "ecg_v1", "ecg_v5"}),
    usb_ids=frozenset({"0403:6015"}),
    serial=SerialSettings(115200),
    options={"channels": "metric of each channel used ({1 = ecg_i, 2 = ecg_ii})"},
)
