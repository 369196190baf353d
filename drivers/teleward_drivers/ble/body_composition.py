"""Body Composition service 0x181B: scales that also measure fat.

    0x2A9C indicate  | flags u16 | fat u16, 0.1 % | date time 7 | user u8 | basal u16 kJ |
                     | muscle u16, 0.1 % | muscle mass | fat-free mass | soft lean mass |
                     | body water mass | impedance u16, 0.1 Ohm | weight | height |
                       flags: 1 imperial, then bits 1 to 11 one a field in this order,
                              bit 12 the value goes on in the next indication
                       masses 0.005 kg or 0.01 lb; height 0.001 m or 0.1 in; fat FFFF unsuccessful

A value longer than the MTU comes in two indications, each with flags and fat; they are joined.
Makers set bit 12 in both, so the second completes the value whatever its flag; a time or a user
begins another reading.
Source: Bluetooth SIG BCS 1.0 and GSS; packets of Goodix' Body Composition service.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from teleward_drivers.ble.battery import battery_parts
from teleward_drivers.ble.current_time import DeviceCalendar, clock_parts
from teleward_drivers.ble.mi_scale import MiWeighings, is_mi_body
from teleward_drivers.ble.weight_scale import (
    INCH,
    KG,
    LB,
    METRE,
    OPTION_TEXTS,
    OPTIONS,
    UNSUCCESSFUL,
    WeightScale,
    is_other_user,
    scale_fields,
)
from teleward_drivers.device import Discarded, DriverInfo, LinkType, Output, Verification
from teleward_drivers.fields import DateTime, Fields, Malformed
from teleward_drivers.gatt import GattDriver, Part, Simple, count_trailing, uuid16
from teleward_drivers.link import Received
from teleward_drivers.options import read_options
from teleward_drivers.plausible import measurement

SERVICE = uuid16(0x181B)
MEASUREMENT = uuid16(0x2A9C)
MORE_FOLLOWS = 1 << 12
MOST_FAT = 1000
"""100.0 %: a value beyond is another layout, and its weight is none either."""
FIELDS = (
    (3, "basal_kj"),
    (4, "muscle_tenth_percent"),
    (5, "muscle_mass"),
    (6, "fat_free_mass"),
    (7, "soft_lean_mass"),
    (8, "water_mass"),
    (9, "impedance_tenth_ohm"),
    (10, "weight"),
    (11, "height"),
)
MASSES = ("muscle_mass", "fat_free_mass", "soft_lean_mass", "water_mass")


@dataclass(frozen=True, slots=True)
class BodyComposition:
    """One value of 0x2A9C in the units of the wire; ``values`` by the names of `FIELDS`."""

    fat: int | None
    imperial: bool = False
    date_time: DateTime | None = None
    user: int | None = None
    values: dict[str, int] = field(default_factory=dict)
    more_follows: bool = False

    @classmethod
    def from_bytes(cls, data: bytes | Fields) -> "BodyComposition":
        """Decode a value; bytes after the announced fields are left alone."""
        fields = Fields.of(data)
        flags, fat = fields.uint(2), fields.uint(2)
        date_time = fields.date_time() if flags & 2 else None
        user = fields.uint(1) if flags & 4 else None
        values = {name: fields.uint(2) for bit, name in FIELDS if flags >> bit & 1}
        fields.end(flags, 0xE000)
        shown = None if fat == UNSUCCESSFUL else fat
        more = bool(flags & MORE_FOLLOWS)
        return cls(shown, bool(flags & 1), date_time, user, values, more)

    def __bytes__(self) -> bytes:
        flags = self.imperial | 2 * (self.date_time is not None) | 4 * (self.user is not None)
        flags |= sum(1 << bit for bit, name in FIELDS if name in self.values)
        flags |= MORE_FOLLOWS * self.more_follows
        fat = UNSUCCESSFUL if self.fat is None else self.fat
        body = b"" if self.date_time is None else bytes(self.date_time)
        body += b"" if self.user is None else bytes([self.user])
        numbers = [self.values[name] for _, name in FIELDS if name in self.values]
        words = b"".join(number.to_bytes(2, "little") for number in numbers)
        return flags.to_bytes(2, "little") + fat.to_bytes(2, "little") + body + words

    @property
    def is_first_part(self) -> bool:
        """Whether this is the first packet of a reading: only that has a time or a user."""
        return self.date_time is not None or self.user is not None

    def joined(self, later: "BodyComposition") -> "BodyComposition":
        """Return this value with what the next indication adds."""
        return BodyComposition(
            later.fat if self.fat is None else self.fat,
            self.imperial,
            self.date_time or later.date_time,
            self.user if self.user is not None else later.user,
            {**self.values, **later.values},
        )


class BodyCompositionScale(Simple):
    """The service as a part of a driver; ``user`` picks one person of a shared scale."""

    def __init__(self, calendar: DeviceCalendar, user: int | None = None) -> None:
        super().__init__({MEASUREMENT: self._indicated}, optional=True)
        self._calendar = calendar
        self.values = frozenset({MEASUREMENT})
        self._mi = MiWeighings(calendar)
        self._user = user
        self._begun: BodyComposition | None = None

    def _indicated(self, received: Received) -> Iterable[Output]:
        if is_mi_body(received.data):
            yield from self._mi.take(received)
            return
        fields = Fields(received.data)
        value = BodyComposition.from_bytes(fields)
        if value.fat is not None and value.fat > MOST_FAT:
            raise Malformed("implausible")
        yield from count_trailing(fields)
        begun, self._begun = self._begun, None
        if value.is_first_part or begun is None:
            if begun is not None:
                yield Discarded(len(bytes(begun)), "second_packet_lost")
            if value.more_follows:
                self._begun = value
                return
        else:
            value = begun.joined(value)
        if is_other_user(value.user, self._user):
            yield Discarded(len(received.data), "other_user")
            return
        shared = scale_fields(self._calendar, received, value.date_time, value.user, "body")
        detail = _detail(value) | shared.pop("detail") | fields.trailing()
        fat = None if value.fat is None else value.fat / 10
        reason = "unsuccessful" if fat is None else None
        yield measurement("body_fat", fat, reason, detail=detail, **shared)
        for name, metric, unit in (
            ("weight", "body_weight", LB if value.imperial else KG),
            ("height", "body_height", INCH if value.imperial else METRE),
        ):
            if name in value.values:
                yield measurement(metric, round(value.values[name] * unit, 3), **shared)


def _detail(value: BodyComposition) -> dict[str, Any]:
    mass = LB if value.imperial else KG
    detail: dict[str, Any] = {
        f"{name}_kg": round(value.values[name] * mass, 3) for name in MASSES if name in value.values
    }
    for name, key, scale in (
        ("basal_kj", "basal_kj", 1),
        ("muscle_tenth_percent", "muscle_percent", 10),
        ("impedance_tenth_ohm", "impedance_ohm", 10),
    ):
        if name in value.values:
            detail[key] = value.values[name] / scale
    return detail


def make(options: dict[str, Any]) -> GattDriver:
    """Return a driver."""
    chosen = read_options("body-composition", options, OPTIONS)
    calendar, user = DeviceCalendar(chosen["utc_offset_minutes"]), chosen["user"]
    scales: list[Part] = [BodyCompositionScale(calendar, user), WeightScale(calendar, user)]
    clock = clock_parts(calendar, chosen["set_clock"])
    return GattDriver([calendar, *scales, *clock, *battery_parts()])


DRIVER = DriverInfo(
    name="body-composition",
    title="Body composition scale (Bluetooth Body Composition service)",
    link=LinkType.BLE,
    verification=Verification.SIMULATOR,
    source="Bluetooth SIG BCS 1.0, GSS 0x2A9C; no vector from outside",
    make=make,
    metrics=frozenset({"body_fat", "body_weight", "body_height"}),
    services=frozenset({SERVICE}),
    silence_s=0,
    options=OPTION_TEXTS,
)
