"""A device's memory by record access: each record once, nothing erased that is not on disk."""

from collections.abc import Iterable
from typing import Any

import pytest

from teleward_drivers.ble import cgm, current_time, glucose, pulse_oximeter, racp
from teleward_drivers.device import (
    Checkpoint,
    Confirming,
    Discarded,
    Driver,
    Ending,
    LastRecord,
    Output,
    Resumable,
    Subscribe,
    Write,
)
from teleward_drivers.fields import DateTime
from teleward_drivers.link import Received
from teleward_drivers.medfloat import MedFloat
from teleward_signal.model import DeviceStatus, Measurement

S = 1_000_000_000
T0 = 1_700_000_000 * S
HOUR = 3600 * S


def feed(driver: Driver, data: bytes, channel: str, second: float = 0.0) -> list[Output]:
    since_ns = int(second * S)
    return list(driver.feed(Received(data, T0 + since_ns, since_ns, channel)))


def record(number: int, ago_ns: int, mg: int = 120, **fields: Any) -> bytes:
    moment = DateTime.from_ns(T0 - ago_ns)
    return bytes(
        glucose.GlucoseMeasurement(
            number, moment, None, MedFloat(mg, -5), type=1, location=1, **fields
        )
    )


def read_clock(driver: Driver) -> None:
    now = bytes(current_time.CurrentTime(DateTime.from_ns(T0)))
    feed(driver, now, current_time.CURRENT_TIME)


def writes(outputs: Iterable[Output]) -> list[bytes]:
    return [o.data for o in outputs if isinstance(o, Write) and o.channel == racp.CHANNEL]


def readings(outputs: Iterable[Output]) -> list[Measurement]:
    return [o for o in outputs if isinstance(o, Measurement)]


def started(options: dict[str, Any] | None = None, last: LastRecord | None = None) -> Driver:
    driver = glucose.make({"utc_offset_minutes": 0, **(options or {})})
    if last is not None:
        assert isinstance(driver, Resumable)
        driver.resume(last)
    list(driver.start(T0))
    read_clock(driver)
    return driver


DONE = bytes.fromhex("06000101")


def test_the_control_point_is_subscribed_before_records_are_asked_for() -> None:
    outputs = list(glucose.make({}).start(T0))
    asked = [o for o in outputs if isinstance(o, Write) and o.channel == racp.CHANNEL]
    assert [w.data for w in asked] == [bytes.fromhex("0101")]
    assert outputs.index(Subscribe(racp.CHANNEL, optional=True)) < outputs.index(asked[0])


def test_the_newest_record_of_now_is_live_and_the_others_are_history() -> None:
    driver = started()
    assert not readings(feed(driver, record(1, 48 * HOUR), glucose.MEASUREMENT, 1))
    (first,) = readings(feed(driver, record(2, 20 * S, 41), glucose.MEASUREMENT, 1))
    assert first.stamp is not None
    assert (first.stored, first.stamp.record, first.stamp.newest) == (True, 1, False)
    (newest,) = readings(feed(driver, DONE, racp.CHANNEL, 2))
    assert newest.stamp is not None
    assert (newest.value, newest.stored, newest.stamp.newest) == (41, False, True)
    assert newest.stamp.age_ns(1 * S) == 21 * S


def test_a_newest_record_of_yesterday_is_history() -> None:
    driver = started()
    feed(driver, record(2, 24 * HOUR), glucose.MEASUREMENT, 1)
    (newest,) = readings(feed(driver, DONE, racp.CHANNEL, 2))
    assert newest.stamp is not None
    assert (newest.stored, newest.stamp.newest) == (True, True)


def reported(driver: Driver, *records: bytes) -> list[Measurement]:
    outputs: list[Output] = []
    for each in records:
        outputs += feed(driver, each, glucose.MEASUREMENT, 1)
    return readings(outputs + feed(driver, DONE, racp.CHANNEL, 2))


def of_now(found: list[Measurement]) -> list[float | None]:
    return [r.value for r in found if r.stamp is not None and r.stamp.newest and not r.stored]


@pytest.mark.parametrize("with_clock", [True, False])
def test_a_memory_that_comes_newest_first_has_its_newest_record_of_now(with_clock: bool) -> None:
    for older in (1, 3):
        driver = started() if with_clock else glucose.make({"utc_offset_minutes": 0})
        if not with_clock:
            list(driver.start(T0))
        past = [record(9 - k, k * HOUR) for k in range(1, older + 1)]
        found = reported(driver, record(9, 20 * S, 41), *past)
        assert of_now(found) == [41]
        assert len(found) == 1 + older
        assert sum(r.stored for r in found) == older


