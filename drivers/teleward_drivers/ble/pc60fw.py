"""Viatom and Creative PC-60FW, PC-60F, KS-60FW, OxySmart: finger oximeters over a UART service.

    6e400001-b5a3-f393-e0a9-e50e24dcca9e  service       6e400003-...  notify, no command needed
    | AA | 55 | token | length | function | ... | CRC-8 |      length counts function to CRC
      token 0F, function 01   | SpO2 | pulse u16 | perfusion index x 10 | 0 | state |       1/s
      token 0F, function 02   | pleth x 5 |       bit 7 of a sample is the beat, 7 bits of height
      token 0F, function 21   state                token F0, function 03   | battery 0 to 3 |

The service is Nordic's, as that of our own framed protocol: names and AA 55 tell them apart. SpO2
and pulse 0 mean that the oximeter searches. Frames may be cut by notifications or share one. The
rate of the pleth is not documented (50 to 60 Hz): it is measured before samples are given. Source:
captures of a KS-60FW and of a public mini-program; layout of sza2/viatom_pc60fw. The state bits
are not known and not used.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from teleward_drivers.ble.battery import battery_parts
from teleward_drivers.crc import crc8_maxim
from teleward_drivers.decoder import FrameByFrame
from teleward_drivers.device import Discarded, DriverInfo, LinkType, Output, Verification
from teleward_drivers.gatt import GattDriver, Simple
from teleward_drivers.link import Received
from teleward_drivers.measured_rate import MeasuredRate
from teleward_drivers.options import no_options
from teleward_drivers.oximeter_stream import STALE_NS, STEP_LIMITS
from teleward_drivers.plausible import SlewLimit, measurement
from teleward_drivers.resync import Resynchroniser
from teleward_signal.model import DeviceStatus, SampleBlock

SERVICE = "6e400001-b5a3-f393-e0a9-e50e24dcca9e"
NOTIFY = "6e400003-b5a3-f393-e0a9-e50e24dcca9e"
SYNC = b"\xaa\x55"
OXIMETER, DEVICE = 0x0F, 0xF0
VALUES, PLETH, BATTERY = 0x01, 0x02, 0x03
HEAD = 4
MAX_LENGTH = 32
"""The longest known frame has eight bytes after its head; a corrupt length is refused early."""
BATTERY_PERCENT = (5, 30, 60, 100)
"""What the four bars of the display stand for, about."""
PLETH_RATES = (45.0, 65.0)
"""Hz between which a measured rate is believed."""
PLETH_SCALE = 1 / 127
BEAT = 0x80


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: its token, function and what follows, without the checksum."""

    token: int
    function: int
    body: bytes

    @classmethod
    def from_bytes(cls, frame: bytes) -> "Frame":
        """Decode a frame that `probe` accepted."""
        return cls(frame[2], frame[4], frame[5:-1])

    def __bytes__(self) -> bytes:
        head = SYNC + bytes([self.token, len(self.body) + 2, self.function])
        return head + self.body + bytes([crc8_maxim(head + self.body)])


@dataclass(frozen=True, slots=True)
class Values:
    """The numbers of a second; one that is missing is ``None``."""

    spo2: int | None
    pulse_rate: int | None
    perfusion_index: float | None
    state: int = 0

    @classmethod
    def from_bytes(cls, body: bytes) -> "Values":
        """Decode the body of function 01."""
        pulse = body[1] | body[2] << 8
        return cls(body[0] or None, pulse or None, body[3] / 10 or None, body[5])

    def __bytes__(self) -> bytes:
        index = round((self.perfusion_index or 0.0) * 10)
        pulse = (self.pulse_rate or 0).to_bytes(2, "little")
        return bytes([self.spo2 or 0]) + pulse + bytes([index, 0, self.state])


