"""A live channel places blocks by count and time, bridges no gap, quantises for the screen."""

import numpy as np
import pytest
from numpy.typing import NDArray

from teleward_gateway.live.channel import PENDING_S, Channel
from teleward_signal.model import SampleBlock

START_NS = 1_700_000_000_000_000_000


def block(
    index: int,
    values: list[int] | NDArray[np.int32],
    *,
    shift_s: float = 0.0,
    fs: float = 250.0,
    metric: str = "ecg_ii",
    scale: float = 0.005,
) -> SampleBlock:
    time_ns = START_NS + round((index / fs + shift_s) * 1e9)
    return SampleBlock(metric, fs, np.asarray(values, np.int32), scale, index, time_ns=time_ns)


def feed(*blocks: SampleBlock) -> Channel:
    channel = Channel(0, blocks[0])
    for each in blocks:
        channel.take(each)
    return channel


def spans(channel: Channel) -> list[tuple[int, int]]:
    return [(run.first_index, len(run.samples)) for run in channel.drain()]


def test_blocks_that_follow_become_one_run() -> None:
    channel = feed(block(1000, [0] * 25), block(1025, [0] * 25))
    assert spans(channel) == [(0, 50)]
    assert spans(channel) == []


def test_a_jump_of_the_count_is_a_gap_of_exactly_so_many_samples() -> None:
    channel = feed(block(0, [0] * 25), block(32, [0] * 25))
    assert spans(channel) == [(0, 25), (32, 25)]


def test_a_gap_between_ticks_moves_the_index() -> None:
    channel = feed(block(0, [0] * 25))
    assert spans(channel) == [(0, 25)]
    channel.take(block(500, [0] * 25))
    assert spans(channel) == [(500, 25)]


def test_a_device_that_counts_from_zero_again_is_placed_by_time() -> None:
    channel = feed(block(1000, [0] * 25))
    again = block(0, [0] * 25, shift_s=1000 / 250 + 2.0)
    channel.take(again)
    assert spans(channel) == [(0, 25), (500, 25)]


def test_jitter_of_arrival_is_no_gap() -> None:
    shifts = [0.0, 0.03, 0.01, 0.04, 0.0]
    blocks = [block(25 * n, [0] * 25, shift_s=shift) for n, shift in enumerate(shifts)]
    assert spans(feed(*blocks)) == [(0, 125)]


def test_the_slow_drift_of_a_device_moves_the_anchor_not_the_index() -> None:
    channel = feed(*[block(25 * n, [0] * 25, shift_s=n * 1e-5) for n in range(6000)])
    last_time_s = (channel.anchor_ns - START_NS) / 1e9 + (25 * 6000) / 250
    assert last_time_s == pytest.approx(600 + 6000 * 1e-5, abs=0.025)
    assert channel.next_index == 150_000


def test_a_clock_that_is_set_back_starts_a_new_generation() -> None:
    channel = feed(block(0, [0] * 25))
    channel.drain()
    channel.take(block(25, [0] * 25, shift_s=-3600))
    (run,) = channel.drain()
    assert (run.generation, run.first_index) == (1, 0)
    assert channel.describe()["anchor"] == pytest.approx((START_NS / 1e6) - 3600_000 + 100)


def test_a_new_rate_starts_a_new_generation() -> None:
    channel = feed(block(0, [0] * 25), block(25, [0] * 25, fs=125.0))
    (run,) = channel.drain()
    assert (run.generation, channel.fs) == (1, 125.0)


def test_a_new_scale_starts_a_new_generation() -> None:
    channel = feed(block(0, [100] * 25), block(25, [100] * 25, scale=0.01))
    (run,) = channel.drain()
    assert run.generation == 1
    assert run.samples * channel.lsb + channel.base == pytest.approx(1.0, abs=channel.lsb)


def test_values_come_back_within_half_a_step() -> None:
    random = np.random.default_rng(1)
    counts = np.cumsum(random.integers(-40, 41, 500)).astype(np.int32)
    channel = feed(block(0, counts, scale=0.001))
    (run,) = channel.drain()
    shown = run.samples * channel.lsb + channel.base
    assert np.max(np.abs(shown - counts * 0.001)) <= channel.lsb / 2 + 1e-9
    assert channel.lsb == 0.005


def test_a_large_offset_such_as_a_raw_photodiode_keeps_its_pulse() -> None:
    counts = (120_000 + 400 * np.sin(np.arange(250) / 20)).astype(np.int32)
    channel = feed(block(0, counts, metric="ppg_infrared", scale=1.0))
    (run,) = channel.drain()
    assert np.max(np.abs(run.samples * channel.lsb + channel.base - counts)) <= channel.lsb


def test_steep_signals_get_a_coarser_step_and_say_so() -> None:
    counts = (np.arange(500) % 2 * 100_000).astype(np.int32)
    channel = feed(block(0, counts, metric="ppg_red", scale=1.0))
    channel.changed = False
    (run,) = channel.drain()
    assert channel.changed
    assert np.max(np.abs(run.samples * channel.lsb + channel.base - counts)) <= channel.lsb / 2


def test_what_nobody_drains_is_bounded() -> None:
    channel = feed(*[block(25 * n, [0] * 25) for n in range(1000)])
    (run,) = channel.drain()
    assert len(run.samples) <= PENDING_S * 250 + 25
    assert run.first_index + len(run.samples) == 25_000


def test_a_block_without_time_is_refused() -> None:
    bare = SampleBlock("ecg_ii", 250.0, np.zeros(5, np.int16), 0.005, 0)
    with pytest.raises(ValueError, match="stamp"):
        Channel(0, bare)
