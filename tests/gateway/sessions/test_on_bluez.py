"""Sessions as shipped, on bleak's own BlueZ backend: a private D-Bus with our org.bluez on it."""

import asyncio
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from bleak.backends.bluezdbus.manager import get_global_bluez_manager

from teleward_drivers.catalogue import catalogue
from teleward_drivers.device import Output
from teleward_drivers.link import Received
from teleward_drivers.radio import Radio
from teleward_gateway.registry import Device, Registry, Subject
from teleward_gateway.sessions.commissioning import Commissioning
from teleward_gateway.sessions.manager import SessionManager
from teleward_gateway.sessions.states import State
from teleward_signal.model import Measurement, Provenance
from teleward_simulators.ble.heart_rate import HeartRate
from teleward_simulators.bluez.private_bus import PrivateBus
from teleward_simulators.radio.hub import Hub
from teleward_simulators.sources import make_source

pytestmark = pytest.mark.skipif(shutil.which("dbus-daemon") is None, reason="needs dbus-daemon")


class SecureStrap(HeartRate):
    """A strap that talks only to whom it is bonded with."""

    secure = True


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.02)


async def test_plain_and_bonding_device_stream_and_recover(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus = PrivateBus(tmp_path)
    await bus.start()
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", bus.address)
    hub = Hub()
    spec = await hub.start(f"unix:{tmp_path}/air.sock")
    source = make_source("simple:steady")
    devices = [HeartRate(source, "C0:00:00:00:00:01"), SecureStrap(source, "C0:00:00:00:00:02")]
    for device in devices:
        await device.start(hub.air)
    command = ["-m", "teleward_simulators.bluez.facade", "--radio", spec, "--bus", bus.address]
    bluez = await asyncio.create_subprocess_exec(
        sys.executable, *command, stdout=asyncio.subprocess.PIPE
    )
    assert bluez.stdout is not None
    assert (await bluez.stdout.readline()).startswith(b"ready")
    try:
        await _stream(tmp_path, devices)
    finally:
        bluez.terminate()
        await bluez.wait()
        for device in devices:
            await device.stop()
        await hub.stop()
        await bus.stop()


async def _stream(folder: Path, devices: list[HeartRate]) -> None:
    registry = Registry(folder / "registry.sqlite", Provenance.FIELD)
    rates: dict[str, list[float | None]] = {"d1": [], "d2": []}
    states: list[tuple[str, State]] = []

    def on_output(device: str, output: Output, received: Received) -> None:
        if isinstance(output, Measurement) and output.metric == "heart_rate":
            rates[device].append(output.value)

    for number, device in enumerate(devices, 1):
        registry.admit(Subject(f"p{number}"))
        registry.add_device(
            Device(f"d{number}", "heart-rate", device.address), subject=f"p{number}"
        )
    sessions = SessionManager(
        catalogue(), Radio(), on_output, lambda device, state, _: states.append((device, state))
    )
    desk = Commissioning(registry, sessions, catalogue())
    await desk.start()
    await sessions.apply(registry.bound_devices())
    try:
        await until(lambda: bool(rates["d1"] and rates["d2"]))
        devices[0].fault("link_loss")
        await until(lambda: states.count(("d1", State.STREAMING)) == 2)
        n = len(rates["d1"])
        await until(lambda: len(rates["d1"]) > n)
        assert states.count(("d2", State.STREAMING)) == 1
    finally:
        await desk.stop()
        await sessions.stop()
        registry.close()
        await close_bleak()


async def close_bleak() -> None:
    """Close the D-Bus connection that bleak keeps for this event loop."""
    bus = (await get_global_bluez_manager())._bus
    if bus is not None:
        bus.disconnect()
        await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]
    await asyncio.sleep(0.05)  # bleak hangs up on the bus of each link without waiting for the end
