"""ECG bank: the convention of banks on real beats, gaps, any rate, faults of the signal."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from teleward_gateway.bench.accuracy.beat_scoring import compare
from teleward_signal.banks.bank import EventKind, Reason
from teleward_signal.ecg.bank import EcgBank

FS = 360.0
FOLDER = Path(__file__).parent / "data"
Ecg = NDArray[np.float32]


def excerpt(name: str) -> tuple[Ecg, NDArray[np.int64], NDArray[np.str_]]:
    """Return ECG in mV at 360 Hz, samples of the annotated beats and their symbols."""
    with np.load(FOLDER / f"{name}.npz") as data:
        ecg = ((data["counts"] - float(data["baseline"])) / float(data["gain"])).astype(np.float32)
        return ecg, data["beats"], data["symbols"]


def feed(bank: EcgBank, ecg: Ecg, cuts: list[int] | None = None, slot: int = 0) -> NDArray[np.void]:
    """Push one ECG into one slot in the pieces that ``cuts`` make; return all events."""
    events = []
    for part in np.split(ecg, sorted(cuts or [])):
        samples = np.zeros((bank.n_slots, len(part)), np.float32)
        counts = np.zeros(bank.n_slots, np.int32)
        samples[slot], counts[slot] = part, len(part)
        bank.process(samples, counts)
        events.append(bank.drain())
    return np.concatenate(events)


def beats(events: NDArray[np.void]) -> NDArray[np.void]:
    found: NDArray[np.void] = events[events["kind"] == EventKind.BEAT]
    return found


def same(a: NDArray[np.void], b: NDArray[np.void]) -> bool:
    """Compare events bit by bit, NaN included; the slot does not matter."""
    a, b = a.copy(), b.copy()
    a["slot"] = b["slot"] = 0
    return a.tobytes() == b.tobytes()


ECG, REFERENCE, SYMBOLS = excerpt("mitdb_208")
WHOLE = feed(EcgBank(FS, 1), ECG)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, len(ECG) // 2), max_size=30))
def test_results_do_not_depend_on_how_blocks_are_cut(cuts: list[int]) -> None:
    half = ECG[: len(ECG) // 2]
    assert same(feed(EcgBank(FS, 1), half, cuts), feed(EcgBank(FS, 1), half))


def test_results_are_the_same_batched_or_alone() -> None:
    bank = EcgBank(FS, 3)
    rows = np.stack([ECG, ECG[::-1], np.roll(ECG, 5000)]).copy()
    parts = []
    for start in range(0, rows.shape[1], 72):
        block = np.ascontiguousarray(rows[:, start : start + 72])
        bank.process(block, np.full(3, block.shape[1], np.int32))
        parts.append(bank.drain())
    together = np.concatenate(parts)
    for slot, row in enumerate(rows):
        alone = feed(EcgBank(FS, 1), row)
        assert same(together[together["slot"] == slot], alone)


def test_a_snapshot_continues_bit_exactly_in_another_bank_and_is_constant_in_size() -> None:
    bank, other = EcgBank(FS, 1), EcgBank(FS, 4)
    early = bank.snapshot(0)
    feed(bank, ECG[:9000])
    state = bank.snapshot(0)
    assert len(state) == len(early)
    other.restore(2, state)
    there = feed(other, ECG[9000:], slot=2)
    assert same(there, feed(bank, ECG[9000:]))


def test_a_snapshot_of_another_version_is_refused_with_the_remedy() -> None:
    with pytest.raises(ValueError, match="restart the stream"):
        EcgBank(FS, 1).restore(0, b"short")


def test_growing_keeps_the_streams_that_are_there() -> None:
    bank = EcgBank(FS, 1)
    first = feed(bank, ECG[:9000])
    bank.grow(5)
    both = np.concatenate([first, feed(bank, ECG[9000:])])
    assert same(both, WHOLE)


def test_real_beats_are_found_where_they_are() -> None:
    count, errors, _ = compare(REFERENCE, beats(WHOLE)["sample"], FS)
    assert count.percent()["f1"] >= 99.0
    assert abs(np.median(errors)) <= 6.0


def test_beats_are_known_within_half_a_second() -> None:
    found = beats(WHOLE)[3:]
    latency_s = (found["known"] - found["sample"]) / FS
    assert np.median(latency_s) <= 0.25
    assert np.percentile(latency_s, 99) <= 0.5


def test_ventricular_beats_are_told_from_normal_ones() -> None:
    found = beats(WHOLE)
    truth = {int(sample): symbol for sample, symbol in zip(REFERENCE, SYMBOLS, strict=True)}
    right = wrong = 0
    for event in found:
        nearest = min(truth, key=lambda sample: abs(sample - event["sample"]))
        if truth[nearest] in "NV" and abs(nearest - event["sample"]) < 0.15 * FS:
            same = truth[nearest] == chr(event["symbol"])
            right, wrong = right + same, wrong + (not same)
    assert "V" in SYMBOLS
    assert right / (right + wrong) >= 0.9


@pytest.mark.parametrize("fs", [100.0, 128.0, 250.0, 500.0, 1000.0])
def test_any_rate_finds_the_same_beats(fs: float) -> None:
    half = ECG[: len(ECG) // 2]
    time = np.arange(int(len(half) * fs / FS)) * FS / fs
    there = np.interp(time, np.arange(len(half)), half).astype(np.float32)
    reference = REFERENCE[len(half) > REFERENCE] * fs / FS
    count, _, _ = compare(
        reference.astype(np.int64), beats(feed(EcgBank(fs, 1), there))["sample"], fs
    )
    assert count.percent()["f1"] >= 97.0


def test_a_rate_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="100 to 1000"):
        EcgBank(50.0, 1)


def test_a_gap_breaks_the_interval_and_keeps_what_was_learned() -> None:
    torn = ECG.copy()
    torn[10000:11000] = np.nan
    found = beats(feed(EcgBank(FS, 1), torn))
    assert not ((found["sample"] >= 10000) & (found["sample"] < 11000)).any()
    after = found[found["sample"] >= 11000]
    assert np.isnan(after["value"][0])
    assert not np.isnan(after["value"][1])
    inside = (REFERENCE >= 10000 - 60) & (REFERENCE < 11000 + 150)
    count, _, _ = compare(REFERENCE[~inside], found["sample"], FS)
    assert count.missed <= 1


def test_a_hole_of_a_few_samples_changes_no_beat() -> None:
    torn = ECG.copy()
    torn[10000:10006] = np.nan
    found = beats(feed(EcgBank(FS, 1), torn))
    count, _, _ = compare(beats(WHOLE)["sample"], found["sample"], FS)
    assert count.false + count.missed <= 1


def test_a_gap_in_one_stream_leaves_the_others_alone() -> None:
    bank = EcgBank(FS, 2)
    torn = ECG.copy()
    torn[5000:9000] = np.nan
    bank.process(np.stack([torn, ECG]), np.full(2, len(ECG), np.int32))
    events = bank.drain()
    assert same(events[events["slot"] == 1], WHOLE)


def last_second(tail: Ecg) -> tuple[float, Reason]:
    """Return quality and reasons after the excerpt and then ``tail``."""
    bank = EcgBank(FS, 1)
    feed(bank, ECG[:7200])
    feed(bank, tail)
    return float(bank.sqi[0]), Reason(int(bank.reasons[0]))


def test_clean_signal_has_high_quality_and_no_reason() -> None:
    quiet, _, _ = excerpt("mitdb_202")
    bank = EcgBank(FS, 1)
    feed(bank, quiet)
    assert bank.sqi[0] > 0.6
    assert bank.reasons[0] == 0


def test_a_flat_line_is_no_signal() -> None:
    sqi, reasons = last_second(np.full(1440, ECG[7199], np.float32))
    assert sqi == 0.0
    assert Reason.NO_SIGNAL in reasons


def test_a_line_at_the_rail_is_a_lead_off() -> None:
    sqi, reasons = last_second(np.full(1440, 5.0, np.float32))
    assert sqi == 0.0
    assert Reason.LEAD_OFF in reasons


def test_a_saturated_converter_is_clipped() -> None:
    _, reasons = last_second(np.clip(3 * ECG[7200:14400], -0.8, 0.8))
    assert Reason.CLIPPED in reasons


@pytest.mark.parametrize("hz", [50.0, 60.0])
def test_strong_mains_is_named(hz: float) -> None:
    tail = ECG[7200:14400]
    hum = 1.5 * np.sin(2 * np.pi * hz * np.arange(len(tail)) / FS)
    _, reasons = last_second((tail + hum).astype(np.float32))
    assert Reason.MAINS in reasons


def test_electrode_motion_lowers_the_quality() -> None:
    ecg, _, _ = excerpt("nstdb_118e06")
    events = feed(EcgBank(FS, 1), ecg)
    seconds = events[events["kind"] == EventKind.HEART_RATE]
    noisy = seconds[seconds["sample"] > 8 * FS]["sqi"]
    assert np.mean(noisy < 0.4) > 0.5
