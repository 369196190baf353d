"""Every fault of the menu: the session comes back by itself, and no wrong value gets through.

One simulated device and one real session a fault, all at the same time: values flow, the fault
strikes, it is cleared where a person would clear it, and values flow again. Whatever came out in
between must be the patient's own: samples are compared with the source, number by number.
"""

import asyncio
import contextlib
import random
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from teleward_drivers.catalogue import driver as driver_info
from teleward_drivers.device import Output
from teleward_drivers.link import Received
from teleward_gateway.sessions.session import Session
from teleward_gateway.sessions.states import State
from teleward_gateway.testing.paced_time import run_paced
from teleward_signal.model import DeviceStatus, Measurement, SampleBlock
from teleward_simulators.faults import FAULTS
from teleward_simulators.fleet import Device, DeviceSpec, Fleet

OnAir = Callable[[Fleet, Path], AbstractAsyncContextManager[Any]]
STRIKE_S, RECOVER_S = 4.0, 40.0
SILENCE_S = 2.0
TRUTH = {
    "heart_rate": (64.0, 80.0), "pulse_rate": (64.0, 80.0), "spo2": (96.0, 99.0),
    "rr_interval": (0.6, 1.1), "perfusion_index": (3.5, 4.5),
    "body_temperature": (36.6, 36.9), "glucose": (100.0, 120.0),
}  # fmt: skip
"""What the steady patient shows, wide enough for rounding and the sway of the heart."""


@dataclass
class Case:
    """A fault on a device; ``ends`` says that the link goes, ``person`` that somebody clears it."""

    fault: str
    kind: str
    driver: str
    arguments: dict[str, Any] = field(default_factory=dict)
    ends: bool = False
    person: bool = True
    options: dict[str, Any] = field(default_factory=dict)
    outputs: list[tuple[float, Output]] = field(default_factory=list)
    losses: int = 0

    @property
    def name(self) -> str:
        return f"{self.fault}-{self.kind}"


def cases() -> list[Case]:
    """Return the menu, BLE and serial."""
    patch, strap, oximeter = ("framed-patch", "framed-uart"), ("heart-rate",) * 2, ("cms50d",) * 2
    return [
        Case("link_loss", *patch, ends=True, person=False),
        Case("peer_disconnect", *strap, ends=True, person=False),
        Case("away", *strap, ends=True),
        Case("refuse", *strap),
        Case("silence", *patch, ends=True, person=False),
        Case("latency", *patch, {"seconds": 0.05, "jitter": 0.05}),
        Case("advertising_loss", *strap, {"rate": 0.5}),
        Case("rssi", *strap, {"value": -95, "walk": 5}),
        *(Case(n, *patch, {"rate": 0.2}) for n in ("drop", "duplicate", "reorder", "corrupt")),
        Case("truncate", *patch, {"rate": 0.2}),
        Case("clock_skew", *patch, {"ppm": 500}),
        Case("low_battery", *strap, {"percent": 4}),
        Case("bond_lost", *strap),
        Case("probe_off", *patch),
        Case("probe_off", *strap),
        Case("wrong_address", *strap, ends=True),
        *(Case(n, *strap, {"rate": 0.3}) for n in ("late", "extra_byte", "reserved_flags")),
        *(
            Case(n, *("thermometer",) * 2, a, options={"first_s": 0.5, "interval_s": 1.0})
            for n, a in (
                ("clock_offset", {"seconds": -960}),
                ("clock_zone", {"minutes": 330}),
                ("clock_reset", {}),
            )
        ),
        Case("memory_reset", "glucose", "glucose", options={"first_s": 0.5, "interval_s": 1.0}),
        Case("wrong_rate", "polar-verity", "polar-pmd", {"hz": 135}),
        Case("electrode_offset", "cyton", "cyton", {"millivolts": 75}),
        Case("link_loss", *oximeter, {"seconds": 0.5}, ends=True, person=False),
        Case("silence", *oximeter, ends=True, person=False),
        Case("probe_off", *oximeter),
        *(Case(n, *oximeter, {"rate": 0.02}) for n in ("drop", "duplicate", "truncate")),
        Case("garbage", *oximeter, {"count": 200}),
        Case("garbage", "framed-serial", "framed-serial", {"count": 500}),
        *(
            Case(n, "framed-serial", "framed-serial", {"rate": 0.01})
            for n in ("drop", "duplicate", "corrupt")
        ),
    ]


