"""Names and addresses by which browsers of the local network reach this machine (Linux)."""

import contextlib
import fcntl
import socket
import struct
from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address
from pathlib import Path

_SIOCGIFADDR = 0x8915
_IF_INET6 = Path("/proc/net/if_inet6")
ANY_HOST = frozenset({"0.0.0.0", "::"})


def lan_names(host: str, further: Iterable[str] = ()) -> frozenset[str]:
    """Return host names and addresses for a server that listens at ``host``.

    ``further`` are names that the settings give. The host's own name is there alone and with
    ``.local``, as mDNS publishes it.
    """
    own = socket.gethostname().lower().partition(".")[0]
    names = {"localhost", own, f"{own}.local", *(name.lower() for name in further)}
    addresses = interface_addresses() if host in ANY_HOST else {host}
    return frozenset(name for name in names | addresses if name)


def interface_addresses() -> set[str]:
    """Return the addresses of every interface, without those of one link alone."""
    found = set()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode()[:15])
            with contextlib.suppress(OSError):  # an interface without an address
                answer = fcntl.ioctl(probe.fileno(), _SIOCGIFADDR, request)
                found.add(socket.inet_ntoa(answer[20:24]))
    with contextlib.suppress(OSError):
        for line in _IF_INET6.read_text(encoding="ascii").splitlines():
            address = IPv6Address(int(line.split()[0], 16))
            if not address.is_link_local:
                found.add(str(ip_address(address)))
    return found
