"""Pulse Oximeter service 0x1822: continuous and spot-check readings, stored ones too.

    0x2A5F notify    | flags u8 | SpO2 | pulse | fast SpO2, pulse | slow SpO2, pulse | status u16 |
      continuous       sensor u24 | perfusion index |
                       flags: 1 fast pair, 2 slow pair, 4 status, 8 sensor, 16 perfusion index
    0x2A5E indicate  | flags u8 | SpO2 | pulse | date time 7 | status u16 | sensor u24 | perfusion |
      spot-check       flags: 1 date time, 2 status, 4 sensor, 8 perfusion, 16 clock is not set
    0x2A60 read      | features u16 | status bits supported u16 | sensor bits supported u24 |
    0x2A52           record access (stored spot-checks, if features has bit 4)

All numbers are SFLOAT. Source: Bluetooth SIG PLXS 1.0.1; vectors of Stanford Spezi.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntFlag
from typing import Any

from teleward_drivers.ble.battery import battery_parts
from teleward_drivers.ble.current_time import DeviceCalendar
from teleward_drivers.ble.memory_part import MemoryPart
from teleward_drivers.ble.racp import RecordAccess
from teleward_drivers.device import Discarded, DriverInfo, LinkType, Output, Verification
from teleward_drivers.device_calendar import OFFSET_TEXT, reading_detail
from teleward_drivers.fields import DateTime, Fields, Malformed, sfloat_bytes
from teleward_drivers.gatt import GattDriver, count_trailing, uuid16
from teleward_drivers.link import Received
from teleward_drivers.medfloat import MedFloat
from teleward_drivers.options import read_options
from teleward_drivers.plausible import SlewLimit, measurement
from teleward_drivers.recent import RecentSet
from teleward_signal.model import DeviceStatus, Measurement

SERVICE = uuid16(0x1822)
CONTINUOUS = uuid16(0x2A5F)
SPOT_CHECK = uuid16(0x2A5E)
FEATURES = uuid16(0x2A60)
SPOT_VALID_S = 600.0
"""A spot-check describes minutes, not seconds; ten is the ward's round of observations."""
STEP_LIMITS = {"spo2": 8.0, "pulse_rate": 40.0}
"""Greatest believed step between readings about a second apart (oximeters average over 4 s)."""


class MeasurementStatus(IntFlag):
    """How a reading came about."""

    ONGOING = 1 << 5
    EARLY_ESTIMATE = 1 << 6
    VALIDATED = 1 << 7
    FULLY_QUALIFIED = 1 << 8
    FROM_STORAGE = 1 << 9
    DEMONSTRATION = 1 << 10
    TEST = 1 << 11
    CALIBRATION = 1 << 12
    UNAVAILABLE = 1 << 13
    QUESTIONABLE = 1 << 14
    INVALID = 1 << 15


class SensorStatus(IntFlag):
    """What is wrong with the sensor or the signal."""

    EXTENDED_DISPLAY = 1 << 0
    MALFUNCTION = 1 << 1
    PROCESSING_IRREGULARITY = 1 << 2
    INADEQUATE_SIGNAL = 1 << 3
    POOR_SIGNAL = 1 << 4
    LOW_PERFUSION = 1 << 5
    ERRATIC_SIGNAL = 1 << 6
    NONPULSATILE = 1 << 7
    QUESTIONABLE_PULSE = 1 << 8
    ANALYSIS_ONGOING = 1 << 9
    INTERFERENCE = 1 << 10
    UNCONNECTED = 1 << 11
    UNKNOWN_SENSOR = 1 << 12
    DISPLACED = 1 << 13
    SENSOR_MALFUNCTION = 1 << 14
    DISCONNECTED = 1 << 15


