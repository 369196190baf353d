"""Any bytes into any driver: no exception, no growth, no output that the gateway cannot take.

The long run over ten million bytes a driver is ``make fuzz``.
"""

import random
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from teleward_drivers.catalogue import BUILT_IN, driver
from teleward_drivers.device import DriverInfo
from teleward_drivers.fuzzing import Tally, exercise
from teleward_drivers.wired import cms50d

every_driver = pytest.mark.parametrize("info", BUILT_IN, ids=lambda info: info.name)


@every_driver
@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=400))
def test_any_bytes(info: DriverInfo, data: bytes) -> None:
    exercise(info, data, Tally())


@every_driver
def test_noise_makes_no_reading_out_of_nothing(info: DriverInfo) -> None:
    tally = Tally()
    rng = random.Random(info.name)
    for _ in range(10):
        exercise(info, rng.randbytes(4000), tally)
    # a GATT value is short and has no checksum: noise on the right channel is a value
    if info.serial is not None and info.name != "nonin":
        assert tally.readings == 0
        assert tally.discarded > 0.9 * tally.n_bytes


def frames(values: Iterable[int]) -> bytes:
    return b"".join(bytes(cms50d.Live(v, 72, 98)) for v in values)


def test_the_checks_see_a_driver_that_lies() -> None:
    tally = Tally()
    exercise(driver("cms50d"), b"\x13" + frames(range(70)) + b"\x01", tally)
    assert tally.values == {"spo2": [98], "pulse_rate": [72]}
    assert tally.blocks > 0
