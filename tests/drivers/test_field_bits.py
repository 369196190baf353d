"""Every bit of a status beside the SIG's own field files, read by machine as in the tables."""

from collections.abc import Iterable
from typing import Any

import pytest

from teleward_drivers.ble import (
    blood_pressure,
    body_composition,
    cgm,
    glucose,
    heart_rate,
    weight_scale,
)
from teleward_drivers.device import Output
from teleward_drivers.testing import receive
from teleward_signal.model import Measurement


def reading(outputs: Iterable[Output]) -> Measurement:
    return next(out for out in outputs if isinstance(out, Measurement))


GLUCOSE_BITS = {
    "Device battery low": (None, "battery_low"),
    "Sensor malfunction": ("sensor_fault", "sensor_fault"),
    "Sample size insufficient": ("sample_too_small", "sample_too_small"),
    "Strip insertion error": ("strip_error", "strip_error"),
    "Strip type incorrect": ("wrong_strip", "wrong_strip"),
    "Sensor result too high": ("above_range", "above_range"),
    "Sensor result too low": ("below_range", "below_range"),
    "Sensor temperature too high": ("too_hot", "too_hot"),
    "Sensor temperature too low": ("too_cold", "too_cold"),
    "Sensor read interrupted": ("read_interrupted", "read_interrupted"),
    "General device fault": ("general_fault", "general_fault"),
    "Time fault": (None, "time_fault"),
}
"""Why the number is withheld (or not), and the flag that is kept beside it."""


def test_each_bit_of_a_glucose_status(gss: Any) -> None:
    bits = gss("glucose_measurement").bits("Sensor Status Annunciation")
    assert {bit.title for bit in bits if not bit.reserved} == set(GLUCOSE_BITS)
    for bit in bits:
        for number in range(bit.first, bit.last + 1):
            status = (1 << number).to_bytes(2, "little")
            data = bytes.fromhex("0a0100ea07051e0a000078b011") + status
            found = reading(
                receive(glucose.make({"read_memory": False}), data, glucose.MEASUREMENT)
            )
            reason, flag = (None, None) if bit.reserved else GLUCOSE_BITS[bit.title]
            assert (found.value, found.reason) == (None if reason else 120.0, reason), bit.title
            assert found.detail.get("flags", []) == ([flag] if flag else [])
            if bit.title == "Time fault":
                assert found.stamp is not None
                assert found.stamp.calendar_ns is None
                assert found.detail["time_unknown"]


CGM_BITS = {
    "Session stopped": "session_stopped",
    "Device battery low": "+battery_low",
    "Sensor type incorrect for device": "wrong_sensor_type",
    "Sensor malfunction": "sensor_fault",
    "Device Specific Alert": "+device_alert",
    "General device fault has occurred in the sensor": "general_fault",
    "Time synchronization between sensor and collector required": "+time_sync_required",
    "Calibration not allowed": "+calibration_not_allowed",
    "Calibration recommended": "+calibration_recommended",
    "Calibration required": "calibration_required",
    "Sensor temperature too high for valid test/result at time of measurement": "too_hot",
    "Sensor temperature too low for valid test/result at time of measurement": "too_cold",
    "Calibration Process Pending": "calibrating",
    "Sensor result lower than the Patient Low level": "+below_patient_low",
    "Sensor result higher than the Patient High level": "+above_patient_high",
    "Sensor result lower than the Hypo level": "+hypo",
    "Sensor result higher than the Hyper level": "+hyper",
    "Sensor Rate of Decrease exceeded": "+falling_fast",
    "Sensor Rate of Increase exceeded": "+rising_fast",
    "Sensor result lower than the device can process": "below_range",
    "Sensor result higher than the device can process": "above_range",
}
"""Reason of a withheld number; with + the flag that goes with a number that stands."""
OCTETS = {"Status": 0x80, "Cal/Temp": 0x40, "Warning": 0x20}


