"""The gateway's adapter on the virtual radio: a host stack that survives the loss of its hub.

    absent --hub answers--> powering --reset done--> ready --socket lost--> absent

While the adapter is absent every operation says so with bleak's "Bluetooth not available"; links
are reported lost the moment the hub goes. Bonds outlive the hub.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakError,
)
from bumble import core, hci
from bumble.device import Advertisement, Connection, Device
from bumble.keys import JsonKeyStore, KeyStore, MemoryKeyStore
from bumble.pairing import PairingConfig, PairingDelegate

from teleward_simulators.radio.conditions import address_text
from teleward_simulators.radio.h4 import H4Connection, dial

log = logging.getLogger(__name__)

RETRY_S = 0.25
"""How often an absent hub is tried: a restart is noticed soon, and a try costs next to nothing."""
POWER_ON_TIMEOUT_S = 5.0
"""A hub that accepts but does not answer a reset in this time is taken for absent."""

Passkey = Callable[[str], Awaitable[int | None]]
Allow = Callable[[str], bool | Awaitable[bool]]


class Central:
    """One adapter behind the hub at ``spec``.

    ``bonds``: JSON file that keeps bonds over restarts (``None``: memory only). ``passkey`` is
    asked for the six digits a device shows; ``allow`` says whether a device may pair.
    """

    def __init__(
        self,
        spec: str,
        address: str = "F0:00:00:00:00:01",
        bonds: Path | None = None,
    ) -> None:
        self.spec = spec
        self.address = address
        self.passkey: Passkey | None = None
        self.allow: Allow | None = None
        self.connect_lock = asyncio.Lock()
        self.device: Device | None = None
        self.listeners: set[Callable[[Advertisement], None]] = set()
        self.notified: dict[tuple[int, int], Callable[[bytearray], None]] = {}
        self._namespace = f"{address}/P"
        self.keys: KeyStore = (
            MemoryKeyStore() if bonds is None else JsonKeyStore(self._namespace, str(bonds))
        )
        self._ready = asyncio.Event()
        self._lost = asyncio.Event()
        self._socket: H4Connection | None = None
        self._task = asyncio.create_task(self._keep_up())

    async def wait_ready(self, timeout_s: float = 5.0) -> None:
        """Wait until the adapter is there; raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            await self._ready.wait()

    def adapter(self) -> Device:
        """Return the powered device or raise bleak's error for an absent adapter."""
        if self.device is None or not self._ready.is_set():
            raise BleakBluetoothNotAvailableError(
                f"the virtual radio at {self.spec} does not answer: is the simulator running?",
                BleakBluetoothNotAvailableReason.NO_BLUETOOTH,
            )
        return self.device

    async def close(self) -> None:
        """Leave the air; idempotent."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self._vanish()

    async def add_listener(self, listener: Callable[[Advertisement], None]) -> None:
        """Deliver advertisements to ``listener``; scanning starts with the first one."""
        device = self.adapter()
        self.listeners.add(listener)
        if len(self.listeners) == 1:
            await device.start_scanning(filter_duplicates=False)

    async def remove_listener(self, listener: Callable[[Advertisement], None]) -> None:
        """Stop delivering to ``listener``; scanning stops with the last one."""
        self.listeners.discard(listener)
        if not self.listeners and self.device is not None and self._ready.is_set():
            with contextlib.suppress(core.BaseBumbleError, asyncio.CancelledError):
                await self.device.stop_scanning()

    async def connect(self, address: hci.Address, timeout_s: float) -> Connection:
        """Open a link, one at a time; a cancelled attempt leaves nothing pending behind."""
        async with self.connect_lock:
            device = self.adapter()
            try:
                return await device.connect(address, timeout=timeout_s)
            except asyncio.CancelledError:
                await self._abandon(device, address)
                if not _was_cancelled():
                    raise BleakError("the adapter vanished while connecting") from None
                raise
            except core.TimeoutError:
                raise TimeoutError(f"no connection to {address_text(address)}") from None
            except core.BaseBumbleError as error:
                raise BleakError(f"connecting to {address_text(address)}: {error}") from error

    async def _abandon(self, device: Device, address: hci.Address) -> None:
        if device is not self.device or not self._ready.is_set():
            return
        with contextlib.suppress(core.BaseBumbleError, asyncio.CancelledError):
            await device.send_sync_command(hci.HCI_LE_Create_Connection_Cancel_Command())
        late = device.find_connection_by_bd_addr(address, transport=core.PhysicalTransport.LE)
        if late is not None:
            with contextlib.suppress(core.BaseBumbleError, asyncio.CancelledError):
                await late.disconnect()

    async def _keep_up(self) -> None:
        reported = ""
        while True:
            try:
                await self._power_on()
                await self._lost.wait()
            except asyncio.CancelledError:
                if _was_cancelled():
                    raise
                # the host stack cancels what waits for an answer when its socket is lost
            except (OSError, TimeoutError, core.BaseBumbleError):
                pass  # no hub, or one that is too busy
            except Exception as error:
                if reported != (reported := f"{type(error).__name__}: {error}"):
                    log.warning("virtual radio at %s: %s", self.spec, reported)
            self._vanish()
            await asyncio.sleep(RETRY_S)

    async def _power_on(self) -> None:
        self._lost.clear()
        self._socket = await dial(self.spec)
        self._socket.on_lost = self._lost.set
        source = _Source(self._socket)
        device = Device.with_hci(
            "teleward", hci.Address(self.address), source, _Sink(self._socket.send)
        )
        device.keystore = self.keys
        device.pairing_config_factory = self._pairing_config
        device.on("advertisement", self._on_advertisement)
        self._socket.on_packet = lambda packet: self._on_packet(device, packet)
        async with asyncio.timeout(POWER_ON_TIMEOUT_S):
            await device.power_on()
        self.device = device
        self._ready.set()
        if self.listeners:
            await device.start_scanning(filter_duplicates=False)

    def _vanish(self) -> None:
        self._ready.clear()
        device, self.device = self.device, None
        socket, self._socket = self._socket, None
        self.notified.clear()
        if socket is not None:
            socket.on_lost = lambda: None
            socket.close()
        if device is not None:
            connections = list(device.connections.values())
            device.host.on_transport_lost()  # type: ignore[no-untyped-call]
            for connection in connections:
                connection.remove_all_listeners()

    def _on_packet(self, device: Device, packet: bytes) -> None:
        """Hand ``packet`` to the host stack; notifications take the short way round it.

        An unfragmented ATT notification is ``02 handle+flags u16, length u16, l2cap length u16,
        channel 4 u16, 1b, attribute u16, value``.
        """
        if packet[0] == 2 and packet[9] == 0x1B and packet[7] == 4 and packet[8] == 0:
            whole = int.from_bytes(packet[5:7], "little") + 4 == len(packet) - 5
            handle = int.from_bytes(packet[1:3], "little") & 0xFFF
            callback = self.notified.get((handle, int.from_bytes(packet[10:12], "little")))
            if whole and callback is not None:
                callback(bytearray(packet[12:]))
                return
        device.host.on_packet(packet)

    def _on_advertisement(self, advertisement: Advertisement) -> None:
        for listener in list(self.listeners):
            listener(advertisement)

    async def may_pair(self, address: str) -> bool:
        """Ask `allow`, whichever kind of function it is; without one everybody may pair."""
        if self.allow is None:
            return True
        answer = self.allow(address)
        return answer if isinstance(answer, bool) else await answer

    def _pairing_config(self, connection: Connection) -> PairingConfig:
        delegate = _Delegate(self, address_text(connection.peer_address))
        return PairingConfig(
            sc=True,
            mitm=self.passkey is not None,
            bonding=True,
            delegate=delegate,
            identity_address_type=PairingConfig.AddressType.RANDOM,
        )


class _Delegate(PairingDelegate):
    """Answers a pairing: the allow-list decides, a person types the passkey."""

    def __init__(self, central: Central, address: str) -> None:
        super().__init__(
            PairingDelegate.IoCapability.NO_OUTPUT_NO_INPUT
            if central.passkey is None
            else PairingDelegate.IoCapability.KEYBOARD_INPUT_ONLY
        )
        self._central = central
        self._address = address

    async def accept(self) -> bool:
        return await self._central.may_pair(self._address)

    async def get_number(self) -> int | None:
        ask = self._central.passkey
        return None if ask is None else await ask(self._address)


class _Source:
    """What bumble wants a packet source to be."""

    def __init__(self, socket: H4Connection) -> None:
        self.terminated: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._socket = socket

    def set_packet_sink(self, sink: object) -> None:
        """Packets are delivered by the central itself."""


class _Sink:
    """What bumble wants a packet sink to be."""

    def __init__(self, on_packet: Callable[[bytes], None]) -> None:
        self.on_packet = on_packet


def _was_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
