"""What BlueZ and bleak raise tells the session what to do."""

import pytest
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakCharacteristicNotFoundError,
    BleakDBusError,
    BleakDeviceNotFoundError,
    BleakError,
    BleakGATTProtocolError,
)

from teleward_drivers.ble_errors import NEEDS_BOND, translate
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

REASON = BleakBluetoothNotAvailableReason


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (TimeoutError(), OperationTimeout),
        (BleakDeviceNotFoundError("C0"), DeviceNotFound),
        (BleakGATTProtocolError(0x80), OperationRefused),
        (BleakCharacteristicNotFoundError("2a37"), OperationRefused),
        (BleakError("Not connected"), LinkLost),
        (BleakError("pairing: PIN_OR_KEY_MISSING"), BondLost),
        (BleakDBusError("org.bluez.Error.AuthenticationFailed", []), BondLost),
        (BleakDBusError("org.bluez.Error.Failed", ["le-connection-abort-by-local"]), LinkLost),
        (BleakDBusError("org.bluez.Error.InProgress", ["Operation in progress"]), LinkLost),
        (BleakDBusError("org.freedesktop.DBus.Error.UnknownObject", ["gone"]), DeviceNotFound),
        (BleakDBusError("org.bluez.Error.NotReady", ["Resource Not Ready"]), LinkUnavailable),
        (FileNotFoundError(2, "no bus"), LinkUnavailable),
        (EOFError(), LinkUnavailable),
        (RuntimeError("?"), LinkLost),
        (LinkLost("as it is"), LinkLost),
    ],
)
def test_each_error_is_of_one_kind(error: Exception, kind: type[LinkError]) -> None:
    assert type(translate(error, "C0: read")) is kind


def test_att_code_is_found_in_both_forms() -> None:
    dbus = BleakDBusError("org.bluez.Error.Failed", ["Operation failed with ATT error: 0x0f"])
    for error in (BleakGATTProtocolError(0x0F), dbus):
        translated = translate(error, "read")
        assert isinstance(translated, OperationRefused)
        assert translated.code in NEEDS_BOND


@pytest.mark.parametrize(
    ("reason", "expected", "remedy"),
    [
        (REASON.POWERED_OFF, Unavailable.POWERED_OFF, "rfkill unblock"),
        (REASON.NO_BLUETOOTH, Unavailable.NO_ADAPTER, "plug one in"),
        (REASON.DENIED_BY_SYSTEM, Unavailable.NO_PERMISSION, "group bluetooth"),
    ],
)
def test_missing_radio_says_why_and_what_to_do(
    reason: BleakBluetoothNotAvailableReason, expected: Unavailable, remedy: str
) -> None:
    translated = translate(BleakBluetoothNotAvailableError("off", reason), "scan")
    assert isinstance(translated, LinkUnavailable)
    assert translated.reason is expected
    assert remedy in str(translated)
