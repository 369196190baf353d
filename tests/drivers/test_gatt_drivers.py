"""What the BLE drivers make of their bytes: order, units, refusals, memory, damage."""

from collections.abc import Sequence
from typing import Any

import pytest

from teleward_drivers.ble import (
    battery,
    blood_pressure,
    body_composition,
    cgm,
    current_time,
    glucose,
    health_sensor,
    heart_rate,
    nonin_ble,
    polar_pmd,
    pulse_oximeter,
    racp,
    thermometer,
    viatom,
    weight_scale,
)
from teleward_drivers.device import (
    Discarded,
    Output,
    Request,
    Subscribe,
    Write,
)
from teleward_drivers.fields import DateTime
from teleward_drivers.gatt import uuid16
from teleward_drivers.medfloat import MedFloat, Special
from teleward_drivers.testing import START_NS, receive
from teleward_signal.model import DeviceStatus, Measurement, SampleBlock

MINUTE_NS = 60_000_000_000
NOW = DateTime.from_ns(START_NS)
LATE = DateTime.from_ns(START_NS - 60 * MINUTE_NS)


def sf(value: float | None, exponent: int = 0) -> MedFloat:
    return MedFloat.of(value, exponent)


def readings(outputs: Sequence[Output]) -> dict[str, Measurement]:
    return {out.metric: out for out in outputs if isinstance(out, Measurement)}


def test_lost_contact_is_a_fault_and_no_heart_rate() -> None:
    driver = heart_rate.DRIVER.make({})
    lost = bytes(heart_rate.HeartRateMeasurement(72, contact=False, rr=(800,)))
    outputs = receive(driver, lost, heart_rate.MEASUREMENT)
    assert [o.faults for o in outputs if isinstance(o, DeviceStatus)] == [frozenset({"lead_off"})]
    reading = readings(outputs)["heart_rate"]
    assert (reading.value, reading.reason) == (None, "lead_off")
    assert "rr_interval" not in readings(outputs)


def test_a_status_keeps_the_faults_of_the_other_services() -> None:
    driver = heart_rate.DRIVER.make({})
    receive(driver, bytes(heart_rate.HeartRateMeasurement(0, False)), heart_rate.MEASUREMENT)
    (status,) = receive(driver, b"\x05", battery.BATTERY_LEVEL)
    assert isinstance(status, DeviceStatus)
    assert status.faults == {"lead_off", "low_battery"}
    (name,) = receive(driver, b"H10\0", uuid16(0x2A24))
    assert isinstance(name, DeviceStatus)
    assert name.identity == {"model": "H10"}
    assert name.faults == {"lead_off", "low_battery"}


def test_beats_land_at_their_own_times_and_a_lost_packet_is_marked() -> None:
    driver = heart_rate.DRIVER.make({})
    data = bytes(heart_rate.HeartRateMeasurement(60, rr=(1024, 512)))
    first = receive(driver, data, heart_rate.MEASUREMENT)
    beats = [o for o in first if isinstance(o, Measurement) and o.metric == "rr_interval"]
    assert [b.time_ns for b in beats] == [START_NS - 500_000_000, START_NS]
    later = receive(driver, data, heart_rate.MEASUREMENT, START_NS + 9_000_000_000)
    flags = [o.detail for o in later if isinstance(o, Measurement) and o.metric == "rr_interval"]
    assert flags == [{"gap": True}, {}]


def test_battery_and_identity_refuse_reserved_values() -> None:
    driver = heart_rate.DRIVER.make({})
    assert receive(driver, b"\xc8", battery.BATTERY_LEVEL) == [Discarded(1, "reserved_value")]
    assert receive(driver, b"", battery.BATTERY_LEVEL) == [Discarded(0, "length")]
    pnp = battery.PnpId(1, 0x6B, 0x0101, 3)
    assert battery.PnpId.from_bytes(bytes(pnp)) == pnp


