"""Every fault of the menu on a simulated device, read by its driver: the patient or the sensor?

patient -> sensor -> FAULT -> simulated device -> virtual radio or pty -> session, driver -> here

One device a fault, all at once, in paced time: a machine that stalls makes nothing late. The
patient is the same throughout and known; what comes out before and after the fault is true, and in
between it is what that fault makes of it.
"""

import asyncio
import random
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from teleward_drivers.catalogue import driver as driver_info
from teleward_drivers.device import Discarded, Output
from teleward_drivers.link import Received
from teleward_gateway.sessions.session import Session
from teleward_gateway.sessions.states import State
from teleward_gateway.testing.paced_time import run_paced
from teleward_signal.model import DeviceStatus, Measurement, SampleBlock
from teleward_simulators.ble.glucose import GlucoseMeter
from teleward_simulators.fleet import Device, DeviceSpec, Fleet, SourceKey
from teleward_simulators.physiology.patient import Order, PhysiologyPatient
from teleward_simulators.sensors.faults import FAULT_KINDS, ActiveFault, make_fault
from teleward_simulators.sensors.sensed import SensedPatient
from teleward_simulators.source import VitalSource

OnAir = Callable[[Fleet, Path], AbstractAsyncContextManager[Any]]

pytestmark = pytest.mark.timeout(900)
"""A machine that is ten times slower takes ten times as long, and finds the same."""

LIVED_S = 40.0
"""Device time at the start: an oximeter's average is full."""
FAULT_S, AFTER_S = 8.0, 4.5
CONNECT_S = 60.0
"""The fault begins two seconds after every device has been found and read."""

ASKED_AGAIN_S = 12.0
"""A meter with a memory is asked each 10 s: so long its last reading may be on the way."""
MEMORY_FAULT_S = 4.0
"""Shorter than `FAULT_S`, so that what follows is asked for within the run."""

CUFF = {"first_s": 0.5, "interval_s": 0.5, "cuff_s": 0.5}
GLUCOSE = {"stored": 0, "first_s": 0.5, "interval_s": 1.0}


@dataclass
class Trial:
    """A fault on a device, and what the driver made of it by device time."""

    fault: str
    sensor: str
    kind: str
    metric: str
    check: Callable[["Trial"], None]
    value: float | None = None
    options: dict[str, Any] = field(default_factory=dict)
    knobs: dict[str, float] = field(default_factory=dict)
    patient: PhysiologyPatient = field(init=False)
    device: Device = field(init=False)
    from_s: float = float("inf")
    outputs: list[tuple[float, Output]] = field(default_factory=list)
    losses: int = 0
    fault_s: float = FAULT_S
    by_record: bool = False
    """Whether outputs are placed by when the meter measured that record, not by their arrival."""

    @property
    def name(self) -> str:
        return f"{self.fault}-{self.sensor}"

    def faults(self) -> tuple[ActiveFault, ...]:
        """Return the truth."""
        return (make_fault(self.fault, self.sensor, self.from_s, self.fault_s, self.value),)

    def source(self) -> SensedPatient:
        """Return the patient with the fault on it."""
        self.patient = PhysiologyPatient(seed=5)
        for name, value in self.knobs.items():
            self.patient.order(Order(0, "knob", {"name": name, "to": value}))
        return SensedPatient(self.patient, self)

    def readable(self) -> bool:
        """Return whether the device has been read."""
        return any(
            isinstance(o, SampleBlock) or (isinstance(o, Measurement) and o.value is not None)
            for _, o in self.outputs
        )

    def phase(self, which: str) -> list[tuple[float, Output]]:
        """Return what came before, during or after the fault, without the edges."""
        until_s = self.from_s + self.fault_s
        low, high = {
            "before": (LIVED_S, self.from_s),
            "during": (self.from_s + 1.0, until_s),
            "after": (until_s + 1.5, until_s + AFTER_S),
        }[which]
        return [(t, output) for t, output in self.outputs if low < t < high]

    def arrived(self, at_s: float, output: Output) -> None:
        """Keep an output with its device time: of its arrival, or of the record that it is."""
        stamp = getattr(output, "stamp", None)
        if self.by_record and stamp is not None and stamp.record is not None:
            assert isinstance(self.device, GlucoseMeter)
            at_s = self.device.measured_s[stamp.record]
        self.outputs.append((at_s, output))

    def readings(self, which: str, metric: str = "") -> list[Measurement]:
        """Return the readings of a phase."""
        wanted = metric or self.metric
        outputs = [o for _, o in self.phase(which) if isinstance(o, Measurement)]
        return [reading for reading in outputs if reading.metric == wanted]

    def errors(self, which: str) -> list[float]:
        """Return reading minus truth of every reading with a value."""
        return [
            output.value - (self.patient.numeric(self.metric, t) or 0.0)
            for t, output in self.phase(which)
            if isinstance(output, Measurement) and output.metric == self.metric
            and output.value is not None
        ]  # fmt: skip

    def blocks(self, which: str) -> list[tuple[float, SampleBlock]]:
        """Return the blocks of the first wave with the device times at which they came."""
        blocks = [(t, o) for t, o in self.phase(which) if isinstance(o, SampleBlock)]
        return [(t, block) for t, block in blocks if block.metric in ("ecg_ii", "pleth")]

    def wave(self, which: str) -> NDArray[np.float32]:
        """Return the samples of a phase."""
        return np.concatenate([block.physical() for _, block in self.blocks(which)])


