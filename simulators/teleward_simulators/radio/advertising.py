"""Advertising data: bytes to bleak's `AdvertisementData`, and names and services to bytes.

+--------+------+--------------+
| length | type | value        |   repeated; at most 31 bytes (Core 5.4, Vol 3 Part C 11)
+--------+------+--------------+
"""

import struct
from collections.abc import Iterable

from bleak.backends.scanner import AdvertisementData
from bleak.uuids import normalize_uuid_str
from bumble.device import Advertisement

from teleward_signal.errors import Invalid

LARGEST = 31
"""Legacy advertising carries 31 bytes, and the scan response 31 more."""

_FLAGS, _UUID16, _UUID128, _NAME, _SERVICE_DATA, _MANUFACTURER = 0x01, 0x03, 0x07, 0x09, 0x16, 0xFF
_GENERAL_LE_ONLY = b"\x06"
_BASE = "-0000-1000-8000-00805f9b34fb"


def parse(advertisement: Advertisement) -> AdvertisementData:
    """Decode an advertisement and its scan response."""
    name: str | None = None
    maker: dict[int, bytes] = {}
    service_data: dict[str, bytes] = {}
    uuids: list[str] = []
    power: int | None = None
    for kind, value in advertisement.data.ad_structures:
        match int(kind):
            case 0x08 | 0x09:
                name = value.decode("utf-8", "replace")
            case 0x02 | 0x03:
                uuids += [_uuid16(value[i : i + 2]) for i in range(0, len(value) - 1, 2)]
            case 0x06 | 0x07:
                uuids += [_uuid128(value[i : i + 16]) for i in range(0, len(value) - 15, 16)]
            case 0x16 if len(value) >= 2:
                service_data[_uuid16(value[:2])] = value[2:]
            case 0xFF if len(value) >= 2:
                maker[int.from_bytes(value[:2], "little")] = value[2:]
            case 0x0A if value:
                power = int.from_bytes(value[:1], "little", signed=True)
    return AdvertisementData(
        name, maker, service_data, uuids, power, advertisement.rssi, (advertisement,)
    )


def advertise(
    name: str,
    services: Iterable[str],
    manufacturer: dict[int, bytes] | None = None,
    service_data: dict[str, bytes] | None = None,
    name_in_scan_response: bool = False,
) -> tuple[bytes, bytes]:
    """Return (advertising data, scan response), each at most 31 bytes.

    ``services`` are 128-bit UUID texts; those on the SIG base are sent short. What does not fit
    beside the services moves to the scan response; a name too long even for that is cut.
    """
    short = [u[4:8] for u in services if u.startswith("0000") and u.endswith(_BASE)]
    long = [u for u in services if not (u.startswith("0000") and u.endswith(_BASE))]
    first = [_field(_FLAGS, _GENERAL_LE_ONLY)]
    if short:
        first.append(_field(_UUID16, b"".join(struct.pack("<H", int(u, 16)) for u in short)))
    if long:
        first.append(_field(_UUID128, bytes.fromhex(long[0].replace("-", ""))[::-1]))
    for company, data in (manufacturer or {}).items():
        first.append(_field(_MANUFACTURER, struct.pack("<H", company) + data))
    for uuid, data in (service_data or {}).items():
        first.append(_field(_SERVICE_DATA, struct.pack("<H", int(uuid[4:8], 16)) + data))
    label = _field(_NAME, name.encode()[: LARGEST - 2])
    main = b"".join(first)
    if len(main) > LARGEST:
        raise Invalid(f"{name}: {len(main)} bytes do not fit an advertisement of {LARGEST}")
    if name_in_scan_response or len(main) + len(label) > LARGEST:
        return main, label
    return main + label, b""


def _field(kind: int, value: bytes) -> bytes:
    return bytes((len(value) + 1, kind)) + value


def _uuid16(value: bytes) -> str:
    return normalize_uuid_str(f"{int.from_bytes(value, 'little'):04x}")


def _uuid128(value: bytes) -> str:
    text = value[::-1].hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
