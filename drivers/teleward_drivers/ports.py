"""Serial ports of this machine: what is plugged in, under which name that stays the same.

`/dev/ttyUSB0` is whatever was plugged in first; `/dev/serial/by-id/...` names the adapter and is
what a device should be registered by. Cheap adapters share one serial number ("0001") or have none:
where two claim one by-id name, udev's by-path name (the USB socket) tells them apart.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from serial.tools import list_ports

BY_ID = Path("/dev/serial/by-id")
BY_PATH = Path("/dev/serial/by-path")

SHARED_SERIALS = frozenset({"", "0", "0001", "00000001", "0000"})
"""Serial numbers that makers of CP210x and CH340 adapters leave at their default."""


@dataclass(frozen=True, slots=True)
class Port:
    """A serial port; ``path`` is the name to register, ``device`` the kernel's name of today.

    ``usb_id`` is ``"vid:pid"`` in lower-case hex, or "" for a port that is not on USB.
    """

    path: str
    device: str
    description: str
    usb_id: str = ""
    serial_number: str = ""
    shares_its_name: bool = False


def ports(by_id: Path = BY_ID, by_path: Path = BY_PATH) -> list[Port]:
    """Return the ports of USB adapters first, then what else is linked in ``by_id``."""
    names, sockets = stable_names(by_id), stable_names(by_path)
    found = {info.device: info for info in list_ports.comports()}
    result = []
    for device in sorted({*found, *names}):
        info = found.get(device)
        usb_id = f"{info.vid:04x}:{info.pid:04x}" if info and info.vid is not None else ""
        number = (info.serial_number or "") if info else ""
        shared = bool(usb_id) and number in SHARED_SERIALS
        stable = sockets.get(device) if shared else names.get(device)
        result.append(
            Port(
                path=stable or names.get(device) or device,
                device=device,
                description=describe(info.description if info else Path(names[device]).name),
                usb_id=usb_id,
                serial_number=number,
                shares_its_name=shared,
            )
        )
    return sorted(result, key=lambda port: (not port.usb_id, port.path))


def describe(text: str) -> str:
    """Return the system's description of a port; placeholders for an empty one are dropped."""
    return "" if text == "n/a" else text


def stable_names(folder: Path) -> dict[str, str]:
    """Return kernel name -> stable name of the links in ``folder``, dangling ones left out."""
    if not folder.is_dir():
        return {}
    return {str(p.resolve()): str(p) for p in sorted(folder.iterdir()) if p.exists()}


def is_same_port(first: str, second: str) -> bool:
    """Return whether two names lead to one port now."""
    if "://" in first or "://" in second:
        return first == second
    return Path(first).resolve() == Path(second).resolve()


def in_use(path: str, registered: Iterable[str]) -> str | None:
    """Return the one of the ``registered`` names that leads to ``path``."""
    return next((name for name in registered if is_same_port(path, name)), None)
