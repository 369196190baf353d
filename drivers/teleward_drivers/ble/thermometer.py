"""Health Thermometer service 0x1809.

    0x2A1C indicate  | flags u8 | temperature FLOAT | date time 7 | type u8 |
    0x2A1E notify      the same, while it is still measuring
                       flags: 1 Fahrenheit, 2 date time, 4 type
    0x2A1D read      | type u8 |       0x2A21 read, write  | interval u16 s, 0 = none |

Source: Bluetooth SIG HTS 1.0 and GSS.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from teleward_drivers.ble.battery import battery_parts
from teleward_drivers.ble.current_time import DeviceCalendar, clock_parts
from teleward_drivers.device import DriverInfo, LinkType, Output, Verification, Write
from teleward_drivers.device_calendar import OFFSET_TEXT, reading_detail
from teleward_drivers.fields import DateTime, Fields, Malformed, float_bytes
from teleward_drivers.gatt import GattDriver, Simple, count_trailing, uuid16
from teleward_drivers.link import Received
from teleward_drivers.medfloat import MedFloat
from teleward_drivers.options import read_options
from teleward_drivers.plausible import measurement
from teleward_signal.errors import Invalid
from teleward_signal.model import DeviceStatus

SERVICE = uuid16(0x1809)
MEASUREMENT = uuid16(0x2A1C)
INTERMEDIATE = uuid16(0x2A1E)
TYPE = uuid16(0x2A1D)
INTERVAL = uuid16(0x2A21)
_SITES = "armpit body ear finger gastrointestinal mouth rectum toe tympanum"
TYPES = dict(enumerate(_SITES.split(), 1))
VALID_S = 600.0
"""Body temperature moves by less than 0.1 degrees in ten minutes."""
INTERMEDIATE_VALID_S = 5.0


@dataclass(frozen=True, slots=True)
class TemperatureMeasurement:
    """One value of 0x2A1C or 0x2A1E."""

    temperature: MedFloat
    fahrenheit: bool = False
    date_time: DateTime | None = None
    type: int | None = None

    @classmethod
    def from_bytes(cls, data: bytes | Fields) -> "TemperatureMeasurement":
        """Decode a value; bytes after the announced fields are left alone."""
        fields = Fields.of(data)
        flags = fields.uint(1)
        temperature = fields.medfloat()
        date_time = fields.date_time() if flags & 2 else None
        kind = fields.uint(1) if flags & 4 else None
        fields.end(flags, 0xF8)
        return cls(temperature, bool(flags & 1), date_time, kind)

    def __bytes__(self) -> bytes:
        flags = self.fahrenheit | 2 * (self.date_time is not None) | 4 * (self.type is not None)
        stamp = b"" if self.date_time is None else bytes(self.date_time)
        kind = b"" if self.type is None else bytes([self.type])
        return bytes([flags]) + float_bytes(self.temperature) + stamp + kind

    @property
    def celsius(self) -> float | None:
        """The temperature in degrees Celsius."""
        value = self.temperature.value
        if value is None or not self.fahrenheit:
            return value
        return round((value - 32) / 1.8, 2)


class Thermometer(Simple):
    """The service as a part of a driver."""

    def __init__(self, calendar: DeviceCalendar, interval_s: int | None = None) -> None:
        super().__init__(
            {
                MEASUREMENT: lambda r: self._measured(r, True),
                INTERMEDIATE: lambda r: self._measured(r, False),
            },
            {TYPE: self._type},
            optional=True,
        )
        self.values = frozenset({MEASUREMENT, INTERMEDIATE})
        self._calendar = calendar
        self._interval_s = interval_s

    def start(self, now_ns: int) -> Iterable[Output]:
        """Subscribe, and set the interval when one was configured."""
        yield from super().start(now_ns)
        if self._interval_s is not None:
            yield Write(self._interval_s.to_bytes(2, "little"), INTERVAL, optional=True)

    def _measured(self, received: Received, final: bool) -> Iterable[Output]:
        fields = Fields(received.data)
        value = TemperatureMeasurement.from_bytes(fields)
        yield from count_trailing(fields)
        detail = (
            reading_detail(value.date_time)
            | fields.trailing()
            | ({} if final else {"intermediate": True})
        )
        if value.type in TYPES:
            detail["site"] = TYPES[value.type]
        stamped: dict[str, Any] = {}
        if final:
            stamped = self._calendar.stamped(received, value.date_time)
        else:
            self._calendar.see_live(value.date_time, received)
        yield measurement(
            "body_temperature",
            value.celsius,
            value.temperature.reason,
            quality=None if final else 0.5,
            valid_s=VALID_S if final else INTERMEDIATE_VALID_S,
            detail=detail,
            **stamped,
        )

    def _type(self, received: Received) -> Iterable[Output]:
        code = Fields(received.data).uint(1)
        if code not in TYPES:
            raise Malformed("reserved_value")
        yield DeviceStatus(identity={"measurement_site": TYPES[code]})


OPTIONS = {"utc_offset_minutes": (int, None), "interval_s": (int, None), "set_clock": (bool, True)}


def make(options: dict[str, Any]) -> GattDriver:
    """Return a driver."""
    chosen = read_options("thermometer", options, OPTIONS)
    interval_s = chosen["interval_s"]
    if interval_s is not None and not 0 <= interval_s <= 0xFFFF:
        raise Invalid(f"driver thermometer: interval_s must be 0 to 65535, not {interval_s}")
    calendar = DeviceCalendar(chosen["utc_offset_minutes"])
    clock = clock_parts(calendar, chosen["set_clock"])
    return GattDriver([calendar, Thermometer(calendar, interval_s), *clock, *battery_parts()])


DRIVER = DriverInfo(
    name="thermometer",
    title="Thermometer (Bluetooth Health Thermometer service)",
    link=LinkType.BLE,
    verification=Verification.SPEC,
    source="Bluetooth SIG HTS 1.0, GSS 0x2A1C",
    make=make,
    metrics=frozenset({"body_temperature"}),
    services=frozenset({SERVICE}),
    silence_s=0,
    options={
        "utc_offset_minutes": OFFSET_TEXT,
        "interval_s": "seconds between readings, 0 to 65535, if the device can (as it is)",
        "set_clock": "set the device's clock after connecting (true)",
    },
)
