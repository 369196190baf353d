"""Raw light and ECG of one device, from its frames to the journal: SpO2 by its curve, PAT."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from teleward_drivers.device import Write
from teleward_drivers.light_sensors import SENSORS
from teleward_drivers.link import Received
from teleward_drivers.wired import framed_serial
from teleward_gateway.clock import GatewayClock
from teleward_gateway.journal import Journal
from teleward_gateway.live.hub import LiveHub
from teleward_gateway.process.supervisor import Supervisor
from teleward_gateway.registry import Device, Registry, Subject
from teleward_gateway.ward.dsp_worker import DspWorker
from teleward_gateway.ward.ingest import Ingest
from teleward_signal.alarms.board import AlarmBoard
from teleward_signal.engine.engine import Engine
from teleward_signal.model import Provenance
from teleward_signal.record import Record
from teleward_simulators.framed_device import FramedDevice

SECONDS = 20.0
PERIOD_S = 0.8
DELAY_S = 0.22
"""From the R peak to the steepest rise of the pulse."""
RATIO = 0.6


class Finger:
    """A patient with an ECG and raw light of known ratio, the pulse `DELAY_S` after R."""

    def metrics(self) -> frozenset[str]:
        return frozenset({"ecg_ii", "ppg_red", "ppg_infrared"})

    def numeric(self, metric: str, time_s: float) -> float | None:
        return None

    def beats(self, start_s: float, end_s: float) -> list[float]:
        return [k * PERIOD_S for k in range(int(end_s / PERIOD_S))]

    def waveform(self, metric: str, fs: float, first: int, count: int) -> NDArray[np.float32]:
        time_s = (first + np.arange(count)) / fs
        phase = time_s % PERIOD_S
        if metric == "ecg_ii":
            wave = np.zeros(count)
            for at, width, height in ((0.0, 0.012, 1.1), (0.27, 0.05, 0.28), (-0.17, 0.025, 0.12)):
                near = (phase - at + PERIOD_S / 2) % PERIOD_S - PERIOD_S / 2
                wave += height * np.exp(-((near / width) ** 2) / 2)
            return wave.astype(np.float32)
        rise = 1 / (1 + np.exp(-(phase - DELAY_S) / 0.02)) - phase / PERIOD_S
        depth = 0.02 * (RATIO if metric == "ppg_red" else 1.0)
        return (60.0 * (1.0 - depth * rise)).astype(np.float32)


class Gateway:
    """The parts of a gateway that a sample passes, without a link."""

    def __init__(self, folder: Path) -> None:
        self.clock = GatewayClock()
        self.journal = Journal.open(
            folder, gateway="ward-3", provenance=Provenance.SIMULATED, clock=self.clock
        )
        self.registry = Registry(
            folder / "registry.sqlite", Provenance.SIMULATED, lambda: self.clock.now().time_ns
        )
        self.dsp = DspWorker(Engine(), 0.02)
        self.ingest = Ingest(
            registry=self.registry,
            clock=self.clock,
            journal=self.journal,
            board=AlarmBoard(),
            live=LiveHub(),
            dsp=self.dsp,
            supervisor=Supervisor(),
        )
        self.registry.admit(Subject("anna", "Anna", Provenance.SIMULATED))
        self.records: list[Record] = []
        self.journal.on_commit(lambda commit: self.records.extend(commit.records))

    def wear(self, name: str, options: dict[str, Any], waves: dict[str, float]) -> None:
        """Bind a device to ``anna``, and take what it sends in `SECONDS`."""
        device = Device(name, "framed-serial", f"/dev/{name}", provenance=Provenance.SIMULATED)
        self.registry.add_device(device, subject="anna")
        driver = framed_serial.DRIVER.make(options)
        chip = FramedDevice(Finger(), name, waves=waves)
        begun_ns = time.monotonic_ns()
        for tick in range(round(SECONDS / 0.2)):
            now_s = 10.0 + 0.2 * tick
            at_ns = begun_ns + round(0.2e9 * tick)
            frames = chip.connected(now_s) if tick == 0 else chip.tick(now_s)
            for output in driver.start(time.time_ns()) if tick == 0 else ():
                frames += chip.feed(output.data, now_s) if isinstance(output, Write) else []
            received = Received(b"".join(frames), self.clock.at(at_ns).time_ns, at_ns)
            for output in driver.feed(received):
                if not isinstance(output, Write):
                    self.ingest.on_output(name, output, received)

    async def values(self, metric: str) -> list[Record]:
        """Analyse what was taken and return the committed values of ``metric`` in order."""
        running = asyncio.create_task(self.dsp.run(self.ingest.on_results))
        async with asyncio.timeout(90):  # kernels may have to be compiled
            while self.dsp.statistics.results == 0:  # blocks count before the results come
                await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await self.journal.flush()
        return [record for record in self.records if record.metric == metric]


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    gateway = Gateway(tmp_path)
    yield gateway
    gateway.dsp.close()
    gateway.journal.close()
    gateway.registry.close()


LIGHT = {"ppg_red": 100.0, "ppg_infrared": 100.0}


async def test_the_sensors_own_curve_makes_the_saturation(gateway: Gateway) -> None:
    gateway.wear("finger-1", {"sensor": "max30102"}, LIGHT)
    found = await gateway.values("spo2")
    assert len(found) >= SECONDS - 2
    last = found[-1].payload
    expected = SENSORS["max30102"].spo2(RATIO)
    assert expected is not None
    assert last["value"] == pytest.approx(expected, abs=1.0)
    assert last["source"] == "derived"
    assert last["detail"]["calibration"] == "max30102"
    assert last["detail"]["ratio"] == pytest.approx(RATIO, rel=0.03)


async def test_without_a_curve_there_is_a_ratio_and_no_saturation(gateway: Gateway) -> None:
    gateway.wear("finger-1", {}, LIGHT)
    found = await gateway.values("spo2")
    assert {record.payload.get("value") for record in found} == {None}
    last = found[-1].payload
    assert last["reason"] == "no_calibration"
    assert last["detail"]["ratio"] == pytest.approx(RATIO, rel=0.03)
    assert found[0].payload["reason"] == "settling"


async def test_ecg_and_pulse_of_one_device_give_the_arrival_time(gateway: Gateway) -> None:
    gateway.wear("patch-1", {}, {"ecg_ii": 250.0, **LIGHT})
    found = await gateway.values("pulse_arrival_time")
    assert len(found) >= 10
    assert found[-1].payload["value"] == pytest.approx(1000 * DELAY_S, abs=25)


async def test_two_devices_have_two_clocks_and_no_arrival_time(gateway: Gateway) -> None:
    gateway.wear("patch-1", {}, {"ecg_ii": 250.0})
    gateway.wear("finger-1", {}, LIGHT)
    assert await gateway.values("pulse_arrival_time") == []
    assert len(await gateway.values("heart_rate")) >= 10


def test_an_unknown_sensor_is_refused_with_the_remedy() -> None:
    with pytest.raises(ValueError, match=r"framed-serial.*'max1'.*max30102.*[Ll]eave"):
        framed_serial.DRIVER.make({"sensor": "max1"})
