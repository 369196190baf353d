"""Weight Scale service 0x181D.

    0x2A9D indicate  | flags u8 | weight u16 | date time 7 | user u8 | BMI u16 | height u16 |
                       flags: 1 imperial, 2 date time, 4 user, 8 BMI and height
                       weight 0.005 kg or 0.01 lb, FFFF unsuccessful; BMI 0.1 kg/m2;
                       height 0.001 m or 0.1 in
    0x2A9E read      | features u32 |

Source: Bluetooth SIG WSS 1.0 and GSS; vectors of Stanford Spezi.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from teleward_drivers.ble.battery import battery_parts
from teleward_drivers.ble.current_time import DeviceCalendar, clock_parts
from teleward_drivers.ble.mi_scale import MiWeighings, is_mi_weight
from teleward_drivers.device import Discarded, DriverInfo, LinkType, Output, Verification
from teleward_drivers.device_calendar import OFFSET_TEXT, reading_detail
from teleward_drivers.fields import DateTime, Fields
from teleward_drivers.gatt import GattDriver, Simple, count_trailing, uuid16
from teleward_drivers.link import Received
from teleward_drivers.options import read_options
from teleward_drivers.plausible import measurement
from teleward_drivers.recent import UndatedRepeats

SERVICE = uuid16(0x181D)
MEASUREMENT = uuid16(0x2A9D)
UNSUCCESSFUL = 0xFFFF
KG, LB = 0.005, 0.01 * 0.45359237
METRE, INCH = 0.001, 0.1 * 0.0254
VALID_S = 86400.0
"""A day: weight is taken once a day, at the same hour."""
USER_UNKNOWN = 0xFF
WEIGHING_NS = 3_000_000_000
"""Nobody steps off and on and stands still in less."""


@dataclass(frozen=True, slots=True)
class WeightMeasurement:
    """One value of 0x2A9D in the units of the wire; ``weight`` ``None`` when unsuccessful."""

    weight: int | None
    imperial: bool = False
    date_time: DateTime | None = None
    user: int | None = None
    bmi: int | None = None
    height: int | None = None

    @classmethod
    def from_bytes(cls, data: bytes | Fields) -> "WeightMeasurement":
        """Decode a value; bytes after the announced fields are left alone."""
        fields = Fields.of(data)
        flags, weight = fields.uint(1), fields.uint(2)
        date_time = fields.date_time() if flags & 2 else None
        user = fields.uint(1) if flags & 4 else None
        bmi = fields.uint(2) if flags & 8 else None
        height = fields.uint(2) if flags & 8 else None
        fields.end(flags, 0xF0)
        shown = None if weight == UNSUCCESSFUL else weight
        return cls(shown, bool(flags & 1), date_time, user, bmi, height)

    def __bytes__(self) -> bytes:
        flags = self.imperial | 2 * (self.date_time is not None) | 4 * (self.user is not None)
        weight = UNSUCCESSFUL if self.weight is None else self.weight
        body = weight.to_bytes(2, "little")
        body += b"" if self.date_time is None else bytes(self.date_time)
        body += b"" if self.user is None else bytes([self.user])
        if self.bmi is not None and self.height is not None:
            flags |= 8
            body += self.bmi.to_bytes(2, "little") + self.height.to_bytes(2, "little")
        return bytes([flags]) + body

    @property
    def kilograms(self) -> float | None:
        """The weight in kg."""
        unit = LB if self.imperial else KG
        return None if self.weight is None else round(self.weight * unit, 3)

    @property
    def metres(self) -> float | None:
        """The height in m."""
        unit = INCH if self.imperial else METRE
        return round(self.height * unit, 3) if self.height else None


class WeightScale(Simple):
    """The service as a part of a driver; ``user`` picks one person of a shared scale."""

    def __init__(self, calendar: DeviceCalendar, user: int | None = None) -> None:
        super().__init__({MEASUREMENT: self._measured}, optional=True)
        self._calendar = calendar
        self.values = frozenset({MEASUREMENT})
        self._mi = MiWeighings(calendar)
        self._user = user
        self._undated = UndatedRepeats(WEIGHING_NS)

    def _measured(self, received: Received) -> Iterable[Output]:
        if is_mi_weight(received.data):
            yield from self._mi.take(received)
            return
        fields = Fields(received.data)
        value = WeightMeasurement.from_bytes(fields)
        undated = value.date_time is None or not value.date_time.known
        if undated and self._undated.is_repeat(received.data, received.monotonic_ns):
            yield Discarded(len(received.data), "duplicate")
            return
        yield from count_trailing(fields)
        if is_other_user(value.user, self._user):
            yield Discarded(len(received.data), "other_user")
            return
        shared = scale_fields(self._calendar, received, value.date_time, value.user, "weight")
        detail = shared.pop("detail") | fields.trailing()
        if value.bmi:
            detail["bmi"] = value.bmi / 10
        reason = "unsuccessful" if value.weight is None else None
        yield measurement("body_weight", value.kilograms, reason, detail=detail, **shared)
        if value.metres is not None:
            yield measurement("body_height", value.metres, **shared)


def scale_fields(
    calendar: DeviceCalendar,
    received: Received,
    moment: DateTime | None,
    user: int | None,
    group: str,
) -> dict[str, Any]:
    """Return what all measurements of one reading of a scale share."""
    user = None if user == USER_UNKNOWN else user
    stamped = calendar.stamped(received, moment, user=user)
    return {
        "valid_s": VALID_S,
        "group": f"{group}-{stamped['device_time_ns'] or received.time_ns}",
        "detail": reading_detail(moment, user),
        **stamped,
    }


def is_other_user(shown: int | None, wanted: int | None) -> bool:
    """Return whether a reading belongs to another user of the scale than the wanted one."""
    return wanted is not None and shown not in (None, USER_UNKNOWN, wanted)


OPTIONS = {"utc_offset_minutes": (int, None), "user": (int, None), "set_clock": (bool, True)}
OPTION_TEXTS = {
    "utc_offset_minutes": OFFSET_TEXT,
    "user": "take only readings of this user of the scale (all)",
    "set_clock": "set the scale's clock after connecting (true)",
}


def make(options: dict[str, Any]) -> GattDriver:
    """Return a driver."""
    chosen = read_options("weight-scale", options, OPTIONS)
    calendar = DeviceCalendar(chosen["utc_offset_minutes"])
    scale = WeightScale(calendar, chosen["user"])
    return GattDriver(
        [calendar, scale, *clock_parts(calendar, chosen["set_clock"]), *battery_parts()]
    )


DRIVER = DriverInfo(
    name="weight-scale",
    title="Scale (Bluetooth Weight Scale service)",
    link=LinkType.BLE,
    verification=Verification.SPEC,
    source="Bluetooth SIG WSS 1.0, GSS 0x2A9D; vectors of Stanford Spezi",
    make=make,
    metrics=frozenset({"body_weight", "body_height"}),
    services=frozenset({SERVICE}),
    silence_s=0,
    options=OPTION_TEXTS,
)
