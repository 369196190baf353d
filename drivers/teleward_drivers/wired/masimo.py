"""Masimo Rad-8 and Radical-7, ASCII 1 output: 9600 baud, 8N1, one line a second.

    02/22/16 22:47:45 SN=0000056661 SPO2=098% BPM=097 PI=03.60% SPCO=--.-% SPMET=--.-% DESAT=--
    PIDELTA=+-- ALARM=0000 EXC=000800                                        (one line)

Dashes mean that a value is missing; which keys come depends on the model. The date is American and
of the device's own clock. EXC is hexadecimal bits: 1 no sensor, 2 defective sensor, 4 low
perfusion, 8 pulse search, 10 interference, 20 sensor off, 40 ambient light, 400 low signal quality.
There is no checksum: a line counts when all of it is date and KEY=VALUE with SPO2 and BPM among
them, each of its fixed width. Source: yahnatan/pulseox, a public capture; the EXC bits are not
documented by the maker.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
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
from teleward_drivers.fields import DateTime
from teleward_drivers.lines import LineSplitter
from teleward_drivers.link import Received
from teleward_drivers.options import read_options
from teleward_drivers.oximeter_stream import STALE_NS, STEP_LIMITS
from teleward_drivers.plausible import SlewLimit, measurement
from teleward_signal.model import DeviceStatus

MAX_LINE = 256
"""The capture's line has 133 characters; later models add a few keys."""
_LINE = re.compile(
    r"(\d\d)/(\d\d)/(\d\d) (\d\d):(\d\d):(\d\d)((?: [A-Z0-9]{1,12}=[-+0-9A-F.]{1,12}%?)+)"
)
_PAIR = re.compile(r"([A-Z0-9]+)=([-+0-9A-F.]+)")
_WIDTHS = {"SPO2": r"\d{3}|---", "BPM": r"\d{3}|---", "PI": r"\d\d\.\d\d|--\.--"}
"""The widths are fixed, so a digit that was lost on the line is seen."""
WITHHOLD = ((0x01, "probe_off"), (0x20, "probe_off"), (0x02, "sensor_fault"), (0x08, "searching"))
DOUBT = ((0x10, 0.3), (0x40, 0.4), (0x400, 0.4), (0x04, 0.5))


@dataclass(frozen=True, slots=True)
class MasimoLine:
    """One line; ``values`` hold the texts by key, without the percent sign."""

    date_time: DateTime
    values: dict[str, str] = field(default_factory=dict)

    @classmethod
    def from_text(cls, line: str) -> "MasimoLine | None":
        """Decode a line, or ``None`` when it is not of this protocol."""
        match = _LINE.fullmatch(line.strip())
        if match is None:
            return None
        month, day, year, hour, minute, second = (int(match[i]) for i in range(1, 7))
        values = dict(_PAIR.findall(match[7]))
        if not {"SPO2", "BPM"} <= set(values):
            return None
        if any(key in values and not re.fullmatch(w, values[key]) for key, w in _WIDTHS.items()):
            return None
        return cls(DateTime(2000 + year, month, day, hour, minute, second), values)

    def __bytes__(self) -> bytes:
        clock = self.date_time
        date = f"{clock.month:02}/{clock.day:02}/{clock.year % 100:02}"
        time = f"{clock.hour:02}:{clock.minute:02}:{clock.second:02}"
        percent = ("SPO2", "PI", "SPCO", "SPMET")
        pairs = (f"{k}={v}{'%' if k in percent else ''}" for k, v in self.values.items())
        return " ".join((date, time, *pairs)).encode() + b"\r\n"

    def number(self, key: str) -> float | None:
        """Return a value, or ``None`` when it is missing."""
        text = self.values.get(key, "")
        return float(text) if text[:1].isdigit() else None

    @property
    def exceptions(self) -> int:
        """The EXC bits."""
        text = self.values.get("EXC", "0")
        return int(text, 16) if re.fullmatch(r"[0-9A-F]+", text) else 0


class MasimoDecoder(StreamDecoder[LineSplitter]):
    """Bytes of the stream in, lines out."""

    def __init__(self) -> None:
        super().__init__(LineSplitter(MAX_LINE))

    def feed(self, data: bytes) -> list[MasimoLine | Discarded]:
        """Take bytes in any pieces; never raises."""
        out: list[MasimoLine | Discarded] = []
        for line in self._stream.feed(data):
            if isinstance(line, Discarded):
                out.append(line)
            else:
                out.append(MasimoLine.from_text(line) or self._stream.refuse(line, "not_a_line"))
        return out


class Masimo:
    """The driver."""

    def __init__(self, utc_offset_minutes: int = 0) -> None:
        self.decoder = MasimoDecoder()
        self._offset = utc_offset_minutes
        self._slew = SlewLimit(STEP_LIMITS)
        self._faults: frozenset[str] = frozenset()
        self._received_ns: int | None = None

    def start(self, now_ns: int) -> Iterable[Output]:
        """The device speaks by itself."""
        return ()

    def feed(self, received: Received) -> Iterable[Output]:
        """Take bytes in any pieces."""
        for piece in self.decoder.feed(received.data):
            if isinstance(piece, Discarded):
                yield piece
            else:
                self._received_ns = received.time_ns
                yield from self._line(piece)

    def tick(self, now_ns: int) -> Iterable[Output]:
        """Report once that the last values are stale."""
        if self._received_ns is not None and now_ns - self._received_ns >= STALE_NS:
            self._received_ns = None
            for metric in ("spo2", "pulse_rate"):
                yield measurement(metric, None, "no_data")

    def _line(self, line: MasimoLine) -> Iterable[Output]:
        bits = line.exceptions
        reason = next((name for bit, name in WITHHOLD if bits & bit), None)
        faults = frozenset({reason} if reason in ("probe_off", "sensor_fault") else set[str]())
        if faults != self._faults:
            self._faults = faults
            yield DeviceStatus(faults=faults, identity={"serial": line.values.get("SN", "")})
        quality = min((grade for bit, grade in DOUBT if bits & bit), default=None)
        stamp_ns = line.date_time.to_ns(self._offset)
        for metric, key in (("spo2", "SPO2"), ("pulse_rate", "BPM"), ("perfusion_index", "PI")):
            value = line.number(key)
            if value is None and metric == "perfusion_index":
                continue
            shown = None if reason else value
            extra: dict[str, Any] = {"quality": quality, **self._slew(metric, shown)}
            yield measurement(metric, shown, reason, device_time_ns=stamp_ns, **extra)


OPTIONS = {"utc_offset_minutes": (int, 0)}


def make(options: dict[str, Any]) -> Masimo:
    """Return a driver."""
    return Masimo(read_options("masimo", options, OPTIONS)["utc_offset_minutes"])


DRIVER = DriverInfo(
    name="masimo",
    title="Masimo Rad-8 and Radical-7 (ASCII 1)",
    link=LinkType.SERIAL,
    verification=Verification.CAPTURE,
    source="public capture (yahnatan/pulseox); EXC bits not documented by the maker",
    make=make,
    metrics=frozenset({"spo2", "pulse_rate", "perfusion_index"}),
    serial=SerialSettings(9600),
    options={"utc_offset_minutes": "how far the device's clock is ahead of UTC (0)"},
)
