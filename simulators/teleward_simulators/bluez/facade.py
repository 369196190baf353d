"""``org.bluez`` for programs that know only BlueZ: adapter, agent manager, devices.

    program with bleak's own BlueZ backend
      | D-Bus, DBUS_SYSTEM_BUS_ADDRESS=unix:path=/run/.../bus.sock     (a private dbus-daemon)
    this process: org.bluez
      | HCI
    hub with simulated devices

It is our reading of BlueZ 5.66 and bleak 3.1; ``scripts/test-bluez`` runs the same link tests
against the real one. As a program::

    python -m teleward_simulators.bluez.facade --radio unix:/run/air.sock --bus unix:path=...
"""

import argparse
import asyncio
import signal
import sys

from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from dbus_fast import DBusError, Message, MessageType
from dbus_fast.aio import MessageBus
from dbus_fast.annotations import DBusBool, DBusDict, DBusObjectPath, DBusStr
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property

from teleward_simulators.bluez.device_object import RemoteDevice
from teleward_simulators.bluez.gatt_objects import READ, StrList
from teleward_simulators.bluez.outbox import Outbox
from teleward_simulators.radio.bleak_backend import VirtualClient, VirtualScanner
from teleward_simulators.radio.central import Central

ADDRESS = "F0:00:00:00:00:02"
"""Not that of our own backend: both may be on one air, and two radios cannot share an address."""
AGENT_S = 30.0
"""A pairing waits this long for the agent: the Security Manager's own limit."""


class BluezFacade:
    """Serves one adapter, ``hci0``, on a D-Bus."""

    adapter_path = "/org/bluez/hci0"

    def __init__(self, central: Central, bus: MessageBus) -> None:
        self.central = central
        self.bus = bus
        self.devices: dict[str, RemoteDevice] = {}
        self.outbox = Outbox(bus)
        self.agents = AgentManager(self)
        self.client_type = type("FacadeClient", (VirtualClient,), {"central": central})
        self.scanner_type = type("FacadeScanner", (VirtualScanner,), {"central": central})

    async def start(self) -> None:
        """Export the objects and take the name ``org.bluez``."""
        self.central.allow = self.agents.authorise
        self.bus.add_message_handler(self.agents.notice)
        self.bus.export("/org/bluez", self.agents)
        self.bus.export(self.adapter_path, Adapter(self))
        await self.bus.request_name("org.bluez")

    def update(self, device: BLEDevice, advertisement: AdvertisementData) -> None:
        """Show a device that advertises."""
        known = self.devices.get(device.address)
        if known is None:
            known = self.devices[device.address] = RemoteDevice(self, device, advertisement)
            self.bus.export(known.path, known)
        else:
            known.update(advertisement)

    def path_of(self, address: str) -> str:
        """Return the object path of the device at ``address``."""
        return f"{self.adapter_path}/dev_{address.upper().replace(':', '_')}"


class Adapter(ServiceInterface):
    """``org.bluez.Adapter1``."""

    def __init__(self, facade: BluezFacade) -> None:
        super().__init__("org.bluez.Adapter1")
        self._facade = facade
        self._scanner: VirtualScanner | None = None

    @dbus_property(READ)
    def Address(self) -> DBusStr:
        return self._facade.central.address

    @dbus_property(READ)
    def Name(self) -> DBusStr:
        return "virtual"

    @dbus_property(READ)
    def Alias(self) -> DBusStr:
        return "virtual"

    @dbus_property(READ)
    def Powered(self) -> DBusBool:
        return self._facade.central.device is not None

    @dbus_property(READ)
    def Discovering(self) -> DBusBool:
        return self._scanner is not None

    @dbus_property(READ)
    def UUIDs(self) -> StrList:
        return []

    @dbus_property(READ)
    def Roles(self) -> StrList:
        return ["central"]

    @dbus_method()
    def SetDiscoveryFilter(self, filters: DBusDict) -> None:
        """Every filter is a hint: bleak filters what it gets once more."""

    @dbus_method()
    async def StartDiscovery(self) -> None:
        if self._scanner is not None:
            raise DBusError("org.bluez.Error.InProgress", "Operation already in progress")
        scanner = self._facade.scanner_type(self._facade.update, None)
        await scanner.start()
        self._scanner = scanner
        self.emit_properties_changed({"Discovering": True})

    @dbus_method()
    async def StopDiscovery(self) -> None:
        scanner, self._scanner = self._scanner, None
        if scanner is None:
            raise DBusError("org.bluez.Error.Failed", "No discovery started")
        await scanner.stop()
        self.emit_properties_changed({"Discovering": False})

    @dbus_method()
    async def RemoveDevice(self, path: DBusObjectPath) -> None:
        address = path.rpartition("dev_")[2].replace("_", ":")
        device = self._facade.devices.pop(address, None)
        if device is None:
            raise DBusError("org.bluez.Error.DoesNotExist", "Does Not Exist")
        await device.forget()
        self._facade.bus.unexport(path)


