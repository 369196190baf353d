"""Nonin OEM III, Xpod, 3012LP, 9560: 9600 baud, 8N1, data formats 2, 7, 8 and 13.

    format 2, 75/s   | 01 | STATUS | pleth | data | sum of the four |
    format 7, 75/s   | STATUS | pleth MSB | pleth LSB | data | sum of the four |
    STATUS           | 1 | disconnected | artifact | out of track | alarm | red | green | SYNC |
                       red and green together: yellow; perfusion low, marginal, good; these and
                       artifact stand in the 12 frames (160 ms) of a pulse only
    25 frames make a packet, the first has SYNC; ``data`` of frame
      1, 2 pulse rate bits 8-7, 6-0    3 SpO2      9 SpO2 as displayed, 20, 21 pulse as displayed
    format 8, 1/s    | 1, disconnected, out of track, low, marginal, artifact, pulse 8, 7 |
                     | pulse 6-0 | SpO2 | 0000, sensor fault, spot-check, critical, low battery |
    format 13        | 00 02 | 00 0D | length u16 | century yy mm dd hh mi ss 1/100 |
      spot-check     | status u16 | pulse u16 | 0 | SpO2 | sum of the data | 03 |
                       the host answers 06, or 15 to have it again; big endian
    select format    host | 02 | 70 | 04 | 02 | format | option | sum | 03 |      9560, 3150

SpO2 127 and pulse rate 511 are missing. Displayed values hold for 10 s after the finger is gone,
so the record values are used. An early SYNC does happen: the half packet is dropped.
Source: Nonin OEM III specification as used by public drivers (Oxford, NoninPulseOx, PyPI nonin).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntFlag
from typing import Any

from teleward_drivers.crc import sum8
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
from teleward_drivers.device_calendar import OFFSET_TEXT, Calendar, reading_detail
from teleward_drivers.fields import DateTime
from teleward_drivers.link import Received
from teleward_drivers.options import read_options
from teleward_drivers.oximeter_stream import OximeterStream, Reading
from teleward_drivers.plausible import measurement
from teleward_drivers.resync import Probe, Resynchroniser
from teleward_signal.errors import Invalid
from teleward_signal.model import Measurement

FS = 75
PACKET = 25
NO_SPO2, NO_PULSE = 127, 511
SPOT_VALID_S = 600.0
ACK, NAK = b"\x06", b"\x15"
SPOT_SIZE = 22
MAX_SPOT = 64
"""A length beyond this is garbage: the format has 14 bytes of data, later models a few more."""


class Status(IntFlag):
    """STATUS of formats 2 and 7."""

    SYNC = 0x01
    GREEN = 0x02
    RED = 0x04
    SENSOR_ALARM = 0x08
    OUT_OF_TRACK = 0x10
    ARTIFACT = 0x20
    DISCONNECTED = 0x40


@dataclass(frozen=True, slots=True)
class Sample:
    """One frame of format 2 or 7."""

    status: int
    pleth: int
    data: int

    @classmethod
    def from_bytes(cls, frame: bytes, wide: bool) -> "Sample":
        """Decode five bytes; ``wide`` is format 7."""
        if wide:
            return cls(frame[0], frame[1] << 8 | frame[2], frame[3])
        return cls(frame[1], frame[2], frame[3])

    def to_bytes(self, wide: bool) -> bytes:
        """Encode as format 7 (``wide``) or 2."""
        status = 0x80 | self.status
        head = [status, *self.pleth.to_bytes(2, "big")] if wide else [1, status, self.pleth]
        body = bytes([*head, self.data])
        return body + bytes([sum8(body)])


def probe_2(buffer: bytearray, at: int) -> int | str:
    """Classify the frame at ``buffer[at]`` in format 2."""
    if buffer[at] != 1:
        return "resync"
    if len(buffer) - at < 5:
        return 0
    if not buffer[at + 1] & 0x80:
        return "resync"
    return 5 if sum8(buffer[at : at + 4]) == buffer[at + 4] else "checksum"


def probe_7(buffer: bytearray, at: int) -> int | str:
    """Classify the frame at ``buffer[at]`` in format 7."""
    if not buffer[at] & 0x80:
        return "resync"
    if len(buffer) - at < 5:
        return 0
    return 5 if sum8(buffer[at : at + 4]) == buffer[at + 4] else "checksum"


def probe_8(buffer: bytearray, at: int) -> int | str:
    """Classify the frame at ``buffer[at]`` in format 8; a frame needs the first byte after it."""
    if not buffer[at] & 0x80:
        return "resync"
    for offset in range(1, min(4, len(buffer) - at)):
        if buffer[at + offset] & 0x80:
            return "length"
    if len(buffer) - at <= 4:
        return 0
    return 4 if buffer[at + 4] & 0x80 else "length"


def probe_13(buffer: bytearray, at: int) -> int | str:
    """Classify the frame at ``buffer[at]`` in format 13."""
    if len(buffer) - at < 6:
        head = bytes(buffer[at : at + 4])
        return 0 if b"\x00\x02\x00\x0d".startswith(head) else "resync"
    if buffer[at : at + 4] != b"\x00\x02\x00\x0d":
        return "resync"
    length = buffer[at + 4] << 8 | buffer[at + 5]
    if not 14 <= length <= MAX_SPOT - 8:
        return "length"
    end = at + length + 8
    if len(buffer) < end:
        return 0
    good = sum8(buffer[at + 6 : end - 2]) == buffer[end - 2] and buffer[end - 1] == 3
    return end - at if good else "checksum"


def packet_samples(pulse_rate: int | None, spo2: int | None, pleth: list[int]) -> list[Sample]:
    """Return the 25 frames of one packet (for simulated devices)."""
    pulse = NO_PULSE if pulse_rate is None else pulse_rate
    oxygen = NO_SPO2 if spo2 is None else spo2
    high, low = pulse >> 7, pulse & 0x7F
    data = {0: high, 1: low, 2: oxygen, 8: oxygen, 13: high, 14: low, 15: oxygen, 19: high, 20: low}
    return [Sample(Status.SYNC * (i == 0), wave, data.get(i, 0)) for i, wave in enumerate(pleth)]


class Packet:
    """Collects 25 frames and remembers the numbers of the last whole packet."""

    def __init__(self) -> None:
        self._frames: list[Sample] = []
        self.pulse_rate: int | None = None
        self.spo2: int | None = None

    def add(self, sample: Sample) -> None:
        """Take one frame."""
        if sample.status & Status.SYNC:
            self._frames = [sample]
        elif self._frames:
            self._frames.append(sample)
        if len(self._frames) == PACKET:
            pulse = (self._frames[0].data & 3) << 7 | self._frames[1].data & 0x7F
            spo2 = self._frames[2].data & 0x7F
            self.pulse_rate = None if pulse in (0, NO_PULSE) else pulse
            self.spo2 = None if spo2 in (0, NO_SPO2) else spo2
            self._frames = []

    def reset(self) -> None:
        """Drop a half packet."""
        self._frames = []

    def reading(self, sample: Sample) -> Reading:
        """Decode a frame, with the numbers of the last whole packet."""
        status = sample.status
        if status & (Status.DISCONNECTED | Status.SENSOR_ALARM):
            return Reading(reason="probe_off", faults=frozenset({"probe_off"}))
        if status & Status.OUT_OF_TRACK:
            return Reading(pleth=sample.pleth, reason="searching", quality=0.0)
        quality = 0.4 if status & Status.ARTIFACT else 0.7 if status & Status.RED else None
        if status & Status.RED and not status & Status.GREEN:
            quality = 0.4
        return Reading(self.spo2, self.pulse_rate, None, sample.pleth, None, quality)


@dataclass(frozen=True, slots=True)
class SlowFrame:
    """One frame of format 8; a number that is missing is ``None``."""

    pulse_rate: int | None
    spo2: int | None
    status: int = 0
    status_2: int = 0

    @classmethod
    def from_bytes(cls, frame: bytes) -> "SlowFrame":
        """Decode four bytes."""
        pulse = (frame[0] & 3) << 7 | frame[1]
        spo2 = frame[2]
        shown = None if spo2 in (0, NO_SPO2) else spo2
        return cls(None if pulse in (0, NO_PULSE) else pulse, shown, frame[0] & 0x7C, frame[3])

    def __bytes__(self) -> bytes:
        pulse = NO_PULSE if self.pulse_rate is None else self.pulse_rate
        spo2 = NO_SPO2 if self.spo2 is None else self.spo2
        return bytes([0x80 | self.status & 0x7C | pulse >> 7, pulse & 0x7F, spo2, self.status_2])

    def reading(self) -> Reading:
        """Decode the frame."""
        faults = frozenset({"low_battery"} if self.status_2 & 3 else set[str]())
        if self.status & 0x40 or self.status_2 & 8:
            name = "probe_off" if self.status & 0x40 else "sensor_fault"
            return Reading(reason=name, faults=faults | {name})
        if self.status & 0x20:
            return Reading(reason="searching", faults=faults, quality=0.0)
        quality = 0.7 if self.status & 0x08 else None  # marginal perfusion
        if self.status & (0x04 | 0x10):  # artifact, low perfusion
            quality = 0.4
        return Reading(self.spo2, self.pulse_rate, None, None, None, quality, faults)


@dataclass(frozen=True, slots=True)
class SpotCheck:
    """One value of format 13; a number that is missing is ``None``."""

    date_time: DateTime
    pulse_rate: int | None
    spo2: int | None
    status: int = 0
    hundredths: int = 0

    @classmethod
    def from_bytes(cls, frame: bytes) -> "SpotCheck":
        """Decode a frame that `probe_13` accepted."""
        data = frame[6:]
        clock = DateTime(data[0] * 100 + data[1], *data[2:7])
        pulse = int.from_bytes(data[10:12], "big")
        spo2 = data[13]
        return cls(
            clock,
            None if pulse in (0, NO_PULSE) else pulse,
            None if spo2 in (0, NO_SPO2) else spo2,
            int.from_bytes(data[8:10], "big"),
            data[7],
        )

    def __bytes__(self) -> bytes:
        clock = self.date_time
        pulse = NO_PULSE if self.pulse_rate is None else self.pulse_rate
        data = bytes([clock.year // 100, clock.year % 100, clock.month, clock.day, clock.hour])
        data += bytes([clock.minute, clock.second, self.hundredths])
        data += self.status.to_bytes(2, "big") + pulse.to_bytes(2, "big")
        data += bytes([0, NO_SPO2 if self.spo2 is None else self.spo2])
        head = b"\x00\x02\x00\x0d" + len(data).to_bytes(2, "big")
        return head + data + bytes([sum8(data), 3])

    def measurements(self, calendar: Calendar, received: Received) -> Iterable[Measurement]:
        """Return the readings, stamped by the device's calendar."""
        memory = True if self.status & 0x0010 else None
        stamped = calendar.stamped(received, self.date_time, memory=memory)
        for metric, value in (("spo2", self.spo2), ("pulse_rate", self.pulse_rate)):
            missing = self.status & 0x0100
            yield measurement(
                metric,
                None if missing else value,
                "no_measurement" if missing else None,
                quality=1.0 if self.status & 0x0200 else None,
                valid_s=SPOT_VALID_S,
                group=f"nonin-{stamped['device_time_ns'] or received.time_ns}",
                detail=reading_detail(self.date_time),
                **stamped,
            )


