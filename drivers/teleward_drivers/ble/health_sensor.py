"""Generic Health Sensor service 0x1840: one service for every measurement, by MDC codes.

    0x2B8B notify, indicate  live observation, in segments:
      | header: 1 first, 2 last, bits 2-7 counter | piece |
    observation
      | class u8 | length u16 | flags u16 | type u32 if 1 | time 9 if 2 | duration FLOAT if 4 |
      | status u16 if 8 | id u32 if 10 | patient u8 if 20 | ... | value |
      class 1 numeric:           | unit u16 | value FLOAT |
      class 7 compound numeric:  | n u8 | n x (type u32, unit u16, value FLOAT) |
    time (Elapsed Time service)
      | flags: 1 ticks, 2 UTC, 0C resolution, 10 zone | count u48 since 2000 | source | zone s8 |
    0x2BF4 write  control point: 01 starts live observations, 02 stops them

Behind a flag: no device on the market is known to speak it, and the widths of unit and compound
fields follow one public simulator, so nothing here has met a real device. Source: Bluetooth SIG GHS
1.0 (2023), philips-labs/BLE-GHS-Server-Simulator.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from teleward_drivers.ble.battery import battery_parts
from teleward_drivers.device import Discarded, DriverInfo, LinkType, Output, Verification, Write
from teleward_drivers.fields import Fields, Malformed, float_bytes
from teleward_drivers.gatt import GattDriver, Simple, uuid16
from teleward_drivers.link import Received
from teleward_drivers.medfloat import MedFloat
from teleward_drivers.options import read_options
from teleward_drivers.plausible import measurement
from teleward_signal.errors import Invalid

SERVICE = uuid16(0x1840)
LIVE = uuid16(0x2B8B)
CONTROL = uuid16(0x2BF4)
START_LIVE = b"\x01"
FIRST, LAST = 1, 2
NUMERIC, COMPOUND_NUMERIC = 1, 7
MAX_OBSERVATION = 4096
"""An observation of more is a waveform array, which this driver does not read."""
EPOCH_2000_NS = 946_684_800_000_000_000
_RESOLUTION_NS = (1_000_000_000, 100_000_000, 1_000_000, 100_000)
METRIC_OF_MDC = {
    147842: "heart_rate",
    149530: "pulse_rate",
    150456: "spo2",
    150364: "body_temperature",
    150021: "nibp_systolic",
    150022: "nibp_diastolic",
    150023: "nibp_mean",
    151562: "respiratory_rate",
    160368: "glucose",
    188736: "body_weight",
}
UNITS = {
    "spo2": 262688,
    "heart_rate": 264864,
    "pulse_rate": 264864,
    "respiratory_rate": 264864,
    "nibp_systolic": 266016,
    "nibp_diastolic": 266016,
    "nibp_mean": 266016,
    "body_temperature": 268192,
    "glucose": 264274,
    "body_weight": 263875,
}
"""The MDC unit that a value must have; another unit is refused, never converted by guess."""
MDC_OF_METRIC = {name: code for code, name in METRIC_OF_MDC.items()}
VALID_S = {"body_temperature": 600.0, "glucose": 3600.0, "body_weight": 86400.0}
VALID_S |= {"nibp_systolic": 3600.0, "nibp_diastolic": 3600.0, "nibp_mean": 3600.0}
_PARTITION = 0xFFFF
"""Units travel without their partition (4 x 65536)."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One numeric or compound observation; ``values`` are (MDC type, unit term, value)."""

    values: tuple[tuple[int, int, MedFloat], ...]
    compound_type: int | None = None
    time: bytes | None = None

    @classmethod
    def from_bytes(cls, data: bytes) -> "Observation":
        """Decode a whole observation."""
        fields = Fields(data)
        kind, length, flags = fields.uint(1), fields.uint(2), fields.uint(2)
        if length != len(data) - 3 or kind not in (NUMERIC, COMPOUND_NUMERIC):
            raise Malformed("length" if length != len(data) - 3 else "unsupported_class")
        code = fields.uint(4) if flags & 0x01 else None
        time = fields.take(9) if flags & 0x02 else None
        for bit, size in ((0x04, 4), (0x08, 2), (0x10, 4), (0x20, 1)):
            if flags & bit:
                fields.take(size)
        if flags & 0x3C0:
            raise Malformed("unsupported_fields")
        if kind == COMPOUND_NUMERIC:
            rows = range(fields.uint(1))
            values = tuple((fields.uint(4), fields.uint(2), fields.medfloat()) for _ in rows)
            return cls(values, code, time)
        if code is None:
            raise Malformed("no_type")
        return cls(((code, fields.uint(2), fields.medfloat()),), None, time)

    def __bytes__(self) -> bytes:
        compound = self.compound_type is not None
        code = self.compound_type if self.compound_type is not None else self.values[0][0]
        body = code.to_bytes(4, "little") + (self.time or b"")
        if compound:
            body += bytes([len(self.values)])
        for kind, unit, value in self.values:
            body += kind.to_bytes(4, "little") if compound else b""
            body += unit.to_bytes(2, "little") + float_bytes(value)
        flags = 1 | 2 * (self.time is not None)
        number = COMPOUND_NUMERIC if compound else NUMERIC
        return struct.pack("<BHH", number, len(body) + 2, flags) + body


