"""Every SIG driver beside the SIG's own field files: order, sizes, presence, bits, special values.

The files are read by machine, so a table typed from memory cannot agree with itself. (The SIG has
published none for the Pulse Oximeter service; its vectors are in `tests/golden`.)
"""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from teleward_drivers.ble import (
    blood_pressure,
    body_composition,
    cgm,
    current_time,
    glucose,
    heart_rate,
    racp,
    thermometer,
    weight_scale,
)
from teleward_drivers.device import Output
from teleward_drivers.fields import DateTime
from teleward_drivers.medfloat import MedFloat
from teleward_drivers.testing import receive
from teleward_signal.model import DeviceStatus, Measurement

S = 1_000_000_000
STAMP = bytes.fromhex("e8070b1d102139")
"""2024-11-29 16:33:57."""
Accessor = Callable[[Any], Any]


def sample(kind: str, size: int, number: int) -> tuple[bytes, Any]:
    """Return the bytes of a field and what they are, different for each ``number``."""
    if kind == "medfloat16":
        return (0xF000 | 500 + number).to_bytes(2, "little"), 50 + number / 10
    if kind == "medfloat32":
        return (0xFF000000 | 370 + number).to_bytes(4, "little"), 37 + number / 10
    if kind == "struct" and size == 7:
        return STAMP, DateTime(2024, 11, 29, 16, 33, 57)
    value = 3 + number if size == 1 else int.from_bytes(bytes(range(number, number + size)))
    return value.to_bytes(size, "little"), value


def plain(value: Any) -> Any:
    return value.value if isinstance(value, MedFloat) else value