@pytest.mark.parametrize(
    "status, sensor, reason",
    [
        (1 << 15, 0, "invalid"),
        (1 << 10, 0, "demonstration"),
        (0, 1 << 15, "probe_off"),
        (0, 1 << 3, "no_signal"),
        (0, 1 << 14, "sensor_fault"),
    ],
)
def test_oximeter_status_withholds(status: int, sensor: int, reason: str) -> None:
    driver = pulse_oximeter.make({})
    value = pulse_oximeter.ContinuousMeasurement((sf(97), sf(70)), status=status, sensor=sensor)
    reading = readings(receive(driver, bytes(value), pulse_oximeter.CONTINUOUS))["spo2"]
    assert (reading.value, reading.reason, reading.quality) == (None, reason, 0.0)


@pytest.mark.parametrize("special", list(Special))
def test_every_reserved_number_is_a_reason(special: Special) -> None:
    driver = pulse_oximeter.make({})
    value = pulse_oximeter.ContinuousMeasurement((MedFloat(0, 0, special), sf(70)))
    found = readings(receive(driver, bytes(value), pulse_oximeter.CONTINUOUS))
    assert (found["spo2"].value, found["spo2"].reason) == (None, str(special))
    assert found["pulse_rate"].value == 70


def test_a_stored_spot_check_lands_at_its_own_time() -> None:
    driver = pulse_oximeter.make({"utc_offset_minutes": 60})
    status = int(pulse_oximeter.MeasurementStatus.FROM_STORAGE)
    value = pulse_oximeter.SpotCheckMeasurement(sf(95), sf(66), LATE, status)
    reading = readings(receive(driver, bytes(value), pulse_oximeter.SPOT_CHECK))["spo2"]
    assert reading.stored
    assert reading.device_time_ns == START_NS - 120 * MINUTE_NS
    unset = pulse_oximeter.SpotCheckMeasurement(sf(95), sf(66), NOW, clock_not_set=True)
    found = readings(receive(driver, bytes(unset), pulse_oximeter.SPOT_CHECK))["spo2"]
    assert found.device_time_ns is None


def test_a_cuff_reading_is_one_group_in_mmhg_and_its_repeat_is_dropped() -> None:
    driver = blood_pressure.make({})
    value = blood_pressure.BloodPressure(sf(16, 0), sf(10.7, -1), sf(12.4, -1), True, LATE, user=2)
    first = readings(receive(driver, bytes(value), blood_pressure.MEASUREMENT))
    assert first["nibp_systolic"].value == 120.0
    assert len({reading.group for reading in first.values()}) == 1
    assert all(reading.stored and reading.valid_s == 3600 for reading in first.values())
    again = receive(driver, bytes(value), blood_pressure.MEASUREMENT)
    assert again == [Discarded(len(bytes(value)), "duplicate")]


def test_a_cuff_reads_the_clock_then_subscribes_and_sets_the_clock_last() -> None:
    outputs = list(blood_pressure.make({"utc_offset_minutes": 0}).start(START_NS))
    clock = current_time.CURRENT_TIME
    assert outputs[:2] == [Request(clock, True), Request(current_time.DATE_TIME, True)]
    assert isinstance(outputs[2], Subscribe)
    assert outputs[2].channel == blood_pressure.MEASUREMENT
    written = [o for o in outputs if isinstance(o, Write)]
    assert [w.channel for w in written] == [clock, current_time.DATE_TIME]
    assert current_time.CurrentTime.from_bytes(written[0].data).date_time == NOW
    assert written[1].data == bytes(NOW)
    assert outputs.index(Request(clock, True), 2) > outputs.index(written[1])
    silent = blood_pressure.make({"set_clock": False}).start(START_NS)
    assert not [o for o in silent if isinstance(o, Write)]


def test_enhanced_blood_pressure_has_seconds_since_2000() -> None:
    driver = blood_pressure.make({})
    seconds = START_NS // 1_000_000_000
    value = blood_pressure.BloodPressure(
        sf(121), sf(80), sf(94), enhanced=True, time_s=seconds, user_time_s=seconds
    )
    assert blood_pressure.BloodPressure.from_bytes(bytes(value), enhanced=True) == value
    found = readings(receive(driver, bytes(value), blood_pressure.ENHANCED_MEASUREMENT))
    assert found["nibp_systolic"].device_time_ns == START_NS


