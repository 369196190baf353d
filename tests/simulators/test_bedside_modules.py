"""Modules of a bedside monitor are read by their driver as what they are, events and all."""

import asyncio
import random
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from teleward_drivers import framed_messages as messages
from teleward_drivers.catalogue import driver as driver_info
from teleward_drivers.device import Output
from teleward_drivers.framed import Frame, FrameDecoder, FrameType
from teleward_gateway.sessions.session import Session
from teleward_gateway.testing.paced_time import run_paced
from teleward_signal.errors import Invalid
from teleward_signal.model import DeviceStatus, Measurement, SampleBlock
from teleward_simulators.fleet import DeviceSpec, Fleet, SourceKey
from teleward_simulators.framed_device import FramedDevice
from teleward_simulators.physiology.patient import Order, PhysiologyPatient
from teleward_simulators.sensors.sensed import SensedPatient
from teleward_simulators.source import VitalSource
from teleward_simulators.waveforms.leads import LEAD_NAMES
from teleward_simulators.wired.bedside_modules import MODULES
from teleward_simulators.wired.framed_serial import FramedSerial

OnAir = Callable[[Fleet, Path], AbstractAsyncContextManager[Any]]
LIVED_S, LISTEN_S = 40.0, 5.0
Received = dict[str, list[Output]]


async def _listen(on_air: OnAir, patient: PhysiologyPatient) -> Received:
    """Return what the sessions of all modules on ``patient`` made; it is shocked after 2 s."""
    received: Received = {name: [] for name in MODULES}
    source = SensedPatient(patient)
    specs = [
        DeviceSpec("framed-serial", "P", "given", options={"module": name}) for name in MODULES
    ]
    sources: dict[SourceKey, VitalSource] = {("P", "given", 0): source}
    patient.live(LIVED_S)
    start_s = time.monotonic() - LIVED_S
    with tempfile.TemporaryDirectory(prefix="tw-") as folder:
        path = Path(folder)
        fleet = Fleet(specs, f"unix:{folder}/air.sock", path / "p", start_s, 0, sources)
        async with on_air(fleet, path) as air:
            info = driver_info("framed-serial")
            for name, device in zip(MODULES, fleet.devices.values(), strict=True):
                opener = air.opener(info, device.address)

                def take(_device: str, output: Output, _received: Any, name: str = name) -> None:
                    received[name].append(output)

                air.run(Session(name, info, {}, opener, take, lambda *_: None, random.Random(1)))
            await asyncio.sleep(2.0)
            patient.do("act", name="shock", dose="150 J")
            await asyncio.sleep(LISTEN_S - 2.0)
    return received


@pytest.fixture(scope="module")
def received(on_air: OnAir) -> Received:
    """What a patient in ventricular fibrillation gives; one shock."""
    patient = PhysiologyPatient(seed=5)
    patient.order(Order(0, "knob", {"name": "bleed", "to": 4.0}))
    patient.order(Order(300, "rhythm", {"name": "vf"}))
    return run_paced(_listen(on_air, patient))


def newest(outputs: list[Output]) -> dict[str, float | None]:
    """Return the newest value of every number."""
    return {o.metric: o.value for o in outputs if isinstance(o, Measurement)}


def waves(outputs: list[Output]) -> set[str]:
    """Return which waves came."""
    return {o.metric for o in outputs if isinstance(o, SampleBlock)}


def test_twelve_leads_come_at_once(received: Received) -> None:
    assert waves(received["ecg12"]) == set(LEAD_NAMES)
    firsts = {o.index for o in received["ecg12"] if isinstance(o, SampleBlock)}
    counted = [o for o in received["ecg12"] if isinstance(o, SampleBlock)]
    assert len(counted) == 12 * len(firsts), "the samples of one moment in every lead"


def test_an_arterial_line_reads_an_arrest_as_what_it_is(received: Received) -> None:
    assert waves(received["arterial-line"]) == {"arterial_pressure"}
    values = newest(received["arterial-line"])
    upper, lower = values["arterial_systolic"], values["arterial_diastolic"]
    assert upper is not None
    assert lower is not None
    assert lower <= upper < 60


def test_a_capnograph_gives_a_wave_and_its_end(received: Received) -> None:
    assert waves(received["capnograph"]) == {"capnogram"}
    assert "etco2" in newest(received["capnograph"])


def test_urine_and_drain_are_volumes(received: Received) -> None:
    assert not waves(received["fluids"])
    values = newest(received["fluids"])
    assert values["urine_volume"] == pytest.approx(1, abs=1), "75 mL an hour"
    assert 50 < (values["drain_volume"] or 0) < 200


def test_a_host_that_joins_is_given_the_charted_values_at_once() -> None:
    engine = FramedDevice(SensedPatient(PhysiologyPatient()), "1", "Urine meter", {},
                          MODULES["fluids"].numerics, MODULES["fluids"].numerics_s)  # fmt: skip
    assert b"".join(engine.tick(1.0))
    assert not engine.tick(9.0), "the next minute is not over"
    engine.feed(bytes(messages.frame(messages.identify(), 0, 0)), 9.5)
    frames = FrameDecoder().feed(b"".join(engine.tick(9.6)))
    assert FrameType.NUMERICS in [f.type for f in frames if isinstance(f, Frame)]


def test_a_defibrillator_reports_its_shock_once(received: Received) -> None:
    outputs = received["defibrillator"]
    lines = [o.identity.get("message") for o in outputs if isinstance(o, DeviceStatus)]
    assert [text for text in lines if text] == ["Shock 1 delivered: 150 J"]
    assert waves(outputs) == {"ecg_ii", "capnogram"}
    others = [o for name, each in received.items() if name != "defibrillator" for o in each]
    assert not [o for o in others if isinstance(o, DeviceStatus) and "message" in o.identity]


def test_an_unknown_module_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="ecg12, capnograph, arterial-line, fluids, defibrillator"):
        FramedSerial(SensedPatient(PhysiologyPatient()), tmp_path / "p", module="toaster")
