"""Continuous Glucose Monitoring service 0x181F: a sensor worn for days.

    0x2AA7 notify  records, one after another:
                   | size u8 | flags u8 | glucose SFLOAT mg/dL | minutes since start u16 |
                   | status u8 if 80 | calibration u8 if 40 | warning u8 if 20 |
                   | trend SFLOAT mg/dL/min if 01 | quality SFLOAT % if 02 | E2E-CRC u16 |
    0x2AA8 read    | features u24 | type low 4, location high 4 | E2E-CRC u16, FFFF if unused |
    0x2AAA read, write  session start  | date time 7 | time zone s8 | daylight u8 | E2E-CRC |
    0x2AAB read    | run time u16 h | E2E-CRC |         0x2AAC  session control: op 1A starts

The size of a record tells whether a CRC follows; one that is wrong discards the record, not its
neighbours. Source: Bluetooth SIG CGMS 1.0.2 and GSS; E2E-CRC is CRC-16/MCRF4XX.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from teleward_drivers.ble.battery import battery_parts
from teleward_drivers.ble.current_time import DeviceCalendar
from teleward_drivers.ble.memory_part import MemoryPart
from teleward_drivers.ble.racp import RecordAccess
from teleward_drivers.crc import crc16_mcrf4xx
from teleward_drivers.device import Discarded, DriverInfo, LinkType, Output, Verification
from teleward_drivers.device_calendar import OFFSET_TEXT
from teleward_drivers.fields import DateTime, Fields, Malformed, sfloat_bytes
from teleward_drivers.gatt import GattDriver, uuid16
from teleward_drivers.link import Received
from teleward_drivers.medfloat import MedFloat
from teleward_drivers.options import read_options
from teleward_drivers.plausible import measurement
from teleward_signal.model import DeviceStatus, Measurement

SERVICE = uuid16(0x181F)
MEASUREMENT = uuid16(0x2AA7)
FEATURE = uuid16(0x2AA8)
SESSION_START = uuid16(0x2AAA)
VALID_S = 900.0
"""Three of the usual five-minute readings."""
E2E_CRC_SUPPORTED = 1 << 12
NO_CRC = 0xFFFF
STATUS_REASONS = {
    0x01: "session_stopped",
    0x04: "wrong_sensor_type",
    0x08: "sensor_fault",
    0x20: "general_fault",
}
CALIBRATION_REASONS = {
    0x08: "calibration_required",
    0x10: "too_hot",
    0x20: "too_cold",
    0x40: "calibrating",
}
WARNING_REASONS = {0x40: "below_range", 0x80: "above_range"}
"""Bits of the three octets with which the number is not a glucose; the first is the reason."""
FLAGS = (
    {0x02: "battery_low", 0x10: "device_alert"},
    {0x01: "time_sync_required", 0x02: "calibration_not_allowed", 0x04: "calibration_recommended"},
    {
        0x01: "below_patient_low",
        0x02: "above_patient_high",
        0x04: "hypo",
        0x08: "hyper",
        0x10: "falling_fast",
        0x20: "rising_fast",
    },
)
"""Bits of status, calibration and warning octet that go with a valid number."""


@dataclass(frozen=True, slots=True)
class CgmRecord:
    """One record of 0x2AA7."""

    glucose: MedFloat
    minutes: int
    status: int | None = None
    calibration: int | None = None
    warning: int | None = None
    trend: MedFloat | None = None
    quality: MedFloat | None = None
    with_crc: bool = False

    @classmethod
    def from_bytes(cls, data: bytes) -> "CgmRecord":
        """Decode one record, size byte first."""
        fields = Fields(data)
        size, flags = fields.uint(1), fields.uint(1)
        if size != len(data):
            raise Malformed("length")
        glucose, minutes = fields.sfloat(), fields.uint(2)
        status = fields.uint(1) if flags & 0x80 else None
        calibration = fields.uint(1) if flags & 0x40 else None
        warning = fields.uint(1) if flags & 0x20 else None
        trend = fields.sfloat() if flags & 1 else None
        quality = fields.sfloat() if flags & 2 else None
        if fields.left == 2 and fields.uint(2) != crc16_mcrf4xx(data[:-2]):
            raise Malformed("checksum")
        if fields.left:
            raise Malformed("length")
        plain = 6 + (flags >> 7 & 1) + (flags >> 6 & 1) + (flags >> 5 & 1)
        with_crc = len(data) > plain + 2 * (flags & 1) + (flags & 2)
        return cls(glucose, minutes, status, calibration, warning, trend, quality, with_crc)

    def __bytes__(self) -> bytes:
        octets = ((0x80, self.status), (0x40, self.calibration), (0x20, self.warning))
        flags = sum(bit for bit, octet in octets if octet is not None)
        flags |= (self.trend is not None) | 2 * (self.quality is not None)
        body = sfloat_bytes(self.glucose) + self.minutes.to_bytes(2, "little")
        body += bytes(octet for _, octet in octets if octet is not None)
        body += sfloat_bytes(*(n for n in (self.trend, self.quality) if n is not None))
        record = bytes([len(body) + 2 + 2 * self.with_crc, flags]) + body
        crc = crc16_mcrf4xx(record).to_bytes(2, "little") if self.with_crc else b""
        return record + crc

    @property
    def reason(self) -> str | None:
        """Why there is no glucose, or ``None``."""
        for octet, reasons in (
            (self.status, STATUS_REASONS),
            (self.calibration, CALIBRATION_REASONS),
            (self.warning, WARNING_REASONS),
        ):
            for bit, reason in reasons.items():
                if (octet or 0) & bit:
                    return reason
        return self.glucose.reason

    @property
    def flags(self) -> list[str]:
        """What the sensor states beside a valid number."""
        octets = (self.status or 0, self.calibration or 0, self.warning or 0)
        named = zip(octets, FLAGS, strict=True)
        return [name for octet, names in named for bit, name in names.items() if octet & bit]


def records(data: bytes) -> Iterable[CgmRecord | Discarded]:
    """Walk the records of one notification by their sizes."""
    at = 0
    while at < len(data):
        size = data[at]
        if size < 6 or at + size > len(data):
            yield Discarded(len(data) - at, "length")
            return
        try:
            yield CgmRecord.from_bytes(data[at : at + size])
        except Malformed as error:
            yield Discarded(size, str(error))
        at += size


@dataclass(frozen=True, slots=True)
class SessionStart:
    """One value of 0x2AAA, without its CRC; zone in steps of 15 min, -128 unknown."""

    date_time: DateTime
    zone: int = -128
    daylight: int = 0xFF

    @classmethod
    def from_bytes(cls, data: bytes) -> "SessionStart":
        """Decode a value."""
        fields = Fields(data)
        return cls(fields.date_time(), fields.sint(1), fields.uint(1))

    def __bytes__(self) -> bytes:
        zone = self.zone.to_bytes(1, "little", signed=True)
        return bytes(self.date_time) + zone + bytes([self.daylight])

    @property
    def offset_minutes(self) -> int | None:
        """How far the sensor's calendar is ahead of UTC, ``None`` when it does not state that."""
        if self.zone == -128:
            return None
        return 15 * (self.zone + (0 if self.daylight == 0xFF else self.daylight))

    def after(self, minutes: int) -> DateTime | None:
        """Return the sensor's calendar ``minutes`` after the start, ``None`` if it is not set."""
        start_ns = self.date_time.to_ns()
        return None if start_ns is None else DateTime.from_ns(start_ns + minutes * 60_000_000_000)


