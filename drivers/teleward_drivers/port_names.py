"""Which names of serial ports may be opened: terminals of this machine, and some kinds of URL.

    /dev/serial/by-id/...            a device whose kernel driver is a serial line or a pty
    socket://host:port               bytes over TCP
    rfc2217://host:port[?options]    a port server (RFC 2217)
    mllp://host:port[/sender]        monitors that connect to this machine (`mllp_link`)

pyserial knows more URLs; some write files (``spy://...?file=``), so none of them is passed on.
"""

import os
import re
import stat
from pathlib import Path

from teleward_signal.errors import Invalid

_URL = re.compile(
    r"socket://(\[[0-9a-fA-F:.]+\]|[\w.-]+):\d{1,5}/?|"
    r"rfc2217://(\[[0-9a-fA-F:.]+\]|[\w.-]+):\d{1,5}/?(\?(ign_set_control|poll_modem|"
    r"timeout=[\d.]+)(&(ign_set_control|poll_modem|timeout=[\d.]+))*)?|"
    r"mllps?://(\[[0-9a-fA-F:.]+\]|[\d.]+):\d{1,5}(/[\w.-]*)?(\?[\w.,:/=&-]+)?",
    re.ASCII,
)
_LINES = frozenset({"serial", "pty:slave"})
"""Kinds of terminals in /proc/tty/drivers that are lines; consoles and masters are not."""


def is_url(port: str) -> bool:
    """Return whether ``port`` is a URL rather than a path."""
    return "://" in port


def check_name(port: str) -> str:
    """Return ``port`` when it is a path or a URL of a known kind; raises Invalid. Opens nothing."""
    if "\0" in port or not port.isprintable():
        raise Invalid("a port's name has no control characters")
    if is_url(port) and not _URL.fullmatch(port):
        raise Invalid(
            "write a port as a path, socket://host:port, rfc2217://host:port or mllp://host:port"
        )
    return port


def check_local(port: str) -> str:
    """Return ``port`` when it is a terminal of this machine; raises Invalid. Opens nothing.

    A path that is not there raises FileNotFoundError: an adapter may be plugged in later.
    """
    if is_url(check_name(port)):
        raise Invalid("a port on the network is named in the settings file, [[devices]] port")
    status = os.stat(port)
    if not stat.S_ISCHR(status.st_mode) or not _is_line(port, status.st_rdev):
        raise Invalid("this is no serial port: choose one of the list of ports")
    return port


def _is_line(port: str, number: int, table: Path = Path("/proc/tty/drivers")) -> bool:
    """Return whether the device ``number`` is a serial line or a pseudo-terminal."""
    try:
        rows = table.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:  # not Linux
        return Path(port).resolve().name.startswith(("tty", "cu."))
    major, minor = os.major(number), os.minor(number)
    for row in rows:
        *_, row_major, minors, kind = row.split()
        first, _, last = minors.partition("-")
        if int(row_major) == major and int(first) <= minor <= int(last or first):
            return kind in _LINES
    return False
