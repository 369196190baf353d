"""Battery and Device Information services, for any BLE driver to include.

    0x2A19 battery level        | percent u8 |                       notify, read
    0x2A29 manufacturer  0x2A24 model  0x2A25 serial  0x2A26 firmware  0x2A27 hardware
    0x2A28 software                  UTF-8 text                       read
    0x2A23 system id     | manufacturer u40 | OUI u24 |               read
    0x2A50 PnP id        | source u8 | vendor u16 | product u16 | version u16 |  read

Source: Bluetooth SIG, Battery Service 1.0 and Device Information Service 1.1 (GSS).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from teleward_drivers.device import Discarded, Output
from teleward_drivers.fields import Malformed
from teleward_drivers.gatt import Handler, Part, Simple, uuid16
from teleward_drivers.link import Received
from teleward_signal.model import DeviceStatus

BATTERY_SERVICE = uuid16(0x180F)
BATTERY_LEVEL = uuid16(0x2A19)
INFORMATION_SERVICE = uuid16(0x180A)
TEXTS = {
    uuid16(0x2A29): "maker",
    uuid16(0x2A24): "model",
    uuid16(0x2A25): "serial",
    uuid16(0x2A26): "firmware",
    uuid16(0x2A27): "hardware",
    uuid16(0x2A28): "software",
}
SYSTEM_ID = uuid16(0x2A23)
PNP_ID = uuid16(0x2A50)
LOW_BATTERY_PERCENT = 15
"""A day of most patches and a reading or two of a cuff: time to change it before it dies."""


@dataclass(frozen=True, slots=True)
class BatteryLevel:
    """The charge in percent; values above 100 are reserved."""

    percent: int

    @classmethod
    def from_bytes(cls, data: bytes) -> "BatteryLevel":
        """Decode 0x2A19."""
        if not data:
            raise Malformed("length")
        if data[0] > 100:
            raise Malformed("reserved_value")
        return cls(data[0])

    def __bytes__(self) -> bytes:
        return bytes([self.percent])


@dataclass(frozen=True, slots=True)
class PnpId:
    """Who made the device; ``source`` 1 is the Bluetooth SIG's list, 2 the USB Forum's."""

    source: int
    vendor: int
    product: int
    version: int

    @classmethod
    def from_bytes(cls, data: bytes) -> "PnpId":
        """Decode 0x2A50."""
        if len(data) != 7:
            raise Malformed("length")
        words = [int.from_bytes(data[at : at + 2], "little") for at in (1, 3, 5)]
        return cls(data[0], *words)

    def __bytes__(self) -> bytes:
        words = (self.vendor, self.product, self.version)
        return bytes([self.source]) + b"".join(word.to_bytes(2, "little") for word in words)


def battery_status(percent: float) -> DeviceStatus:
    """Return the status of a battery, with the fault when it is low."""
    low = percent <= LOW_BATTERY_PERCENT
    return DeviceStatus(percent, frozenset({"low_battery"}) if low else frozenset())


def _battery(received: Received) -> Iterable[Output]:
    if len(received.data) > 1:
        yield Discarded(len(received.data) - 1, "trailing_bytes")
    yield battery_status(BatteryLevel.from_bytes(received.data).percent)


def _text(name: str) -> Handler:
    def handler(received: Received) -> Iterable[Output]:
        text = received.data.split(b"\0")[0].decode(errors="replace").strip()
        if text:
            yield DeviceStatus(identity={name: text[:64]})
        else:
            yield Discarded(len(received.data), "empty")

    return handler


def _system_id(received: Received) -> Iterable[Output]:
    if len(received.data) != 8:
        raise Malformed("length")
    yield DeviceStatus(identity={"system_id": received.data[::-1].hex()})


def _pnp_id(received: Received) -> Iterable[Output]:
    pnp = PnpId.from_bytes(received.data)
    text = f"{pnp.source}:{pnp.vendor:04x}:{pnp.product:04x}:{pnp.version:04x}"
    yield DeviceStatus(identity={"pnp_id": text})


def battery_parts() -> list[Part]:
    """Return the parts for battery and device information, both optional on the device."""
    texts = {channel: _text(name) for channel, name in TEXTS.items()}
    information = {**texts, SYSTEM_ID: _system_id, PNP_ID: _pnp_id}
    return [
        Simple({BATTERY_LEVEL: _battery}, {BATTERY_LEVEL: _battery}, optional=True),
        Simple({}, information),
    ]
