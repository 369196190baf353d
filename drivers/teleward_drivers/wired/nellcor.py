"""Nellcor N-560 and N-595: 9600 baud, 8N1, one line of text every two seconds.

    N-560   VERSION 1.56.00   CRC:XXXX  SpO2 Limit: 90-100%   PR Limit: 60-170BPM   each 25 lines
    TIME                 %SpO2   BPM     PA      Status
    29-Dec-17 07:18:57    89*     66     201    MO SL                  local time of the monitor
             date, time   SpO2    pulse  pulse amplitude, states

    *  a limit of the monitor was passed          ---  no value
    AO alarm off, AS alarm silenced, LB low battery, LP low pulse amplitude / pulse loss, MO motion,
    PH, PL pulse high, low, PS searching, SD sensor disconnected, SH, SL saturation high, low,
    SO sensor off

While it searches (PS) the monitor prints 0 or the value it held: both are no value. The monitor's
own limits and alarms are kept in ``detail`` and silence nothing here. Source: a log of a real N-560
(konz/cosmopusher, demo_stream.py, Apache-2.0); status words as in the manual.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from teleward_drivers.decoder import StreamDecoder
from teleward_drivers.device import (
    Discarded,
    DriverInfo,
    LinkType,
    Output,
    SerialSettings,
    Verification,
)
from teleward_drivers.device_calendar import OFFSET_TEXT, Calendar
from teleward_drivers.fields import DateTime
from teleward_drivers.lines import LineSplitter
from teleward_drivers.link import Received
from teleward_drivers.options import read_options
from teleward_drivers.plausible import measurement
from teleward_signal.model import DeviceStatus

MAX_LINE = 120
STALE_NS = 8_000_000_000
"""Four lines late: what was last shown no longer describes the patient."""
VALID_S = 8.0
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_LINE = re.compile(
    r"(\d\d)-([A-Z][a-z]{2})-(\d\d) (\d\d):(\d\d):(\d\d) +(\d{1,3}\*?|---) +(\d{1,3}\*?|---)"
    r" +(\d{1,3}|---)((?: +[A-Z]{2})*) *"
)
_HEADER = re.compile(r"N-\d{3}\b.*|TIME .*", re.ASCII)
WITHHOLD = (("SD", "probe_off"), ("SO", "probe_off"), ("PS", "searching"))
FAULTS = {"SD": "probe_off", "SO": "probe_off", "LB": "low_battery"}
DOUBT = {"MO": 0.4, "LP": 0.5}
STATES = frozenset(["AO", "AS", "LB", "LP", "MO", "PH", "PL", "PS", "SD", "SH", "SL", "SO"])


@dataclass(frozen=True, slots=True)
class NellcorLine:
    """One line; a number that is missing is ``None``, ``limits`` are the metrics with a star."""

    date_time: DateTime
    spo2: int | None
    pulse_rate: int | None
    amplitude: int | None
    states: tuple[str, ...] = ()
    limits: frozenset[str] = frozenset()

    @classmethod
    def from_text(cls, line: str) -> "NellcorLine | None":
        """Decode a line, or ``None`` when it is not one with values."""
        match = _LINE.fullmatch(line)
        if match is None or match[2] not in MONTHS:
            return None
        day, year, hour, minute, second = (int(match[i]) for i in (1, 3, 4, 5, 6))
        states = tuple(match[10].split())
        if not set(states) <= STATES:
            return None
        clock = DateTime(2000 + year, MONTHS.index(match[2]) + 1, day, hour, minute, second)
        starred = (("spo2", match[7]), ("pulse_rate", match[8]))
        limits = frozenset(metric for metric, text in starred if text.endswith("*"))
        spo2, pulse, amplitude = (_number(match[i]) for i in (7, 8, 9))
        return cls(clock, spo2 or None, pulse or None, amplitude, states, limits)

    def __bytes__(self) -> bytes:
        clock = self.date_time
        stamp = f"{clock.day:02}-{MONTHS[clock.month - 1]}-{clock.year % 100:02}"
        time = f"{clock.hour:02}:{clock.minute:02}:{clock.second:02}"
        spo2 = _text(self.spo2, "spo2" in self.limits)
        pulse = _text(self.pulse_rate, "pulse_rate" in self.limits)
        line = f"{stamp} {time}   {spo2:<8}{pulse:<8}{_text(self.amplitude, False):<7}"
        return f"{line} {' '.join(self.states)}".ljust(60).encode() + b"\r\n"


def _number(text: str) -> int | None:
    digits = text.rstrip("*")
    return int(digits) if digits.isdigit() else None


def _text(number: int | None, starred: bool) -> str:
    shown = "---" if number is None else f"{number:3d}"
    return shown + ("*" if starred else " ")


class NellcorDecoder(StreamDecoder[LineSplitter]):
    """Bytes of the stream in, lines out; headers are passed over."""

    def __init__(self) -> None:
        super().__init__(LineSplitter(MAX_LINE))

    def feed(self, data: bytes) -> list[NellcorLine | Discarded]:
        """Take bytes in any pieces; never raises."""
        out: list[NellcorLine | Discarded] = []
        for line in self._stream.feed(data):
            if isinstance(line, Discarded):
                out.append(line)
            elif not _HEADER.fullmatch(line.strip()):
                found = NellcorLine.from_text(line)
                out.append(found or self._stream.refuse(line, "not_a_line"))
        return out


class Nellcor:
    """The driver."""

    def __init__(self, calendar: Calendar) -> None:
        self.decoder = NellcorDecoder()
        self._calendar = calendar
        self._faults: frozenset[str] = frozenset()
        self._received_ns: int | None = None

    def start(self, now_ns: int) -> Iterable[Output]:
        """The monitor speaks by itself."""
        return ()

    def feed(self, received: Received) -> Iterable[Output]:
        """Take bytes in any pieces."""
        for piece in self.decoder.feed(received.data):
            if isinstance(piece, Discarded):
                yield piece
            else:
                self._received_ns = received.time_ns
                yield from self._line(piece, received)

    def tick(self, now_ns: int) -> Iterable[Output]:
        """Report once that the last values are stale."""
        if self._received_ns is not None and now_ns - self._received_ns >= STALE_NS:
            self._received_ns = None
            for metric in ("spo2", "pulse_rate"):
                yield measurement(metric, None, "no_data")

    def _line(self, line: NellcorLine, received: Received) -> Iterable[Output]:
        faults = frozenset(FAULTS[state] for state in line.states if state in FAULTS)
        if faults != self._faults:
            self._faults = faults
            yield DeviceStatus(faults=faults)
        reason = next((reason for state, reason in WITHHOLD if state in line.states), None)
        quality = min((DOUBT[state] for state in line.states if state in DOUBT), default=None)
        device_ns = self._calendar.utc_ns(line.date_time, received.time_ns)
        for metric, number in (("spo2", line.spo2), ("pulse_rate", line.pulse_rate)):
            detail: dict[str, Any] = {"device_clock": str(line.date_time)}
            if line.states:
                detail["states"] = list(line.states)
            if metric in line.limits:
                detail["monitor_limit_passed"] = True
            yield measurement(
                metric,
                None if reason else number,
                reason,
                quality=quality,
                device_time_ns=device_ns,
                valid_s=VALID_S,
                detail=detail,
            )


OPTIONS = {"utc_offset_minutes": (int, None)}


def make(options: dict[str, Any]) -> Nellcor:
    """Return a driver."""
    return Nellcor(Calendar(read_options("nellcor", options, OPTIONS)["utc_offset_minutes"]))


DRIVER = DriverInfo(
    name="nellcor",
    title="Nellcor N-560 and N-595 oximeter (text output)",
    link=LinkType.SERIAL,
    verification=Verification.CAPTURE,
    source="log of a real N-560 (konz/cosmopusher, Apache-2.0); status words as in the manual",
    make=make,
    metrics=frozenset({"spo2", "pulse_rate"}),
    serial=SerialSettings(9600),
    options={"utc_offset_minutes": OFFSET_TEXT},
)
