"""What simulated devices put on the air, read by a decoder that is not ours.

``bluetooth-sig`` reads structure, flags, statuses, users and times of what the devices send (its
11073 numbers are off by an exponent, so those are read here by the rule of the standard). The bits
that simulators set are compared with the SIG's field files.
"""

import importlib.util
import math
import re
import warnings
from pathlib import Path
from typing import Any

import pytest
import yaml

import teleward_simulators.ble as ble
from teleward_simulators.ble import published
from teleward_simulators.ble.blood_pressure import BloodPressure
from teleward_simulators.ble.glucose import GlucoseMeter, GlucoseSensor
from teleward_simulators.ble.heart_rate import HeartRate
from teleward_simulators.ble.pulse_oximeter import PulseOximeter
from teleward_simulators.ble.scales import BodyCompositionScale, WeightScale
from teleward_simulators.ble.spot_oximeter import SpotOximeter
from teleward_simulators.ble.thermometer import Thermometer
from teleward_simulators.device_clock import DeviceClock
from teleward_simulators.sources import make_source

ADDRESS = "C0:00:00:00:00:01"


def device(kind: Any, **options: Any) -> Any:
    made = kind(make_source("simple:steady"), ADDRESS, clock=DeviceClock(start=-100.0), **options)
    made.services()
    return made


def parse(uuid: str, data: bytes) -> Any:
    from bluetooth_sig import BluetoothSIGTranslator

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return BluetoothSIGTranslator().parse_characteristic(uuid, data)


def sfloat(data: bytes, at: int) -> float:
    """Return the IEEE 11073-20601 SFLOAT at ``at``: 4 bits of exponent, 12 of mantissa."""
    raw = data[at] | data[at + 1] << 8
    mantissa, exponent = raw & 0xFFF, raw >> 12
    if mantissa == 0x7FF:
        return math.nan
    mantissa -= 0x1000 if mantissa & 0x800 else 0
    return float(mantissa * 10.0 ** (exponent - 16 if exponent & 8 else exponent))


def gss(name: str) -> dict[str, Any]:
    spec = importlib.util.find_spec("bluetooth_sig")
    assert spec is not None
    assert spec.origin is not None
    path = f"bluetooth_sig/gss/org.bluetooth.characteristic.{name}.yaml"
    text = (Path(spec.origin).parent / path).read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.safe_load(text)["characteristic"]
    return found


def titles(name: str, field: str, part: str | None = None) -> dict[int, str]:
    (found,) = [row for row in gss(name)["fields"] if row["name"] == field]
    if part is not None:
        (found,) = [row for row in found["subfields"] if row["name"] == part]
    rows = [row for row in found["values"] if str(row["bit"]).isdigit()]
    return {int(row["bit"]): row["description"].split("\n")[0].rstrip(":") for row in rows}


def test_bits_of_the_meter_are_those_of_the_field_file() -> None:
    bits = titles("glucose_measurement", "Sensor Status Annunciation")
    assert {
        text.lower().replace("device battery", "battery"): 1 << bit for bit, text in bits.items()
    } == (published.GLUCOSE)
    cgm = titles("cgm_measurement", "Sensor Status Annunciation", "Status")
    assert cgm[published.CGM_SENSOR_MALFUNCTION.bit_length() - 1] == "Sensor malfunction"
    cuff = titles("blood_pressure_measurement", "Measurement Status")
    assert cuff[published.CUFF_TOO_LOOSE.bit_length() - 1] == "Cuff Fit Detection Flag"


def test_no_simulator_takes_its_bits_from_a_driver() -> None:
    flags = re.compile(r"\b(?:codec|nonin_ble|glucose|cgm|pulse_oximeter)\.(?:\w*Status|CONTROL_)")
    for path in Path(ble.__path__[0]).glob("*.py"):
        assert not flags.search(path.read_text(encoding="utf-8")), path