def is_true_outside(trial: Trial, within: float) -> None:
    """Require readings near the truth before and after."""
    for which in ("before", "after"):
        errors = trial.errors(which)
        assert errors, which
        assert max(map(abs, errors)) <= within, (which, errors)


def dashes(within: float) -> Callable[[Trial], None]:
    """Return a check that there is no value during the fault, and says why there is none."""

    def check(trial: Trial) -> None:
        is_true_outside(trial, within)
        readings = trial.readings("during")
        assert readings
        assert {r.value for r in readings} == {None}
        assert all(r.reason for r in readings)

    return check


def shifted(low: float, high: float, within: float) -> Callable[[Trial], None]:
    """Return a check that readings are off by ``low`` to ``high`` during the fault."""

    def check(trial: Trial) -> None:
        is_true_outside(trial, within)
        errors = trial.errors("during")
        assert errors
        assert all(low <= error <= high for error in errors), errors

    return check


def low_perfusion(trial: Trial) -> None:
    """The index is told, the saturation is not."""
    dashes(2.0)(trial)
    assert {r.value for r in trial.readings("during", "perfusion_index")} == {0.2}


def lead_off(trial: Trial) -> None:
    """No sample, and the module says which lead."""
    assert trial.blocks("before")
    assert trial.blocks("after")
    assert not trial.blocks("during")
    assert {r.reason for r in trial.readings("during", "heart_rate")} == {"lead_off"}


def noisy(trial: Trial) -> None:
    """Mains hum rides on the trace."""
    before, during, after = (
        float(np.std(np.diff(trial.wave(w)))) for w in ("before", "during", "after")
    )
    assert during > 2.5 * before
    assert after < 1.5 * before


def double(trial: Trial) -> None:
    """The number doubles, the trace does not."""
    shifted(60.0, 90.0, 6.0)(trial)
    before, during = (float(np.std(trial.wave(w))) for w in ("before", "during"))
    assert during == pytest.approx(before, rel=0.2)


def half_lost(trial: Trial) -> None:
    """About half of the samples are missing; the numbers are right all the same."""
    during, after = (
        sum(len(block.samples) for _, block in trial.blocks(which)) / seconds
        for which, seconds in LENGTHS_S.items()
    )
    assert 0.35 <= during / after <= 0.65
    shifted(-2.0, 2.0, 2.0)(trial)


def silent(trial: Trial) -> None:
    """Nothing comes though the link is up, and then it goes on."""
    is_true_outside(trial, 2.0)
    assert not trial.blocks("during")
    assert {(r.value, r.reason) for r in trial.readings("during")} <= {(None, "no_data")}
    assert trial.losses == 0


