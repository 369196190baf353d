"""Xiaomi Mi Smart Scale 2 and Mi Body Composition Scale 2: their own layout on SIG characteristics.

    0x2A9D, 0x181D  | control u8 | weight u16 | date time 7 |                          10 bytes
                      control: 01 lb, 10 jin, 20 steady, 80 stepped off; else kg
    0x2A9C, 0x181B  | unit u8 | control u8 | date time 7 | impedance u16 | weight u16 |  13 bytes
                      unit: 01 lb, 10 jin; control: 02 impedance is valid, 20 steady, 40 jin,
                      80 stepped off
    weight          0.005 kg, 0.01 lb or 0.01 jin (half a kilogram); impedance Ohm

The same bytes are broadcast as service data of the two services, which is how the scale is read
here: it needs no connection, and no phone can hold it. Bind it by its address, since the scale of
a neighbour is received too.

The scale sends while a person steps on: only a steady weight is one, and each weighing counts once,
though it is repeated when the person steps off. Read as the SIG defines these characteristics, the
year stands where the fat is (201.9 %) and a swaying weight is final, so the drivers of the SIG's
services hand such values to this one. A scale that was never set stands in 1970. Fat is not sent:
apps compute it from age and sex. Source: captures in openScale issue 392 and in the tests of
custom-components/ble_monitor (MIT); layout of public drivers.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from teleward_drivers.ble.battery import battery_parts
from teleward_drivers.ble.current_time import DeviceCalendar
from teleward_drivers.device import Discarded, DriverInfo, LinkType, Output, Verification
from teleward_drivers.device_calendar import OFFSET_TEXT, reading_detail
from teleward_drivers.fields import DateTime, Fields, Malformed
from teleward_drivers.gatt import GattDriver, Simple, uuid16
from teleward_drivers.link import Received
from teleward_drivers.options import read_options
from teleward_drivers.plausible import measurement

WEIGHT_SERVICE, BODY_SERVICE = uuid16(0x181D), uuid16(0x181B)
WEIGHT, BODY = uuid16(0x2A9D), uuid16(0x2A9C)
WEIGHT_SIZE, BODY_SIZE = 10, 13
POUND, JIN, STEADY, OFF = 0x01, 0x10, 0x20, 0x80
IMPEDANCE, JIN_OF_BODY = 0x02, 0x40
KG_PER_UNIT, KG_PER_POUND, KG_PER_JIN = 0.005, 0.01 * 0.45359237, 0.005
VALID_S = 86400.0
SAME_WEIGHING_NS = 60_000_000_000
"""A scale repeats a weighing for some seconds; nobody steps off and on in them."""


@dataclass(frozen=True, slots=True)
class MiWeight:
    """One value of a Mi scale; ``raw`` in the unit of the scale."""

    raw: int
    kg_per_unit: float
    moment: DateTime
    steady: bool
    stepped_off: bool
    impedance_ohm: int | None = None

    @classmethod
    def from_bytes(cls, data: bytes) -> "MiWeight":
        """Decode a value of either scale."""
        fields = Fields(data)
        impedance = None
        if len(data) == WEIGHT_SIZE:
            unit = control = fields.uint(1)
            raw, moment = fields.uint(2), fields.date_time()
        elif len(data) == BODY_SIZE:
            unit, control = fields.uint(1), fields.uint(1)
            moment = fields.date_time()
            impedance, raw = fields.uint(2), fields.uint(2)
            unit |= JIN if control & JIN_OF_BODY else 0
        else:
            raise Malformed("length")
        if not _is_calendar(moment):
            raise Malformed("other_layout")
        scale = KG_PER_POUND if unit & POUND else KG_PER_JIN if unit & JIN else KG_PER_UNIT
        shown = impedance if impedance and control & IMPEDANCE else None
        return cls(raw, scale, moment, bool(control & STEADY), bool(control & OFF), shown)

    def to_bytes(self, body: bool) -> bytes:
        """Encode in kilograms, for the scale with (``body``) or without electrodes."""
        state = STEADY * self.steady | OFF * self.stepped_off
        weight, stamp = self.raw.to_bytes(2, "little"), bytes(self.moment)
        if not body:
            return bytes([0x02 | state]) + weight + stamp
        state |= IMPEDANCE if self.impedance_ohm else 0
        impedance = (self.impedance_ohm or 0).to_bytes(2, "little")
        return bytes([0x02, 0x04 | state]) + stamp + impedance + weight

    @property
    def kilograms(self) -> float:
        """The weight in kg."""
        return round(self.raw * self.kg_per_unit, 3)


def is_mi_body(data: bytes) -> bool:
    """Return whether a value of 0x2A9C is in the maker's layout.

    A year stands where the SIG has the fat: no body has 197 % and more of it.
    """
    return len(data) == BODY_SIZE and _is_calendar(Fields(data[2:9]).date_time())


def is_mi_weight(data: bytes) -> bool:
    """Return whether a value of 0x2A9D is in the maker's layout: the SIG's, but flags it lacks."""
    if len(data) != WEIGHT_SIZE or not data[0] & 0xF0:
        return False
    return _is_calendar(Fields(data[3:]).date_time())


def _is_calendar(moment: DateTime) -> bool:
    day = 1970 <= moment.year < 2200 and 1 <= moment.month <= 12 and 1 <= moment.day <= 31
    return day and moment.hour < 24 and moment.minute < 60 and moment.second < 60


class MiWeighings:
    """Turns values into weighings: steady ones, each once."""

    def __init__(self, calendar: DeviceCalendar) -> None:
        self._calendar = calendar
        self._last: tuple[int, int] | None = None

    def take(self, received: Received) -> Iterable[Output]:
        """Take one value."""
        value = MiWeight.from_bytes(received.data)
        if not value.steady:
            yield Discarded(len(received.data), "not_steady")
            return
        if self._is_repeat(value, received.monotonic_ns):
            yield Discarded(len(received.data), "duplicate")
            return
        detail = reading_detail(value.moment)
        if value.impedance_ohm is not None:
            detail["impedance_ohm"] = value.impedance_ohm
        stamped = self._calendar.stamped(received, value.moment)
        yield measurement("body_weight", value.kilograms, valid_s=VALID_S, detail=detail, **stamped)

    def _is_repeat(self, value: MiWeight, now_ns: int) -> bool:
        last, self._last = self._last, (value.raw, now_ns)
        return last is not None and last[0] == value.raw and now_ns - last[1] < SAME_WEIGHING_NS


class MiScale(Simple):
    """Both characteristics, and both kinds of service data, as a part of a driver."""

    def __init__(self, calendar: DeviceCalendar) -> None:
        weighings = MiWeighings(calendar)
        super().__init__({WEIGHT: weighings.take, BODY: weighings.take}, optional=True)
        self.handlers |= {WEIGHT_SERVICE: weighings.take, BODY_SERVICE: weighings.take}


def make(options: dict[str, Any]) -> GattDriver:
    """Return a driver."""
    chosen = read_options("mi-scale", options, {"utc_offset_minutes": (int, None)})
    calendar = DeviceCalendar(chosen["utc_offset_minutes"])
    return GattDriver([calendar, MiScale(calendar), *battery_parts()])


DRIVER = DriverInfo(
    name="mi-scale",
    title="Xiaomi Mi Smart Scale 2, Mi Body Composition Scale 2",
    link=LinkType.BLE,
    verification=Verification.CAPTURE,
    source="public captures of both scales (openScale issue 392, ble_monitor tests, MIT)",
    make=make,
    metrics=frozenset({"body_weight"}),
    names=("MIBFS", "MIBCS", "MI SCALE", "MI_SCALE"),
    broadcast=True,
    silence_s=0,
    options={"utc_offset_minutes": OFFSET_TEXT},
)
