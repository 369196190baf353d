"""The tiers of the link contract: the same devices and tests, four ways from bleak to the air.

    in-process      bleak -> our backend -> hub and devices in this process
    cross-process   bleak -> our backend -> hub and devices in another process
    facade          bleak's own BlueZ backend -> private D-Bus -> our org.bluez -> that hub
    kernel          bleak's own BlueZ backend -> bluetoothd -> Linux -> /dev/vhci -> that hub

``TELEWARD_TIERS`` chooses; ``kernel`` needs the virtual machine of ``scripts/test-bluez``.
"""

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from bleak.backends.bluezdbus.manager import get_global_bluez_manager
from dbus_fast import BusType, Message, Variant
from dbus_fast.aio import MessageBus

from teleward_drivers.ble_link import BleLink
from teleward_drivers.radio import Adapter, Radio
from teleward_simulators.fleet import DeviceSpec, Fleet, write_spec
from teleward_simulators.radio.bleak_backend import connect

TIERS = os.environ.get("TELEWARD_TIERS", "in-process,cross-process,facade").split(",")
SLOW = 6.0 if "kernel" in TIERS else 1.0
"""How much longer things take in an emulated machine."""

ADDRESSES = {
    "link-bench": "C0:00:00:00:00:01",
    "heart-rate": "C0:00:00:00:00:02",
    "framed-patch": "C0:00:00:00:00:04",
}
CUFFS = {tier: f"C0:00:00:00:01:{number:02X}" for number, tier in enumerate(TIERS)}
"""A cuff for each tier: its memory is empty once it was read."""


def specs() -> list[DeviceSpec]:
    """Return the devices of every tier."""
    stored = {"stored": 3, "first_s": 3600}
    return [
        *(DeviceSpec(kind, "P", address=address, seed=1) for kind, address in ADDRESSES.items()),
        *(
            DeviceSpec("blood-pressure", "P", address=address, seed=1, options=stored)
            for address in CUFFS.values()
        ),
    ]


@dataclass
class World:
    """A radio with devices in reach."""

    tier: str
    adapter: Adapter
    fault: Callable[..., Any]
    links: list[BleLink] = field(default_factory=list)

    async def open(self, kind: str, timeout_s: float = 20.0) -> BleLink:
        """Find and connect a device."""
        address = ADDRESSES.get(kind) or CUFFS[self.tier]
        sighting = await self.adapter.find(address, 10.0 * SLOW)
        link = await BleLink.connect(self.adapter, sighting, timeout_s * SLOW)
        self.links.append(link)
        return link


class Ward:
    """Hub, devices and, when asked for, org.bluez, each in a process of its own."""

    def __init__(self, folder: Path, vhci: bool) -> None:
        self.folder = folder
        self._children: list[subprocess.Popen[str]] = []
        settings = {"hub": f"unix:{folder}/air.sock", "control": 0, "vhci": vhci}
        path = folder / "fleet.json"
        path.write_text(write_spec(specs(), **settings))
        lines = self._start("teleward_simulators.fleet", "--spec", str(path))
        events = (json.loads(line) for line in lines)
        self.url = next(event["url"] for event in events if event["event"] == "control")

    def start_facade(self, bus: str) -> None:
        """Start org.bluez on ``bus``."""
        hub = f"unix:{self.folder}/air.sock"
        assert next(
            self._start("teleward_simulators.bluez.facade", "--radio", hub, "--bus", bus)
        ).startswith("ready")

    def start_bus(self, config: Path) -> None:
        """Start a dbus-daemon and wait until it listens."""
        program = shutil.which("dbus-daemon") or pytest.fail("apt-get install dbus-daemon")
        arguments = [program, f"--config-file={config}", "--nofork", "--nopidfile"]
        child = subprocess.Popen([*arguments, "--print-address"], stdout=subprocess.PIPE, text=True)
        self._children.append(child)
        assert child.stdout is not None
        assert child.stdout.readline()

    def _start(self, module: str, *arguments: str) -> Iterator[str]:
        child = subprocess.Popen(
            [sys.executable, "-m", module, *arguments], stdout=subprocess.PIPE, text=True
        )
        self._children.append(child)
        assert child.stdout is not None
        return iter(child.stdout)

    async def fault(self, kind: str, name: str, **arguments: Any) -> None:
        """Carry a fault out through the control API."""
        async with httpx.AsyncClient(base_url=self.url) as client:
            path = f"/devices/{ADDRESSES[kind]}/faults"
            (await client.post(path, json={"name": name, **arguments})).raise_for_status()

    def stop(self) -> None:
        """End the processes, the newest first."""
        for child in reversed(self._children):
            child.terminate()
            child.wait(10)
            if child.stdout is not None:
                child.stdout.close()


