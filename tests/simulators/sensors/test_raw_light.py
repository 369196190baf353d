"""Saturation from raw light, patient to number: sensor, framed bytes, driver with the curve, R."""

import math
import time

import numpy as np
import pytest

from teleward_drivers.device import Write
from teleward_drivers.link import Received
from teleward_drivers.wired import framed_serial
from teleward_signal.model import SampleBlock
from teleward_signal.spo2.watch import Oximetry
from teleward_simulators.framed_device import FramedDevice
from teleward_simulators.physiology.patient import Order, PhysiologyPatient
from teleward_simulators.sensors.faults import ActiveFault, make_fault
from teleward_simulators.sensors.raw_light import CURVE, ratio_of
from teleward_simulators.sensors.sensed import SensedPatient

FROM_S, UNTIL_S, TICK_S = 60.0, 85.0, 0.2
LIGHT = {"ppg_red": 100.0, "ppg_infrared": 100.0}


class Book:
    """Faults as a list."""

    def __init__(self, *faults: ActiveFault) -> None:
        self._faults = faults

    def faults(self) -> tuple[ActiveFault, ...]:
        return self._faults


def measured(source: SensedPatient) -> list[tuple[float, float]]:
    """Return (time, SpO2) of what the driver and the oximetry make of the device's bytes."""
    driver = framed_serial.DRIVER.make({"sensor": "max30102"})
    device = FramedDevice(source, "finger", waves=LIGHT)
    oximetry = Oximetry()
    begun_ns = time.time_ns()
    found = []
    for tick in range(round((UNTIL_S - FROM_S) / TICK_S)):
        now_s = FROM_S + TICK_S * tick
        frames = device.connected(now_s) if tick == 0 else device.tick(now_s)
        for command in driver.start(begun_ns) if tick == 0 else ():
            frames += device.feed(command.data, now_s) if isinstance(command, Write) else []
        at_ns = begun_ns + round(1e9 * (now_s - FROM_S))
        for output in driver.feed(Received(b"".join(frames), at_ns, at_ns)):
            if isinstance(output, SampleBlock):
                taken_ns = begun_ns + round(1e9 * (output.index / output.fs - FROM_S))
                oximetry.push("p", output.metric, output.fs, taken_ns, output.physical(),
                              calibration=output.calibration)  # fmt: skip
        for _, value in oximetry.tick():
            if value.value is not None:
                found.append((now_s, value.value))
    return found


@pytest.mark.parametrize("shunt", [0.0, 0.25, 0.6])
def test_saturation_from_light_is_within_two(shunt: float) -> None:
    patient = PhysiologyPatient(seed=5)
    patient.order(Order(0, "knob", {"name": "shunt", "to": shunt}))
    found = measured(SensedPatient(patient))
    assert len(found) > 8
    for now_s, value in found:
        # R is averaged over some three seconds
        truth = patient.numeric("spo2", now_s - 3.0)
        assert truth is not None
        assert abs(value - truth) <= 2.0, (now_s, value, truth)


def test_bright_light_pulls_towards_85() -> None:
    fault = make_fault("ambient_light", "ox", 0.0, 200.0, None)
    found = measured(SensedPatient(PhysiologyPatient(seed=5), Book(fault)))
    assert found
    assert all(86.0 <= value <= 92.0 for _, value in found), found


def test_light_is_the_same_in_any_blocks() -> None:
    source = SensedPatient(PhysiologyPatient(seed=5))
    whole = source.waveform("ppg_red", 100.0, 4000, 500)
    parts = [source.waveform("ppg_red", 100.0, 4000 + at, 125) for at in range(0, 500, 125)]
    assert np.array_equal(whole, np.concatenate(parts))
    for saturation in (60.0, 85.0, 97.0, 99.5):
        assert CURVE.spo2(ratio_of(saturation)) == pytest.approx(saturation, abs=0.05)
    assert math.isclose(ratio_of(100.0), CURVE.lowest, abs_tol=0.01)
