"""A patient through sensors: what a device would measure, with lag, averaging, range and error.

    patient (truth) -> sensor model -> faults of the moment -> what the simulated device sends

Implements `VitalSource`, so every simulated device measures it as it does any other patient.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from teleward_simulators.draws import Stream, normal, uniform
from teleward_simulators.physiology.patient import PhysiologyPatient
from teleward_simulators.physiology.vital import Given
from teleward_simulators.sensors.faults import SENSOR_OF, SENSORS, ActiveFault
from teleward_simulators.sensors.raw_light import INFRARED, RED, light

OXIMETER_LAG_S = 4.0
OXIMETER_AVERAGE_S = 8
"""A finger oximeter averages about eight seconds."""
LEAST_PERFUSION = 0.3
"""Percent; below it an oximeter shows dashes."""
CUFF_LEAST_SYSTOLIC = 50.0
"""mmHg; a cuff finds no oscillations below."""
CUFF_ERROR_SD = 3.0
"""mmHg; the standard allows a mean error of 5 with an SD of 8 (ISO 81060-2)."""
CUFF_CYCLE_S = 35.0
GLUCOSE_ERROR_SD = 0.06
"""ISO 15197 asks for 95 % within 15 %."""
AXILLA_BELOW_CORE = 0.4
MG_PER_MMOL = 18.0
SMALL_CUFF = (26.0, 20.0)
"""mmHg by which a cuff too small reads high, systolic and diastolic."""


class FaultBook(Protocol):
    """The source of faults: a case, or a list in a test."""

    def faults(self) -> tuple[ActiveFault, ...]:
        """Return all faults so far, in device time."""
        ...


class SensedPatient:
    """A patient as devices see one; ``devices`` limits what can be measured (empty: everything)."""

    def __init__(
        self,
        patient: PhysiologyPatient,
        book: FaultBook | None = None,
        devices: tuple[str, ...] = (),
    ) -> None:
        self.patient = patient
        self._book = book
        offered = patient.metrics() | {RED, INFRARED}
        if devices:
            wanted = {metric for device in devices for metric in SENSORS[device]}
            offered &= wanted
        self._offered = offered

    def metrics(self) -> frozenset[str]:
        """Return what can be measured."""
        return self._offered

    def beats(self, start_s: float, end_s: float) -> list[float]:
        """Return the true R peaks: for tests."""
        return self.patient.beats(start_s, end_s)

    def treatments(self, after_s: float, until_s: float) -> list[tuple[float, Given]]:
        """Return what was done to the patient in (after_s, until_s], with its device time."""
        return self.patient.treatments(after_s, until_s)

    def faults(self, sensor: str, time_s: float) -> dict[str, ActiveFault]:
        """Return the faults of a sensor at a time by kind: the truth."""
        if self._book is None:
            return {}
        self.patient.live(time_s)
        return {f.kind: f for f in self._book.faults() if f.sensor == sensor and f.at(time_s)}

    def numeric(self, metric: str, time_s: float) -> float | None:
        """Return the reading, None where the device shows dashes."""
        if metric not in self._offered:
            return None
        self.patient.live(time_s)
        sensor = SENSOR_OF[metric]
        faults = self.faults(sensor, time_s)
        if "probe_off" in faults:
            return None
        match sensor:
            case "ox":
                return self._oximeter(metric, time_s, faults)
            case "nibp":
                return self._cuff(metric, time_s, faults)
            case "ecg3" | "ecg12":
                rate = self.patient.numeric(metric, time_s)
                return rate * 2.0 if rate and "double_count" in faults else rate
            case "temp":
                value = self.patient.numeric(metric, time_s)
                return None if value is None else round(value - AXILLA_BELOW_CORE, 1)
            case "glu":
                return self._glucometer(time_s, faults)
            case "fluids" | "abp":
                value = self.patient.numeric(metric, time_s)
                return None if value is None else float(round(value))
        return self.patient.numeric(metric, time_s)

    def waveform(self, metric: str, fs: float, first: int, count: int) -> NDArray[np.float32]:
        """Return samples with what faults do to them, float32, shape (count,)."""
        if metric not in self._offered:
            return np.full(count, np.nan, np.float32)
        if metric in (RED, INFRARED):
            times = (first + np.arange(count)) / fs
            pleth = self.waveform("pleth", fs, first, count)
            return light(metric, pleth, times, self._saturation)
        wave = self.patient.waveform(metric, fs, first, count)
        if self._book is None or not len(wave):
            return wave
        times = (first + np.arange(count)) / fs
        sensor = SENSOR_OF[metric]
        for fault in self._book.faults():
            if fault.sensor == sensor and fault.start_s < times[-1] and fault.end_s > times[0]:
                on = (times >= fault.start_s) & (times < fault.end_s)
                wave[on] = _spoil(fault, metric, wave[on], times[on], self.patient.seed)
        return wave

    def _oximeter(self, metric: str, time_s: float, faults: dict[str, ActiveFault]) -> float | None:
        seed, second = self.patient.seed, int(time_s)
        perfusion = self.patient.numeric("perfusion_index", max(0.0, time_s - 1.0)) or 0.0
        if "low_perfusion" in faults:
            perfusion = faults["low_perfusion"].value or 0.2
        elif "motion" in faults:
            perfusion = 0.4
        if metric == "perfusion_index":
            return round(perfusion, 1)
        if perfusion < LEAST_PERFUSION:
            return None
        if metric == "pulse_rate":
            return self.patient.numeric(metric, time_s)
        values = [
            self.patient.numeric("spo2", max(0.0, time_s - OXIMETER_LAG_S - back))
            for back in range(OXIMETER_AVERAGE_S)
        ]
        found = [value for value in values if value is not None]
        if len(found) < OXIMETER_AVERAGE_S // 2:
            return None
        reading = sum(found) / len(found) + 0.4 * normal(seed, Stream.SENSOR, second // 4)
        reading = _coloured(reading, faults)
        if "motion" in faults:
            reading = 84.0 + 3.0 * normal(seed, Stream.SENSOR, second)
        if "range_floor" in faults and reading < 70.0:
            return None
        return float(round(min(100.0, max(1.0, reading))))

    def _saturation(self, time_s: float) -> float | None:
        """Return the light values of a second, without a device's averaging."""
        true = self.patient.numeric("spo2", time_s)
        return None if true is None else _coloured(true, self.faults("ox", time_s))

    def _cuff(self, metric: str, time_s: float, faults: dict[str, ActiveFault]) -> float | None:
        cycle = int(time_s / CUFF_CYCLE_S)
        systolic = self.patient.numeric("nibp_systolic", time_s)
        mean = self.patient.numeric("nibp_mean", time_s)
        if systolic is None or mean is None or systolic < CUFF_LEAST_SYSTOLIC:
            return None
        if "cuff_leak" in faults or "motion" in faults:
            return None
        true = self.patient.numeric(metric, time_s)
        if true is None:
            return None
        error = CUFF_ERROR_SD * normal(self.patient.seed, Stream.CUFF, cycle)
        if "wrong_cuff" in faults:
            high, low = SMALL_CUFF
            given = faults["wrong_cuff"].value
            if given is not None:
                high = low = given
            share = {
                "nibp_systolic": high,
                "nibp_diastolic": low,
                "nibp_mean": (high + 2 * low) / 3,
            }
            error += share[metric]
        return float(round(true + error))

    def _glucometer(self, time_s: float, faults: dict[str, ActiveFault]) -> float | None:
        true = self.patient.numeric("glucose", time_s)
        if true is None:
            return None
        share = GLUCOSE_ERROR_SD * normal(
            self.patient.seed, Stream.SENSOR, 10**6 + int(time_s / 60)
        )
        reading = true * (1.0 + max(-0.15, min(0.15, share)))
        if "unit_switch" in faults:
            return round(reading / MG_PER_MMOL, 1)
        return float(round(reading))


