"""Blood Pressure service 0x1810: cuffs, with their pressure while they inflate.

    0x2A35 indicate  | flags u8 | systolic | diastolic | mean | date time 7 | pulse |
                       user u8 | status u16 |
    0x2A36 notify      the same: cuff pressure in the systolic field, the others NaN
                       flags: 1 kPa (else mmHg), 2 date time, 4 pulse, 8 user, 16 status; SFLOATs
    0x2B34 notify    | flags u8 | systolic | diastolic | mean | time u32 | pulse |
      enhanced         user u8 | status u16 | user-facing time u32 |
    0x2B35 notify    the same with ONE pressure: | flags u8 | cuff pressure | time u32 | pulse ...
                       flags as above, 32 user-facing time, 64 epoch is 2000 (else 1900); seconds
    0x2A49 read      | features u16 |

A failed reading has NaN in all three: it is a result with a reason, never the number 2047. Cuffs
send stored readings as repeated indications right after connecting and then hang up, so
nothing but a read of the clock comes before subscribing; repeats are dropped by (time, user,
values). With both times of the enhanced form the first is UTC and the second what the cuff shows.
Source: Bluetooth SIG BPS 1.1.1 and GSS; vectors of Stanford Spezi.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntFlag
from typing import Any

from teleward_drivers.ble.battery import battery_parts
from teleward_drivers.ble.current_time import DeviceCalendar, clock_parts
from teleward_drivers.device import Discarded, DriverInfo, LinkType, Output, Verification
from teleward_drivers.device_calendar import OFFSET_TEXT, reading_detail
from teleward_drivers.fields import DateTime, Fields, Malformed, sfloat_bytes
from teleward_drivers.gatt import GattDriver, Simple, count_trailing, uuid16
from teleward_drivers.link import Received
from teleward_drivers.medfloat import MedFloat, Special
from teleward_drivers.options import read_options
from teleward_drivers.plausible import measurement
from teleward_drivers.recent import RecentSet, UndatedRepeats
from teleward_signal.model import DeviceStatus
from teleward_signal.vocabulary import is_plausible

SERVICE = uuid16(0x1810)
MEASUREMENT = uuid16(0x2A35)
INTERMEDIATE_CUFF = uuid16(0x2A36)
FEATURE = uuid16(0x2A49)
ENHANCED_MEASUREMENT = uuid16(0x2B34)
ENHANCED_CUFF = uuid16(0x2B35)
NIBP_VALID_S = 3600.0
"""An hour: the longest interval at which a ward still calls a cuff reading current."""
CUFF_VALID_S = 3.0
MEASURING_NS = 10_000_000_000
"""No cuff inflates and deflates in less: the same numbers again so soon are the same reading."""
MMHG_PER_KPA = 7.500617
"""1 kPa = 7.500617 mmHg (NIST SP 811, conventional millimetre of mercury)."""
NO_NUMBER = MedFloat(0, 0, Special.NAN)
USER_UNKNOWN = 0xFF
FARTHEST_ZONE_MINUTES = 14 * 60
"""No place is farther ahead of UTC; a greater difference is a clock that somebody set by hand."""
EPOCH_2000_S = 946_684_800
EPOCH_1900_S = -2_208_988_800


class Status(IntFlag):
    """What may have spoiled a reading; bits 3 and 4 are one field, the pulse rate's range."""

    MOVEMENT = 1
    CUFF_LOOSE = 2
    IRREGULAR_PULSE = 4
    RATE_ABOVE = 8
    RATE_BELOW = 16
    POSITION = 32


RATE_RANGE = Status.RATE_ABOVE | Status.RATE_BELOW
QUALITY = {Status.MOVEMENT: 0.4, Status.CUFF_LOOSE: 0.3, Status.POSITION: 0.5}
QUALITY[Status.IRREGULAR_PULSE] = 0.6
"""Our grading of the cuff's signs of doubt; the standard gives none."""