def test_another_user_of_the_cuff_is_passed_over() -> None:
    driver = blood_pressure.make({"user": 1})
    value = blood_pressure.BloodPressure(sf(121), sf(80), sf(94), user=2)
    assert receive(driver, bytes(value), blood_pressure.MEASUREMENT) == [
        Discarded(len(bytes(value)), "other_user")
    ]


def test_fahrenheit_and_intermediate_temperature() -> None:
    driver = thermometer.make({"interval_s": 60})
    value = bytes(thermometer.TemperatureMeasurement(sf(98.6, -1), True, type=2))
    final = readings(receive(driver, value, thermometer.MEASUREMENT))["body_temperature"]
    assert (final.value, final.valid_s, final.detail["site"]) == (37.0, 600, "body")
    early = readings(receive(driver, value, thermometer.INTERMEDIATE))["body_temperature"]
    assert (early.quality, early.detail["intermediate"]) == (0.5, True)
    writes = [o for o in driver.start(START_NS) if isinstance(o, Write)]
    assert writes[0] == Write(b"\x3c\x00", thermometer.INTERVAL, optional=True)


def glucose_record(sequence: int, **fields: Any) -> bytes:
    record = glucose.GlucoseMeasurement(
        sequence, LATE, 5, MedFloat(120, -5), type=1, location=1, **fields
    )
    assert glucose.GlucoseMeasurement.from_bytes(bytes(record)) == record
    return bytes(record)


@pytest.mark.parametrize("module", [glucose, cgm, pulse_oximeter])
def test_a_memory_is_left_alone_when_so_configured(module: Any) -> None:
    outputs = module.make({"read_memory": False}).start(START_NS)
    assert not [o for o in outputs if getattr(o, "channel", "") == racp.CHANNEL]


def test_control_solution_and_strip_faults_are_nobodys_glucose() -> None:
    driver = glucose.make({})
    control = glucose.GlucoseMeasurement(3, NOW, None, MedFloat(120, -5), type=10, location=4)
    strip = glucose.GlucoseMeasurement(
        4, NOW, None, MedFloat(120, -5), status=int(glucose.Status.STRIP_ERROR)
    )
    for record, reason in ((control, "control_solution"), (strip, "strip_error")):
        found = readings(receive(driver, bytes(record), glucose.MEASUREMENT))["glucose"]
        assert (found.value, found.reason) == (None, reason)


def test_a_glucose_waits_for_its_context() -> None:
    driver = glucose.make({})
    assert not readings(
        receive(driver, glucose_record(7, context_follows=True), glucose.MEASUREMENT)
    )
    context = glucose.GlucoseContext(7, MedFloat(30, -3), 2)
    assert glucose.GlucoseContext.from_bytes(bytes(context)).meal == 2
    found = readings(receive(driver, bytes(context), glucose.CONTEXT))["glucose"]
    assert (found.value, found.detail["meal"]) == (120.0, "postprandial")
    receive(driver, glucose_record(8, context_follows=True), glucose.MEASUREMENT)
    assert readings(list(driver.tick(START_NS)))["glucose"].value == 120.0


def test_scales() -> None:
    driver = weight_scale.make({"user": 5})
    pounds = weight_scale.WeightMeasurement(15432, True, None, 5, 245, 689)
    found = readings(receive(driver, bytes(pounds), weight_scale.MEASUREMENT))
    assert found["body_weight"].value == pytest.approx(70.0, abs=0.01)
    assert found["body_height"].value == pytest.approx(1.75, abs=0.001)
    failed = bytes(weight_scale.WeightMeasurement(None))
    reading = readings(receive(driver, failed, weight_scale.MEASUREMENT))["body_weight"]
    assert (reading.value, reading.reason) == (None, "unsuccessful")


