"""A serial device as a `Link`: pyserial opens and sets the port, the event loop reads it.

    /dev/serial/by-id/...   exclusive open, `loop.add_reader`   (half the CPU of a reading thread)
    socket://host:port      asyncio streams
    rfc2217://host:port     pyserial, read by a thread
    COM3 and other systems  pyserial, read by a thread: their loops cannot watch a port

The open is exclusive (an advisory lock): a second pyserial program that does not ask for it still
gets in, so other software on the port must do the same. Neither network form has any protection:
use them on a loopback or a trusted wire only.
"""

import asyncio
import contextlib
import errno
import logging
import os
import sys
import threading
from collections.abc import Callable
from typing import Any, Protocol

import serial

from teleward_drivers.device import SerialSettings
from teleward_drivers.errors import (
    DeviceNotFound,
    LinkError,
    LinkLost,
    LinkUnavailable,
    OperationTimeout,
    Unavailable,
)
from teleward_drivers.inbox import Inbox
from teleward_drivers.link import Received
from teleward_drivers.port_names import check_local, check_name, is_url

if sys.platform != "win32":
    import termios

    TtyError: type[Exception] = termios.error
else:
    TtyError = OSError

log = logging.getLogger(__name__)

READ_SIZE = 65536
"""More than a kernel keeps for a tty (4096 bytes), so one read empties it."""

OPEN_S = 10.0
"""A network port answers within seconds or not at all."""

WRITE_S = 5.0
"""Commands are tens of bytes; 4096 bytes take 4.3 s at 9600 baud."""

POLL_S = 0.2
"""How long the reading thread waits before it looks whether it should stop."""


class Wire(Protocol):
    """One way to reach a port; bytes and the end of them go to the inbox."""

    async def write(self, data: bytes) -> None:
        """Send all of ``data``."""
        ...

    def close(self) -> None:
        """Release the port."""
        ...


class SerialLink:
    """One open serial port; made by `open`."""

    def __init__(self, port: str, wire: Wire, inbox: Inbox) -> None:
        self.port = port
        self._wire = wire
        self._inbox = inbox

    @classmethod
    async def open(cls, port: str, settings: SerialSettings) -> "SerialLink":
        """Open ``port`` (a path, ``socket://`` or ``rfc2217://``) for this process alone."""
        inbox = Inbox()
        try:
            async with asyncio.timeout(OPEN_S):
                return cls(port, await _open_wire(port, settings, inbox), inbox)
        except (OSError, TimeoutError, ValueError, TtyError) as error:
            raise explain(error, port) from error

    @property
    def n_overflowed(self) -> int:
        """Pieces thrown away because nobody read."""
        return self._inbox.n_overflowed

    def channels(self) -> frozenset[str]:
        """Return nothing: a serial port has one channel without a name."""
        return frozenset()

    async def read(self) -> Received:
        """Wait for the next bytes."""
        return await self._inbox.get()

    async def write(self, data: bytes, channel: str = "", response: bool = True) -> None:
        """Send ``data``."""
        if (ended := self._inbox.ended) is not None:
            raise ended
        try:
            async with asyncio.timeout(WRITE_S):
                await self._wire.write(data)
        except TimeoutError as error:
            raise OperationTimeout(f"{self.port}: the port takes no bytes") from error
        except OSError as error:
            lost = LinkLost(f"{self.port}: {error}")
            self._inbox.end(lost)
            raise lost from error

    async def subscribe(self, channel: str) -> None:
        """Do nothing: every byte of a port is read."""

    async def request(self, channel: str) -> None:
        """Do nothing: a serial device is asked by a write."""

    async def close(self) -> None:
        """Close the port at once, so that a re-plugged adapter gets its old name back."""
        self._inbox.end(LinkLost("closed"))
        self._wire.close()


def explain(error: Exception, port: str) -> LinkError:
    """Return the `LinkError` for what opening a port raised."""
    if isinstance(error, TimeoutError):
        return DeviceNotFound(f"{port}: no answer in {OPEN_S:.0f} s")
    code = getattr(error, "errno", None)
    if code in (errno.EAGAIN, errno.EBUSY):
        return LinkUnavailable(f"{port} is in use by another program", Unavailable.IN_USE)
    if code in (errno.EACCES, errno.EPERM):
        return LinkUnavailable(
            f"{port}: no permission: add this user to group dialout and log in again",
            Unavailable.NO_PERMISSION,
        )
    if isinstance(error, ValueError):
        return LinkUnavailable(f"{port}: {error}", Unavailable.UNSUPPORTED)
    return DeviceNotFound(f"{port}: {os.strerror(code) if code else error}")


async def _open_wire(port: str, settings: SerialSettings, inbox: Inbox) -> Wire:
    check_name(port)
    if port.startswith("socket://"):
        host, _, number = port.removeprefix("socket://").partition("/")[0].rpartition(":")
        reader, writer = await asyncio.open_connection(host.strip("[]"), int(number))
        return StreamWire(port, reader, writer, inbox)
    opened = await asyncio.to_thread(_open_port, port, settings)
    if is_url(port) or sys.platform == "win32":
        return ThreadWire(port, opened, inbox)
    return DescriptorWire(port, opened, inbox)


