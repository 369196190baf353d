"""Ratio of ratios, calibration per sensor, and pulse arrival time."""

import numpy as np
import pytest
from numpy.typing import NDArray

from teleward_signal.banks.bank import EventKind, Reason
from teleward_signal.calibration import Calibration
from teleward_signal.engine.arrival_pairs import Arrivals
from teleward_signal.model import Measurement
from teleward_signal.ppg.arrival import ArrivalTime
from teleward_signal.spo2.bank import OximetryBank
from teleward_signal.spo2.watch import INFRARED, RED, Oximetry

FS = 100.0
TEST_CURVE = Calibration("test sensor", "this test", (-25.0, 110.0), 0.4, 1.6)
Samples = NDArray[np.float32]


def light(ratio: float, seconds: float = 20, noise: float = 3.0) -> tuple[Samples, Samples]:
    """Red and infrared intensity of one finger: falls with each pulse, red ``ratio`` times."""
    t = np.arange(round(seconds * FS)) / FS
    beat = (t * 1.2) % 1.0
    pulse = np.exp(-(((beat - 0.3) / 0.1) ** 2)) + 0.1 * np.sin(2 * np.pi * 0.2 * t)
    rng = np.random.default_rng(6)
    red = 40_000 * (1 - 0.01 * ratio * pulse) + rng.normal(0, noise, len(t))
    infrared = 60_000 * (1 - 0.01 * pulse) + rng.normal(0, noise, len(t))
    return red.astype(np.float32), infrared.astype(np.float32)


def ratios(red: Samples, infrared: Samples, block: int | None = None) -> NDArray[np.void]:
    bank = OximetryBank(FS, 2)
    parts = []
    for at in range(0, len(red), block or len(red)):
        piece = slice(at, at + (block or len(red)))
        pair = [np.stack([x[piece], x[piece]]) for x in (red, infrared)]
        bank.process(pair[0], pair[1], np.array([0, pair[0].shape[1]], np.int32))
        parts.append(bank.drain())
    return np.concatenate(parts)


@pytest.mark.parametrize("ratio", [0.5, 0.8, 1.2])
def test_ratio_of_ratios(ratio: float) -> None:
    events = ratios(*light(ratio))
    assert set(events["kind"]) == {EventKind.RATIO}
    assert np.isnan(events["value"][:3]).all()
    assert events["value"][8:] == pytest.approx(ratio, rel=0.03)
    assert events["sqi"][-1] > 0.9


def test_blocks_do_not_matter() -> None:
    red, infrared = light(0.7)
    whole = ratios(red, infrared)
    for block in (1, 13, 500):
        cut = ratios(red, infrared, block)
        np.testing.assert_array_equal(cut["value"], whole["value"])


def test_movement_and_a_missing_finger_are_withheld() -> None:
    red, infrared = light(0.7)
    shaken = red + np.random.default_rng(8).normal(0, 400, len(red)).astype(np.float32)
    moved = ratios(shaken, infrared)[-1]
    assert moved["sqi"] < 0.4
    assert Reason.MOTION in Reason(int(moved["reasons"]))
    dark = ratios(0 * red, 0 * infrared)[-1]
    assert np.isnan(dark["value"])
    assert Reason(int(dark["reasons"])) is Reason.NO_SIGNAL
    red[1000:] = np.nan
    assert np.isnan(ratios(red, infrared)["value"][12:]).all()


def test_a_curve_belongs_to_a_sensor_and_a_range() -> None:
    assert TEST_CURVE.spo2(0.5) == pytest.approx(97.5)
    assert TEST_CURVE.spo2(0.2) is None
    assert TEST_CURVE.spo2(float("nan")) is None
    with pytest.raises(ValueError, match="names its sensor"):
        Calibration("", "nowhere", (1.0,), 0.4, 1.0)


