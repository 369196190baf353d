"""A serial port that is really a pseudo-terminal, with a stable name like those in by-id.

    device --bytes--> master | slave <-- /.../usb-SIM_CMS50D_0001-if00-port0 (symlink) <-- host

What a pty can and cannot do (measured): any baud rate is accepted and can be read back, so a
wrong one turns into garbage here as on a wire; parity and modem lines do not exist; closing the
master is an unplug. The slave is not kept open, or the host's hang-up would not be seen.
"""

import asyncio
import contextlib
import os
import random
import select
import termios
import tty
from collections.abc import Callable
from pathlib import Path

POLL_S = 0.05
"""How often a closed port looks whether a host has opened it: a pty gives no event for that."""

_SPEEDS = {
    getattr(termios, name): int(name[1:])
    for name in dir(termios)
    if name.startswith("B") and name[1:].isdigit()
}


def _is_port(path: Path) -> bool:
    """Return whether ``path`` is a link to a device, as a port that was left behind is."""
    return path.is_symlink() and os.readlink(path).startswith("/dev/")


class PtyPort:
    """One port at ``path``. ``on_open`` and ``on_data`` are called in the event loop."""

    def __init__(
        self,
        path: Path,
        baudrate: int,
        on_open: Callable[[], None],
        on_data: Callable[[bytes], None],
        seed: int = 0,
    ) -> None:
        self.path = path
        self.baudrate = baudrate
        self.is_open = False
        self.overflowed = 0
        self._on_open = on_open
        self._on_data = on_data
        self._random = random.Random(seed)
        self._master: int | None = None
        self._watch: asyncio.Task[None] | None = None

    def plug(self) -> None:
        """Make the port appear; raises FileExistsError for a name that is no port's."""
        if os.path.lexists(self.path) and not _is_port(self.path):
            raise FileExistsError(f"{self.path} is no serial port: choose another name")
        master, slave = os.openpty()
        tty.setraw(slave)
        name = os.ttyname(slave)
        os.close(slave)
        os.set_blocking(master, False)
        self._master = master
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(name)
        self._watch = asyncio.create_task(self._wait_for_host())

    def unplug(self) -> None:
        """Make the port vanish, as when the cable is pulled; idempotent."""
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        if self._master is None:
            return
        asyncio.get_running_loop().remove_reader(self._master)
        os.close(self._master)
        self._master = None
        self.is_open = False
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()

    def write(self, data: bytes) -> None:
        """Send ``data``; what no host reads is lost, as on a wire."""
        if self._master is None or not self.is_open or not data:
            return
        if not self.speaks_alike():
            data = self._random.randbytes(len(data))
        try:
            written = os.write(self._master, data)
        except BlockingIOError:
            written = 0
        except OSError:
            self._host_left()
            return
        self.overflowed += len(data) - written

    def speaks_alike(self) -> bool:
        """Return whether the host has set the device's baud rate."""
        if self._master is None:
            return False
        speed = termios.tcgetattr(self._master)[5]
        return _SPEEDS.get(speed, speed) == self.baudrate

    async def _wait_for_host(self) -> None:
        poll = select.poll()
        assert self._master is not None
        poll.register(self._master, select.POLLHUP)
        while any(flags & select.POLLHUP for _, flags in poll.poll(0)):
            await asyncio.sleep(POLL_S)
        self.is_open = True
        asyncio.get_running_loop().add_reader(self._master, self._readable)
        self._on_open()

    def _readable(self) -> None:
        if self._master is None:
            return
        try:
            data = os.read(self._master, 65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._host_left()
        elif self.speaks_alike():
            self._on_data(data)

    def _host_left(self) -> None:
        """The host closed the port: wait for the next one (end of file would fire indefinitely)."""
        if self._master is None or not self.is_open:
            return
        self.is_open = False
        asyncio.get_running_loop().remove_reader(self._master)
        self._watch = asyncio.create_task(self._wait_for_host())