@dataclass(frozen=True, slots=True)
class BloodPressure:
    """One value of 0x2A35 or 0x2A36, or with ``enhanced`` set of 0x2B34 or 0x2B35.

    ``time_s`` and ``user_time_s`` are seconds since 1970 of the enhanced form; on air they count
    from 2000 (``epoch_2000``) or 1900. ``cuff`` is a value of 0x2A36 or 0x2B35: only the systolic
    field is a pressure.
    """

    systolic: MedFloat
    diastolic: MedFloat = NO_NUMBER
    mean: MedFloat = NO_NUMBER
    kpa: bool = False
    date_time: DateTime | None = None
    pulse_rate: MedFloat | None = None
    user: int | None = None
    status: int | None = None
    enhanced: bool = False
    time_s: int | None = None
    user_time_s: int | None = None
    epoch_2000: bool = True
    cuff: bool = False

    @classmethod
    def from_bytes(
        cls, data: bytes | Fields, enhanced: bool = False, cuff: bool = False
    ) -> "BloodPressure":
        """Decode a value; bytes after the announced fields are left alone."""
        fields = Fields.of(data)
        flags = fields.uint(1)
        shift = EPOCH_2000_S if flags & 64 else EPOCH_1900_S
        numbers = (fields.sfloat(), NO_NUMBER, NO_NUMBER)
        if not (enhanced and cuff):
            numbers = (numbers[0], fields.sfloat(), fields.sfloat())
        date_time, time_s = None, None
        if flags & 2 and enhanced:
            time_s = fields.uint(4) + shift
        elif flags & 2:
            date_time = fields.date_time()
        pulse = fields.sfloat() if flags & 4 else None
        user = fields.uint(1) if flags & 8 else None
        status = fields.uint(2) if flags & 16 else None
        user_time_s = fields.uint(4) + shift if enhanced and flags & 32 else None
        fields.end(flags, 0x80 if enhanced else 0xE0)
        return cls(
            *numbers,
            kpa=bool(flags & 1),
            date_time=date_time,
            pulse_rate=pulse,
            user=user,
            status=status,
            enhanced=enhanced,
            time_s=time_s,
            user_time_s=user_time_s,
            epoch_2000=bool(flags & 64),
            cuff=cuff,
        )

    def __bytes__(self) -> bytes:
        stamped = self.time_s if self.enhanced else self.date_time
        optional = (stamped, self.pulse_rate, self.user, self.status, self.user_time_s)
        flags = self.kpa | sum(2 << bit for bit, v in enumerate(optional) if v is not None)
        flags |= 64 * (self.enhanced and self.epoch_2000)
        others = () if self.enhanced and self.cuff else (self.diastolic, self.mean)
        out = bytes([flags]) + sfloat_bytes(self.systolic, *others)
        if self.enhanced and self.time_s is not None:
            out += self._seconds(self.time_s)
        elif self.date_time is not None:
            out += bytes(self.date_time)
        if self.pulse_rate is not None:
            out += sfloat_bytes(self.pulse_rate)
        if self.user is not None:
            out += bytes([self.user])
        if self.status is not None:
            out += self.status.to_bytes(2, "little")
        return out if self.user_time_s is None else out + self._seconds(self.user_time_s)

    def _seconds(self, time_s: int) -> bytes:
        epoch_s = EPOCH_2000_S if self.epoch_2000 else EPOCH_1900_S
        return (time_s - epoch_s).to_bytes(4, "little")

    @property
    def calendar(self) -> DateTime | None:
        """What the cuff's calendar showed at the reading, ``None`` without a time."""
        shown_s = self.time_s if self.user_time_s is None else self.user_time_s
        return self.date_time if shown_s is None else DateTime.from_ns(shown_s * 1_000_000_000)

    @property
    def offset_minutes(self) -> int | None:
        """How far that calendar is ahead of UTC by the cuff's own two times, if it has both."""
        if self.time_s is None or self.user_time_s is None:
            return None
        minutes = round((self.user_time_s - self.time_s) / 60)
        return minutes if abs(minutes) <= FARTHEST_ZONE_MINUTES else None


