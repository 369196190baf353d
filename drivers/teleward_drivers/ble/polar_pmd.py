"""Polar Measurement Data: ECG, PPG and acceleration of H10, OH1, Verity Sense.

    fb005c81-02e7-f387-1cad-8acd2d8df0c8  control point: read features, write, indicate
      read    | 0F | feature bits: 0 ECG, 1 PPG, 2 ACC, 3 PPI |
      write   | op: 1 settings, 2 start, 3 stop | stream | settings |
      answer  | F0 | op | stream | status | more u8 | settings |
      setting | id: 0 rate, 1 resolution, 2 range, 4 channels | count u8 | values u16 (4: u8) |
    fb005c82-...                          data: notify
      | stream u8 | time u64 ns of the LAST sample | frame type u8, 80 = compressed | samples |
      ECG type 0: s24 uV each    ACC types 0, 1, 2: 3 x s8, s16, s24 mg    PPG type 0: 4 x s24
      compressed: one whole sample (ceil(resolution / 8) bytes a channel), then blocks of
      | bits u8 | count u8 | differences, packed from the least significant bit on |

Bits are packed least significant first: with a real PPG frame only this order gives a smooth
signal. Order, repeats, gaps and the rate come from the time of each frame (`stamped_stream`):
firmware exists that announces 135 Hz and sends 55. Compressed acceleration is multiplied by the
factor of the settings: type 0 is then in g, type 1 in mg.
Source: Polar BLE SDK; bleakheart; a public capture of a PPG frame.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teleward_drivers.ble.battery import battery_parts
from teleward_drivers.ble.heart_rate import HeartRate
from teleward_drivers.ble.polar_samples import decode_compressed, decode_raw
from teleward_drivers.device import (
    Discarded,
    DriverInfo,
    LinkType,
    Output,
    Request,
    Subscribe,
    Verification,
    Write,
)
from teleward_drivers.fields import Fields, Malformed
from teleward_drivers.gatt import GattDriver, Part
from teleward_drivers.link import Received
from teleward_drivers.options import read_options
from teleward_drivers.stamped_stream import Piece, StampedStream
from teleward_signal.errors import Invalid
from teleward_signal.model import DeviceStatus, SampleBlock

SERVICE = "fb005c80-02e7-f387-1cad-8acd2d8df0c8"
CONTROL = "fb005c81-02e7-f387-1cad-8acd2d8df0c8"
DATA = "fb005c82-02e7-f387-1cad-8acd2d8df0c8"
HEADER = 10
COMPRESSED = 0x80


class Stream(IntEnum):
    """What can be streamed."""

    ECG = 0
    PPG = 1
    ACC = 2


class Op(IntEnum):
    """What the control point does."""

    SETTINGS = 1
    START = 2
    STOP = 3


class Setting(IntEnum):
    """What can be set."""

    RATE = 0
    RESOLUTION = 1
    RANGE = 2
    RANGE_MILLI = 3
    CHANNELS = 4
    FACTOR = 5


_VALUE_SIZE = {Setting.CHANNELS: 1, Setting.RANGE_MILLI: 4, Setting.FACTOR: 4}
ALREADY_STREAMING = 6
_STATUS = (
    "ok bad_op bad_stream not_supported bad_length bad_parameter already_streaming "
    "bad_resolution bad_rate bad_range bad_mtu bad_channels bad_state in_charger"
)
STATUS_NAMES = dict(enumerate(_STATUS.split()))
MS2_PER_MG = 9.80665e-3
MAX_FACTOR = 1000.0
WAIT_NS = 3_000_000_000
"""A frame that waited so long goes without the one before it: frames come every 0.3 to 1 s."""
Settings = Mapping[int, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class StreamFormat:
    """How the samples of one stream are read."""

    metrics: tuple[str, ...]
    scale: float
    channels: int
    frame_types: dict[int, int]
    """Bytes of an uncompressed sample by frame type; the first type is what devices send."""
    fs: float
    resolution: int


FORMATS: dict[int, StreamFormat] = {
    Stream.ECG: StreamFormat(("ecg_i",), 1e-3, 1, {0: 3}, 130, 14),
    Stream.PPG: StreamFormat(("pleth",), 1.0, 4, {0: 3}, 55, 22),
    Stream.ACC: StreamFormat(
        ("acceleration_x", "acceleration_y", "acceleration_z"),
        MS2_PER_MG,
        3,
        {1: 2, 0: 1, 2: 3},
        50,
        16,
    ),
}
"""Rates are preferences; the device's settings decide. Of PPG the first LED is published."""


def settings_bytes(settings: Settings) -> bytes:
    """Return ``settings`` as they travel."""
    out = b""
    for kind, values in settings.items():
        size = _VALUE_SIZE.get(Setting(kind), 2)
        out += bytes([kind, len(values)]) + b"".join(v.to_bytes(size, "little") for v in values)
    return out


