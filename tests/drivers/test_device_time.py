"""What a driver states about the time of a reading: the device's calendar, never the truth."""

from collections.abc import Iterable

import pytest

from teleward_drivers.ble import blood_pressure, current_time, thermometer, weight_scale
from teleward_drivers.device import Driver, Output
from teleward_drivers.fields import DateTime
from teleward_drivers.link import Received
from teleward_drivers.medfloat import MedFloat
from teleward_signal.model import ClockReading, DeviceStamp, DeviceStatus, Measurement

S = 1_000_000_000
MINUTE, HOUR = 60 * S, 3600 * S
T0 = 1_700_000_000 * S
"""2023-11-14 22:13:20 UTC."""


@pytest.fixture(autouse=True)
def _zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")


def at(second: int, data: bytes, channel: str) -> Received:
    return Received(data, T0 + second * S, 5_000 * S + second * S, channel)


def clock(driver: Driver, second: int, off_ns: int) -> list[Output]:
    value = bytes(current_time.CurrentTime(DateTime.from_ns(T0 + second * S + off_ns)))
    return list(driver.feed(at(second, value, current_time.CURRENT_TIME)))


def cuff(driver: Driver, second: int, off_ns: int, ago_ns: int, systolic: float) -> Measurement:
    value = blood_pressure.BloodPressure(
        MedFloat.of(systolic),
        MedFloat.of(80),
        MedFloat.of(93),
        date_time=DateTime.from_ns(T0 + second * S + off_ns - ago_ns),
        user=2,
    )
    return systolic_of(driver.feed(at(second, bytes(value), blood_pressure.MEASUREMENT)))


def systolic_of(outputs: Iterable[Output]) -> Measurement:
    (found,) = [
        out for out in outputs if isinstance(out, Measurement) and out.metric == "nibp_systolic"
    ]
    assert isinstance(found, Measurement)
    return found


@pytest.mark.parametrize(
    "off_ns",
    [0, -16 * MINUTE, 330 * MINUTE, -300 * MINUTE, -365 * 24 * HOUR, 3 * 24 * HOUR],
    ids=["right", "16 min slow", "India", "New York", "a year behind", "3 days ahead"],
)
def test_the_age_of_a_reading_needs_no_right_clock(off_ns: int) -> None:
    driver = blood_pressure.make({})
    list(driver.start(T0))
    (status,) = clock(driver, 0, off_ns)
    assert isinstance(status, DeviceStatus)
    assert status.clock == ClockReading(T0 + off_ns, T0, 5_000 * S)
    old = cuff(driver, 2, off_ns, 3 * HOUR, 120)
    assert old.stamp is not None
    assert old.stamp.age_ns(5_002 * S) == 3 * HOUR
    assert old.stored
    now = cuff(driver, 3, off_ns, 5 * S, 206)
    assert now.stamp is not None
    assert now.stamp.age_ns(5_003 * S) == 5 * S
    assert not now.stored
    assert now.stamp.user == 2


def test_a_reading_made_after_the_clock_was_set_is_dated_by_the_new_one() -> None:
    driver = blood_pressure.make({})
    list(driver.start(T0))
    clock(driver, 0, -16 * MINUTE)
    clock(driver, 1, 0)
    before = cuff(driver, 2, -16 * MINUTE, 10 * S, 130)
    after = cuff(driver, 60, 0, 3 * S, 131)
    assert before.stamp is not None
    assert before.stamp.age_ns(5_002 * S) == 10 * S
    assert after.stamp is not None
    assert after.stamp.age_ns(5_060 * S) == 3 * S
    assert after.stamp.clock_set == ClockReading(T0 + S, T0 + S, 5_001 * S)