WITHHOLD_STATUS = {
    MeasurementStatus.INVALID: "invalid",
    MeasurementStatus.UNAVAILABLE: "unavailable",
    MeasurementStatus.CALIBRATION: "calibration",
    MeasurementStatus.TEST: "test_data",
    MeasurementStatus.DEMONSTRATION: "demonstration",
}
"""A reading with one of these is nobody's vital sign."""
WITHHOLD_SENSOR = {
    SensorStatus.DISCONNECTED: "probe_off",
    SensorStatus.UNCONNECTED: "probe_off",
    SensorStatus.DISPLACED: "probe_off",
    SensorStatus.SENSOR_MALFUNCTION: "sensor_fault",
    SensorStatus.MALFUNCTION: "sensor_fault",
    SensorStatus.INADEQUATE_SIGNAL: "no_signal",
    SensorStatus.NONPULSATILE: "no_signal",
}
DOUBT_SENSOR = {
    SensorStatus.POOR_SIGNAL: 0.4,
    SensorStatus.LOW_PERFUSION: 0.5,
    SensorStatus.ERRATIC_SIGNAL: 0.3,
    SensorStatus.QUESTIONABLE_PULSE: 0.3,
    SensorStatus.INTERFERENCE: 0.3,
    SensorStatus.PROCESSING_IRREGULARITY: 0.5,
    SensorStatus.UNKNOWN_SENSOR: 0.5,
}
"""Our grading of the signs of doubt into a quality; the standard gives none."""
DOUBT_STATUS = {MeasurementStatus.QUESTIONABLE: 0.3, MeasurementStatus.EARLY_ESTIMATE: 0.5}
Pair = tuple[MedFloat, MedFloat]


@dataclass(frozen=True, slots=True)
class ContinuousMeasurement:
    """One value of 0x2A5F; pairs are (SpO2 in %, pulse rate in /min)."""

    normal: Pair
    fast: Pair | None = None
    slow: Pair | None = None
    status: int | None = None
    sensor: int | None = None
    perfusion_index: MedFloat | None = None

    @classmethod
    def from_bytes(cls, data: bytes | Fields) -> "ContinuousMeasurement":
        """Decode a value; bytes after the announced fields are left alone."""
        fields = Fields.of(data)
        flags = fields.uint(1)
        normal = (fields.sfloat(), fields.sfloat())
        fast = (fields.sfloat(), fields.sfloat()) if flags & 1 else None
        slow = (fields.sfloat(), fields.sfloat()) if flags & 2 else None
        status = fields.uint(2) if flags & 4 else None
        sensor = fields.uint(3) if flags & 8 else None
        perfusion = fields.sfloat() if flags & 16 else None
        fields.end(flags, 0xE0)
        return cls(normal, fast, slow, status, sensor, perfusion)

    def __bytes__(self) -> bytes:
        optional = (self.fast, self.slow, self.status, self.sensor, self.perfusion_index)
        flags = sum(1 << bit for bit, value in enumerate(optional) if value is not None)
        present = [pair for pair in (self.normal, self.fast, self.slow) if pair]
        pairs = b"".join(sfloat_bytes(*pair) for pair in present)
        return bytes([flags]) + pairs + _tail(self.status, self.sensor, self.perfusion_index)


@dataclass(frozen=True, slots=True)
class SpotCheckMeasurement:
    """One value of 0x2A5E."""

    spo2: MedFloat
    pulse_rate: MedFloat
    date_time: DateTime | None = None
    status: int | None = None
    sensor: int | None = None
    perfusion_index: MedFloat | None = None
    clock_not_set: bool = False

    @classmethod
    def from_bytes(cls, data: bytes | Fields) -> "SpotCheckMeasurement":
        """Decode a value; bytes after the announced fields are left alone."""
        fields = Fields.of(data)
        flags = fields.uint(1)
        spo2, pulse = fields.sfloat(), fields.sfloat()
        date_time = fields.date_time() if flags & 1 else None
        status = fields.uint(2) if flags & 2 else None
        sensor = fields.uint(3) if flags & 4 else None
        perfusion = fields.sfloat() if flags & 8 else None
        fields.end(flags, 0xE0)
        return cls(spo2, pulse, date_time, status, sensor, perfusion, bool(flags & 16))

    def __bytes__(self) -> bytes:
        optional = (self.date_time, self.status, self.sensor, self.perfusion_index)
        flags = sum(1 << bit for bit, value in enumerate(optional) if value is not None)
        flags |= 16 * self.clock_not_set
        stamp = b"" if self.date_time is None else bytes(self.date_time)
        head = bytes([flags]) + sfloat_bytes(self.spo2, self.pulse_rate) + stamp
        return head + _tail(self.status, self.sensor, self.perfusion_index)