def parse_settings(data: bytes) -> Settings:
    """Read settings; one that this version does not know ends the reading."""
    fields, settings = Fields(data), dict[int, tuple[int, ...]]()
    while fields.left >= 2:
        kind, count = fields.uint(1), fields.uint(1)
        if kind not in Setting.__members__.values():
            break
        size = _VALUE_SIZE.get(Setting(kind), 2)
        settings[kind] = tuple(fields.uint(size) for _ in range(count))
    return settings


@dataclass(frozen=True, slots=True)
class ControlRequest:
    """What the host writes."""

    op: int
    stream: int
    settings: Settings = field(default_factory=dict)

    @classmethod
    def from_bytes(cls, data: bytes) -> "ControlRequest":
        """Decode a value (for simulated devices)."""
        fields = Fields(data)
        return cls(fields.uint(1), fields.uint(1), parse_settings(fields.rest()))

    def __bytes__(self) -> bytes:
        return bytes([self.op, self.stream]) + settings_bytes(self.settings)


@dataclass(frozen=True, slots=True)
class ControlReply:
    """What the device indicates."""

    op: int
    stream: int
    status: int = 0
    settings: Settings = field(default_factory=dict)

    @classmethod
    def from_bytes(cls, data: bytes) -> "ControlReply":
        """Decode a value."""
        fields = Fields(data)
        if fields.uint(1) != 0xF0:
            raise Malformed("not_a_reply")
        op, stream, status = fields.uint(1), fields.uint(1), fields.uint(1)
        if fields.left:
            fields.take(1)
        return cls(op, stream, status, parse_settings(fields.rest()))

    def __bytes__(self) -> bytes:
        head = bytes([0xF0, self.op, self.stream, self.status, 0])
        return head + settings_bytes(self.settings)


def feature_bytes(streams: Iterable[int]) -> bytes:
    """Return what a device with ``streams`` answers to a read (for simulated devices)."""
    return bytes([0x0F, sum(1 << stream for stream in streams)]).ljust(17, b"\0")


def data_frame(
    stream: int, time_ns: int, samples: Sequence[Sequence[int]], frame_type: int | None = None
) -> bytes:
    """Return an uncompressed frame of ``samples``, shape (n_samples, n_channels)."""
    sizes = FORMATS[stream].frame_types
    kind = next(iter(sizes)) if frame_type is None else frame_type
    size = sizes[kind & 0x7F]
    body = b"".join(v.to_bytes(size, "little", signed=True) for row in samples for v in row)
    return struct.pack("<BQB", stream, time_ns, kind) + body


