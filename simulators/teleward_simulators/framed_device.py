"""A waveform device that speaks our framed protocol: bytes in, bytes out, no link.

    host commands --feed()--> replies, hello, stream descriptions
    time          --tick()--> samples (`RATE_HZ` frames a second and stream), numerics, status

The same model sits behind Nordic UART (a patch) and behind a serial port (a bedside module).
"""

import math
from dataclasses import dataclass

from teleward_drivers import framed_codes as codes
from teleward_drivers import framed_messages as messages
from teleward_drivers.device import Discarded
from teleward_drivers.framed import MAX_FRAME, OVERHEAD, FrameDecoder, FrameType
from teleward_simulators.device_clock import SampleStream, native_rate
from teleward_simulators.source import VitalSource

TICK_S = 0.2
"""Samples leave five times a second: 50 samples of a 250 Hz ECG fit one notification."""
DESCRIBE_S = 2.0
"""Descriptions are repeated as `drivers/PROTOCOL.md` asks, for hosts that join late."""
NUMERICS_S = 1.0
STATUS_S = 10.0

WAVES = {"ecg_ii": 250.0, "pleth": 125.0, "respiration": 62.5}
"""What the patch samples, in Hz: the load of the ward benchmark."""


@dataclass(slots=True)
class Body:
    """How the device sits on the patient."""

    battery_percent: int = 90
    probe_off: bool = False


