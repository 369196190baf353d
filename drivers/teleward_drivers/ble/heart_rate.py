"""Heart Rate service 0x180D: chest straps and wrist bands.

    0x2A37 notify   | flags u8 | heart rate u8 or u16 | energy u16 kJ | R-R u16 x n, 1/1024 s |
                      flags: 1 heart rate is u16, 2 contact, 4 contact is supported,
                             8 energy present, 16 R-R present (oldest first, 0 to 9 of them)
    0x2A38 read     | body location u8 |
    0x2A39 write    | 01 | resets energy

Straps exist that add a byte; what follows the announced fields is counted and not used. Some hosts
deliver each notification twice: beats cannot take more time than passed, so a repeat that would
make them is dropped.
Source: Bluetooth SIG Heart Rate Service 1.0 and GSS.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from teleward_drivers.ble.battery import battery_parts
from teleward_drivers.device import Discarded, DriverInfo, LinkType, Output, Verification
from teleward_drivers.fields import Fields, Malformed
from teleward_drivers.gatt import GattDriver, Simple, count_trailing, uuid16
from teleward_drivers.link import Received
from teleward_drivers.options import no_options
from teleward_drivers.plausible import measurement
from teleward_signal.model import DeviceStatus

SERVICE = uuid16(0x180D)
MEASUREMENT = uuid16(0x2A37)
LOCATION = uuid16(0x2A38)
LOCATIONS = ("other", "chest", "wrist", "finger", "hand", "ear lobe", "foot")
RR_UNITS_PER_S = 1024
GAP_NS = 2_000_000_000
"""Notifications come once a second; two missing seconds of R-R intervals are a lost packet."""
SHORTEST_S = 0.2
"""Straps notify once a second, some four times; the same bytes sooner are the same notification."""
ENOUGH = 0.6
"""Part of its beats' time that must have passed: notifications jitter by a connection interval."""
MOST_CREDIT_S = 10.0
"""Notifications that a busy radio delivers all at once cover at most this time."""


@dataclass(frozen=True, slots=True)
class HeartRateMeasurement:
    """One value of 0x2A37; ``contact`` is ``None`` when the sensor cannot detect contact.

    ``rr`` in 1/1024 s, oldest first; ``wide`` forces the 16-bit form of the heart rate.
    """

    heart_rate: int
    contact: bool | None = None
    energy_kj: int | None = None
    rr: tuple[int, ...] = ()
    wide: bool = False

    @classmethod
    def from_bytes(cls, data: bytes | Fields) -> "HeartRateMeasurement":
        """Decode a value."""
        fields = Fields.of(data)
        flags = fields.uint(1)
        wide = bool(flags & 1)
        heart_rate = fields.uint(2 if wide else 1)
        contact = bool(flags & 2) if flags & 4 else None
        energy = fields.uint(2) if flags & 8 else None
        rr = tuple(fields.uint(2) for _ in range(fields.left // 2)) if flags & 16 else ()
        fields.end(flags, 0xE0)
        return cls(heart_rate, contact, energy, rr, wide)

    def __bytes__(self) -> bytes:
        wide = self.wide or self.heart_rate > 0xFF
        flags = wide | 8 * (self.energy_kj is not None) | 16 * bool(self.rr)
        if self.contact is not None:
            flags |= 4 | 2 * self.contact
        energy = b"" if self.energy_kj is None else self.energy_kj.to_bytes(2, "little")
        rr = b"".join(interval.to_bytes(2, "little") for interval in self.rr)
        return bytes([flags]) + self.heart_rate.to_bytes(1 + wide, "little") + energy + rr


class Repeats:
    """Recognises a notification that came twice, by the time that its beats must have taken.

    A strap sends R-R intervals as the beats happen: over any stretch their sum is the time that
    passed. The same bytes again are a repeat when they would exceed it.
    """

    def __init__(self) -> None:
        self._recent: deque[bytes] = deque(maxlen=4)
        self._last_ns = 0
        self._credit_s = 0.0

    def is_repeat(self, received: Received, beats_s: float) -> bool:
        """Return whether ``received``, with intervals of ``beats_s`` in all, is a repeat."""
        needed_s = beats_s or SHORTEST_S
        passed_s = (received.monotonic_ns - self._last_ns) / 1e9 if self._recent else needed_s
        credit_s = min(self._credit_s + passed_s, MOST_CREDIT_S)
        if received.data in self._recent and credit_s < ENOUGH * needed_s:
            return True
        self._recent.append(received.data)
        self._last_ns = received.monotonic_ns
        self._credit_s = max(credit_s - needed_s, -needed_s)
        return False


class HeartRate(Simple):
    """The service as a part of a driver."""

    def __init__(self) -> None:
        super().__init__({MEASUREMENT: self._measure}, {LOCATION: self._location})
        self._contact: bool | None = None
        self._repeats = Repeats()
        self._last_rr_ns: int | None = None

    def _measure(self, received: Received) -> Iterable[Output]:
        fields = Fields(received.data)
        value = HeartRateMeasurement.from_bytes(fields)
        if self._repeats.is_repeat(received, sum(value.rr) / RR_UNITS_PER_S):
            yield Discarded(len(received.data), "duplicate")
            return
        yield from count_trailing(fields)
        if value.contact is not self._contact:
            self._contact = value.contact
            faults = {"lead_off"} if value.contact is False else set[str]()
            yield DeviceStatus(faults=frozenset(faults))
        if value.contact is False:
            yield measurement("heart_rate", None, "lead_off")
            return
        if value.heart_rate == 0:
            yield measurement("heart_rate", None, "no_beat")
        else:
            yield measurement("heart_rate", value.heart_rate, detail=fields.trailing())
        yield from self._intervals(value.rr, received.time_ns)

    def _intervals(self, rr: tuple[int, ...], time_ns: int) -> Iterable[Output]:
        """Return each interval at the time of the beat that ends it."""
        steps_ns = [interval * 1_000_000_000 // RR_UNITS_PER_S for interval in rr]
        at_ns = time_ns - sum(steps_ns)
        gap = self._last_rr_ns is not None and at_ns - self._last_rr_ns > GAP_NS
        for interval, step_ns in zip(rr, steps_ns, strict=True):
            at_ns += step_ns
            detail = {"gap": True} if gap else {}
            gap = False
            seconds = interval / RR_UNITS_PER_S
            yield measurement("rr_interval", seconds, time_ns=at_ns, detail=detail)
        if rr:
            self._last_rr_ns = time_ns

    def _location(self, received: Received) -> Iterable[Output]:
        code = Fields(received.data).uint(1)
        if code >= len(LOCATIONS):
            raise Malformed("reserved_value")
        yield DeviceStatus(identity={"body_location": LOCATIONS[code]})


def make() -> GattDriver:
    """Return a driver."""
    return GattDriver([HeartRate(), *battery_parts()])


DRIVER = DriverInfo(
    name="heart-rate",
    title="Heart rate sensor (Bluetooth Heart Rate service)",
    link=LinkType.BLE,
    verification=Verification.SPEC,
    source="Bluetooth SIG HRS 1.0, GSS 0x2A37; vectors of public implementations",
    make=no_options("heart-rate", make),
    metrics=frozenset({"heart_rate", "rr_interval"}),
    services=frozenset({SERVICE}),
)
