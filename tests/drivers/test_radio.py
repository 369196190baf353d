"""The shared scan: on while wanted, paused for connects, restarted when it goes silent."""

import asyncio
from typing import Any, ClassVar

import pytest
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.exc import BleakBluetoothNotAvailableError, BleakBluetoothNotAvailableReason

from teleward_drivers import radio as module
from teleward_drivers.errors import DeviceNotFound, LinkUnavailable
from teleward_drivers.radio import Adapter, Radio

STRAP = "C0:00:00:00:00:01"


class Ether(BaseBleakScanner):
    """A scanner for bleak that hears what a test says."""

    running: ClassVar[list["Ether"]] = []
    starts: ClassVar[int] = 0
    broken: ClassVar[bool] = False

    def __init__(self, detection_callback: Any, service_uuids: Any, *_: Any, **__: Any) -> None:
        super().__init__(detection_callback, service_uuids)

    async def start(self) -> None:
        if Ether.broken:
            reason = BleakBluetoothNotAvailableReason.POWERED_OFF
            raise BleakBluetoothNotAvailableError("off", reason)
        Ether.starts += 1
        Ether.running.append(self)

    async def stop(self) -> None:
        Ether.running.remove(self)

    @classmethod
    def say(cls, address: str, name: str | None = None, services: tuple[str, ...] = ()) -> None:
        for scanner in cls.running:
            data = AdvertisementData(name, {}, {}, list(services), None, -60, ())
            device = scanner.create_or_update_device(address, address, name, {}, data)
            scanner.call_detection_callbacks(device, data)


@pytest.fixture
def adapter() -> Adapter:
    Ether.running.clear()
    Ether.starts, Ether.broken = 0, False
    return Adapter(Radio("test", scanner_kwargs={"backend": Ether}))


async def test_many_searches_share_one_scan(adapter: Adapter) -> None:
    searches = [asyncio.create_task(adapter.find(f"C0:00:00:00:00:0{n}", 5)) for n in range(1, 5)]
    await asyncio.sleep(0.01)
    assert len(Ether.running) == 1
    for n in range(1, 5):
        Ether.say(f"C0:00:00:00:00:0{n}")
    found = await asyncio.gather(*searches)
    assert [s.address[-1] for s in found] == ["1", "2", "3", "4"]
    assert (Ether.running, Ether.starts) == ([], 1)


async def test_fresh_sighting_needs_no_scan_and_an_old_one_does(
    adapter: Adapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with adapter.scanning():
        Ether.say(STRAP.lower())
    assert (await adapter.find(STRAP, 0.01)).address == STRAP
    monkeypatch.setattr(module, "FRESH_S", 0.0)
    with pytest.raises(DeviceNotFound):
        await adapter.find(STRAP, 0.01)


async def test_scan_pauses_while_connecting_and_connects_wait_for_each_other(
    adapter: Adapter,
) -> None:
    order: list[str] = []

    async def connect(name: str) -> None:
        async with adapter.connecting():
            assert Ether.running == []
            order.append(f"{name} in")
            await asyncio.sleep(0.01)
            order.append(f"{name} out")

    async with adapter.scanning():
        assert len(Ether.running) == 1
        await asyncio.gather(connect("a"), connect("b"))
        assert len(Ether.running) == 1
    assert order == ["a in", "a out", "b in", "b out"]


async def test_silent_scan_is_restarted(adapter: Adapter, monkeypatch: pytest.MonkeyPatch) -> None:
    """BlueZ scans can stall without an error."""
    async with adapter.scanning():
        await adapter.check()
        assert Ether.starts == 1
        monkeypatch.setattr(module, "SCAN_SILENCE_S", 0.0)
        await adapter.check()
        assert (Ether.starts, len(Ether.running)) == (2, 1)


async def test_scan_that_somebody_waits_for_is_restarted_sooner(
    adapter: Adapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WAITED_SILENCE_S", 0.0)
    waiting = asyncio.create_task(adapter.find(STRAP, 5))
    await asyncio.sleep(0.01)
    await adapter.check()
    assert Ether.starts == 2
    Ether.say(STRAP)
    assert (await waiting).address == STRAP


async def test_radio_that_is_off_says_so_and_is_used_when_it_is_on(adapter: Adapter) -> None:
    Ether.broken = True
    with pytest.raises(LinkUnavailable, match="rfkill"):
        await adapter.find(STRAP, 1)
    assert adapter.error is not None
    Ether.broken = False
    async with adapter.scanning():
        assert adapter.error is None


async def test_name_and_services_heard_once_are_kept(adapter: Adapter) -> None:
    """A scan response with the name and an advertisement with the services come apart."""
    async with adapter.scanning():
        Ether.say(STRAP, name="Strap")
        Ether.say(STRAP, services=("0000180d-0000-1000-8000-00805f9b34fb",))
    sighting = adapter.sightings[STRAP]
    assert sighting.name == "Strap"
    assert len(sighting.services) == 1
    assert isinstance(sighting.device, BLEDevice)


async def test_table_of_sightings_is_bounded(
    adapter: Adapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Phones in a ward change their address every quarter of an hour."""
    monkeypatch.setattr(module, "SIGHTINGS", 10)
    async with adapter.scanning():
        for number in range(30):
            Ether.say(f"C0:00:00:00:00:{number:02X}")
    assert list(adapter.sightings)[-1] == "C0:00:00:00:00:1D"
    assert len(adapter.sightings) == 10
