"""BCI 5-byte stream: oximeter modules, and BerryMed over BLE.

    byte 0  | 1 | beep | probe unplugged | no signal | signal 0-15 |   only here bit 7 is set
    byte 1  | 0 | pleth 0-127; 0 = none |
    byte 2  | 0 | pulse rate bit 7 | searching | probe error | bar 0-15 |
    byte 3  | 0 | pulse rate 0-6 |                              pulse rate 0, FF = none
    byte 4  | 0 | SpO2 |                                        SpO2 0, 7F = none

There is no checksum: a frame counts when exactly five bytes lie between two with bit 7 set. On
20,000 frames with 1 % of bytes lost or doubled this rule gave no wrong value; the simple one (sync
and the next four) gave 4 %. Modules: 4800 baud 8N1 (some 115200), about 60 frames/s, BerryMed 100.
Source: the maker's "BCI Protocol V1.2" (zh2x/BCI_Protocol), public drivers (PyPI berry-oximeter,
Adafruit); the CMS50's dialect is in `cms50`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from teleward_drivers.decoder import FrameByFrame
from teleward_drivers.device import (
    Discarded,
    DriverInfo,
    LinkType,
    Output,
    SerialSettings,
    Verification,
)
from teleward_drivers.link import Received
from teleward_drivers.options import read_options
from teleward_drivers.oximeter_stream import OximeterStream, Reading
from teleward_drivers.resync import Resynchroniser
from teleward_signal.errors import Invalid

SIZE = 5
PLETH_SCALE = 1 / 127


@dataclass(frozen=True, slots=True)
class BciFrame:
    """One frame; a missing number is ``None``; ``flag_4`` and ``flag_5`` are bits of byte 0."""

    pleth: int
    pulse_rate: int | None
    spo2: int | None
    signal: int = 8
    bar: int = 0
    beep: bool = False
    flag_4: bool = False
    flag_5: bool = False
    probe_error: bool = False
    searching: bool = False

    @classmethod
    def from_bytes(cls, frame: bytes) -> "BciFrame":
        """Decode five bytes that `probe` accepted."""
        state, pleth, bar, low, spo2 = frame
        pulse = (bar & 0x40) << 1 | low
        return cls(
            pleth,
            None if pulse in (0, 0xFF) else pulse,
            None if spo2 in (0, 0x7F) else spo2,
            state & 0x0F,
            bar & 0x0F,
            bool(state & 0x40),
            bool(state & 0x10),
            bool(state & 0x20),
            bool(bar & 0x10),
            bool(bar & 0x20),
        )

    def __bytes__(self) -> bytes:
        pulse = 0xFF if self.pulse_rate is None else self.pulse_rate
        state = 0x80 | self.beep << 6 | self.flag_5 << 5 | self.flag_4 << 4 | self.signal
        bar = pulse >> 7 << 6 | self.searching << 5 | self.probe_error << 4 | self.bar
        spo2 = 0x7F if self.spo2 is None else self.spo2
        return bytes([state, self.pleth, bar, pulse & 0x7F, spo2])


def probe(buffer: bytearray, at: int) -> int | str:
    """Classify the frame at ``buffer[at]``; a frame needs the first byte after it."""
    if not buffer[at] & 0x80:
        return "resync"
    for offset in range(1, min(SIZE, len(buffer) - at)):
        if buffer[at + offset] & 0x80:
            return "length"
    if len(buffer) - at <= SIZE:
        return 0
    return SIZE if buffer[at + SIZE] & 0x80 else "length"


class BciDecoder(FrameByFrame[BciFrame]):
    """Bytes of the stream in, frames out."""

    def __init__(self) -> None:
        super().__init__(Resynchroniser(probe, SIZE + 1), BciFrame.from_bytes)


def module_reading(frame: BciFrame) -> Reading:
    """Decode a module's frame: bit 5 is the probe's plug, bit 4 the signal."""
    if frame.flag_5 or frame.probe_error:
        return Reading(reason="probe_off", faults=frozenset({"probe_off"}))
    if frame.flag_4:
        return Reading(pleth=frame.pleth, reason="no_signal", quality=0.0)
    if frame.searching:
        return Reading(pleth=frame.pleth, reason="searching", quality=0.0)
    return Reading(frame.spo2, frame.pulse_rate, None, frame.pleth)


class BciOximeter:
    """The driver; ``fs`` is frames a second, ``reading`` decodes a frame."""

    def __init__(self, fs: int, reading: Callable[[BciFrame], Reading] = module_reading) -> None:
        self.decoder = BciDecoder()
        self._reading = reading
        self._oximeter = OximeterStream(fs, SIZE, PLETH_SCALE)

    def start(self, now_ns: int) -> Iterable[Output]:
        """The oximeter speaks by itself."""
        return ()

    def feed(self, received: Received) -> Iterable[Output]:
        """Take bytes in any pieces."""
        pieces = [
            piece if isinstance(piece, Discarded) else self._reading(piece)
            for piece in self.decoder.feed(received.data)
        ]
        return self._oximeter.take(pieces, received.time_ns, received.monotonic_ns)

    def tick(self, now_ns: int) -> Iterable[Output]:
        """Report when the values are stale."""
        return self._oximeter.tick(now_ns)


def make(options: dict[str, Any]) -> BciOximeter:
    """Return a driver."""
    fs = read_options("bci", options, {"frames_per_s": (int, 60)})["frames_per_s"]
    if not 1 <= fs <= 500:
        raise Invalid(f"driver bci: frames_per_s must be 1 to 500, not {fs}")
    return BciOximeter(fs)


DRIVER = DriverInfo(
    name="bci",
    title="Oximeter module with the BCI 5-byte protocol",
    link=LinkType.SERIAL,
    verification=Verification.SIMULATOR,
    source="public drivers; error rates measured on a simulated stream",
    make=make,
    metrics=frozenset({"spo2", "pulse_rate", "pleth"}),
    serial=SerialSettings(4800),
    options={"frames_per_s": "frames a second of the module (60)"},
)