def _open_port(port: str, settings: SerialSettings) -> Any:
    """Open by pyserial; modem lines stay as the system sets them."""
    local = not is_url(port)
    if local and sys.platform != "win32":
        check_local(port)
    arguments: dict[str, Any] = {
        "baudrate": settings.baudrate,
        "bytesize": settings.bytesize,
        "parity": settings.parity,
        "stopbits": settings.stopbits,
        "timeout": 0 if local and sys.platform != "win32" else POLL_S,
    }
    if not local:  # pyserial's rfc2217 takes no write timeout
        return serial.serial_for_url(port, **arguments)
    try:
        return serial.Serial(port, exclusive=True, write_timeout=WRITE_S, **arguments)
    except TtyError as error:
        # A pseudo-terminal has no parity and refuses a setting of which nothing is left to change.
        log.warning("%s: %s: opened without parity", port, error)
        arguments["parity"] = serial.PARITY_NONE
        return serial.Serial(port, exclusive=True, write_timeout=WRITE_S, **arguments)


class DescriptorWire:
    """A POSIX tty watched by the event loop."""

    def __init__(self, port: str, opened: serial.Serial, inbox: Inbox) -> None:
        self._port, self._serial, self._inbox = port, opened, inbox
        self._loop = asyncio.get_running_loop()
        self._descriptor = opened.fileno()
        self._writable: asyncio.Future[None] | None = None
        self._loop.add_reader(self._descriptor, self._on_readable)

    def _on_readable(self) -> None:
        try:
            data = os.read(self._descriptor, READ_SIZE)
        except BlockingIOError:
            return
        except OSError as error:
            self._hang_up(os.strerror(error.errno or 0))
            return
        if data:
            self._inbox.put(data)
        else:  # a tty that is readable and empty has hung up; it would stay so and spin the loop
            self._hang_up("unplugged")

    def _hang_up(self, why: str) -> None:
        self._inbox.end(LinkLost(f"{self._port}: {why}"))
        self.close()

    async def write(self, data: bytes) -> None:
        """Send all of ``data``, waiting while the port is full."""
        rest = memoryview(data)
        while rest:
            if not self._serial.is_open:
                raise OSError(errno.EIO, "the port is closed")
            try:
                rest = rest[os.write(self._descriptor, rest) :]
            except BlockingIOError:
                await self._until_writable()

    async def _until_writable(self) -> None:
        self._writable = self._loop.create_future()
        self._loop.add_writer(self._descriptor, _finish, self._writable)
        try:
            await self._writable
        finally:
            self._writable = None
            if self._serial.is_open:
                self._loop.remove_writer(self._descriptor)

    def close(self) -> None:
        """Stop watching and close."""
        if not self._serial.is_open:
            return
        self._loop.remove_reader(self._descriptor)
        self._loop.remove_writer(self._descriptor)
        if self._writable is not None:
            _finish(self._writable)
        with contextlib.suppress(OSError):
            self._serial.close()


def _finish(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)


class StreamWire:
    """A TCP stream that carries the bytes of a port."""

    def __init__(
        self, port: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, inbox: Inbox
    ) -> None:
        self._writer = writer
        self._pump = asyncio.create_task(self._read(port, reader, inbox))

    async def _read(self, port: str, reader: asyncio.StreamReader, inbox: Inbox) -> None:
        try:
            while data := await reader.read(READ_SIZE):
                inbox.put(data)
            inbox.end(LinkLost(f"{port}: closed by the other side"))
        except OSError as error:
            inbox.end(LinkLost(f"{port}: {error}"))
        finally:
            self._writer.close()

    async def write(self, data: bytes) -> None:
        """Send all of ``data``."""
        self._writer.write(data)
        await self._writer.drain()

    def close(self) -> None:
        """Close the stream."""
        self._pump.cancel()
        self._writer.close()


class ThreadWire:
    """A pyserial port read by a thread of its own."""

    def __init__(self, port: str, opened: Any, inbox: Inbox) -> None:
        self._port, self._serial, self._inbox = port, opened, inbox
        self._loop = asyncio.get_running_loop()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read, name=f"read {port}", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        error = "closed by the other side"
        try:
            while not self._stop.is_set():
                if data := self._serial.read(self._serial.in_waiting or 1):
                    self._notify(self._inbox.put, data)
        except (OSError, TypeError, ValueError) as raised:  # what pyserial raises on a closed port
            error = str(raised)
        finally:
            with contextlib.suppress(OSError):
                self._serial.close()
            self._notify(self._inbox.end, LinkLost(f"{self._port}: {error}"))

    def _notify(self, what: Callable[[Any], None], value: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop may be closed already
            self._loop.call_soon_threadsafe(what, value)

    async def write(self, data: bytes) -> None:
        """Send all of ``data`` from a thread, for pyserial may block."""
        await asyncio.to_thread(self._serial.write, data)

    def close(self) -> None:
        """Have the thread end and close the port."""
        self._stop.set()
