"""Checks of this machine: radio, ports, permissions, clock, disk, kernel cache."""

import grp
import os
import pwd
import shutil
from collections.abc import Iterator
from pathlib import Path

from teleward_gateway.clock import GatewayClock
from teleward_gateway.health.findings import Finding, failed, ok, warning
from teleward_gateway.health.probes import disk_health
from teleward_gateway.settings.model import DeviceSettings, Settings
from teleward_signal.compiled.cache import FOLDER, cache_folder

_SYSTEM_BUS = Path("/run/dbus/system_bus_socket")
_ADAPTERS = Path("/sys/class/bluetooth")
_SWITCHES = Path("/sys/class/rfkill")
_SMALL_DISK = 2 * 2**30
"""About 50 patient-days of waveforms and the room that the system needs."""


def check_adapter(settings: Settings, *, adapters: Path = _ADAPTERS) -> Iterator[Finding]:
    """Look for a Bluetooth adapter, its kill switch, and the way to bluetoothd."""
    name = "adapter"
    chosen = settings.radio.adapter
    if chosen != "bluez":
        text = "switched off" if chosen == "off" else f"{chosen}: simulated devices"
        yield ok(name, text)
        return
    found = sorted(path.name for path in adapters.glob("hci*")) if adapters.is_dir() else []
    if not found:
        yield failed(
            name,
            "no Bluetooth adapter",
            'plug one in, or enable it (Raspberry Pi: remove "dtoverlay=disable-bt" from '
            '/boot/firmware/config.txt); without BLE devices set radio.adapter = "off"',
        )
        return
    if _blocked():
        yield failed(
            name, f"{', '.join(found)} is blocked by rfkill", "sudo rfkill unblock bluetooth"
        )
        return
    if not _SYSTEM_BUS.exists():
        yield failed(
            name,
            "no D-Bus system bus, through which bluetoothd is reached",
            "sudo apt install dbus bluez && sudo systemctl enable --now bluetooth",
        )
        return
    if shutil.which("bluetoothctl") is None:
        yield failed(name, "BlueZ is not installed", "sudo apt install bluez")
        return
    yield ok(name, ", ".join(found))


def check_permissions(settings: Settings) -> Iterator[Finding]:
    """See that this user may open serial ports and write the data folder."""
    folder = settings.gateway.data_folder
    place = next(path for path in (folder, *folder.parents) if path.exists())
    if os.access(place, os.W_OK):
        yield ok("permissions", f"{folder} can be written")
    else:
        user = pwd.getpwuid(os.getuid()).pw_name
        yield failed(
            "permissions",
            f"{user} may not write {place}",
            f"sudo install -d -o {user} {folder}, or set another gateway.data_folder",
        )
    if not any(device.port for device in settings.devices):
        return
    if os.getuid() == 0 or "dialout" in _groups():
        yield ok("permissions", "serial ports may be opened")
    else:
        user = pwd.getpwuid(os.getuid()).pw_name
        yield failed(
            "permissions",
            f"{user} is not in the group dialout, which owns serial ports",
            f"sudo usermod -aG dialout {user}, then log in again",
        )


def check_serial_ports(settings: Settings) -> Iterator[Finding]:
    """See that the port of every configured device is there."""
    ports = [device for device in settings.devices if device.port]
    by_id = sorted(Path("/dev/serial/by-id").glob("*"))
    if not ports:
        yield ok("serial ports", f"none configured; {len(by_id)} found")
    for device in ports:
        yield _check_port(device, by_id)


def _check_port(device: DeviceSettings, by_id: list[Path]) -> Finding:
    port = device.port or ""
    name = "serial ports"
    if "://" in port:
        return ok(name, f"{device.id}: {port} (remote, opened when the gateway runs)")
    path = Path(port)
    if not path.exists():
        seen = ", ".join(str(found) for found in by_id) or "none"
        return failed(
            name,
            f"{device.id}: {port} is not there",
            f"plug the device in, or correct port; found: {seen}",
        )
    if not os.access(path, os.R_OK | os.W_OK):
        return failed(name, f"{device.id}: {port} may not be opened", "see permissions")
    if "/by-id/" not in port and port.startswith(("/dev/ttyUSB", "/dev/ttyACM")):
        return warning(
            name,
            f"{device.id}: {port} may become another device after a re-plug",
            "use the name below /dev/serial/by-id",
        )
    return ok(name, f"{device.id}: {port}")


def check_clock() -> Iterator[Finding]:
    """See whether the time has been confirmed by synchronisation."""
    clock = GatewayClock()
    if clock.confirmed:
        yield ok("clock", f"synchronised, within {clock.now().uncertainty_ns / 1e9:.3f} s")
    else:
        yield warning(
            "clock",
            "not synchronised; records are marked and corrected once it is",
            "sudo timedatectl set-ntp true; without a network fit a battery clock (RTC)",
        )


def check_disk(settings: Settings) -> Iterator[Finding]:
    """See that there is room for the journal."""
    folder = settings.gateway.data_folder
    place = next(path for path in (folder, *folder.parents) if path.exists())
    found = disk_health(place)
    free = int(found["free_bytes"])
    text = f"{free / 2**30:.1f} GB free at {place}"
    if free < _SMALL_DISK:
        wanted = settings.journal.max_megabytes
        remedy = f"free some space, or lower journal.max_megabytes (now {wanted})"
        yield (failed if free < _SMALL_DISK / 10 else warning)("disk", text, remedy)
    else:
        yield ok("disk", text)


def check_cache() -> Iterator[Finding]:
    """See that compiled signal kernels can be kept; else each start compiles for seconds."""
    wanted, used = cache_folder(dict(os.environ)), FOLDER
    if not os.access(used, os.W_OK):
        yield warning(
            "cache",
            f"{used} cannot be written; every start compiles the kernels again",
            "set NUMBA_CACHE_DIR to a folder that can be written, such as /var/cache/teleward",
        )
    elif used != wanted and used != Path(os.environ.get("NUMBA_CACHE_DIR", "")):
        yield warning(
            "cache",
            f"{wanted} cannot be written; kernels are kept at {used} until the next restart",
            f"sudo install -d -o {pwd.getpwuid(os.getuid()).pw_name} {wanted}",
        )
    else:
        yield ok("cache", f"compiled kernels are kept at {used}")


def _blocked() -> bool:
    for switch in _SWITCHES.glob("rfkill*"):
        values = {name: _read(switch / name) for name in ("type", "soft", "hard")}
        if values["type"] == "bluetooth" and "1" in (values["soft"], values["hard"]):
            return True
    return False


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _groups() -> set[str]:
    return {grp.getgrgid(group).gr_name for group in {os.getgid(), *os.getgroups()}}
