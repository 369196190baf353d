"""GATT of a connected device as D-Bus objects: GattService1, GattCharacteristic1, GattDescriptor1.

After BlueZ 5.66 ``doc/gatt-api.txt``: ATT errors come as ``org.bluez.Error.Failed`` with the text
"Operation failed with ATT error: 0x..", a few as errors of their own; characteristics notify by
changing their ``Value``.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Protocol, TypeVar

from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.service import BleakGATTService
from bleak.exc import BleakError, BleakGATTProtocolError
from dbus_fast import DBusError, PropertyAccess, Variant
from dbus_fast.annotations import (
    DBusBool,
    DBusBytes,
    DBusDict,
    DBusObjectPath,
    DBusSignature,
    DBusStr,
    DBusUInt16,
)
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property

from teleward_simulators.radio.bleak_backend import VirtualClient

T = TypeVar("T")
StrList = Annotated[list[str], DBusSignature("as")]
READ = PropertyAccess.READ
NEEDS_ENCRYPTION = (0x05, 0x0F)
"""ATT Insufficient Authentication and Insufficient Encryption: the kernel pairs and tries again."""
_NAMED = {
    0x02: ("org.bluez.Error.NotPermitted", "Read not permitted"),
    0x03: ("org.bluez.Error.NotPermitted", "Write not permitted"),
    0x05: ("org.bluez.Error.NotPermitted", "Not paired"),
    0x06: ("org.bluez.Error.NotSupported", "Operation is not supported"),
    0x08: ("org.bluez.Error.NotAuthorized", "Not authorized"),
    0x0D: ("org.bluez.Error.InvalidValueLength", "Invalid Length"),
}
"""``create_gatt_dbus_error`` of BlueZ's src/gatt-client.c."""


class Connected(Protocol):
    """The device behind the objects."""

    path: str
    client: VirtualClient | None

    async def pair(self) -> None:
        """Pair and encrypt."""
        ...

    def send(self, what: Callable[[], None]) -> None:
        """Call ``what``, which sends on the bus, when the bus can take it."""
        ...


async def carry_out(device: Connected, make: Any) -> Any:
    """Run ``make(client)`` as BlueZ would: pair when the device asks for it, translate errors."""
    client = device.client
    if client is None:
        raise DBusError("org.bluez.Error.Failed", "Not connected")
    try:
        try:
            return await make(client)
        except BleakGATTProtocolError as error:
            if int(error.code) not in NEEDS_ENCRYPTION:
                raise
            await device.pair()
            return await make(client)
    except BleakGATTProtocolError as error:
        code = int(error.code)
        name, text = _NAMED.get(
            code,
            ("org.bluez.Error.Failed", f"Operation failed with ATT error: 0x{code:02x}"),
        )
        raise DBusError(name, text) from error
    except BleakError as error:
        raise DBusError("org.bluez.Error.Failed", str(error)) from error


class GattService(ServiceInterface):
    """One service."""

    def __init__(self, device_path: str, service: BleakGATTService) -> None:
        super().__init__("org.bluez.GattService1")
        self._device_path = device_path
        self._service = service

    @dbus_property(READ)
    def UUID(self) -> DBusStr:
        return self._service.uuid

    @dbus_property(READ)
    def Device(self) -> DBusObjectPath:
        return self._device_path

    @dbus_property(READ)
    def Primary(self) -> DBusBool:
        return True


class GattCharacteristic(ServiceInterface):
    """One characteristic."""

    def __init__(self, device: Connected, service_path: str, one: BleakGATTCharacteristic) -> None:
        super().__init__("org.bluez.GattCharacteristic1")
        self._device = device
        self._service_path = service_path
        self._one = one
        self._value = b""
        self._notifying = False

    @dbus_property(READ)
    def UUID(self) -> DBusStr:
        return self._one.uuid

    @dbus_property(READ)
    def Service(self) -> DBusObjectPath:
        return self._service_path

    @dbus_property(READ)
    def Value(self) -> DBusBytes:
        return self._value

    @dbus_property(READ)
    def Notifying(self) -> DBusBool:
        return self._notifying

    @dbus_property(READ)
    def Flags(self) -> StrList:
        return list(self._one.properties)

    @dbus_property(READ)
    def MTU(self) -> DBusUInt16:
        client = self._device.client
        return client.mtu_size if client else 23

    @dbus_method()
    async def ReadValue(self, options: DBusDict) -> DBusBytes:
        read: Awaitable[bytearray] = carry_out(
            self._device, lambda client: client.read_gatt_char(self._one)
        )
        return bytes(await read)

    @dbus_method()
    async def WriteValue(self, value: DBusBytes, options: DBusDict) -> None:
        kind = options.get("type", Variant("s", "request")).value
        await carry_out(
            self._device,
            lambda client: client.write_gatt_char(self._one, bytes(value), kind != "command"),
        )

    @dbus_method()
    async def StartNotify(self) -> None:
        await carry_out(self._device, lambda client: client.start_notify(self._one, self._on_value))
        self._notifying = True
        self.emit_properties_changed({"Notifying": True})

    @dbus_method()
    async def StopNotify(self) -> None:
        await carry_out(self._device, lambda client: client.stop_notify(self._one))
        self._notifying = False
        self.emit_properties_changed({"Notifying": False})

    def _on_value(self, value: bytearray) -> None:
        self._value = bytes(value)
        change = {"Value": self._value}
        self._device.send(lambda: self.emit_properties_changed(change))


class GattDescriptor(ServiceInterface):
    """One descriptor."""

    def __init__(self, device: Connected, path: str, one: BleakGATTDescriptor) -> None:
        super().__init__("org.bluez.GattDescriptor1")
        self._device = device
        self._path = path
        self._one = one

    @dbus_property(READ)
    def UUID(self) -> DBusStr:
        return self._one.uuid

    @dbus_property(READ)
    def Characteristic(self) -> DBusObjectPath:
        return self._path

    @dbus_method()
    async def ReadValue(self, options: DBusDict) -> DBusBytes:
        read: Awaitable[bytearray] = carry_out(
            self._device, lambda client: client.read_gatt_descriptor(self._one)
        )
        return bytes(await read)
