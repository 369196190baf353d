"""Key of a reading: what a gateway remembers for years has one form only."""

from typing import Any

import numpy as np

from teleward_gateway.ward.held_reading import reading_key
from teleward_signal.model import DeviceStamp, Measurement

CALENDAR_NS = 1_790_000_000_000_000_000
STAMP = DeviceStamp(calendar_ns=CALENDAR_NS, record=7, user=1)
KEY = "bac1364789884f96"


def test_one_reading_has_one_key_whatever_made_its_number() -> None:
    numbers: list[Any] = [72, 72.0, np.float64(72), np.float32(72)]
    keys = {reading_key(Measurement("glucose", value, stamp=STAMP)) for value in numbers}
    assert keys == {KEY}


def test_another_number_time_user_or_value_is_another_reading() -> None:
    others = [
        Measurement("glucose", 73, stamp=STAMP),
        Measurement("pulse_rate", 72, stamp=STAMP),
        Measurement("glucose", None, "too_high", stamp=STAMP),
        Measurement("glucose", 72, stamp=DeviceStamp(CALENDAR_NS, record=8, user=1)),
        Measurement("glucose", 72, stamp=DeviceStamp(CALENDAR_NS, record=7, user=2)),
        Measurement("glucose", 72, stamp=DeviceStamp(CALENDAR_NS + 1, record=7, user=1)),
    ]
    assert len({KEY, *map(reading_key, others)}) == 1 + len(others)
    assert reading_key(Measurement("glucose", 72, stamp=DeviceStamp(user=1))) is None
