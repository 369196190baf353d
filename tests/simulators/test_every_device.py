"""Every simulated device is read by its driver, over its real link, and what comes out is true."""

import asyncio
import contextlib
import itertools
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from teleward_drivers.ble_link import BleLink
from teleward_drivers.broadcast_link import BroadcastLink
from teleward_drivers.catalogue import driver as driver_info
from teleward_drivers.device import Discarded, Driver, DriverInfo, Output, Request, Subscribe, Write
from teleward_drivers.errors import LinkLost
from teleward_drivers.link import Link
from teleward_drivers.radio import Adapter
from teleward_drivers.serial_link import SerialLink
from teleward_gateway.testing.paced_time import run_paced
from teleward_signal.model import DeviceStatus, Measurement, SampleBlock
from teleward_simulators import catalogue
from teleward_simulators.fleet import DeviceSpec, Fleet

OnAir = Callable[[Fleet, Path], AbstractAsyncContextManager[Any]]

AHEAD_NS = time.time_ns() - time.monotonic_ns()
LISTEN_S = 9.0
"""Longer than the slowest: a cuff of 2 s after 1 s, an oximeter's search of 4 s."""

Expect = dict[str, tuple[float, float]]
"""Metric -> (least, greatest) of every value: the patient's truth and what the device rounds."""

VITALS: Expect = {"spo2": (96.0, 99.0), "pulse_rate": (66.0, 78.0)}
TEXT = {
    "rate": 250.0,
    "markers": {"!": "lead_off"},
    "columns": [{"metric": "ecg_ii", "scale": 0.01, "offset": -5.12}],
}


@dataclass(frozen=True)
class Case:
    """A simulated kind, the driver that reads it, and what must come out."""

    kind: str
    driver: str
    numerics: Expect
    waves: frozenset[str] = frozenset()
    options: dict[str, Any] = field(default_factory=dict)
    driver_options: dict[str, Any] = field(default_factory=dict)
    label: str = ""
    leaves: bool = False
    """Hangs up by itself when it has handed over."""

    @property
    def name(self) -> str:
        return self.label or self.kind


