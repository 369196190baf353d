"""Serial ports on ptys and sockets: bytes both ways, hang-up, locks, and errors with a remedy."""

import asyncio
import contextlib
import os
import socket
import threading
import tty
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import serial
import serial.rfc2217

from teleward_drivers.device import SerialSettings
from teleward_drivers.errors import DeviceNotFound, LinkLost, LinkUnavailable, Unavailable
from teleward_drivers.serial_link import SerialLink

SETTINGS = SerialSettings(19200, parity="O")


@dataclass
class Pty:
    """The device's end of a port."""

    master: int
    port: str

    def unplug(self) -> None:
        if self.master >= 0:
            os.close(self.master)
            self.master = -1


@pytest.fixture
def pty() -> Iterator[Pty]:
    master, slave = os.openpty()
    tty.setraw(slave)
    pty = Pty(master, os.ttyname(slave))
    os.close(slave)
    yield pty
    pty.unplug()


async def test_bytes_go_both_ways(pty: Pty) -> None:
    link = await SerialLink.open(pty.port, SETTINGS)
    os.write(pty.master, b"\x81\x00\x7f")
    received = await link.read()
    assert (received.data, received.channel) == (b"\x81\x00\x7f", "")
    await link.write(b"\x7d\x81\xa1")
    assert os.read(pty.master, 100) == b"\x7d\x81\xa1"
    await link.close()


async def test_more_than_the_port_holds_is_written_in_full(pty: Pty) -> None:
    link = await SerialLink.open(pty.port, SETTINGS)
    data = bytes(range(256)) * 256
    writing = asyncio.create_task(link.write(data))
    got = b""
    while len(got) < len(data):
        got += await asyncio.to_thread(os.read, pty.master, 65536)
    await writing
    assert got == data
    await link.close()


async def test_unplugged_port_ends_after_what_arrived(pty: Pty) -> None:
    link = await SerialLink.open(pty.port, SETTINGS)
    os.write(pty.master, b"last")
    await asyncio.sleep(0)
    assert (await link.read()).data == b"last"
    pty.unplug()
    with pytest.raises(LinkLost):
        await asyncio.wait_for(link.read(), 30)
    with pytest.raises(LinkLost):
        await link.write(b"x")
    await link.close()


async def test_second_gateway_is_told_that_the_port_is_in_use(pty: Pty) -> None:
    link = await SerialLink.open(pty.port, SETTINGS)
    with pytest.raises(LinkUnavailable, match="in use") as caught:
        await SerialLink.open(pty.port, SETTINGS)
    assert caught.value.reason is Unavailable.IN_USE
    await link.close()
    again = await SerialLink.open(pty.port, SETTINGS)
    await again.close()


async def test_missing_port_is_waited_for(tmp_path: Path) -> None:
    with pytest.raises(DeviceNotFound, match="No such file"):
        await SerialLink.open(str(tmp_path / "usb-none"), SETTINGS)


async def test_by_id_link_opens(pty: Pty, tmp_path: Path) -> None:
    by_id = tmp_path / "usb-SIM_CMS50D_0001-if00-port0"
    by_id.symlink_to(pty.port)
    link = await SerialLink.open(str(by_id), SETTINGS)
    await link.write(b"a")
    assert os.read(pty.master, 10) == b"a"
    await link.close()


async def test_socket_port(unused_tcp_port: int) -> None:
    done = asyncio.Event()

    async def device(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        assert await reader.readexactly(2) == b"ok"
        writer.close()
        done.set()

    async with await asyncio.start_server(device, "127.0.0.1", unused_tcp_port):
        link = await SerialLink.open(f"socket://127.0.0.1:{unused_tcp_port}", SETTINGS)
        assert (await link.read()).data == b"hello"
        await link.write(b"ok")
        with pytest.raises(LinkLost, match="other side"):
            await asyncio.wait_for(link.read(), 30)
        await done.wait()
        await link.close()


@pytest.mark.parametrize("port", ["socket://127.0.0.1", "socket://:9", "gopher://127.0.0.1:1"])
async def test_port_url_that_makes_no_sense_is_refused(port: str) -> None:
    with pytest.raises(LinkUnavailable) as caught:
        await SerialLink.open(port, SETTINGS)
    assert caught.value.reason is Unavailable.UNSUPPORTED


async def test_socket_nobody_listens_on_is_not_found(unused_tcp_port: int) -> None:
    with pytest.raises(DeviceNotFound):
        await SerialLink.open(f"socket://127.0.0.1:{unused_tcp_port}", SETTINGS)


def test_other_software_gets_in_unless_it_asks_for_exclusion(pty: Pty) -> None:
    """The documented limit of the lock: it holds only against programs that ask for it too."""
    with serial.Serial(pty.port, 9600, exclusive=True), serial.Serial(pty.port, 9600) as second:
        assert second.is_open


class PtySerial(serial.Serial):
    """A pty as a port of a network server: it has no modem lines."""

    cts = dsr = cd = property(lambda self: True)
    ri = property(lambda self: False)

    def _update_dtr_state(self) -> None:
        pass

    def _update_rts_state(self) -> None:
        pass


class PortServer(threading.Thread):
    """An RFC 2217 server for one client, as ser2net is one."""

    def __init__(self, port: str) -> None:
        super().__init__()
        self.device = PtySerial(port, 9600, timeout=0)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.number = self.listener.getsockname()[1]

    def run(self) -> None:
        """Carry bytes until the client goes."""
        client, _ = self.listener.accept()
        with self.listener, client, self.device:
            client.settimeout(0.02)
            writer: Any = SimpleNamespace(write=client.sendall)
            device: Any = self.device
            manager = serial.rfc2217.PortManager(device, writer)
            while True:
                with contextlib.suppress(TimeoutError):
                    data = client.recv(1024)
                    if not data:
                        return
                    self.device.write(b"".join(manager.filter(data)))
                if data := self.device.read(1024):
                    client.sendall(b"".join(manager.escape(data)))


@pytest.mark.filterwarnings("ignore:set(Daemon|Name)\\(:DeprecationWarning")  # pyserial 3.5
async def test_port_on_the_network_by_rfc2217(pty: Pty) -> None:
    """The baud rate travels, bytes of telnet's own are escaped, and the end is seen."""
    server = PortServer(pty.port)
    server.start()
    link = await SerialLink.open(f"rfc2217://127.0.0.1:{server.number}", SerialSettings(115200))
    os.write(pty.master, b"\xff\x00abc")
    got = b""
    while len(got) < 5:
        got += (await asyncio.wait_for(link.read(), 30)).data
    assert got == b"\xff\x00abc"
    assert server.device.baudrate == 115200
    await link.write(b"\xffok")
    assert await asyncio.to_thread(os.read, pty.master, 10) == b"\xffok"
    await link.close()
    await asyncio.to_thread(server.join, 10)
    assert not server.is_alive()
