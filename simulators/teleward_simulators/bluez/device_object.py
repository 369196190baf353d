"""A remote device as a D-Bus object: Device1, with its GATT objects while it is connected."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Protocol

from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakError
from dbus_fast import DBusError, PropertyAccess, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.annotations import (
    DBusBool,
    DBusInt16,
    DBusObjectPath,
    DBusSignature,
    DBusStr,
)
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property

from teleward_simulators.bluez.gatt_objects import (
    READ,
    GattCharacteristic,
    GattDescriptor,
    GattService,
    StrList,
)
from teleward_simulators.bluez.outbox import Outbox
from teleward_simulators.radio.bleak_backend import VirtualClient
from teleward_simulators.radio.central import Central

CONNECT_S = 20.0
"""BlueZ itself gives up after about 40 s (the kernel's LE create connection timeout is 20 s)."""
GAP_SERVICE = "00001800-"
"""BlueZ keeps Generic Access to itself."""

ManufacturerData = Annotated[dict[int, Variant], DBusSignature("a{qv}")]
ServiceData = Annotated[dict[str, Variant], DBusSignature("a{sv}")]


class Facade(Protocol):
    """The adapter that a device belongs to, and the bus that both are on."""

    adapter_path: str
    bus: MessageBus
    central: Central
    client_type: type
    outbox: Outbox


class RemoteDevice(ServiceInterface):
    """One discovered device."""

    def __init__(self, facade: Facade, device: BLEDevice, advertisement: AdvertisementData) -> None:
        super().__init__("org.bluez.Device1")
        self.path = f"{facade.adapter_path}/dev_{device.address.replace(':', '_')}"
        self.client: VirtualClient | None = None
        self._facade = facade
        self._device = device
        self._advertisement = advertisement
        self._resolved = False
        self._paired = False
        self._trusted = False
        self._exported: list[str] = []
        self._attempt: asyncio.Task[None] | None = None

    def update(self, advertisement: AdvertisementData) -> None:
        """Take a newer advertisement and signal the change."""
        self._advertisement = advertisement
        self.emit_properties_changed(
            {
                "RSSI": advertisement.rssi,
                "ManufacturerData": self._maker_data(),
                "ServiceData": self._service_data(),
            }
        )

    @dbus_property(READ)
    def Address(self) -> DBusStr:
        return self._device.address

    @dbus_property(READ)
    def AddressType(self) -> DBusStr:
        return "random"

    @dbus_property(READ)
    def Name(self) -> DBusStr:
        return self._device.name or ""

    @dbus_property(READ)
    def Alias(self) -> DBusStr:
        return self._device.name or self._device.address.replace(":", "-")

    @dbus_property(READ)
    def Adapter(self) -> DBusObjectPath:
        return self._facade.adapter_path

    @dbus_property(READ)
    def UUIDs(self) -> StrList:
        return list(self._advertisement.service_uuids)

    @dbus_property(READ)
    def RSSI(self) -> DBusInt16:
        return self._advertisement.rssi

    @dbus_property(READ)
    def ManufacturerData(self) -> ManufacturerData:
        return self._maker_data()

    @dbus_property(READ)
    def ServiceData(self) -> ServiceData:
        return self._service_data()

    @dbus_property(READ)
    def Connected(self) -> DBusBool:
        return self.client is not None

    @dbus_property(READ)
    def ServicesResolved(self) -> DBusBool:
        return self._resolved

    @dbus_property(READ)
    def Paired(self) -> DBusBool:
        return self._paired

    @dbus_property(PropertyAccess.READWRITE)
    def Trusted(self) -> DBusBool:
        return self._trusted

    @Trusted.setter
    def _set_trusted(self, value: DBusBool) -> None:
        self._trusted = value

    @dbus_property(READ)
    def Blocked(self) -> DBusBool:
        return False

    @dbus_method()
    async def Connect(self) -> None:
        await self.connect()

    @dbus_method()
    async def Disconnect(self) -> None:
        await self.disconnect()

    @dbus_method()
    async def Pair(self) -> None:
        if self.client is None:
            await self.connect()
        await self.pair()

    @dbus_method()
    async def CancelPairing(self) -> None:
        raise DBusError("org.bluez.Error.DoesNotExist", "No pairing in progress")

    async def connect(self) -> None:
        """Connect and show the services; ``ServicesResolved`` comes last, as from BlueZ."""
        if self._attempt is not None:
            raise DBusError("org.bluez.Error.InProgress", "In Progress")
        if self.client is not None:
            return
        client = self._facade.client_type(
            self._device, disconnected_callback=self._on_lost, timeout=CONNECT_S
        )
        self._attempt = asyncio.create_task(client.connect(pair=False))
        try:
            await self._attempt
        except (TimeoutError, asyncio.CancelledError):
            raise DBusError("org.bluez.Error.Failed", "le-connection-abort-by-local") from None
        except BleakError as error:
            raise DBusError("org.bluez.Error.Failed", str(error)) from error
        finally:
            self._attempt = None
        self.client = client
        self.emit_properties_changed({"Connected": True})
        self._show_services(client)
        self._resolved = True
        self.emit_properties_changed({"ServicesResolved": True})

    async def disconnect(self) -> None:
        """End the link, or the attempt to make one."""
        if self._attempt is not None:
            self._attempt.cancel()
        if self.client is not None:
            await self.client.disconnect()

    async def pair(self) -> None:
        """Pair through the agent."""
        if self.client is None:
            raise DBusError("org.bluez.Error.NotConnected", "Not Connected")
        try:
            await self.client.pair()
        except BleakError as error:
            raise DBusError(
                "org.bluez.Error.AuthenticationFailed", "Authentication Failed"
            ) from error
        if not self._paired:
            self._paired = True
            self.emit_properties_changed({"Paired": True})

    def send(self, what: Callable[[], None]) -> None:
        """Call ``what``, which sends on the bus, in its turn."""
        self._facade.outbox.put(what)

    async def forget(self) -> None:
        """End the link and drop the bond."""
        if self.client is not None:
            await self.client.unpair()
        elif self._paired:
            await self._facade.central.keys.delete(str(self._device.details))
        self._paired = False

    def _show_services(self, client: VirtualClient) -> None:
        assert client.services is not None
        for service in client.services:
            if service.uuid.startswith(GAP_SERVICE):
                continue
            path = f"{self.path}/service{service.handle:04x}"
            self._export(path, GattService(self.path, service))
            for one in service.characteristics:
                below = f"{path}/char{one.handle:04x}"
                self._export(below, GattCharacteristic(self, path, one))
                for descriptor in one.descriptors:
                    lowest = f"{below}/desc{descriptor.handle:04x}"
                    self._export(lowest, GattDescriptor(self, below, descriptor))

    def _export(self, path: str, interface: ServiceInterface) -> None:
        self._facade.bus.export(path, interface)
        self._exported.append(path)

    def _on_lost(self) -> None:
        if self.client is None:
            return
        self.client = None
        self._resolved = False
        # in turn behind the last values: a cuff sends its reading and hangs up at once
        self.send(lambda: self.emit_properties_changed({"ServicesResolved": False}))
        self.send(lambda: self.emit_properties_changed({"Connected": False}))
        for path in reversed(self._exported):
            self._facade.bus.unexport(path)
        self._exported.clear()

    def _maker_data(self) -> dict[int, Variant]:
        return {k: Variant("ay", v) for k, v in self._advertisement.manufacturer_data.items()}

    def _service_data(self) -> dict[str, Variant]:
        return {k: Variant("ay", v) for k, v in self._advertisement.service_data.items()}
