"""Our framed protocol, the driver: shared by Nordic UART and serial.

start ----> identify, set_time, start
hello ----> DeviceStatus(identity)          no hello within 3 s: identify again
stream ---> remembered; samples of an undescribed stream are discarded and identify is sent
samples --> one SampleBlock a channel
silence --> 5 s after start or the last sample of a running stream: start again
"""

from collections.abc import Callable, Iterable
from typing import Any

from teleward_drivers import framed_codes as codes
from teleward_drivers import framed_messages as messages
from teleward_drivers.device import Discarded, Output, Write
from teleward_drivers.fields import Malformed
from teleward_drivers.framed import Frame, FrameDecoder, FrameType
from teleward_drivers.link import Received
from teleward_drivers.plausible import measurement
from teleward_signal.calibration import Calibration
from teleward_signal.errors import Invalid
from teleward_signal.model import DeviceStatus, SampleBlock
from teleward_signal.vocabulary import METRICS, MetricKind

ASK_AGAIN_NS = 3_000_000_000
"""An Arduino needs about 2 s from reset to its first line."""
START_AGAIN_NS = 5_000_000_000
"""Well within the 10 s after which the session gives the link up."""
VALID_S = {"nibp_systolic": 3600.0, "nibp_diastolic": 3600.0, "nibp_mean": 3600.0}
VALID_S |= {"body_temperature": 600.0, "glucose": 3600.0, "body_weight": 86400.0}
VALID_S |= {"urine_volume": 7200.0, "drain_volume": 7200.0}
VALID_S |= {"body_height": 86400.0, "body_fat": 86400.0}
STALE_NS = 6_000_000_000
"""A second after a vital sign of five seconds' validity has run out."""
WRAP = 1 << 32
COMMANDS = frozenset({"identify", "start", "stop", "set_time", "set_rate", "measure"})


class Unwrap:
    """Continue a 32-bit counter beyond 2^32."""

    def __init__(self) -> None:
        self._last: int | None = None

    def __call__(self, raw: int) -> int:
        """Return the continued value nearest to the last one."""
        if self._last is None:
            self._last = raw
        else:
            step = (raw - self._last) % WRAP
            step -= WRAP if step >= WRAP // 2 else 0
            # a counter that restarts near zero is a restart of the device, not a step back
            self._last = self._last + step if self._last + step >= 0 else raw
        return self._last