@pytest.fixture(scope="session")
def ward() -> Iterator[Ward]:
    """One ward for all tests of the tiers that need processes."""
    with tempfile.TemporaryDirectory(prefix="tw-") as folder:
        ward = Ward(Path(folder), "kernel" in TIERS)
        try:
            yield ward
        finally:
            ward.stop()


@pytest.fixture(scope="session")
def facade(ward: Ward) -> str:
    """The address of a D-Bus with our org.bluez."""
    from teleward_simulators.bluez.private_bus import write_config

    address = write_config(ward.folder)
    ward.start_bus(ward.folder / "bus.conf")
    ward.start_facade(address)
    return address


@pytest.fixture(params=TIERS)
async def world(
    request: pytest.FixtureRequest, tmp_path_factory: Any, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    """The devices within reach of bleak, by each tier in turn; faults are cleared afterwards."""
    async with contextlib.AsyncExitStack() as stack:
        made = await _make(request, stack, monkeypatch)
        yield made
        for link in made.links:
            await link.close()
        await made.adapter.close()
        for kind in ADDRESSES:
            await made.fault(kind, "clear")


async def _make(
    request: pytest.FixtureRequest,
    stack: contextlib.AsyncExitStack,
    monkeypatch: pytest.MonkeyPatch,
) -> World:
    tier = str(request.param)
    if tier == "in-process":
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="tw-"))
        fleet = Fleet(specs(), f"unix:{folder}/air.sock")
        await fleet.start()
        stack.push_async_callback(fleet.stop)

        async def fault(kind: str, name: str, **arguments: Any) -> None:
            fleet.devices[ADDRESSES[kind]].fault(name, **arguments)

        return World(tier, Adapter(await _virtual(stack, folder)), fault)
    ward: Ward = request.getfixturevalue("ward")
    if tier == "cross-process":
        return World(tier, Adapter(await _virtual(stack, str(ward.folder))), ward.fault)
    if tier == "facade":
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", request.getfixturevalue("facade"))
    else:
        await _power_on()
    stack.push_async_callback(_close_bleak)
    await stack.enter_async_context(agent())
    return World(tier, Adapter(Radio()), ward.fault)


async def _power_on() -> None:
    """Switch the adapter on; bluetoothd needs a moment to find it."""
    bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
    order = Message(
        destination="org.bluez",
        path="/org/bluez/hci0",
        interface="org.freedesktop.DBus.Properties",
        member="Set",
        signature="ssv",
        body=["org.bluez.Adapter1", "Powered", Variant("b", True)],
    )
    async with asyncio.timeout(60):
        while True:
            reply = await bus.call(order)
            if reply is not None and reply.message_type.name == "METHOD_RETURN":
                break
            order.serial = 0
            await asyncio.sleep(0.2)
    bus.disconnect()
    await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]


async def _virtual(stack: contextlib.AsyncExitStack, folder: str) -> Radio:
    radio = await connect(f"virtual:unix:{folder}/air.sock")
    stack.push_async_callback(radio.close)
    return Radio("virtual", radio.client_kwargs, radio.scanner_kwargs)


async def _close_bleak() -> None:
    """Close the D-Bus connection that bleak keeps open for each event loop."""
    manager = await get_global_bluez_manager()
    if (bus := manager._bus) is not None:
        bus.disconnect()
        await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]
    # bleak hangs up on the bus of a failed attempt without waiting until that is done
    await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def agent() -> AsyncIterator[None]:
    """Have a pairing agent that says yes to everything, as BlueZ wants one."""
    bus = await MessageBus(bus_type=BusType.SYSTEM).connect()

    def answer(message: Message) -> Message | None:
        if message.interface != "org.bluez.Agent1":
            return None
        return Message.new_method_return(message)

    bus.add_message_handler(answer)
    for member, signature, body in (
        ("RegisterAgent", "os", ["/tests/agent", "NoInputNoOutput"]),
        ("RequestDefaultAgent", "o", ["/tests/agent"]),
    ):
        reply = await bus.call(
            Message(
                destination="org.bluez",
                path="/org/bluez",
                interface="org.bluez.AgentManager1",
                member=member,
                signature=signature,
                body=body,
            )
        )
        assert reply is not None
        assert reply.message_type.name == "METHOD_RETURN", reply.body
    try:
        yield
    finally:
        bus.disconnect()
        await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]