def test_a_meter_that_was_reset_behind_its_old_records_is_read_on_from_the_new_ones() -> None:
    """Clock and numbers began again; the old records stay, with dates of after this present."""
    driver = started()
    years = 5 * 365 * 24 * HOUR
    old = [record(49, -years), record(50, HOUR - years)]
    assert of_now(reported(driver, *old, record(1, HOUR), record(2, 20 * S, 41))) == [41]
    assert writes(driver.tick(T0 + 30 * S)) == [bytes.fromhex("0103010200")]
    assert of_now(reported(driver, old[1], record(2, 20 * S, 41), record(3, 0, 50))) == [50]
    assert writes(driver.tick(T0 + 60 * S)) == [bytes.fromhex("0103010300")]
    assert of_now(reported(started(), old[1], record(1, 20 * S, 41))) == [41]


def test_records_of_one_number_without_a_date_are_told_apart_by_their_bytes() -> None:
    driver = started()
    undated = [
        bytes(glucose.GlucoseMeasurement(1, DateTime(0, 0, 0), None, MedFloat(mg, -5)))
        for mg in (100, 90, 90)
    ]
    assert [r.value for r in reported(driver, *undated)] == [100, 90]


def test_a_memory_that_takes_minutes_stays_a_memory() -> None:
    """A sensor of two weeks sends 4032 records: silence counts, not the length of the report."""
    driver = started()
    outputs: list[Output] = []
    for i in range(600):
        outputs += feed(driver, record(i, 10**6 * S - i * S, 41), glucose.MEASUREMENT, i)
        outputs += driver.tick(T0 + i * S)
    assert not [o for o in outputs if isinstance(o, Discarded)]
    assert all(reading.stored for reading in readings(outputs))
    quiet = list(driver.tick(T0 + 629 * S)) + list(driver.tick(T0 + 630 * S))
    assert quiet[-1] == Discarded(0, "record_access_timeout")
    assert [reading.stored for reading in readings(quiet)] == [True]


def test_a_meter_that_stays_connected_is_asked_again() -> None:
    driver = started()
    feed(driver, record(7, HOUR), glucose.MEASUREMENT, 1)
    feed(driver, DONE, racp.CHANNEL, 2)
    assert not writes(driver.tick(T0 + 10 * S))
    assert writes(driver.tick(T0 + 23 * S)) == [bytes.fromhex("0103010700")]
    assert feed(driver, record(7, HOUR), glucose.MEASUREMENT, 23) == [Discarded(13, "duplicate")]
    feed(driver, record(8, -20 * S, 55), glucose.MEASUREMENT, 23)
    (new,) = readings(feed(driver, DONE, racp.CHANNEL, 24))
    assert (new.value, new.stored) == (55, False)


def test_a_new_connection_reads_on_from_the_last_record() -> None:
    stamp_ns = T0 - HOUR
    driver = glucose.make({"utc_offset_minutes": 0})
    assert isinstance(driver, Resumable)
    driver.resume(LastRecord(300, stamp_ns))
    assert writes(driver.start(T0)) == [bytes.fromhex("0103012c01")]
    assert feed(driver, record(300, HOUR), glucose.MEASUREMENT, 1)[0] == Discarded(13, "duplicate")
    assert not feed(driver, DONE, racp.CHANNEL, 2)


@pytest.mark.parametrize("answer", ["06000106", "06000104", "06000109"])
def test_a_meter_that_was_reset_or_cannot_be_asked_so_is_read_as_a_whole(answer: str) -> None:
    driver = started(last=LastRecord(300, T0 - HOUR))
    assert writes(feed(driver, bytes.fromhex(answer), racp.CHANNEL, 1)) == [bytes.fromhex("0101")]
    feed(driver, record(1, 60 * S), glucose.MEASUREMENT, 1)
    (found,) = readings(feed(driver, DONE, racp.CHANNEL, 2))
    assert found.stamp is not None
    assert found.stamp.record == 1


def test_the_number_of_a_reset_meter_used_again_is_a_new_record() -> None:
    driver = started(last=LastRecord(3, T0 - 99 * HOUR))
    outputs = feed(driver, record(3, HOUR, 61), glucose.MEASUREMENT, 1)
    outputs += feed(driver, DONE, racp.CHANNEL, 2)
    assert writes(outputs) == [bytes.fromhex("0101")]
    for number in (1, 2, 3):
        outputs += feed(driver, record(number, HOUR, 58 + number), glucose.MEASUREMENT, 3)
    outputs += feed(driver, DONE, racp.CHANNEL, 4)
    found = [(r.stamp.record, r.value) for r in readings(outputs) if r.stamp is not None]
    assert sorted(found) == [(1, 59), (2, 60), (3, 61)]