class AgentManager(ServiceInterface):
    """``org.bluez.AgentManager1``: the newest default agent answers pairings."""

    def __init__(self, facade: BluezFacade) -> None:
        super().__init__("org.bluez.AgentManager1")
        self._facade = facade
        self._agent: tuple[str, str] | None = None
        self._caller = ""

    @dbus_method()
    def RegisterAgent(self, agent: DBusObjectPath, capability: DBusStr) -> None:
        self._agent = (self._caller, agent)
        central = self._facade.central
        central.passkey = self._passkey if "Keyboard" in capability else None

    @dbus_method()
    def UnregisterAgent(self, agent: DBusObjectPath) -> None:
        if self._agent is None or self._agent[1] != agent:
            raise DBusError("org.bluez.Error.DoesNotExist", "Does Not Exist")
        self._agent = None

    @dbus_method()
    def RequestDefaultAgent(self, agent: DBusObjectPath) -> None:
        if self._agent is None or self._agent[1] != agent:
            raise DBusError("org.bluez.Error.DoesNotExist", "Does Not Exist")

    def notice(self, message: Message) -> None:
        """Remember the caller: dbus-fast does not pass a method its sender."""
        if message.interface == self.name and message.sender:
            self._caller = message.sender

    async def authorise(self, address: str) -> bool:
        """Ask the agent whether the device may pair; without an agent nothing pairs."""
        return await self._ask("RequestAuthorization", address) is not None

    async def _passkey(self, address: str) -> int | None:
        reply = await self._ask("RequestPasskey", address)
        return None if reply is None else int(reply.body[0])

    async def _ask(self, member: str, address: str) -> Message | None:
        if self._agent is None:
            return None
        owner, path = self._agent
        question = Message(
            destination=owner,
            path=path,
            interface="org.bluez.Agent1",
            member=member,
            signature="o",
            body=[self._facade.path_of(address)],
        )
        try:
            async with asyncio.timeout(AGENT_S):
                reply = await self._facade.bus.call(question)
        except TimeoutError:
            return None
        return None if reply is None or reply.message_type is MessageType.ERROR else reply


async def run(radio: str, bus_address: str) -> None:
    """Serve until SIGTERM."""
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    central = Central(radio, ADDRESS)
    await central.wait_ready()
    bus = await MessageBus(bus_address=bus_address).connect()
    await BluezFacade(central, bus).start()
    print("ready", flush=True)
    over = asyncio.create_task(ended.wait())
    gone = asyncio.create_task(
        bus.wait_for_disconnect()  # type: ignore[no-untyped-call]
    )
    try:
        await asyncio.wait({over, gone}, return_when=asyncio.FIRST_COMPLETED)
        if gone.done():
            await gone
            raise OSError("the D-Bus daemon hung up")
    finally:
        over.cancel()
        gone.cancel()
        bus.disconnect()
        await central.close()


def main() -> int:
    """Serve ``org.bluez`` on a bus."""
    parser = argparse.ArgumentParser(description="org.bluez on a private D-Bus.")
    parser.add_argument("--radio", required=True, help="hub, unix:PATH or tcp:HOST:PORT")
    parser.add_argument("--bus", required=True, help="D-Bus address, unix:path=...")
    arguments = parser.parse_args()
    try:
        asyncio.run(run(arguments.radio, arguments.bus))
    except (OSError, TimeoutError) as error:
        print(f"org.bluez: {error or 'the hub does not answer'}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
