"""A Nonin oximeter: data format 2, 7, 8 or 13, chosen by option or by the host's command."""

import time

from teleward_drivers.fields import DateTime
from teleward_drivers.wired import nonin as codec
from teleward_signal.errors import Invalid
from teleward_simulators.source import VitalSource
from teleward_simulators.wired.oximeter_wave import OximeterWave
from teleward_simulators.wired.plain_engine import Every, PlainEngine
from teleward_simulators.wired.serial_device import SerialDevice

FORMATS = (2, 7, 8, 13)
RESEND_S = 3.0
"""A spot-check that was not acknowledged is sent again after some seconds."""
SPOT_S = 10.0
SMARTPOINT = 0x0200


class NoninEngine(PlainEngine):
    """The device's side; ``data_format`` until the host selects another."""

    def __init__(self, source: VitalSource, data_format: int, spot_s: float) -> None:
        super().__init__(source)
        if data_format not in FORMATS:
            raise Invalid(f"Nonin format {data_format}: use one of {FORMATS}")
        self._format = data_format
        self._frames: list[codec.Sample] = []
        self._second = Every(1.0)
        self._spot = Every(spot_s)
        self._unanswered: bytes | None = None
        self._sent_s = 0.0
        self._restart()

    def _restart(self) -> None:
        top = 65535 if self._format == 7 else 255
        self._wave = OximeterWave(self.source, codec.FS, top)
        self._frames.clear()

    def feed(self, data: bytes, now_s: float) -> list[bytes]:
        for number in FORMATS:
            if codec.select_format(number)[:6] in data:
                self._format = number
                self._restart()
                return [codec.ACK]
        if codec.ACK in data:
            self._unanswered = None
        elif codec.NAK in data and self._unanswered is not None:
            return [self._unanswered]
        return []

    def tick(self, now_s: float) -> list[bytes]:
        """Return what is due in the format chosen."""
        if self._format == 8:
            return [self._slow(now_s)] * min(1, self._second.due(now_s))
        if self._format == 13:
            return self._spot_check(now_s)
        return self._stream(now_s)

    def _stream(self, now_s: float) -> list[bytes]:
        out = []
        for height, _ in self._wave.due(now_s):
            if not self._frames:
                # the packet's numbers are those of its beginning; its pleth comes as measured
                pulse, spo2 = self.whole("pulse_rate", now_s), self.whole("spo2", now_s)
                self._frames = codec.packet_samples(pulse, spo2, [0] * codec.PACKET)
            frame = self._frames.pop(0)
            status = frame.status | (codec.Status.DISCONNECTED if self.probe_off else 0)
            sample = codec.Sample(int(status), 0 if self.probe_off else height, frame.data)
            out.append(sample.to_bytes(self._format == 7))
        return out

    def _slow(self, now_s: float) -> bytes:
        frame = codec.SlowFrame(
            self.whole("pulse_rate", now_s),
            self.whole("spo2", now_s),
            status=codec.Status.DISCONNECTED if self.probe_off else 0,
            status_2=1 if self.battery_percent <= 15 else 0,
        )
        return bytes(frame)

    def _spot_check(self, now_s: float) -> list[bytes]:
        if self._spot.due(now_s):
            pulse, spo2 = self.whole("pulse_rate", now_s), self.whole("spo2", now_s)
            clock = DateTime.from_ns(time.time_ns())
            status = 0x0100 if self.probe_off else SMARTPOINT
            self._unanswered = bytes(codec.SpotCheck(clock, pulse, spo2, status))
        elif self._unanswered is None or now_s - self._sent_s < RESEND_S:
            return []
        self._sent_s = now_s
        return [self._unanswered] if self._unanswered is not None else []


class Nonin(SerialDevice):
    """Options: ``format`` (2), ``spot_s`` (seconds between spot-checks of format 13)."""

    kind = "nonin"
    title = "Nonin Xpod"
    baudrate = 9600

    def make_engine(self) -> NoninEngine:
        data_format = int(self.options.get("format", 2))
        return NoninEngine(self.source, data_format, float(self.options.get("spot_s", SPOT_S)))
