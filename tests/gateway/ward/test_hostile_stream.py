"""A hostile stream beside a good one: one technical alarm of one bed, and nothing else changes."""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from teleward_gateway.bench.signal_speed import synthetic_ecg
from teleward_gateway.testing.ward_kit import WardKit
from teleward_gateway.ward.dsp_worker import RETRY_S, DspWorker
from teleward_signal.ecg.bank import EcgBank
from teleward_signal.engine.engine import Engine, EngineConfig
from teleward_signal.model import SampleBlock

FS = 250.0
START_NS = 1_700_000_000_000_000_000
ECG = synthetic_ecg(26.0, FS, 1)
STEP = 50
RATES = [0.0, 0.001, 1.0, 50.0, 99.9, 125.0, 250.0, 1000.1, 4.3e6, float("nan"), float("inf"), -5.0]
METRICS = ["ecg_ii", "ecg_i", "pleth", "respiration", "ppg_red", "ppg_infrared"]


def good(worker: DspWorker, at: int) -> None:
    """Give the good patient one tick of ECG and pleth."""
    time_ns = START_NS + round(at / FS * 1e9)
    worker.push("good", "ecg_ii", FS, time_ns, ECG[at : at + STEP], device="patch")
    worker.push("good", "pleth", FS, time_ns, ECG[at : at + STEP] * 50, device="finger")


def tick(worker: DspWorker, at: int) -> list[str]:
    found = worker.analyse(START_NS + round((at + STEP) / FS * 1e9))
    return [repr(message) for who, message in found if who == "good"]


def alone() -> list[list[str]]:
    worker = DspWorker(Engine(EngineConfig()), 0.2)
    out = []
    for at in range(0, len(ECG), STEP):
        good(worker, at)
        out.append(tick(worker, at))
    worker.close()
    return out


ALONE = alone()

blocks = st.tuples(
    st.sampled_from(METRICS),
    st.sampled_from(RATES),
    st.sampled_from(["nan", "inf", "huge", "wave", "none", "square", "long"]),
    st.sampled_from([0, 1, 7, 10**6, 2**31]),
)


def samples_of(kind: str) -> NDArray[np.float32]:
    made: dict[str, Any] = {
        "nan": np.full(50, np.nan),
        "inf": np.array([np.inf, -np.inf] * 20),
        "huge": np.array([3e38, -3e38] * 20),
        "wave": ECG[:50],
        "none": np.zeros(0),
        "square": np.zeros((3, 4)),
        "long": np.zeros(5000),
    }
    return np.asarray(made[kind], np.float32)


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(blocks, max_size=3), min_size=20, max_size=20))
@example([[("pleth", 250.0, "nan", 0)], *[[]] * 19])
@example([[("ecg_ii", 250.0, "wave", 0)], *[[("ecg_ii", 50.0, "wave", 0)]] * 19])
def test_results_of_the_good_one_are_byte_identical(hostile: Any) -> None:
    worker = DspWorker(Engine(EngineConfig()), 0.2)
    for number, at in enumerate(range(0, len(ECG), STEP)):
        for metric, fs, kind, gap in hostile[number % len(hostile)]:
            worker.push("bad", metric, fs, START_NS, samples_of(kind), gap, "sketch")
        good(worker, at)
        assert tick(worker, at) == ALONE[number]
    worker.close()