TAIDOC: dict[str, Expect] = {
    "thermometer": {"body_temperature": (36.7, 36.9)},
    "oximeter": VITALS,
    "cuff": {"nibp_systolic": (115, 121), "nibp_diastolic": (72, 76)},
    "cuff and glucose": {"nibp_systolic": (115, 121), "glucose": (100, 120)},
    "glucose": {"glucose": (100, 120)},
}
FAST = {"first_s": 0.5, "interval_s": 2.0}
CASES = [
    Case("heart-rate", "heart-rate", {"heart_rate": (66, 78), "rr_interval": (0.7, 0.95)}),
    Case("pulse-oximeter", "pulse-oximeter", {**VITALS, "perfusion_index": (3.5, 4.5)}),
    Case("spot-oximeter", "pulse-oximeter", VITALS, options={**FAST, "stored": 3}),
    Case(
        "blood-pressure",
        "blood-pressure",
        {"nibp_systolic": (115, 121), "nibp_diastolic": (72, 76), "nibp_mean": (85, 91)},
        options={**FAST, "cuff_s": 2.0, "stored": 2},
    ),
    Case(
        "blood-pressure",
        "blood-pressure",
        {"nibp_systolic": (115, 121), "nibp_diastolic": (72, 76)},
        options={**FAST, "cuff_s": 1.0, "kpa": True},
        label="blood-pressure in kPa",
    ),
    Case("thermometer", "thermometer", {"body_temperature": (36.7, 36.9)}, options=FAST),
    Case(
        "thermometer",
        "thermometer",
        {"body_temperature": (36.7, 36.9)},
        options={**FAST, "fahrenheit": True},
        label="thermometer in Fahrenheit",
    ),
    Case(
        "home-cuff",
        "blood-pressure",
        {"nibp_systolic": (115, 121), "nibp_diastolic": (72, 76), "pulse_rate": (66, 78)},
        options={**FAST, "cuff_s": 1.0, "stored": 2, "user": 2},
        leaves=True,
    ),
    Case("mi-scale", "mi-scale", {"body_weight": (69.9, 70.1)}, options=FAST),
    Case(
        "mi-scale",
        "body-composition",
        {"body_weight": (69.9, 70.1)},
        options=FAST,
        label="mi-scale by its service",
    ),
    Case(
        "polar-verity",
        "polar-pmd",
        {"heart_rate": (66, 78)},
        frozenset({"pleth"}),
        options={"stated_hz": 135},
    ),
    Case("glucose", "glucose", {"glucose": (100, 120)}),
    Case(
        "glucose",
        "glucose",
        {"glucose": (100, 120)},
        options={"molar": True},
        label="glucose in mol/L",
    ),
    Case("cgm", "cgm", {"glucose": (100, 112)}, options={"interval_s": 1.0}),
    Case("weight-scale", "weight-scale", {"body_weight": (69.9, 70.1)}, options=FAST),
    Case(
        "body-composition",
        "body-composition",
        {"body_weight": (69.9, 70.1), "body_fat": (20.9, 21.1), "body_height": (1.74, 1.76)},
        options={**FAST, "split": True},
    ),
    Case(
        "polar-h10",
        "polar-pmd",
        {"heart_rate": (66, 78)},
        frozenset({"ecg_i"}),
        driver_options={"ppg": False},
    ),
    Case("viatom", "viatom", VITALS),
    Case("pc60fw", "pc60fw", {**VITALS, "perfusion_index": (3.5, 4.5)}, frozenset({"pleth"})),
    *(
        Case(
            "taidoc",
            "taidoc",
            expected,
            options={"measures": measures, "first_s": 0.5},
            label=f"taidoc {measures}",
        )
        for measures, expected in TAIDOC.items()
    ),
    Case("jumper", "jumper", VITALS),
    Case("berrymed", "berrymed", VITALS, frozenset({"pleth"})),
    Case("nonin-ble", "nonin-ble", VITALS),
    Case("health-sensor", "health-sensor", VITALS, driver_options={"experimental": True}),
    Case(
        "framed-patch",
        "framed-uart",
        {"heart_rate": (66, 78), "respiratory_rate": (12, 16)},
        frozenset({"ecg_ii", "pleth", "respiration"}),
        options={"numerics": ["heart_rate", "respiratory_rate"]},
    ),
    Case("framed-serial", "framed-serial", {}, frozenset({"ecg_ii"})),
    Case("cms50d", "cms50d", VITALS, frozenset({"pleth"})),
    Case("cms50", "cms50", VITALS, frozenset({"pleth"})),
    Case("bci", "bci", VITALS, frozenset({"pleth"})),
    Case("masimo", "masimo", VITALS),
    Case("nellcor", "nellcor", VITALS),
    *(
        Case(
            "nonin",
            "nonin",
            VITALS,
            frozenset({"pleth"} if number in (2, 7) else ()),
            options={"format": number, "spot_s": 2.0},
            driver_options={"format": number},
            label=f"nonin format {number}",
        )
        for number in (2, 7, 8, 13)
    ),
    Case(
        "healthypi",
        "healthypi",
        {"heart_rate": (66, 78), "spo2": (96, 99), "body_temperature": (36.7, 36.9)},
        frozenset({"ecg_ii", "respiration"}),
    ),
    Case("cyton", "cyton", {}, frozenset({"ecg_i", "ecg_ii"})),
    Case("sketch", "text", {}, frozenset({"ecg_ii"}), driver_options=TEXT),
]


def now_ns() -> int:
    """Return UTC ns as sessions count it: by the monotonic clock."""
    return int(time.monotonic() * 1e9) + AHEAD_NS


class Listener:
    """A session without recovery: carries a driver's commands out and keeps its outputs."""

    def __init__(self, link: Link, driver: Driver, leaves: bool = False) -> None:
        self._leaves = leaves
        self.outputs: list[Output] = []
        self._link = link
        self._driver = driver

    async def run(self) -> None:
        """Listen until cancelled, or until a device that leaves has left."""
        try:
            await self._listen()
        except LinkLost:
            if not self._leaves:
                raise
            with contextlib.suppress(LinkLost):
                while True:  # what arrived before the link ended
                    received = replace(await self._link.read(), time_ns=now_ns())
                    self.outputs += self._driver.feed(received)

    async def _listen(self) -> None:
        await self._take(self._driver.start(now_ns()))
        tick_s = time.monotonic() + 1.0
        while True:
            try:
                async with asyncio.timeout(max(0.0, tick_s - time.monotonic())):
                    received = await self._link.read()
                await self._take(self._driver.feed(replace(received, time_ns=now_ns())))
            except TimeoutError:
                tick_s = time.monotonic() + 1.0
                await self._take(self._driver.tick(now_ns()))

    async def _take(self, outputs: Iterable[Output]) -> None:
        channels = self._link.channels()
        for output in outputs:
            channel = getattr(output, "channel", "")
            if isinstance(output, Subscribe | Request | Write):
                if channel and channel not in channels:
                    assert output.optional, f"the device lacks {channel}"
                    continue
                await self._carry_out(output)
            else:
                self.outputs.append(output)

    async def _carry_out(self, command: Subscribe | Request | Write) -> None:
        match command:
            case Subscribe(channel):
                await self._link.subscribe(channel)
            case Request(channel):
                await self._link.request(channel)
            case Write(data, channel, response):
                await self._link.write(data, channel, response)


