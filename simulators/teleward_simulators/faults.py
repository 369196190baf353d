"""The fault menu: what can be made to go wrong with a device while it runs, seeded.

Packet faults hit what a device sends, before the link; a BLE link layer neither loses nor changes
data, so there they stand for a device whose own firmware does. Link and body faults are carried
out by the device (see `SimulatedDevice.fault`).
"""

import random
from dataclasses import dataclass

from teleward_signal.errors import Invalid

FAULTS: dict[str, str] = {
    "link_loss": "the link ends as by a supervision timeout, or the serial port hangs up",
    "peer_disconnect": "BLE: the device itself ends the connection (0x13)",
    "away": "BLE: out of range until cleared; the link times out",
    "refuse": "BLE: connections are not answered until cleared",
    "silence": "the link stays up and nothing comes; cleared by a new connection",
    "latency": "every packet takes `seconds` longer, BLE: up to `jitter` more",
    "advertising_loss": "BLE: this share of advertisements is lost (`rate`)",
    "rssi": "BLE: signal strength in dBm (`value`), wandering by `walk`",
    "drop": "this share of packets (serial: bytes, or `packets`) is lost (`rate`)",
    "duplicate": "this share of packets comes twice (`rate`)",
    "reorder": "this share of packets comes after its successor (`rate`)",
    "corrupt": "this share of packets has one bit flipped (`rate`)",
    "truncate": "this share of packets is cut short (`rate`)",
    "late": "this share of packets comes after the three that follow it (`rate`)",
    "extra_byte": "this share of packets has one byte more at the end (`rate`)",
    "reserved_flags": "BLE: this share of packets has a reserved bit set in its flags (`rate`)",
    "clock_skew": "the device's quartz is off by `ppm`",
    "clock_offset": "BLE: the device's calendar is off by `seconds` (16 min slow: -960)",
    "clock_zone": "BLE: the device's calendar stands in the zone `minutes` ahead of UTC",
    "clock_reset": "BLE: the device's calendar starts again in 2020, as after a change of battery",
    "memory_reset": "BLE: the memory is empty and its numbers begin again",
    "wrong_rate": "BLE: the device announces `hz` and goes on sampling at its own rate",
    "electrode_offset": "serial: the electrodes stand `millivolts` off, as dry ones do",
    "low_battery": "the battery falls to `percent`",
    "bond_lost": "BLE: the device forgets its bonds",
    "probe_off": "finger out of the sensor, cuff or electrode off, until cleared",
    "wrong_address": "BLE: the device returns with another random address",
    "garbage": "serial: `count` random bytes are sent",
    "clear": "everything is well again",
}
"""Name -> what happens and which arguments it takes."""


@dataclass(slots=True)
class PacketFaults:
    """Shares of packets that are hit, each 0 to 1."""

    late: float = 0.0
    extra_byte: float = 0.0
    reserved_flags: float = 0.0
    drop: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    corrupt: float = 0.0
    truncate: float = 0.0


WHOLE_PACKETS = ("late", "extra_byte", "reserved_flags")
"""Faults that make no sense byte by byte."""
LATE_PACKETS = 3
RESERVED_FLAG = 0x80
"""Bit 7 of the flags: reserved in heart rate, blood pressure, thermometer, oximeter and glucose."""


class PacketMangler:
    """Applies `PacketFaults` to a stream of packets."""

    def __init__(self, seed: int = 0) -> None:
        self.faults = PacketFaults()
        self.counts: dict[str, int] = {}
        self._random = random.Random(seed)
        self._held: bytes | None = None
        self._late: list[tuple[int, bytes]] = []

    def set(self, name: str, rate: float) -> None:
        """Set the share of one packet fault; raises ValueError for one that there is not."""
        if name not in PacketFaults.__slots__:
            raise Invalid(f"no packet fault {name!r}: use {', '.join(PacketFaults.__slots__)}")
        if not 0.0 <= rate <= 1.0:
            raise Invalid(f"{name}: the rate {rate} is not between 0 and 1")
        setattr(self.faults, name, rate)

    def clear(self) -> None:
        """Pass packets untouched again."""
        self.faults = PacketFaults()

    def __call__(self, packet: bytes) -> list[bytes]:
        """Return what is sent in place of ``packet``, in order."""
        if self.faults == PacketFaults():
            late, self._late = [held for _, held in self._late], []
            held, self._held = self._held, None
            return [packet, *late] if held is None else [packet, held, *late]
        due = [held for left, held in self._late if left <= 0]
        self._late = [(left - 1, held) for left, held in self._late if left > 0]
        return self._mangled(packet) + due

    def _mangled(self, packet: bytes) -> list[bytes]:
        if self._hit("drop"):
            return []
        if self._hit("late"):
            self._late.append((LATE_PACKETS - 1, packet))
            return []
        if self._hit("reserved_flags") and packet:
            packet = bytes([packet[0] | RESERVED_FLAG]) + packet[1:]
        if self._hit("extra_byte"):
            packet += bytes([self._random.randrange(256)])
        if self._hit("corrupt") and packet:
            changed = bytearray(packet)
            changed[self._random.randrange(len(changed))] ^= 1 << self._random.randrange(8)
            packet = bytes(changed)
        if self._hit("truncate") and packet:
            packet = packet[: self._random.randrange(len(packet))]
        out = [packet, packet] if self._hit("duplicate") else [packet]
        if self._held is not None:
            out.append(self._held)
            self._held = None
        elif self._hit("reorder"):
            self._held = out.pop()
        return out

    def _hit(self, name: str) -> bool:
        rate: float = getattr(self.faults, name)
        hit = rate > 0.0 and self._random.random() < rate
        if hit:
            self.counts[name] = self.counts.get(name, 0) + 1
        return hit


def mangle_bytes(data: bytes, faults: PacketFaults, generator: random.Random) -> bytes:
    """Return ``data`` as a bad serial line delivers it: rates count per byte, order is kept."""
    out = bytearray()
    for byte in data:
        if generator.random() < faults.drop:
            continue
        if generator.random() < faults.corrupt:
            byte ^= 1 << generator.randrange(8)
        out.append(byte)
        if generator.random() < faults.duplicate:
            out.append(byte)
    if faults.truncate and generator.random() < faults.truncate:
        return bytes(out[: generator.randrange(len(out) + 1)])
    return bytes(out)
