"""How a session comes to its link: wait until the device is there, then connect to it."""

import asyncio
import os
from pathlib import Path
from typing import Protocol

from teleward_drivers.ble_link import BleLink, forget_bond
from teleward_drivers.broadcast_link import BroadcastLink
from teleward_drivers.device import SerialSettings
from teleward_drivers.errors import DeviceNotFound, LinkUnavailable
from teleward_drivers.link import Link
from teleward_drivers.mllp_link import MllpLink
from teleward_drivers.radio import Adapter, Sighting
from teleward_drivers.serial_link import SerialLink

SEARCH_S = 30.0
"""How long a search lasts before the page shows "not in reach"; with half of all advertisements
lost, finding took up to 7 s (measured on the virtual radio at 100 ms intervals)."""

PORT_POLL_S = 1.0
"""How often a missing port is looked for; a re-plugged adapter takes the kernel about a second."""


class Opener(Protocol):
    """The way to one device."""

    async def search(self) -> None:
        """Return when the device is there; raises DeviceNotFound or LinkUnavailable."""
        ...

    async def connect(self) -> Link:
        """Connect to the device that `search` found."""
        ...

    @property
    def bonded(self) -> bool:
        """Return whether this machine holds keys of the device, as far as it is known."""
        ...

    async def forget_bond(self) -> None:
        """Throw the keys away; the next connect pairs."""
        ...


class Wired:
    """The half of an opener that a device without bonds needs."""

    @property
    def bonded(self) -> bool:
        """Return False: there are no keys on a wire."""
        return False

    async def forget_bond(self) -> None:
        """Do nothing."""


class BleOpener:
    """Waits for the device's advertisement before each connect: connecting by address rescans."""

    def __init__(self, adapter: Adapter, address: str) -> None:
        self._adapter, self._address = adapter, address
        self._sighting: Sighting | None = None

    async def search(self) -> None:
        """Wait for an advertisement."""
        self._sighting = await self._adapter.find(self._address, SEARCH_S)

    async def connect(self) -> Link:
        """Connect, one device at a time on this adapter."""
        assert self._sighting is not None
        return await BleLink.connect(self._adapter, self._sighting)

    @property
    def bonded(self) -> bool:
        """Return whether BlueZ holds a bond; ``None`` for other radios."""
        details = self._sighting.device.details if self._sighting else None
        properties = details.get("props", {}) if isinstance(details, dict) else {}
        return bool(properties.get("Bonded", properties.get("Paired", False)))

    async def forget_bond(self) -> None:
        """Throw the keys away on this side."""
        await self.search()
        assert self._sighting is not None
        await forget_bond(self._adapter, self._sighting)


class BroadcastOpener(Wired):
    """Listens to a device that is read from its advertisements; there is nothing to search for."""

    def __init__(self, adapter: Adapter, address: str) -> None:
        self._adapter, self._address = adapter, address

    async def search(self) -> None:
        """Return at once: a scale advertises only while somebody stands on it."""

    async def connect(self) -> Link:
        """Begin to listen."""
        return await BroadcastLink.open(self._adapter, self._address)


class SerialOpener(Wired):
    """Waits for the port to exist: a by-id path comes back when the adapter is plugged in again."""

    def __init__(self, port: str, settings: SerialSettings) -> None:
        self._port, self._settings = port, settings

    async def search(self) -> None:
        """Wait for the path; a network port is there as far as anyone can know."""
        if "://" in self._port or os.name != "posix":
            return
        waited_s = 0.0
        while not Path(self._port).exists():  # noqa: ASYNC240 (a look into /dev does not block)
            if waited_s >= SEARCH_S:
                raise DeviceNotFound(f"{self._port} is not plugged in")
            await asyncio.sleep(PORT_POLL_S)
            waited_s += PORT_POLL_S

    async def connect(self) -> Link:
        """Open the port for this process alone, or listen for a monitor that connects to it."""
        if self._port.startswith(("mllp://", "mllps://")):
            return await MllpLink.open(self._port)
        return await SerialLink.open(self._port, self._settings)


class RefusedOpener(Wired):
    """Stands in for a device that cannot be opened as it is registered."""

    def __init__(self, error: LinkUnavailable) -> None:
        self._error = error

    async def search(self) -> None:
        """Raise why."""
        raise self._error

    async def connect(self) -> Link:
        """Raise why."""
        raise self._error
