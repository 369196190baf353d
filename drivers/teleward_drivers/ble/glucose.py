"""Glucose service 0x1808: meters with a memory, read by record access.

    0x2A18 notify  | flags u8 | sequence u16 | base time 7 | offset s16 min | concentration SFLOAT |
                   | type low 4, location high 4 | status u16 |
                     flags: 1 offset, 2 concentration with type and location,
                            4 mol/L (else kg/L), 8 status, 16 a context follows
    0x2A34 notify  | flags u8 | sequence u16 | extended u8 | carbohydrate u8, SFLOAT kg | meal u8 |
      context      | tester low 4, health high 4 | exercise u16 s, u8 % | medication u8, SFLOAT |
                   | HbA1c SFLOAT % |
                     flags: 1 carbohydrate, 2 meal, 4 tester and health, 8 exercise,
                            16 medication, 32 litres (else kg), 64 HbA1c, 128 extended
    0x2A51 read    | features u16 |        0x2A52 record access

mg/dL = kg/L x 1e5 = mol/L x 18015.6 (glucose 180.156 g/mol). A control solution is nobody's
blood: such a record is a reading without a value. Source: Bluetooth SIG GLS 1.0.1 and GSS.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import IntFlag
from typing import Any

from teleward_drivers.ble.battery import battery_parts
from teleward_drivers.ble.current_time import DeviceCalendar, clock_parts
from teleward_drivers.ble.memory_part import MemoryPart
from teleward_drivers.ble.racp import RecordAccess
from teleward_drivers.device import Discarded, DriverInfo, LinkType, Output, Verification
from teleward_drivers.device_calendar import OFFSET_TEXT
from teleward_drivers.fields import DateTime, Fields, Malformed, sfloat_bytes
from teleward_drivers.gatt import GattDriver, count_trailing, uuid16
from teleward_drivers.link import Received
from teleward_drivers.medfloat import MedFloat
from teleward_drivers.options import read_options
from teleward_drivers.plausible import measurement
from teleward_signal.model import DeviceStatus, Measurement

SERVICE = uuid16(0x1808)
MEASUREMENT = uuid16(0x2A18)
CONTEXT = uuid16(0x2A34)
FEATURE = uuid16(0x2A51)
VALID_S = 3600.0
AGAIN_S = 10.0
"""A meter reports only when asked: six times a minute while it stays connected."""
MG_PER_DL_OF_KG_PER_L = 1e5
MG_PER_DL_OF_MOL_PER_L = 18015.6
CONTROL_SOLUTION_TYPE = 10
CONTROL_SOLUTION_LOCATION = 4
MEALS = dict(enumerate(["preprandial", "postprandial", "fasting", "casual", "bedtime"], 1))


class Status(IntFlag):
    """What the meter states about a reading; a time fault spoils its time, not its number."""

    BATTERY_LOW = 1
    SENSOR_FAULT = 2
    SAMPLE_TOO_SMALL = 4
    STRIP_ERROR = 8
    WRONG_STRIP = 16
    ABOVE_RANGE = 32
    BELOW_RANGE = 64
    TOO_HOT = 128
    TOO_COLD = 256
    READ_INTERRUPTED = 512
    GENERAL_FAULT = 1024
    TIME_FAULT = 2048


ALL_BITS = 0xFFF
NO_VALUE = (
    Status.ABOVE_RANGE,
    Status.BELOW_RANGE,
    Status.SENSOR_FAULT,
    Status.SAMPLE_TOO_SMALL,
    Status.STRIP_ERROR,
    Status.WRONG_STRIP,
    Status.TOO_HOT,
    Status.TOO_COLD,
    Status.READ_INTERRUPTED,
    Status.GENERAL_FAULT,
)
"""With one of these the number is not a blood glucose, and the first that is set is the reason."""


@dataclass(frozen=True, slots=True)
class GlucoseMeasurement:
    """One value of 0x2A18."""

    sequence: int
    base_time: DateTime
    offset_minutes: int | None = None
    concentration: MedFloat | None = None
    molar: bool = False
    type: int = 0
    location: int = 0
    status: int | None = None
    context_follows: bool = False

    @classmethod
    def from_bytes(cls, data: bytes | Fields) -> "GlucoseMeasurement":
        """Decode a value; bytes after the announced fields are left alone."""
        fields = Fields.of(data)
        flags = fields.uint(1)
        sequence, base = fields.uint(2), fields.date_time()
        offset = fields.sint(2) if flags & 1 else None
        concentration = fields.sfloat() if flags & 2 else None
        kind = fields.uint(1) if flags & 2 else 0
        status = fields.uint(2) if flags & 8 else None
        molar, context = bool(flags & 4), bool(flags & 16)
        place = kind >> 4
        fields.end(flags, 0xE0)
        return cls(sequence, base, offset, concentration, molar, kind & 15, place, status, context)

    def __bytes__(self) -> bytes:
        flags = (self.offset_minutes is not None) | 2 * (self.concentration is not None)
        flags |= 4 * self.molar | 8 * (self.status is not None) | 16 * self.context_follows
        out = bytes([flags]) + self.sequence.to_bytes(2, "little") + bytes(self.base_time)
        if self.offset_minutes is not None:
            out += self.offset_minutes.to_bytes(2, "little", signed=True)
        if self.concentration is not None:
            out += sfloat_bytes(self.concentration) + bytes([self.type | self.location << 4])
        return out if self.status is None else out + self.status.to_bytes(2, "little")

    @property
    def mg_per_dl(self) -> float | None:
        """The concentration in mg/dL."""
        value = None if self.concentration is None else self.concentration.value
        if value is None:
            return None
        return round(value * (MG_PER_DL_OF_MOL_PER_L if self.molar else MG_PER_DL_OF_KG_PER_L), 2)

    @property
    def reason(self) -> str | None:
        """Why this is not a blood glucose, or ``None``."""
        control = self.type == CONTROL_SOLUTION_TYPE or self.location == CONTROL_SOLUTION_LOCATION
        if control:
            return "control_solution"
        for bit in NO_VALUE:
            if (self.status or 0) & bit:
                return str(bit.name).lower()
        return "missing" if self.concentration is None else self.concentration.reason

    @property
    def moment(self) -> DateTime:
        """When it was measured on the meter's calendar; base time and the user's offset.

        Year 0 when the meter has no time or states that its time is at fault.
        """
        base_ns = self.base_time.to_ns()
        if base_ns is None or (self.status or 0) & Status.TIME_FAULT:
            return DateTime(0, 0, 0)
        return DateTime.from_ns(base_ns + (self.offset_minutes or 0) * 60_000_000_000)


@dataclass(frozen=True, slots=True)
class GlucoseContext:
    """One value of 0x2A34; only what helps to read a glucose is named, the rest is kept raw."""

    sequence: int
    carbohydrate_kg: MedFloat | None = None
    meal: int | None = None
    rest: bytes = b""
    flags: int = 0
    carbohydrate_id: int = 0

    @classmethod
    def from_bytes(cls, data: bytes) -> "GlucoseContext":
        """Decode a value."""
        fields = Fields(data)
        flags, sequence = fields.uint(1), fields.uint(2)
        if flags & 128:
            fields.take(1)
        food = fields.uint(1) if flags & 1 else 0
        carbohydrate = fields.sfloat() if flags & 1 else None
        meal = fields.uint(1) if flags & 2 else None
        return cls(sequence, carbohydrate, meal, fields.rest(), flags & 0x7F, food)

    def __bytes__(self) -> bytes:
        flags = self.flags & 0x7C | (self.carbohydrate_kg is not None) | 2 * (self.meal is not None)
        out = bytes([flags]) + self.sequence.to_bytes(2, "little")
        if self.carbohydrate_kg is not None:
            out += bytes([self.carbohydrate_id]) + sfloat_bytes(self.carbohydrate_kg)
        return out + (b"" if self.meal is None else bytes([self.meal])) + self.rest


class GlucoseMeter(MemoryPart):
    """The service as a part of a driver."""

    def __init__(self, access: RecordAccess, calendar: DeviceCalendar) -> None:
        super().__init__(
            access,
            calendar,
            {MEASUREMENT: self._measured, CONTEXT: self._context},
            {FEATURE: self._feature},
            optional=True,
        )
        self._waiting: Measurement | None = None
        self._low_battery: bool | None = None

    def _measured(self, received: Received) -> Iterable[Output]:
        try:
            fields = Fields(received.data)
            value = GlucoseMeasurement.from_bytes(fields)
        except Malformed:
            self._access.lost()
            raise
        number, moment_ns = value.sequence, value.moment.to_ns()
        if not self._access.took(number, moment_ns, received.data, received.time_ns):
            yield Discarded(len(received.data), "duplicate")
            return
        yield from count_trailing(fields)
        yield from self._flush()
        reading = self._reading(value, received)
        if fields.left:
            reading = replace(reading, detail={**reading.detail, **fields.trailing()})
        if value.context_follows and not self._access.reading:
            self._waiting = reading
        else:
            yield from self.give([reading], received)

    def _reading(self, value: GlucoseMeasurement, received: Received) -> Measurement:
        reason = value.reason
        detail: dict[str, Any] = {"record": value.sequence, "device_clock": str(value.base_time)}
        bits = Status((value.status or 0) & ALL_BITS)
        if bits:
            detail["flags"] = [str(bit.name).lower() for bit in bits]
        if bits & Status.TIME_FAULT:
            detail["time_unknown"] = True
        return measurement(
            "glucose",
            None if reason else value.mg_per_dl,
            reason,
            valid_s=VALID_S,
            detail=detail,
            **self._calendar.stamped(
                received,
                value.moment,
                record=value.sequence,
                memory=True if self._access.reading else None,
            ),
        )

    def newest(self, readings: Sequence[Measurement]) -> Iterable[Output]:
        """Return the battery's state at the newest reading, when it changed."""
        for reading in readings:
            low = "battery_low" in reading.detail.get("flags", ())
            if low != bool(self._low_battery) and not reading.stored:
                self._low_battery = low
                yield DeviceStatus(faults=frozenset({"low_battery"}) if low else frozenset())

    def _context(self, received: Received) -> Iterable[Output]:
        value = GlucoseContext.from_bytes(received.data)
        waiting, meal = self._waiting, MEALS.get(value.meal or 0)
        detail = {} if meal is None else {"meal": meal}
        if self.amend(value.sequence, detail):
            return
        if waiting is None or waiting.detail["record"] != value.sequence:
            yield Discarded(len(received.data), "context_without_record")
            return
        self._waiting = replace(waiting, detail={**waiting.detail, **detail})
        yield from self._flush()

    def tick(self, now_ns: int) -> Iterable[Output]:
        """Give up a context that was announced and did not come."""
        return self._flush()

    def end(self) -> Iterable[Output]:
        """Return what was held back when the link ended."""
        yield from self._flush()
        yield from super().end()

    def _flush(self) -> Iterable[Output]:
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            yield waiting
            yield from self.newest([waiting])

    def _feature(self, received: Received) -> Iterable[Output]:
        bits = Fields(received.data).uint(2)
        yield DeviceStatus(identity={"glucose_features": f"{bits:04x}"})


