"""The virtual radio where the library it stands on falls short, and where a hub comes and goes."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice
from bleak.exc import BleakBluetoothNotAvailableError, BleakError
from bumble import hci
from bumble.device import AdvertisingType, Device

from teleward_gateway.testing.paced_time import run_paced
from teleward_simulators.ble.heart_rate import HeartRate
from teleward_simulators.patients.simple import SimplePatient
from teleward_simulators.radio.advertising import advertise
from teleward_simulators.radio.bleak_backend import Radio, connect
from teleward_simulators.radio.h4 import BadPacketType, H4Splitter
from teleward_simulators.radio.hub import Hub

STRAP = "C0:00:00:00:00:01"
ABSENT = "C0:00:00:00:00:99"
PUBLIC = hci.Address("11:22:33:44:55:66", hci.Address.PUBLIC_DEVICE_ADDRESS)


@dataclass
class Place:
    """A hub with a strap, and a radio."""

    hub: Hub
    strap: HeartRate
    radio: Radio

    def client(self, address: str = STRAP, **options: Any) -> BleakClient:
        """Return a client that connects without scanning, as after a sighting."""
        device = BLEDevice(address, None, hci.Address(address))
        return BleakClient(device, **self.radio.client_kwargs, **options)


@asynccontextmanager
async def _place() -> AsyncIterator[Place]:
    """Make a hub on a socket of its own."""
    with tempfile.TemporaryDirectory(prefix="tw-") as folder:
        hub = Hub()
        spec = await hub.start(f"unix:{folder}/air.sock")
        strap = HeartRate(SimplePatient("steady", 1), STRAP)
        await strap.start(hub.air)
        radio = await connect(f"virtual:{spec}")
        try:
            yield Place(hub, strap, radio)
        finally:
            await radio.close()
            await strap.stop()
            await hub.stop()
        assert not list(Path(folder).iterdir())  # noqa: ASYNC240


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    """A hub on a socket of its own."""
    async with _place() as made:
        yield made


async def test_a_timeout_does_not_wedge_the_adapter(place: Place) -> None:
    """Stock bumble leaves the connection pending: every later connect is "disallowed"."""
    with pytest.raises(TimeoutError):
        await place.client(ABSENT, timeout=0.3).connect()
    async with place.client() as client:
        assert client.is_connected


async def test_a_cancelled_connect_does_not_wedge_the_adapter(place: Place) -> None:
    """A session that is stopped while it connects must leave the adapter usable."""
    task = asyncio.create_task(place.client(ABSENT, timeout=20).connect())
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with place.client() as client:
        assert client.is_connected


async def test_a_public_address_carries_data(place: Place) -> None:
    """Stock bumble sends under the random address always, and the peer drops it."""
    device = place.strap.device
    assert device is not None
    controller = place.strap._controller
    assert controller is not None
    controller.public_address = PUBLIC
    place.hub.air.add_controller(controller)
    await device.stop_advertising()
    await device.start_advertising(
        AdvertisingType.UNDIRECTED_CONNECTABLE_SCANNABLE,
        own_address_type=hci.OwnAddressType.PUBLIC,
    )
    known = BLEDevice("11:22:33:44:55:66", None, PUBLIC)
    async with BleakClient(known, **place.radio.client_kwargs) as client:
        assert bytes(await client.read_gatt_char("2a24")) == b"Chest strap"


async def test_names_in_the_scan_response_are_heard(place: Place) -> None:
    """Stock bumble repeats the advertisement in place of the scan response."""
    device = place.strap.device
    assert device is not None
    data, response = advertise("Name in the response", [], name_in_scan_response=True)
    await device.start_advertising(
        auto_restart=True, advertising_data=data, scan_response_data=response
    )
    kwargs = place.radio.scanner_kwargs
    assert await BleakScanner.find_device_by_name("Name in the response", 5.0, **kwargs)


def test_advertisements_keep_their_interval() -> None:
    """Stock bumble takes units of 0.625 ms for milliseconds."""
    times: list[float] = []

    async def listen() -> None:
        async with _place() as place:
            take = BleakScanner(
                lambda _device, _data: times.append(time.monotonic()),
                **place.radio.scanner_kwargs,
            )
            async with take:
                await asyncio.sleep(1.15)

    run_paced(listen())
    # 100 ms and up to 10 ms of random delay, and a turn of the loop for each timer
    assert 8 <= len(times) <= 12


async def test_the_answer_to_a_command_that_was_given_up_is_nobodys(place: Place) -> None:
    """Else each later answer belongs to the command after it, and the last one waits in vain."""
    device = place.strap.device
    assert device is not None
    host = device.host
    for turns in range(4):
        given_up = asyncio.create_task(
            host.send_sync_command(
                hci.HCI_LE_Set_Scan_Response_Data_Command(scan_response_data=b"")
            )
        )
        for _ in range(turns):
            await asyncio.sleep(0)
        given_up.cancel()
        for _ in range(3):
            async with asyncio.timeout(20):
                found = await host.send_sync_command(hci.HCI_Read_BD_ADDR_Command())
                assert isinstance(found, hci.HCI_Read_BD_ADDR_ReturnParameters)
                await host.send_sync_command(hci.HCI_LE_Read_Buffer_Size_Command())


async def test_a_hub_that_restarts_is_found_again(place: Place) -> None:
    """An adapter that vanishes and returns: links are lost at once, later work succeeds."""
    lost = asyncio.Event()
    client = place.client(disconnected_callback=lambda _: lost.set())
    await client.connect()
    spec = place.hub.spec
    await place.hub.stop()
    await asyncio.wait_for(lost.wait(), 30)
    assert not client.is_connected
    with pytest.raises(BleakBluetoothNotAvailableError):
        await BleakScanner(**place.radio.scanner_kwargs).start()
    await place.hub.start(spec)
    await place.radio.central.wait_ready()
    async with place.client() as again:
        assert again.is_connected


@pytest.mark.parametrize("error", [asyncio.CancelledError(), asyncio.InvalidStateError("late")])
async def test_an_adapter_comes_back_whatever_its_host_stack_raised(
    place: Place, error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bumble cancels what waits for an answer as its socket goes: that ended the adapter's task."""
    power_on, failures = Device.power_on, [error]

    async def failing_once(device: Device) -> None:
        if failures:
            raise failures.pop()
        await power_on(device)

    monkeypatch.setattr(Device, "power_on", failing_once)
    spec = place.hub.spec
    await place.hub.stop()
    await place.hub.start(spec)
    async with asyncio.timeout(20):
        while failures:
            await asyncio.sleep(0.02)
        await place.radio.central.wait_ready(20)
    async with place.client() as client:
        assert client.is_connected


