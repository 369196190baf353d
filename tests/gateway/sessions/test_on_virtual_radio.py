"""Sessions against simulated BLE devices: real bleak, a virtual radio, and its faults."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from teleward_drivers.catalogue import catalogue
from teleward_drivers.device import Output
from teleward_drivers.link import Received
from teleward_drivers.radio import Radio
from teleward_gateway.registry import Device, Registry, Subject
from teleward_gateway.sessions import connection, link_retry
from teleward_gateway.sessions.commissioning import Commissioning
from teleward_gateway.sessions.manager import SessionManager
from teleward_gateway.sessions.states import State
from teleward_signal.model import Measurement, Provenance
from teleward_simulators.ble.heart_rate import HeartRate
from teleward_simulators.ble.peripheral import Peripheral
from teleward_simulators.radio import bleak_backend
from teleward_simulators.radio.hub import Hub
from teleward_simulators.sources import make_source

STRAP = "C0:00:00:00:00:01"
OTHER = "C0:00:00:00:00:02"


class SecureStrap(HeartRate):
    """A strap that talks only to whom it is bonded with, and shows a passkey."""

    secure = True
    passkey = 271828


class BondedStrap(HeartRate):
    """A strap that wants a bond and has no display."""

    secure = True


class Ward:
    """A hub in the air, a gateway's sessions on it, and what they said."""

    def __init__(self, folder: Path) -> None:
        self.hub = Hub()
        self.folder = folder
        self.registry = Registry(folder / "registry.sqlite", Provenance.SIMULATED)
        self.values: list[tuple[str, Output]] = []
        self.states: list[tuple[str, State, str]] = []
        self.devices: list[Peripheral] = []
        self._changed = asyncio.Event()

    async def open(self) -> None:
        spec = await self.hub.start(f"unix:{self.folder}/air.sock")
        self.radio = await bleak_backend.connect(f"virtual:{spec}")
        self.sessions = SessionManager(
            catalogue(),
            Radio("virtual", self.radio.client_kwargs, self.radio.scanner_kwargs),
            self._on_output,
            self._on_state,
            seed=1,
            feeds=self.registry.subject_now,
        )
        self.desk = Commissioning(self.registry, self.sessions, catalogue())
        self.radio.central.allow = self.desk.pairing.allow
        self.radio.central.passkey = self.desk.pairing.passkey

    async def add(self, kind: type[Peripheral], address: str, silence_s: float = 5.0) -> Peripheral:
        """Switch a device on; commission and bind it."""
        device = kind(make_source("simple:steady"), address)
        self.devices.append(device)
        await device.start(self.hub.air)
        number = len(self.registry.devices()) + 1
        self.registry.admit(Subject(f"p{number}", provenance=Provenance.SIMULATED))
        self.registry.add_device(
            Device(
                f"strap-{number}",
                "heart-rate",
                address,
                provenance=Provenance.SIMULATED,
                options={"silence_s": silence_s},
            ),
            subject=f"p{number}",
        )
        await self.sessions.apply(self.registry.bound_devices())
        return device

    def _on_output(self, device: str, output: Output, received: Received) -> None:
        self.values.append((device, output))
        self._changed.set()

    def _on_state(self, device: str, state: State, reason: str) -> None:
        self.states.append((device, state, reason))
        self._changed.set()

    def count(self, state: State, device: str = "strap-1") -> int:
        return sum(name == device and s is state for name, s, _ in self.states)

    def rates(self, device: str = "strap-1") -> list[float | None]:
        return [
            output.value
            for name, output in self.values
            if name == device and isinstance(output, Measurement) and output.metric == "heart_rate"
        ]

    async def until(self, condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                while not condition():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"states: {self.states}") from None

    async def streaming_again(self, times: int = 1) -> None:
        """Wait for the next streaming, and for a value after it."""
        wanted = self.count(State.STREAMING) + times
        await self.until(lambda: self.count(State.STREAMING) >= wanted)
        await self.next_value()

    async def next_value(self) -> None:
        n = len(self.rates())
        await self.until(lambda: len(self.rates()) > n)

    async def close(self) -> None:
        await self.desk.stop()
        await self.sessions.stop()
        await asyncio.sleep(0.05)  # the devices go back on the air before they are switched off
        await self.radio.close()
        for device in self.devices:
            await device.stop()
        await self.hub.stop()
        self.registry.close()


@pytest.fixture
async def ward(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Ward]:
    monkeypatch.setattr(link_retry, "FIRST_S", 0.1)
    monkeypatch.setattr(link_retry, "MISSING_S", 0.1)
    monkeypatch.setattr(connection, "TICK_S", 0.1)
    ward = Ward(tmp_path)
    await ward.open()
    yield ward
    await ward.close()


async def test_value_arrives_and_lost_link_recovers(ward: Ward) -> None:
    device = await ward.add(HeartRate, STRAP)
    await ward.next_value()
    assert ward.rates()[0] == pytest.approx(72, abs=30)
    device.fault("link_loss")
    await ward.streaming_again()
    device.fault("peer_disconnect")
    await ward.streaming_again()
    assert ward.sessions.statuses()[0].counters.n_connects == 3


