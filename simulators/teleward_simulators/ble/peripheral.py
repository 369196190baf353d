"""A simulated BLE device on the air: advertising, a GATT server, links, pairing, faults.

A kind of device is a subclass that gives its services, and a `run` that notifies as the real one
does. Every kind carries Device Information (180A) and, if it has one, Battery (180F).
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Any

from bumble import att, core, hci
from bumble.device import Connection, Device, DeviceConfiguration
from bumble.gatt import Characteristic, CharacteristicValue, Service
from bumble.host import Host
from bumble.keys import MemoryKeyStore
from bumble.pairing import PairingConfig
from bumble.transport import open_transport
from bumble.transport.common import Transport

from teleward_simulators.ble.peripheral_faults import carry_out
from teleward_simulators.ble.peripheral_host import Display, Later
from teleward_simulators.device_clock import DeviceClock
from teleward_simulators.faults import PacketMangler
from teleward_simulators.radio.advertising import advertise
from teleward_simulators.radio.air import Air
from teleward_simulators.radio.controller import AirController
from teleward_simulators.source import VitalSource

log = logging.getLogger(__name__)

BASE_UUID = "0000{:04x}-0000-1000-8000-00805f9b34fb"
ADVERTISING_INTERVAL_MS = 100.0
"""What the Bluetooth profiles recommend for the first 30 s: 20 to 30 ms, or 100 ms on battery."""
CONFIRM_TIMEOUT_S = 5.0
"""An indication that is not confirmed within this time is given up; ATT would wait 30 s."""

Properties = Characteristic.Properties
Permissions = att.Attribute.Permissions


def uuid16(number: int) -> str:
    """Return a 16-bit UUID as the 128-bit text that bleak uses."""
    return BASE_UUID.format(number)


class Peripheral:
    """One device. ``options`` differ by kind; see the class of the kind."""

    kind = ""
    title = ""
    model = "SIM"
    maker = "Teleward simulators"
    advertised: tuple[str, ...] = ()
    has_battery = True
    mtu = 517
    passkey: int | None = None
    """Six digits the device shows when it pairs; ``None``: Just Works."""
    address: str
    clock: DeviceClock
    stays_on = True
    """The device advertises again after each link."""
    secure = False
    """The device talks only over an encrypted link."""

    def __init__(
        self,
        source: VitalSource,
        address: str,
        name: str | None = None,
        clock: DeviceClock | None = None,
        seed: int = 0,
        **options: Any,
    ) -> None:
        self.source = source
        self.address = address.upper()
        self.serial = self.address.replace(":", "")[-6:]
        self.name = name or f"{self.title} {self.serial[-4:]}"
        self.clock = clock or DeviceClock()
        self.seed = seed
        self.options = options
        self.random = random.Random(seed)
        self.mangler = PacketMangler(seed)
        self.battery_percent = int(options.pop("battery", 90))
        self.mtu = int(options.pop("mtu", self.mtu))
        self.probe_off = False
        self.stuck_silent = False
        self.sent = 0
        self.device: Device | None = None
        self.air: Air | None = None
        self._controller: AirController | None = None
        self._transport: Transport | None = None
        self._task: asyncio.Task[None] | None = None
        self._battery: Characteristic[bytes] | None = None
        self._wake = asyncio.Event()

    # what a kind of device overrides

    def services(self) -> list[Service]:
        """Return the services of the kind, without Device Information and Battery."""
        raise NotImplementedError

    async def run(self) -> None:
        """Live while the device is on: measure and notify. Returns only when the device dies."""
        raise NotImplementedError

    def on_connected(self, connection: Connection) -> None:
        """React to a new link."""

    def on_disconnected(self) -> None:
        """React to the end of a link."""

    def advertisement(self) -> tuple[bytes, bytes]:
        """Return advertising data and scan response."""
        return advertise(self.name, self.advertised)

    # life

    async def start(self, air: Air, transport: str = "") -> None:
        """Switch the device on within ``air``, or on a real adapter (see `Fleet`)."""
        self.air = air
        config = DeviceConfiguration(
            name=self.name,
            address=hci.Address(self.address),
            advertising_interval_min=ADVERTISING_INTERVAL_MS,
            advertising_interval_max=ADVERTISING_INTERVAL_MS,
        )
        if transport:
            self._transport = await open_transport(transport)
            host = Host(self._transport.source, self._transport.sink)
        else:
            self._controller = AirController(self.name, air)
            host = Host(self._controller, Later(self._controller))
        self.device = Device(config=config, host=host)
        self.device.keystore = MemoryKeyStore()
        self.device.pairing_config_factory = self._pairing
        self.device.gatt_server.max_mtu = self.mtu
        self.device.add_services([*self.services(), *self._common_services()])
        self.device.on("connection", self._connected)
        await self.device.power_on()
        await self.advertise()
        self._task = asyncio.create_task(self._live())

    async def advertise(self) -> None:
        """Advertise until connected, and again after each link of a device that stays on."""
        assert self.device is not None
        data, response = self.advertisement()
        await self.device.start_advertising(
            auto_restart=self.stays_on, advertising_data=data, scan_response_data=response
        )

    async def stop(self) -> None:
        """Switch off at once; peers see the link time out. Idempotent."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        if self._controller is not None:
            self._controller.shut_down()
            self._controller = None
        if self._transport is not None:
            await self._transport.close()
            self._transport = None

    async def _live(self) -> None:
        try:
            await self.run()
        except Exception:
            log.exception("%s at %s died", self.kind, self.address)

    @property
    def connected(self) -> bool:
        """Return whether a central is linked."""
        return bool(self.device and self.device.connections)

    def subscribed(self, characteristic: Characteristic[bytes]) -> bool:
        """Return whether anybody wants notifications or indications of ``characteristic``."""
        server = self.device.gatt_server if self.device else None
        return server is not None and any(
            cccds.get(characteristic.handle, b"\0\0")[0] & 3
            for cccds in server.subscribers.values()
        )

    async def wait_subscribed(self, characteristic: Characteristic[bytes]) -> None:
        """Wait until somebody subscribes."""
        while not self.subscribed(characteristic):
            self._wake.clear()
            await self._wake.wait()

    # sending

    def notify(self, characteristic: Characteristic[bytes], value: bytes) -> None:
        """Notify every subscriber, through the packet faults.

        The value goes to the link layer at once: the host stack between them would only pass it
        on, and with a ward of patches its price is most of the simulator's time.
        """
        for packet in self.mangler(value):
            self._notify(characteristic.handle, packet)

    def notification_room(self) -> int:
        """Return how many bytes one notification carries to all who are connected."""
        links = self.device.gatt_server.subscribers if self.device is not None else ()
        mtus = [link.att_mtu for link in links if isinstance(link, Connection)]
        return min(mtus, default=att.ATT_DEFAULT_MTU) - 3

    def _notify(self, handle: int, value: bytes) -> None:
        if self.device is None or self.air is None:
            return
        for connection, cccds in self.device.gatt_server.subscribers.items():
            if not cccds.get(handle, b"\0\0")[0] & 1 or not isinstance(connection, Connection):
                continue
            body = value[: connection.att_mtu - 3]
            pdu = b"\x1b" + handle.to_bytes(2, "little") + body
            frame = len(pdu).to_bytes(2, "little") + b"\x04\x00" + pdu
            self.sent += 1
            if self._controller is None:
                connection.send_l2cap_pdu(att.ATT_CID, pdu)
                continue
            self.air.send_acl_data(
                self._controller, connection.peer_address, core.PhysicalTransport.LE, frame
            )

    async def indicate(self, characteristic: Characteristic[bytes], value: bytes) -> bool:
        """Indicate to every subscriber; return whether all confirmed in time."""
        if self.device is None:
            return False
        for packet in self.mangler(value):
            try:
                async with asyncio.timeout(CONFIRM_TIMEOUT_S):
                    await self.device.indicate_subscribers(characteristic, packet)
            except (TimeoutError, core.BaseBumbleError):
                return False
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    raise
                return False
            self.sent += 1
        return True

    async def disconnect(self, reason: int = 0x13) -> None:
        """End every link from the device's side."""
        for connection in list(self.device.connections.values() if self.device else ()):
            with contextlib.suppress(core.BaseBumbleError, asyncio.CancelledError):
                await connection.disconnect(reason)

    # making services

    def notifier(self, uuid: str, read: bytes | None = None) -> Characteristic[bytes]:
        """Return a characteristic that notifies."""
        return self._made(uuid, Properties.NOTIFY, read)

    def indicator(self, uuid: str) -> Characteristic[bytes]:
        """Return a characteristic that indicates."""
        return self._made(uuid, Properties.INDICATE, None)

    def readable(self, uuid: str, value: bytes | Callable[[Any], bytes]) -> Characteristic[bytes]:
        """Return a characteristic to read."""
        content = CharacteristicValue(read=value) if callable(value) else value
        return Characteristic(
            uuid, Properties.READ, self._permission(Permissions.READABLE), content
        )

    def writable(
        self,
        uuid: str,
        handler: Callable[[Connection, bytes], None],
        properties: Properties = Properties.WRITE,
        read: Callable[[Any], bytes] | None = None,
    ) -> Characteristic[bytes]:
        """Return a characteristic to write; ``handler`` may raise `refusal`."""
        permission = self._permission(Permissions.WRITEABLE)
        if read is not None:
            properties |= Properties.READ
            permission |= self._permission(Permissions.READABLE)
        made: Characteristic[bytes] = Characteristic(
            uuid, properties, permission, CharacteristicValue(read=read, write=handler)
        )
        made.on(Characteristic.EVENT_SUBSCRIPTION, lambda *_: self._wake.set())
        return made

    def _made(self, uuid: str, properties: Properties, read: bytes | None) -> Characteristic[bytes]:
        if read is not None:
            properties |= Properties.READ
        made: Characteristic[bytes] = Characteristic(
            uuid, properties, self._permission(Permissions.READABLE), read or b""
        )
        made.on(Characteristic.EVENT_SUBSCRIPTION, lambda *_: self._wake.set())
        return made

    def _permission(self, plain: Permissions) -> Permissions:
        if not self.secure:
            return plain
        reading = Permissions.READ_REQUIRES_ENCRYPTION
        return plain | (
            reading if plain & Permissions.READABLE else Permissions.WRITE_REQUIRES_ENCRYPTION
        )

    def _common_services(self) -> list[Service]:
        strings = {0x2A29: self.maker, 0x2A24: self.model, 0x2A25: self.serial, 0x2A26: "1.0"}
        information = Service(
            uuid16(0x180A),
            [
                Characteristic(uuid16(n), Properties.READ, Permissions.READABLE, s.encode())
                for n, s in strings.items()
            ],
        )
        if not self.has_battery:
            return [information]
        self._battery = Characteristic(
            uuid16(0x2A19),
            Properties.READ | Properties.NOTIFY,
            Permissions.READABLE,
            CharacteristicValue(read=lambda _: bytes([self.battery_percent])),
        )
        return [information, Service(uuid16(0x180F), [self._battery])]

    # links and pairing

    def _connected(self, connection: Connection) -> None:
        connection.on("disconnection", lambda _reason: self._disconnected())
        if not self.stuck_silent and self.air is not None:
            self.air.conditions(self.address).silent = False
        self.on_connected(connection)

    def _disconnected(self) -> None:
        self._wake.set()
        self.on_disconnected()

    def _pairing(self, _connection: Connection) -> PairingConfig:
        return PairingConfig(
            sc=True,
            mitm=self.passkey is not None,
            bonding=True,
            delegate=Display(self.passkey),
            identity_address_type=PairingConfig.AddressType.RANDOM,
        )

    # faults

    def fault(self, name: str, **arguments: Any) -> None:
        """Carry out one of `FAULTS`; raises ValueError naming what there is."""
        carry_out(self, name, arguments)

    def set_probe(self, off: bool) -> None:
        """Take the sensor off the body or put it back."""
        self.probe_off = off

    def set_battery(self, percent: int) -> None:
        """Set the charge and notify subscribers."""
        self.battery_percent = percent
        if self._battery is not None:
            self._notify(self._battery.handle, bytes([percent]))

    async def move(self, address: str) -> None:
        """Come back under another random address, as a device with privacy does."""
        air, old = self.air, self.address
        assert air is not None
        await self.stop()
        new = self.random.randbytes(3).hex(":").upper()  # one byte is soon another device's
        self.address = address.upper() or old[: -len(new)] + new
        await self.start(air)

    def spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        _running.add(task)
        task.add_done_callback(_running.discard)


_running: set[asyncio.Future[None]] = set()


def refusal(code: int) -> att.ATT_Error:
    """Return the error to raise in a write or read handler to refuse with ATT ``code``."""
    return att.ATT_Error(code)
