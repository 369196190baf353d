"""Bytes of real devices that do not follow the book, and bytes that come twice, late or not at all.

Values and sources of the captures stand in `tests/golden/field_cases.hex`.
"""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from teleward_drivers.ble import (
    blood_pressure,
    body_composition,
    glucose,
    heart_rate,
    polar_pmd,
    pulse_oximeter,
    thermometer,
    viatom,
    weight_scale,
)
from teleward_drivers.device import Discarded, Output, Write
from teleward_drivers.link import Received
from teleward_drivers.testing import START_NS, read_vectors
from teleward_signal.model import DeviceStatus, Measurement, SampleBlock

S = 1_000_000_000
GOLDEN = Path(__file__).parent.parent / "golden" / "field_cases.hex"


def case(meaning: str) -> bytes:
    (data,) = [v.data for v in read_vectors(GOLDEN) if v.meaning.startswith(meaning)]
    return data


def feed(driver: Any, data: bytes, channel: str, second: float = 0.0) -> list[Output]:
    since_ns = round(second * S)
    return list(driver.feed(Received(data, START_NS + since_ns, 9 * S + since_ns, channel)))


def values(outputs: list[Output]) -> dict[str, float | None]:
    return {o.metric: o.value for o in outputs if isinstance(o, Measurement)}


def test_a_byte_too_many_is_kept_and_counted() -> None:
    outputs = feed(heart_rate.DRIVER.make({}), case("HR strap"), heart_rate.MEASUREMENT)
    assert Discarded(1, "trailing_bytes") in outputs
    found = values(outputs)
    assert found["heart_rate"] == 62
    assert found["rr_interval"] == pytest.approx(0.923, abs=0.001)
    (rate,) = [o for o in outputs if isinstance(o, Measurement) and o.metric == "heart_rate"]
    assert rate.detail == {"trailing": "de"}


