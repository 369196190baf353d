"""What the gateway needs of the machine at its start: a data folder and a listening socket.

Neither stops a start: a folder that cannot be written is a problem that health names while the
gateway watches and alarms, and a port that is taken is tried again until it is free.
"""

import asyncio
import contextlib
import errno
import logging
import socket
import threading
from collections.abc import Callable
from pathlib import Path

from teleward_signal.errors import TelewardError

log = logging.getLogger(__name__)

LISTEN_AGAIN_S = 5.0


class StartError(TelewardError):
    """The gateway cannot start; the message names the reason and the remedy."""


async def in_daemon_thread(work: Callable[[], None]) -> None:
    """Await ``work`` in a thread that does not keep the process alive when the wait is given up."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    failed: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            failed.append(error)
        with contextlib.suppress(RuntimeError):  # the loop may be gone by now
            loop.call_soon_threadsafe(done.set)

    threading.Thread(target=run, name="start", daemon=True).start()
    await done.wait()
    if failed:
        raise failed[0]


async def listen_when_free(
    host: str, port: int, setting: str = "api.port", again_s: float = LISTEN_AGAIN_S
) -> socket.socket:
    """Return a listening socket as soon as the port is free; the log gives the reason once."""
    known = ""
    while True:
        try:
            return listen(host, port, setting)
        except StartError as error:
            if str(error) != known:
                known = str(error)
                log.error("no pages yet: %s, or stop the program that uses it", error)
            await asyncio.sleep(again_s)


def listen(host: str, port: int, setting: str = "api.port") -> socket.socket:
    """Return a listening socket; raises StartError naming the remedy."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        why = "is in use" if error.errno == errno.EADDRINUSE else f"({error.strerror})"
        raise StartError(f"{setting} {port} on {host} {why}; set another {setting}") from None
    listener.listen()
    return listener


def prepare_folder(folder: Path) -> str | None:
    """Make the data folder, for this user only; return what hinders writing there, if anything."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(PermissionError):  # a folder lent by another user is their choice
            folder.chmod(0o700)
        probe = folder / ".writable"
        probe.write_bytes(b"teleward")
        probe.unlink()
    except OSError as error:
        return (
            f"gateway.data_folder {folder}: {error.strerror}; make it writable for this user, "
            "free some space, or set another folder"
        )
    return None