class BloodPressureMonitor(Simple):
    """The service as a part of a driver."""

    def __init__(self, calendar: DeviceCalendar, user: int | None = None) -> None:
        super().__init__(
            {
                MEASUREMENT: lambda r: self._result(r, False),
                INTERMEDIATE_CUFF: lambda r: self._cuff(r, False),
                ENHANCED_MEASUREMENT: lambda r: self._result(r, True),
                ENHANCED_CUFF: lambda r: self._cuff(r, True),
            },
            {FEATURE: self._feature},
            optional=True,
        )
        self.values = frozenset(
            {INTERMEDIATE_CUFF, ENHANCED_CUFF, MEASUREMENT, ENHANCED_MEASUREMENT}
        )
        self._calendar = calendar
        self._user = user
        self._seen = RecentSet()
        self._undated = UndatedRepeats(MEASURING_NS)

    def _cuff(self, received: Received, enhanced: bool) -> Iterable[Output]:
        fields = Fields(received.data)
        value = BloodPressure.from_bytes(fields, enhanced, cuff=True)
        self._calendar.see_live(value.calendar, received)
        yield from count_trailing(fields)
        yield measurement(
            "cuff_pressure",
            _mmhg(value.systolic, value.kpa),
            value.systolic.reason,
            valid_s=CUFF_VALID_S,
        )

    def _result(self, received: Received, enhanced: bool) -> Iterable[Output]:
        fields = Fields(received.data)
        value = BloodPressure.from_bytes(fields, enhanced)
        numbers = (value.systolic, value.diastolic, value.mean)
        identity = (value.calendar, value.user, *numbers)
        dated = value.calendar is not None and value.calendar.known
        at_ns = received.monotonic_ns
        if identity in self._seen if dated else self._undated.is_repeat(identity, at_ns):
            yield Discarded(len(received.data), "duplicate")
            return
        if self._user is not None and value.user not in (None, USER_UNKNOWN, self._user):
            yield Discarded(len(received.data), "other_user")
            return
        self._seen.add(identity)
        yield from count_trailing(fields)
        shared = self._shared(value, received, fields.trailing())
        names = ("nibp_systolic", "nibp_diastolic", "nibp_mean")
        pressures = [_mmhg(number, value.kpa) for number in numbers]
        if _impossible(*pressures):
            raise Malformed("implausible")
        for metric, number, pressure in zip(names, numbers, pressures, strict=True):
            yield measurement(metric, pressure or None, number.reason, **shared())
        if value.pulse_rate is not None:
            pulse = value.pulse_rate
            yield measurement("pulse_rate", pulse.value, pulse.reason, **shared())

    def _shared(self, value: BloodPressure, received: Received, extra: dict[str, str]) -> Any:
        user = None if value.user in (None, USER_UNKNOWN) else value.user
        stamped = self._calendar.stamped(
            received, value.calendar, user=user, offset_minutes=value.offset_minutes
        )
        detail = reading_detail(value.calendar, user) | extra
        bits = Status((value.status or 0) & 0x3F)
        if RATE_RANGE in bits:  # both at once is reserved
            bits &= ~RATE_RANGE
        if bits:
            detail["flags"] = [str(bit.name).lower() for bit in bits]
        quality = None if value.status is None else min([1.0, *(QUALITY.get(b, 1.0) for b in bits)])
        return lambda: {
            "quality": quality,
            "valid_s": NIBP_VALID_S,
            "group": f"nibp-{stamped['device_time_ns'] or received.time_ns}",
            "detail": dict(detail),
            **stamped,
        }

    def _feature(self, received: Received) -> Iterable[Output]:
        features = Fields(received.data).uint(2)
        yield DeviceStatus(identity={"blood_pressure_features": f"{features:04x}"})


def _impossible(*pressures: float | None) -> bool:
    """Return whether these are not the pressures of one reading, but another layout.

    Some cuffs send 0 for a mean that they do not compute.
    """
    systolic, diastolic, mean = pressures
    known = dict(zip(("nibp_systolic", "nibp_diastolic"), (systolic, diastolic), strict=True))
    known |= {"nibp_mean": mean} if mean else {}
    if any(v is not None and not is_plausible(metric, v) for metric, v in known.items()):
        return True
    return systolic is not None and diastolic is not None and systolic <= diastolic


def _mmhg(number: MedFloat, kpa: bool) -> float | None:
    value = number.value
    return round(value * MMHG_PER_KPA, 1) if kpa and value is not None else value


OPTIONS = {"utc_offset_minutes": (int, None), "user": (int, None), "set_clock": (bool, True)}


def make(options: dict[str, Any]) -> GattDriver:
    """Return a driver."""
    chosen = read_options("blood-pressure", options, OPTIONS)
    calendar = DeviceCalendar(chosen["utc_offset_minutes"])
    monitor = BloodPressureMonitor(calendar, chosen["user"])
    return GattDriver(
        [calendar, monitor, *clock_parts(calendar, chosen["set_clock"]), *battery_parts()]
    )


DRIVER = DriverInfo(
    name="blood-pressure",
    title="Blood pressure cuff (Bluetooth Blood Pressure service)",
    link=LinkType.BLE,
    verification=Verification.SPEC,
    source="Bluetooth SIG BPS 1.1.1, GSS 0x2A35; vectors of Stanford Spezi",
    make=make,
    metrics=frozenset(
        {"nibp_systolic", "nibp_diastolic", "nibp_mean", "pulse_rate", "cuff_pressure"}
    ),
    services=frozenset({SERVICE}),
    silence_s=0,
    options={
        "utc_offset_minutes": OFFSET_TEXT,
        "user": "take only readings of this user of the cuff (all)",
        "set_clock": "set the cuff's clock after connecting (true)",
    },
)
