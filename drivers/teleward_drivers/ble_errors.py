"""Map errors of bleak and BlueZ to link errors by remedy (see `errors`).

BlueZ has no stable error codes: its D-Bus names and texts below are those of BlueZ 5.66
(doc/*-api.txt and src/error.c) and bleak 3.1 (exc.py).
"""

import re

from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakCharacteristicNotFoundError,
    BleakDBusError,
    BleakDeviceNotFoundError,
    BleakError,
    BleakGATTProtocolError,
)

from teleward_drivers.errors import (
    BondLost,
    DeviceNotFound,
    LinkError,
    LinkLost,
    LinkUnavailable,
    OperationRefused,
    OperationTimeout,
    Unavailable,
)

REASONS = {
    BleakBluetoothNotAvailableReason.POWERED_OFF: Unavailable.POWERED_OFF,
    BleakBluetoothNotAvailableReason.DENIED_BY_USER: Unavailable.NO_PERMISSION,
    BleakBluetoothNotAvailableReason.DENIED_BY_SYSTEM: Unavailable.NO_PERMISSION,
    BleakBluetoothNotAvailableReason.DENIED_BY_UNKNOWN: Unavailable.NO_PERMISSION,
}
"""Every other reason means that there is no usable adapter."""

REMEDIES = {
    Unavailable.NO_ADAPTER: "no Bluetooth adapter: plug one in, and check that bluetoothd runs",
    Unavailable.POWERED_OFF: "Bluetooth is switched off: `rfkill unblock bluetooth`, then "
    "`bluetoothctl power on`",
    Unavailable.NO_PERMISSION: "no permission for Bluetooth: add this user to group bluetooth",
}

DBUS_UNAVAILABLE = {
    "org.bluez.Error.NotReady": Unavailable.POWERED_OFF,
    "org.freedesktop.DBus.Error.AccessDenied": Unavailable.NO_PERMISSION,
    "org.freedesktop.DBus.Error.ServiceUnknown": Unavailable.NO_ADAPTER,
    "org.freedesktop.DBus.Error.NameHasNoOwner": Unavailable.NO_ADAPTER,
}

DBUS_BOND = {
    "org.bluez.Error.AuthenticationFailed",
    "org.bluez.Error.AuthenticationCanceled",
    "org.bluez.Error.AuthenticationRejected",
    "org.bluez.Error.AuthenticationTimeout",
}

DBUS_GONE = {
    "org.bluez.Error.DoesNotExist",
    "org.freedesktop.DBus.Error.UnknownObject",
}

ATT_CODE = re.compile(r"ATT error: 0x([0-9a-fA-F]{1,2})")
NO_KEY = re.compile(r"pin.or.key.missing", re.IGNORECASE)

NEEDS_BOND = frozenset({0x05, 0x08, 0x0C, 0x0F})
"""ATT errors that pairing cures: insufficient authentication, authorization, key size, encryption
(Core specification, Vol 3 Part F 3.4.1.1)."""


def translate(error: BaseException, what: str) -> LinkError:
    """Return the `LinkError` with the remedy for ``error``; ``what`` names the operation."""
    if isinstance(error, LinkError):
        return error
    if isinstance(error, TimeoutError):
        return OperationTimeout(f"{what}: no answer in time")
    if isinstance(error, BleakBluetoothNotAvailableError):
        return unavailable(REASONS.get(error.reason, Unavailable.NO_ADAPTER), what)
    if isinstance(error, BleakGATTProtocolError):
        return OperationRefused(f"{what}: {error.args[1]}", int(error.code))
    if isinstance(error, BleakCharacteristicNotFoundError):
        return OperationRefused(f"{what}: the device has no {error.char_specifier}")
    if isinstance(error, BleakDeviceNotFoundError):
        return DeviceNotFound(f"{what}: not in reach")
    if isinstance(error, BleakDBusError):
        return _translate_dbus(error, what)
    if isinstance(error, BleakError):
        if NO_KEY.search(str(error)):
            return BondLost(f"{what}: the device has forgotten the bond")
        return LinkLost(f"{what}: {error}")
    if isinstance(error, (OSError, EOFError)):  # no D-Bus socket, or bluetoothd has gone away
        return unavailable(Unavailable.NO_ADAPTER, what)
    return LinkLost(f"{what}: {type(error).__name__}: {error}")


def unavailable(reason: Unavailable, what: str) -> LinkUnavailable:
    """Return the error with its remedy."""
    return LinkUnavailable(f"{what}: {REMEDIES[reason]}", reason)


def _translate_dbus(error: BleakDBusError, what: str) -> LinkError:
    name, details = error.dbus_error, error.dbus_error_details or ""
    if name in DBUS_UNAVAILABLE:
        return unavailable(DBUS_UNAVAILABLE[name], what)
    if name in DBUS_BOND or NO_KEY.search(details):
        return BondLost(f"{what}: {error}")
    if name in DBUS_GONE:
        return DeviceNotFound(f"{what}: {error}")
    if att := ATT_CODE.search(details):
        return OperationRefused(f"{what}: {error}", int(att[1], 16))
    return LinkLost(f"{what}: {error}")
