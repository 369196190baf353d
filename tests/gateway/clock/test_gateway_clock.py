"""The gateway's time base: slews, steps, suspends, and how sure it is."""

import ctypes
from itertools import pairwise

import pytest

from teleward_gateway.clock.corrections import Correction, Corrections
from teleward_gateway.clock.gateway_clock import GUESS_ERROR_NS, GatewayClock, TimeBase
from teleward_gateway.clock.kernel import Reading, boot_id, read_clocks

S = 1_000_000_000
DAY = 86_400 * S
BOOT = "00000000000000b1"


def reading(
    system_ns: int, monotonic_ns: int, *, synchronised: bool = False, asleep_ns: int = 0,
    battery: bool = False,
) -> Reading:  # fmt: skip
    boottime_ns = monotonic_ns + asleep_ns
    return Reading(system_ns, monotonic_ns, boottime_ns, synchronised, 2_000_000, battery)


def test_steps_that_were_not_followed_are_in_health() -> None:
    readings = [reading(10 * DAY, 0, synchronised=True), reading(11 * DAY, S)]
    clock = GatewayClock(iter(readings).__next__, BOOT)
    assert clock.health()["ignored_steps_total"] == 0
    clock.poll()
    assert clock.health()["ignored_steps_total"] == 1


def test_a_wrong_boot_clock_is_corrected_for_everything_before() -> None:
    base = TimeBase(BOOT, reading(100 * S, 10 * S))
    assert base.stamp(11 * S).uncertainty_ns >= GUESS_ERROR_NS
    correction = base.observe(reading(9_000 * S, 60 * S, synchronised=True))
    assert correction == Correction(BOOT, 0, 60 * S, 8_850 * S, 2_000_000)
    assert base.stamp(61 * S).time_ns == 9_001 * S
    assert base.stamp(61 * S).uncertainty_ns <= 3_000_000
    assert base.trusted


@pytest.mark.parametrize("jump_ns", [DAY, -DAY])
def test_jumps_of_an_unsynchronised_clock_keep_one_time_line(jump_ns: int) -> None:
    base = TimeBase(BOOT, reading(10 * DAY, 0))
    made = [
        base.observe(reading(10 * DAY + jump_ns + 10 * S, 10 * S)),
        base.observe(reading(10 * DAY + 20 * S, 20 * S)),
    ]
    corrections = Corrections(c for c in made if c)
    assert len(corrections) == 2
    stamped = {0: 10 * DAY, 15: 10 * DAY + jump_ns + 15 * S, 25: 10 * DAY + 25 * S}
    for second, time_ns in stamped.items():
        fixed = time_ns + corrections.shift_ns(BOOT, second * S)
        assert fixed == 10 * DAY + second * S


def test_a_jump_of_a_synchronised_clock_is_not_believed() -> None:
    base = TimeBase(BOOT, reading(10 * DAY, 0, synchronised=True))
    assert base.observe(reading(11 * DAY, S)) is None
    assert base.ignored_steps == 1
    assert base.stamp(S).time_ns == 10 * DAY + S
    before_ns = base.stamp(S).uncertainty_ns
    base.observe(reading(11 * DAY, 1000 * S))
    assert base.stamp(1000 * S).uncertainty_ns > before_ns, "it drifts meanwhile"
    assert base.observe(reading(10 * DAY + 1001 * S, 1001 * S, synchronised=True)) is None
    assert base.stamp(1001 * S).time_ns == pytest.approx(10 * DAY + 1001 * S, abs=10**8)


def test_only_the_doubtful_stretch_is_corrected() -> None:
    base = TimeBase(BOOT, reading(10 * DAY, 0, synchronised=True))
    base.observe(reading(10 * DAY + 50 * S, 50 * S, synchronised=True))
    correction = base.observe(reading(10 * DAY + 70 * S, 60 * S, synchronised=True))
    assert correction is not None
    assert (correction.since_ns, correction.until_ns) == (50 * S, 60 * S)


def test_small_differences_are_slewed_and_time_never_runs_back() -> None:
    base = TimeBase(BOOT, reading(10 * DAY, 0))
    times = []
    for second in range(1, 400):
        assert base.observe(reading(10 * DAY + second * S - 150_000_000, second * S)) is None
        times.append(base.stamp(second * S).time_ns)
    assert all(b > a for a, b in pairwise(times))
    assert times[-1] == 10 * DAY + 399 * S - 150_000_000
    assert times[0] - (10 * DAY + S) == -500_000, "500 ppm"


def test_a_suspend_moves_time_on_and_corrects_nothing() -> None:
    base = TimeBase(BOOT, reading(10 * DAY, 0))
    assert base.observe(reading(10 * DAY + 7201 * S, S, asleep_ns=7200 * S)) is None
    assert base.stamp(S).time_ns == 10 * DAY + 7201 * S


def test_a_battery_clock_is_off_by_seconds_not_days() -> None:
    base = TimeBase(BOOT, reading(10 * DAY, 0, battery=True))
    assert base.stamp(0).uncertainty_ns == 10 * S


def test_the_real_clock() -> None:
    clock = GatewayClock()
    found = read_clocks()
    assert abs(clock.at(found.monotonic_ns).time_ns - found.system_ns) < S
    assert clock.poll() is None
    assert len(boot_id()) == 16
    assert boot_id() == boot_id() == clock.boot
    int(boot_id(), 16)


def test_reading_the_clocks_opens_the_library_once() -> None:
    """Each opening makes a class; two a second stay until a rare collection."""
    read_clocks()
    before = len(ctypes._CFuncPtr.__subclasses__())  # type: ignore[attr-defined]
    for _ in range(50):
        read_clocks()
    assert len(ctypes._CFuncPtr.__subclasses__()) == before  # type: ignore[attr-defined]
