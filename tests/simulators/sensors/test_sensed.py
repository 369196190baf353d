"""Sensors add lag and error; faults change the reading and never the patient."""

import asyncio
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from teleward_simulators.physiology.patient import Order, PhysiologyPatient
from teleward_simulators.sensors.faults import FAULT_KINDS, LINK_KINDS, ActiveFault, make_fault
from teleward_simulators.sensors.link_faults import LOOK_S, due, follow
from teleward_simulators.sensors.sensed import SensedPatient


@dataclass
class Book:
    """Faults as a list."""

    found: tuple[ActiveFault, ...] = ()

    def faults(self) -> tuple[ActiveFault, ...]:
        """Return them."""
        return self.found


def sensed(*faults: ActiveFault) -> SensedPatient:
    """Return a normal adult with faults from 30 to 60 s."""
    return SensedPatient(PhysiologyPatient(seed=5), Book(faults))


def fault(kind: str, sensor: str, value: float | None = None) -> ActiveFault:
    """Return a fault from 30 to 60 s."""
    return make_fault(kind, sensor, 30.0, 30.0, value)


def test_readings_are_near_the_truth() -> None:
    source = sensed()
    for metric, within in (("spo2", 2), ("nibp_systolic", 10), ("glucose", 14), ("heart_rate", 1)):
        reading, true = source.numeric(metric, 50.0), source.patient.numeric(metric, 50.0)
        assert reading is not None
        assert true is not None
        assert abs(reading - true) <= within


def test_the_oximeter_is_late() -> None:
    patient = PhysiologyPatient(seed=5)
    patient.order(Order(300, "knob", {"name": "shunt", "to": 0.5}))
    source = SensedPatient(patient)
    true, read = patient.numeric("spo2", 45.0), source.numeric("spo2", 45.0)
    assert true is not None
    assert read is not None
    assert read > true + 1.0


@pytest.mark.parametrize(
    "kind, sensor, metric, value",
    [
        ("probe_off", "ox", "spo2", None),
        ("low_perfusion", "ox", "spo2", None),
        ("cuff_leak", "nibp", "nibp_systolic", None),
        ("probe_off", "ecg3", "heart_rate", None),
    ],
)
def test_faults_that_leave_no_value(
    kind: str, sensor: str, metric: str, value: float | None
) -> None:
    source = sensed(fault(kind, sensor, value))
    assert source.numeric(metric, 29.0) is not None
    assert source.numeric(metric, 45.0) is None
    assert source.patient.numeric(metric, 45.0) is not None
    assert source.numeric(metric, 75.0) is not None


def test_faults_that_mislead() -> None:
    high = sensed(fault("wrong_cuff", "nibp")).numeric("nibp_systolic", 45.0) or 0
    assert 16 <= high - (sensed().numeric("nibp_systolic", 45.0) or 0) <= 36
    double = sensed(fault("double_count", "ecg3")).numeric("heart_rate", 45.0) or 0
    assert 130 < double < 160
    assert (sensed(fault("motion", "ox")).numeric("spo2", 45.0) or 0) < 93
    small = sensed(fault("unit_switch", "glu")).numeric("glucose", 45.0) or 0
    assert 4.0 < small < 6.0
    polish = sensed(fault("nail_polish", "ox")).numeric("spo2", 45.0) or 0
    assert polish == (sensed().numeric("spo2", 45.0) or 0) - 2


def test_waves_show_the_fault_and_end_with_it() -> None:
    source = sensed(fault("probe_off", "ecg3"))
    wave = source.waveform("ecg_ii", 250.0, 25 * 250, 40 * 250)
    truth = source.patient.waveform("ecg_ii", 250.0, 25 * 250, 40 * 250)
    assert not wave[5 * 250 : 35 * 250].any()
    assert np.array_equal(wave[: 5 * 250], truth[: 5 * 250])
    assert np.array_equal(wave[35 * 250 :], truth[35 * 250 :])


def test_a_fault_is_told_as_truth() -> None:
    source = sensed(fault("motion", "ox"))
    assert list(source.faults("ox", 40.0)) == ["motion"]
    assert source.faults("ox", 61.0) == {}


def test_what_a_device_does_itself() -> None:
    faults = (fault("motion", "ox"), fault("drop", "ox", 0.3), fault("silence", "ox"),
              fault("probe_off", "ox"))  # fmt: skip
    assert due(faults) == {
        "drop": {"rate": 0.3, "packets": True}, "silence": {"stuck": True}, "probe_off": {},
    }  # fmt: skip


async def test_a_device_follows_the_faults_of_its_sensor() -> None:
    """They begin, overlap and end on the device when they do on the sensor."""
    times = [29.9]
    done: list[str] = []

    class Recorder:
        def fault(self, name: str, **arguments: Any) -> None:
            done.append(name)

    late = make_fault("drop", "ox", 40.0, 10.0, 0.2)
    source = sensed(fault("clock_skew", "ox", 500.0), late, fault("silence", "ecg3"))
    task = asyncio.create_task(follow(Recorder(), source, "ox", lambda: times[-1]))
    try:
        for now_s, expected in (
            (29.9, []),
            (31.0, ["clear", "clock_skew"]),
            (41.0, ["clear", "clock_skew", "drop"]),
            (51.0, ["clear", "clock_skew"]),
            (61.0, ["clear"]),
        ):
            times.append(now_s)
            await asyncio.sleep(2.5 * LOOK_S)
            assert done == expected
            done.clear()
    finally:
        task.cancel()


def test_bad_faults_are_refused() -> None:
    with pytest.raises(ValueError, match="no fault"):
        make_fault("gremlins", "ox", 0, 1, None)
    with pytest.raises(ValueError, match="rate 7 is outside 0 to 1"):
        make_fault("drop", "ox", 0, 1, 7)
    with pytest.raises(ValueError, match="no sensor"):
        make_fault("motion", "nose", 0, 1, None)
    assert set(LINK_KINDS) <= set(FAULT_KINDS)