def segments(observation: bytes, size: int) -> list[bytes]:
    """Cut an observation into notifications of ``size`` bytes (for simulated devices)."""
    cut = [observation[at : at + size - 1] for at in range(0, len(observation), size - 1)]
    return [
        bytes([FIRST * (i == 0) | LAST * (i == len(cut) - 1) | (i & 63) << 2]) + piece
        for i, piece in enumerate(cut)
    ]


def elapsed_ns(time: bytes | None) -> int | None:
    """Return UTC of an Elapsed Time, or ``None`` for a tick counter."""
    if time is None or time[0] & 1:
        return None
    count_ns = int.from_bytes(time[1:7], "little") * _RESOLUTION_NS[time[0] >> 2 & 3]
    offset_min = 0 if time[0] & 2 else 15 * int.from_bytes(time[8:9], "little", signed=True)
    stamp_ns = EPOCH_2000_NS + count_ns - offset_min * 60_000_000_000
    return stamp_ns if 0 <= stamp_ns < 2**63 else None


class HealthSensor(Simple):
    """The service as a part of a driver."""

    def __init__(self) -> None:
        super().__init__({LIVE: self._segment})
        self._pieces = b""
        self._next: int | None = None

    def start(self, now_ns: int) -> Iterable[Output]:
        """Listen and start live observations."""
        yield from super().start(now_ns)
        yield Write(START_LIVE, CONTROL, optional=True)

    def _segment(self, received: Received) -> Iterable[Output]:
        header, piece = received.data[:1], received.data[1:]
        if not header:
            raise Malformed("truncated")
        counter = header[0] >> 2
        if header[0] & FIRST:
            self._pieces = b""
        elif counter != self._next or len(self._pieces) + len(piece) > MAX_OBSERVATION:
            self._next = None
            raise Malformed("segment_lost")
        self._pieces += piece
        self._next = counter + 1 & 63
        if header[0] & LAST:
            self._next = None
            yield from self._observation(Observation.from_bytes(self._pieces), received)

    def _observation(self, observation: Observation, received: Received) -> Iterable[Output]:
        stamp_ns = elapsed_ns(observation.time)
        group = None
        if len(observation.values) > 1:
            group = f"ghs-{stamp_ns or received.time_ns}"
        for code, unit, value in observation.values:
            metric = METRIC_OF_MDC.get(code)
            if metric is None or UNITS[metric] & _PARTITION != unit:
                yield Discarded(0, "unknown_metric" if metric is None else "unit")
                continue
            valid_s = VALID_S.get(metric, 5.0)
            shared: dict[str, Any] = {"device_time_ns": stamp_ns, "group": group}
            yield measurement(metric, value.value, value.reason, valid_s=valid_s, **shared)


def make(options: dict[str, Any]) -> GattDriver:
    """Return a driver; refused without the flag."""
    chosen = read_options("health-sensor", options, {"experimental": (bool, False)})
    if not chosen["experimental"]:
        raise Invalid(
            "driver health-sensor has never met a real device; set the option "
            "experimental = true to use it"
        )
    return GattDriver([HealthSensor(), *battery_parts()])


DRIVER = DriverInfo(
    name="health-sensor",
    title="Generic Health Sensor (experimental)",
    link=LinkType.BLE,
    verification=Verification.SIMULATOR,
    source="Bluetooth SIG GHS 1.0 and one public simulator; field widths unconfirmed",
    make=make,
    metrics=frozenset(METRIC_OF_MDC.values()),
    silence_s=0,
    options={"experimental": "use this driver although no device was ever tested (false)"},
)
