"""A backend for bleak 3.1 on the virtual radio: plain BleakClient and BleakScanner work on it.

    radio = await connect("virtual:unix:/run/teleward/air.sock")
    BleakScanner(**radio.scanner_kwargs)          # {"backend": <class>}
    BleakClient(device, **radio.client_kwargs)
    await radio.close()

bleak calls its backend interface unstable, so the package pins ``bleak>=3.1,<4`` and the link
contract suite in ``tests/simulators/contract`` runs on it, on bleak's own BlueZ backend and on a
real kernel.
"""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import BaseBleakScanner
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakDeviceNotFoundError, BleakError, BleakGATTProtocolError
from bleak.uuids import normalize_uuid_str
from bumble import att, core, hci
from bumble.device import Advertisement, Connection, Peer

from teleward_signal.errors import Invalid
from teleward_simulators.radio.advertising import parse
from teleward_simulators.radio.central import Central
from teleward_simulators.radio.conditions import address_text

LARGEST_MTU = 517
"""What BlueZ asks for: 512 bytes of value, the largest there is, and 5 of header."""

_PROPERTIES = (
    (0x01, "broadcast"),
    (0x02, "read"),
    (0x04, "write-without-response"),
    (0x08, "write"),
    (0x10, "notify"),
    (0x20, "indicate"),
    (0x40, "authenticated-signed-writes"),
    (0x80, "extended-properties"),
)


class Radio:
    """An adapter for bleak; ``client_kwargs`` and ``scanner_kwargs`` choose it."""

    def __init__(self, central: Central) -> None:
        self.central = central
        scanner = type("VirtualScanner", (VirtualScanner,), {"central": central})
        client = type("VirtualClient", (VirtualClient,), {"central": central})
        self.scanner_kwargs: dict[str, Any] = {"backend": scanner}
        self.client_kwargs: dict[str, Any] = {"backend": client}

    async def close(self) -> None:
        """Give the adapter up; open links are lost."""
        await self.central.close()


async def connect(
    spec: str,
    wait_s: float = 5.0,
    bonds: Path | None = None,
    address: str = "F0:00:00:00:00:01",
) -> Radio:
    """Return the radio at ``virtual:unix:PATH`` or ``virtual:tcp:HOST:PORT``.

    Waits up to ``wait_s`` for the hub; a hub that comes later is found then. Two adapters on one
    air need different ``address``es.
    """
    kind, _, rest = spec.partition(":")
    if kind != "virtual":
        raise Invalid(f"radio {spec!r}: expected virtual:unix:/path or virtual:tcp:host:port")
    central = Central(rest, address, bonds)
    with contextlib.suppress(TimeoutError):
        await central.wait_ready(wait_s)
    return Radio(central)


class VirtualScanner(BaseBleakScanner):
    """bleak's scanner on a `Central`."""

    central: Central

    def __init__(
        self,
        detection_callback: Callable[..., Any] | None,
        service_uuids: list[str] | None,
        scanning_mode: str = "active",
        **_ignored: Any,
    ) -> None:
        super().__init__(detection_callback, service_uuids)

    async def start(self) -> None:
        self.seen_devices = {}
        await self.central.add_listener(self._on_advertisement)

    async def stop(self) -> None:
        await self.central.remove_listener(self._on_advertisement)

    def _on_advertisement(self, advertisement: Advertisement) -> None:
        data = parse(advertisement)
        address = address_text(advertisement.address)
        known = self.seen_devices.get(address)
        name = data.local_name or (known[0].name if known else None)
        device = self.create_or_update_device(address, address, name, advertisement.address, data)
        if self.is_allowed_uuid(data.service_uuids):
            self.call_detection_callbacks(device, data)
        else:
            del self.seen_devices[address]