async def _run_all(all_cases: list[Case], on_air: OnAir) -> None:
    with tempfile.TemporaryDirectory(prefix="tw-") as folder:
        specs = [
            DeviceSpec(c.kind, "P", "simple:steady", seed=1, options=c.options) for c in all_cases
        ]
        fleet = Fleet(specs, f"unix:{folder}/air.sock", Path(folder) / "ports")
        async with on_air(fleet, Path(folder)) as air:
            devices = list(fleet.devices.values())
            for case, device in zip(all_cases, devices, strict=True):
                air.run(_session(case, device, air))
            await _all_flow(all_cases, 0.0, 30.0)
            for case, device in zip(all_cases, devices, strict=True):
                device.fault(case.fault, **case.arguments)
            await asyncio.sleep(STRIKE_S)
            for case, device in zip(all_cases, devices, strict=True):
                if case.fault == "wrong_address":
                    home = list(fleet.devices)[all_cases.index(case)]
                    device.fault("wrong_address", address=home)
                elif case.person:
                    device.fault("clear")
            await _all_flow(all_cases, time.monotonic() + 1.0, RECOVER_S)


def _session(case: Case, device: Device, air: Any) -> Session:
    info = driver_info(case.driver)
    opener = air.opener(info, device.address)

    def on_output(_device: str, output: Output, _received: Received) -> None:
        case.outputs.append((time.monotonic(), output))

    def on_state(_device: str, state: State, _reason: str) -> None:
        case.losses += state in (State.BACKING_OFF, State.STALLED)

    options = {"silence_s": SILENCE_S}
    return Session(case.name, info, options, opener, on_output, on_state, random.Random(1))


async def _all_flow(all_cases: list[Case], after_s: float, timeout_s: float) -> None:
    """Wait until every case has given a value (or samples) after ``after_s``."""
    waiting = list(all_cases)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            while waiting:
                waiting = [case for case in waiting if not _flows(case, after_s)]
                await asyncio.sleep(0.1)
    assert not waiting, f"no values from {[case.name for case in waiting]}"


def _flows(case: Case, after_s: float) -> bool:
    return any(t > after_s and _is_value(output) for t, output in case.outputs[-40:])


def _is_value(output: Output) -> bool:
    if isinstance(output, Measurement):
        return output.value is not None
    return isinstance(output, SampleBlock)


@pytest.fixture(scope="module")
def played(on_air: OnAir) -> list[Case]:
    """The whole menu, played once."""
    made = cases()
    run_paced(_run_all(made, on_air))
    return made


@pytest.mark.parametrize("number", range(len(cases())), ids=lambda n: cases()[n].name)
def test_recovers_and_lets_nothing_wrong_pass(number: int, played: list[Case]) -> None:
    """Values flowed before and after (see `played`); every one is the patient's own."""
    case = played[number]
    for _, output in case.outputs:
        if isinstance(output, Measurement) and output.value is not None:
            least, greatest = TRUTH[output.metric]
            assert least <= output.value <= greatest, output
    if case.ends:
        assert case.losses
    if case.kind in ("framed-patch", "framed-serial"):
        _compare_with_source(case)
    if case.fault == "probe_off":
        reasons = {m.reason for _, m in case.outputs if isinstance(m, Measurement)}
        faults = {f for _, s in case.outputs if isinstance(s, DeviceStatus) for f in s.faults}
        assert (reasons | faults) & {"probe_off", "lead_off"}
    if case.fault == "low_battery":
        levels = [s.battery_percent for _, s in case.outputs if isinstance(s, DeviceStatus)]
        assert 4 in levels


def _compare_with_source(case: Case) -> None:
    """Every sample that came is the source's sample of that number, to half a count."""
    from teleward_simulators.patients.simple import SimplePatient

    patient = SimplePatient("steady", 1)
    blocks = [o for _, o in case.outputs if isinstance(o, SampleBlock)]
    assert blocks
    for block in blocks:
        truth = patient.waveform(block.metric, block.fs, block.index, len(block.samples))
        assert np.abs(block.physical() - truth).max() <= 1.01 * block.scale, block.metric


def test_the_whole_menu_is_played() -> None:
    """A new fault needs a case."""
    assert {case.fault for case in cases()} == set(FAULTS) - {"clear"}