PRESSURE = "Blood Pressure Measurement Compound Value"
CUFF = "Intermediate Cuff Pressure Compound Value"
COMMON: dict[str, Accessor] = {
    "Pulse Rate": lambda v: v.pulse_rate,
    "User ID": lambda v: v.user,
    "Measurement Status": lambda v: v.status,
}
EPOCH_1900 = -2_208_988_800
ENHANCED: dict[str, Accessor] = {
    **COMMON,
    "Time Stamp": lambda v: None if v.time_s is None else v.time_s - EPOCH_1900,
    "User Facing Time": lambda v: None if v.user_time_s is None else v.user_time_s - EPOCH_1900,
}
CODECS: dict[str, tuple[Callable[[bytes], Any], dict[str, Accessor]]] = {
    "heart_rate_measurement": (
        heart_rate.HeartRateMeasurement.from_bytes,
        {
            "Heart Rate Measurement Value (8 bit resolution)": lambda v: v.heart_rate,
            "Heart Rate Measurement Value (16 bit resolution)": lambda v: v.heart_rate,
            "Energy Expended": lambda v: v.energy_kj,
            "RR-interval": lambda v: v.rr[0] if v.rr else None,
        },
    ),
    "blood_pressure_measurement": (
        blood_pressure.BloodPressure.from_bytes,
        {
            **{f"{PRESSURE} - Systolic ({u})": lambda v: v.systolic for u in ("mmHg", "kPa")},
            **{f"{PRESSURE} - Diastolic ({u})": lambda v: v.diastolic for u in ("mmHg", "kPa")},
            **{
                f"{PRESSURE} - Mean Arterial Pressure ({u})": lambda v: v.mean
                for u in ("mmHg", "kPa")
            },
            **COMMON,
            "Time Stamp": lambda v: v.date_time,
        },
    ),
    "intermediate_cuff_pressure": (
        lambda data: blood_pressure.BloodPressure.from_bytes(data, cuff=True),
        {
            **{
                f"{CUFF} - Current Cuff Pressure ({u})": lambda v: v.systolic
                for u in ("mmHg", "kPa")
            },
            f"{CUFF} - Diastolic (unused)": lambda v: v.diastolic,
            f"{CUFF} - Mean Arterial Pressure (unused)": lambda v: v.mean,
            **COMMON,
            "Time Stamp": lambda v: v.date_time,
        },
    ),
    "enhanced_intermediate_cuff_pressure": (
        lambda data: blood_pressure.BloodPressure.from_bytes(data, enhanced=True, cuff=True),
        {"Intermediate Cuff Pressure Value": lambda v: v.systolic, **ENHANCED},
    ),
    "enhanced_blood_pressure_measurement": (
        lambda data: blood_pressure.BloodPressure.from_bytes(data, enhanced=True),
        {
            **{
                f"{PRESSURE} ({unit})": lambda v: (
                    v.systolic.value,
                    v.diastolic.value,
                    v.mean.value,
                )
                for unit in ("mmHg", "kPa")
            },
            **ENHANCED,
        },
    ),
    "temperature_measurement": (
        thermometer.TemperatureMeasurement.from_bytes,
        {
            "Temperature Measurement Value (Celsius)": lambda v: v.temperature,
            "Temperature Measurement Value (Fahrenheit)": lambda v: v.temperature,
            "Time Stamp": lambda v: v.date_time,
            "Temperature Type": lambda v: v.type,
        },
    ),
    "intermediate_temperature": (
        thermometer.TemperatureMeasurement.from_bytes,
        {
            "Intermediate Temperature (Celsius)": lambda v: v.temperature,
            "Intermediate Temperature (Fahrenheit)": lambda v: v.temperature,
            "Time Stamp": lambda v: v.date_time,
            "Temperature Type": lambda v: v.type,
        },
    ),
    "weight_measurement": (
        weight_scale.WeightMeasurement.from_bytes,
        {
            "Weight": lambda v: v.weight,
            "Time Stamp": lambda v: v.date_time,
            "User ID": lambda v: v.user,
            "BMI": lambda v: v.bmi,
            "Height": lambda v: v.height,
        },
    ),
    "body_composition_measurement": (
        body_composition.BodyComposition.from_bytes,
        {
            "Body Fat Percentage": lambda v: v.fat,
            "Time Stamp": lambda v: v.date_time,
            "User ID": lambda v: v.user,
            "Basal Metabolism": lambda v: v.values.get("basal_kj"),
            "Muscle Percentage": lambda v: v.values.get("muscle_tenth_percent"),
            "Muscle Mass": lambda v: v.values.get("muscle_mass"),
            "Fat Free Mass": lambda v: v.values.get("fat_free_mass"),
            "Soft Lean Mass": lambda v: v.values.get("soft_lean_mass"),
            "Body Water Mass": lambda v: v.values.get("water_mass"),
            "Impedance": lambda v: v.values.get("impedance_tenth_ohm"),
            "Weight": lambda v: v.values.get("weight"),
            "Height": lambda v: v.values.get("height"),
        },
    ),
    "glucose_measurement": (
        glucose.GlucoseMeasurement.from_bytes,
        {
            "Sequence Number": lambda v: v.sequence,
            "Base Time": lambda v: v.base_time,
            "Time Offset": lambda v: v.offset_minutes,
            "Glucose Concentration": lambda v: v.concentration,
            "Type-Sample Location": lambda v: v.type | v.location << 4 or None,
            "Sensor Status Annunciation": lambda v: v.status,
        },
    ),
}


def flags_of(found: Any) -> list[int]:
    """Return every combination of the flags that are not reserved."""
    bits = [bit.first for bit in found.bits("Flags") if not bit.reserved]
    return [
        sum(1 << bit for i, bit in enumerate(bits) if n >> i & 1) for n in range(1 << len(bits))
    ]