def select_format(number: int, option: int = 0) -> bytes:
    """Return the host's command that selects a data format."""
    body = bytes([0x70, 4, 2, number, option])
    return b"\x02" + body + bytes([sum8(body), 3])


Frame = Sample | SlowFrame | SpotCheck
_FORMATS: dict[int, tuple[Probe, int, Callable[[bytes], Frame]]] = {
    2: (probe_2, 5, lambda frame: Sample.from_bytes(frame, False)),
    7: (probe_7, 5, lambda frame: Sample.from_bytes(frame, True)),
    8: (probe_8, 5, SlowFrame.from_bytes),
    13: (probe_13, MAX_SPOT, SpotCheck.from_bytes),
}


class NoninDecoder(FrameByFrame[Frame]):
    """Bytes of one data format in, frames out."""

    def __init__(self, number: int) -> None:
        probe, max_frame, decode = _FORMATS[number]
        super().__init__(Resynchroniser(probe, max_frame), decode)


class Nonin:
    """The driver of one data format."""

    def __init__(self, number: int, select: bool, calendar: Calendar) -> None:
        self.decoder = NoninDecoder(number)
        self._number = number
        self._select = select
        self._calendar = calendar
        self._packet = Packet()
        self._last_spot: SpotCheck | None = None
        scale = 1 / 65535 if number == 7 else 1 / 255
        fs, size = (1, 4) if number == 8 else (FS, 5)
        self._oximeter = OximeterStream(fs, size, scale, checked=number != 8)

    def start(self, now_ns: int) -> Iterable[Output]:
        """Select the format on devices that need the command."""
        if self._select:
            yield Write(select_format(self._number))

    def feed(self, received: Received) -> Iterable[Output]:
        """Take bytes in any pieces."""
        stream: list[Reading | Discarded] = []
        for piece in self.decoder.feed(received.data):
            if isinstance(piece, Sample):
                self._packet.add(piece)
                stream.append(self._packet.reading(piece))
            elif isinstance(piece, SlowFrame):
                stream.append(piece.reading())
            elif isinstance(piece, SpotCheck):
                yield Write(ACK)
                yield from self._spot(piece, received)
            else:
                self._packet.reset()
                stream.append(piece)
        yield from self._oximeter.take(stream, received.time_ns, received.monotonic_ns)

    def tick(self, now_ns: int) -> Iterable[Output]:
        """Report when the values are stale."""
        return self._oximeter.tick(now_ns)

    def _spot(self, spot: SpotCheck, received: Received) -> Iterable[Output]:
        if spot == self._last_spot:
            yield Discarded(SPOT_SIZE, "duplicate")
            return
        self._last_spot = spot
        yield from spot.measurements(self._calendar, received)


OPTIONS = {"format": (int, 2), "select": (bool, False), "utc_offset_minutes": (int, None)}


def make(options: dict[str, Any]) -> Nonin:
    """Return a driver."""
    chosen = read_options("nonin", options, OPTIONS)
    if chosen["format"] not in _FORMATS:
        raise Invalid(f"driver nonin: format must be 2, 7, 8 or 13, not {chosen['format']}")
    calendar = Calendar(chosen["utc_offset_minutes"])
    return Nonin(chosen["format"], chosen["select"], calendar)


DRIVER = DriverInfo(
    name="nonin",
    title="Nonin oximeter (OEM III, Xpod, 3012LP, 9560)",
    link=LinkType.SERIAL,
    verification=Verification.SPEC,
    source="Nonin OEM III data formats as in public drivers; checksums checked",
    make=make,
    metrics=frozenset({"spo2", "pulse_rate", "pleth"}),
    usb_ids=frozenset({"0403:6001"}),
    serial=SerialSettings(9600),
    silence_s=10,
    options={
        "format": "data format of the device: 2, 7, 8 or 13 (2)",
        "select": "select this format on the device, 9560 and 3150 only (false)",
        "utc_offset_minutes": f"format 13: {OFFSET_TEXT}",
    },
)
