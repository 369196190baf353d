"""Boards for makers that send raw waves: HealthyPi v4, v5 and OpenBCI Cyton."""

import numpy as np
from numpy.typing import NDArray

from teleward_drivers.wired import cyton, healthypi
from teleward_signal.errors import Invalid
from teleward_simulators.device_clock import BUFFER_S, native_rate
from teleward_simulators.sensors.raw_light import INFRARED, LEVEL, RED
from teleward_simulators.source import VitalSource
from teleward_simulators.wired.plain_engine import PlainEngine
from teleward_simulators.wired.serial_device import SerialDevice

PPG_MIDDLE, PPG_SWING = 250_000, 4_000
"""An AFE4490's usual level and pulse, in counts."""
RESPIRATION_COUNTS = 2_000
FULL_COUNT = 2**23 - 1
"""The ends of a 24-bit converter, 187.5 mV at a gain of 24 (ADS1299 data sheet)."""
BOOT_TEXT = b"\r\nHealthyPi starting\r\n"
CYTON_BANNER = b"OpenBCI V3 8-16 channel\r\nFirmware: v3.1.2\r\n$$$"


class WaveClock:
    """Sample times of a board at ``fs`` Hz, and the patient's waves at those times."""

    def __init__(self, source: VitalSource, fs: float) -> None:
        self.fs = fs
        self._source = source
        self._next: int | None = None

    def restart(self) -> None:
        """Begin with the sample due next."""
        self._next = None

    def due(self, now_s: float) -> tuple[int, NDArray[np.float64]]:
        """Return the number of the first sample due and the times of all, in seconds."""
        stop = int(now_s * self.fs) + 1
        first = stop if self._next is None else max(self._next, stop - int(BUFFER_S * self.fs))
        self._next = max(stop, first)
        return first, np.arange(first, stop) / self.fs

    def wave(self, metric: str, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return ``metric`` at ``times``, 0 where the patient has none."""
        if metric not in self._source.metrics() or not len(times):
            return np.zeros(len(times))
        rate = native_rate(self._source, metric, self.fs)
        first = int(times[0] * rate)
        count = int(times[-1] * rate) + 2 - first
        samples = np.nan_to_num(self._source.waveform(metric, rate, first, count))
        return np.interp(times, (first + np.arange(count)) / rate, samples)


class HealthyPiEngine(PlainEngine):
    """125 frames a second with raw waves and the board's own numbers."""

    def __init__(self, source: VitalSource, version: int) -> None:
        super().__init__(source)
        if version not in (4, 5):
            raise Invalid(f"HealthyPi version {version}: use 4 or 5")
        self._version = version
        self._clock = WaveClock(source, healthypi.FS)

    def connected(self, now_s: float) -> list[bytes]:
        self._clock.restart()
        return [BOOT_TEXT]

    def tick(self, now_s: float) -> list[bytes]:
        """Return the frames of the samples taken since the last tick."""
        _, times = self._clock.due(now_s)
        divisor = 256 if self._version == 4 else 1
        ecg = self._clock.wave("ecg_ii", times) / healthypi.ECG_MV / divisor
        breath = self._clock.wave("respiration", times) * RESPIRATION_COUNTS
        infrared, red = self._light(times)
        rates = [self.whole(m, now_s) or 0 for m in ("respiratory_rate", "spo2", "heart_rate")]
        celsius = self.source.numeric("body_temperature", now_s) or 0.0
        rows = np.stack([ecg, breath, infrared, red], axis=1).round().astype(int)
        return [self._frame(row.tolist(), celsius, rates) for row in rows]

    def _light(self, times: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return infrared and red in counts; a source without light has a pulse and no colour."""
        if {RED, INFRARED} <= self.source.metrics():
            infrared, red = (self._clock.wave(metric, times) for metric in (INFRARED, RED))
            return PPG_MIDDLE / LEVEL * infrared, PPG_MIDDLE / LEVEL * red
        pulse = PPG_MIDDLE - PPG_SWING * self._clock.wave("pleth", times)
        return pulse, 0.8 * pulse

    def _frame(self, row: list[int], celsius: float, rates: list[int]) -> bytes:
        ecg, breath, infrared, red = row
        breathing, spo2, heart = rates
        if self._version == 5:
            return healthypi.pack_v5(ecg, breath, red, infrared, celsius, (spo2, breathing, heart))
        ecg, breath = (max(-32768, min(32767, value)) for value in (ecg, breath))
        vitals = (breathing, spo2, heart)
        return healthypi.pack_v4(ecg, breath, infrared, red, celsius, vitals, self.probe_off)


class HealthyPi(SerialDevice):
    """Options: ``version`` 4 or 5."""

    kind = "healthypi"
    title = "HealthyPi"
    baudrate = 115200

    def make_engine(self) -> HealthyPiEngine:
        return HealthyPiEngine(self.source, int(self.options.get("version", 4)))


class CytonEngine(PlainEngine):
    """Eight channels at 250 Hz after ``b``: ECG I and II on the first two, noise on the rest."""

    def __init__(self, source: VitalSource, seed: int) -> None:
        super().__init__(source)
        self._clock = WaveClock(source, cyton.FS)
        self._noise = np.random.default_rng(seed)
        self.offset_mv = 0.0
        self._streaming = False

    def connected(self, now_s: float) -> list[bytes]:
        self._streaming = False
        return []

    def feed(self, data: bytes, now_s: float) -> list[bytes]:
        out = []
        for command in data:
            if command == ord("v"):
                self._streaming = False
                out.append(CYTON_BANNER)
            elif command in b"bs":
                self._streaming = command == ord("b")
                self._clock.restart()
        return out

    def tick(self, now_s: float) -> list[bytes]:
        """Return the frames of the samples taken since the last tick."""
        if not self._streaming:
            return []
        first, times = self._clock.due(now_s)
        counts = self._noise.integers(-40, 40, (len(times), cyton.N_CHANNELS))
        if not self.probe_off:
            second = self._clock.wave("ecg_ii", times) / cyton.MV_PER_COUNT
            lead_i = self._clock.wave("ecg_i", times) / cyton.MV_PER_COUNT
            counts[:, 1] += second.astype(np.int64)
            counts[:, 0] += (lead_i if lead_i.any() else 0.6 * second).astype(np.int64)
        counts[:, :2] += round(self.offset_mv / cyton.MV_PER_COUNT)
        # the converter saturates; an open input of this board drifts to the end of its range
        counts = np.clip(counts, -FULL_COUNT - 1, FULL_COUNT)
        if self.probe_off:
            counts[:, :2] = FULL_COUNT
        return [
            bytes(cyton.CytonFrame((first + i) & 0xFF, tuple(row)))
            for i, row in enumerate(counts.tolist())
        ]


class Cyton(SerialDevice):
    """No options."""

    kind = "cyton"
    title = "Cyton"
    baudrate = 115200

    def make_engine(self) -> CytonEngine:
        return CytonEngine(self.source, self.seed)