def test_an_unset_zone_is_unknown_and_guessed_by_that_of_the_gateway(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import time

    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    try:
        guessed = cuff(blood_pressure.make({}), 0, 330 * MINUTE, 0, 120)
        stated = cuff(blood_pressure.make({"utc_offset_minutes": 0}), 0, 0, 0, 120)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert guessed.stamp is not None
    assert stated.stamp is not None
    assert guessed.stamp.offset_minutes is None
    assert guessed.device_time_ns == T0
    assert (stated.stamp.offset_minutes, stated.device_time_ns) == (0, T0)


def test_a_clock_that_was_never_set_is_stated_so() -> None:
    driver = thermometer.make({})
    list(driver.start(T0))
    never = bytes(current_time.CurrentTime(DateTime(0, 0, 0)))
    (status,) = driver.feed(at(0, never, current_time.CURRENT_TIME))
    assert isinstance(status, DeviceStatus)
    assert status.faults == {"clock_not_set"}
    assert status.clock == ClockReading(None, T0, 5_000 * S)
    value = thermometer.TemperatureMeasurement(MedFloat.of(37.2, -1), date_time=DateTime(0, 0, 0))
    (reading,) = driver.feed(at(1, bytes(value), thermometer.MEASUREMENT))
    assert isinstance(reading, Measurement)
    assert reading.stamp is not None
    assert reading.stamp.calendar_ns is None
    assert reading.stamp.age_ns(5_001 * S) is None
    assert not reading.stored


def test_date_time_alone_is_a_clock_too_and_the_second_of_two_is_passed_over() -> None:
    driver = weight_scale.make({})
    list(driver.start(T0))
    shown = DateTime.from_ns(T0 - HOUR)
    assert list(driver.feed(at(0, bytes(shown), current_time.DATE_TIME)))
    assert not clock(driver, 0, 0)
    value = weight_scale.WeightMeasurement(14000, date_time=shown, user=3)
    (reading,) = driver.feed(at(1, bytes(value), weight_scale.MEASUREMENT))
    assert isinstance(reading, Measurement)
    assert reading.stamp == DeviceStamp(
        T0 - HOUR, None, user=3, clock=ClockReading(T0 - HOUR, T0, 5_000 * S)
    )
    assert not reading.stored


def test_the_enhanced_cuff_states_its_own_zone() -> None:
    second = T0 // S
    value = blood_pressure.BloodPressure(
        MedFloat.of(121),
        MedFloat.of(80),
        MedFloat.of(94),
        enhanced=True,
        time_s=second,
        user_time_s=second + 330 * 60,
    )
    for options in ({}, {"utc_offset_minutes": 330}):
        driver = blood_pressure.make(dict(options))
        outputs = driver.feed(at(0, bytes(value), blood_pressure.ENHANCED_MEASUREMENT))
        reading = systolic_of(outputs)
        assert reading.stamp is not None
        assert reading.stamp.offset_minutes == 330
        assert (reading.device_time_ns, reading.stored) == (T0, False)


def test_what_is_being_measured_shows_the_clock_that_cannot_be_read() -> None:
    driver = thermometer.make({})
    off_ns = -5 * HOUR
    risen = []
    for second, tenths, channel in (
        (1, 371, thermometer.INTERMEDIATE),
        (2, 380, thermometer.INTERMEDIATE),
        (3, 380, thermometer.MEASUREMENT),
    ):
        value = thermometer.TemperatureMeasurement(
            MedFloat(tenths, -1), date_time=DateTime.from_ns(T0 + second * S + off_ns)
        )
        outputs = driver.feed(at(second, bytes(value), channel))
        risen += [o for o in outputs if isinstance(o, Measurement)]
    assert [r.stamp is None for r in risen] == [True, True, False]
    final = risen[-1]
    assert (final.value, final.stored) == (38.0, False)
    assert final.stamp is not None
    assert final.stamp.age_ns(5_003 * S) == 0
    cuffs = blood_pressure.make({})
    pressure = blood_pressure.BloodPressure(
        MedFloat.of(120), date_time=DateTime.from_ns(T0 - 16 * MINUTE)
    )
    list(cuffs.feed(at(0, bytes(pressure), blood_pressure.INTERMEDIATE_CUFF)))
    assert not cuff(cuffs, 5, -16 * MINUTE, 2 * S, 206).stored
