"""Checksums of the protocols: pure functions of bytes.

CRC-16/CCITT-FALSE  0x1021 from 0xFFFF             check 0x29B1  our framed protocol
CRC-16/MCRF4XX      0x1021 reflected, from 0xFFFF  check 0x6F91  E2E-CRC of Bluetooth SIG
CRC-8/SMBus         0x07 from 0                    check 0xF4    Viatom, Wellue
CRC-8/MAXIM         0x31 reflected, from 0         check 0xA1    PC-60FW
sum modulo 256                                     check 0xDD    Nonin

The check value is that of the nine bytes "123456789".
"""

from binascii import crc_hqx


def crc16_ccitt(data: bytes | bytearray | memoryview, start: int = 0xFFFF) -> int:
    """Return CRC-16/CCITT-FALSE; avr-libc's ``_crc_xmodem_update`` from 0xFFFF is the same."""
    return crc_hqx(data, start)


def _table_mcrf4xx() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0x8408 if crc & 1 else crc >> 1
        table.append(crc)
    return tuple(table)


def _table_crc8() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc << 1) ^ 0x107 if crc & 0x80 else crc << 1
        table.append(crc & 0xFF)
    return tuple(table)


def _table_maxim() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0x8C if crc & 1 else crc >> 1
        table.append(crc)
    return tuple(table)


_MCRF4XX = _table_mcrf4xx()
_CRC8 = _table_crc8()
_MAXIM = _table_maxim()


def crc16_mcrf4xx(data: bytes | bytearray | memoryview) -> int:
    """Return CRC-16/MCRF4XX, the E2E-CRC of Bluetooth health services."""
    crc = 0xFFFF
    for byte in data:
        crc = (crc >> 8) ^ _MCRF4XX[(crc ^ byte) & 0xFF]
    return crc


def crc8(data: bytes | bytearray | memoryview) -> int:
    """Return CRC-8 with polynomial 0x07 and start value 0."""
    crc = 0
    for byte in data:
        crc = _CRC8[crc ^ byte]
    return crc


def crc8_maxim(data: bytes | bytearray | memoryview) -> int:
    """Return CRC-8/MAXIM (Dallas); 0 over data with its own checksum."""
    crc = 0
    for byte in data:
        crc = _MAXIM[crc ^ byte]
    return crc


def sum8(data: bytes | bytearray | memoryview) -> int:
    """Return the sum of all bytes modulo 256."""
    return sum(data) & 0xFF