@pytest.mark.parametrize("name", list(CODECS))
def test_fields_stand_where_the_published_structure_has_them(gss: Any, name: str) -> None:
    decode, accessors = CODECS[name]
    found = gss(name)
    assert found.fields[0].name == "Flags"
    assert {field.name for field in found.fields[1:]} == set(accessors)
    for flags in flags_of(found):
        data = flags.to_bytes(found.fields[0].size, "little")
        expected: dict[str, Any] = {}
        for number, field in enumerate(found.fields[1:], 1):
            if field.bit is not None and flags >> field.bit & 1 != field.when:
                continue
            if field.kind == "struct" and field.size == 6:
                parts = [sample("medfloat16", 2, number + 10 * i) for i in range(3)]
                piece, value = b"".join(p for p, _ in parts), tuple(v for _, v in parts)
            else:
                piece, value = sample(field.kind, field.size, number)
            data += piece
            expected[field.name] = value
        decoded = decode(data)
        if name.startswith("enhanced") and flags & 64:
            shift = 946_684_800 - EPOCH_1900
            for label in ("Time Stamp", "User Facing Time"):
                if label in expected:
                    expected[label] += shift
        absent = {field.name for field in found.fields[1:]} - set(expected)
        got = {label: plain(access(decoded)) for label, access in accessors.items()}
        for label, value in expected.items():
            assert got[label] == value, (hex(flags), label)
        alternatives = {f.name for f in found.fields if f.bit == 0}
        for label in absent - alternatives:
            assert got[label] in (None, "missing"), (hex(flags), label)
        if name != "heart_rate_measurement" or flags & 6 != 2:  # detected by what cannot detect
            assert bytes(decoded) == data, hex(flags)


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


def test_places_and_meals_are_those_of_the_published_lists(gss: Any) -> None:
    sites = gss("temperature_type").values("Temperature Type Description")
    assert {code: text.lower().split()[0] for code, text in sites.items()} == {
        code: site.split()[0] for code, site in thermometer.TYPES.items()
    }
    places = gss("body_sensor_location").values("Body Sensor Location")
    assert {code: text.lower() for code, text in places.items()} == dict(
        enumerate(heart_rate.LOCATIONS)
    )
    meals = gss("glucose_measurement_context").values("Meal")
    assert {code: text.lower().split()[0] for code, text in meals.items()} == glucose.MEALS
    kinds = gss("glucose_measurement").values("Type-Sample Location", "Type")
    assert kinds[glucose.CONTROL_SOLUTION_TYPE] == "Control Solution"
    locations = gss("glucose_measurement").values("Type-Sample Location", "Sample Location")
    assert locations[glucose.CONTROL_SOLUTION_LOCATION] == "Control solution"


RACP_OPS = {
    racp.Op.REPORT: "Report stored records",
    racp.Op.DELETE: "Delete stored records",
    racp.Op.ABORT: "Abort operation",
    racp.Op.COUNT: "Report number of stored records",
    racp.Op.COUNT_RESPONSE: "Number of stored records response",
    racp.Op.RESPONSE: "Response code",
}


def test_operations_of_record_access(gss: Any) -> None:
    published = gss("record_access_control_point").values("Op Code")
    for op, text in RACP_OPS.items():
        assert published[op].lower().startswith(text.lower())


def test_a_glucose_context_is_read_in_its_published_order(gss: Any) -> None:
    found = gss("glucose_measurement_context")
    for flags in flags_of(found):
        data = bytes([flags])
        for number, field in enumerate(found.fields[1:], 1):
            if field.bit is None or flags >> field.bit & 1 == field.when:
                data += sample(field.kind, field.size, number)[0]
        decoded = glucose.GlucoseContext.from_bytes(data)
        names = [field.name for field in found.fields]
        meal = sample("uint8", 1, names.index("Meal"))[1]
        assert decoded.meal == (meal if flags & 2 else None)
        carbohydrate = sample("medfloat16", 2, names.index("Carbohydrate"))[1]
        got = None if decoded.carbohydrate_kg is None else decoded.carbohydrate_kg.value
        assert got == (carbohydrate if flags & 1 else None)


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


def test_the_clock_of_a_device(gss: Any) -> None:
    days = gss("day_of_week").content["structure"][0]["description"]
    weekday = next(n for n in range(1, 8) if f"{n}: Friday" in days)
    value = current_time.CurrentTime.at(1_732_897_999 * S + S // 2)
    assert bytes(value) == STAMP[:4] + bytes([16, 33, 19, weekday, 128, 2])
    (status,) = receive(
        current_time.DRIVER.make({"utc_offset_minutes": 0}), bytes(value), current_time.CURRENT_TIME
    )
    assert isinstance(status, DeviceStatus)
    assert status.clock is not None
    assert status.clock.calendar_ns == 1_732_897_999 * S
