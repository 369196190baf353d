"""Checks before the gateway starts: its data folder and its listening socket."""

import contextlib
import errno
import socket
from pathlib import Path

from teleward_signal.errors import TelewardError


class StartError(TelewardError):
    """The gateway cannot start; the message names the reason and the remedy."""


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; raises StartError naming the remedy."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        why = "is in use" if error.errno == errno.EADDRINUSE else f"({error.strerror})"
        raise StartError(f"api.port {port} on {host} {why}; set another api.port") from None
    listener.listen()
    return listener


def prepare_folder(folder: Path) -> None:
    """Make the data folder, for this user only; raises StartError naming the remedy."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(PermissionError):  # a folder lent by another user is their choice
            folder.chmod(0o700)
        probe = folder / ".writable"
        probe.write_bytes(b"teleward")
        probe.unlink()
    except OSError as error:
        raise StartError(
            f"gateway.data_folder {folder}: {error.strerror}; make it writable for this user, "
            "free some space, or set another folder"
        ) from None