def late(trial: Trial) -> None:
    """Everything comes three seconds later than it was sampled."""
    during, after = (
        np.median([t - block.index / block.fs for t, block in trial.blocks(which)])
        for which in ("during", "after")
    )
    assert during - after == pytest.approx(3.0, abs=0.3)


def skewed(trial: Trial) -> None:
    """The device counts ten percent more samples a second."""
    paces = []
    for which in ("during", "after"):
        blocks = trial.blocks(which)
        half = len(blocks) // 2  # a median of many: a block that a busy machine held up is one
        pairs = zip(blocks[:-half], blocks[half:], strict=True)
        paces.append(np.median([(b.index - a.index) / a.fs / (t - u) for (u, a), (t, b) in pairs]))
    assert paces == [pytest.approx(1.1, abs=0.04), pytest.approx(1.0, abs=0.04)]


def twice(trial: Trial) -> None:
    """Repeated frames are recognised: no sample comes twice."""
    assert any(isinstance(o, Discarded) for _, o in trial.phase("during"))
    indices = [b.index + n for _, b in trial.blocks("during") for n in range(len(b.samples))]
    assert len(indices) == len(set(indices))


def disordered(trial: Trial) -> None:
    """Frames overtake each other, and every sample is where it belongs."""
    assert trial.device.mangler.counts["reorder"] > 3
    blocks = [block for _, block in trial.blocks("during") if block.metric == "ecg_ii"]
    ends = [block.index + len(block.samples) for block in blocks]
    assert [block.index for block in blocks[1:]] == ends[:-1]


def empty_battery(trial: Trial) -> None:
    """The charge is told; readings stay right."""
    told = [o.battery_percent for t, o in trial.outputs
            if isinstance(o, DeviceStatus) and t > trial.from_s]  # fmt: skip
    assert 4.0 in told
    shifted(-2.0, 2.0, 2.0)(trial)


def other_unit(trial: Trial) -> None:
    """5 where 90 is meant: withheld as implausible, or a number that nobody alive has."""
    is_true_outside(trial, 14.0)
    values = [r.value for r in trial.readings("during")]
    assert values
    assert all(value is None or value < 8 for value in values), values


LENGTHS_S = {"during": FAULT_S - 1.0, "after": AFTER_S - 1.5}
"""How long the phases are in which every device is connected."""
OX, PATCH, ECG = "cms50d", "framed-patch", "framed-serial"
MODULE = {"waves": {"ecg_ii": 250.0}, "numerics": ["heart_rate"]}
TRIALS = [
    Trial("probe_off", "ox", OX, "spo2", dashes(2.0)),
    Trial("probe_off", "temp", "thermometer", "body_temperature", dashes(0.5),
          options={"first_s": 0.5, "interval_s": 0.5}),
    Trial("probe_off", "nibp", "blood-pressure", "nibp_systolic", dashes(10.0), options=CUFF),
    Trial("probe_off", "ecg3", ECG, "ecg_ii", lead_off, options=MODULE),
    Trial("motion", "ox", OX, "spo2", shifted(-30.0, -3.0, 2.0)),
    Trial("motion", "nibp", "blood-pressure", "nibp_systolic", dashes(10.0), options=CUFF),
    Trial("low_perfusion", "ox", OX, "spo2", low_perfusion, 0.2),
    Trial("wrong_cuff", "nibp", "blood-pressure", "nibp_systolic", shifted(16.0, 36.0, 10.0),
          options=CUFF),
    Trial("cuff_leak", "nibp", "blood-pressure", "nibp_systolic", dashes(10.0), options=CUFF),
    Trial("electrode_noise", "ecg3", ECG, "ecg_ii", noisy, options=MODULE),
    Trial("double_count", "ecg3", ECG, "heart_rate", double, options=MODULE),
    Trial("nail_polish", "ox", OX, "spo2", shifted(-4.0, -0.5, 2.0)),
    Trial("ambient_light", "ox", OX, "spo2", shifted(-12.0, -6.0, 2.0)),
    Trial("unit_switch", "glu", "glucose", "glucose", other_unit, options=GLUCOSE,
          fault_s=MEMORY_FAULT_S, by_record=True),
    Trial("range_floor", "ox", OX, "spo2", dashes(9.0),
          knobs={"shunt": 0.6, "aad": 80.0, "bronch": 0.9}),
    Trial("drop", "ox", OX, "spo2", half_lost, 0.5),
    Trial("silence", "ox", OX, "spo2", silent),
    Trial("latency", "ecg3", ECG, "ecg_ii", late, 3.0, options=MODULE),
    Trial("clock_skew", "ecg3", ECG, "ecg_ii", skewed, 100_000.0, options=MODULE),
    Trial("duplicate", "ecg3", ECG, "ecg_ii", twice, 0.5, options=MODULE),
    Trial("reorder", "ecg3", PATCH, "ecg_ii", disordered, 0.3),
    Trial("low_battery", "ox", "pulse-oximeter", "spo2", empty_battery, 4.0),
]  # fmt: skip