@pytest.mark.parametrize(
    "module, channel, data, metric, value",
    [
        (blood_pressure, blood_pressure.MEASUREMENT, "00780050005d00", "nibp_systolic", 120.0),
        (thermometer, thermometer.MEASUREMENT, "00720100ff", "body_temperature", 37.0),
        (weight_scale, weight_scale.MEASUREMENT, "00b036", "body_weight", 70.0),
        (body_composition, body_composition.MEASUREMENT, "0000d200", "body_fat", 21.0),
        (pulse_oximeter, pulse_oximeter.CONTINUOUS, "0061004600", "spo2", 97.0),
        (glucose, glucose.MEASUREMENT, "020100ea07051e0a000078b011", "glucose", 120.0),
    ],
)
@pytest.mark.parametrize("more", ["00", "ff", "0102030405"])
def test_every_service_takes_bytes_that_a_later_version_may_add(
    module: Any, channel: str, data: str, metric: str, value: float, more: str
) -> None:
    options = {"read_memory": False} if module is glucose else {}
    outputs = feed(module.make(options), bytes.fromhex(data + more), channel)
    assert Discarded(len(more) // 2, "trailing_bytes") in outputs
    assert values(outputs)[metric] == value
    first = next(o for o in outputs if isinstance(o, Measurement))
    assert first.detail["trailing"] == more


def test_a_real_meter_in_millimoles_with_its_own_offset() -> None:
    driver = glucose.make({"read_memory": False, "utc_offset_minutes": 0})
    (reading,) = feed(driver, case("meter"), glucose.MEASUREMENT)
    assert isinstance(reading, Measurement)
    assert reading.value == pytest.approx(106.29)
    assert reading.detail["record"] == 1
    assert reading.device_time_ns == 1_566_379_873 * S  # 2019-08-21 06:31:13 and three hours


def test_a_swaying_weight_is_none_and_the_steady_one_is_read_as_the_makers() -> None:
    driver = body_composition.make({})
    swaying = feed(driver, case("Mi scale, swaying"), body_composition.MEASUREMENT)
    assert swaying == [Discarded(13, "not_steady")]
    assert values(feed(driver, case("Mi scale, steady"), body_composition.MEASUREMENT, 1)) == {
        "body_weight": 82.3
    }
    again = feed(driver, case("Mi scale, steady"), body_composition.MEASUREMENT, 3)
    assert again == [Discarded(13, "duplicate")]


def test_the_other_mi_scale_is_recognised_by_its_flags() -> None:
    driver = weight_scale.make({})
    moving = feed(driver, case("Mi scale 1, moving"), weight_scale.MEASUREMENT)
    assert moving == [Discarded(10, "not_steady")]
    steady = feed(driver, case("Mi scale 1, steady"), weight_scale.MEASUREMENT, 1)
    assert values(steady) == {"body_weight": 87.2}


def test_a_cuff_with_a_layout_of_its_own_gives_no_number() -> None:
    outputs = feed(blood_pressure.make({}), case("cuff"), blood_pressure.MEASUREMENT)
    assert outputs == [Discarded(20, "other_layout")]


@pytest.mark.parametrize("data", ["0050007800 5d00", "00e803 5000 5d00", "00 7800 0300 5d00"])
def test_pressures_that_no_cuff_means_are_refused_whole(data: str) -> None:
    raw = bytes.fromhex(data.replace(" ", ""))
    outputs = feed(blood_pressure.make({}), raw, blood_pressure.MEASUREMENT)
    assert outputs == [Discarded(len(raw), "implausible")]


def test_a_mean_of_zero_is_a_mean_that_the_cuff_did_not_compute() -> None:
    raw = bytes.fromhex("00780050000000")
    outputs = feed(blood_pressure.make({}), raw, blood_pressure.MEASUREMENT)
    assert values(outputs) == {"nibp_systolic": 120, "nibp_diastolic": 80, "nibp_mean": None}


@pytest.mark.parametrize(
    "data, pressure",
    [("408f00", 143.0), ("448f004800", 143.0), ("428f0000e1f505", 143.0), ("411300", 142.5)],
)
def test_the_enhanced_cuff_has_one_pressure(data: str, pressure: float) -> None:
    driver = blood_pressure.make({})
    outputs = feed(driver, bytes.fromhex(data), blood_pressure.ENHANCED_CUFF)
    assert values(outputs) == {"cuff_pressure": pressure}


def packets(first: str, second: str) -> list[Output]:
    driver = body_composition.make({})
    out = feed(driver, bytes.fromhex(first), body_composition.MEASUREMENT)
    return out + feed(driver, bytes.fromhex(second), body_composition.MEASUREMENT, 0.2)


def test_a_body_composition_that_says_more_follows_in_both_packets() -> None:
    outputs = packets(
        "0610 df00 e8070b1d102139 01".replace(" ", ""), "001c df00 b036 d606".replace(" ", "")
    )
    assert values(outputs) == {"body_fat": 22.3, "body_weight": 70.0, "body_height": 1.75}


def test_the_next_person_on_the_scale_begins_another_reading() -> None:
    outputs = packets("0610df00e8070b1d10213901", "0604d200e8070b1d11000002803e")
    assert Discarded(12, "second_packet_lost") in outputs
    assert values(outputs) == {"body_fat": 21.0, "body_weight": 80.0}
    assert all(o.stamp and o.stamp.user == 2 for o in outputs if isinstance(o, Measurement))


def test_beats_notified_twice_count_once_and_a_burst_counts_whole() -> None:
    value = bytes.fromhex("1048" + "5503")
    for lag in (0.001, 0.05, 0.3):
        driver, beats = heart_rate.DRIVER.make({}), 0
        for i in range(30):
            for again in (0.0, lag):
                out = feed(driver, value, heart_rate.MEASUREMENT, i * 0.833 + again)
                beats += sum(isinstance(o, Measurement) and o.metric == "rr_interval" for o in out)
        assert beats == 30, lag
    driver = heart_rate.DRIVER.make({})
    arrivals = [0.0, 0.833, 1.666, 5.9, 5.901, 5.902, 5.903, 5.904, 6.664]
    out = [o for at in arrivals for o in feed(driver, value, heart_rate.MEASUREMENT, at)]
    assert sum(isinstance(o, Measurement) and o.metric == "rr_interval" for o in out) == 9


@pytest.mark.parametrize("module", [pulse_oximeter, thermometer, blood_pressure, weight_scale])
def test_a_value_notified_twice_counts_once(module: Any) -> None:
    channel = getattr(module, "CONTINUOUS", None) or module.MEASUREMENT
    data = {
        pulse_oximeter: "0061004600",
        thermometer: "00720100ff",
        blood_pressure: "00780050005d00",
        weight_scale: "00b036",
    }[module]
    driver = module.make({})
    assert values(feed(driver, bytes.fromhex(data), channel, 0.0))
    again = feed(driver, bytes.fromhex(data), channel, 0.02)
    assert again == [Discarded(len(data) // 2, "duplicate")]
    assert values(feed(driver, bytes.fromhex(data), channel, 20.0))


# streams whose frames carry their time


def polar(settings: str | None, options: dict[str, Any] | None = None) -> Any:
    driver = polar_pmd.make(options or {})
    if settings is not None:
        reply = bytes.fromhex(settings)
        assert [o for o in feed(driver, reply, polar_pmd.CONTROL) if isinstance(o, Write)]
    return driver


SAYS = {135: "f001010000 00018700 01011600 040104", 55: "f001010000 00013700 01011600 040104"}


def ppg_frames(fs: float, n_frames: int, n: int = 42) -> list[tuple[float, bytes]]:
    out = []
    for k in range(n_frames):
        end = (k + 1) * n / fs
        rows = [[k * n + i] * 4 for i in range(n)]
        out.append((end, polar_pmd.data_frame(1, 10**18 + round(end * S), rows)))
    return out


def blocks(driver: Any, frames: list[tuple[float, bytes]]) -> list[SampleBlock]:
    out: list[Output] = []
    for at, data in frames:
        out += feed(driver, data, polar_pmd.DATA, at)
    out += list(driver.end())
    return [o for o in out if isinstance(o, SampleBlock)]


@pytest.mark.parametrize("says", [135, 55])
@pytest.mark.parametrize("true", [55.125, 55.0, 135.0, 176.0, 28.0])
def test_the_rate_of_a_stream_is_that_of_its_stamps(says: int, true: float) -> None:
    driver = polar(SAYS[says].replace(" ", ""))
    found = blocks(driver, ppg_frames(true, 12))
    samples = np.concatenate([block.samples for block in found])
    assert samples.tolist() == list(range(12 * 42))
    assert all(block.fs == pytest.approx(true, rel=0.03) for block in found)
    assert found[0].index == 0
    for a, b in itertools.pairwise(found):
        assert b.index == a.index + len(a.samples)


@pytest.mark.parametrize("order", ["twice", "swapped", "late repeats", "all of them"])
def test_frames_in_any_order_give_each_sample_once(order: str) -> None:
    frames = ppg_frames(55.0, 20)
    if order in ("swapped", "all of them"):
        for i in range(3, 19, 4):
            frames[i], frames[i + 1] = frames[i + 1], frames[i]
    if order in ("twice", "all of them"):
        frames = [frame for frame in frames for _ in range(2)]
    if order in ("late repeats", "all of them"):
        frames = frames + frames[:5]
    found = blocks(polar(SAYS[55].replace(" ", "")), frames)
    samples = np.concatenate([block.samples for block in found])
    assert samples.tolist() == list(range(20 * 42))


def test_a_frame_that_is_lost_is_a_hole_of_its_size() -> None:
    frames = ppg_frames(55.0, 20)
    found = blocks(polar(SAYS[55].replace(" ", "")), frames[:7] + frames[8:])
    ends = [(b.index, b.index + len(b.samples)) for b in found]
    holes = [(end, begin) for (_, end), (begin, _) in itertools.pairwise(ends) if begin != end]
    assert holes == [(7 * 42, 8 * 42)]


def test_a_clock_set_in_mid_stream_is_no_hole_of_years() -> None:
    frames = ppg_frames(55.0, 6)
    moved = [
        (
            at,
            data[:1]
            + (int.from_bytes(data[1:9], "little") + 10**17).to_bytes(8, "little")
            + data[9:],
        )
        for at, data in ppg_frames(55.0, 12)[6:]
    ]
    found = blocks(polar(SAYS[55].replace(" ", "")), frames + moved)
    assert found[-1].index + len(found[-1].samples) == 12 * 42


@pytest.mark.parametrize("kind, counts, scale", [(0x80, 4096, 1 / 4096), (0x81, 4096, 1000 / 4096)])
def test_compressed_acceleration_is_multiplied_by_its_factor(
    kind: int, counts: int, scale: float
) -> None:
    factor = np.float32(scale).tobytes().hex()
    driver = polar("f0010200000001340001011000040103", {"acc": True})
    feed(driver, bytes.fromhex("f0020200000501" + factor), polar_pmd.CONTROL)
    reference = b"".join(v.to_bytes(2, "little", signed=True) for v in (counts, -counts, 0))
    body = reference + bytes([8, 2]) + bytes(6)
    data = bytes([2]) + (10**18).to_bytes(8, "little") + bytes([kind]) + body
    found = blocks(driver, [(0.0, data)])
    assert [float(block.physical()[0]) for block in found] == pytest.approx([9.80665, -9.80665, 0])


def test_viatom_replies_of_a_real_ring() -> None:
    for name, spo2, pulse in (("ring, 98", 98, 69), ("ring, 90", 90, 83)):
        driver = viatom.make()
        list(driver.start(START_NS))
        reply = case(name)
        assert not values(feed(driver, reply[:20], viatom.NOTIFY))
        found = values(feed(driver, reply[20:], viatom.NOTIFY, 0.1))
        assert (found["spo2"], found["pulse_rate"], found["perfusion_index"]) == (spo2, pulse, 0.4)
    driver = viatom.make()
    list(driver.start(START_NS))
    assert not values(feed(driver, case("ring, short"), viatom.NOTIFY))


def test_a_status_never_carries_a_stale_fault_of_a_repeat() -> None:
    driver = heart_rate.DRIVER.make({})
    lost, back = bytes.fromhex("0400"), bytes.fromhex("063c")
    outputs = [
        o
        for i, d in enumerate((lost, lost, back))
        for o in feed(driver, d, heart_rate.MEASUREMENT, i)
    ]
    faults = [o.faults for o in outputs if isinstance(o, DeviceStatus)]
    assert faults == [{"lead_off"}, frozenset()]