@pytest.mark.parametrize("off", [False, True])
def test_a_cuff(off: bool) -> None:
    cuff = device(BloodPressure, user=3)
    cuff.probe_off = off
    data = bytes(cuff._reading(10.0))
    pressures = [sfloat(data, at) for at in (1, 3, 5)]
    if off:  # which the other decoder takes for an error
        assert all(map(math.isnan, pressures))
        assert data[-3:] == b"\x03\x02\x00"
        return
    assert pressures == pytest.approx([118, 74, 88.7], abs=3)
    found = parse("2A35", data)
    assert found.optional_fields.user_id == 3
    assert found.optional_fields.measurement_status == 0
    assert found.optional_fields.timestamp is not None


@pytest.mark.parametrize("status", list(published.GLUCOSE))
def test_a_meter_with_each_of_its_faults(status: str) -> None:
    data = bytes(device(GlucoseMeter, status=status)._record(7, 60.0))
    found = parse("2A18", data)
    assert found.sequence_number == 7
    assert found.sensor_status == published.GLUCOSE[status]
    assert (found.glucose_type.value, found.sample_location.value) == (1, 1)
    assert sfloat(data, 12) == pytest.approx(104e-5, rel=0.2)


def test_a_control_solution() -> None:
    meter = device(GlucoseMeter, control=True, stored=2)
    found = parse("2A18", meter.memory.records[2])
    assert found.glucose_type.name == "CONTROL_SOLUTION"
    assert found.sample_location.name == "CONTROL_SOLUTION"


def test_a_sensor_without_a_signal() -> None:
    sensor = device(GlucoseSensor)
    sensor.probe_off = True
    data = bytes(sensor._record(15))
    assert data[0] == len(data)
    assert data[1] & 0x80
    assert data[6] == published.CGM_SENSOR_MALFUNCTION
    assert data[4] | data[5] << 8 == 15


def test_an_oximeter_names_its_states() -> None:
    oximeter = device(PulseOximeter)
    data = bytes(oximeter._measure(oximeter.clock.now_s()))
    found = parse("2A5F", data)
    assert found.measurement_status.name == "MEASUREMENT_ONGOING"
    assert sfloat(data, 1) == pytest.approx(97, abs=2)
    oximeter.probe_off = True
    found = parse("2A5F", bytes(oximeter._measure(oximeter.clock.now_s())))
    assert "SENSOR_UNCONNECTED" in found.device_and_sensor_status.name
    spot = device(SpotOximeter)
    now, stored = (parse("2A5E", bytes(spot._reading(ago))) for ago in (0.0, 3600.0))
    assert "FULLY_QUALIFIED" in now.measurement_status.name
    assert "FROM_MEASUREMENT_STORAGE" in stored.measurement_status.name or (
        "STORAGE" in stored.measurement_status.name
    )


def test_a_strap_a_thermometer_and_the_scales() -> None:
    strap = device(HeartRate)
    strap._measure(98.0, 99.0)
    found = parse("2A37", bytes(strap._measure(99.0, 101.0)))
    assert found.heart_rate == pytest.approx(72, abs=3)
    assert found.sensor_contact.name == "DETECTED"
    assert all(0.7 < rr < 1.0 for rr in found.rr_intervals)
    thermometer = parse("2A1C", bytes(device(Thermometer)._measure(1.0)))
    assert thermometer.temperature_type.name == "ARMPIT"
    assert thermometer.timestamp is not None
    weight = parse("2A9D", bytes(device(WeightScale, user=4)._weight_reading()))
    assert (weight.weight, weight.user_id) == (70.0, 4)
    pounds = parse("2A9D", bytes(device(WeightScale, imperial=True)._weight_reading()))
    assert (pounds.weight, pounds.weight_unit.value) == (pytest.approx(154.32), "lb")
    (body,) = device(BodyCompositionScale)._readings()
    parsed = parse("2A9C", bytes(body))
    assert (parsed.body_fat_percentage, parsed.weight, parsed.height) == (21.0, 70.0, 1.75)
