"""Commissioning: registry, sessions, scan and pairing put together for people's hands.

page, CLI --> API --> Commissioning --> Registry (disk, in a thread)
                           |                 | change
                           |                 v
                           +--> scan     SessionManager.apply(bound devices)
"""

import asyncio
import contextlib
import logging
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from teleward_drivers.ble_errors import unavailable
from teleward_drivers.catalogue import for_advertisement
from teleward_drivers.detect import Detection, detect
from teleward_drivers.device import DriverInfo, LinkType
from teleward_drivers.errors import LinkUnavailable, Unavailable
from teleward_drivers.port_names import check_local, is_url
from teleward_drivers.ports import Port, in_use, ports
from teleward_drivers.strangers import stranger
from teleward_gateway.registry import Device, Registry, RegistryConflict, RegistryError
from teleward_gateway.sessions.manager import SessionManager
from teleward_gateway.sessions.pairing import PairingDesk
from teleward_gateway.sessions.preview import Preview, Previews
from teleward_gateway.settings.consistency import same_port
from teleward_gateway.settings.device_check import device_problems

if TYPE_CHECKING:
    from teleward_gateway.sessions.bluez_agent import BluezAgent

log = logging.getLogger(__name__)

NO_RADIO = Unavailable.UNSUPPORTED

LEASE_S = 10.0
"""A scan asked for by a page ends so long after the page last asked: pages are closed, not left."""

GONE_S = 60.0
"""A device silent for so long leaves the table; slow advertisers send every 10.24 s."""


@dataclass(frozen=True, slots=True)
class Found:
    """A device in reach: what it is, which drivers fit, and whose it is if it is ours."""

    address: str
    name: str
    services: tuple[str, ...]
    drivers: tuple[str, ...]
    rssi_dbm: int
    age_s: float
    battery_percent: int | None
    device: str | None
    note: str = ""
    """Why a known device cannot be read."""


@dataclass(frozen=True, slots=True)
class FoundPort:
    """A serial port, the drivers that its USB id suggests, and the device registered on it."""

    port: Port
    drivers: tuple[str, ...]
    device: str | None


