"""Our framed protocol, the numbers: codes of metrics, reasons, faults and results.

`drivers/PROTOCOL.md` lists them; the firmware has them in `protocol.h`.
"""

from enum import IntEnum, IntFlag

METRIC_CODES: dict[str, int] = {
    "heart_rate": 1,
    "pulse_rate": 2,
    "spo2": 3,
    "perfusion_index": 4,
    "respiratory_rate": 5,
    "body_temperature": 6,
    "nibp_systolic": 7,
    "nibp_diastolic": 8,
    "nibp_mean": 9,
    "cuff_pressure": 10,
    "etco2": 11,
    "glucose": 12,
    "body_weight": 13,
    "body_height": 14,
    "body_fat": 15,
    "rr_interval": 16,
    "pulse_arrival_time": 17,
    "battery": 18,
    "arterial_systolic": 19,
    "arterial_diastolic": 20,
    "arterial_mean": 21,
    "urine_volume": 22,
    "drain_volume": 23,
    "ecg_i": 64,
    "ecg_ii": 65,
    "ecg_iii": 66,
    "ecg_v1": 67,
    "ecg_v5": 68,
    "pleth": 69,
    "ppg_red": 70,
    "ppg_infrared": 71,
    "respiration": 72,
    "arterial_pressure": 73,
    "capnogram": 74,
    "acceleration_x": 75,
    "acceleration_y": 76,
    "acceleration_z": 77,
    "ecg_avr": 78,
    "ecg_avl": 79,
    "ecg_avf": 80,
    "ecg_v2": 81,
    "ecg_v3": 82,
    "ecg_v4": 83,
    "ecg_v6": 84,
}
"""Numbers of our own, not MDC: several metrics share an MDC code and an AVR likes small ones.
Numerics count from 1, waveforms from 64. Never renumber: devices in the field keep theirs."""

METRIC_NAMES: dict[int, str] = {code: name for name, code in METRIC_CODES.items()}


class Reason(IntEnum):
    """Why a numeric has no value."""

    NONE = 0
    NO_SIGNAL = 1
    PROBE_OFF = 2
    LEAD_OFF = 3
    SEARCHING = 4
    MOTION = 5
    ABOVE_RANGE = 6
    BELOW_RANGE = 7
    SENSOR_FAULT = 8
    INVALID = 9


class Fault(IntFlag):
    """Faults of a device, as bits of Status."""

    LEAD_OFF = 1
    PROBE_OFF = 2
    LOW_BATTERY = 4
    SENSOR_FAULT = 8
    MEMORY_FULL = 16
    CLOCK_NOT_SET = 32
    OVERRUN = 64
    MOTION = 128


NO_FAULT = Fault(0)
FAULT_NAMES: dict[Fault, str] = {fault: str(fault.name).lower() for fault in Fault}


class Result(IntEnum):
    """A device's answer to a command."""

    DONE = 0
    UNKNOWN_COMMAND = 1
    BAD_ARGUMENT = 2
    NOT_SUPPORTED = 3
    BUSY = 4


UNKNOWN = 0xFF
"""Battery or quality that the device does not know."""
ALL_STREAMS = 0xFF
LAST_UTC_MS = 9_000_000_000_000
"""Year 2255: later times do not fit 64-bit nanoseconds."""
