"""The hub: one air shared by processes. Every socket that connects gets a radio of its own.

    simulated device --HCI--> hub (unix socket or tcp on loopback) <--HCI-- gateway's bleak backend

When a process dies its socket closes, and its peers see the link time out.
"""

import asyncio
import itertools

from bumble.transport import open_transport
from bumble.transport.common import Transport

from teleward_simulators.radio.air import Air
from teleward_simulators.radio.controller import AirController
from teleward_simulators.radio.h4 import H4Connection, listen, parse_address, remove_socket


class Hub:
    """Serves one `Air` at an address."""

    def __init__(self, air: Air | None = None) -> None:
        self.air = air or Air()
        self.spec = ""
        self._ports: dict[H4Connection, AirController] = {}
        self._numbers = itertools.count(1)
        self._server: asyncio.Server | None = None
        self._kernel: Transport | None = None

    async def start(self, spec: str) -> str:
        """Listen at ``spec`` and return the address, with the real port when it was 0."""
        self._server, self.spec = await listen(spec, self._accept)
        return self.spec

    async def offer_to_kernel(self, address: str = "00:AA:01:00:00:42") -> None:
        """Plug the air into this machine's Bluetooth stack through ``/dev/vhci``, as ``hci0``."""
        self._kernel = await open_transport("vhci")
        controller = AirController("kernel", self.air, address, self._kernel.sink.on_packet)
        self._kernel.source.set_packet_sink(controller)

    @property
    def ports(self) -> int:
        """How many radios are plugged in through the socket."""
        return len(self._ports)

    def _accept(self) -> H4Connection:
        number = next(self._numbers)
        connection = H4Connection()
        controller = AirController(
            f"port{number}",
            self.air,
            f"00:00:5E:00:{number >> 8 & 255:02X}:{number & 255:02X}",
            connection.send,
        )
        self._ports[connection] = controller
        connection.on_packet = controller.on_packet
        connection.on_lost = lambda: self._unplug(connection)
        return connection

    def _unplug(self, connection: H4Connection) -> None:
        controller = self._ports.pop(connection, None)
        if controller is not None:
            controller.shut_down()

    async def stop(self) -> None:
        """Close every port and the socket; idempotent."""
        for connection in list(self._ports):
            self._unplug(connection)
            connection.close()
        if self._kernel is not None:
            await self._kernel.close()
            self._kernel = None
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None
            kind, place, _ = parse_address(self.spec)
            if kind == "unix":
                remove_socket(place)
