"""What goes wrong between patient and number, each with its truth.

A fault is separate from the illness: the patient is as before, the reading is not. Link faults are
carried out by the simulated device itself (`teleward_simulators.faults`), all others here.
"""

from dataclasses import dataclass

from teleward_signal.errors import Invalid

SENSORS: dict[str, tuple[str, ...]] = {
    "ox": ("spo2", "pulse_rate", "perfusion_index", "pleth", "ppg_red", "ppg_infrared"),
    "nibp": ("nibp_systolic", "nibp_diastolic", "nibp_mean"),
    "ecg3": ("heart_rate", "ecg_i", "ecg_ii", "ecg_iii"),
    "ecg12": ("ecg_avr", "ecg_avl", "ecg_avf", "ecg_v1", "ecg_v2", "ecg_v3", "ecg_v4", "ecg_v5",
              "ecg_v6"),
    "temp": ("body_temperature",),
    "glu": ("glucose",),
    "rr": ("respiration", "respiratory_rate"),
    "capno": ("capnogram", "etco2"),
    "abp": ("arterial_pressure", "arterial_systolic", "arterial_diastolic", "arterial_mean"),
    "fluids": ("urine_volume", "drain_volume"),
    "defib": (),
    "cam": (),
    "scale": (),
}  # fmt: skip
"""Sensor -> the metrics it measures."""

SENSOR_OF = {metric: sensor for sensor, metrics in SENSORS.items() for metric in metrics}

FAULT_KINDS: dict[str, str] = {
    "probe_off": "finger or electrode out: no value, a flat wave",
    "motion": "movement: SpO2 reads low, the wave is torn",
    "low_perfusion": "a cold hand: perfusion index of `value` (0.2), no SpO2",
    "wrong_cuff": "a cuff too small: +26/+20 mmHg; too large with value -8",
    "cuff_leak": "the cuff leaks: no pressure",
    "electrode_noise": "mains and muscle on the ECG, `value` mV",
    "double_count": "the T wave is counted too: twice the heart rate",
    "nail_polish": "SpO2 reads 2 % low",
    "ambient_light": "bright light: SpO2 wanders towards 85",
    "unit_switch": "the meter shows mmol/L where mg/dL is believed",
    "range_floor": "the oximeter shows nothing below 70 %",
    "drop": "packets are lost, the share `value`",
    "silence": "nothing comes though the link is up",
    "latency": "everything comes `value` seconds late",
    "clock_skew": "the device's clock is off by `value` ppm",
    "duplicate": "packets come twice, the share `value`",
    "reorder": "packets come in the wrong order, the share `value`",
    "low_battery": "the battery falls to `value` percent",
}
"""Fault -> what happens."""

LINK_KINDS = {
    "drop": "rate", "silence": "", "latency": "seconds", "clock_skew": "ppm",
    "duplicate": "rate", "reorder": "rate", "low_battery": "percent",
}  # fmt: skip
"""Faults that the device carries out, and what `value` is called there."""
LIMITS = {
    "rate": (0.0, 1.0), "seconds": (0.0, 60.0), "ppm": (-100_000.0, 100_000.0),
    "percent": (0.0, 100.0),
}  # fmt: skip
"""What `value` may be; a link that is later than a minute is a link that is lost."""


@dataclass(frozen=True, slots=True)
class ActiveFault:
    """One fault in device time: the ground truth that a reader is judged by."""

    kind: str
    sensor: str
    start_s: float
    end_s: float
    value: float | None = None

    def at(self, time_s: float) -> bool:
        """Return whether it is on."""
        return self.start_s <= time_s < self.end_s


def make_fault(
    kind: str, sensor: str, start_s: float, seconds: float, value: float | None
) -> ActiveFault:
    """Return a fault; ValueError names what there is."""
    if kind not in FAULT_KINDS:
        raise Invalid(f"no fault {kind!r}: there are {', '.join(FAULT_KINDS)}")
    if sensor not in SENSORS:
        raise Invalid(f"no sensor {sensor!r}: there are {', '.join(SENSORS)}")
    if seconds <= 0:
        raise Invalid(f"fault {kind}: {seconds:g} s is no duration")
    if value is not None and (what := LINK_KINDS.get(kind)):
        low, high = LIMITS[what]
        if not low <= value <= high:
            raise Invalid(f"fault {kind}: {what} {value:g} is outside {low:g} to {high:g}")
    return ActiveFault(kind, sensor, start_s, start_s + seconds, value)
