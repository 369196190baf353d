"""A BLE device as a `Link`: bleak with a timeout on every operation and one error tree.

Facts behind the code (BlueZ 5.66 and bleak 3.1, measured against a real bluetoothd):
services arrive unordered and may repeat a UUID, so characteristics are looked up once, by UUID;
`client.services` raises after a loss, so nothing asks it later; a blackout without a disconnect
leaves an operation waiting for ever; a read of a subscribed characteristic is also notified.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable
from typing import TypeVar

from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic

from teleward_drivers.ble_errors import translate
from teleward_drivers.errors import LinkLost, OperationRefused
from teleward_drivers.inbox import Inbox
from teleward_drivers.link import Received
from teleward_drivers.radio import Adapter, Sighting

T = TypeVar("T")

CONNECT_S = 20.0
"""Connecting takes one advertising interval (at most 10.24 s by the Core specification) and the
discovery of services (1 s at a connection interval of 30 ms, measured)."""

OPERATION_S = 10.0
"""A round trip takes 0.06 s at 30 ms intervals, 4 s at the slowest interval allowed; a read that
makes BlueZ pair took 0.8 s. ATT itself gives up after 30 s (Vol 3 Part F 3.3.3)."""

PAIR_S = 60.0
"""Pairing may wait for a person to type a passkey; SMP itself gives up after 30 s without a step
(Vol 3 Part H 3.4)."""

DISCONNECT_S = 5.0
"""BlueZ takes about 2 s to disconnect (measured)."""


class BleLink:
    """One connected peripheral; made by `connect`."""

    def __init__(self, client: BleakClient, inbox: Inbox) -> None:
        self._client = client
        self._inbox = inbox
        self._characteristics: dict[str, BleakGATTCharacteristic] = {}
        for service in client.services:
            for characteristic in service.characteristics:
                self._characteristics.setdefault(characteristic.uuid.lower(), characteristic)
        self._channels = frozenset(self._characteristics)
        self._subscribed: set[str] = set()

    @classmethod
    async def connect(
        cls, adapter: Adapter, sighting: Sighting, timeout_s: float = CONNECT_S
    ) -> "BleLink":
        """Connect to a device that just advertised; connects of one adapter never overlap."""
        inbox = Inbox()
        address = sighting.address
        client = BleakClient(
            sighting.device,
            disconnected_callback=lambda _: inbox.end(LinkLost(f"{address}: link lost")),
            timeout=timeout_s,
            **adapter.radio.client_kwargs,
        )
        async with adapter.connecting():
            try:
                async with asyncio.timeout(timeout_s):
                    await client.connect()
            except asyncio.CancelledError:
                await _disconnect(client)
                raise
            except Exception as error:
                adapter.forget(address)
                await _disconnect(client)
                raise translate(error, f"connect {address}") from error
        adapter.forget(address)
        return cls(client, inbox)

    @property
    def n_overflowed(self) -> int:
        """Notifications thrown away because nobody read."""
        return self._inbox.n_overflowed

    def channels(self) -> frozenset[str]:
        """Return the UUIDs of the device's characteristics."""
        return self._channels

    async def read(self) -> Received:
        """Wait for the next notification or answer."""
        return await self._inbox.get()

    async def subscribe(self, channel: str) -> None:
        """Turn notifications or indications of ``channel`` on."""
        characteristic = self._find(channel)
        key = characteristic.uuid.lower()

        def arrived(_: BleakGATTCharacteristic, data: bytearray) -> None:
            self._inbox.put(bytes(data), key)

        self._subscribed.add(key)
        await self._do(self._client.start_notify(characteristic, arrived), f"subscribe {channel}")

    async def request(self, channel: str) -> None:
        """Read ``channel`` once."""
        characteristic = self._find(channel)
        key = characteristic.uuid.lower()
        asked_ns = time.monotonic_ns()
        data = bytes(await self._do(self._client.read_gatt_char(characteristic), f"read {channel}"))
        echo = self._inbox.last(key) if key in self._subscribed else None
        if echo and echo.monotonic_ns >= asked_ns and echo.data == data:
            return
        self._inbox.put(data, key)

    async def write(self, data: bytes, channel: str = "", response: bool = True) -> None:
        """Write ``data`` to ``channel``, split when it is longer than a write may be."""
        characteristic = self._find(channel)
        what = f"write {channel}"
        if response:
            await self._do(self._client.write_gatt_char(characteristic, data, True), what)
            return
        size = max(20, characteristic.max_write_without_response_size)
        for first in range(0, len(data), size):
            piece = data[first : first + size]
            await self._do(self._client.write_gatt_char(characteristic, piece, False), what)

    async def pair(self) -> None:
        """Pair and bond; the agent of the gateway answers the questions."""
        await self._do(self._client.pair(), "pair", PAIR_S)

    async def close(self) -> None:
        """Disconnect."""
        self._inbox.end(LinkLost("closed"))
        await _disconnect(self._client)

    def _find(self, channel: str) -> BleakGATTCharacteristic:
        try:
            return self._characteristics[channel.lower()]
        except KeyError:
            raise OperationRefused(f"the device has no characteristic {channel}") from None

    async def _do(self, operation: Awaitable[T], what: str, timeout_s: float = OPERATION_S) -> T:
        """Run one operation; after a loss every operation raises the loss."""
        try:
            async with asyncio.timeout(timeout_s):
                return await operation
        except Exception as error:
            if (ended := self._inbox.ended) is not None:
                raise ended from error
            raise translate(error, f"{self._client.address}: {what}") from error


async def forget_bond(adapter: Adapter, sighting: Sighting) -> None:
    """Throw away this machine's keys of a device that is not connected."""
    client = BleakClient(sighting.device, **adapter.radio.client_kwargs)
    adapter.forget(sighting.address)
    try:
        async with asyncio.timeout(OPERATION_S):
            await client.unpair()
    except Exception as error:
        raise translate(error, f"{sighting.address}: forget the bond") from error


async def _disconnect(client: BleakClient) -> None:
    with contextlib.suppress(Exception):
        async with asyncio.timeout(DISCONNECT_S):
            await client.disconnect()
