"""Every SIG driver beside the SIG's own field files: order, sizes, presence, bits, special values.

The files are read by machine, so a table typed from memory cannot agree with itself. (The SIG has
published none for the Pulse Oximeter service; its vectors are in `tests/golden`.)
"""

from collections.abc import Callable
from typing import Any

import pytest

from teleward_drivers.ble import (
    blood_pressure,
    body_composition,
    current_time,
    glucose,
    heart_rate,
    racp,
    thermometer,
    weight_scale,
)
from teleward_drivers.fields import DateTime
from teleward_drivers.medfloat import MedFloat
from teleward_drivers.testing import receive
from teleward_signal.model import DeviceStatus

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
