"""An Arduino sketch that prints numbers: one line a sample (``AD8232``) or pairs once a second."""

from teleward_drivers.wired.text import Column, Layout
from teleward_signal.errors import Invalid
from teleward_simulators.source import VitalSource
from teleward_simulators.wired.plain_engine import PlainEngine
from teleward_simulators.wired.serial_device import SerialDevice
from teleward_simulators.wired.wave_boards import WaveClock

LAYOUTS = {
    "ecg": Layout((Column("ecg_ii"),), rate=250.0, markers={"!": "lead_off"}),
    "vitals": Layout(
        (
            Column("heart_rate", key="HR"),
            Column("spo2", key="SPO2"),
            Column("body_temperature", key="TEMP", decimals=1),
        ),
        rate=1.0,
    ),
}
"""By the option ``layout``; an ECG line is the 10-bit converter's count."""
COUNTS_PER_MV, MIDDLE = 100.0, 512
MISSING = -999.0
"""What the MAX30102 example library prints when it has no value."""


class SketchEngine(PlainEngine):
    """Prints ``layout``."""

    def __init__(self, source: VitalSource, layout: str) -> None:
        super().__init__(source)
        if layout not in LAYOUTS:
            raise Invalid(f"sketch layout {layout!r}: use one of {', '.join(LAYOUTS)}")
        self._layout = LAYOUTS[layout]
        self._clock = WaveClock(source, self._layout.rate)

    def connected(self, now_s: float) -> list[bytes]:
        self._clock.restart()
        # opening the port resets the board: the first line is cut
        return [b"12\r\n"]

    def tick(self, now_s: float) -> list[bytes]:
        """Return the lines of the samples taken since the last tick."""
        _, times = self._clock.due(now_s)
        if self._layout.keyed:
            metrics = [str(column.metric) for column in self._layout.columns]
            return [self._layout.line(self._numbers(metrics, t)) for t in times.tolist()]
        if self.probe_off:
            return [b"!\r\n"] * len(times)
        waves = self._clock.wave("ecg_ii", times) * COUNTS_PER_MV + MIDDLE
        return [self._layout.line([round(value)]) for value in waves.tolist()]

    def _numbers(self, metrics: list[str], time_s: float) -> list[float]:
        values = (self.real(metric, time_s) for metric in metrics)
        return [MISSING if value is None else value for value in values]


class Sketch(SerialDevice):
    """Options: ``layout`` ("ecg" or "vitals")."""

    kind = "sketch"
    title = "Arduino sketch"
    baudrate = 115200

    def make_engine(self) -> SketchEngine:
        return SketchEngine(self.source, str(self.options.get("layout", "ecg")))
