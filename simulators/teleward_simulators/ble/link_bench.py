"""A device for testing links: long values, refusals, secrets, bursts and a counter that streams.

0001 read, write 512 bytes      0004 notify: counter u32, padded to the size asked for
0002 read: refused, ATT 0x80    0005 indicate: counter u32
0003 read: only encrypted       0006 write, write without response: command
0007 notify: echo of what was written to 0006 and is no command

command  01 n u16             indicate n times           02       end the link
         03 n u16, size u16   notify n times at once     04 rate u16, size u16   stream
"""

import asyncio
import struct

from bumble.device import Connection
from bumble.gatt import Characteristic, CharacteristicValue, Service

from teleward_simulators.ble.peripheral import Peripheral, Permissions, Properties, refusal

SERVICE = "7e1e0000-7e1e-4a1d-9a1d-7e1e7e1e7e1e"
LONG, REFUSED, SECRET, STREAM, INDICATED, COMMAND, ECHO = (
    SERVICE.replace("7e1e0000", f"7e1e{number:04x}") for number in range(1, 8)
)
LARGEST_VALUE = 512
"""Core 5.4, Vol 3 Part F 3.2.9."""
TOO_LONG, APPLICATION_ERROR = 0x0D, 0x80
STREAM_TICK_S = 0.05


class LinkBench(Peripheral):
    """See the module."""

    kind = "link-bench"
    title = "Link bench"
    model = "Link bench"
    advertised = (SERVICE,)

    def services(self) -> list[Service]:
        self._long = bytes(range(256)) * 2
        self._counter = 0
        self._rate, self._size = 0, 4
        self._stream = self.notifier(STREAM)
        self._indicated = self.indicator(INDICATED)
        self._echo = self.notifier(ECHO)
        secret: Characteristic[bytes] = Characteristic(
            SECRET,
            Properties.READ,
            Permissions.READABLE | Permissions.READ_REQUIRES_ENCRYPTION,
            b"secret",
        )
        refused: Characteristic[bytes] = Characteristic(
            REFUSED,
            Properties.READ,
            Permissions.READABLE,
            CharacteristicValue(read=self._refuse),
        )
        return [
            Service(
                SERVICE,
                [
                    self.writable(LONG, self._write_long, read=lambda _: self._long),
                    refused,
                    secret,
                    self._stream,
                    self._indicated,
                    self.writable(
                        COMMAND,
                        self._command,
                        Properties.WRITE | Properties.WRITE_WITHOUT_RESPONSE,
                    ),
                    self._echo,
                ],
            )
        ]

    def _refuse(self, _connection: Connection) -> bytes:
        raise refusal(APPLICATION_ERROR)

    def _write_long(self, _connection: Connection, value: bytes) -> None:
        if len(value) > LARGEST_VALUE:
            raise refusal(TOO_LONG)
        self._long = bytes(value)

    def _command(self, _connection: Connection, value: bytes) -> None:
        match bytes(value):
            case b"\x02":
                self.spawn(self.disconnect())
            case bytes() as data if data[:1] == b"\x01" and len(data) == 3:
                self.spawn(self._indicate(int.from_bytes(data[1:], "little")))
            case bytes() as data if data[:1] == b"\x03" and len(data) == 5:
                count, size = struct.unpack("<HH", data[1:])
                for _ in range(count):
                    self.notify(self._stream, self._next(size))
            case bytes() as data if data[:1] == b"\x04" and len(data) == 5:
                self._rate, self._size = struct.unpack("<HH", data[1:])
            case data:
                self.notify(self._echo, data)

    async def _indicate(self, count: int) -> None:
        for _ in range(count):
            await self.indicate(self._indicated, self._next(4))

    def _next(self, size: int) -> bytes:
        self._counter += 1
        return self._counter.to_bytes(4, "little").ljust(size, b"\xaa")

    def on_disconnected(self) -> None:
        self._rate = 0

    async def run(self) -> None:
        due = 0.0
        while True:
            await asyncio.sleep(STREAM_TICK_S)
            due += self._rate * STREAM_TICK_S
            for _ in range(int(due)):
                self.notify(self._stream, self._next(self._size))
            due -= int(due)