def test_a_body_composition_in_two_indications_is_joined() -> None:
    driver = body_composition.make({})
    first = body_composition.BodyComposition(
        223,
        date_time=NOW,
        user=1,
        values={"basal_kj": 7000, "muscle_mass": 6000},
        more_follows=True,
    )
    second = body_composition.BodyComposition(223, values={"weight": 14000, "height": 1750})
    assert body_composition.BodyComposition.from_bytes(bytes(first)) == first
    assert not receive(driver, bytes(first), body_composition.MEASUREMENT)
    found = readings(receive(driver, bytes(second), body_composition.MEASUREMENT))
    assert (found["body_fat"].value, found["body_weight"].value) == (22.3, 70.0)
    assert found["body_fat"].detail["muscle_mass_kg"] == 30.0


def test_cgm_records_are_walked_and_a_bad_checksum_costs_one() -> None:
    driver = cgm.make({})
    start = cgm.SessionStart(LATE)
    receive(driver, bytes(start), cgm.SESSION_START)
    records = [
        cgm.CgmRecord(sf(100 + i), 5 * i, trend=sf(1.5, -1), with_crc=True) for i in (1, 2, 3)
    ]
    for record in records:
        assert cgm.CgmRecord.from_bytes(bytes(record)) == record
    data = bytearray(b"".join(map(bytes, records)))
    data[len(bytes(records[0])) + 3] ^= 1
    outputs = receive(driver, bytes(data), cgm.MEASUREMENT)
    values = [(o.value, o.device_time_ns) for o in outputs if isinstance(o, Measurement)]
    hour = START_NS - 60 * MINUTE_NS
    assert values == [(101, hour + 5 * MINUTE_NS), (103, hour + 15 * MINUTE_NS)]
    assert Discarded(len(bytes(records[1])), "checksum") in outputs


def test_polar_asks_settings_and_starts_what_the_device_has() -> None:
    driver = polar_pmd.make({"acc": True})
    assert list(driver.start(START_NS))[:3] == [
        Subscribe(polar_pmd.CONTROL),
        Subscribe(polar_pmd.DATA),
        Request(polar_pmd.CONTROL),
    ]
    has = polar_pmd.feature_bytes([polar_pmd.Stream.ECG, polar_pmd.Stream.ACC])
    asked = receive(driver, has, polar_pmd.CONTROL)
    assert [w.data for w in asked if isinstance(w, Write)] == [b"\x01\x00", b"\x01\x02"]
    offer: polar_pmd.Settings = {
        polar_pmd.Setting.RATE: (25, 50, 100, 200),
        polar_pmd.Setting.RESOLUTION: (16,),
    }
    reply = polar_pmd.ControlReply(1, 2, 0, offer)
    assert polar_pmd.ControlReply.from_bytes(bytes(reply)) == reply
    (begin,) = receive(driver, bytes(reply), polar_pmd.CONTROL)
    assert isinstance(begin, Write)
    chosen = polar_pmd.ControlRequest.from_bytes(begin.data)
    assert chosen.settings[polar_pmd.Setting.RATE] == (50,)
    no = bytes(polar_pmd.ControlReply(2, 0, 8))
    (status,) = receive(driver, no, polar_pmd.CONTROL)
    assert isinstance(status, DeviceStatus)
    assert status.identity == {"refused": "stream 0: bad_rate"}


def test_polar_ecg_counts_what_was_lost_between_two_frames() -> None:
    driver = polar_pmd.make({})
    frame_ns = 73 * 1_000_000_000 // 130
    blocks = []
    for i in (0, 1, 3):
        data = polar_pmd.data_frame(0, 10**18 + i * frame_ns, [[j - 36] for j in range(73)])
        assert len(data) == 229
        blocks += [o for o in receive(driver, data, polar_pmd.DATA) if isinstance(o, SampleBlock)]
    assert [b.index for b in blocks] == [0, 73]
    late = list(driver.tick(START_NS + 4_000_000_000))
    blocks += [o for o in late if isinstance(o, SampleBlock)]
    assert [b.index for b in blocks] == [0, 73, 219]
    assert blocks[0].physical()[0] == pytest.approx(-0.036)
    assert blocks[0].device_time_ns == pytest.approx(10**18 - 72 * 1e9 / 130, abs=200)


