"""Patient -> sensor -> simulated device -> bytes -> driver: what comes out is right."""

import asyncio
import time
from pathlib import Path

import pytest

from teleward_drivers.catalogue import driver as driver_info
from teleward_drivers.device import Write
from teleward_drivers.serial_link import SerialLink
from teleward_signal.model import Measurement
from teleward_simulators.fleet import DeviceSpec, Fleet
from teleward_simulators.sensors.sensed import SensedPatient

WANTED = 3


async def listen(tmp_path: Path, source: str, lived_s: float) -> tuple[SensedPatient, list[float]]:
    """Return the patient and saturations that a driver read from a serial oximeter on it.

    The patient has been lived for ``lived_s`` when the device joins.
    """
    spec = DeviceSpec("bci", "p", source, str(tmp_path / "oximeter"), seed=5)
    fleet = Fleet([spec], ports=tmp_path, start=time.monotonic() - lived_s)
    await fleet.start()
    info = driver_info("bci")
    assert info.serial is not None
    driver = info.make({})
    link = await SerialLink.open(str(tmp_path / "oximeter"), info.serial)
    values: list[float] = []
    try:
        for command in driver.start(time.time_ns()):
            if isinstance(command, Write):
                await link.write(command.data, command.channel)
        async with asyncio.timeout(20):
            while len(values) < WANTED:
                for output in driver.feed(await link.read()):
                    if isinstance(output, Measurement) and output.metric == "spo2":
                        values += [] if output.value is None else [output.value]
    finally:
        await link.close()
        await fleet.stop()
    patient = next(iter(fleet.sources.values()))
    assert isinstance(patient, SensedPatient)
    return patient, values


@pytest.mark.parametrize("source, lived_s", [("physiology:normal", 60.0), ("case:copd-01", 300.0)])
async def test_saturation_is_within_two(tmp_path: Path, source: str, lived_s: float) -> None:
    sensed, values = await listen(tmp_path, source, lived_s)
    truth = sensed.patient.numeric("spo2", lived_s)
    assert truth is not None
    assert all(abs(value - truth) <= 2.0 for value in values)


async def test_a_scripted_fault_comes_out_while_the_patient_is_well(tmp_path: Path) -> None:
    # two minutes into the case the hand moves for a minute
    sensed, values = await listen(tmp_path, "case:sensor-literacy-01", 135.0)
    truth = sensed.patient.numeric("spo2", 135.0)
    assert truth is not None
    assert truth > 96.0
    assert min(values) < 94.0
    assert set(sensed.faults("ox", 135.0)) == {"motion"}
