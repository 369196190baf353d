"""A Masimo Rad-8: one ASCII line a second, 9600 baud."""

import time

from teleward_drivers.fields import DateTime
from teleward_drivers.wired.masimo import MasimoLine
from teleward_simulators.wired.plain_engine import Every, PlainEngine
from teleward_simulators.wired.serial_device import SerialDevice

MASIMO_SET, SENSOR_OFF = 0x0800, 0x0020


class MasimoEngine(PlainEngine):
    """Lines by the device's own clock."""

    _second: Every

    def connected(self, now_s: float) -> list[bytes]:
        self._second = Every(1.0)
        return []

    def tick(self, now_s: float) -> list[bytes]:
        """Return the line of a new second."""
        return [self._line(now_s)] * min(1, self._second.due(now_s))

    def _line(self, now_s: float) -> bytes:
        spo2, pulse = self.whole("spo2", now_s), self.whole("pulse_rate", now_s)
        perfusion = self.real("perfusion_index", now_s)
        exceptions = MASIMO_SET | (SENSOR_OFF if self.probe_off else 0)
        values = {
            "SN": "0000056661",
            "SPO2": "---" if spo2 is None else f"{spo2:03d}",
            "BPM": "---" if pulse is None else f"{pulse:03d}",
            "PI": "--.--" if perfusion is None else f"{perfusion:05.2f}",
            "SPCO": "--.-",
            "SPMET": "--.-",
            "DESAT": "--",
            "PIDELTA": "+--",
            "ALARM": "0000",
            "EXC": f"{exceptions:06X}",
        }
        return bytes(MasimoLine(DateTime.from_ns(time.time_ns()), values))


class Masimo(SerialDevice):
    """No options."""

    kind = "masimo"
    title = "Rad-8"
    baudrate = 9600

    def make_engine(self) -> MasimoEngine:
        return MasimoEngine(self.source)
