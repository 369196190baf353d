"""What holds for every kind of stream: cuts, company, rate, gaps, number type, save and restore."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from teleward_gateway.bench.signal_speed import synthetic_ecg
from teleward_signal.ecg.bank import EcgBank
from teleward_signal.model import SampleBlock
from teleward_signal.ppg.bank import PpgBank
from teleward_signal.respiration.bank import RespirationBank
from teleward_signal.respiration.modulation_bank import Carrier, ModulationBank
from teleward_signal.spo2.bank import OximetryBank

SECONDS = 36
"""Modulation needs 32 s to know a spectrum."""
RATES = (100.0, 128.0, 250.0, 257.3, 360.0, 1000.0)
Samples = NDArray[np.float32]


class Adapter:
    """One bank with one call for all of them: samples in, everything it tells out, as bytes."""

    def __init__(self, make: Callable[[float, int], Any], fs: float, n_slots: int) -> None:
        self.bank = make(fs, n_slots)

    def feed(self, rows: Samples, counts: NDArray[np.int32]) -> list[bytes]:
        """Advance all slots; return what each has told since."""
        if isinstance(self.bank, OximetryBank):
            self.bank.process(1.3 * rows + 40, rows + 60, counts)
        else:
            self.bank.process(rows, counts)
        if isinstance(self.bank, ModulationBank):
            return [self.bank.spectra[slot].tobytes() for slot in range(len(rows))]
        events = self.bank.drain()
        told = []
        for slot in range(len(rows)):
            mine = events[events["slot"] == slot].copy()
            mine["slot"] = 0
            told.append(mine.tobytes())
        return told


BANKS: dict[str, Callable[[float, int], Any]] = {
    "ecg": EcgBank,
    "ppg": PpgBank,
    "ppg raw": lambda fs, n: PpgBank(fs, n, inverted=True),
    "respiration": RespirationBank,
    "oximetry": OximetryBank,
    "breathing in ppg": lambda fs, n: ModulationBank(fs, n, Carrier.PPG),
    "breathing in ecg": lambda fs, n: ModulationBank(fs, n, Carrier.ECG),
}


@cache
def signal(name: str, fs: float) -> Samples:
    """Return `SECONDS` of what the bank is for."""
    n = round(SECONDS * fs)
    time_s = np.arange(n) / fs
    if "ecg" in name:
        return synthetic_ecg(SECONDS, fs, 5)[:n]
    breath = np.sin(2 * np.pi * 0.25 * time_s)
    phase = (1.2 * time_s) % 1.0
    pulse = np.exp(-(((phase - 0.2) / 0.07) ** 2)) + 0.3 * np.exp(-(((phase - 0.5) / 0.1) ** 2))
    wave = breath if name == "respiration" else pulse + 0.2 * breath
    noise = np.random.default_rng(7).normal(0, 0.01, n)
    return (wave + noise).astype(np.float32)


def alone(name: str, fs: float, x: Samples, cuts: list[int]) -> tuple[bytes, bytes]:
    """Return what a stream tells, and its state at the end; spectra as of the end."""
    adapter = Adapter(BANKS[name], fs, 1)
    told = b""
    for part in np.split(x, sorted(cuts)):
        (new,) = adapter.feed(part[None], np.array([len(part)], np.int32))
        told = new if isinstance(adapter.bank, ModulationBank) else told + new
    return told, adapter.bank.snapshot(0)


cuts_of = st.lists(st.floats(0, 1), max_size=12)
gaps_of = st.lists(
    st.tuples(st.floats(0, 0.95), st.sampled_from([0.004, 0.03, 0.3, 2.0])), max_size=3
)


def with_gaps(x: Samples, fs: float, gaps: list[tuple[float, float]]) -> Samples:
    x = x.copy()
    for at, seconds in gaps:
        first = round(at * len(x))
        x[first : first + round(seconds * fs)] = np.nan
    return x


@pytest.mark.parametrize("name", BANKS)
@settings(max_examples=6, deadline=None)
@given(fs=st.sampled_from(RATES), cuts=cuts_of, gaps=gaps_of)
def test_cuts_change_nothing(
    name: str, fs: float, cuts: list[float], gaps: list[tuple[float, float]]
) -> None:
    x = with_gaps(signal(name, fs), fs, gaps)
    whole = alone(name, fs, x, [])
    assert alone(name, fs, x, [round(cut * len(x)) for cut in cuts]) == whole
    if not gaps:
        assert len(whole[0]) > 0


@pytest.mark.parametrize("name", BANKS)
@settings(max_examples=3, deadline=None)
@given(fs=st.sampled_from(RATES), gaps=gaps_of, seed=st.integers(0, 99))
def test_company_changes_nothing(
    name: str, fs: float, gaps: list[tuple[float, float]], seed: int
) -> None:
    x = signal(name, fs)
    rows = [x, with_gaps(x, fs, gaps), np.roll(x, 99), np.full_like(x, np.nan)]
    expected = [alone(name, fs, row, []) for row in rows]
    adapter = Adapter(BANKS[name], fs, len(rows))
    told = [b""] * len(rows)
    at = np.zeros(len(rows), int)
    rng = np.random.default_rng(seed)
    while (at < len(x)).any():
        counts = np.minimum(rng.integers(0, round(9 * fs), len(rows)), len(x) - at)
        block = np.zeros((len(rows), max(1, counts.max())), np.float32)
        for slot, row in enumerate(rows):
            block[slot, : counts[slot]] = row[at[slot] : at[slot] + counts[slot]]
        new = adapter.feed(block, counts.astype(np.int32))
        latest = isinstance(adapter.bank, ModulationBank)
        told = new if latest else [a + b for a, b in zip(told, new, strict=True)]
        at += counts
    states = [adapter.bank.snapshot(slot) for slot in range(len(rows))]
    assert list(zip(told, states, strict=True)) == expected


@pytest.mark.parametrize("name", BANKS)
@settings(max_examples=3, deadline=None)
@given(fs=st.sampled_from(RATES), gaps=gaps_of, at=st.floats(0, 1))
def test_a_restored_stream_continues_bit_for_bit(
    name: str, fs: float, gaps: list[tuple[float, float]], at: float
) -> None:
    x = with_gaps(signal(name, fs), fs, gaps)
    cut = round(at * len(x))
    first, rest = x[:cut], x[cut:]
    before, after = Adapter(BANKS[name], fs, 1), Adapter(BANKS[name], fs, 3)
    before.feed(first[None], np.array([cut], np.int32))
    size = len(before.bank.snapshot(0))
    after.bank.restore(2, before.bank.snapshot(0))
    (expected,) = before.feed(rest[None], np.array([len(rest)], np.int32))
    rows = np.zeros((3, len(rest)), np.float32)
    rows[2] = rest
    found = after.feed(rows, np.array([0, 0, len(rest)], np.int32))[2]
    assert found == expected
    assert after.bank.snapshot(2) == before.bank.snapshot(0)
    assert len(before.bank.snapshot(0)) == size


@pytest.mark.parametrize("name", BANKS)
@pytest.mark.parametrize("fs", [100.0, 1000.0])
def test_counts_with_a_scale_are_the_same_as_their_physical_values(name: str, fs: float) -> None:
    x = signal(name, fs)
    scale = float(np.float32(0.0025))
    counts = np.round(x / scale).astype(np.int16)
    block = SampleBlock("ecg_ii", fs, counts, scale, 0)
    physical = block.physical()
    assert np.abs(physical - x).max() <= 0.51 * scale
    told, state = alone(name, fs, physical, [])
    assert told
    assert alone(name, fs, (counts * np.float32(scale)).astype(np.float32), [77]) == (told, state)


@pytest.mark.parametrize("name", ["ecg", "ppg", "ppg raw", "oximetry"])
@pytest.mark.parametrize("fs", [99.0, 1001.0])
def test_a_rate_out_of_range_is_refused(name: str, fs: float) -> None:
    if fs < 100 and name != "ecg":
        fs = 24.0
    with pytest.raises(ValueError, match="Hz is outside"):
        BANKS[name](fs, 1)