class Commissioning:
    """Belongs to the gateway's event loop."""

    def __init__(
        self, registry: Registry, sessions: SessionManager, drivers: Mapping[str, DriverInfo]
    ) -> None:
        self.registry, self.sessions, self.drivers = registry, sessions, drivers
        self.pairing = PairingDesk(self._device_at, self._known_passkey)
        self.previews = Previews(sessions, drivers)
        self._found: dict[str, Found] = {}
        self._agent: BluezAgent | None = None
        self._lease_s = 0.0
        self._scan: asyncio.Task[None] | None = None
        self._scan_error: LinkUnavailable | None = None

    async def start(self) -> None:
        """Answer the radio's pairing questions: the virtual radio's, or BlueZ's by an agent."""
        radio = self.sessions.adapter.radio
        if radio.set_pairing is not None:
            radio.set_pairing(self.pairing.allow, self.pairing.passkey)
        elif self.sessions.has_radio and sys.platform == "linux":
            from teleward_gateway.sessions.bluez_agent import BluezAgent

            self._agent = BluezAgent(self.pairing, self.sessions.keep)
            self._agent.start()

    async def stop(self) -> None:
        """Stop scanning and previews; the sessions are stopped by their manager."""
        await self.previews.stop()
        if self._scan is not None:
            self._scan.cancel()
            await asyncio.gather(self._scan, return_exceptions=True)
        if self._agent is not None:
            await self._agent.stop()

    def found(self) -> list[Found]:
        """Return the devices in reach, strongest first, and keep scanning for a while.

        Raises LinkUnavailable when this machine cannot scan.
        """
        if not self.sessions.has_radio:
            raise LinkUnavailable("this gateway uses no Bluetooth: set radio.adapter", NO_RADIO)
        self._lease_s = time.monotonic() + LEASE_S
        if self._scan is None or self._scan.done():
            kept = self.sessions.keep("scan for a page", self._keep_scanning)
            self._scan = asyncio.create_task(kept, name="scan for a page")
        if self._scan_error is not None:
            raise self._scan_error
        now_ns = time.monotonic_ns()
        rows = []
        for seen in self.sessions.adapter.sightings.values():
            age_s = (now_ns - seen.monotonic_ns) / 1e9
            if age_s > GONE_S:
                continue
            fits = for_advertisement(seen.name, seen.services)
            rows.append(
                Found(
                    seen.address,
                    seen.name,
                    tuple(sorted(seen.services)),
                    tuple(info.name for info in fits),
                    seen.rssi_dbm,
                    age_s,
                    seen.battery_percent,
                    self._device_at(seen.address),
                    known.note if not fits and (known := stranger(seen.name)) else "",
                )
            )
        rows += self._looked_at({row.address for row in rows})
        return sorted(rows, key=lambda row: (not row.drivers, -row.rssi_dbm, row.address))

    def _looked_at(self, calling: set[str]) -> list[Found]:
        """Return the devices of previews as they were found: a connected one does not call."""
        kept = set(self.previews.addresses())
        self._found = {a: row for a, row in self._found.items() if a.upper() in kept}
        return [row for address, row in self._found.items() if address not in calling]

    async def found_ports(self) -> list[FoundPort]:
        """Return the serial ports of this machine; nothing is opened."""
        listed = await asyncio.to_thread(ports)
        taken = {d.address: d.id for d in self.registry.devices() if self._is_serial(d)}
        rows = []
        for port in listed:
            name = in_use(port.path, taken)
            fits = [i.name for i in self.drivers.values() if port.usb_id in i.usb_ids]
            rows.append(FoundPort(port, tuple(fits), taken[name] if name else None))
        return rows

    def preview(self, address: str, driver: str) -> Preview:
        """Return what an unbound device shows now; looking on keeps its preview.

        Raises RegistryConflict for one that is in use, RegistryError for what is none.
        """
        if (device := self._device_at(address)) is not None:
            raise RegistryConflict(f"{device} is a device of this ward already")
        self.checked(Device("preview", driver, address, provenance=self.registry.mode))
        looked = self.previews.look(address, driver)
        for row in self.found() if self.sessions.has_radio and address not in self._found else ():
            if row.address == address:
                self._found[address] = row
        return looked

    async def detect(self, port: str, ask: bool = False) -> Detection:
        """Listen to a port and identify its device; one that is in use is left alone.

        Raises Invalid for what is no serial port of this machine: nothing of it is opened.
        """
        await asyncio.to_thread(self._check_port, port)
        return await detect(port, self.drivers.values(), ask)

    def _check_port(self, port: str) -> None:
        """Refuse what is neither a terminal of this machine nor a port of the settings file."""
        if is_url(port) and any(known.address == port for known in self.registry.devices()):
            return
        with contextlib.suppress(OSError):  # not plugged in now
            check_local(port)

    def checked(self, device: Device) -> Device:
        """Return ``device`` when its driver, address and options fit; raises RegistryError."""
        info = self.drivers.get(device.driver)
        if info is None:
            raise RegistryError(f"no driver {device.driver!r}: see `teleward drivers list`")
        problems = [p.text for p in device_problems(info, device.address, device.options)]
        if problems:
            raise RegistryError("; ".join(problems))
        if info.link is LinkType.SERIAL:
            self._check_port(device.address)
            self._check_free(device)
        return device

    def _check_free(self, device: Device) -> None:
        """Refuse a port that another device has, under whatever name."""
        for other in self.registry.devices():
            if other.id != device.id and same_port(other.address) == same_port(device.address):
                raise RegistryConflict(f"device {other.id} is on the port {device.address} already")

    async def command(self, device: str, name: str, arguments: dict[str, Any]) -> None:
        """Carry out a driver's command; raises LookupError, ValueError or a `LinkError`."""
        self.registry.device(device)
        if self.sessions.status(device) is None:
            raise RegistryConflict(f"device {device} feeds nobody: bind it first")
        await self.sessions.command(device, name, **arguments)

    async def pair_again(self, device: str) -> None:
        """Forget the bond with a device, which then pairs; raises LookupError or a `LinkError`."""
        self.registry.device(device)
        if self.sessions.status(device) is None:
            raise RegistryConflict(f"device {device} has no session: bind it and run the gateway")
        await self.sessions.pair_again(device)

    async def _keep_scanning(self) -> None:
        try:
            async with self.sessions.adapter.scanning():
                self._scan_error = None
                while (left_s := self._lease_s - time.monotonic()) > 0:
                    await asyncio.sleep(left_s)
        except LinkUnavailable as error:
            self._scan_error = error
        except Exception:
            self._scan_error = unavailable(Unavailable.NO_ADAPTER, "scan")
            raise

    def _device_at(self, address: str) -> str | None:
        wanted = address.upper()
        return next((d.id for d in self.registry.devices() if d.address.upper() == wanted), None)

    def _known_passkey(self, device: str) -> int | None:
        passkey = self.registry.device(device).options.get("passkey")
        return passkey if isinstance(passkey, int) else None

    def _is_serial(self, device: Device) -> bool:
        info = self.drivers.get(device.driver)
        return info is not None and info.link is LinkType.SERIAL
