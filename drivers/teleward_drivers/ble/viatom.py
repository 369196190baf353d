"""Viatom and Wellue oximeters (O2Ring, SleepU, CheckMe O2, Oxylink): polled every 2 s.

    14839ac4-7d7e-415c-9a42-167340cf2339  service
    8b00ace7-eb0b-49b0-bbe9-9aee0a26e1a3  write     request
    0734594a-a8e7-4b1a-a6b1-cd5243059a57  notify    reply, in pieces of 20 bytes

    request | AA | cmd | ~cmd | block u16 | length u16 | payload | crc8 |
    reply   | 55 | cmd | ~cmd | block u16 | length u16 | payload | crc8 |
    payload of the reply to 17 (live values), offsets from the start of the frame:
      7 SpO2, 8 pulse rate, 14 battery %, 16 motion, 17 perfusion index x 10, 18 worn; 0, FF = none

Source: public drivers (PyPI, ESPHome); CRC-8 polynomial 0x07. The newer O2Ring-S wants a vendor
key exchange and is not supported.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from teleward_drivers.ble.battery import battery_parts, battery_status
from teleward_drivers.crc import crc8
from teleward_drivers.decoder import FrameByFrame
from teleward_drivers.device import (
    Discarded,
    DriverInfo,
    LinkType,
    Output,
    Subscribe,
    Verification,
    Write,
)
from teleward_drivers.fields import Malformed
from teleward_drivers.gatt import GattDriver, Part
from teleward_drivers.link import Received
from teleward_drivers.options import no_options
from teleward_drivers.oximeter_stream import STEP_LIMITS
from teleward_drivers.plausible import SlewLimit, measurement
from teleward_drivers.resync import Resynchroniser
from teleward_signal.model import DeviceStatus

SERVICE = "14839ac4-7d7e-415c-9a42-167340cf2339"
WRITE = "8b00ace7-eb0b-49b0-bbe9-9aee0a26e1a3"
NOTIFY = "0734594a-a8e7-4b1a-a6b1-cd5243059a57"
LIVE = 0x17
REQUEST, REPLY = 0xAA, 0x55
OVERHEAD = 8
MAX_PAYLOAD = 32
"""A live reply has 13 bytes; longer replies are never asked for, so they are garbage."""
POLL_NS = 2_000_000_000
VALID_S = 6.0
MOTION_DOUBT = 10
"""Motion is a count without a unit; a resting hand gives 0 to 3 in public recordings."""
MISSING = (0, 0xFF)


@dataclass(frozen=True, slots=True)
class Packet:
    """A request (``head`` AA) or reply (55)."""

    head: int
    command: int
    block: int = 0
    payload: bytes = b""

    @classmethod
    def from_bytes(cls, data: bytes) -> "Packet":
        """Decode a whole packet that `probe` accepted."""
        return cls(data[0], data[1], int.from_bytes(data[3:5], "little"), data[7:-1])

    def __bytes__(self) -> bytes:
        head = bytes([self.head, self.command, self.command ^ 0xFF])
        body = head + self.block.to_bytes(2, "little") + len(self.payload).to_bytes(2, "little")
        body += self.payload
        return body + bytes([crc8(body)])


def cutter(head: int) -> Resynchroniser:
    """Return what cuts a stream of packets that start with ``head``."""

    def probe(buffer: bytearray, at: int) -> int | str:
        if len(buffer) - at < 7:
            complete = len(buffer) - at < 3 or buffer[at + 1] ^ buffer[at + 2] == 0xFF
            return 0 if complete else "command"
        if buffer[at + 1] ^ buffer[at + 2] != 0xFF:
            return "command"
        length = buffer[at + 5] | buffer[at + 6] << 8
        if length > MAX_PAYLOAD:
            return "length"
        end = at + OVERHEAD + length
        if len(buffer) < end:
            return 0
        return end - at if crc8(buffer[at : end - 1]) == buffer[end - 1] else "checksum"

    return Resynchroniser(probe, OVERHEAD + MAX_PAYLOAD, bytes([head]))


@dataclass(frozen=True, slots=True)
class LiveValues:
    """The payload of a live reply; a number that is missing is ``None``."""

    spo2: int | None
    pulse_rate: int | None
    battery_percent: int
    motion: int = 0
    perfusion_index: float = 0.0
    worn: bool = True

    @classmethod
    def from_bytes(cls, payload: bytes) -> "LiveValues":
        """Decode a payload."""
        if len(payload) < 12:
            raise Malformed("truncated")
        spo2, pulse = payload[0], payload[1]
        return cls(
            None if spo2 in MISSING else spo2,
            None if pulse in MISSING else pulse,
            payload[7],
            payload[9],
            payload[10] / 10,
            bool(payload[11]),
        )

    def __bytes__(self) -> bytes:
        out = bytearray(13)
        out[0], out[1] = self.spo2 or 0, self.pulse_rate or 0
        out[7], out[9] = self.battery_percent, self.motion
        out[10], out[11] = round(self.perfusion_index * 10), self.worn
        return bytes(out)


class ViatomDecoder(FrameByFrame[Packet]):
    """Notifications in, replies out."""

    def __init__(self) -> None:
        super().__init__(cutter(REPLY), Packet.from_bytes)

    def reset(self) -> Discarded | None:
        """Forget a half packet."""
        return self._stream.reset()


class Viatom(Part):
    """The service as a part of a driver."""

    def __init__(self) -> None:
        super().__init__()
        self.decoder = ViatomDecoder()
        self.handlers = {NOTIFY: self._notified}
        self._asked_ns = 0
        self._answered = True
        self._slew = SlewLimit(STEP_LIMITS)
        self._faults: frozenset[str] | None = None
        self._battery: int | None = None

    def start(self, now_ns: int) -> Iterable[Output]:
        """Listen and ask."""
        yield Subscribe(NOTIFY)
        yield self._ask(now_ns)

    def tick(self, now_ns: int) -> Iterable[Output]:
        """Ask every two seconds; what is left of an unanswered reply is dropped."""
        if now_ns - self._asked_ns >= POLL_NS:
            dropped = self.decoder.reset()
            if dropped is not None:
                yield dropped
            yield self._ask(now_ns)

    def _ask(self, now_ns: int) -> Write:
        self._asked_ns = now_ns
        return Write(bytes(Packet(REQUEST, LIVE)), WRITE, response=False)

    def _notified(self, received: Received) -> Iterable[Output]:
        for piece in self.decoder.feed(received.data):
            if isinstance(piece, Discarded):
                yield piece
            elif len(piece.payload) < 12:
                yield Discarded(OVERHEAD + len(piece.payload), "not_live_values")
            else:
                yield from self._live(LiveValues.from_bytes(piece.payload))

    def _live(self, live: LiveValues) -> Iterable[Output]:
        faults = frozenset() if live.worn else frozenset({"probe_off"})
        if live.battery_percent != self._battery or faults != self._faults:
            self._battery, self._faults = live.battery_percent, faults
            status = battery_status(min(live.battery_percent, 100))
            yield DeviceStatus(status.battery_percent, status.faults | faults)
        quality = 0.5 if live.motion >= MOTION_DOUBT else None
        values = (("spo2", live.spo2), ("pulse_rate", live.pulse_rate))
        for metric, value in values:
            if not live.worn or value is None:
                reason = "missing" if live.worn else "probe_off"
                yield measurement(metric, None, reason, valid_s=VALID_S)
            else:
                extra = {"quality": quality, **self._slew(metric, value)}
                yield measurement(metric, value, valid_s=VALID_S, **extra)
        if live.worn and live.perfusion_index:
            yield measurement("perfusion_index", live.perfusion_index, valid_s=VALID_S)


def make() -> GattDriver:
    """Return a driver."""
    return GattDriver([Viatom(), *battery_parts()])


DRIVER = DriverInfo(
    name="viatom",
    title="Viatom and Wellue oximeter (O2Ring, SleepU, CheckMe O2)",
    link=LinkType.BLE,
    verification=Verification.CAPTURE,
    source="captured replies of an O2Ring (98/69, 90/83, public script); last byte computed",
    make=no_options("viatom", make),
    metrics=frozenset({"spo2", "pulse_rate", "perfusion_index"}),
    services=frozenset({SERVICE}),
    names=("O2Ring ", "SleepU", "CheckO2", "Checkme O2", "O2M", "SleepO2", "Oxylink", "KidsO2"),
)