class FramedDriver:
    """Speaks our framed protocol; ``write`` wraps a frame's bytes for the link.

    ``calibration`` is the curve of the device's sensor for SpO2 from raw light.
    """

    def __init__(
        self, write: Callable[[bytes], Write], calibration: Calibration | None = None
    ) -> None:
        self.decoder = FrameDecoder()
        self._write = write
        self._calibration = calibration
        self._sequence = 0
        self._streams: dict[int, messages.Stream] = {}
        self._clock = Unwrap()
        self._indices: dict[int, Unwrap] = {}
        self._now_ns = 0
        self._asked_ns = 0
        self._samples_ns = 0
        self._running = True
        self._hello: messages.Hello | None = None
        self._faults: frozenset[str] = frozenset()
        self._shown: dict[str, int] = {}

    def start(self, now_ns: int) -> Iterable[Output]:
        """Ask who it is, set its clock, start its streams."""
        self._now_ns = self._asked_ns = self._samples_ns = now_ns
        yield self._send(messages.identify())
        yield self._send(messages.set_time(now_ns // 1_000_000))
        yield self._send(messages.start())

    def feed(self, received: Received) -> Iterable[Output]:
        """Take bytes in any pieces."""
        self._now_ns = received.time_ns
        for piece in self.decoder.feed(received.data):
            if isinstance(piece, Discarded):
                yield piece
                continue
            try:
                yield from self._take(piece)
            except Malformed as error:
                yield Discarded(len(bytes(piece)), str(error))

    def tick(self, now_ns: int) -> Iterable[Output]:
        """Ask again when the device stays silent, and report which values are stale."""
        self._now_ns = now_ns
        for metric in [m for m, at_ns in self._shown.items() if now_ns - at_ns >= STALE_NS]:
            del self._shown[metric]
            yield measurement(metric, None, "no_data")
        if self._hello is None and now_ns - self._asked_ns >= ASK_AGAIN_NS:
            yield from self._ask()
        expects = self._running and (self._hello is None or self._hello.n_streams > 0)
        if expects and now_ns - self._samples_ns >= START_AGAIN_NS:
            self._samples_ns = now_ns
            dropped = self.decoder.reset()
            if dropped is not None:
                yield dropped
            yield self._send(messages.start())

    def command(self, name: str, **arguments: Any) -> Iterable[Output]:
        """Carry out one of `COMMANDS`."""
        make: dict[str, Callable[..., messages.Command]] = {
            "identify": messages.identify,
            "start": messages.start,
            "stop": messages.stop,
            "set_time": lambda: messages.set_time(self._now_ns // 1_000_000),
            "set_rate": messages.set_rate,
            "measure": messages.measure,
        }
        if name not in make:
            raise Invalid(f"framed device: no command {name!r}; there are {', '.join(make)}")
        if name in ("start", "stop"):
            self._running = name == "start"
        return [self._send(make[name](**arguments))]

    def _send(self, command: messages.Command) -> Write:
        time_ms = self._now_ns // 1_000_000
        frame = messages.frame(command, self._sequence, time_ms)
        self._sequence = (self._sequence + 1) & 0xFF
        return self._write(bytes(frame))

    def _ask(self) -> Iterable[Output]:
        self._asked_ns = self._now_ns
        yield self._send(messages.identify())

    def _take(self, frame: Frame) -> Iterable[Output]:
        time_ns = self._clock(frame.time_ms) * 1_000_000
        payload = frame.payload
        match frame.type:
            case FrameType.HELLO:
                yield self._greet(messages.Hello.from_bytes(payload))
            case FrameType.STREAM:
                stream = messages.Stream.from_bytes(payload)
                self._streams[stream.stream] = stream
            case FrameType.SAMPLES:
                yield from self._samples(frame, time_ns)
            case FrameType.STATUS:
                yield self._status(messages.Status.from_bytes(payload))
            case FrameType.NUMERICS:
                yield from self._numerics(messages.Numerics.from_bytes(payload), time_ns)
            case FrameType.REPLY:
                reply = messages.Reply.from_bytes(payload)
                if reply.result != codes.Result.DONE:
                    name = messages.COMMAND_NAMES.get(reply.command, f"{reply.command:02x}")
                    yield DeviceStatus(faults=self._faults, identity={"refused": name})
            case FrameType.TEXT:
                text = messages.Text.from_bytes(payload)
                if text.text:
                    yield DeviceStatus(faults=self._faults, identity={"message": text.text})
            case _:
                yield Discarded(len(bytes(frame)), "unknown_type")

    def _greet(self, hello: messages.Hello) -> DeviceStatus:
        self._hello = hello
        names = ("maker", "model", "serial", "firmware")
        identity = {name: getattr(hello, name) for name in names if getattr(hello, name)}
        return DeviceStatus(faults=self._faults, identity=identity)

    def _status(self, status: messages.Status) -> DeviceStatus:
        self._faults = frozenset(codes.FAULT_NAMES[fault] for fault in status.faults)
        return DeviceStatus(status.battery_percent, self._faults)

    def _numerics(self, numerics: messages.Numerics, time_ns: int) -> Iterable[Output]:
        stamp_ns = time_ns if numerics.utc_ms is None else numerics.utc_ms * 1_000_000
        for value in numerics.values:
            metric = codes.METRIC_NAMES.get(value.metric)
            if metric is None or METRICS[metric].kind is not MetricKind.NUMERIC:
                yield Discarded(8, "unknown_metric")
                continue
            valid_s = VALID_S.get(metric, 5.0)
            if valid_s == 5.0 and metric != "rr_interval" and not numerics.stored:
                self._shown[metric] = self._now_ns
            yield measurement(
                metric,
                value.value,
                reason=_reason(value),
                quality=None if value.quality is None else value.quality / 100,
                device_time_ns=stamp_ns,
                valid_s=valid_s,
                group=f"framed-{stamp_ns}" if numerics.grouped else None,
                stored=numerics.stored,
            )

    def _samples(self, frame: Frame, time_ns: int) -> Iterable[Output]:
        stream = self._streams.get(frame.payload[0])
        if stream is None:
            yield Discarded(len(bytes(frame)), "undescribed_stream")
            if self._now_ns - self._asked_ns >= ASK_AGAIN_NS:
                yield from self._ask()
            return
        piece = messages.Samples.from_bytes(frame.payload, stream)
        self._samples_ns = self._now_ns
        index = self._indices.setdefault(stream.stream, Unwrap())(piece.index)
        for column, channel in enumerate(stream.channels):
            metric = codes.METRIC_NAMES.get(channel.metric)
            if metric is None or METRICS[metric].kind is not MetricKind.WAVEFORM:
                yield Discarded(0, "unknown_metric")
                continue
            counts = piece.samples[:, column].copy()
            yield SampleBlock(
                metric, stream.fs, counts, channel.scale, index, channel.offset, time_ns,
                calibration=self._calibration if metric == "ppg_red" else None,
            )  # fmt: skip


def _reason(value: messages.Numeric) -> str | None:
    if value.value is not None:
        return None
    known = {reason.value: reason.name.lower() for reason in codes.Reason}
    return known.get(value.reason, "invalid")
