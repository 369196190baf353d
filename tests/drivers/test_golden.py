"""Bytes from outside the project, decoded by every codec that has them, and written again."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from teleward_drivers import crc
from teleward_drivers.ble import (
    blood_pressure,
    current_time,
    heart_rate,
    jumper,
    nonin_ble,
    polar_pmd,
    pulse_oximeter,
    racp,
    thermometer,
    viatom,
    weight_scale,
)
from teleward_drivers.ble.polar_samples import decode_compressed
from teleward_drivers.fields import DateTime
from teleward_drivers.medfloat import MedFloat, Special
from teleward_drivers.testing import Vector, read_vectors, receive
from teleward_drivers.wired import cms50d, cyton, healthypi, masimo, nonin
from teleward_signal.model import SampleBlock

GOLDEN = Path(__file__).parent.parent / "golden"
SPECIALS = {
    "NaN": Special.NAN,
    "NRes": Special.NRES,
    "+INFINITY": Special.PLUS_INFINITY,
    "-INFINITY": Special.MINUS_INFINITY,
    "reserved": Special.RESERVED,
}


def golden(name: str) -> list[Vector]:
    return read_vectors(GOLDEN / f"{name}.hex")


def one(name: str, meaning: str) -> bytes:
    (data,) = [v.data for v in golden(name) if v.meaning.startswith(meaning)]
    return data


def test_every_vector_names_its_source() -> None:
    for path in sorted(GOLDEN.glob("*.hex")):
        for vector in read_vectors(path):
            assert vector.meaning, path
            assert vector.source, path


@pytest.mark.parametrize("vector", golden("medfloat"), ids=lambda v: v.meaning)
def test_medical_numbers(vector: Vector) -> None:
    raw = int.from_bytes(vector.data, "little")
    kind, meaning, *rest = vector.meaning.split()
    number = MedFloat.from_sfloat(raw) if kind == "SFLOAT" else MedFloat.from_float(raw)
    if meaning in SPECIALS:
        assert (number.value, number.special) == (None, SPECIALS[meaning])
    else:
        assert number.value == float(meaning)
        assert number.exponent == int(rest[-1])
    assert (number.to_sfloat() if kind == "SFLOAT" else number.to_float()) == raw


@pytest.mark.parametrize("vector", golden("crc"), ids=lambda v: v.meaning)
def test_checksums(vector: Vector) -> None:
    functions: dict[str, Callable[[bytes], int]] = {
        "CRC-16/CCITT-FALSE": crc.crc16_ccitt,
        "CRC-16/MCRF4XX": crc.crc16_mcrf4xx,
        "CRC-8/SMBUS": crc.crc8,
    }
    name, value = vector.meaning.split()
    assert functions[name](vector.data) == int(value, 16)


def f(value: float, exponent: int) -> MedFloat:
    return MedFloat.of(value, exponent)


HR = heart_rate.HeartRateMeasurement
BP = blood_pressure.BloodPressure
PLX = pulse_oximeter
NONE_FOUND = racp.response(racp.Op.REPORT, racp.Result.NONE_FOUND)
CASES: list[tuple[str, str, Any]] = [
    ("heart_rate", "80/min", HR(80)),
    ("heart_rate", "200/min", HR(200, wide=True)),
    ("heart_rate", "75/min", HR(75, True, 128)),
    ("heart_rate", "90/min", HR(90, rr=(2048, 4096))),
    ("heart_rate", "65/min", HR(65, True, rr=(1024,))),
    (
        "pulse_oximeter",
        "continuous: 95",
        PLX.ContinuousMeasurement(
            (f(95, 0), f(90, 0)), None, None, 0x20, 0, perfusion_index=f(8.7, -1)
        ),
    ),
    (
        "pulse_oximeter",
        "continuous: 99",
        PLX.ContinuousMeasurement(
            (f(99, -1), f(97, -1)),
            (f(97, -1), f(137, -1)),
            (f(98, -1), f(69, -1)),
            0x0120,
            0,
            f(8.9, -2),
        ),
    ),
    (
        "pulse_oximeter",
        "spot",
        PLX.SpotCheckMeasurement(
            f(94, -1), f(147, -1), DateTime(2024, 11, 29, 23, 8, 57), 0x4020, 0x22, f(8.7, -2)
        ),
    ),
    ("pulse_oximeter", "features", PLX.Features(0x00A3, 0x1040, 0x000180)),
    (
        "blood_pressure",
        "120/79",
        BP(
            f(120, 0),
            f(79, 0),
            f(91, 0),
            date_time=DateTime(2024, 11, 21, 10, 30),
            pulse_rate=f(72, 0),
            user=255,
            status=4,
            epoch_2000=False,
        ),
    ),
    ("blood_pressure", "cuff", BP(f(93, 0), epoch_2000=False)),
    ("blood_pressure", "failed", BP(blood_pressure.NO_NUMBER, epoch_2000=False)),
    ("thermometer", "36.6", thermometer.TemperatureMeasurement(f(36.6, -1))),
    ("weight_scale", "70.000 kg alone", weight_scale.WeightMeasurement(14000)),
    (
        "current_time",
        "2024-11-21",
        current_time.CurrentTime(DateTime(2024, 11, 21, 10, 30), 4, 128, 2),
    ),
    ("racp", "report all", racp.report_all()),
    ("racp", "report from", racp.report_from(42)),
    ("racp", "count all", racp.RacpMessage(racp.Op.COUNT, racp.Operator.ALL)),
    ("racp", "answer: report", racp.response(racp.Op.REPORT)),
    ("racp", "answer: none", NONE_FOUND),
    ("racp", "answer: three", racp.count_response(3)),
    ("jumper", "56/min", jumper.JumperValues(56, 99, 6.8)),
    ("nonin_ble", "98 %", nonin_ble.NoninValues(98, 60, 3.56, 7, 3.0, 0x15)),
    (
        "cms50d",
        "pleth 51",
        cms50d.Live(51, 65, 97, signal=5, bar=6),
    ),
    (
        "cyton",
        "counter 7",
        cyton.CytonFrame(7, (123456, -123456, 0, 0, 0, 0, 0, 0), bytes([0, 0, 0, 0, 0x1F, 0x40])),
    ),
]


@pytest.mark.parametrize("name, meaning, expected", CASES, ids=lambda x: str(x)[:24])
def test_decode_and_encode(name: str, meaning: str, expected: Any) -> None:
    data = one(name, meaning)
    assert type(expected).from_bytes(data) == expected
    assert bytes(expected) == data


def test_scale_with_user_and_height() -> None:
    value = weight_scale.WeightMeasurement.from_bytes(one("weight_scale", "70.000 kg and user"))
    assert (value.kilograms, value.user, value.bmi, value.metres) == (70.0, 5, 245, 1.75)
    assert bytes(value) == one("weight_scale", "70.000 kg and user")


def test_glucose_units() -> None:
    from teleward_drivers.ble.glucose import GlucoseMeasurement

    clock = DateTime(2024, 11, 21, 10, 30)
    wanted = ((False, 120.0), (True, 120.7))
    for vector, (molar, expected) in zip(golden("glucose"), wanted, strict=True):
        raw = MedFloat.from_sfloat(int.from_bytes(vector.data, "little"))
        value = GlucoseMeasurement(1, clock, concentration=raw, molar=molar, type=1, location=1)
        assert value.mg_per_dl == pytest.approx(expected, abs=0.01)
        assert GlucoseMeasurement.from_bytes(bytes(value)) == value


def test_polar_ppg_capture_is_smooth_only_when_read_least_significant_bit_first() -> None:
    data = one("polar_pmd", "PPG")
    samples = decode_compressed(data[10:], 4, 22)
    assert samples.shape == (50, 4)
    steps = abs(samples[1:, 0] - samples[:-1, 0])
    assert steps.max() < 200
    driver = polar_pmd.make({})
    (block,) = [o for o in receive(driver, data, polar_pmd.DATA) if isinstance(o, SampleBlock)]
    assert block.metric == "pleth"
    assert len(block.samples) == 50


def test_polar_commands() -> None:
    Setting = polar_pmd.Setting
    ecg = polar_pmd.ControlRequest(2, 0, {Setting.RATE: (130,), Setting.RESOLUTION: (14,)})
    assert bytes(ecg) == one("polar_pmd", "start ECG")
    acc: polar_pmd.Settings = {Setting.RATE: (200,), Setting.RESOLUTION: (16,), Setting.RANGE: (2,)}
    assert bytes(polar_pmd.ControlRequest(2, 2, acc)) == one("polar_pmd", "start ACC")
    assert polar_pmd.ControlRequest.from_bytes(one("polar_pmd", "start ACC")).settings == acc


def test_viatom_request() -> None:
    assert bytes(viatom.Packet(viatom.REQUEST, viatom.LIVE)) == one("viatom", "request")


def test_cms50d_capture_and_command() -> None:
    assert cms50d.host_command(cms50d.START) == one("cms50d", "host")
    assert cms50d.parse_host_command(one("cms50d", "host")) == cms50d.START
    live = b"".join(v.data for v in golden("cms50d")[:3])
    frames = cms50d.Cms50dDecoder().feed(live + b"\x01")
    assert [f.pleth for f in frames if isinstance(f, cms50d.Live)] == [51, 48, 42]
    assert b"".join(bytes(f) for f in frames if isinstance(f, cms50d.Live)) == live


def test_nonin_frames_and_commands() -> None:
    for number, wide in ((2, False), (7, True)):
        data = one("nonin", f"format {number}")
        (frame,) = nonin.NoninDecoder(number).feed(data)
        assert isinstance(frame, nonin.Sample)
        assert frame.to_bytes(wide) == data
    for number in (2, 7, 8, 13):
        assert nonin.select_format(number) == one("nonin", f"host: select format {number}")


def test_masimo_capture() -> None:
    data = one("masimo", "98 %")
    (line,) = masimo.MasimoDecoder().feed(b"\n" + data)[-1:]
    assert isinstance(line, masimo.MasimoLine)
    assert line.date_time == DateTime(2016, 2, 22, 22, 47, 45)
    assert [line.number(key) for key in ("SPO2", "BPM", "PI", "SPCO")] == [98, 97, 3.6, None]
    assert line.exceptions == 0x800
    assert bytes(line) == data


def test_healthypi_frame_and_its_constants() -> None:
    data = one("healthypi", "v4")
    (frame,) = healthypi.HealthyPiDecoder().feed(data)
    assert isinstance(frame, healthypi.HealthyPiFrame)
    assert frame.waves["ecg_ii"] == [-120]
    assert frame.claims == {
        "heart_rate": 74,
        "respiratory_rate": 16,
        "spo2": 98,
        "body_temperature": 36.52,
    }
    assert healthypi.pack_v4(-120, 33, 123456, 120000, 36.52, (16, 98, 74)) == data