class VirtualClient(BaseBleakClient):
    """bleak's client on a `Central`."""

    central: Central

    def __init__(
        self,
        address_or_ble_device: BLEDevice | str,
        *,
        disconnected_callback: Callable[[], None] | None = None,
        timeout: float = 30.0,
        services: set[str] | None = None,
        **_ignored: Any,
    ) -> None:
        super().__init__(
            address_or_ble_device, disconnected_callback=disconnected_callback, timeout=timeout
        )
        self._device = (
            address_or_ble_device if isinstance(address_or_ble_device, BLEDevice) else None
        )
        self._wanted = services
        self._connection: Connection | None = None
        self._peer: Peer | None = None

    @property
    def name(self) -> str:
        return (self._device.name if self._device else None) or self.address.replace(":", "-")

    @property
    def mtu_size(self) -> int:
        return int(self._connection.att_mtu) if self._connection else 23

    @property
    def is_connected(self) -> bool:
        return self._connection is not None

    async def connect(self, pair: bool, **_ignored: Any) -> None:
        if self._connection is not None:
            raise BleakError(f"{self.address} is already connected")
        connection = await self.central.connect(await self._find(), self._timeout)
        connection.on("disconnection", lambda _reason: self._on_disconnected(connection))
        self._connection = connection
        self._peer = Peer(connection)
        try:
            if pair:
                await self.pair()
            await self._call(self._peer.request_mtu(LARGEST_MTU))
            await self._discover(self._peer)
        except BaseException:
            await self.disconnect()
            raise

    async def _find(self) -> hci.Address:
        if self._device is None:
            found: asyncio.Future[BLEDevice] = asyncio.get_running_loop().create_future()

            def on_seen(device: BLEDevice, _data: object) -> None:
                if device.address == self.address.upper() and not found.done():
                    found.set_result(device)

            scanner = type("Finder", (VirtualScanner,), {"central": self.central})(on_seen, None)
            await scanner.start()
            try:
                async with asyncio.timeout(self._timeout):
                    self._device = await found
            except TimeoutError:
                raise BleakDeviceNotFoundError(
                    self.address, f"device {self.address} was not found"
                ) from None
            finally:
                await scanner.stop()
        details = self._device.details
        return details if isinstance(details, hci.Address) else hci.Address(self.address)

    def _on_disconnected(self, connection: Connection) -> None:
        if self._connection is not connection:
            return
        self._connection = self._peer = None
        self.services = None
        for key in [k for k in self.central.notified if k[0] == connection.handle]:
            del self.central.notified[key]
        if self._disconnected_callback:
            self._disconnected_callback()

    async def _call(self, operation: Any) -> Any:
        """Await a GATT operation of bumble and translate its errors into bleak's.

        bumble cancels the pending answer when the link goes, which would surface as a
        cancellation that nobody asked for.
        """
        if self._connection is None:
            operation.close()
            raise BleakError(f"{self.address} is not connected")
        try:
            return await operation
        except att.ATT_Error as error:
            raise BleakGATTProtocolError(error.error_code) from error
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling() == 0:
                raise BleakError(f"{self.address} disconnected during an operation") from None
            raise
        except core.BaseBumbleError as error:
            raise BleakError(f"{self.address}: {error}") from error

    async def _discover(self, peer: Peer) -> None:
        collection = BleakGATTServiceCollection()
        for service in await self._call(peer.discover_services()):
            uuid = _uuid(service.uuid)
            if self._wanted and uuid not in self._wanted:
                continue
            added = BleakGATTService(service, service.handle, uuid)
            collection.add_service(added)
            for one in await self._call(peer.discover_characteristics(service=service)):
                properties: Any = [name for bit, name in _PROPERTIES if one.properties & bit]
                characteristic = BleakGATTCharacteristic(
                    one, one.handle, _uuid(one.uuid), properties, self._largest_write, added
                )
                collection.add_characteristic(characteristic)
                for descriptor in await self._call(peer.discover_descriptors(one)):
                    collection.add_descriptor(
                        BleakGATTDescriptor(
                            descriptor, descriptor.handle, _uuid(descriptor.type), characteristic
                        )
                    )
        self.services = collection

    def _largest_write(self) -> int:
        return self.mtu_size - 3

    async def disconnect(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(core.BaseBumbleError, asyncio.CancelledError):
                await self._connection.disconnect()

    async def pair(self, *_args: Any, **_ignored: Any) -> None:
        connection = self._connection
        if connection is None:
            raise BleakError(f"{self.address} is not connected")
        if not await self.central.may_pair(self.address):
            raise BleakError(f"pairing with {self.address} was refused: it is not commissioned")
        keys = await self.central.keys.get(str(connection.peer_address))
        try:
            if keys is not None and keys.ltk is not None:
                await connection.encrypt()
            else:
                await connection.pair()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling() == 0:
                raise BleakError(f"{self.address} disconnected while pairing") from None
            raise
        except (core.BaseBumbleError, hci.HCI_Error) as error:
            raise BleakError(f"pairing with {self.address} failed: {error}") from error

    async def unpair(self) -> None:
        connection = self._connection
        address = connection.peer_address if connection else await self._find()
        with contextlib.suppress(KeyError):
            await self.central.keys.delete(str(address))
        await self.disconnect()

    async def read_gatt_char(
        self, characteristic: BleakGATTCharacteristic, *, use_cached: bool = False, **_ig: Any
    ) -> bytearray:
        return bytearray(await self._call(characteristic.obj.read_value()))

    async def read_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, *, use_cached: bool = False, **_ignored: Any
    ) -> bytearray:
        return bytearray(await self._call(descriptor.obj.read_value()))

    async def write_gatt_char(
        self, characteristic: BleakGATTCharacteristic, data: Any, response: bool
    ) -> None:
        await self._call(characteristic.obj.write_value(bytes(data), with_response=response))

    async def write_gatt_descriptor(self, descriptor: BleakGATTDescriptor, data: Any) -> None:
        await self._call(descriptor.obj.write_value(bytes(data), with_response=True))

    async def start_notify(
        self,
        characteristic: BleakGATTCharacteristic,
        callback: Callable[[bytearray], None],
        **_ignored: Any,
    ) -> None:
        if not {"notify", "indicate"} & set(characteristic.properties):
            raise BleakError(f"{characteristic.uuid} offers neither notify nor indicate")
        connection = self._connection
        if connection is None:
            raise BleakError(f"{self.address} is not connected")
        key = (connection.handle, characteristic.handle)
        self.central.notified[key] = callback
        characteristic.obj.teleward_callback = _once(callback)
        try:
            await self._call(characteristic.obj.subscribe(characteristic.obj.teleward_callback))
        except BaseException:
            self.central.notified.pop(key, None)
            raise

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        if self._connection is not None:
            self.central.notified.pop((self._connection.handle, characteristic.handle), None)
        listener = getattr(characteristic.obj, "teleward_callback", None)
        await self._call(characteristic.obj.unsubscribe(listener))


def _once(callback: Callable[[bytearray], None]) -> Callable[[bytes], None]:
    return lambda value: callback(bytearray(value))


def _uuid(uuid: core.UUID) -> str:
    return normalize_uuid_str(uuid.to_hex_str("-"))