class FramedDevice:
    """The protocol engine; ``waves`` maps metrics to Hz.

    ``numerics`` are sent every ``numerics_s``, ``missing`` is what is wrong off the patient.
    """

    def __init__(
        self,
        source: VitalSource,
        serial: str,
        model: str = "Waveform patch",
        waves: dict[str, float] | None = None,
        numerics: tuple[str, ...] = (),
        numerics_s: float = NUMERICS_S,
        missing: codes.Reason = codes.Reason.LEAD_OFF,
    ) -> None:
        offered = source.metrics()
        wanted = WAVES if waves is None else waves
        self.body = Body()
        self.largest = MAX_FRAME
        """Bytes of the largest frame of samples, for a link that carries packets."""
        self._source = source
        self._streams = [
            SampleStream(source, metric, native_rate(source, metric, fs))
            for metric, fs in wanted.items()
            if metric in offered
        ]
        self._numerics = tuple(m for m in numerics if m in offered)
        self._numerics_s, self._missing = numerics_s, missing
        self._hello = messages.Hello(len(self._streams), 1, "Teleward", model, serial, "1.0")
        self._decoder = FrameDecoder()
        self._running: set[int] = set()
        self._sequence = 0
        self._due = {"describe": 0.0, "numerics": 0.0, "status": 0.0}
        self._utc_offset_ms: int | None = None

    @property
    def is_on(self) -> bool:
        """Return whether a host started it; what has no streams always is."""
        return bool(self._running) or not self._streams

    def connected(self, now_s: float) -> list[bytes]:
        """Restart, as after power-on, and greet."""
        self._decoder.reset()
        self._running.clear()
        return self._greeting(now_s)

    def feed(self, data: bytes, now_s: float) -> list[bytes]:
        """Take what the host wrote and return the frames to send."""
        out: list[bytes] = []
        for piece in self._decoder.feed(data):
            if not isinstance(piece, Discarded):
                out += self._obey(piece.type, piece.sequence, piece.payload, now_s)
        return out

    def tick(self, now_s: float) -> list[bytes]:
        """Return the frames that are due."""
        out: list[bytes] = []
        if self._running and self._is_due("describe", now_s, DESCRIBE_S):
            out += [self._describe(number, now_s) for number in sorted(self._running)]
        for number in sorted(self._running):
            out += self._samples(number, now_s)
        if self.is_on and self._numerics and self._is_due("numerics", now_s, self._numerics_s):
            out.append(self._frame(self._values(now_s), now_s))
        if self.is_on and self._is_due("status", now_s, STATUS_S):
            out.append(self.status(now_s))
        return out

    def status(self, now_s: float) -> bytes:
        """Return a status frame."""
        fault = codes.NO_FAULT
        if self.body.probe_off:
            fault |= codes.Fault[self._missing.name]
        if self.body.battery_percent <= 15:
            fault |= codes.Fault.LOW_BATTERY
        return self._frame(messages.Status(self.body.battery_percent, fault), now_s)

    def _obey(self, kind: int, sequence: int, payload: bytes, now_s: float) -> list[bytes]:
        """Carry a command out; the reply comes first, then what was asked for."""
        result = codes.Result.DONE
        chosen: set[int] = set()
        if kind in (FrameType.START, FrameType.STOP):
            chosen = set(range(len(self._streams)))
            if payload[0] != codes.ALL_STREAMS:
                chosen &= {payload[0]}
            result = self._switch(kind == FrameType.START, chosen, now_s)
        elif kind == FrameType.SET_TIME:
            self._utc_offset_ms = int.from_bytes(payload, "little") - int(now_s * 1000)
        elif kind < FrameType.IDENTIFY:
            return []
        elif kind != FrameType.IDENTIFY:
            result = codes.Result.NOT_SUPPORTED
        out = [self._frame(messages.Reply(kind, sequence, result), now_s)]
        if kind == FrameType.IDENTIFY:
            out += self._greeting(now_s)
        if kind == FrameType.START:
            out += [self._describe(number, now_s) for number in sorted(chosen)]
        return out

    def _switch(self, on: bool, chosen: set[int], now_s: float) -> codes.Result:
        if not chosen and self._streams:
            return codes.Result.BAD_ARGUMENT
        if on:
            for number in chosen - self._running:
                self._streams[number].restart(now_s)
            self._running |= chosen
        else:
            self._running -= chosen
        return codes.Result.DONE

    def _greeting(self, now_s: float) -> list[bytes]:
        self._due["numerics"] = now_s  # a host that joins is not kept waiting for a minute's value
        hello = self._frame(self._hello, now_s)
        described = [self._describe(number, now_s) for number in range(len(self._streams))]
        return [hello, *described, self.status(now_s)]

    def _describe(self, number: int, now_s: float) -> bytes:
        stream = self._streams[number]
        channel = messages.Channel(codes.METRIC_CODES[stream.metric], stream.scale)
        return self._frame(messages.Stream(number, stream.fs, (channel,)), now_s)

    def _samples(self, number: int, now_s: float) -> list[bytes]:
        stream = self._streams[number]
        limit = messages.samples_per_frame(1, 2, self.largest - OVERHEAD)
        out = []
        for first, counts in stream.due(now_s):
            if self.body.probe_off:
                continue
            for at in range(0, len(counts), limit):
                piece = counts[at : at + limit].reshape(-1, 1)
                index = first + at
                message = messages.Samples(number, index, piece)
                out.append(self._frame(message, index / stream.fs))
        return out

    def _values(self, now_s: float) -> messages.Numerics:
        values = []
        for metric in self._numerics:
            value = None if self.body.probe_off else self._source.numeric(metric, now_s)
            missing = self._missing if self.body.probe_off else codes.Reason.NO_SIGNAL
            code = codes.METRIC_CODES[metric]
            if value is None or math.isnan(value):
                values.append(messages.Numeric(code, None, None, missing))
            else:
                values.append(messages.Numeric(code, value, 100))
        utc_ms = None if self._utc_offset_ms is None else self._utc_offset_ms + int(now_s * 1000)
        return messages.Numerics(tuple(values), utc_ms=utc_ms)

    def _is_due(self, what: str, now_s: float, every_s: float) -> bool:
        if now_s < self._due[what] and self._due[what] - now_s <= every_s:
            return False
        self._due[what] = (math.floor(now_s / every_s) + 1) * every_s
        return True

    def _frame(self, message: messages.Message, time_s: float) -> bytes:
        frame = messages.frame(message, self._sequence, int(time_s * 1000))
        self._sequence = (self._sequence + 1) & 0xFF
        return bytes(frame)