def _tail(status: int | None, sensor: int | None, perfusion: MedFloat | None) -> bytes:
    return (
        (b"" if status is None else status.to_bytes(2, "little"))
        + (b"" if sensor is None else sensor.to_bytes(3, "little"))
        + (b"" if perfusion is None else sfloat_bytes(perfusion))
    )


@dataclass(frozen=True, slots=True)
class Features:
    """What the oximeter can do (0x2A60)."""

    bits: int
    status_support: int | None = None
    sensor_support: int | None = None

    @classmethod
    def from_bytes(cls, data: bytes) -> "Features":
        """Decode a value."""
        fields = Fields(data)
        bits = fields.uint(2)
        status = fields.uint(2) if bits & 1 else None
        return cls(bits, status, fields.uint(3) if bits & 2 else None)

    def __bytes__(self) -> bytes:
        return self.bits.to_bytes(2, "little") + _tail(
            self.status_support, self.sensor_support, None
        )

    @property
    def storage(self) -> bool:
        """Whether it keeps spot-checks for record access."""
        return bool(self.bits & 4)


def judge(status: int | None, sensor: int | None) -> tuple[str | None, float | None]:
    """Return why a reading must be withheld (or ``None``) and its quality (or ``None``)."""
    status, sensor = status or 0, sensor or 0
    for bit, reason in WITHHOLD_STATUS.items():
        if status & bit:
            return reason, 0.0
    for sensor_bit, reason in WITHHOLD_SENSOR.items():
        if sensor & sensor_bit:
            return reason, 0.0
    doubts = [quality for bit, quality in DOUBT_STATUS.items() if status & bit]
    doubts += [quality for doubt, quality in DOUBT_SENSOR.items() if sensor & doubt]
    sure = status & (MeasurementStatus.VALIDATED | MeasurementStatus.FULLY_QUALIFIED)
    return None, min(doubts) if doubts else (1.0 if sure else None)