def test_what_is_held_when_the_link_ends_is_not_lost() -> None:
    driver = started()
    feed(driver, record(5, HOUR), glucose.MEASUREMENT, 1)
    assert isinstance(driver, Ending)
    (left,) = readings(driver.end())
    assert (left.value, left.stored) == (120, True)
    live = glucose.make({"read_memory": False})
    feed(live, record(6, 0, context_follows=True), glucose.MEASUREMENT, 1)
    assert isinstance(live, Ending)
    assert [reading.value for reading in readings(live.end())] == [120]


def test_refusals_and_silence_are_reported() -> None:
    driver = started()
    refused = bytes.fromhex("06000108")
    assert feed(driver, refused, racp.CHANNEL) == [Discarded(0, "record_access_refused_8")]
    driver = started()
    assert not list(driver.tick(T0 + 29 * S))
    assert list(driver.tick(T0 + 31 * S)) == [Discarded(0, "record_access_timeout")]


def erasing() -> Driver:
    driver = started({"erase_after_reading": True})
    for number in (4, 5):
        feed(driver, record(number, HOUR - number * S), glucose.MEASUREMENT, 1)
    return driver


def test_a_memory_is_erased_up_to_what_is_on_disk_and_no_sooner() -> None:
    driver = erasing()
    assert isinstance(driver, Confirming)
    assert writes(feed(driver, DONE, racp.CHANNEL, 2)) == [bytes.fromhex("0401")]
    assert not list(driver.recorded())
    counted = feed(driver, bytes.fromhex("05000200"), racp.CHANNEL, 3)
    assert counted == [Checkpoint()]
    assert writes(driver.recorded()) == [bytes.fromhex("0202010500")]
    assert not list(driver.recorded())


@pytest.mark.parametrize("trouble", ["another count", "a cut record", "no answer"])
def test_a_memory_that_did_not_arrive_whole_is_not_erased(trouble: str) -> None:
    driver = erasing()
    if trouble == "a cut record":
        feed(driver, record(6, HOUR)[:9], glucose.MEASUREMENT, 1)
    outputs = feed(driver, DONE, racp.CHANNEL, 2)
    if trouble == "another count":
        outputs += feed(driver, bytes.fromhex("05000300"), racp.CHANNEL, 3)
    if trouble == "no answer":
        outputs += driver.tick(T0 + 40 * S)
    assert not [o for o in outputs if isinstance(o, Checkpoint)]
    assert bytes.fromhex("0202010500") not in writes(outputs)


def test_spot_checks_are_erased_all_when_all_are_on_disk() -> None:
    driver = pulse_oximeter.make({"erase_after_reading": True})
    list(driver.start(T0))
    for second in range(3):
        moment = DateTime.from_ns(T0 - HOUR + second * S)
        value = pulse_oximeter.SpotCheckMeasurement(
            MedFloat.of(95), MedFloat.of(60), moment, 1 << 9
        )
        feed(driver, bytes(value), pulse_oximeter.SPOT_CHECK, 1)
    assert writes(feed(driver, DONE, racp.CHANNEL, 2)) == [bytes.fromhex("0401")]
    assert feed(driver, bytes.fromhex("05000300"), racp.CHANNEL, 3) == [Checkpoint()]
    assert isinstance(driver, Confirming)
    assert writes(driver.recorded()) == [bytes.fromhex("0201")]


def test_the_battery_of_an_old_record_is_not_that_of_now() -> None:
    driver = started()
    low = feed(driver, record(1, 9000 * HOUR, status=1), glucose.MEASUREMENT, 1)
    low += feed(driver, record(2, 60 * S, status=1), glucose.MEASUREMENT, 1)
    assert not [o for o in low if isinstance(o, DeviceStatus)]
    now = feed(driver, DONE, racp.CHANNEL, 2)
    assert [o.faults for o in now if isinstance(o, DeviceStatus)] == [{"low_battery"}]
    again = list(driver.tick(T0 + 30 * S))
    feed(driver, record(2, 60 * S, status=1), glucose.MEASUREMENT, 31)
    again += feed(driver, record(3, -30 * S, status=0), glucose.MEASUREMENT, 31)
    again += feed(driver, DONE, racp.CHANNEL, 32)
    assert [o.faults for o in again if isinstance(o, DeviceStatus)] == [frozenset()]


def test_a_sensor_is_asked_from_its_last_minute_on() -> None:
    driver = cgm.make({})
    assert isinstance(driver, Resumable)
    driver.resume(LastRecord(4000, T0))
    assert writes(driver.start(T0 + 300 * S)) == [bytes.fromhex("010301a00f")]
