"""A Nellcor N-560: a line every two seconds, a header every 25 lines, the monitor's own alarms.

Lines are those of the public log in `tests/golden/nellcor.hex`, with date and numbers replaced.
While it searches (the first seconds after the finger comes back) it prints the values it held.
"""

import time

from teleward_drivers.fields import DateTime
from teleward_simulators.source import VitalSource
from teleward_simulators.wired.plain_engine import Every, PlainEngine
from teleward_simulators.wired.serial_device import SerialDevice

LINE_S = 2.0
HEADER_LINES = 25
HEADER = (
    b"N-560    VERSION 1.56.00    CRC:XXXX  SpO2 Limit: 90-100%    PR Limit: 60-170BPM\r\n"
    b"TIME                 %SpO2   BPM     PA      Status\r\n"
)
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
LOW_SPO2 = 90
SEARCH_S = 6.0


class NellcorEngine(PlainEngine):
    """Lines by the monitor's own clock."""

    _due: Every
    _lines = 0

    def __init__(self, source: VitalSource, zeros: bool) -> None:
        super().__init__(source)
        self._held: tuple[int | None, int | None] = (None, None)
        self._zeros = zeros
        self._off_s = -SEARCH_S

    def connected(self, now_s: float) -> list[bytes]:
        self._due = Every(LINE_S)
        return []

    def tick(self, now_s: float) -> list[bytes]:
        """Return the line that is due, with a header before every 25th."""
        if not self._due.due(now_s):
            return []
        header = [HEADER] if self._lines % HEADER_LINES == 0 else []
        self._lines += 1
        return [*header, self._line(now_s)]

    def _line(self, now_s: float) -> bytes:
        spo2, pulse = self.whole("spo2", now_s), self.whole("pulse_rate", now_s)
        if self.probe_off:
            self._off_s = now_s
            return line(None, None, None, "SD")
        if now_s - self._off_s < SEARCH_S:
            held = (0, 0) if self._zeros else self._held
            return line(*held, None, "PS")
        self._held = spo2, pulse
        return line(spo2, pulse, 120, "SL" if spo2 is not None and spo2 < LOW_SPO2 else "")


def line(spo2: int | None, pulse: int | None, amplitude: int | None, states: str) -> bytes:
    """Return one line as the monitor prints it."""
    now = DateTime.from_ns(time.time_ns())
    date = f"{now.day:02}-{MONTHS[now.month - 1]}-{now.year % 100:02}"
    stamp = f"{date} {now.hour:02}:{now.minute:02}:{now.second:02}"
    star = "*" if "SL" in states else " "
    numbers = f"{_shown(spo2)}{star}    {_shown(pulse)}     {_shown(amplitude)}"
    return f"{stamp}   {numbers}    {states:<20}".encode() + b"\r\n"


def _shown(number: int | None) -> str:
    return "---" if number is None else f"{number:3d}"


class Nellcor(SerialDevice):
    """Options: ``zeros`` (prints 0 while it searches, as others print what they held)."""

    kind = "nellcor"
    title = "N-560"
    baudrate = 9600

    def make_engine(self) -> NellcorEngine:
        return NellcorEngine(self.source, bool(self.options.get("zeros")))