def test_polar_acceleration_is_in_metres_per_second_squared() -> None:
    data = polar_pmd.data_frame(2, 10**18, [[1000, -1000, 0]])
    outputs = receive(polar_pmd.make({}), data, polar_pmd.DATA)
    values = {o.metric: float(o.physical()[0]) for o in outputs if isinstance(o, SampleBlock)}
    assert values["acceleration_x"] == pytest.approx(9.80665, rel=1e-5)
    assert values["acceleration_y"] == pytest.approx(-9.80665, rel=1e-5)


def test_viatom_polls_and_reads_a_reply_in_two_pieces() -> None:
    driver = viatom.make()
    list(driver.start(START_NS))
    live = viatom.LiveValues(96, 61, 15, 12, 1.2)
    assert viatom.LiveValues.from_bytes(bytes(live)) == live
    reply = bytes(viatom.Packet(0x55, 0, 0, bytes(live)))
    assert not receive(driver, reply[:20], viatom.NOTIFY)
    outputs = receive(driver, reply[20:], viatom.NOTIFY)
    found = readings(outputs)
    assert [found[m].value for m in ("spo2", "pulse_rate", "perfusion_index")] == [96, 61, 1.2]
    assert found["spo2"].quality == 0.5
    assert any(isinstance(o, DeviceStatus) and "low_battery" in o.faults for o in outputs)
    off = bytes(viatom.Packet(0x55, 0, 0, bytes(viatom.LiveValues(None, None, 50, worn=False))))
    assert readings(receive(driver, off, viatom.NOTIFY))["spo2"].reason == "probe_off"
    (poll,) = [o for o in driver.tick(START_NS + 2_500_000_000) if isinstance(o, Write)]
    assert poll.data == bytes(viatom.Packet(viatom.REQUEST, viatom.LIVE))


def test_nonin_ble_searching_and_duplicate() -> None:
    driver = nonin_ble.make()
    value = nonin_ble.NoninValues(98, 60, 3.5, 7, 3.0, int(nonin_ble.Status.SEARCHING))
    found = readings(receive(driver, bytes(value), nonin_ble.NOTIFY))
    assert found["spo2"].reason == "searching"
    assert receive(driver, bytes(value), nonin_ble.NOTIFY) == [Discarded(10, "duplicate")]


def test_the_generic_health_sensor_is_behind_a_flag() -> None:
    with pytest.raises(ValueError, match="experimental = true"):
        health_sensor.make({})
    driver = health_sensor.make({"experimental": True})
    values = tuple(
        (health_sensor.MDC_OF_METRIC[m], health_sensor.UNITS[m] & 0xFFFF, sf(v))
        for m, v in (("nibp_systolic", 120), ("nibp_diastolic", 79), ("nibp_mean", 93))
    )
    observation = health_sensor.Observation(values, 150020)
    assert health_sensor.Observation.from_bytes(bytes(observation)) == observation
    cut = health_sensor.segments(bytes(observation), 20)
    outputs = [o for piece in cut for o in receive(driver, piece, health_sensor.LIVE)]
    assert [r.value for r in readings(outputs).values()] == [120, 79, 93]
    wrong = health_sensor.Observation(((150456, 1, sf(97)),))
    (only,) = health_sensor.segments(bytes(wrong), 100)
    assert receive(driver, only, health_sensor.LIVE) == [Discarded(0, "unit")]
    lost = receive(driver, cut[0], health_sensor.LIVE) + receive(driver, cut[2], health_sensor.LIVE)
    assert lost == [Discarded(len(cut[2]), "segment_lost")]


@pytest.mark.parametrize("year", [0, 1582, 1970, 2200, 4072, 65535])
def test_a_clock_that_was_never_set_stamps_nothing(year: int) -> None:
    clock = DateTime(year, 11, 29, 23, 8, 57)
    assert clock.to_ns() is None
    value = blood_pressure.BloodPressure(sf(120), sf(79), sf(91), date_time=clock)
    found = readings(receive(blood_pressure.make({}), bytes(value), blood_pressure.MEASUREMENT))
    assert found["nibp_systolic"].value == 120
    assert found["nibp_systolic"].device_time_ns is None
    assert not found["nibp_systolic"].stored
