"""PC-60FW, TaiDoc, Nellcor, Mi scales, Masimo: bytes of real devices, and what is made of them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from teleward_drivers.ble import mi_scale, pc60fw, taidoc
from teleward_drivers.crc import crc8_maxim
from teleward_drivers.device import Discarded, Output, Write
from teleward_drivers.fields import DateTime
from teleward_drivers.link import Received
from teleward_drivers.testing import read_vectors
from teleward_drivers.wired import masimo, nellcor
from teleward_signal.model import DeviceStatus, Measurement, SampleBlock

S = 1_000_000_000
T0 = 1_700_000_000 * S
GOLDEN = Path(__file__).parent.parent / "golden"


def case(name: str, meaning: str) -> bytes:
    found = [v.data for v in read_vectors(GOLDEN / f"{name}.hex") if v.meaning.startswith(meaning)]
    return found[0]


def feed(driver: Any, data: bytes, channel: str = "", second: float = 0.0) -> list[Output]:
    since_ns = round(second * S)
    return list(driver.feed(Received(data, T0 + since_ns, since_ns, channel)))


def values(outputs: Iterable[Output]) -> dict[str, tuple[float | None, str | None]]:
    return {o.metric: (o.value, o.reason) for o in outputs if isinstance(o, Measurement)}


# PC-60FW


def test_the_checksum_of_a_pc60fw() -> None:
    assert crc8_maxim(b"123456789") == 0xA1
    for vector in read_vectors(GOLDEN / "pc60fw.hex"):
        assert (crc8_maxim(vector.data) == 0) is not vector.meaning.startswith("refused")


@pytest.mark.parametrize(
    "meaning, spo2, pulse, index", [("95", 95, 85, 8.7), ("99", 99, 88, 3.5), ("96", 96, 62, 8.0)]
)
def test_values_of_a_pc60fw(meaning: str, spo2: float, pulse: float, index: float) -> None:
    data = case("pc60fw", meaning)
    found = values(feed(pc60fw.DRIVER.make({}), data, pc60fw.NOTIFY))
    assert found == {
        "spo2": (spo2, None), "pulse_rate": (pulse, None), "perfusion_index": (index, None)
    }  # fmt: skip
    (frame,) = pc60fw.Pc60fwDecoder().feed(data)
    assert isinstance(frame, pc60fw.Frame)
    assert bytes(frame) == data
    assert bytes(pc60fw.Values.from_bytes(frame.body)) == frame.body


@pytest.mark.parametrize("cut", [1, 4, 7, 11, 12, 20])
def test_frames_of_a_pc60fw_may_be_cut_or_share_a_notification(cut: int) -> None:
    data = case("pc60fw", "pleth 90") + case("pc60fw", "95") + case("pc60fw", "state")
    driver = pc60fw.DRIVER.make({})
    outputs = feed(driver, data[:cut], pc60fw.NOTIFY) + feed(driver, data[cut:], pc60fw.NOTIFY, 0.1)
    assert values(outputs)["spo2"] == (95, None)
    assert not [o for o in outputs if isinstance(o, Discarded)]


def test_a_searching_pc60fw_shows_no_zero() -> None:
    body = bytes(pc60fw.Values(None, None, None))
    data = bytes(pc60fw.Frame(pc60fw.OXIMETER, pc60fw.VALUES, body))
    found = values(feed(pc60fw.DRIVER.make({}), data, pc60fw.NOTIFY))
    assert found == {"spo2": (None, "searching"), "pulse_rate": (None, "searching")}


def test_a_broken_frame_is_refused_and_the_next_is_read() -> None:
    data = case("pc60fw", "refused") + case("pc60fw", "99")
    outputs = feed(pc60fw.DRIVER.make({}), data, pc60fw.NOTIFY)
    assert values(outputs)["spo2"] == (99, None)
    assert Discarded(12, "checksum") in outputs


@pytest.mark.parametrize("fs", [50.0, 60.0])
def test_the_pleth_of_a_pc60fw_comes_at_its_measured_rate(fs: float) -> None:
    driver = pc60fw.DRIVER.make({})
    frame = case("pc60fw", "pleth 90")
    outputs: list[Output] = []
    for i in range(1, round(20 * fs / 5)):
        outputs += feed(driver, frame, pc60fw.NOTIFY, i * 5 / fs)
    blocks = [o for o in outputs if isinstance(o, SampleBlock)]
    assert {block.fs for block in blocks} == {fs}
    assert blocks[0].samples.tolist() == [90, 87, 82, 76, 69]
    assert sum(len(block.samples) for block in blocks) == pytest.approx(15 * fs, abs=fs)


# TaiDoc


def answers(driver: Any, device: dict[int, Any], second: float = 0.0) -> list[Output]:
    """Play a device: ``device`` maps a command to its four bytes, or to a function of the index."""
    out: list[Output] = []
    todo = [o for o in driver.start(T0) if isinstance(o, Write)]
    while todo:
        asked = taidoc.Packet.from_bytes(todo.pop(0).data)
        index = asked.data[0] | asked.data[1] << 8
        data = device.get(asked.command)
        data = data(index) if callable(data) else data
        if data is None:
            continue
        packet = bytes(taidoc.Packet(asked.command, data, taidoc.FROM_DEVICE))
        for output in feed(driver, packet, taidoc.CHANNEL, second):
            if isinstance(output, Write):
                todo.append(output)
            else:
                out.append(output)
    return out


def taidoc_device(model: int, values_of: list[tuple[int, int, int, int]], cuffs: list[bool]) -> Any:
    moments = [DateTime.from_ns(T0 - 60 * S - i * 3600 * S) for i in range(len(values_of))]
    return {
        taidoc.CLOCK: taidoc.moment_data(DateTime.from_ns(T0)),
        taidoc.MODEL: (model & 0xFF, model >> 8, 0, 0),
        taidoc.NUMBER: (len(values_of), 0, 0, 0),
        taidoc.RECORD_TIME: lambda i: taidoc.moment_data(moments[i], cuffs[i]),
        taidoc.RECORD_VALUE: lambda i: values_of[i],
    }


def value_bytes(data: bytes) -> tuple[int, int, int, int]:
    return taidoc.Packet.from_bytes(data).data


def test_a_thermometer_of_taidoc() -> None:
    device = taidoc_device(0x1261, [value_bytes(case("taidoc", "thermometer"))], [False])
    outputs = answers(taidoc.make({"utc_offset_minutes": 0}), device)
    assert values(outputs) == {"body_temperature": (37.0, None)}
    (reading,) = [o for o in outputs if isinstance(o, Measurement)]
    assert reading.stamp is not None
    assert (reading.stored, reading.stamp.memory) == (False, True)
    assert reading.stamp.age_ns(0) == pytest.approx(60 * S, abs=60 * S)
    (status,) = [o for o in outputs if isinstance(o, DeviceStatus) and o.clock]
    assert status.clock is not None


def test_a_cuff_of_taidoc_newest_first() -> None:
    values_of = [value_bytes(case("taidoc", "cuff")), (126, 95, 80, 70)]
    device = taidoc_device(0x3129, values_of, [True, True])
    outputs = answers(taidoc.make({"utc_offset_minutes": 0}), device)
    found = [o for o in outputs if isinstance(o, Measurement)]
    assert [(m.metric, m.value, m.stored) for m in found] == [
        ("nibp_systolic", 104, False),
        ("nibp_diastolic", 79, False),
        ("pulse_rate", 97, False),
        ("nibp_systolic", 126, True),
        ("nibp_diastolic", 80, True),
        ("nibp_mean", 95, True),
        ("pulse_rate", 70, True),
    ]


def test_a_cuff_that_measures_glucose_too_mixes_neither() -> None:
    device = taidoc_device(0x3261, [(104, 0, 79, 97), (104, 0, 0, 0)], [True, False])
    outputs = answers(taidoc.make({}), device)
    assert values(outputs) == {
        "nibp_systolic": (104, None),
        "nibp_diastolic": (79, None),
        "pulse_rate": (97, None),
        "glucose": (104, None),
    }


@pytest.mark.parametrize(
    "data, expected",
    [
        ((104, 0, 0, 0), (104.0, None)),
        ((0xFF, 0xFF, 0, 0), (None, "missing")),
        ((120, 0, 0, 3 << 2), (None, "control_solution")),
    ],
)
def test_glucose_of_taidoc(data: Any, expected: Any) -> None:
    outputs = answers(taidoc.make({}), taidoc_device(0x4279, [data], [False]))
    assert values(outputs) == {"glucose": expected}


def test_an_unknown_model_is_asked_for_nothing() -> None:
    outputs = answers(taidoc.make({}), taidoc_device(0x9999, [(1, 2, 3, 4)], [False]))
    assert not values(outputs)
    assert Discarded(0, "model_not_known") in outputs


def test_taidoc_asks_and_refuses_as_captured() -> None:
    driver = taidoc.make({"kind": "thermometer"})
    assert bytes(taidoc.Packet(taidoc.RECORD_VALUE)) == case("taidoc", "asks")
    assert feed(driver, case("taidoc", "refused"), taidoc.CHANNEL) == [Discarded(8, "checksum")]
    assert values(feed(driver, case("taidoc", "thermometer"), taidoc.CHANNEL)) == {
        "body_temperature": (37.0, None)
    }


def test_taidoc_never_switches_off_starts_or_erases() -> None:
    device = taidoc_device(0x3261, [(104, 0, 79, 97)] * 3, [True] * 3)
    driver = taidoc.make({})
    sent = [o for o in driver.start(T0) if isinstance(o, Write)]
    answers(driver, device)
    for second in range(1, 60):
        sent += [o for o in driver.tick(T0 + second * S) if isinstance(o, Write)]
    commands = {write.data[1] for write in sent}
    assert commands <= {taidoc.CLOCK, taidoc.MODEL, taidoc.NUMBER}
    assert not commands & {0x33, 0x43, 0x50, 0x52}


def test_a_record_of_taidoc_read_again_is_one_record() -> None:
    device = taidoc_device(0x1261, [(0x72, 1, 0, 0), (0x70, 1, 0, 0)], [False, False])
    driver = taidoc.make({})
    assert len([o for o in answers(driver, device) if isinstance(o, Measurement)]) == 2
    assert not [o for o in answers(driver, device, 20.0) if isinstance(o, Measurement)]


# Nellcor


def lines(*names: str) -> bytes:
    return b"\r\n" + b"".join(case("nellcor", name) for name in names)


def test_lines_of_a_nellcor() -> None:
    outputs = feed(nellcor.make({}), lines("99 %"))
    assert values(outputs) == {"spo2": (99, None), "pulse_rate": (66, None)}
    outputs = feed(nellcor.make({}), lines("89 %"))
    readings = {o.metric: o for o in outputs if isinstance(o, Measurement)}
    assert (readings["spo2"].value, readings["spo2"].quality) == (89, 0.4)
    assert readings["spo2"].detail["monitor_limit_passed"]
    assert readings["spo2"].detail["states"] == ["MO", "SL"]
    assert "monitor_limit_passed" not in readings["pulse_rate"].detail
    line = nellcor.NellcorLine.from_text(case("nellcor", "89 %").decode().strip("\r\n"))
    assert line is not None
    assert line.date_time == DateTime(2017, 12, 29, 7, 18, 57)
    again = nellcor.NellcorLine.from_text(bytes(line).decode().strip("\r\n"))
    assert again == line


def test_a_nellcor_without_a_patient() -> None:
    outputs = feed(nellcor.make({}), lines("sensor"))
    assert values(outputs) == {"spo2": (None, "probe_off"), "pulse_rate": (None, "probe_off")}
    assert [o.faults for o in outputs if isinstance(o, DeviceStatus)] == [{"probe_off"}]
    for text in ("searching", "99 %"):
        data = (
            lines(text).replace(b"          \r\n", b" PS       \r\n")
            if text == "99 %"
            else lines(text)
        )
        data = data.replace(b"12                      ", b"12    PS                ")
        assert values(feed(nellcor.make({}), data))["spo2"] == (None, "searching")


def test_the_header_of_a_nellcor_is_passed_over_and_damage_is_refused() -> None:
    header = case("nellcor", "header").rstrip() + b"\r\n"
    assert not feed(nellcor.make({}), b"\r\n" + header + header)[1:]
    bad = case("nellcor", "99 %").replace(b"66", b"6x")
    outputs = feed(nellcor.make({}), b"\r\n" + bad)
    assert not values(outputs)
    assert any(isinstance(o, Discarded) and o.reason == "not_a_line" for o in outputs)


# Mi scales and Masimo


def test_impedance_and_removal_of_a_mi_scale() -> None:
    driver = mi_scale.make({})
    first = feed(driver, bytes.fromhex("0226b20705040f0201ac018642"), mi_scale.BODY)
    (reading,) = first
    assert isinstance(reading, Measurement)
    assert (reading.value, reading.detail["impedance_ohm"]) == (85.15, 428)
    assert reading.stamp is not None
    assert reading.stamp.calendar_ns is None  # 1970: its clock was never set
    removed = feed(driver, bytes.fromhex("02a6b20705040f0201ac018642"), mi_scale.BODY, 3)
    assert removed == [Discarded(13, "duplicate")]
    other = feed(driver, bytes.fromhex("02a6e40709060d232ee9015a37"), mi_scale.BODY, 9)
    assert values(other) == {"body_weight": (70.85, None)}


@pytest.mark.parametrize("unit, kg", [(0x02, 50.0), (0x03, 45.359), (0x12, 50.0)])
def test_units_of_a_mi_scale(unit: int, kg: float) -> None:
    data = bytes([unit, 0x24]) + bytes(DateTime(2024, 1, 2, 3, 4, 5)) + bytes(2) + b"\x10\x27"
    assert values(feed(mi_scale.make({}), data, mi_scale.BODY)) == {"body_weight": (kg, None)}


def test_more_lines_of_masimo() -> None:
    outputs = feed(masimo.make({}), b"\r\n" + case("masimo", "Radical-7 colour"))
    assert values(outputs) == {
        "spo2": (98, None), "pulse_rate": (123, None), "perfusion_index": (0.55, None)
    }  # fmt: skip
    outputs = feed(masimo.make({}), b"\r\n" + case("masimo", "Rad-8, sensor off"))
    assert values(outputs)["spo2"] == (None, "probe_off")
    assert [o.faults for o in outputs if isinstance(o, DeviceStatus)] == [{"probe_off"}]