def test_each_bit_of_a_cgm_annunciation(gss: Any) -> None:
    found = gss("cgm_measurement")
    titles = set()
    for part, flag in OCTETS.items():
        for bit in found.bits("Sensor Status Annunciation", part):
            for number in range(bit.first, bit.last + 1):
                octet = 1 << number % 8
                data = bytes([7, flag, 65, 0, 10, 0, octet])
                driver = cgm.make({"read_memory": False})
                value = reading(receive(driver, data, cgm.MEASUREMENT))
                outcome = "" if bit.reserved else CGM_BITS[bit.title]
                titles.add(bit.title)
                if outcome.startswith("+"):
                    assert (value.value, value.detail["flags"]) == (65.0, [outcome[1:]]), bit.title
                else:
                    assert (value.value, value.reason) == (
                        None if outcome else 65.0,
                        outcome or None,
                    ), bit.title
    assert titles - {"Reserved for Future Use"} == set(CGM_BITS)


def test_the_octets_of_a_cgm_annunciation_follow_their_flags(gss: Any) -> None:
    named = {"Status-Octet": "Status", "Cal/Temp-Octet": "Cal/Temp", "Warning-Octet": "Warning"}
    for bit in gss("cgm_measurement").bits("Flags"):
        for title, part in named.items():
            if title in bit.text:
                assert OCTETS[part] == 1 << bit.first
    data = bytes.fromhex("0de3 4100 0a00 02 04 10 05f0 0ff0".replace(" ", ""))
    (record,) = cgm.records(data)
    assert isinstance(record, cgm.CgmRecord)
    assert (record.status, record.calibration, record.warning) == (2, 4, 16)
    assert record.trend is not None
    assert record.quality is not None
    assert (record.trend.value, record.quality.value) == (0.5, 1.5)


BP_BITS: dict[str, dict[int, str | None]] = {
    "Body Movement Detection Flag": {1: "movement"},
    "Cuff Fit Detection Flag": {1: "cuff_loose"},
    "Irregular Pulse Detection Flag": {1: "irregular_pulse"},
    "Pulse Rate Range Detection Flags": {1: "rate_above", 2: "rate_below", 3: None},
    "Measurement Position Detection Flag": {1: "position"},
}


def test_each_bit_of_a_cuff_status(gss: Any) -> None:
    bits = gss("blood_pressure_measurement").bits("Measurement Status")
    assert {bit.title for bit in bits if not bit.reserved} == set(BP_BITS)
    for bit in bits:
        expected: dict[int, str | None] = BP_BITS.get(bit.title, {1: None})
        for value, flag in expected.items():
            status = (value << bit.first).to_bytes(2, "little")
            data = bytes.fromhex("10 7800 5000 5d00") + status
            found = reading(receive(blood_pressure.make({}), data, blood_pressure.MEASUREMENT))
            assert found.value == 120
            assert found.detail.get("flags", []) == ([flag] if flag else []), bit.title


def test_sensor_contact_needs_both_of_its_bits(gss: Any) -> None:
    bits = {bit.title: bit.first for bit in gss("heart_rate_measurement").bits("Flags")}
    detected, supported = bits["Sensor Contact detected"], bits["Sensor Contact Supported"]
    for is_detected in (0, 1):
        for is_supported in (0, 1):
            flags = is_detected << detected | is_supported << supported
            decoded = heart_rate.HeartRateMeasurement.from_bytes(bytes([flags, 60]))
            assert decoded.contact is (bool(is_detected) if is_supported else None)


@pytest.mark.parametrize(
    "name, module, channel, data",
    [
        ("weight_measurement", weight_scale, weight_scale.MEASUREMENT, "04 e02e ff"),
        (
            "body_composition_measurement",
            body_composition,
            body_composition.MEASUREMENT,
            "0400 d200 ff",
        ),
        (
            "blood_pressure_measurement",
            blood_pressure,
            blood_pressure.MEASUREMENT,
            "08 7800 5000 5d00 ff",
        ),
    ],
)
def test_user_255_is_nobody(gss: Any, name: str, module: Any, channel: str, data: str) -> None:
    text = str(gss(name).content)
    assert "unknown user" in text.lower()
    found = reading(receive(module.make({}), bytes.fromhex(data.replace(" ", "")), channel))
    assert found.stamp is not None
    assert found.stamp.user is None
    one = reading(
        receive(module.make({}), bytes.fromhex(data.replace(" ", "")[:-2] + "01"), channel)
    )
    assert one.stamp is not None
    assert one.stamp.user == 1