def _coloured(saturation: float, faults: dict[str, ActiveFault]) -> float:
    """Return the saturation as seen through nail polish and in bright light."""
    if "nail_polish" in faults:
        saturation -= 2.0
    if "ambient_light" in faults:
        saturation += 0.7 * (85.0 - saturation)
    return saturation


def _spoil(
    fault: ActiveFault,
    metric: str,
    wave: NDArray[np.float32],
    times: NDArray[np.float64],
    seed: int,
) -> NDArray[np.float32]:
    """Return what is left of a wave under ``fault``."""
    match fault.kind:
        case "probe_off":
            return np.zeros_like(wave)
        case "motion":
            phase = uniform(seed, Stream.SENSOR, int(fault.start_s))
            sway = np.sin(2 * np.pi * (1.7 * times + phase)) + np.sin(2 * np.pi * 2.9 * times)
            return (0.4 * wave + 0.8 * sway).astype(np.float32)
        case "low_perfusion":
            return (wave * (fault.value or 0.2) / 3.0).astype(np.float32)
        case "electrode_noise" if metric.startswith("ecg"):
            level = fault.value or 0.3
            hum = np.sin(2 * np.pi * 50.0 * times) + 0.6 * np.sin(2 * np.pi * 31.3 * times)
            return (wave + level * hum).astype(np.float32)
    return wave
