"""TaiDoc and FORA: thermometers, oximeters, cuffs and glucose meters, asked record by record.

    00001523-1212-efde-1523-785feabcd123  service        00001524-...  write and notify
    | 51 | command | d0 | d1 | d2 | d3 | A3 to the device, A5 from it | sum of the seven |
      23 clock, 25 time of a record   d0, d1: day 5 bits, month 4, year 7 from 2000;
                                      d2: minute 6 bits, d3: hour 5 bits; 25: d2 bit 7 is a cuff's
      24 model          d0, d1: 61 32 is TD-3261; the first digit is the kind: 1 thermometer,
                        3 cuff (3261: and glucose), 4 glucose, 8 oximeter
      2B number         d0, d1; to the device d0 is the user
      26 value of a record            to the device d0, d1 the index (0 is the newest), d3 the user
         thermometer    (d0, d1) & 0FFF x 0.1 Cel          oximeter  d0 SpO2, d3 pulse rate
         cuff           d0 systolic, d1 mean or 0, d2 diastolic, d3 pulse rate
         glucose        d0, d1 mg/dL, FFFF none; d3 bits 2 to 5 context, 3 control solution

Nothing is sent until it is asked for. Never sent from here: 50 switches the device off, 43 starts a
cuff, 52 erases. FORA devices advertise the Health Thermometer service and stay silent on it.
Source: captures of an IR42 and a TD-3261; layouts on which public clients agree (h2Sync, advmeds,
glucometerutils for TD-42xx). Uncertain: the context of glucose, models that are not named here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from teleward_drivers.crc import sum8
from teleward_drivers.device import (
    Discarded,
    DriverInfo,
    LinkType,
    Output,
    Subscribe,
    Verification,
    Write,
)
from teleward_drivers.device_calendar import OFFSET_TEXT, Calendar, is_recent, reading_detail
from teleward_drivers.fields import DateTime, Malformed
from teleward_drivers.gatt import GattDriver, Part
from teleward_drivers.link import Received
from teleward_drivers.options import read_options
from teleward_drivers.plausible import measurement
from teleward_drivers.recent import RecentSet
from teleward_signal.errors import Invalid
from teleward_signal.model import ClockReading, DeviceStatus, Measurement

SERVICE = "00001523-1212-efde-1523-785feabcd123"
CHANNEL = "00001524-1212-efde-1523-785feabcd123"
SIZE = 8
START, TO_DEVICE, FROM_DEVICE = 0x51, 0xA3, 0xA5
CLOCK, MODEL, RECORD_TIME, RECORD_VALUE, NUMBER = 0x23, 0x24, 0x25, 0x26, 0x2B
KINDS = {"1": "thermometer", "3": "cuff", "4": "glucose", "8": "oximeter"}
"""Kind by the first digit of the model number."""
COMBINED = ("3261", "3250", "3223")
"""Cuffs that measure glucose too: bit 7 of a record's minute marks the cuff."""
CUFF_FLAG = 0x80
NO_GLUCOSE = 0xFFFF
CONTROL_SOLUTION = 3
MOST_RECORDS = 500
"""No TaiDoc device is known to keep more; a greater number is a fault of the device."""
ANSWER_NS = 3_000_000_000
AGAIN_NS = 10_000_000_000
VALID_S = {"thermometer": 600.0, "cuff": 3600.0, "glucose": 3600.0, "oximeter": 600.0}


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet in either direction, without checksum."""

    command: int
    data: tuple[int, int, int, int] = (0, 0, 0, 0)
    end: int = TO_DEVICE

    @classmethod
    def from_bytes(cls, data: bytes) -> "Packet":
        """Decode a value; `Malformed` names what is wrong with it."""
        if len(data) != SIZE:
            raise Malformed("length")
        if data[0] != START or data[6] not in (TO_DEVICE, FROM_DEVICE):
            raise Malformed("not_a_packet")
        if sum8(data[:7]) != data[7]:
            raise Malformed("checksum")
        return cls(data[1], (data[2], data[3], data[4], data[5]), data[6])

    def __bytes__(self) -> bytes:
        body = bytes([START, self.command, *self.data, self.end])
        return body + bytes([sum8(body)])


def moment_of(data: tuple[int, int, int, int]) -> DateTime:
    """Return the date and time of a packet."""
    date = data[0] | data[1] << 8
    return DateTime(
        2000 + (date >> 9), date >> 5 & 0x0F, date & 0x1F, data[3] & 0x1F, data[2] & 0x3F
    )


def moment_data(moment: DateTime, cuff: bool = False) -> tuple[int, int, int, int]:
    """Return the four bytes of a date and time (for simulated devices)."""
    date = moment.year - 2000 << 9 | moment.month << 5 | moment.day
    return date & 0xFF, date >> 8, moment.minute | CUFF_FLAG * cuff, moment.hour


class TaiDoc(Part):
    """Asks for clock, model and number, then for one record after the other, newest first."""

    def __init__(self, kind: str, user: int, calendar: Calendar) -> None:
        super().__init__()
        self.handlers = {CHANNEL: self._received}
        self._kind, self._user, self._calendar = kind, user, calendar
        self._combined = False
        self._known = RecentSet()
        self._index = 0
        self._count = 0
        self._time: tuple[DateTime, bool] | None = None
        self._asked_ns: int | None = None
        self._now_ns = 0

    def start(self, now_ns: int) -> Iterable[Output]:
        """Subscribe, then read clock and model; the answers lead on."""
        self._now_ns = now_ns
        yield Subscribe(CHANNEL)
        yield self._ask(CLOCK)
        yield self._ask(MODEL)

    def tick(self, now_ns: int) -> Iterable[Output]:
        """Ask for a new record from time to time; give up what is not answered."""
        self._now_ns = now_ns
        if self._asked_ns is None or now_ns - self._asked_ns < ANSWER_NS:
            return
        if self._index < self._count:
            self._count = 0
            yield Discarded(0, "record_not_answered")
        if now_ns - self._asked_ns >= AGAIN_NS:
            yield self._ask(NUMBER, self._user)

    def _ask(self, command: int, *data: int) -> Write:
        self._asked_ns = self._now_ns
        d0, d1, d2, d3 = (*data, 0, 0, 0, 0)[:4]
        return Write(bytes(Packet(command, (d0, d1, d2, d3))), CHANNEL)

    def _received(self, received: Received) -> Iterable[Output]:
        self._now_ns = received.time_ns
        packet = Packet.from_bytes(received.data)
        if packet.end != FROM_DEVICE:
            return
        if packet.command == CLOCK:
            yield from self._clock(packet, received)
        elif packet.command == MODEL:
            yield from self._model(packet)
        elif packet.command == NUMBER:
            self._count = min(packet.data[0] | packet.data[1] << 8, MOST_RECORDS)
            yield from self._next(0)
        elif packet.command == RECORD_TIME:
            self._time = (moment_of(packet.data), bool(packet.data[2] & CUFF_FLAG))
            yield self._ask(RECORD_VALUE, self._index & 0xFF, self._index >> 8, 0, self._user)
        elif packet.command == RECORD_VALUE:
            yield from self._record(packet, received)

    def _clock(self, packet: Packet, received: Received) -> Iterable[Output]:
        shown = moment_of(packet.data).to_ns()
        reading = ClockReading(shown, received.time_ns, received.monotonic_ns)
        self._calendar.clock = reading
        faults = frozenset({"clock_not_set"} if shown is None else ())
        yield DeviceStatus(faults=faults, clock=reading)

    def _model(self, packet: Packet) -> Iterable[Output]:
        model = f"{packet.data[1]:02x}{packet.data[0]:02x}"
        self._combined = model in COMBINED
        self._kind = self._kind or KINDS.get(model[0], "")
        yield DeviceStatus(identity={"model": f"TD-{model}"})
        if self._kind:
            yield self._ask(NUMBER, self._user)
        else:
            yield Discarded(0, "model_not_known")

    def _next(self, index: int) -> Iterable[Output]:
        self._index = index
        if index < self._count:
            yield self._ask(RECORD_TIME, index & 0xFF, index >> 8, 0, self._user)

    def _record(self, packet: Packet, received: Received) -> Iterable[Output]:
        (moment, cuff), self._time = self._time or (DateTime(0, 0, 0), False), None
        key = (moment, packet.data, self._user)
        if moment.known and key in self._known:
            self._index = self._count  # older ones are known too
            return
        self._known.add(key)
        kind = self._kind
        if self._combined:
            kind = "cuff" if cuff else "glucose"
        if kind not in VALID_S:
            yield Discarded(len(received.data), "kind_not_known")
            return
        yield from self._readings(kind, packet.data, moment, received)
        yield from self._next(self._index + 1)

    def _readings(
        self, kind: str, data: tuple[int, int, int, int], moment: DateTime, received: Received
    ) -> Iterable[Output]:
        user = self._user or None
        stamped = self._calendar.stamped(received, moment, user=user, memory=True)
        if self._index == 0:  # the newest may be of now
            stamped["stored"] = not is_recent(stamped["stamp"], stamped["device_time_ns"], received)
        shared = {
            "valid_s": VALID_S[kind],
            "group": f"taidoc-{stamped['device_time_ns'] or received.time_ns}",
            "detail": reading_detail(moment, user),
            **stamped,
        }
        found = _VALUES[kind](data)
        if kind == "cuff" and found["nibp_systolic"][0] <= found["nibp_diastolic"][0]:
            yield Discarded(len(received.data), "implausible")
            return
        for metric, (value, reason) in found.items():
            yield _reading(metric, value, reason, shared)


Values = dict[str, tuple[float, str | None]]
"""Value by metric, and why it is none."""


def _thermometer(data: tuple[int, int, int, int]) -> Values:
    return {"body_temperature": (((data[0] | data[1] << 8) & 0x0FFF) / 10, None)}


def _oximeter(data: tuple[int, int, int, int]) -> Values:
    return {
        "spo2": (data[0], None if data[0] else "missing"),
        "pulse_rate": (data[3], None if data[3] else "missing"),
    }


def _cuff(data: tuple[int, int, int, int]) -> Values:
    systolic, mean, diastolic, pulse = data
    found: Values = {"nibp_systolic": (systolic, None), "nibp_diastolic": (diastolic, None)}
    if diastolic <= mean <= systolic:
        found["nibp_mean"] = (mean, None)
    return {**found, "pulse_rate": (pulse, None if pulse else "missing")}


def _glucose(data: tuple[int, int, int, int]) -> Values:
    value = data[0] | data[1] << 8
    reason = "missing" if value == NO_GLUCOSE else None
    if data[3] >> 2 & 0x0F == CONTROL_SOLUTION:
        reason = "control_solution"
    return {"glucose": (value, reason)}


_VALUES = {
    "thermometer": _thermometer,
    "oximeter": _oximeter,
    "cuff": _cuff,
    "glucose": _glucose,
}


def _reading(metric: str, value: float, reason: str | None, shared: dict[str, Any]) -> Measurement:
    return measurement(metric, None if reason else value, reason, **shared)


OPTIONS = {"kind": (str, ""), "user": (int, 0), "utc_offset_minutes": (int, None)}


def make(options: dict[str, Any]) -> GattDriver:
    """Return a driver."""
    chosen = read_options("taidoc", options, OPTIONS)
    if chosen["kind"] not in ("", *VALID_S):
        raise Invalid(f"driver taidoc: kind must be {', '.join(VALID_S)}, not {chosen['kind']!r}")
    if not 0 <= chosen["user"] <= 4:
        raise Invalid(f"driver taidoc: user must be 0 to 4, not {chosen['user']}")
    calendar = Calendar(chosen["utc_offset_minutes"])
    return GattDriver([TaiDoc(chosen["kind"], chosen["user"], calendar)])


DRIVER = DriverInfo(
    name="taidoc",
    title="TaiDoc and FORA thermometer, oximeter, cuff, glucose meter",
    link=LinkType.BLE,
    verification=Verification.CAPTURE,
    source="captures of an IR42 and a TD-3261; layouts on which public clients agree",
    make=make,
    metrics=frozenset(
        {"body_temperature", "spo2", "pulse_rate", "glucose"}
        | {"nibp_systolic", "nibp_diastolic", "nibp_mean"}
    ),
    services=frozenset({SERVICE}),
    names=("FORA ", "TAIDOC "),
    silence_s=0,
    options={
        "kind": "thermometer, oximeter, cuff or glucose (by the model that the device states)",
        "user": "read the memory of this user, 1 to 4 (0, as devices without users)",
        "utc_offset_minutes": OFFSET_TEXT,
    },
)