OPTIONS = {
    "utc_offset_minutes": (int, None),
    "read_memory": (bool, True),
    "erase_after_reading": (bool, False),
    "set_clock": (bool, True),
}


def make(options: dict[str, Any]) -> GattDriver:
    """Return a driver."""
    chosen = read_options("glucose", options, OPTIONS)
    calendar = DeviceCalendar(chosen["utc_offset_minutes"])
    access = RecordAccess(
        chosen["erase_after_reading"], chosen["read_memory"], numbered=True, again_s=AGAIN_S
    )
    meter = GlucoseMeter(access, calendar)
    clock = clock_parts(calendar, chosen["set_clock"])
    return GattDriver([calendar, meter, *battery_parts(), access, *clock])


DRIVER = DriverInfo(
    name="glucose",
    title="Blood glucose meter (Bluetooth Glucose service)",
    link=LinkType.BLE,
    verification=Verification.SPEC,
    source="Bluetooth SIG GLS 1.0.1, GSS 0x2A18; units checked against 120 mg/dL and 6.7 mmol/L",
    make=make,
    metrics=frozenset({"glucose"}),
    services=frozenset({SERVICE}),
    silence_s=0,
    options={
        "utc_offset_minutes": OFFSET_TEXT,
        "read_memory": "read the device's memory after connecting (true)",
        "erase_after_reading": "erase the meter's memory once it is on disk here (false)",
        "set_clock": "set the meter's clock after connecting (true)",
    },
)
