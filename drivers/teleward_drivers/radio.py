"""The BLE radio: which one, one shared scan, one connection being made at a time.

    sessions that search --+
    sessions that search --+--> Adapter: one BleakScanner while anybody wants it --> sightings
    the scan page ---------+             paused while a connection is being made

Many adapters fail to connect while they scan, and BlueZ makes one connection at a time, so both
are serialised here (bleak's troubleshooting page; bluez "le-connection-abort-by-local").
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bleak import BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from teleward_drivers.ble_errors import translate
from teleward_drivers.errors import DeviceNotFound, LinkError, LinkUnavailable

log = logging.getLogger(__name__)

FRESH_S = 2.0
"""A sighting this young needs no new scan: devices advertise at least every 1.28 s when they want
to be found (Core specification, fast connection parameters)."""

SCAN_SILENCE_S = 90.0
"""BlueZ scans can stall without an error (bluez #1554); habluetooth restarts them after 90 s."""

WAITED_SILENCE_S = 20.0
"""While somebody waits for a device, silence may be a radio that was unplugged and is back: BlueZ
does not inform the old scan. Two turns of the slowest advertiser (10.24 s)."""

SCAN_START_S = 15.0
"""Starting or stopping a scan takes BlueZ under a second; habluetooth gives up after 15 s."""

SIGHTINGS = 1024
"""Phones around a ward change their address every 15 minutes: the table must stay bounded."""


Allow = Callable[[str], bool]
AskPasskey = Callable[[str], Awaitable[int | None]]


@dataclass(frozen=True, slots=True)
class Radio:
    """The one choice between a real and a virtual radio: keyword arguments for bleak's classes.

    ``set_pairing(allow, passkey)`` tells a radio whom to ask: ``allow(address)`` whether a device
    may pair, ``await passkey(address)`` for the digits it shows. BlueZ asks an agent on D-Bus.
    ``close()`` gives the radio up.
    """

    name: str = "bluez"
    client_kwargs: Mapping[str, Any] = field(default_factory=dict)
    scanner_kwargs: Mapping[str, Any] = field(default_factory=dict)
    set_pairing: Callable[[Allow, AskPasskey], None] | None = None
    close: Callable[[], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True)
class Sighting:
    """The last advertisement of a device; ``battery_percent`` only if advertised (180F)."""

    address: str
    name: str
    services: frozenset[str]
    rssi_dbm: int
    monotonic_ns: int
    device: BLEDevice
    manufacturers: frozenset[int] = frozenset()
    battery_percent: int | None = None


BATTERY_SERVICE = "0000180f-0000-1000-8000-00805f9b34fb"


class Adapter:
    """One radio shared by all sessions of the process."""

    def __init__(self, radio: Radio) -> None:
        self.radio = radio
        self.sightings: dict[str, Sighting] = {}
        self.error: LinkUnavailable | None = None
        self._scanner: BleakScanner | None = None
        self._wanted = 0
        self._connecting = 0
        self._received_ns = 0
        self._change = asyncio.Lock()
        self._connect = asyncio.Lock()
        self._waiting: dict[str, set[asyncio.Future[Sighting]]] = {}
        self._listeners: dict[str, Callable[[str, bytes], None]] = {}

    async def find(self, address: str, timeout_s: float) -> Sighting:
        """Return a fresh sighting of ``address``; raises DeviceNotFound or LinkUnavailable."""
        key = address.upper()
        seen = self.sightings.get(key)
        if seen and time.monotonic_ns() - seen.monotonic_ns < FRESH_S * 1e9:
            return seen
        advertisement: asyncio.Future[Sighting] = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault(key, set())
        waiting.add(advertisement)
        try:
            async with self.scanning(), asyncio.timeout(timeout_s):
                return await advertisement
        except TimeoutError:
            raise DeviceNotFound(f"{address} did not advertise in {timeout_s:.0f} s") from None
        finally:
            waiting.discard(advertisement)
            if not waiting:
                self._waiting.pop(key, None)

    def forget(self, address: str) -> None:
        """Drop what is known of ``address``, so that the next `find` waits for an advertisement."""
        self.sightings.pop(address.upper(), None)

    def listen(self, address: str, listener: Callable[[str, bytes], None]) -> None:
        """Give ``listener`` the service data of ``address``: UUID in lower case, bytes.

        Advertisements come while something is `scanning`.
        """
        self._listeners[address.upper()] = listener

    def stop_listening(self, address: str) -> None:
        """End what `listen` began; idempotent."""
        self._listeners.pop(address.upper(), None)

    @contextlib.asynccontextmanager
    async def scanning(self) -> AsyncIterator[None]:
        """Keep the shared scan on; raises LinkUnavailable when the radio cannot scan."""
        self._wanted += 1
        try:
            await self._adjust()
            yield
        finally:
            self._wanted -= 1
            with contextlib.suppress(LinkError):
                await self._adjust()

    @contextlib.asynccontextmanager
    async def connecting(self) -> AsyncIterator[None]:
        """Hold the radio for making one connection, the scan paused."""
        async with self._connect:
            self._connecting += 1
            try:
                with contextlib.suppress(LinkError):
                    await self._adjust()
                yield
            finally:
                self._connecting -= 1
                with contextlib.suppress(LinkError):
                    await self._adjust()

    async def check(self) -> None:
        """Restart a scan that has gone silent or could not be resumed; call every few seconds."""
        silent_s = (time.monotonic_ns() - self._received_ns) / 1e9
        longest_s = WAITED_SILENCE_S if self._waiting else SCAN_SILENCE_S
        if self._scanner is not None and silent_s > longest_s:
            log.warning("no advertisement for %.0f s: scan restarted", silent_s)
            async with self._change:
                await self._stop()
        with contextlib.suppress(LinkError):
            await self._adjust()

    async def close(self) -> None:
        """Stop the scan and give the radio up."""
        self._wanted = 0
        async with self._change:
            await self._stop()
        if self.radio.close is not None:
            await self.radio.close()

    async def _adjust(self) -> None:
        async with self._change:
            wanted = self._wanted > 0 and self._connecting == 0
            if wanted and self._scanner is None:
                await self._start()
            elif not wanted and self._scanner is not None:
                await self._stop()

    async def _start(self) -> None:
        scanner = BleakScanner(self._on_advertisement, **self.radio.scanner_kwargs)
        try:
            async with asyncio.timeout(SCAN_START_S):
                await scanner.start()
        except Exception as error:
            translated = translate(error, f"scan on {self.radio.name}")
            self.error = translated if isinstance(translated, LinkUnavailable) else None
            raise translated from error
        self.error = None
        self._received_ns = time.monotonic_ns()
        self._scanner = scanner

    async def _stop(self) -> None:
        scanner, self._scanner = self._scanner, None
        if scanner is None:
            return
        try:
            async with asyncio.timeout(SCAN_START_S):
                await scanner.stop()
        except Exception as error:  # an adapter that vanished has stopped scanning already
            log.debug("stopping the scan: %s", translate(error, self.radio.name))

    def _on_advertisement(self, device: BLEDevice, advertisement: AdvertisementData) -> None:
        self._received_ns = time.monotonic_ns()
        key = device.address.upper()
        known = self.sightings.pop(key, None)
        battery = advertisement.service_data.get(BATTERY_SERVICE)
        sighting = Sighting(
            address=key,
            name=advertisement.local_name or device.name or (known.name if known else ""),
            services=frozenset(advertisement.service_uuids)
            | (known.services if known else frozenset()),
            rssi_dbm=advertisement.rssi,
            monotonic_ns=self._received_ns,
            device=device,
            manufacturers=frozenset(advertisement.manufacturer_data),
            battery_percent=battery[0] if battery else None,
        )
        self.sightings[key] = sighting
        if (listener := self._listeners.get(key)) is not None:
            for service, data in advertisement.service_data.items():
                listener(service.lower(), data)
        while len(self.sightings) > SIGHTINGS:
            self.sightings.pop(next(iter(self.sightings)))
        for waiter in self._waiting.get(key, ()):
            if not waiter.done():
                waiter.set_result(sighting)
