"""The user of a connection over loopback, as the kernel knows it (Linux, /proc/net/tcp).

Only an open connection counts: one that its program has left belongs to root in that table.
"""

import os
from ipaddress import ip_address
from pathlib import Path

from starlette.types import Scope

_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_ESTABLISHED = "01"
ROOT = 0


def is_own_user(scope: Scope) -> bool:
    """Return whether a request over loopback comes from this process' user or from root."""
    client, server = scope.get("client"), scope.get("server")
    if client is None or server is None or server[1] is None:
        return False
    return user_of((client[0], client[1]), (server[0], server[1])) in (os.getuid(), ROOT)


def user_of(client: tuple[str, int], server: tuple[str, int]) -> int | None:
    """Return the user id of the program at ``client`` that is connected to ``server``."""
    try:
        wanted = _key(*client), _key(*server)
    except ValueError:
        return None
    for table in _TABLES:
        try:
            lines = table.read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            words = line.split()
            if (words[1], words[2]) == wanted and words[3] == _ESTABLISHED:
                return int(words[7])
    return None


def _key(host: str, port: int) -> str:
    """Return address and port as the table has them: words of four bytes, each from its end."""
    packed = ip_address(host).packed
    words = (packed[at : at + 4][::-1].hex().upper() for at in range(0, len(packed), 4))
    return f"{''.join(words)}:{port:04X}"