def _session(trial: Trial, device: Device, air: Any, start_s: float) -> Session:
    trial.device = device
    info = driver_info("framed-uart" if trial.kind == PATCH else trial.kind)
    opener = air.opener(info, device.address)

    def on_output(_device: str, output: Output, _received: Received) -> None:
        trial.arrived(time.monotonic() - start_s, output)

    def on_state(_device: str, state: State, _reason: str) -> None:
        trial.losses += state in (State.BACKING_OFF, State.STALLED)

    options = {"silence_s": 60.0}
    return Session(trial.name, info, options, opener, on_output, on_state, random.Random(1))


async def _run(on_air: OnAir) -> None:
    """Read every device, begin its fault, and end it."""
    with tempfile.TemporaryDirectory(prefix="tw-") as folder:
        specs = [
            DeviceSpec(t.kind, t.name, "physiology:normal", seed=5, options=dict(t.options),
                       sensor=t.sensor)
            for t in TRIALS
        ]  # fmt: skip
        sources: dict[SourceKey, VitalSource] = {}
        for spec, trial in zip(specs, TRIALS, strict=True):
            sources[spec.subject, spec.source, spec.seed] = source = trial.source()
            source.numeric(trial.metric, LIVED_S)
            source.waveform("ecg_ii", 250.0, int(250 * LIVED_S) - 2, 2)
        start_s = time.monotonic() - LIVED_S
        fleet = Fleet(specs, f"unix:{folder}/air.sock", Path(folder) / "p", start_s, 0, sources)
        async with on_air(fleet, Path(folder)) as air:
            for trial, device in zip(TRIALS, list(fleet.devices.values()), strict=True):
                air.run(_session(trial, device, air, start_s))
            async with asyncio.timeout(CONNECT_S):
                while any(not trial.readable() for trial in TRIALS):
                    await asyncio.sleep(0.2)
            for trial in TRIALS:
                trial.from_s = time.monotonic() - start_s + 2.0
            await asyncio.sleep(2.0 + FAULT_S + AFTER_S)
            memories = [trial for trial in TRIALS if trial.by_record]
            with suppress(TimeoutError):
                async with asyncio.timeout(ASKED_AGAIN_S):
                    while any(not trial.readings("after") for trial in memories):
                        await asyncio.sleep(0.2)


@pytest.fixture(scope="module")
def trials(on_air: OnAir) -> dict[str, Trial]:
    """Every trial, run once."""
    run_paced(_run(on_air))
    return {trial.name: trial for trial in TRIALS}


@pytest.mark.parametrize("name", [trial.name for trial in TRIALS])
def test_what_the_driver_makes_of_a_fault(name: str, trials: dict[str, Trial]) -> None:
    trials[name].check(trials[name])


def test_the_whole_menu_is_tried() -> None:
    assert {trial.fault for trial in TRIALS} == set(FAULT_KINDS)