def test_a_device_that_changes_its_rate_and_back_is_analysed_again() -> None:
    worker = DspWorker(Engine(EngineConfig()), 0.2)
    refusals: list[Any] = []
    rates = []
    for at in range(0, len(ECG), STEP):
        second = at / FS
        slow = 10 <= second < 12
        time_ns = START_NS + round(second * 1e9)
        block = ECG[at : at + STEP : 5] if slow else ECG[at : at + STEP]
        worker.push("bad", "ecg_ii", 50.0 if slow else FS, time_ns, block, device="sketch")
        good(worker, at)
        found = worker.analyse(START_NS + round((at + STEP) / FS * 1e9))
        assert [repr(m) for who, m in found if who == "good"] == ALONE[at // STEP]
        refusals += worker.take_refusals()
        rates += [second for who, m in found if who == "bad" and getattr(m, "value", None)]
    assert [r.reason is None for r in refusals] == [False, True]
    assert "50 samples a second, but an ECG needs 100 to 1000" in refusals[0].reason
    assert any(second > 20 for second in rates)
    worker.close()


def test_an_exception_of_a_kernel_is_one_streams_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    process = EcgBank.process

    def poisoned(bank: EcgBank, samples: NDArray[np.float32], counts: NDArray[np.int32]) -> None:
        for row, count in zip(samples, counts, strict=True):
            if (row[:count] == np.float32(66.6)).any():
                raise ZeroDivisionError("poison")
        process(bank, samples, counts)

    monkeypatch.setattr(EcgBank, "process", poisoned)
    worker = DspWorker(Engine(EngineConfig()), 0.2)
    refusals: list[Any] = []
    for at in range(0, len(ECG), STEP):
        time_ns = START_NS + round(at / FS * 1e9)
        block = ECG[at : at + STEP].copy()
        if at == 20 * STEP:
            block[7] = 66.6
        worker.push("bad", "ecg_ii", FS, time_ns, block, device="patch2")
        good(worker, at)
        assert tick(worker, at) == ALONE[at // STEP]
        refusals += worker.take_refusals()
    assert [(r.subject, r.device, r.reason) for r in refusals] == [
        ("bad", "patch2", "internal error (ZeroDivisionError)")
    ]
    assert RETRY_S > 30
    worker.close()


def test_a_rate_that_changes_each_block_fills_no_memory() -> None:
    engine = Engine(EngineConfig())
    worker = DspWorker(engine, 0.2)
    for number in range(40):
        for metric in ("ecg_ii", "pleth", "ppg_red", "ppg_infrared"):
            worker.push("bad", metric, 100.0 + number, START_NS, np.zeros(20, np.float32))
        worker.analyse(START_NS + number * 200_000_000)
    assert len(engine._banks) <= 6  # three of a rate that stays, three of the newest one
    assert len(worker._breathing._groups) <= 4
    worker.close()


async def test_a_slow_sketch_is_one_alarm_of_its_bed_with_the_reason(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        kit = await WardKit.open(stack, tmp_path)
        await kit.admit("anna")
        await kit.wear("sketch", "anna")
        for second in range(12):
            samples = np.zeros(50, np.int16)
            kit.give("sketch", SampleBlock("ecg_ii", 50.0, samples, 0.001, second * 50))
            kit.second()
        texts = [e.text for e in kit.board.active("anna") if "not analysed" in e.text]
        assert texts == [
            "ECG II not analysed: 50 samples a second, but an ECG needs 100 to 1000 (sketch)"
        ]
        await kit.unbind("sketch")
        assert kit.alarms("anna") == {}


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("fs", 0.0, "it states 0 samples a second"),
        ("fs", float("nan"), "it states nan samples a second"),
        ("scale", float("inf"), "its scale is inf, its offset 0"),
        ("samples", np.zeros((4, 4), np.int16), "its samples are not one row of numbers"),
        ("samples", np.zeros(4, np.float64), "its samples are float64, not int16 or int32"),
    ],
)
async def test_a_block_that_means_nothing_is_an_alarm_until_a_good_one_comes(
    tmp_path: Path, field: str, value: Any, reason: str
) -> None:
    async with AsyncExitStack() as stack:
        kit = await WardKit.open(stack, tmp_path)
        await kit.admit("anna")
        await kit.wear("patch", "anna")
        wave = np.zeros(250, np.int16)
        fields = {"fs": 250.0, "scale": 0.001, "samples": wave, field: value}
        block = SampleBlock("ecg_ii", index=0, **fields)
        kit.give("patch", block)
        kit.second()
        texts = [e.text for e in kit.board.active("anna")]
        assert texts == [f"ECG II not usable: {reason} (patch)"]
        kit.give("patch", SampleBlock("ecg_ii", 250.0, wave, 0.001, 250))
        kit.second()
        assert "not_usable:patch" not in kit.alarms("anna")
