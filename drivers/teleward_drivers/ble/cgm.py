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
from teleward_drivers.ble.racp import RecordAccess
from teleward_drivers.crc import crc16_mcrf4xx
from teleward_drivers.device import Discarded, DriverInfo, LinkType, Output, Verification
from teleward_drivers.fields import DateTime, Fields, Malformed, sfloat_bytes
from teleward_drivers.gatt import GattDriver, Simple, uuid16
from teleward_drivers.link import Received
from teleward_drivers.medfloat import MedFloat
from teleward_drivers.options import read_options
from teleward_drivers.plausible import measurement
from teleward_signal.model import DeviceStatus

SERVICE = uuid16(0x181F)
MEASUREMENT = uuid16(0x2AA7)
FEATURE = uuid16(0x2AA8)
SESSION_START = uuid16(0x2AAA)
VALID_S = 900.0
"""Three of the usual five-minute readings."""
E2E_CRC_SUPPORTED = 1 << 12
NO_CRC = 0xFFFF
STATUS_REASONS = {0x01: "session_stopped", 0x08: "sensor_fault", 0x20: "sensor_fault"}
"""Status octet: stopped, sensor malfunction, general fault."""
CALIBRATION_REASONS = {0x04: "calibrating"}
WARNING_REASONS = {0x10: "below_range", 0x20: "above_range"}
"""Warning octet: result below or above what the sensor can process."""


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

    def to_ns(self, utc_offset_minutes: int) -> int | None:
        """Return the start in UTC; the device's own zone wins over the configured offset."""
        if self.zone != -128:
            daylight = 0 if self.daylight == 0xFF else self.daylight
            utc_offset_minutes = 15 * (self.zone + daylight)
        return self.date_time.to_ns(utc_offset_minutes)


class GlucoseSensor(Simple):
    """The service as a part of a driver."""

    def __init__(self, access: RecordAccess, utc_offset_minutes: int = 0) -> None:
        super().__init__(
            {MEASUREMENT: self._measured},
            {SESSION_START: self._started, FEATURE: self._feature},
        )
        self._access = access
        self._offset = utc_offset_minutes
        self._start_ns: int | None = None

    def _started(self, received: Received) -> Iterable[Output]:
        self._start_ns = SessionStart.from_bytes(received.data).to_ns(self._offset)
        return ()

    def _measured(self, received: Received) -> Iterable[Output]:
        for record in records(received.data):
            if isinstance(record, Discarded):
                yield record
                continue
            stamp_ns = None
            if self._start_ns is not None:
                stamp_ns = self._start_ns + record.minutes * 60_000_000_000
            detail: dict[str, Any] = {"record": record.minutes}
            if record.trend is not None and record.trend.value is not None:
                detail["trend_mg_per_dl_per_min"] = record.trend.value
            quality = None if record.quality is None else record.quality.value
            yield measurement(
                "glucose",
                None if record.reason else record.glucose.value,
                record.reason,
                quality=None if quality is None else max(0.0, min(1.0, quality / 100)),
                device_time_ns=stamp_ns,
                valid_s=VALID_S,
                stored=self._access.reading,
                detail=detail,
            )

    def _feature(self, received: Received) -> Iterable[Output]:
        fields = Fields(received.data)
        bits = fields.uint(3)
        crc = Fields(received.data[-2:]).uint(2)
        if bits & E2E_CRC_SUPPORTED and crc != crc16_mcrf4xx(received.data[:-2]):
            raise Malformed("checksum")
        yield DeviceStatus(identity={"cgm_features": f"{bits:06x}"})


OPTIONS = {"utc_offset_minutes": (int, 0), "read_memory": (bool, True)}


def make(options: dict[str, Any]) -> GattDriver:
    """Return a driver."""
    chosen = read_options("cgm", options, OPTIONS)
    access = RecordAccess(ask=chosen["read_memory"])
    sensor = GlucoseSensor(access, chosen["utc_offset_minutes"])
    return GattDriver([sensor, *battery_parts(), access])


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
        "utc_offset_minutes": "how far the sensor's clock is ahead of UTC (0)",
        "read_memory": "read the device's memory after connecting (true)",
    },
)
