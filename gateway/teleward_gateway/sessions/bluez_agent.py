"""BlueZ pairing agent on D-Bus: accepts commissioned devices, and no others.

    bluetoothd --org.bluez.Agent1--> BluezAgent --> PairingDesk --> a person at the page or CLI

Without an agent a read of a protected characteristic hangs for 30 s and more (measured on BlueZ
5.66), and `bluetoothctl` as the agent waits at a prompt that nobody sees. The agent registers
again whenever bluetoothd or the system bus comes back. Interface: BlueZ, doc/org.bluez.Agent.rst.
"""

import asyncio
import contextlib
import logging
import re

from dbus_fast import BusType, DBusError, Message, MessageType
from dbus_fast.aio import MessageBus
from dbus_fast.annotations import DBusObjectPath, DBusStr, DBusUInt16, DBusUInt32
from dbus_fast.service import ServiceInterface, method

from teleward_gateway.process.supervisor import Keep, Supervisor
from teleward_gateway.sessions.pairing import PairingDesk

log = logging.getLogger(__name__)

PATH = "/org/teleward/agent"

CAPABILITY = "KeyboardDisplay"
"""We can show digits and take them: the page is both, so BlueZ may choose any method."""

RETRY_S = 5.0
"""How soon a missing bluetoothd is looked for again; a restart of it takes about 2 s."""

REJECTED = "org.bluez.Error.Rejected"

DEVICE_PATH = re.compile(r"/dev_((?:[0-9A-F]{2}_){5}[0-9A-F]{2})$")


def address_of(path: str) -> str:
    """Return the address in a BlueZ device path, "" if it has none."""
    found = DEVICE_PATH.search(path)
    return found[1].replace("_", ":") if found else ""


class AgentInterface(ServiceInterface):
    """What bluetoothd calls; every answer is the desk's."""

    def __init__(self, desk: PairingDesk) -> None:
        super().__init__("org.bluez.Agent1")
        self._desk = desk
        self.released = asyncio.Event()

    def _check(self, path: str) -> str:
        address = address_of(path)
        if not self._desk.allow(address):
            log.warning("pairing with %s refused: it is not commissioned", address or path)
            raise DBusError(REJECTED, "not a commissioned device")
        return address

    async def _passkey(self, path: str) -> int:
        passkey = await self._desk.passkey(self._check(path))
        if passkey is None:
            raise DBusError("org.bluez.Error.Canceled", "nobody typed the passkey")
        return passkey

    def _show(self, digits: str, path: str) -> None:
        """Show digits to type on the device; they are secret and appear in no log."""
        address = self._check(path)
        self._desk.show(address, digits)
        log.info("pairing: type the digits shown on the devices page on %s", address)

    @method()
    def Release(self) -> None:
        self.released.set()

    @method()
    def Cancel(self) -> None:
        self._desk.cancel()
        log.info("pairing cancelled by the device or by BlueZ")

    @method()
    def RequestAuthorization(self, device: DBusObjectPath) -> None:
        self._check(device)

    @method()
    def AuthorizeService(self, device: DBusObjectPath, uuid: DBusStr) -> None:
        self._check(device)

    @method()
    def RequestConfirmation(self, device: DBusObjectPath, passkey: DBusUInt32) -> None:
        self._check(device)

    @method()
    def DisplayPasskey(
        self, device: DBusObjectPath, passkey: DBusUInt32, entered: DBusUInt16
    ) -> None:
        self._show(f"{passkey:06d}", device)

    @method()
    def DisplayPinCode(self, device: DBusObjectPath, pincode: DBusStr) -> None:
        self._show(pincode, device)

    @method()
    async def RequestPasskey(self, device: DBusObjectPath) -> DBusUInt32:
        return await self._passkey(device)

    @method()
    async def RequestPinCode(self, device: DBusObjectPath) -> DBusStr:
        return f"{await self._passkey(device):06d}"


class BluezAgent:
    """Keeps our agent registered as the default while bluetoothd runs."""

    def __init__(self, desk: PairingDesk, keep: Keep | None = None) -> None:
        self._desk = desk
        self._keep = keep or Supervisor().keep
        self._task: asyncio.Task[None] | None = None
        self.registered = asyncio.Event()

    def start(self) -> None:
        """Begin; a machine without BlueZ is tried again quietly."""
        kept = self._keep("bluez agent", self._keep_up)
        self._task = asyncio.create_task(kept, name="bluez agent")

    async def stop(self) -> None:
        """Unregister and end."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _keep_up(self) -> None:
        reported = ""
        while True:
            try:
                await self._serve()
            except (OSError, RuntimeError, DBusError, EOFError, ValueError) as error:
                # no bus, no bluetoothd, no permission: logged once each
                if str(error) != reported:
                    reported = str(error)
                    log.info("no pairing agent yet: %s", reported)
            self.registered.clear()
            await asyncio.sleep(RETRY_S)

    async def _serve(self) -> None:
        """Register, and stay until bluetoothd releases us or the bus goes."""
        bus = MessageBus(bus_type=BusType.SYSTEM)
        try:
            await bus.connect()
            agent = AgentInterface(self._desk)
            bus.export(PATH, agent)
            await _call(bus, "RegisterAgent", "os", [PATH, CAPABILITY])
            await _call(bus, "RequestDefaultAgent", "o", [PATH])
            self.registered.set()
            log.info("pairing agent registered with BlueZ")
            released = asyncio.create_task(agent.released.wait())
            gone = asyncio.create_task(bus.wait_for_disconnect())  # type: ignore[no-untyped-call]
            try:
                await asyncio.wait([released, gone], return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (released, gone):
                    task.cancel()
                await asyncio.gather(released, gone, return_exceptions=True)
        finally:
            with contextlib.suppress(Exception):
                bus.disconnect()


async def _call(bus: MessageBus, member: str, signature: str, body: list[str]) -> None:
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
    if reply is None or reply.message_type is MessageType.ERROR:
        raise RuntimeError(f"{member}: {reply.body[0] if reply and reply.body else reply}")
