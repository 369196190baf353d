"""Device clocks: contiguous blocks, counted gaps, drift, restarts, stored readings."""

import random
from itertools import pairwise

import numpy as np
import pytest

from teleward_drivers.link import Received
from teleward_gateway.clock import DeviceClock
from teleward_signal.model import Measurement, SampleBlock

S = 1_000_000_000
T0 = 1_800_000_000 * S
FS, BLOCK = 250.0, 25
PERIOD = round(S / FS)


def arrival(monotonic_ns: int) -> Received:
    return Received(b"", T0 + monotonic_ns, monotonic_ns)


def block(index: int, n: int = BLOCK) -> SampleBlock:
    return SampleBlock("ecg_ii", FS, np.zeros(n, "<i2"), 0.005, index)


def stream(
    clock: DeviceClock, seconds: float, *, drift: float = 0.0, seed: int = 1, start_index: int = 0,
    start_ns: int = 0,
) -> list[tuple[int, int, int]]:  # fmt: skip
    """Feed a device whose samples take ``1 + drift`` of their time, over a jittery radio.

    Return (index, stamped ns, true ns) a block, times monotonic.
    """
    rng = random.Random(seed)
    found, busy_ns = [], 0
    for k in range(round(seconds * FS / BLOCK)):
        index = k * BLOCK
        true_ns = start_ns + round(index * S / FS * (1 + drift))
        ended_ns = start_ns + round((index + BLOCK) * S / FS * (1 + drift))
        delay_ns = round(rng.expovariate(1 / 8e6)) + (400_000_000 if rng.random() < 0.01 else 0)
        busy_ns = max(busy_ns, ended_ns + delay_ns)
        stamped, gap = clock.stamp_block(block(start_index + index), arrival(busy_ns))
        assert gap == 0
        assert stamped.time_ns is not None
        found.append((index, stamped.time_ns - T0, true_ns))
    return found


def test_a_healthy_stream_joins_to_the_sample() -> None:
    found = stream(DeviceClock(), 120)
    steps = [b[1] - a[1] for a, b in pairwise(found)]
    assert max(abs(step - BLOCK * PERIOD) for step in steps) < PERIOD / 4
    assert all(abs(stamped - true) < 40_000_000 for _, stamped, true in found)


@pytest.mark.parametrize("drift", [80e-6, -80e-6])
def test_drift_is_followed(drift: float) -> None:
    clock = DeviceClock()
    found = stream(clock, 1800, drift=drift)
    assert clock.drift_ppm["ecg_ii"] == pytest.approx(drift * 1e6, abs=30)
    late = [abs(stamped - true) for _, stamped, true in found[-2000:]]
    assert max(late) < 30_000_000
    assert clock.restarts == 0
    steps = [b[1] - a[1] for a, b in pairwise(found)]
    assert max(abs(step - BLOCK * PERIOD) for step in steps) < PERIOD / 2


def test_a_gap_is_counted_and_not_bridged() -> None:
    clock = DeviceClock()
    stream(clock, 5)
    index, lost = 5 * 250, 130
    stamped, gap = clock.stamp_block(
        block(index + lost), arrival((index + lost + BLOCK) * PERIOD + 3_000_000)
    )
    assert gap == lost
    assert clock.gap_samples == lost
    assert stamped.time_ns is not None
    assert stamped.time_ns - T0 == pytest.approx((index + lost) * PERIOD, abs=40_000_000)


def test_a_restarted_counter_begins_a_new_line() -> None:
    clock = DeviceClock()
    stream(clock, 5)
    off_ns = 3 * S
    arrived_ns = 5 * S + off_ns + BLOCK * PERIOD
    stamped, gap = clock.stamp_block(block(0), arrival(arrived_ns))
    assert clock.restarts == 1
    assert gap == pytest.approx(3 * FS, abs=10)
    assert stamped.time_ns is not None
    assert stamped.time_ns - T0 == pytest.approx(arrived_ns - BLOCK * PERIOD, abs=5_000_000)