class PolarPmd(Part):
    """The service as a part of a driver: reads features, asks for settings, starts streams."""

    def __init__(self, streams: Iterable[Stream], ecg_metric: str) -> None:
        super().__init__()
        self._wanted = tuple(streams)
        self._ecg_metric = ecg_metric
        self._rates: dict[int, float] = {}
        self._resolution: dict[int, int] = {}
        self._channels: dict[int, int] = {}
        self._factor: dict[int, float] = {}
        self._streams: dict[int, StampedStream] = {}
        self._scales: dict[int, float] = {}
        self._received_ns: dict[int, int] = {}
        self._stated_rate: dict[int, float] = {}
        self.handlers = {CONTROL: self._control, DATA: self._data}

    def start(self, now_ns: int) -> Iterable[Output]:
        """Subscribe (the device wants indications on before a write), then read the features."""
        yield Subscribe(CONTROL)
        yield Subscribe(DATA)
        yield Request(CONTROL)

    def tick(self, now_ns: int) -> Iterable[Output]:
        """Give what waits for a frame that does not come."""
        for stream, received_ns in self._received_ns.items():
            if now_ns - received_ns >= WAIT_NS:
                yield from self._blocks(stream, self._streams[stream].flush())

    def end(self) -> Iterable[Output]:
        """Return what waited when the link ended."""
        for stream, state in self._streams.items():
            yield from self._blocks(stream, state.flush())

    def _control(self, received: Received) -> Iterable[Output]:
        data = received.data
        if len(data) >= 2 and data[0] == 0x0F:
            for stream in self._wanted:
                if data[1] >> stream & 1:
                    yield Write(bytes(ControlRequest(Op.SETTINGS, stream)), CONTROL)
            return
        reply = ControlReply.from_bytes(data)
        if reply.status not in (0, ALREADY_STREAMING):
            name = STATUS_NAMES.get(reply.status, str(reply.status))
            yield DeviceStatus(identity={"refused": f"stream {reply.stream}: {name}"})
        elif reply.op in (Op.SETTINGS, Op.START) and reply.stream in FORMATS:
            self._learn_factor(reply)
            if reply.op == Op.SETTINGS:
                chosen = self._choose(reply.stream, reply.settings)
                yield Write(bytes(ControlRequest(Op.START, reply.stream, chosen)), CONTROL)

    def _learn_factor(self, reply: ControlReply) -> None:
        """Keep the factor of compressed samples, which the device states in either answer."""
        for bits in reply.settings.get(Setting.FACTOR, ())[:1]:
            (factor,) = struct.unpack("<f", bits.to_bytes(4, "little"))
            if 0 < factor < MAX_FACTOR:
                self._factor[reply.stream] = factor

    def _choose(self, stream: int, offered: Settings) -> Settings:
        """Return one value of each setting: the preferred rate if offered, else the first."""
        preferred = round(FORMATS[stream].fs)
        chosen: dict[int, tuple[int, ...]] = {}
        for kind, values in offered.items():
            if values and kind != Setting.FACTOR:
                has_rate = kind == Setting.RATE and preferred in values
                chosen[kind] = (preferred if has_rate else values[0],)
        shape = FORMATS[stream]
        self._rates[stream] = float(chosen.get(Setting.RATE, (preferred,))[0] or preferred)
        self._resolution[stream] = chosen.get(Setting.RESOLUTION, (shape.resolution,))[0]
        self._channels[stream] = chosen.get(Setting.CHANNELS, (shape.channels,))[0]
        return chosen

    def _data(self, received: Received) -> Iterable[Output]:
        data = received.data
        if len(data) <= HEADER:
            raise Malformed("truncated")
        stream, last_ns, kind = struct.unpack_from("<BQB", data)
        samples, self._scales[stream] = self._decode(stream, kind, data[HEADER:])
        state = self._streams.get(stream)
        if state is None:
            announced = self._rates.get(stream)
            rate = announced or FORMATS[stream].fs
            state = self._streams[stream] = StampedStream(rate, confirm=announced is not None)
        self._received_ns[stream] = received.time_ns
        ready = state.take(last_ns, samples)
        if isinstance(ready, str):
            yield Discarded(len(data), ready)
            return
        yield from self._rate_status(stream, state)
        yield from self._blocks(stream, ready)

    def _decode(self, stream: int, kind: int, body: bytes) -> tuple[NDArray[np.int32], float]:
        """Return the samples of a frame, int32, shape (n_samples, n_channels), and their scale."""
        shape = FORMATS.get(stream)
        if shape is None or kind & 0x7F not in shape.frame_types:
            raise Malformed("frame_type")
        channels = max(1, min(16, self._channels.get(stream, shape.channels)))
        if not kind & COMPRESSED:
            return decode_raw(body, channels, shape.frame_types[kind]), shape.scale
        resolution = max(8, min(32, self._resolution.get(stream, shape.resolution)))
        samples = decode_compressed(body, channels, resolution)
        factor = self._factor.get(stream)
        if stream != Stream.ACC:
            return samples, shape.scale * (factor or 1.0)
        if kind & 0x7F == 0:  # in g, where type 1 is in mg
            if factor is None:
                raise Malformed("no_factor")
            factor *= 1000
        return samples, shape.scale * (factor or 1.0)

    def _rate_status(self, stream: int, state: StampedStream) -> Iterable[Output]:
        """Report once when the stamps show another rate than the device announced."""
        if state.fs in (state.announced, self._stated_rate.get(stream)) or not state.settled:
            return
        self._stated_rate[stream] = state.fs
        text = f"stream {stream}: {state.fs:.1f} Hz, announced {state.announced:g} Hz"
        yield DeviceStatus(identity={"rate": text})

    def _blocks(self, stream: int, pieces: Iterable[Piece]) -> Iterable[Output]:
        shape = FORMATS[stream]
        metrics = (self._ecg_metric,) if stream == Stream.ECG else shape.metrics
        for piece in pieces:
            for column, metric in enumerate(metrics[: piece.samples.shape[1]]):
                yield SampleBlock(
                    metric,
                    self._streams[stream].fs,
                    piece.samples[:, column].copy(),
                    self._scales[stream],
                    piece.index,
                    device_time_ns=piece.first_ns,
                )


OPTIONS = {"ecg": (bool, True), "ppg": (bool, True), "acc": (bool, False), "lead": (str, "ecg_i")}


def make(options: dict[str, Any]) -> GattDriver:
    """Return a driver."""
    chosen = read_options("polar-pmd", options, OPTIONS)
    if chosen["lead"] not in ("ecg_i", "ecg_ii", "ecg_iii", "ecg_v1", "ecg_v5"):
        raise Invalid(f"driver polar-pmd: lead must be an ECG metric, not {chosen['lead']!r}")
    streams = [stream for stream in Stream if chosen[stream.name.lower()]]
    return GattDriver([PolarPmd(streams, chosen["lead"]), HeartRate(), *battery_parts()])


DRIVER = DriverInfo(
    name="polar-pmd",
    title="Polar H10, OH1, Verity Sense: ECG, PPG, acceleration",
    link=LinkType.BLE,
    verification=Verification.CAPTURE,
    source="public capture of a PPG frame; Polar BLE SDK for ECG, ACC and commands",
    make=make,
    metrics=frozenset({"heart_rate", "rr_interval"}).union(
        *(shape.metrics for shape in FORMATS.values())
    ),
    services=frozenset({SERVICE}),
    names=("Polar H10", "Polar OH1", "Polar Sense", "Polar Verity"),
    options={
        "ecg": "stream the ECG (true)",
        "ppg": "stream the optical signal (true)",
        "acc": "stream the acceleration (false)",
        "lead": "which lead the strap stands for (ecg_i)",
    },
)