async def _listen_to_all(on_air: OnAir) -> dict[str, list[Output]]:
    specs = [
        DeviceSpec(case.kind, "P", "simple:steady", seed=1, options=case.options) for case in CASES
    ]
    with tempfile.TemporaryDirectory(prefix="tw-") as folder:
        fleet = Fleet(specs, f"unix:{folder}/air.sock", Path(folder) / "ports")
        listeners: dict[str, Listener] = {}
        links: list[Link] = []
        async with on_air(fleet, Path(folder)) as air:
            async with asyncio.TaskGroup() as group, contextlib.AsyncExitStack() as stack:
                for case, address in zip(CASES, fleet.devices, strict=True):
                    info = driver_info(case.driver)
                    link = await _open(air.adapter, info, address)
                    links.append(link)
                    driver = info.make(case.driver_options)
                    listeners[case.name] = Listener(link, driver, case.leaves)
                    task = group.create_task(listeners[case.name].run())
                    stack.callback(task.cancel)
                await asyncio.sleep(LISTEN_S)
            for link in links:
                await link.close()
        assert not list(Path(folder).glob("*.sock"))  # noqa: ASYNC240
    return {name: listener.outputs for name, listener in listeners.items()}


async def _open(adapter: Adapter, info: DriverInfo, address: str) -> Link:
    if info.serial is not None:
        return await SerialLink.open(address, info.serial)
    if info.broadcast:
        return await BroadcastLink.open(adapter, address)
    return await BleLink.connect(adapter, await adapter.find(address, 10.0))


@pytest.fixture(scope="module")
def outputs(on_air: OnAir) -> dict[str, list[Output]]:
    """What every driver made of its device, all of them at the same time."""
    return run_paced(_listen_to_all(on_air))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_driver_reads_the_truth(case: Case, outputs: dict[str, list[Output]]) -> None:
    """Every value is the patient's, every wave flows without a gap, and nothing is discarded."""
    made = outputs[case.name]
    values = [m for m in made if isinstance(m, Measurement) and m.value is not None]
    for metric, (least, greatest) in case.numerics.items():
        found = [m.value for m in values if m.metric == metric and m.value is not None]
        assert found, f"no {metric}"
        assert least <= min(found) <= max(found) <= greatest, f"{metric}: {found}"
    for metric in case.waves:
        blocks = [b for b in made if isinstance(b, SampleBlock) and b.metric == metric]
        assert blocks, f"no {metric}"
        for before, after in itertools.pairwise(blocks):
            assert after.index == before.index + len(before.samples), f"gap in {metric}"
    thrown = [d for d in made if isinstance(d, Discarded) and d.reason not in ALLOWED]
    assert not thrown


ALLOWED = frozenset({"resync", "line", "footer", "length", "duplicate", "not_steady"})
"""Boot text, half frames and the first line; a repeat; a person who still steps on."""


def test_every_kind_has_a_case() -> None:
    """A new simulated device needs a line above."""
    wanted = set(catalogue.BLE) | set(catalogue.WIRED)
    assert {case.kind for case in CASES} == wanted - {"link-bench"}


def test_devices_tell_their_battery(outputs: dict[str, list[Output]]) -> None:
    """Battery service, and batteries inside vendor protocols."""
    for name in ("heart-rate", "viatom", "framed-patch"):
        told = [s.battery_percent for s in outputs[name] if isinstance(s, DeviceStatus)]
        assert 90 in told, name