class GlucoseSensor(MemoryPart):
    """The service as a part of a driver."""

    def __init__(self, access: RecordAccess, calendar: DeviceCalendar) -> None:
        super().__init__(
            access,
            calendar,
            {MEASUREMENT: self._measured},
            {SESSION_START: self._started, FEATURE: self._feature},
        )
        self._start: SessionStart | None = None

    def _started(self, received: Received) -> Iterable[Output]:
        self._start = SessionStart.from_bytes(received.data)
        return ()

    def _measured(self, received: Received) -> Iterable[Output]:
        for record in records(received.data):
            if isinstance(record, Discarded):
                self._access.lost()
                yield record
                continue
            moment = None if self._start is None else self._start.after(record.minutes)
            calendar_ns = None if moment is None else moment.to_ns()
            if self._access.took(record.minutes, calendar_ns, bytes(record), received.time_ns):
                yield from self.give([self._reading(record, moment, received)], received)
            else:
                yield Discarded(len(bytes(record)), "duplicate")

    def _reading(
        self, record: CgmRecord, moment: DateTime | None, received: Received
    ) -> Measurement:
        detail: dict[str, Any] = {"record": record.minutes}
        if record.trend is not None and record.trend.value is not None:
            detail["trend_mg_per_dl_per_min"] = record.trend.value
        if record.flags:
            detail["flags"] = record.flags
        quality = None if record.quality is None else record.quality.value
        reason = record.reason
        return measurement(
            "glucose",
            None if reason else record.glucose.value,
            reason,
            quality=None if quality is None else max(0.0, min(1.0, quality / 100)),
            valid_s=VALID_S,
            detail=detail,
            **self._calendar.stamped(
                received,
                moment,
                record=record.minutes,
                memory=True if self._access.reading else None,
                offset_minutes=None if self._start is None else self._start.offset_minutes,
            ),
        )

    def _feature(self, received: Received) -> Iterable[Output]:
        fields = Fields(received.data)
        bits = fields.uint(3)
        crc = Fields(received.data[-2:]).uint(2)
        if bits & E2E_CRC_SUPPORTED and crc != crc16_mcrf4xx(received.data[:-2]):
            raise Malformed("checksum")
        yield DeviceStatus(identity={"cgm_features": f"{bits:06x}"})


OPTIONS = {"utc_offset_minutes": (int, None), "read_memory": (bool, True)}


def make(options: dict[str, Any]) -> GattDriver:
    """Return a driver."""
    chosen = read_options("cgm", options, OPTIONS)
    access = RecordAccess(ask=chosen["read_memory"], numbered=True)
    calendar = DeviceCalendar(chosen["utc_offset_minutes"])
    return GattDriver([calendar, GlucoseSensor(access, calendar), *battery_parts(), access])


DRIVER = DriverInfo(
    name="cgm",
    title="Continuous glucose monitor (Bluetooth CGM service)",
    link=LinkType.BLE,
    verification=Verification.SPEC,
    source="Bluetooth SIG CGMS 1.0.2; E2E-CRC vector of the specification's algorithm",
    make=make,
    metrics=frozenset({"glucose"}),
    services=frozenset({SERVICE}),
    silence_s=0,
    options={
        "utc_offset_minutes": OFFSET_TEXT,
        "read_memory": "read the device's memory after connecting (true)",
    },
)