async def test_a_scan_survives_a_restart_of_the_hub(place: Place) -> None:
    """Nobody starts the scan anew: it belongs to the adapter."""
    heard = asyncio.Event()
    async with BleakScanner(lambda _device, _data: heard.set(), **place.radio.scanner_kwargs):
        await asyncio.wait_for(heard.wait(), 30)
        spec = place.hub.spec
        await place.hub.stop()
        heard.clear()
        await place.hub.start(spec)
        await asyncio.wait_for(heard.wait(), 30)


async def test_a_simulator_that_dies_is_seen_as_a_timeout(place: Place) -> None:
    """kill -9 of a device's process closes its socket."""
    lost = asyncio.Event()
    client = place.client(disconnected_callback=lambda _: lost.set())
    await client.connect()
    await place.strap.stop()
    await asyncio.wait_for(lost.wait(), 30)
    with pytest.raises(BleakError):
        await client.read_gatt_char("2a24")


async def test_a_link_out_of_range_times_out(place: Place) -> None:
    """Both sides learn of it, and the device is connectable when it is back."""
    lost = asyncio.Event()
    client = place.client(disconnected_callback=lambda _: lost.set())
    await client.connect()
    place.strap.fault("away")
    await asyncio.wait_for(lost.wait(), 30)
    assert not place.strap.connected
    place.strap.fault("clear")
    async with place.client() as again:
        assert again.is_connected


async def test_devices_drift_by_nothing() -> None:
    """Sample numbers follow the clock to the sample, also after a stall of the event loop."""
    from teleward_simulators.device_clock import BUFFER_S, SampleStream

    stream = SampleStream(SimplePatient("steady", 1), "ecg_ii", 250.0)
    stream.restart(0.0)
    taken: list[int] = []
    for now_s in (0.2, 0.4, 0.41, 1.3, 1.3, 2.0):
        for first, counts in stream.due(now_s):
            taken += range(first, first + len(counts))
    assert taken == list(range(1, 501))
    ((first, counts),) = stream.due(10.0)
    assert first + len(counts) - 1 == 2500
    assert len(counts) == int(BUFFER_S * 250)


def test_the_stream_of_packets_is_cut_anywhere() -> None:
    """HCI packets come whole out of pieces of any size; what is no packet is an error."""
    packets = [b"\x01\x03\x0c\x00", b"\x02\x01\x20\x03\x00abc", b"\x04\x0e\x04\x01\x03\x0c\x00"]
    stream = b"".join(packets) * 3
    for size in range(1, len(stream)):
        splitter = H4Splitter()
        out = [
            p for at in range(0, len(stream), size) for p in splitter.feed(stream[at : at + size])
        ]
        assert out == packets * 3
    with pytest.raises(BadPacketType):
        H4Splitter().feed(b"\x99")


@pytest.mark.parametrize("spec", ["unix:", "tcp:host", "udp:127.0.0.1:1", "virtual:unix:/x"])
async def test_a_wrong_address_says_what_to_write(spec: str) -> None:
    """The message shows a right one."""
    with pytest.raises(ValueError, match=r"unix:/path/to\.sock"):
        await Hub().start(spec)