def saturations(
    red: Samples, infrared: Samples, curve: Calibration | None, blocks: tuple[int, int]
) -> list[Measurement]:
    """Push both colours to `Oximetry`, in blocks of different lengths; tick when both are there."""
    watch = Oximetry()
    found = []
    for at in range(0, len(red), max(blocks)):
        for metric, samples, block in ((RED, red, blocks[0]), (INFRARED, infrared, blocks[1])):
            for first in range(at, min(at + max(blocks), len(red)), block):
                part = samples[first : min(first + block, at + max(blocks))]
                time_ns = round(first / FS * 1e9)
                watch.push("a", metric, FS, time_ns, part, 0, curve)
        found += watch.tick()
    return [measurement for _, measurement in found]


def test_saturation_needs_the_curve_of_the_sensor() -> None:
    found = saturations(*light(0.6), TEST_CURVE, (100, 100))
    assert found[-1].value == pytest.approx(95.0, abs=0.7)
    assert found[-1].detail["calibration"] == "test sensor"
    assert found[-1].time_ns == pytest.approx(19.99e9, abs=1)
    assert found[0].reason == "settling"
    bare = saturations(*light(0.6), None, (100, 100))[-1]
    assert (bare.value, bare.reason) == (None, "no_calibration")
    assert bare.detail["ratio"] == pytest.approx(0.6, rel=0.03)
    outside = saturations(*light(1.9), TEST_CURVE, (100, 100))[-1]
    assert (outside.value, outside.reason) == (None, "outside_calibration")


def test_how_the_colours_are_cut_does_not_matter() -> None:
    whole = saturations(*light(0.6), TEST_CURVE, (2000, 2000))
    for blocks in ((100, 100), (50, 100), (37, 148), (200, 25)):
        assert saturations(*light(0.6), TEST_CURVE, blocks) == whole


def test_one_colour_alone_is_dropped_and_the_pair_found_again() -> None:
    red, infrared = light(0.6)
    watch = Oximetry()
    for at in range(0, 1000, 50):
        watch.push("a", RED, FS, at * 10**7, red[at : at + 50], 0, TEST_CURVE)
        assert watch.tick() == []
    (pair,) = watch._pairs.values()
    assert len(pair.channels[RED].samples) <= 200
    found = []
    for at in range(1000, 2000, 50):
        watch.push("a", RED, FS, at * 10**7, red[at : at + 50], 0, TEST_CURVE)
        watch.push("a", INFRARED, FS, at * 10**7, infrared[at : at + 50])
        found += watch.tick()
    assert found[-1][1].value == pytest.approx(95.0, abs=0.7)
    assert found[-1][1].time_ns == pytest.approx(19.99e9, abs=1.01e9)
    watch.forget("a")
    assert not watch._pairs


def test_a_beat_that_is_known_after_its_pulse_is_paired_with_it() -> None:
    arrivals = Arrivals()
    found = []
    for k in range(12):
        beat_ns = round(k * 0.8e9)
        arrivals.mark("a", True, 2, beat_ns + 210_000_000)
        arrivals.mark("a", False, 1, beat_ns)
        arrivals.seen("a", True, 2, beat_ns + 700_000_000)
        arrivals.seen("a", False, 1, beat_ns + 700_000_000)
        found += arrivals.take()
    assert len(found) >= 6
    assert {round(m.value or 0) for _, m in found} == {210}
    arrivals.mark("a", True, 3, round(20e9))
    assert not any(mark == (20_000_000_000, True) for mark in arrivals._people["a"].marks)


def test_arrival_time_is_the_median_of_pairs_and_withheld_when_they_scatter() -> None:
    arrival = ArrivalTime()
    values = []
    for k in range(12):
        beat_ns = round(k * 0.8e9)
        arrival.beat(beat_ns)
        values.append(arrival.pulse(beat_ns + 210_000_000))
    assert values[:3] == [None] * 3
    assert values[-1] is not None
    assert values[-1].value == pytest.approx(210)
    rng = np.random.default_rng(9)
    for k in range(12, 30):
        beat_ns = round(k * 0.8e9)
        arrival.beat(beat_ns)
        last = arrival.pulse(beat_ns + round(rng.uniform(80e6, 700e6)))
    assert last is not None
    assert (last.value, last.reason) == (None, "scattered")


def test_a_pulse_without_a_beat_pairs_with_none() -> None:
    arrival = ArrivalTime()
    arrival.beat(0)
    for k in range(6):
        assert arrival.pulse(round(5e9 + k * 0.8e9)) is None