async def test_silence_without_disconnect_is_torn_down(ward: Ward) -> None:
    """The zombie link: connected for everybody, and not one byte more."""
    device = await ward.add(HeartRate, STRAP, silence_s=2.0)
    await ward.next_value()
    device.fault("silence")
    await ward.until(lambda: ward.count(State.STALLED) == 1)
    await ward.streaming_again()


async def test_radio_that_vanishes_and_returns(ward: Ward) -> None:
    await ward.add(HeartRate, STRAP)
    await ward.next_value()
    spec = ward.hub.spec
    await ward.hub.stop()
    await ward.until(lambda: "no Bluetooth adapter" in ward.states[-1][2])
    assert ward.sessions.adapter.error is not None
    ward.hub.air = ward.devices[0].air or ward.hub.air
    await ward.hub.start(spec)
    await ward.streaming_again()
    assert ward.sessions.adapter.error is None


async def test_device_out_of_reach_is_found_when_it_comes(ward: Ward) -> None:
    device = await ward.add(HeartRate, STRAP)
    await ward.next_value()
    device.fault("away")
    await ward.until(lambda: ward.states[-1][1] is State.SEARCHING, 30)
    device.fault("clear")
    await ward.streaming_again()


async def test_registry_steers_sessions_while_they_run(ward: Ward) -> None:
    await ward.add(HeartRate, STRAP)
    await ward.next_value()
    first = ward.sessions.status("strap-1")
    await ward.add(HeartRate, OTHER)
    await ward.until(lambda: len(ward.rates("strap-2")) > 0)
    assert first is not None
    assert ward.sessions.status("strap-1").counters is first.counters  # type: ignore[union-attr]
    ward.registry.unbind("strap-1")
    await ward.sessions.apply(ward.registry.bound_devices())
    assert ward.sessions.status("strap-1") is None
    assert ward.states[-1][:2] == ("strap-1", State.IDLE)
    n = len(ward.rates("strap-1"))
    count = len(ward.rates("strap-2"))
    await ward.until(lambda: len(ward.rates("strap-2")) > count + 1)
    assert len(ward.rates("strap-1")) == n


async def test_device_that_feeds_another_starts_anew_and_a_renamed_one_does_not(
    ward: Ward,
) -> None:
    """A driver must not carry the last second of one person into the first of the next."""
    await ward.add(HeartRate, STRAP)
    await ward.next_value()
    device = ward.registry.device("strap-1")
    ward.registry.update_device(replace(device, label="renamed"))
    await ward.sessions.apply(ward.registry.bound_devices())
    assert ward.count(State.SEARCHING) == 1
    ward.registry.admit(Subject("p9", provenance=Provenance.SIMULATED))
    ward.registry.move_device("strap-1", subject="p9")
    await ward.sessions.apply(ward.registry.bound_devices())
    await ward.until(lambda: ward.count(State.STREAMING) == 2)


async def test_stop_ends_every_session(ward: Ward) -> None:
    for number in range(1, 5):
        await ward.add(HeartRate, f"C0:00:00:00:00:{number:02X}")
    await ward.until(lambda: all(ward.rates(f"strap-{n}") for n in range(1, 5)))
    async with asyncio.timeout(30):
        await ward.sessions.stop()
    assert ward.sessions.statuses() == []
    assert not any(device.connected for device in ward.devices)


async def test_scan_table_says_what_is_in_reach_and_whose_it_is(ward: Ward) -> None:
    stranger = HeartRate(make_source("simple:steady"), OTHER, name="Chest")
    ward.devices.append(stranger)
    await stranger.start(ward.hub.air)
    ward.registry.add_device(Device("mine", "heart-rate", STRAP, provenance=Provenance.SIMULATED))
    mine = HeartRate(make_source("simple:steady"), STRAP)
    ward.devices.append(mine)
    await mine.start(ward.hub.air)
    async with asyncio.timeout(10):
        while len(ward.desk.found()) < 2:
            await asyncio.sleep(0.05)
    rows = {row.address: row for row in ward.desk.found()}
    assert rows[OTHER].name == "Chest"
    assert rows[OTHER].drivers[0] == "heart-rate"
    assert rows[OTHER].device is None
    assert rows[STRAP].device == "mine"
    assert not stranger.connected
    assert not mine.connected


async def test_bonded_device_pairs_by_itself_and_survives_a_lost_bond(ward: Ward) -> None:
    device = await ward.add(BondedStrap, STRAP)
    await ward.next_value()
    device.fault("bond_lost")
    device.fault("link_loss")
    await ward.streaming_again()


async def test_passkey_is_asked_of_a_person(ward: Ward) -> None:
    await ward.add(SecureStrap, STRAP)
    async with asyncio.timeout(10):
        while not ward.desk.pairing.requests():
            await asyncio.sleep(0.02)
    request = ward.desk.pairing.requests()[0]
    assert (request.address, request.device) == (STRAP, "strap-1")
    ward.desk.pairing.answer(STRAP, 271828)
    await ward.next_value()
    assert ward.desk.pairing.requests() == []


async def test_stranger_may_not_pair(ward: Ward) -> None:
    assert ward.desk.pairing.allow(OTHER) is False
    assert await ward.desk.pairing.passkey(OTHER) is None
    assert ward.desk.pairing.n_refused == 2