def probe(buffer: bytearray, at: int) -> int | str:
    """Classify the frame at ``buffer[at]``."""
    if len(buffer) - at < HEAD:
        return 0
    length = buffer[at + 3]
    if not 2 <= length <= MAX_LENGTH:
        return "length"
    end = at + HEAD + length
    if len(buffer) < end:
        return 0
    return end - at if crc8_maxim(buffer[at:end]) == 0 else "checksum"


class Pc60fwDecoder(FrameByFrame[Frame]):
    """Bytes of the stream in, frames out."""

    def __init__(self) -> None:
        super().__init__(Resynchroniser(probe, HEAD + MAX_LENGTH, SYNC), Frame.from_bytes)


class Pc60fw(Simple):
    """The stream as a part of a driver."""

    def __init__(self) -> None:
        super().__init__({NOTIFY: self._received})
        self.decoder = Pc60fwDecoder()
        self._slew = SlewLimit(STEP_LIMITS)
        self._rate = MeasuredRate(*PLETH_RATES)
        self._index = 0
        self._values_ns: int | None = None

    def tick(self, now_ns: int) -> Iterable[Output]:
        """Report once that the last values are stale."""
        if self._values_ns is not None and now_ns - self._values_ns >= STALE_NS:
            self._values_ns = None
            for metric in ("spo2", "pulse_rate"):
                yield measurement(metric, None, "no_data")

    def _received(self, received: Received) -> Iterable[Output]:
        pleth: list[int] = []
        for piece in self.decoder.feed(received.data):
            if isinstance(piece, Discarded):
                yield piece
            elif (piece.token, piece.function) == (OXIMETER, PLETH):
                pleth += [sample & ~BEAT for sample in piece.body]
            else:
                yield from self._frame(piece, received)
        if pleth:
            yield from self._pleth(pleth, received)

    def _frame(self, frame: Frame, received: Received) -> Iterable[Output]:
        if (frame.token, frame.function) == (OXIMETER, VALUES) and len(frame.body) == 6:
            self._values_ns = received.time_ns
            yield from self._values(Values.from_bytes(frame.body))
        elif (frame.token, frame.function) == (DEVICE, BATTERY) and frame.body:
            percent = BATTERY_PERCENT[min(frame.body[0], 3)]
            low = frozenset({"low_battery"}) if frame.body[0] == 0 else frozenset[str]()
            yield DeviceStatus(percent, low)

    def _values(self, values: Values) -> Iterable[Output]:
        if values.spo2 is None or values.pulse_rate is None:
            for metric in ("spo2", "pulse_rate"):
                yield measurement(metric, None, "searching", quality=0.0)
            return
        for metric, number in (("spo2", values.spo2), ("pulse_rate", values.pulse_rate)):
            yield measurement(metric, number, **self._slew(metric, number))
        if values.perfusion_index is not None:
            yield measurement("perfusion_index", values.perfusion_index)

    def _pleth(self, pleth: list[int], received: Received) -> Iterable[Output]:
        fs = self._rate.take(len(pleth), received.monotonic_ns)
        if fs is None:
            return
        counts = np.array(pleth, np.int32)
        yield SampleBlock("pleth", fs, counts, PLETH_SCALE, self._index)
        self._index += len(pleth) + self._rate.missing(self._index + len(pleth), received)


def make() -> GattDriver:
    """Return a driver."""
    return GattDriver([Pc60fw(), *battery_parts()])


DRIVER = DriverInfo(
    name="pc60fw",
    title="Viatom PC-60FW, PC-60F, KS-60FW, OxySmart oximeter",
    link=LinkType.BLE,
    verification=Verification.CAPTURE,
    source="captures of a KS-60FW and of a public mini-program; pleth rate measured, state unknown",
    make=no_options("pc60fw", make),
    metrics=frozenset({"spo2", "pulse_rate", "perfusion_index", "pleth"}),
    names=("PC-60F", "PC-60NW", "PC-60E", "KS-60F", "OxySmart"),
)
