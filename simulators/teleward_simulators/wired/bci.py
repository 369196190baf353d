"""Oximeter modules with the BCI 5-byte stream, and the old CMS50D in its dialect: 60 frames/s."""

from teleward_drivers.wired.bci import BciFrame
from teleward_simulators.source import VitalSource
from teleward_simulators.wired.oximeter_wave import OximeterWave
from teleward_simulators.wired.plain_engine import PlainEngine
from teleward_simulators.wired.serial_device import SerialDevice

FS = 60
BARS = 15


class BciEngine(PlainEngine):
    """``dialect`` "module": bit 5 is the probe's plug; "cms50": bit 4 is the finger."""

    def __init__(self, source: VitalSource, dialect: str) -> None:
        super().__init__(source)
        self._is_cms50 = dialect == "cms50"
        self._wave = OximeterWave(source, FS)

    def connected(self, now_s: float) -> list[bytes]:
        self._wave.restart()
        return []

    def tick(self, now_s: float) -> list[bytes]:
        """Return the frames of the samples taken since the last tick."""
        pulse, spo2 = self.whole("pulse_rate", now_s), self.whole("spo2", now_s)
        off = self.probe_off
        return [
            bytes(
                BciFrame(
                    pleth=0 if off else height,
                    pulse_rate=pulse,
                    spo2=spo2,
                    bar=0 if off else height * BARS // 127,
                    beep=beep and not off,
                    flag_4=off and self._is_cms50,
                    flag_5=off and not self._is_cms50,
                )
            )
            for height, beep in self._wave.due(now_s)
        ]


class BciModule(SerialDevice):
    """An oximeter module at 4800 baud."""

    kind = "bci"
    title = "Oximeter module"
    baudrate = 4800

    def make_engine(self) -> BciEngine:
        return BciEngine(self.source, "module")


class Cms50(SerialDevice):
    """A CMS50D with old firmware: 19200 baud, odd parity (a pty has none)."""

    kind = "cms50"
    title = "CMS50D"
    baudrate = 19200

    def make_engine(self) -> BciEngine:
        return BciEngine(self.source, "cms50")