def test_an_impossible_jump_ahead_is_a_restart() -> None:
    clock = DeviceClock()
    stream(clock, 5)
    _, gap = clock.stamp_block(block(10**7), arrival(5 * S + BLOCK * PERIOD))
    assert clock.restarts == 1
    assert gap < 30


def test_a_device_that_paused_its_counter_gets_a_new_line() -> None:
    clock = DeviceClock()
    stream(clock, 20)
    gaps = 0
    for k in range(300):
        index = 20 * 250 + k * BLOCK
        end_ns = 30 * S + (index + BLOCK) * PERIOD
        _, gap = clock.stamp_block(block(index), arrival(end_ns))
        gaps += gap
    assert gaps == pytest.approx(30 * FS, abs=20)
    assert clock.restarts == 1


def test_late_blocks_in_a_burst_keep_their_times() -> None:
    clock = DeviceClock()
    stream(clock, 20)
    for k in range(100):
        index = 20 * 250 + k * BLOCK
        stamped, gap = clock.stamp_block(block(index), arrival(31 * S + k * 1_000_000))
        assert gap == 0
        assert stamped.time_ns is not None
        assert stamped.time_ns - T0 == pytest.approx(index * PERIOD, abs=60_000_000)


def test_live_readings_take_their_arrival_and_make_a_coincidence() -> None:
    clock = DeviceClock()
    live = Measurement("nibp_systolic", 120.0, device_time_ns=T0 - 3600 * S)
    stamped = clock.stamp_measurement(live, arrival(5 * S))
    assert stamped.time_ns == T0 + 5 * S
    assert clock.coincidence is not None
    stored = Measurement("nibp_systolic", 118.0, device_time_ns=T0 - 7200 * S, stored=True)
    mapped = clock.stamp_measurement(stored, arrival(6 * S))
    assert mapped.time_ns == T0 - 3600 * S + 5 * S, "the device's clock is an hour and 5 s slow"
    assert mapped.detail["time_base"] == "gateway"


def test_the_coincidence_is_the_least_delayed_until_the_device_is_set_anew() -> None:
    clock = DeviceClock()

    def live(device_s: int, arrived_ns: int) -> None:
        own = Measurement("spo2", 97.0, device_time_ns=T0 + device_s * S)
        clock.stamp_measurement(own, arrival(arrived_ns))

    def ahead_ns() -> int:
        known = clock.coincidence
        assert known is not None
        return known.time_ns - known.device_time_ns

    live(100, 10 * S + 300_000_000)
    live(101, 11 * S + 100_000_000)
    live(102, 12 * S + 900_000_000)
    assert ahead_ns() == -90 * S + 100_000_000, "the pair that waited least"
    stored = Measurement("spo2", 95.0, device_time_ns=T0 + 50 * S, stored=True)
    mapped = clock.stamp_measurement(stored, arrival(13 * S))
    assert mapped.time_ns == T0 - 40 * S + 100_000_000
    live(3700, 14 * S)
    assert ahead_ns() == -3686 * S, "set an hour ahead meanwhile"
    live(60, 15 * S)
    assert ahead_ns() == -45 * S, "and back"


def test_stored_readings_keep_their_own_time() -> None:
    clock = DeviceClock()
    own = Measurement("glucose", 99.0, device_time_ns=T0 - 86_400 * S, stored=True)
    stamped = clock.stamp_measurement(own, arrival(S))
    assert stamped.time_ns == T0 - 86_400 * S
    never_set = Measurement("glucose", 99.0, device_time_ns=5 * S, stored=True)
    stamped = clock.stamp_measurement(never_set, arrival(S))
    assert stamped.time_ns == T0 + S
    assert stamped.uncertainty_ns is not None
    assert stamped.uncertainty_ns >= 86_400 * S
    placed = Measurement("glucose", 99.0, time_ns=7, stored=True)
    assert clock.stamp_measurement(placed, arrival(S)) == placed