class PulseOximeter(MemoryPart):
    """The service as a part of a driver."""

    def __init__(self, access: RecordAccess, calendar: DeviceCalendar) -> None:
        super().__init__(
            access,
            calendar,
            {CONTINUOUS: self._continuous, SPOT_CHECK: self._spot},
            {FEATURES: self._features},
            optional=True,
        )
        self.values = frozenset({CONTINUOUS})
        self._n_spots = 0
        self._seen = RecentSet()
        self._slew = SlewLimit(STEP_LIMITS)
        self._faults: frozenset[str] | None = None
        self._absent: set[str] = set()
        self._streams = False

    @property
    def is_episodic(self) -> bool:
        """Whether it takes spot-checks and streams nothing: it has no stream, or begins none."""
        return SPOT_CHECK not in self._absent and not self._streams

    def refused(self, channel: str) -> None:
        """Take note of a characteristic that the oximeter has not got: one of two is enough."""
        self._absent.add(channel)

    def _continuous(self, received: Received) -> Iterable[Output]:
        self._streams = True
        data = Fields(received.data)
        value = ContinuousMeasurement.from_bytes(data)
        yield from count_trailing(data)
        yield from self._status(value.sensor)
        reason, quality = judge(value.status, value.sensor)
        names = ("spo2", "pulse_rate", "perfusion_index")
        for metric, number in zip(names, (*value.normal, value.perfusion_index), strict=True):
            if number is None:
                continue
            fields: dict[str, Any] = {"quality": quality}
            if reason is None:
                fields |= self._slew(metric, number.value)
            if data.left:
                fields["detail"] = {**fields.get("detail", {}), **data.trailing()}
            yield _reading(metric, number, reason, **fields)

    def _spot(self, received: Received) -> Iterable[Output]:
        try:
            data = Fields(received.data)
            value = SpotCheckMeasurement.from_bytes(data)
        except Malformed:
            self._access.lost()
            raise
        moment = None if value.clock_not_set else value.date_time
        if moment is not None and received.data in self._seen:
            yield Discarded(len(received.data), "duplicate")
            return
        self._seen.add(received.data)
        yield from count_trailing(data)
        if self._access.reading:
            # spot-checks have no number: the memory counts those that arrived
            self._n_spots += 1
            self._access.took(self._n_spots, None, received.data, received.time_ns)
        from_storage = bool((value.status or 0) & MeasurementStatus.FROM_STORAGE)
        stamped = self._calendar.stamped(received, moment, memory=from_storage or None)
        reason, quality = judge(value.status, value.sensor)
        shared: dict[str, Any] = {
            "quality": quality,
            "valid_s": SPOT_VALID_S,
            "group": f"plx-{stamped['device_time_ns'] or received.time_ns}",
            **stamped,
        }
        names = ("spo2", "pulse_rate", "perfusion_index")
        numbers = (value.spo2, value.pulse_rate, value.perfusion_index)
        readings = [
            _reading(
                metric, number, reason, detail=reading_detail(moment) | data.trailing(), **shared
            )
            for metric, number in zip(names, numbers, strict=True)
            if number is not None
        ]
        yield from self.give(readings, received)

    def _status(self, sensor: int | None) -> Iterable[Output]:
        bits = sensor or 0
        named = {WITHHOLD_SENSOR[bit] for bit in WITHHOLD_SENSOR if bits & bit}
        faults = frozenset(named - {"no_signal"})
        if faults != (self._faults or frozenset()):
            yield DeviceStatus(faults=faults)
        self._faults = faults

    def _features(self, received: Received) -> Iterable[Output]:
        features = Features.from_bytes(received.data)
        if not features.bits:
            raise Malformed("empty")
        yield DeviceStatus(identity={"oximeter_features": f"{features.bits:04x}"})


def _reading(metric: str, number: MedFloat, reason: str | None, **fields: Any) -> Measurement:
    if reason is not None:
        return measurement(metric, None, reason, **fields)
    return measurement(metric, number.value, number.reason, **fields)


OPTIONS = {
    "utc_offset_minutes": (int, None),
    "read_memory": (bool, True),
    "erase_after_reading": (bool, False),
}


def make(options: dict[str, Any]) -> GattDriver:
    """Return a driver."""
    chosen = read_options("pulse-oximeter", options, OPTIONS)
    calendar = DeviceCalendar(chosen["utc_offset_minutes"])
    access = RecordAccess(chosen["erase_after_reading"], chosen["read_memory"])
    return GattDriver([calendar, PulseOximeter(access, calendar), *battery_parts(), access])


DRIVER = DriverInfo(
    name="pulse-oximeter",
    title="Pulse oximeter (Bluetooth Pulse Oximeter service)",
    link=LinkType.BLE,
    verification=Verification.SPEC,
    source="Bluetooth SIG PLXS 1.0.1; vectors of the Stanford Spezi test suite",
    make=make,
    metrics=frozenset({"spo2", "pulse_rate", "perfusion_index"}),
    services=frozenset({SERVICE}),
    options={
        "utc_offset_minutes": OFFSET_TEXT,
        "read_memory": "read the device's memory after connecting (true)",
        "erase_after_reading": "erase the device's memory once it is on disk here (false)",
    },
)
